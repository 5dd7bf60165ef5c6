package sandbox

import (
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// apply answers for $apply: filters, then one aggregate or groupby.
func (c *call) apply(t *table, within predicate) error {
	q := c.query
	for name, given := range map[string]bool{"$select": q.Select != nil, "$expand": q.Expand != nil, "$top": q.Top >= 0, "$count": q.Count} {
		if given {
			return badRequest("The query parameter '%s' is not supported together with $apply.", name)
		}
	}
	if q.OrderBy != nil {
		return noProperty(q.OrderBy[0].Path.String(), t.name)
	}
	steps, err := odata.ParseApply(q.Apply, q.Aliases)
	if err != nil {
		return badRequest("%s", err)
	}
	s, err := c.scanFor(t, q, within)
	if err != nil {
		return err
	}
	a := &aggregation{}
	var names []string
	for i, step := range steps {
		switch step := step.(type) {
		case *odata.FilterBy:
			keep, err := c.compiler().filter(t, step.Condition)
			if err != nil {
				return err
			}
			s.keep = both(s.keep, keep)
			if s.order == nil {
				s.from, s.to = t.keyRange(step.Condition, s.from, s.to)
			}
			continue
		case *odata.Aggregate:
			err = a.aggregate(t, step)
		case *odata.GroupBy:
			if err = a.groupBy(t, step); err == nil && step.Then != nil {
				err = a.aggregate(t, step.Then)
			}
		}
		if err != nil {
			return err
		}
		if i != len(steps)-1 {
			return badRequest("Only filter can stand before another transformation in $apply.")
		}
	}
	if a.by == nil && a.of == nil {
		return badRequest("$apply needs an aggregate or a groupby transformation.")
	}
	for _, g := range a.by {
		names = append(names, g.name)
	}
	for _, g := range a.of {
		names = append(names, g.name)
	}
	groups, err := a.run(s.all())
	if err != nil {
		return err
	}
	if len(groups) > maxPage {
		groups = groups[:maxPage]
	}
	return c.groups(t, t.set+"("+strings.Join(names, ",")+")", a, groups, false)
}

// groups answers with the rows that an aggregation made, with or without
// nulls.
func (c *call) groups(t *table, context string, a *aggregation, groups []*group, noNulls bool) error {
	out := c.begin()
	out.buf = append(out.buf, `{"@odata.context":`...)
	out.buf = appendString(out.buf, c.root+"/$metadata#"+context)
	out.buf = append(out.buf, `,"value":[`...)
	formatted := c.prefer.annotates("OData.Community.Display.V1.FormattedValue")
	var v value
	for i, g := range groups {
		if i > 0 {
			out.buf = append(out.buf, ',')
		}
		start := len(out.buf)
		for k, by := range a.by {
			if noNulls && g.by[k].kind == kindNull {
				continue
			}
			if formatted && g.by[k].kind != kindNull && by.attribute != nil && by.attribute.hasFormatted() {
				if text, ok := t.appendFormatted(nil, by.attribute, g.row, &g.by[k]); ok {
					out.buf = append(out.buf, memberName(by.name+"@OData.Community.Display.V1.FormattedValue")...)
					out.buf = appendString(out.buf, text)
				}
			}
			out.buf = append(out.buf, memberName(by.name)...)
			out.buf = g.by[k].append(out.buf)
		}
		for k := range a.of {
			a.of[k].result(&g.of[k], &v)
			if noNulls && v.kind == kindNull {
				continue
			}
			out.buf = append(out.buf, memberName(a.of[k].name)...)
			out.buf = v.append(out.buf)
		}
		if start == len(out.buf) {
			out.buf = append(out.buf, ' ')
		}
		out.buf[start] = '{'
		out.buf = append(out.buf, '}')
		out.flush()
	}
	out.buf = append(out.buf, "]}"...)
	return out.close()
}

func (a *aggregation) groupBy(t *table, step *odata.GroupBy) error {
	for _, path := range step.By {
		p, err := t.property(path)
		if err != nil {
			return err
		}
		if edmType(p.attribute) == "Edm.DateTimeOffset" {
			return &fault{400, codeInvalidArgument, "Grouping by the date and time attribute " + p.attribute.name + " needs a date grouping, which $apply does not have."}
		}
		// Related columns stand side by side with those of the row.
		a.by = append(a.by, groupColumn{strings.Join(path, "_"), p.attribute, p.read})
	}
	return nil
}

func (a *aggregation) aggregate(t *table, step *odata.Aggregate) error {
	methods := map[string]string{"sum": "sum", "average": "avg", "min": "min", "max": "max", "countdistinct": "countcolumn"}
	for _, item := range step.Of {
		if item.Path == nil {
			a.of = append(a.of, aggregateColumn{name: item.Alias, method: "count"})
			continue
		}
		p, err := t.property(item.Path)
		if err != nil {
			return err
		}
		col := aggregateColumn{name: item.Alias, method: methods[item.Method], distinct: item.Method == "countdistinct", attribute: p.attribute, read: p.read}
		if err := col.check(); err != nil {
			return err
		}
		a.of = append(a.of, col)
	}
	return nil
}
