package table_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

func each(t *testing.T, fn func(t *testing.T, db *database.DB)) {
	t.Helper()
	t.Parallel()
	databasetest.Each(t, fn)
}

// object is one of every type.
func object() crosswalk.Object {
	o := crosswalk.Object{Name: "Thing__gc", Fields: []crosswalk.Field{
		{Name: "GSID", Type: crosswalk.FieldGSID, System: true},
		{Name: "Created_Date", Type: crosswalk.FieldDateTime, System: true},
		{Name: "Modified_Date", Type: crosswalk.FieldDateTime, System: true},
		{Name: "Key", Type: crosswalk.FieldString},
		{Name: "Name", Type: crosswalk.FieldString, Required: true},
		{Name: "Order", Type: crosswalk.FieldNumber},
		{Name: "Amount", Type: crosswalk.FieldCurrency, Decimals: 2},
		{Name: "Active", Type: crosswalk.FieldBoolean},
		{Name: "Born", Type: crosswalk.FieldDate},
		{Name: "At", Type: crosswalk.FieldDateTime},
		{Name: "Parent", Type: crosswalk.FieldLookup},
	}}
	return o
}

// columns returns the named fields of the object as a writer's columns; a
// name may end in ! for an identifier or ? to keep on null.
func columns(o crosswalk.Object, names ...string) []table.Column {
	var out []table.Column
	for _, n := range names {
		f := o.Field(strings.TrimRight(n, "!?"))
		out = append(out, table.Column{Field: *f, Kind: column.KindFor(f), Identifier: strings.HasSuffix(n, "!"), KeepOnNull: strings.HasSuffix(n, "?")})
	}
	return out
}

// batch makes a batch of rows: the values in the order of columns; nil is
// null, string is text or a decimal, int is everything else.
func batch(cols []table.Column, rows ...[]any) *column.Batch {
	specs := []column.Spec{{Name: "source_id", Kind: column.Text}}
	for _, c := range cols {
		specs = append(specs, column.Spec{Name: c.Field.Name, Kind: c.Kind})
	}
	b := column.NewBatch(specs)
	for i, row := range rows {
		b.Columns[0].AppendBytes(fmt.Appendf(nil, "source-%d", i))
		for k, v := range row {
			c := &b.Columns[k+1]
			switch v := v.(type) {
			case nil:
				c.AppendNull()
			case string:
				c.AppendBytes([]byte(v))
			case int:
				c.AppendInt(int64(v))
			case int64:
				c.AppendInt(v)
			case bool:
				c.AppendBool(v)
			case time.Time:
				if c.Kind == column.Date {
					c.AppendInt(v.Unix() / 86400)
				} else {
					c.AppendInt(v.UnixMicro())
				}
			case [16]byte:
				c.AppendGUID(v)
			}
		}
		b.EndRow()
	}
	return b
}

