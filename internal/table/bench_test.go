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

// benchConfig is that of 20 columns, the first of which is a random key.
func benchConfig() table.Config {
	o := object()
	o.Fields = o.Fields[:3]
	var cols []table.Column
	for i := range 20 {
		f := crosswalk.Field{Name: fmt.Sprintf("F%d", i), Type: crosswalk.FieldString}
		switch {
		case i == 0:
		case i < 9:
		case i < 11:
			f.Type, f.Decimals = crosswalk.FieldCurrency, 2
		case i < 15:
			f.Type = crosswalk.FieldNumber
		case i < 17:
			f.Type = crosswalk.FieldBoolean
		case i < 19:
			f.Type = crosswalk.FieldDateTime
		default:
			f.Type = crosswalk.FieldLookup
		}
		o.Fields = append(o.Fields, f)
		cols = append(cols, table.Column{Field: f, Kind: column.KindFor(&f), Identifier: i == 0})
	}
	return table.Config{Object: o, Columns: cols}
}

// BenchmarkWrite upserts 200,000 rows into a fresh table, 5,000 a batch, then
// the same rows again, unchanged, then changed.
func BenchmarkWrite(b *testing.B) {
	const total, page = 200_000, 5_000
	cfg := benchConfig()
	for _, d := range []database.Dialect{database.SQLite, database.Postgres} {
		b.Run(d.String(), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				db := databasetest.Open(b, d)
				w, err := table.NewWriter(b.Context(), db, cfg)
				if err != nil {
					b.Fatal(err)
				}
				one := batch(cfg.Columns)
				for _, round := range []string{"fresh", "unchanged", "changed"} {
					rnd := rand.New(rand.NewPCG(1, 2))
					started := b.Elapsed()
					for done := 0; done < total; done += page {
						fill(one, rnd, page, round == "changed")
						b.StartTimer()
						r, err := w.Write(b.Context(), one, nil)
						b.StopTimer()
						if err != nil {
							b.Fatal(err)
						}
						want := map[string]table.Result{"fresh": {Inserted: page}, "unchanged": {Unchanged: page}, "changed": {Updated: page}}[round]
						equalB(b, r, want)
					}
					b.ReportMetric(total/(b.Elapsed()-started).Seconds(), round+"-rows/s")
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

// BenchmarkLoad upserts rows into a fresh table, 5,000 a batch and up to 50,000
// in a transaction, and loads another one with the same rows. The two take
// turns transaction by transaction, so that what else the machine does slows
// both. The rate of the load is that with the index, which is made in the end;
// the one of adding rows is without.
func BenchmarkLoad(b *testing.B) {
	for _, d := range []database.Dialect{database.SQLite, database.Postgres} {
		b.Run(d.String(), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				upsert, load := benchLoad(b, d, false), benchLoad(b, d, true)
				for upsert.rows < benchRows() {
					upsert.group(b)
					load.group(b)
				}
				upsert.report(b, "upsert")
				load.report(b, "added")
				load.time(b, func() error { return table.Settle(b.Context(), load.db, load.table, nil) })
				load.report(b, "load")
				b.ReportMetric(upsert.took.Seconds()/load.took.Seconds(), "load/upsert")
				b.StartTimer()
			}
		})
	}
}

// loader writes rows for a benchmark.
type loader struct {
	db    *database.DB
	w     *table.Writer
	table string
	rnd   *rand.Rand
	batch *column.Batch
	rows  int
	took  time.Duration
}

func benchLoad(b *testing.B, d database.Dialect, load bool) *loader {
	b.Helper()
	cfg := benchConfig()
	cfg.Load = load
	l := &loader{db: databasetest.Open(b, d), table: cfg.Object.Table(), rnd: rand.New(rand.NewPCG(1, 2)), batch: batch(cfg.Columns)}
	var err error
	if l.w, err = table.NewWriter(b.Context(), l.db, cfg); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := l.w.Close(); err != nil {
			b.Error(err)
		}
	})
	return l
}

// group writes the rows of one transaction.
func (l *loader) group(b *testing.B) {
	b.Helper()
	for range 10 {
		fill(l.batch, l.rnd, 5_000, false)
		l.time(b, func() error {
			r, _, err := l.w.Hold(b.Context(), l.batch, nil)
			equalB(b, r, table.Result{Inserted: 5_000})
			return err
		})
	}
	l.time(b, func() error { return l.w.Commit(b.Context()) })
	l.rows += 50_000
}

func (l *loader) time(b *testing.B, do func() error) {
	b.Helper()
	begun := time.Now()
	b.StartTimer()
	defer b.StopTimer()
	if err := do(); err != nil {
		b.Fatal(err)
	}
	l.took += time.Since(begun)
}

func (l *loader) report(b *testing.B, what string) {
	b.ReportMetric(float64(l.rows)/l.took.Seconds(), what+"-rows/s")
}

func equalB(b *testing.B, got, want table.Result) {
	b.Helper()
	if got.Inserted != want.Inserted || got.Updated != want.Updated || got.Unchanged != want.Unchanged || len(got.Rejects) > 0 {
		b.Fatalf("got %+v, want %+v", got, want)
	}
}

func fill(b *column.Batch, rnd *rand.Rand, rows int, changed bool) {
	b.Reset()
	var id [16]byte
	for range rows {
		for i := range 16 {
			id[i] = byte(rnd.Uint32())
		}
		for i := range b.Columns {
			c := &b.Columns[i]
			n := int64(id[i%16])
			switch c.Kind {
			case column.Text:
				if i < 2 {
					c.AppendBytes(fmt.Appendf(nil, "%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]))
				} else {
					text := "Contoso Pharmaceuticals"
					if changed && i == 3 {
						text = "Fabrikam Pharmaceuticals"
					}
					c.AppendBytes([]byte(text))
				}
			case column.Decimal:
				c.AppendBytes([]byte("1234567.8"))
			case column.Int:
				c.AppendInt(n * 1000)
			case column.Bool:
				c.AppendInt(n & 1)
			case column.Time:
				c.AppendInt(1.7e15 + n*1e9)
			case column.GUID:
				c.AppendGUID(id)
			}
		}
		b.EndRow()
	}
}
