package table_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

const benchPage = 5000

// benchContacts is an object with contacts' fields and a lookup of that name.
func benchContacts(lookup, to string) (crosswalk.Object, []table.Column, crosswalk.Field) {
	o := object()
	o.Name, o.Fields = "Contact", o.Fields[:3]
	var cols []table.Column
	for i, t := range []crosswalk.FieldType{"String", "String", "String", "String", "Email", "String", "String", "Dropdown", "Boolean", "Number", "DateTime", "DateTime"} {
		f := crosswalk.Field{Name: fmt.Sprintf("F%d", i), Type: t}
		o.Fields = append(o.Fields, f)
		cols = append(cols, table.Column{Field: f, Kind: column.KindFor(&f), Identifier: i == 0})
	}
	o, f := lookupField(o, lookup, to)
	return o, cols, f
}

// benchKeys returns that many distinct texts like keys of Dynamics.
func benchKeys(seed uint64, n int) []string {
	rnd := rand.New(rand.NewPCG(seed, seed))
	keys := make([]string, n)
	for i := range keys {
		a, b := rnd.Uint64(), rnd.Uint64()
		keys[i] = fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff)
	}
	return keys
}

// benchWriter loads contacts with a writer and adds up the time in Write.
type benchWriter struct {
	cfg    table.Config
	w      *table.Writer
	batch  *column.Batch
	values func(i int) []string // what follows the columns of a row, "" for null
	spent  time.Duration
}

func newBenchWriter(b *testing.B, db *database.DB, cfg table.Config, values func(i int) []string) *benchWriter {
	b.Helper()
	w, err := table.NewWriter(b.Context(), db, cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = w.Close() })
	return &benchWriter{cfg: cfg, w: w, batch: batchFor(cfg), values: values}
}

// page writes the contacts with the keys from at on.
func (w *benchWriter) page(b *testing.B, keys []string, at int) {
	b.Helper()
	w.batch.Reset()
	for i, k := range keys[at:min(at+benchPage, len(keys))] {
		w.batch.Columns[0].AppendBytes([]byte(k))
		for n := range w.cfg.Columns {
			switch c := &w.batch.Columns[n+1]; {
			case n == 0:
				c.AppendBytes([]byte(k))
			case c.Kind == column.Text:
				c.AppendBytes([]byte("Contoso Pharmaceuticals " + k[:4]))
			default:
				c.AppendInt(int64(i & 1))
			}
		}
		if w.values != nil {
			for n, v := range w.values(at + i) {
				if v != "" {
					w.batch.Columns[1+len(w.cfg.Columns)+n].AppendBytes([]byte(v))
				}
			}
		}
		w.batch.EndRow()
	}
	started := time.Now()
	r, err := w.w.Write(b.Context(), w.batch, nil)
	w.spent += time.Since(started)
	if err != nil || len(r.Rejects) > 0 {
		b.Fatal(r, err)
	}
}

// rate returns the rows a second since the call before.
func (w *benchWriter) rate(rows int) float64 {
	rate := float64(rows) / w.spent.Seconds()
	w.spent = 0
	return rate
}

// benchRows is how many rows the benchmarks write: a million, or fewer with
// -short.
func benchRows() int {
	if testing.Short() {
		return 200_000
	}
	return 1_000_000
}

// BenchmarkLookup loads contacts without a lookup and with one into a tenth as
// many companies, into fresh tables, and reads them all again. The two take
// turns page by page, so that what else the machine does slows both.
func BenchmarkLookup(b *testing.B) {
	contacts := benchRows()
	firms := contacts / 10
	companyKeys, keys := benchKeys(1, firms), benchKeys(2, contacts)
	rnd := rand.New(rand.NewPCG(3, 3))
	of := make([]string, contacts)
	for i := range of {
		of[i] = companyKeys[rnd.IntN(firms)]
	}
	for _, d := range []database.Dialect{database.SQLite, database.Postgres} {
		b.Run(d.String(), func(b *testing.B) {
			for b.Loop() {
				o, cols, f := benchContacts("Company", "Company")
				company := object()
				company.Name = "Company"
				of := func(i int) []string { return of[i : i+1] }
				var writers []*benchWriter
				for _, lookups := range [][]table.Lookup{nil, {{Field: f, Object: company, Match: columns(company, "Key")}}} {
					db := databasetest.Open(b, d)
					w := newBenchWriter(b, db, table.Config{Object: company, Columns: columns(company, "Key!", "Name")}, nil)
					for at := 0; at < firms; at += benchPage {
						w.page(b, companyKeys, at)
					}
					w = newBenchWriter(b, db, table.Config{Object: o, Columns: cols, Lookups: lookups}, nil)
					if lookups != nil {
						w.values = of
					}
					writers = append(writers, w)
				}
				for _, round := range []string{"fresh", "again"} {
					for at := 0; at < contacts; at += benchPage {
						for _, w := range writers {
							w.page(b, keys, at)
						}
					}
					plain, lookup := writers[0].rate(contacts), writers[1].rate(contacts)
					b.ReportMetric(plain, round+"-plain-rows/s")
					b.ReportMetric(lookup, round+"-lookup-rows/s")
					b.ReportMetric(100*lookup/plain, round+"-%")
				}
			}
		})
	}
}

