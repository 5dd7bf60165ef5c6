package table

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// maxExamples is how many values a step shows.
const maxExamples = 5

// Change is what an object is and what it shall become, as Object.Redefine
// returns it.
type Change struct {
	Old, Next crosswalk.Object
	Renamed   map[string]string // old API names by new ones
}

// pair is a field before and after a change.
type pair struct{ old, next *crosswalk.Field }

// fields returns the fields that stay, that come and that go.
func (c *Change) fields() (stay []pair, come, gone []*crosswalk.Field) {
	taken := map[string]bool{}
	past := slices.Collect(maps.Values(c.Renamed))
	for i := range c.Next.Fields {
		n := &c.Next.Fields[i]
		was := n.Name
		if r, ok := c.Renamed[n.Name]; ok {
			was = r
		} else if slices.Contains(past, n.Name) { // a new field by a name that another had
			come = append(come, n)
			continue
		}
		if o := c.Old.Field(was); o != nil {
			stay, taken[was] = append(stay, pair{o, n}), true
		} else {
			come = append(come, n)
		}
	}
	for i := range c.Old.Fields {
		if !taken[c.Old.Fields[i].Name] {
			gone = append(gone, &c.Old.Fields[i])
		}
	}
	return stay, come, gone
}

// changePlan finds the steps of a change.
type changePlan struct {
	*Change
	q       database.Querier
	d       database.Dialect
	rows    int64
	steps   []crosswalk.ObjectStep
	current string // field the next steps are about
}

// PlanChange returns the steps of a change with what each does to the rows
// there are. The old object's table must exist. Jobs are not looked at.
func PlanChange(ctx context.Context, q database.Querier, d database.Dialect, c Change) ([]crosswalk.ObjectStep, error) {
	p := changePlan{Change: &c, q: q, d: d}
	if err := q.QueryRow(ctx, "SELECT count(*) FROM "+quote(c.Old.Table())).Scan(&p.rows); err != nil {
		return nil, fmt.Errorf("table: count %s: %w", c.Old.Table(), err)
	}
	if c.Old.DisplayName != c.Next.DisplayName {
		p.add(crosswalk.StepDisplay, "Call %s %s.", c.Old.DisplayName, c.Next.DisplayName)
	}
	stay, come, gone := c.fields()
	for _, f := range gone {
		if err := p.drop(ctx, f); err != nil {
			return nil, err
		}
	}
	for _, f := range stay {
		if err := p.alter(ctx, f); err != nil {
			return nil, err
		}
	}
	for _, f := range come {
		p.addField(f)
	}
	p.current = ""
	p.order(stay)
	return p.steps, nil
}

func (p *changePlan) add(k crosswalk.StepKind, format string, args ...any) *crosswalk.ObjectStep {
	p.steps = append(p.steps, crosswalk.ObjectStep{Kind: k, Field: p.current, Effect: crosswalk.EffectSafe, Detail: fmt.Sprintf(format, args...)})
	return &p.steps[len(p.steps)-1]
}

func refuse(s *crosswalk.ObjectStep, rows int64, format string, args ...any) {
	s.Effect, s.Rows, s.Reason = crosswalk.EffectRefused, rows, fmt.Sprintf(format, args...)
}

func (p *changePlan) drop(ctx context.Context, f *crosswalk.Field) error {
	p.current = f.Name
	s := p.add(crosswalk.StepDrop, "Remove the field %s.", f.Name)
	s.Effect, s.Reason = crosswalk.EffectLossy, "Its values go away and cannot be brought back."
	return p.q.QueryRow(ctx, fmt.Sprintf("SELECT count(%s) FROM %s", quote(f.Column()), quote(p.Old.Table()))).Scan(&s.Rows)
}

func (p *changePlan) addField(f *crosswalk.Field) {
	p.current = f.Name
	s := p.add(crosswalk.StepAdd, "Add the field %s (%s).", f.Name, describe(f))
	switch {
	case f.Required && f.Default == "" && p.rows > 0:
		refuse(s, p.rows, "The %d rows there are would have no value for it. Give the field a default, or do not make it required.", p.rows)
	case f.Default != "":
		s.Rows, s.Detail = p.rows, s.Detail+fmt.Sprintf(" Rows there are get its default, %q.", f.Default)
	}
}