func writer(t *testing.T, db *database.DB, o crosswalk.Object, cols []table.Column) *table.Writer {
	t.Helper()
	w, err := table.NewWriter(t.Context(), db, table.Config{Object: o, Columns: cols, ConnectionID: "c", Entity: "e", Run: 7})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func write(t *testing.T, w *table.Writer, b *column.Batch) table.Result {
	t.Helper()
	r, err := w.Write(t.Context(), b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// rows returns every row of the object sorted by Key, without system fields
// and nulls.
func rows(t *testing.T, db *database.DB, o crosswalk.Object) []map[string]any {
	t.Helper()
	p, err := table.Rows(t.Context(), db, o, table.RowQuery{Sort: "Key", Limit: table.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range p.Items {
		for k, v := range item {
			if v == nil || o.Field(k).System {
				delete(item, k)
			}
		}
	}
	return p.Items
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWriteEveryType(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cols := columns(o, "Key!", "Name", "Order", "Amount", "Active", "Born", "At", "Parent")
		w := writer(t, db, o, cols)
		id := [16]byte{0xfe, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff}
		b := batch(cols,
			[]any{"1", "🦊 日本 \"'$1\n", int64(-1 << 63), "-12345678901234567890123.4", true, time.Date(1753, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1753, 1, 1, 0, 0, 0, 0, time.UTC), id},
			[]any{"2", "", int64(1<<63 - 1), "1e2", false, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999e3, time.UTC), [16]byte{}},
			[]any{"3", "all null", nil, nil, nil, nil, nil, nil},
			[]any{"4", strings.Repeat("é", 70000), 0, "-0.001", false, time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999e6, time.UTC), nil},
			[]any{"5", "leap", -1, "0.10", true, time.Date(2000, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2024, 2, 29, 12, 34, 56, 7e6, time.UTC), nil},
		)
		equal(t, write(t, w, b), table.Result{Inserted: 5})
		equal(t, write(t, w, b), table.Result{Unchanged: 5})
		equal(t, rows(t, db, o), []map[string]any{
			{
				"Key": "1", "Name": "🦊 日本 \"'$1\n", "Order": int64(-1 << 63), "Amount": json.Number("-12345678901234567890123.40"), "Active": true,
				"Born": "1753-01-01", "At": "1753-01-01T00:00:00.000Z", "Parent": "fe010203-0405-0607-0809-0a0b0c0d0eff",
			},
			{
				"Key": "2", "Name": "", "Order": int64(1<<63 - 1), "Amount": json.Number("100.00"), "Active": false,
				"Born": "9999-12-31", "At": "9999-12-31T23:59:59.999Z", "Parent": "00000000-0000-0000-0000-000000000000",
			},
			{"Key": "3", "Name": "all null"},
			{"Key": "4", "Name": strings.Repeat("é", 70000), "Order": int64(0), "Amount": json.Number("0.00"), "Active": false, "Born": "1969-12-31", "At": "1969-12-31T23:59:59.999Z"},
			{"Key": "5", "Name": "leap", "Order": int64(-1), "Amount": json.Number("0.10"), "Active": true, "Born": "2000-02-29", "At": "2024-02-29T12:34:56.007Z"},
		})
	})
}

func TestWriteCounts(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cols := columns(o, "Key!", "Name", "Order?")
		w := writer(t, db, o, cols)
		equal(t, write(t, w, batch(cols)), table.Result{})
		equal(t, write(t, w, batch(cols, []any{"a", "A", 1}, []any{"b", "B", 2})), table.Result{Inserted: 2})
		before, err := table.Rows(t.Context(), db, o, table.RowQuery{Sort: "Key"})
		if err != nil {
			t.Fatal(err)
		}
		// a changes, b keeps its Order, c is new and comes twice.
		r := write(t, w, batch(cols, []any{"c", "first", 3}, []any{"a", "A2", nil}, []any{"b", "B", nil}, []any{"c", "last", 4}))
		equal(t, r, table.Result{Inserted: 1, Updated: 1, Unchanged: 1, Duplicates: 1})
		equal(t, rows(t, db, o), []map[string]any{
			{"Key": "a", "Name": "A2", "Order": int64(1)},
			{"Key": "b", "Name": "B", "Order": int64(2)},
			{"Key": "c", "Name": "last", "Order": int64(4)},
		})
		after, err := table.Rows(t.Context(), db, o, table.RowQuery{Sort: "Key"})
		if err != nil {
			t.Fatal(err)
		}
		for i, was := range before.Items {
			is := after.Items[i]
			equal(t, is["GSID"], was["GSID"])
			equal(t, is["Created_Date"], was["Created_Date"])
			if i == 1 {
				equal(t, is["Modified_Date"], was["Modified_Date"])
			}
			if id, _ := is["GSID"].(string); len(id) != 36 {
				t.Errorf("GSID %v", is["GSID"])
			}
		}
	})
}

func TestWriteNullOverwrites(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cols := columns(o, "Key!", "Name", "Order", "Amount?")
		w := writer(t, db, o, cols)
		write(t, w, batch(cols, []any{"a", "A", 1, "1"}))
		equal(t, write(t, w, batch(cols, []any{"a", "A", nil, nil})), table.Result{Updated: 1})
		equal(t, rows(t, db, o), []map[string]any{{"Key": "a", "Name": "A", "Amount": json.Number("1.00")}})
	})
}

func TestWriteOnlyIdentifiers(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cols := columns(o, "Key!", "Order!", "Amount!")
		w := writer(t, db, o, cols)
		b := batch(cols, []any{"a", 1, "1"}, []any{"a", 1, "1.00"}, []any{"a", 1, "1.01"}, []any{"a1", 1, "1"})
		equal(t, write(t, w, b), table.Result{Inserted: 3, Duplicates: 1})
		equal(t, write(t, w, b), table.Result{Unchanged: 3, Duplicates: 1})
	})
}

