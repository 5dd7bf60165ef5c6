package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/crosswalk-data/crosswalk"
)

type jobShowCmd struct {
	Job string `arg:"" help:"Name or id of the job."`
	remote
}

func (cmd *jobShowCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	job, err := findJob(ctx, c, cmd.Job)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printJSON(job)
	}
	a.showJob(job)
	return nil
}

func (a *app) showJob(j crosswalk.Job) {
	a.facts(
		"Name", j.Name,
		"Id", j.ID,
		"Connection", j.ConnectionName,
		"Source", j.Entity,
		"Destination", j.Object,
		"Operation", string(j.Operation),
		"Load mode", string(j.LoadMode),
		"Changes", changes(j.Position),
		"Deletes", deletes(j.Deletes),
		"Fails", rejectLimit(j.RejectLimit),
		"Time zone", j.Mapping.TimeZone,
		"Filter", j.Filter.Expression,
	)
	a.note("")
	a.printTable(mappingTable(j.Mapping.Fields))
	if len(j.Mapping.Derived) > 0 {
		a.note("")
		a.printTable(derivedTable(j.Mapping.Derived))
	}
	if p := j.Mapping.Person; p != nil {
		a.note("")
		a.note("Person, found by %s", p.Match)
		a.printTable(mappingTable(p.Fields))
	}
	if len(j.Filter.Conditions) > 0 {
		a.note("")
		a.printTable(filterTable(j.Filter.Conditions))
	}
}

// deletes says what becomes of rows whose records are gone.
func deletes(d crosswalk.Deletes) string {
	if !d.On() {
		return string(d.Policy)
	}
	text := string(d.Policy)
	if d.Policy == crosswalk.DeleteDeactivate {
		text += " by " + d.Field
	}
	if d.Percent() == 100 {
		return text + "; held before it is all rows"
	}
	return fmt.Sprintf("%s; held above %d %% of the rows", text, d.Percent())
}

// rejectLimit says how many rejects make a run fail, "" for none.
func rejectLimit(l crosswalk.RejectLimit) string {
	var above []string
	if l.Count > 0 {
		above = append(above, plural(l.Count, "reject"))
	}
	if l.Percent > 0 {
		above = append(above, fmt.Sprintf("%d %% of the records", l.Percent))
	}
	if len(above) == 0 {
		return ""
	}
	return "above " + strings.Join(above, " or ")
}

// changes says how the next run finds what has changed, and since when.
func changes(p *crosswalk.Position) string {
	if p == nil {
		return ""
	}
	text := map[crosswalk.Way]string{
		crosswalk.WayTracked: "by change tracking", crosswalk.WayModified: "by the time of the last change", crosswalk.WayEverything: "every record is read",
	}[p.Way]
	text += ", since " + moment(&p.At)
	if p.ExpiresAt != nil {
		text += "; remembered until " + moment(p.ExpiresAt)
	}
	if p.Why != "" {
		text += ". " + p.Why
	}
	return text
}

// mappingTable shows how fields are filled.
func mappingTable(rows []crosswalk.FieldMapping) *table {
	t := &table{head: []string{"Source", "Field", "Options"}}
	for _, f := range rows {
		source := strings.Join(append([]string{f.Source}, f.Fallback...), ", else ")
		switch {
		case f.Formula != "":
			source = "= " + f.Formula
		case f.Constant != "":
			source = "“" + f.Constant + "”"
		}
		var options []string
		for _, o := range []struct {
			on   bool
			name string
		}{
			{f.Identifier, "identifier"},
			{f.Label, "label"},
			{f.Table, "table"},
			{f.Negate, "negated"},
			{f.Default != "", "default " + f.Default},
			{f.OnNull == crosswalk.NullKeep, "keep when empty"},
			{f.OnTooLong == crosswalk.LengthTruncate, "truncate"},
			{f.OnUnknown == crosswalk.OptionReject, "reject unknown options"},
			{f.OnUnknown == crosswalk.OptionNull, "drop unknown options"},
		} {
			if o.on {
				options = append(options, o.name)
			}
		}
		t.add(source, f.Target, strings.Join(options, ", "))
	}
	return t
}

// derivedTable shows how rows are found for lookup fields.
func derivedTable(rows []crosswalk.DerivedMapping) *table {
	t := &table{head: []string{"Lookup", "Row with", "Options"}}
	for _, d := range rows {
		var pairs, options []string
		for _, m := range d.Match {
			value := strings.Join(append([]string{m.Source}, m.Fallback...), ", else ")
			if m.Constant != "" {
				value = "“" + m.Constant + "”"
			}
			if m.Label {
				value = "label of " + value
			}
			pairs = append(pairs, m.Field+" = "+value)
		}
		if d.OnNone == crosswalk.NoneReject {
			options = append(options, "reject when there is none")
		}
		if d.OnSeveral == crosswalk.SeveralReject {
			options = append(options, "reject when there are several")
		}
		t.add(d.Target, strings.Join(pairs, " and "), strings.Join(options, ", "))
	}
	return t
}

// filterTable shows which records are read. The numbers are those of the
// filter's expression.
func filterTable(rows []crosswalk.Condition) *table {
	t := &table{head: []string{"Condition", "Attribute", "Comparison", "Values"}}
	for i, c := range rows {
		t.add(fmt.Sprint(i+1), c.Attribute, strings.ReplaceAll(string(c.Operator), "_", " "), strings.Join(c.Values, ", "))
	}
	return t
}
