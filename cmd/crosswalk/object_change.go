package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
)

// objectChanges are the commands that show and change definitions.
type objectChanges struct {
	Show   objectShowCmd   `cmd:"" help:"Show an object with its fields."`
	Create objectCreateCmd `cmd:"" help:"Make a custom object from a file."`
	Plan   objectPlanCmd   `cmd:"" help:"Say what a changed definition would do."`
	Change objectChangeCmd `cmd:"" help:"Change an object to what a file says."`
	Delete objectDeleteCmd `cmd:"" help:"Delete a custom object and its rows."`
	Export objectExportCmd `cmd:"" help:"Write the rows of an object as CSV."`
}

type objectShowCmd struct {
	Object string `arg:"" help:"API name of the object."`
	remote
}

func (cmd *objectShowCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	o, err := c.FindObject(ctx, cmd.Object)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printJSON(o)
	}
	a.showObject(o)
	return nil
}

func (a *app) showObject(o crosswalk.Object) {
	kind := "custom"
	if o.Standard {
		kind = "standard"
	}
	a.facts("Name", o.Name, "Display name", o.DisplayName, "Kind", kind, "Rows", number(o.Rows), "Table", o.Table())
	a.note("")
	t := &table{head: []string{"Field", "Display name", "Type", "Notes"}, limit: 60}
	for _, f := range o.Fields {
		var notes []string
		for _, n := range []struct {
			on   bool
			text string
		}{
			{f.System, "system"},
			{f.Required, "required"},
			{f.Unique, "unique"},
			{f.MaxLength > 0, fmt.Sprintf("at most %d characters", f.MaxLength)},
			{f.Decimals > 0, fmt.Sprintf("%d decimals", f.Decimals)},
			{f.Lookup != "", "to " + f.Lookup},
			{f.Default != "", "default " + f.Default},
			{len(f.Options) > 0, strings.Join(f.Options, "; ")},
		} {
			if n.on {
				notes = append(notes, n.text)
			}
		}
		t.add(f.Name, f.DisplayName, string(f.Type), strings.Join(notes, ", "))
	}
	a.printTable(t)
}

// definition reads a definition from a file. Members that a shown object has
// and a definition has not are left out; any other is refused, since a
// mistyped one would be lost silently.
func (a *app) definition(file string) (crosswalk.ObjectDefinition, error) {
	text, err := a.readFile(file)
	if err != nil {
		return crosswalk.ObjectDefinition{}, err
	}
	var in struct {
		crosswalk.ObjectDefinition
		Standard any `json:"standard"`
		Rows     any `json:"rows"`
		Warnings any `json:"warnings"`
	}
	if err := decode(text, &in); err != nil {
		return in.ObjectDefinition, crosswalk.Errorf(crosswalk.CodeInvalid, "The file does not hold an object: %s.", err).
			WithHint("\"crosswalk object show NAME --json\" shows how an object is written.")
	}
	if in.Fields == nil {
		in.Fields = []crosswalk.FieldDefinition{}
	}
	return in.ObjectDefinition, nil
}

type objectCreateCmd struct {
	File string `required:"" placeholder:"FILE" help:"JSON file with the object, - for standard input."`
	remote
}

func (*objectCreateCmd) Help() string {
	return `The file holds the display name and the fields. API names are made from the display names and end in __gc.

  {"display_name": "Opportunity", "fields": [
    {"display_name": "Name", "type": "String", "max_length": 250, "required": true},
    {"display_name": "Amount", "type": "Currency", "decimals": 2},
    {"display_name": "Company", "type": "Lookup", "lookup": "Company"}]}`
}

func (cmd *objectCreateCmd) Run(ctx context.Context, a *app) error {
	d, err := a.definition(cmd.File)
	if err != nil {
		return err
	}
	c, err := cmd.client()
	if err != nil {
		return err
	}
	o, err := c.InsertObject(ctx, d)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printJSON(o)
	}
	a.showObject(o.Object)
	for _, w := range o.Warnings {
		a.note("%s", w)
	}
	return nil
}

// objectFile is an object and the file that says what it is to become.
type objectFile struct {
	Object string `arg:"" help:"API name of the object."`
	File   string `required:"" placeholder:"FILE" help:"JSON file with the whole definition, - for standard input."`
	remote
}

// plan reads the file and has the server plan the change.
func (f *objectFile) plan(ctx context.Context, a *app) (c *client.Client, d crosswalk.ObjectDefinition, plan crosswalk.ObjectPlan, err error) {
	if d, err = a.definition(f.File); err != nil {
		return c, d, plan, err
	}
	if c, err = f.client(); err != nil {
		return c, d, plan, err
	}
	plan, err = c.PlanObject(ctx, f.Object, d)
	return c, d, plan, err
}

type objectPlanCmd struct{ objectFile }

func (*objectPlanCmd) Help() string {
	return `What the file leaves out goes away. A field with "renamed_from" keeps the values it had under that name.

  crosswalk object show Opportunity__gc --json > opportunity.json
  crosswalk object plan Opportunity__gc --file opportunity.json
  crosswalk object change Opportunity__gc --file opportunity.json`
}

