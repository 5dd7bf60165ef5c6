package table_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/table"
)

// BenchmarkWrite upserts 200,000 rows of 20 columns with random keys into a
// fresh table, 5,000 a batch, then the same rows again, unchanged, then
// changed.
func BenchmarkWrite(b *testing.B) {
	const total, page = 200_000, 5_000
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
	for _, d := range []database.Dialect{database.SQLite, database.Postgres} {
		b.Run(d.String(), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				db := databasetest.Open(b, d)
				w, err := table.NewWriter(b.Context(), db, table.Config{Object: o, Columns: cols})
				if err != nil {
					b.Fatal(err)
				}
				one := batch(cols)
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