func (p *changePlan) alter(ctx context.Context, f pair) error {
	p.current = f.old.Name
	if f.old.Name != f.next.Name {
		p.add(crosswalk.StepRename, "Rename the field %s to %s.", f.old.Name, f.next.Name)
	}
	if f.old.DisplayName != f.next.DisplayName {
		p.add(crosswalk.StepDisplay, "Call the field %s %s.", f.old.DisplayName, f.next.DisplayName)
	}
	values, err := p.retype(ctx, f)
	if err != nil {
		return err
	}
	if f.old.Required != f.next.Required {
		if err := p.required(ctx, f); err != nil {
			return err
		}
	}
	if f.old.Unique != f.next.Unique || f.next.Unique && rewrites(f.old, f.next) {
		if err := p.unique(ctx, f, values); err != nil {
			return err
		}
	}
	if f.old.Default != f.next.Default {
		p.add(crosswalk.StepDefault, "Change the default of %s from %q to %q. Rows there are stay as they are.", f.old.Name, f.old.Default, f.next.Default)
	}
	if !slices.Equal(f.old.Options, f.next.Options) {
		p.add(crosswalk.StepOptions, "Change the options of %s. Rows keep the values they have.", f.old.Name)
	}
	return nil
}

// converted is what a scan of a field's values found.
type converted struct {
	scanned bool
	repeats int64 // values that are not unique in their new form
	example []string
}

// retype adds the step for another type, number of decimals or length.
func (p *changePlan) retype(ctx context.Context, f pair) (converted, error) {
	var c converted
	typed := f.old.Type != f.next.Type || f.old.Decimals != f.next.Decimals || f.old.Lookup != f.next.Lookup
	var s *crosswalk.ObjectStep
	switch {
	case typed:
		s = p.add(crosswalk.StepRetype, "Change the type of %s from %s to %s.", f.old.Name, describe(f.old), describe(f.next))
	case f.old.MaxLength != f.next.MaxLength:
		s = p.add(crosswalk.StepLength, "Change the greatest length of %s from %s to %s.", f.old.Name, length(f.old), length(f.next))
	default:
		return c, nil
	}
	if reason := convertible(f.old, f.next); reason != "" {
		refuse(s, 0, "%s", reason)
		return c, nil
	}
	if !mayRefuse(f.old, f.next) {
		return c, nil
	}
	c.scanned = true
	var refused, lossy, values int64
	var badExamples, lossyExamples []string
	seen := map[string]bool{}
	err := eachValue(ctx, p.q, p.d, p.Old.Table(), f.old, func(v string) {
		values++
		out, null, lost, err := convert(f.old, f.next, v)
		switch {
		case err != nil:
			refused++
			badExamples = example(badExamples, v)
		case lost:
			lossy++
			lossyExamples = example(lossyExamples, v)
		}
		if err == nil && !null && f.next.Unique {
			if seen[out] {
				c.repeats++
				c.example = example(c.example, out)
			}
			seen[out] = true
		}
	})
	switch {
	case err != nil:
		return c, err
	case refused > 0:
		refuse(s, refused, "%d of %d values do not fit. Correct them first, or make a new field.", refused, values)
		s.Examples = badExamples
	case lossy > 0:
		s.Effect, s.Rows, s.Examples = crosswalk.EffectLossy, lossy, lossyExamples
		s.Reason = fmt.Sprintf("%d of %d values lose digits behind the point.", lossy, values)
		if f.next.Type == crosswalk.FieldDate {
			s.Reason = fmt.Sprintf("%d of %d values lose their time of day (UTC).", lossy, values)
		}
	case rewrites(f.old, f.next):
		s.Rows = values
	}
	return c, nil
}