func TestWriteRejects(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cols := columns(o, "Key!", "Name", "Amount", "At", "Born", "Parent")
		w := writer(t, db, o, cols)
		far := time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)
		b := batch(cols,
			[]any{nil, "no key", nil, nil, nil, nil},
			[]any{"", "empty key", nil, nil, nil, nil},
			[]any{"good", "kept", "1", nil, nil, nil},
			[]any{"k3", nil, nil, nil, nil, nil},
			[]any{"k4", "a\x00b", nil, nil, nil, nil},
			[]any{"k5", "a\xffb", nil, nil, nil, nil},
			[]any{"k6", "x", "12,5", nil, nil, nil},
			[]any{"k7", "x", nil, far, nil, nil},
			[]any{"k8", "x", nil, nil, far, nil},
			[]any{"good", "doomed", "NaN", nil, nil, nil},
		)
		var saved table.Result
		r, err := w.Write(t.Context(), b, func(_ context.Context, _ database.Execer, r table.Result) error {
			saved = r
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, saved, r)
		type reject struct {
			Row   int
			Field string
			Code  crosswalk.RejectCode
			Value string
		}
		got := map[int]reject{}
		for _, rj := range r.Rejects {
			got[rj.Row] = reject{rj.Row, rj.Field, rj.Code, rj.Value}
			if rj.Message == "" {
				t.Errorf("row %d has no message", rj.Row)
			}
		}
		equal(t, got, map[int]reject{
			0: {0, "Key", crosswalk.RejectIdentifierEmpty, ""},
			1: {1, "Key", crosswalk.RejectIdentifierEmpty, ""},
			3: {3, "Name", crosswalk.RejectRequiredEmpty, ""},
			4: {4, "Name", crosswalk.RejectInvalidText, "a\x00b"},
			5: {5, "Name", crosswalk.RejectInvalidText, "a\xffb"},
			6: {6, "Amount", crosswalk.RejectNotANumber, "12,5"},
			7: {7, "At", crosswalk.RejectNotADate, ""},
			8: {8, "Born", crosswalk.RejectNotADate, ""},
			9: {9, "Amount", crosswalk.RejectNotANumber, "NaN"},
		})
		r.Rejects = nil
		equal(t, r, table.Result{Inserted: 1})
		equal(t, rows(t, db, o), []map[string]any{{"Key": "good", "Name": "kept", "Amount": json.Number("1.00")}})
	})
}

// A required field that keeps its value on null may be null for a row that
// exists, not for a new one.
func TestWriteRequiredKept(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cols := columns(o, "Key!", "Order!", "Name?", "Active")
		w := writer(t, db, o, cols)
		write(t, w, batch(cols, []any{"a", 1, "A", nil}, []any{"b", 1, "B", nil}))
		r := write(t, w, batch(cols, []any{"a", 1, nil, true}, []any{"new", 1, nil, true}, []any{"b", 1, nil, nil}, []any{"c", 1, "C", nil}))
		equal(t, r, table.Result{Inserted: 1, Updated: 1, Unchanged: 1, Rejects: []table.RowReject{
			{Row: 1, Field: "Name", Code: crosswalk.RejectRequiredEmpty, Message: "Name is required, and the record has no value for it."},
		}})
	})
}

// Two jobs with different identifiers write to the same object: a row that
// breaks the other one's index is rejected and holds nothing up.
func TestWriteBreaksOtherIndex(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		byName := columns(o, "Key", "Name!")
		writer(t, db, o, byName)
		byKey := columns(o, "Key!", "Name")
		w := writer(t, db, o, byKey)
		write(t, w, batch(byKey, []any{"a", "A"}, []any{"b", "B"}))
		var rows [][]any
		for i := range 40 {
			name := fmt.Sprintf("N%02d", i)
			switch i {
			case 3, 4, 39:
				name = "A"
			}
			rows = append(rows, []any{fmt.Sprintf("k%02d", i), name})
		}
		r := write(t, w, batch(byKey, rows...))
		var at []int
		for _, rj := range r.Rejects {
			at = append(at, rj.Row)
			equal(t, rj, table.RowReject{Row: rj.Row, Field: "Name", Code: crosswalk.RejectAmbiguous, Message: "Another row of Thing__gc has this Name already, and other identifiers."})
		}
		equal(t, at, []int{3, 4, 39})
		r.Rejects = nil
		equal(t, r, table.Result{Inserted: 37})
		equal(t, write(t, w, batch(byKey, []any{"b", "A"})).Rejects[0].Row, 0)
	})
}
