package table_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// record is a row of a batch for a Config: the key of the record and the
// values of every column behind it.
type record struct {
	id     string
	values []any
}

func rec(id string, values ...any) record { return record{id, values} }

// batchFor lays records out as the Config wants them.
func batchFor(cfg table.Config, records ...record) *column.Batch {
	specs := []column.Spec{{Name: "source_id", Kind: column.Text}}
	add := func(cols []table.Column) {
		for _, c := range cols {
			specs = append(specs, column.Spec{Name: c.Field.Name, Kind: c.Kind})
		}
	}
	add(cfg.Columns)
	for _, l := range cfg.Lookups {
		add(l.Match)
	}
	if cfg.Person != nil {
		add(cfg.Person.Columns)
	}
	if cfg.Modified {
		specs = append(specs, column.Spec{Name: "modified", Kind: column.Time})
	}
	b := column.NewBatch(specs)
	for _, r := range records {
		if len(r.values) != len(specs)-1 {
			panic(fmt.Sprintf("%d values for %d columns", len(r.values), len(specs)-1))
		}
		b.Columns[0].AppendBytes([]byte(r.id))
		for i, v := range r.values {
			c := &b.Columns[i+1]
			switch v := v.(type) {
			case nil:
				c.AppendNull()
			case string:
				c.AppendBytes([]byte(v))
			case int:
				if c.Kind == column.Time { // seconds
					v *= 1e6
				}
				c.AppendInt(int64(v))
			case bool:
				c.AppendBool(v)
			case time.Time:
				c.AppendInt(v.UnixMicro())
			case [16]byte:
				c.AppendGUID(v)
			default:
				panic(fmt.Sprintf("value %T", v))
			}
		}
		b.EndRow()
	}
	return b
}

// open makes a writer for a Config, with an origin and the run 7.
func open(t *testing.T, db *database.DB, cfg table.Config) *table.Writer {
	t.Helper()
	cfg.ConnectionID, cfg.Entity = "c", "e"
	if cfg.Run == 0 {
		cfg.Run = 7
	}
	w, err := table.NewWriter(t.Context(), db, cfg)
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

// put writes records with a writer of its own.
func put(t *testing.T, db *database.DB, cfg table.Config, records ...record) table.Result {
	t.Helper()
	return write(t, open(t, db, cfg), batchFor(cfg, records...))
}

// lookupField returns the object with a lookup field added that points to
// another one, and that field.
func lookupField(o crosswalk.Object, name, to string) (crosswalk.Object, crosswalk.Field) {
	f := crosswalk.Field{Name: name, Type: crosswalk.FieldLookup, Lookup: to}
	o.Fields = append(o.Fields[:len(o.Fields):len(o.Fields)], f)
	return o, f
}

func TestConfigCheck(t *testing.T) {
	t.Parallel()
	o := object()
	company := crosswalk.Object{Name: "Company", Fields: o.Fields}
	parent := *o.Field("Parent")
	match := columns(company, "Key")
	key := columns(o, "Key!")
	for name, tt := range map[string]struct {
		cfg  table.Config
		want string // place of the first problem; "" for a fault of the caller
	}{
		"no identifier":        {table.Config{Columns: columns(o, "Key")}, "mapping.fields"},
		"update by nothing":    {table.Config{Columns: columns(o, "Key"), Operation: crosswalk.OperationUpdate}, "mapping.fields"},
		"filled twice":         {table.Config{Columns: columns(o, "Key!", "Parent"), Lookups: []table.Lookup{{Field: parent, Object: company, Match: match}}}, "mapping.derived[0].target"},
		"system field":         {table.Config{Columns: columns(o, "Key!", "Created_Date")}, "mapping.fields[1].target"},
		"unknown lookup":       {table.Config{Columns: key, Lookups: []table.Lookup{{Field: crosswalk.Field{Name: "Nope"}, Object: company, Match: match}}}, "mapping.derived[0].target"},
		"nothing to match":     {table.Config{Columns: key, Lookups: []table.Lookup{{Field: parent, Object: company}}}, "mapping.derived[0].match"},
		"seven to match":       {table.Config{Columns: key, Lookups: []table.Lookup{{Field: parent, Object: company, Match: columns(company, "Key", "Key", "Key", "Key", "Key", "Key", "Key")}}}, "mapping.derived[0].match"},
		"unknown match":        {table.Config{Columns: key, Lookups: []table.Lookup{{Field: parent, Object: company, Match: []table.Column{{Field: crosswalk.Field{Name: "Nope"}}}}}}, "mapping.derived[0].match[0].field"},
		"not a lookup":         {table.Config{Columns: key, Lookups: []table.Lookup{{Field: *o.Field("Order"), Object: company, Match: match}}}, ""},
		"person without field": {table.Config{Columns: columns(o, "Name"), Person: &table.Person{Object: company, Columns: key}}, "mapping.derived"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.cfg.Object = o
			_, err := table.NewWriter(t.Context(), nil, tt.cfg)
			if err == nil {
				t.Fatal("accepted")
			}
			e, _ := err.(*crosswalk.Error)
			if tt.want == "" {
				if e != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			if e == nil || len(e.Fields) == 0 || e.Fields[0].Field != tt.want {
				t.Errorf("got %#v, want a problem at %s", err, tt.want)
			}
		})
	}
}
