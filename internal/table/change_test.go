package table_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// changed returns the change that fn makes to the fields of an object.
func changed(o crosswalk.Object, fn func(o *crosswalk.Object)) table.Change {
	next := o
	next.Fields = append([]crosswalk.Field{}, o.Fields...)
	fn(&next)
	return table.Change{Old: o, Next: next}
}

func TestPlanChange(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cols := columns(o, "Key!", "Name", "Order", "Amount", "Active", "Born", "At")
		at := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
		write(t, writer(t, db, o, cols), batch(cols,
			[]any{"1", "12", 1, "1.50", true, at, at},
			[]any{"2", "n/a", 2, "1.00", false, nil, at.Add(time.Millisecond)},
			[]any{"3", "12", 2, nil, nil, nil, nil},
		))
		field := func(name string, fn func(f *crosswalk.Field)) table.Change {
			return changed(o, func(o *crosswalk.Object) { fn(o.Field(name)) })
		}
		for name, tt := range map[string]struct {
			c    table.Change
			want string // kind, effect, rows and examples of the steps
		}{
			"nothing":             {field("Name", func(*crosswalk.Field) {}), ""},
			"text to number":      {field("Name", func(f *crosswalk.Field) { f.Type = crosswalk.FieldNumber }), "retype_field refused 1 [n/a]"},
			"text to rich text":   {field("Name", func(f *crosswalk.Field) { f.Type = crosswalk.FieldRichText }), "retype_field safe 0 []"},
			"text to e-mail":      {field("Name", func(f *crosswalk.Field) { f.Type = crosswalk.FieldEmail }), "retype_field refused 3 [12 n/a 12]"},
			"text to lookup":      {field("Name", func(f *crosswalk.Field) { f.Type, f.Lookup = crosswalk.FieldLookup, "User" }), "retype_field refused 0 []"},
			"number text to text": {field("Order", func(f *crosswalk.Field) { f.Type = crosswalk.FieldString }), "retype_field safe 0 []"},
			"number to short":     {field("Amount", func(f *crosswalk.Field) { f.Type, f.Decimals, f.MaxLength = crosswalk.FieldString, 0, 3 }), "retype_field refused 2 [1.50 1.00]"},
			"decimals up":         {field("Amount", func(f *crosswalk.Field) { f.Decimals = 4 }), "retype_field safe 2 []"},
			"decimals down":       {field("Amount", func(f *crosswalk.Field) { f.Decimals = 0 }), "retype_field lossy 1 [1.50]"},
			"number to Boolean":   {field("Order", func(f *crosswalk.Field) { f.Type = crosswalk.FieldBoolean }), "retype_field refused 2 [2 2]"},
			"Boolean to date":     {field("Active", func(f *crosswalk.Field) { f.Type = crosswalk.FieldDate }), "retype_field refused 0 []"},
			"time to date":        {field("At", func(f *crosswalk.Field) { f.Type = crosswalk.FieldDate }), "retype_field lossy 1 [2024-02-29T00:00:00.001Z]"},
			"date to time":        {field("Born", func(f *crosswalk.Field) { f.Type = crosswalk.FieldDateTime }), "retype_field safe 1 []"},
			"shorter, fits":       {field("Name", func(f *crosswalk.Field) { f.MaxLength = 3 }), "change_length safe 0 []"},
			"shorter":             {field("Name", func(f *crosswalk.Field) { f.MaxLength = 2 }), "change_length refused 1 [n/a]"},
			"unique, is":          {field("Key", func(f *crosswalk.Field) { f.Unique = true }), "change_unique safe 0 []"},
			"unique":              {field("Order", func(f *crosswalk.Field) { f.Unique = true }), "change_unique refused 1 [2]"},
			"required":            {field("Amount", func(f *crosswalk.Field) { f.Required = true }), "change_required refused 1 []"},
			"required, filled":    {field("Amount", func(f *crosswalk.Field) { f.Required, f.Default = true, "0.00" }), "change_required safe 1 []; change_default safe 0 []"},
			"options and name":    {field("Name", func(f *crosswalk.Field) { f.Options, f.DisplayName = []string{"a"}, "Title" }), "change_display_name safe 0 []; change_options safe 0 []"},
			"dropped":             {changed(o, func(o *crosswalk.Object) { o.Fields = append(o.Fields[:6:6], o.Fields[7:]...) }), "drop_field lossy 2 []"},
			"added":               {changed(o, func(o *crosswalk.Object) { o.Fields = append(o.Fields, crosswalk.Field{Name: "X", Type: "String"}) }), "add_field safe 0 []"},
			"added, required": {changed(o, func(o *crosswalk.Object) {
				o.Fields = append(o.Fields, crosswalk.Field{Name: "X", Type: "String", Required: true})
			}), "add_field refused 3 []"},
			"swapped places": {changed(o, func(o *crosswalk.Object) { o.Fields[4], o.Fields[5] = o.Fields[5], o.Fields[4] }), "change_order safe 0 []"},
		} {
			steps, err := table.PlanChange(t.Context(), db, db.Dialect(), tt.c)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			refused := false
			for _, s := range steps {
				got = append(got, fmt.Sprintf("%s %s %d %v", s.Kind, s.Effect, s.Rows, s.Examples))
				refused = refused || s.Effect == crosswalk.EffectRefused
				if s.Detail == "" || (s.Effect != crosswalk.EffectSafe) != (s.Reason != "") {
					t.Errorf("%s: %+v does not say enough", name, s)
				}
			}
			if g := strings.Join(got, "; "); g != tt.want {
				t.Errorf("%s: got %q, want %q", name, g, tt.want)
			}
			if refused {
				continue
			}
			// It can be applied, and rolled back in the middle leaves all as it was.
			before := rows(t, db, o)
			boom := errors.New("killed")
			err = db.Alter(t.Context(), func(ctx context.Context, tx *database.Tx) error {
				if err := table.ApplyChange(ctx, db, tx, tt.c); err != nil {
					return err
				}
				return boom
			})
			if !errors.Is(err, boom) {
				t.Errorf("%s: %v", name, err)
			}
			equal(t, rows(t, db, o), before)
		}
	})
}