func (cmd *objectPlanCmd) Run(ctx context.Context, a *app) error {
	_, _, plan, err := cmd.plan(ctx, a)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printJSON(plan)
	}
	a.showPlan(plan)
	return nil
}

func (a *app) showPlan(p crosswalk.ObjectPlan) {
	if len(p.Steps) == 0 {
		a.note("Nothing would change.")
	}
	for _, s := range p.Steps {
		style := plain
		switch s.Effect {
		case crosswalk.EffectLossy:
			style = amber
		case crosswalk.EffectRefused:
			style = red
		}
		fmt.Fprintf(a.stdout, "%s  %s\n", paint(a.color, style, fmt.Sprintf("%-7s", s.Effect)), clean(s.Detail))
		if s.Reason != "" {
			fmt.Fprintf(a.stdout, "         %s\n", clean(s.Reason))
		}
		if len(s.Examples) > 0 {
			fmt.Fprintf(a.stdout, "         For example: %s\n", clean(strings.Join(s.Examples, " | ")))
		}
		if s.Rows > 0 {
			fmt.Fprintf(a.stdout, "         Rows: %s\n", number(s.Rows))
		}
		for _, j := range s.Jobs {
			use := "Filled by"
			if j.Match {
				use = "Rows are found by it in"
			}
			fmt.Fprintf(a.stdout, "         %s the job %s\n", use, clean(j.Name))
		}
	}
	for _, w := range p.Warnings {
		a.note("%s", w)
	}
}

type objectChangeCmd struct {
	objectFile
	Lossy bool   `help:"Also apply steps that take values away."`
	Plan  string `placeholder:"HASH" help:"Only apply the plan of this hash, as \"object plan --json\" printed it."`
}

func (*objectChangeCmd) Help() string {
	return `Plans the change and applies it, all of it or nothing. Steps that take values away, such as removing a
field, need --lossy.`
}

func (cmd *objectChangeCmd) Run(ctx context.Context, a *app) error {
	c, d, plan, err := cmd.plan(ctx, a)
	if err != nil {
		return err
	}
	if plan.Lossy && !cmd.Lossy && plan.Allowed {
		a.showPlan(plan)
		return crosswalk.Errorf(crosswalk.CodeConflict, "The change takes values away.").WithHint("Add --lossy if that is what you want.")
	}
	hash := plan.Hash
	if cmd.Plan != "" {
		hash = cmd.Plan
	}
	o, err := c.ChangeObject(ctx, cmd.Object, d, hash)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printJSON(o)
	}
	a.showPlan(plan)
	return nil
}

type objectDeleteCmd struct {
	Object string `arg:"" help:"API name of the object."`
	Rows   int64  `help:"Number of rows that you know go with it."`
	remote
}

func (cmd *objectDeleteCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	if err := c.DeleteObject(ctx, cmd.Object, cmd.Rows); err != nil {
		return err
	}
	if cmd.JSON {
		return a.printJSON(map[string]any{"deleted": cmd.Object})
	}
	a.note("Deleted %s.", cmd.Object)
	return nil
}

type objectExportCmd struct {
	Object string   `arg:"" help:"API name of the object."`
	Output string   `short:"o" placeholder:"FILE" help:"File to write instead of standard output."`
	Fields []string `short:"f" placeholder:"NAME,…" help:"Fields to write; all by default."`
	Search string   `short:"q" placeholder:"TEXT" help:"Only rows with a text that holds this."`
	Where  []string `sep:"none" placeholder:"CONDITION" help:"Only rows for which this holds, for example 'ARR ge 1000'. May be repeated."`
	Sort   string   `placeholder:"FIELD" help:"Field to sort by."`
	Desc   bool     `help:"Sort from the largest to the smallest."`
	Gone   *bool    `negatable:"" help:"Only rows whose records are gone, with when they went; --no-gone for only the others."`
	remote
}

func (cmd *objectExportCmd) Run(ctx context.Context, a *app) (err error) {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	body, err := c.ExportRows(ctx, cmd.Object, client.RowFilter{Search: cmd.Search, Where: cmd.Where, Sort: cmd.Sort, Desc: cmd.Desc, Gone: cmd.Gone}, cmd.Fields)
	if err != nil {
		return err
	}
	defer body.Close()
	out := a.stdout
	if cmd.Output != "" {
		f, err := os.Create(cmd.Output)
		if err != nil {
			return crosswalk.Errorf(crosswalk.CodeInvalid, "The file %s cannot be written: %v.", cmd.Output, err).
				WithHint("Name a file that you may write, in a folder that is there.")
		}
		defer func() {
			if e := f.Close(); err == nil {
				err = e
			}
		}()
		out = f
	}
	if _, err := io.Copy(out, body); err != nil {
		return crosswalk.Errorf(crosswalk.CodeUnavailable, "The rows ended early: %v.", err).WithHint("What was written is not complete. Try again.")
	}
	return nil
}