func (p *changePlan) required(ctx context.Context, f pair) error {
	if !f.next.Required {
		p.add(crosswalk.StepRequired, "%s may be empty.", f.old.Name)
		return nil
	}
	s := p.add(crosswalk.StepRequired, "Require a value for %s.", f.old.Name)
	var n int64
	if err := p.q.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM %s WHERE %s", quote(p.Old.Table()), emptyValue(f.old))).Scan(&n); err != nil {
		return fmt.Errorf("table: count empty %s: %w", f.old.Column(), err)
	}
	switch {
	case n == 0:
	case f.next.Default == "":
		refuse(s, n, "Rows without a value for it: %d. Fill them first, or give the field a default.", n)
	default:
		s.Rows, s.Detail = n, s.Detail+fmt.Sprintf(" Empty rows get its default, %q.", f.next.Default)
	}
	return nil
}

func (p *changePlan) unique(ctx context.Context, f pair, c converted) error {
	if !f.next.Unique {
		p.add(crosswalk.StepUnique, "%s need not be unique.", f.old.Name)
		return nil
	}
	s := p.add(crosswalk.StepUnique, "Let no two rows have the same %s.", f.old.Name)
	if !c.scanned {
		name := quote(f.old.Column())
		rows, err := p.q.Query(ctx, fmt.Sprintf("SELECT %s, count(*) FROM %s WHERE %s IS NOT NULL GROUP BY %s HAVING count(*) > 1",
			plainColumn(p.d, f.old, name), quote(p.Old.Table()), name, name))
		if err != nil {
			return fmt.Errorf("table: repeated %s: %w", f.old.Column(), err)
		}
		defer rows.Close()
		for rows.Next() {
			var v any
			var n int64
			if err := rows.Scan(&v, &n); err != nil {
				return fmt.Errorf("table: repeated %s: %w", f.old.Column(), err)
			}
			if v, err = value(column.KindFor(f.old), v); err != nil {
				return err
			}
			c.repeats += n - 1
			c.example = example(c.example, asText(v))
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	if c.repeats > 0 {
		refuse(s, c.repeats, "%d rows repeat the value of another one. Correct them first.", c.repeats)
		s.Examples = c.example
	}
	return nil
}

// order adds a step when fields that stay change places.
func (p *changePlan) order(stay []pair) {
	at := -1
	for _, f := range stay {
		i := slices.IndexFunc(p.Old.Fields, func(o crosswalk.Field) bool { return o.Name == f.old.Name })
		if i < at {
			p.add(crosswalk.StepOrder, "Put the fields in another order.")
			return
		}
		at = i
	}
}

// eachValue goes through the values of a field that are not null.
func eachValue(ctx context.Context, q database.Querier, d database.Dialect, table string, f *crosswalk.Field, fn func(v string)) error {
	name := quote(f.Column())
	rows, err := q.Query(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s IS NOT NULL", plainColumn(d, f, name), quote(table), name))
	if err != nil {
		return fmt.Errorf("table: values of %s: %w", f.Column(), err)
	}
	defer rows.Close()
	for rows.Next() {
		var v any
		if err := rows.Scan(&v); err != nil {
			return fmt.Errorf("table: values of %s: %w", f.Column(), err)
		}
		if v, err = value(column.KindFor(f), v); err != nil {
			return fmt.Errorf("table: values of %s: %w", f.Column(), err)
		}
		fn(asText(v))
	}
	return rows.Err()
}

// emptyValue is the condition that a row has no value for the field.
func emptyValue(f *crosswalk.Field) string {
	name := quote(f.Column())
	if f.Type.IsText() {
		return "(" + name + " IS NULL OR " + name + " = '')"
	}
	return name + " IS NULL"
}

func example(list []string, v string) []string {
	if len(list) == maxExamples {
		return list
	}
	if utf8.RuneCountInString(v) > 100 {
		v = string([]rune(v)[:100]) + "…"
	}
	return append(list, v)
}

// describe says what a field is, for example "Number, 2 decimals".
func describe(f *crosswalk.Field) string {
	parts := []string{string(f.Type)}
	switch {
	case f.Lookup != "":
		parts = append(parts, "to "+f.Lookup)
	case f.Type.IsNumber():
		parts = append(parts, fmt.Sprintf("%d decimals", f.Decimals))
	case f.MaxLength > 0:
		parts = append(parts, length(f))
	}
	return strings.Join(parts, ", ")
}

func length(f *crosswalk.Field) string {
	if f.MaxLength == 0 {
		return "no limit"
	}
	return fmt.Sprintf("%d characters", f.MaxLength)
}