// What a program that dies in the middle of a change leaves behind is the
// table as it was: cancelling rolls back on both databases.
func TestChangeCutShort(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cols := columns(o, "Key!", "Order", "Amount")
		var many [][]any
		for i := range 3000 {
			many = append(many, []any{fmt.Sprint(i), i, "1.25"})
		}
		o.Field("Name").Required = false
		write(t, writer(t, db, o, cols), batch(cols, many...))
		c := changed(o, func(o *crosswalk.Object) {
			o.Field("Order").Type = crosswalk.FieldString
			o.Field("Amount").Decimals = 9
			o.Fields = append(o.Fields[:4:4], o.Fields[5:]...)
			o.Fields = append(o.Fields, crosswalk.Field{Name: "New", Type: crosswalk.FieldString, Default: "x"})
		})
		for i := range 6 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*i)*2*time.Millisecond)
			err := db.Alter(ctx, func(ctx context.Context, tx *database.Tx) error {
				if err := table.ApplyChange(ctx, db, tx, c); err != nil {
					return err
				}
				<-ctx.Done() // all but the commit
				return ctx.Err()
			})
			cancel()
			if err == nil {
				t.Error("nothing was cut short")
			}
			n := 0
			if err := table.EachRow(t.Context(), db, o, table.RowQuery{Where: []crosswalk.Condition{{Attribute: "Amount", Operator: crosswalk.Equal, Values: []string{"1.25"}}}}, func(row map[string]any) error {
				if row["Key"] != fmt.Sprint(row["Order"]) {
					t.Errorf("%v", row)
				}
				n++
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			equal(t, n, 3000)
		}
		apply(t, db, c)
		for _, row := range allRows(t, db, c.Next)[:3] {
			equal(t, []any{row["Order"], fmt.Sprint(row["Amount"]), row["New"]}, []any{row["Key"], "1.250000000", "x"})
		}
	})
}

func TestConstraintsAtWork(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		o.Fields = append(o.Fields, crosswalk.Field{Name: "Created_By", Type: "String", System: true}, crosswalk.Field{Name: "Modified_By", Type: "String", System: true})
		for name, def := range map[string]string{"Name": "it's $1", "Amount": "2.50", "Active": "true", "Born": "2020-02-29", "At": "2020-02-29T12:00:00.000Z"} {
			o.Field(name).Default = def
		}
		o.Field("Order").Unique = true
		cols := columns(o, "Key!", "Order")
		w, err := table.NewWriter(t.Context(), db, table.Config{Object: o, Columns: cols, ConnectionID: "c", Entity: "account", JobID: "j", Run: 3, By: "Job's"})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		write(t, w, batch(cols, []any{"a", 1}))
		r := write(t, w, batch(cols, []any{"b", 1}, []any{"a", 2}))
		if r.Updated != 1 || len(r.Rejects) != 1 || r.Rejects[0].Code != crosswalk.RejectAmbiguous || r.Rejects[0].Field != "Order" {
			t.Errorf("unique: %+v", r)
		}
		all := allRows(t, db, o)
		equal(t, len(all), 1)
		got, from, err := table.Row(t.Context(), db, o, strings.ToUpper(all[0]["GSID"].(string)))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, from, table.Provenance{ConnectionID: "c", Entity: "account", JobID: "j", SourceID: "source-1", Run: 3})
		equal(t, got, all[0])
		equal(t, []any{got["Name"], fmt.Sprint(got["Amount"]), got["Active"], got["Born"], got["At"], got["Created_By"], got["Modified_By"], got["Order"]},
			[]any{"it's $1", "2.50", true, "2020-02-29", "2020-02-29T12:00:00.000Z", "Job's", "Job's", int64(2)})
		for _, id := range []string{crosswalk.NewID(), "x", "' OR 1=1 --"} {
			if _, _, err := table.Row(t.Context(), db, o, id); crosswalk.ErrorCode(err) != crosswalk.CodeNotFound {
				t.Errorf("%q: %v", id, err)
			}
		}
	})
}

// A row of the widest object there can be fits both databases.
func TestWidestObject(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		o.Field("Name").Required = false
		names := []string{"Key!"}
		row := []any{"k"}
		for len(o.Fields) < crosswalk.MaxFields {
			f := crosswalk.Field{Name: fmt.Sprintf("Wide_%d__gc", len(o.Fields)), Type: crosswalk.FieldString}
			o.Fields = append(o.Fields, f)
			names, row = append(names, f.Name), append(row, strings.Repeat("wide", 50))
		}
		cols := columns(o, names...)
		w := writer(t, db, o, cols)
		equal(t, write(t, w, batch(cols, row)), table.Result{Inserted: 1})
		equal(t, write(t, w, batch(cols, row)), table.Result{Unchanged: 1})
	})
}