// BenchmarkHeal loads rows, each with another one of them as its parent, in
// random order, and fills the lookups that found nothing.
func BenchmarkHeal(b *testing.B) {
	total := benchRows()
	keys := benchKeys(4, total)
	rnd := rand.New(rand.NewPCG(5, 5))
	parents := make([]string, total)
	for i := range parents {
		parents[i] = keys[rnd.IntN(total)]
	}
	for _, d := range []database.Dialect{database.SQLite, database.Postgres} {
		b.Run(d.String(), func(b *testing.B) {
			for b.Loop() {
				db := databasetest.Open(b, d)
				o, cols, f := benchContacts("Parent", "Contact")
				cfg := table.Config{Object: o, Columns: cols}
				cfg.Lookups = []table.Lookup{{Field: f, Object: o, Match: cols[:1]}}
				w := newBenchWriter(b, db, cfg, func(i int) []string { return parents[i : i+1] })
				for at := 0; at < total; at += benchPage {
					w.page(b, keys, at)
				}
				b.ReportMetric(w.rate(total), "load-rows/s")
				started := time.Now()
				n, err := table.Heal(b.Context(), db, table.Healing{Object: o, Run: 1}, nil)
				if err != nil || int(n) < total/3 {
					b.Fatal(n, err)
				}
				b.ReportMetric(time.Since(started).Seconds(), "heal-s")
				b.ReportMetric(float64(n), "healed-rows")
			}
		})
	}
}

// BenchmarkRemove deletes a tenth of the companies that contacts point to, ten
// each, a thousand at once as a run does; the first of them makes the index
// over the lookup.
func BenchmarkRemove(b *testing.B) {
	contacts := benchRows()
	firms := contacts / 10
	companyKeys, keys := benchKeys(1, firms), benchKeys(2, contacts)
	for _, d := range []database.Dialect{database.SQLite, database.Postgres} {
		b.Run(d.String(), func(b *testing.B) {
			for b.Loop() {
				db := databasetest.Open(b, d)
				o, cols, f := benchContacts("Company", "Company")
				company := object()
				company.Name = "Company"
				w := newBenchWriter(b, db, table.Config{Object: company, Columns: columns(company, "Key!", "Name")}, nil)
				for at := 0; at < firms; at += benchPage {
					w.page(b, companyKeys, at)
				}
				lookups := []table.Lookup{{Field: f, Object: company, Match: columns(company, "Key")}}
				w = newBenchWriter(b, db, table.Config{Object: o, Columns: cols, Lookups: lookups}, func(i int) []string { return companyKeys[i%firms : i%firms+1] })
				for at := 0; at < contacts; at += benchPage {
					w.page(b, keys, at)
				}
				g := table.Gone{Object: company, Policy: crosswalk.DeleteRow, Run: 2}
				started := time.Now()
				remove := func(from, to int) {
					b.Helper()
					n, err := table.Remove(b.Context(), db, g, companyKeys[from:to], nil)
					if err != nil || int(n) != to-from {
						b.Fatal(n, err)
					}
				}
				remove(0, 1)
				b.ReportMetric(time.Since(started).Seconds(), "first-s")
				started = time.Now()
				for at := 1; at < firms/10; at += 1000 {
					remove(at, min(at+1000, firms/10))
				}
				took := time.Since(started).Seconds()
				b.ReportMetric(float64(firms/10-1)/took, "rows/s")
				b.ReportMetric(float64(firms-10)/took, "lookups/s")
			}
		})
	}
}
