package table_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

func TestNewWriterRefuses(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		cols := columns(o, "Key!", "Name")
		w := writer(t, db, o, cols)
		write(t, w, batch(cols, []any{"a", "same"}, []any{"b", "same"}))
		ctx := t.Context()
		for _, tt := range []struct {
			name string
			cfg  table.Config
			want crosswalk.Code
		}{
			{"rows are not unique", table.Config{Object: o, Columns: columns(o, "Name!")}, crosswalk.CodeConflict},
			{"no identifier", table.Config{Object: o, Columns: columns(o, "Name")}, crosswalk.CodeInvalid},
			{"system field", table.Config{Object: o, Columns: columns(o, "GSID!")}, crosswalk.CodeInvalid},
			{"twice", table.Config{Object: o, Columns: columns(o, "Key!", "Key")}, crosswalk.CodeInvalid},
			{"unknown field", table.Config{Object: o, Columns: []table.Column{{Field: crosswalk.Field{Name: "Nope"}, Identifier: true}}}, crosswalk.CodeInvalid},
			{"wrong kind", table.Config{Object: o, Columns: []table.Column{{Field: *o.Field("Order"), Kind: column.Text, Identifier: true}}}, crosswalk.CodeInternal},
		} {
			_, err := table.NewWriter(ctx, db, tt.cfg)
			if got := crosswalk.ErrorCode(err); got != tt.want {
				t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
			}
		}
		if _, err := w.Write(ctx, batch(columns(o, "Key!")), nil); err == nil {
			t.Error("a batch of other columns was taken")
		}
		equal(t, write(t, w, batch(cols, []any{"a", "same"})), table.Result{Unchanged: 1})
	})
}

func TestTextTakesEveryKind(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		o := object()
		key, name := *o.Field("Key"), *o.Field("Name")
		id := [16]byte{1}
		for _, tt := range []struct {
			kind column.Kind
			v    any
			want string
		}{
			{column.GUID, id, "01000000-0000-0000-0000-000000000000"},
			{column.Int, -5, "-5"},
			{column.Bool, true, "true"},
			{column.Decimal, "1.50", "1.50"},
			{column.Date, time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC), "2024-01-02"},
			{column.Time, time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC), "2024-01-02T03:04:05.000Z"},
		} {
			cols := []table.Column{{Field: key, Kind: column.GUID, Identifier: true}, {Field: name, Kind: tt.kind}}
			w, err := table.NewWriter(t.Context(), db, table.Config{Object: o, Columns: cols})
			if err != nil {
				t.Fatal(err)
			}
			write(t, w, batch(cols, []any{id, tt.v}))
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			equal(t, rows(t, db, o), []map[string]any{{"Key": "01000000-0000-0000-0000-000000000000", "Name": tt.want}})
		}
	})
}

func TestEnsure(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		for _, o := range crosswalk.StandardObjects() {
			if err := table.Ensure(ctx, db, o); err != nil {
				t.Fatal(err)
			}
		}
		o := object()
		o.Fields = o.Fields[:5]
		cols := columns(o, "Key!", "Name")
		write(t, writer(t, db, o, cols), batch(cols, []any{"a", "A"}))
		o = object()
		o.Fields = append(o.Fields, crosswalk.Field{Name: `Odd "Name"; DROP TABLE x`, Type: crosswalk.FieldNumber, Decimals: 9})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := table.Ensure(context.Background(), db, o); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		equal(t, rows(t, db, o), []map[string]any{{"Key": "a", "Name": "A"}})
		for name, change := range map[string]func(o *crosswalk.Object){
			"reserved table":  func(o *crosswalk.Object) { o.Name = "CW_Jobs" },
			"no name":         func(o *crosswalk.Object) { o.Name = "" },
			"long name":       func(o *crosswalk.Object) { o.Name = strings.Repeat("x", 64) },
			"reserved column": func(o *crosswalk.Object) { o.Fields[4].Name = "cw_run" },
			"system column":   func(o *crosswalk.Object) { o.Fields[4].Name = "XMin" },
			"same column":     func(o *crosswalk.Object) { o.Fields[4].Name = "KEY" },
			"no GSID":         func(o *crosswalk.Object) { o.Fields = o.Fields[1:] },
		} {
			bad := object()
			change(&bad)
			if err := table.Ensure(ctx, db, bad); crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})
}
