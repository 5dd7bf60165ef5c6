package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
)

// objectCmd is the group of the commands about objects.
type objectCmd struct {
	List objectListCmd `cmd:"" help:"List objects with the number of their rows."`
	Rows objectRowsCmd `cmd:"" help:"Print rows of an object."`
	objectChanges
}

type objectListCmd struct{ remote }

func (cmd *objectListCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	objects, err := c.Objects(ctx)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printList(objects, int64(len(objects)))
	}
	t := &table{head: []string{"Object", "Kind", ">Fields", ">Rows"}}
	for _, o := range objects {
		kind := "custom"
		if o.Standard {
			kind = "standard"
		}
		t.add(o.Name, kind, len(o.Fields), o.Rows)
	}
	a.printTable(t)
	return nil
}

// goneAt is what a row has beside its fields when its record is gone.
const goneAt = "gone_at"

type objectRowsCmd struct {
	Object string   `arg:"" help:"API name of the object, for example Company."`
	Fields []string `short:"f" placeholder:"NAME,…" help:"Fields to print; by default the first six that are not Crosswalk's own."`
	Search string   `short:"q" placeholder:"TEXT" help:"Only rows with a text that holds this."`
	Where  []string `sep:"none" placeholder:"CONDITION" help:"Only rows for which this holds, for example 'ARR ge 1000'. May be repeated."`
	Sort   string   `placeholder:"FIELD" help:"Field to sort by."`
	Desc   bool     `help:"Sort from the largest to the smallest."`
	Gone   *bool    `negatable:"" help:"Only rows whose records are gone, with when they went; --no-gone for only the others."`
	Limit  atMost   `default:"20" help:"At most this many."`
	remote
}

func (*objectRowsCmd) Help() string {
	return `Examples:

  crosswalk object rows Company --sort Annual_Revenue --desc -f Name,Annual_Revenue
  crosswalk object rows User -q ada --json
  crosswalk object rows Company --gone`
}

func (cmd *objectRowsCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	object, err := c.FindObject(ctx, cmd.Object)
	if err != nil {
		return err
	}
	fields, err := cmd.fields(object)
	if err != nil {
		return err
	}
	page, err := take(cmd.Limit, func(p client.Paging) (client.Page[client.Row], error) {
		return c.ListRows(ctx, object.Name, client.RowFilter{Search: cmd.Search, Where: cmd.Where, Sort: cmd.Sort, Desc: cmd.Desc, Gone: cmd.Gone, Paging: p})
	})
	if err != nil {
		return err
	}
	if cmd.JSON {
		if len(cmd.Fields) > 0 {
			for _, row := range page.Items {
				for name := range row {
					if name != goneAt && !slices.Contains(fields, name) {
						delete(row, name)
					}
				}
			}
		}
		return a.printList(page.Items, page.Total)
	}
	t := &table{limit: 40}
	for _, name := range fields {
		head := name
		switch object.Field(name).Type {
		case crosswalk.FieldNumber, crosswalk.FieldCurrency, crosswalk.FieldPercentage:
			head = ">" + name
		}
		t.head = append(t.head, head)
	}
	if cmd.Gone != nil && *cmd.Gone {
		t.head = append(t.head, "Gone since")
		fields = append(fields, goneAt)
	}
	for _, row := range page.Items {
		cells := make([]any, len(fields))
		for i, name := range fields {
			cells[i] = ""
			if v := row[name]; v != nil {
				cells[i] = fmt.Sprint(v)
			}
		}
		t.add(cells...)
	}
	a.printTable(t)
	a.noteMore(len(page.Items), page.Total)
	return nil
}

// fields returns the API names of the fields to print.
func (cmd *objectRowsCmd) fields(o crosswalk.Object) ([]string, error) {
	var names []string
	for _, name := range cmd.Fields {
		i := slices.IndexFunc(o.Fields, func(f crosswalk.Field) bool { return strings.EqualFold(f.Name, name) })
		if i < 0 {
			return nil, crosswalk.Errorf(crosswalk.CodeInvalid, "%s has no field %q.", o.Name, name).
				WithHint("\"crosswalk object rows %s --json --limit 1\" shows all fields.", o.Name)
		}
		names = append(names, o.Fields[i].Name)
	}
	if len(names) > 0 {
		return names, nil
	}
	for _, f := range o.Fields {
		if !f.System && len(names) < 6 {
			names = append(names, f.Name)
		}
	}
	return names, nil
}
