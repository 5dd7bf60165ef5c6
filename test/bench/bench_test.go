package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// TestRun runs the benchmark with few accounts, so that it still works when
// somebody needs it.
func TestRun(t *testing.T) {
	t.Parallel()
	const accounts = 3000
	var lines strings.Builder
	r := &results{lines: &lines}
	if err := run(t.Context(), options{accounts, accounts / 2, databaseNames, scenarioNames()}, r); err != nil {
		t.Fatal(err)
	}
	read, err := readResults(strings.NewReader(lines.String()))
	if diff := cmp.Diff(r.measures, read); err != nil || diff != "" {
		t.Errorf("lines of JSON, %v (-measured +read):\n%s", err, diff)
	}
	var table strings.Builder
	if err := report(&table, r.measures, ""); err != nil {
		t.Fatal(err)
	}
	got := map[string]Measure{}
	for _, m := range r.measures {
		if !strings.Contains(table.String(), m.Name) {
			t.Errorf("%s is not in the table\n%s", m.Name, &table)
		}
		got[m.Database+m.Name] = m
	}
	stages := []string{"decoder alone", "read and decode", "read and decode, again", "map", "null sink", "null sink, again"}
	for _, database := range databaseNames {
		stages = append(stages, database+"write a first load", database+"write new rows", database+"write changed rows", database+"write unchanged rows")
		for scenario, rows := range map[string]int64{
			"first load": accounts, "upsert": accounts, "all changed": accounts, "unchanged": accounts, "1 % changed": accounts,
			"3 changed of 300": 3, "3 changed of 3000": 3, "thinking, 1 stream": accounts, "thinking, 4 streams": accounts,
			"thinking, 8 streams": accounts, "thinking, 8 streams, tracked": accounts,
			"contacts": accounts / 2, "contacts with a derived lookup": accounts / 2,
		} {
			for _, again := range []string{"", ", again"} {
				m := got[database+scenario+again]
				if m.Rows < rows || m.RowsPerSec <= 0 || m.PeakBytes <= 0 || m.PeakBytes > 100e6 {
					t.Errorf("%s, %s%s: %+v", database, scenario, again, m)
				}
				if rows == 3 && m.Rows > 3 {
					t.Errorf("%s, %s%s: %d rows were read", database, scenario, again, m.Rows)
				}
			}
		}
		if m := got[database+"all changed"]; m.Share <= 0 || m.Of == "" {
			t.Errorf("all changed has no share: %+v", m)
		}
		if m := got[database+"thinking, 1 stream"]; m.Seconds < thought.Seconds() {
			t.Errorf("the server did not think: %+v", m)
		}
	}
	for _, m := range r.measures {
		first, again := strings.CutSuffix(m.Name, ", again")
		if was := got[m.Database+first].RowsPerSec; again && math.Abs(m.Noise-math.Abs(m.RowsPerSec/was-1)) > 1e-9 || !again && m.Noise != 0 {
			t.Errorf("%s, %s: %v of noise", m.Database, m.Name, m.Noise)
		}
	}
	var inDatabase float64
	for _, stage := range stages {
		inDatabase += got[stage].DBCPU
		if m := got[stage]; m.Rows < accounts || m.RowsPerSec <= 0 || m.CPU <= 0 {
			t.Errorf("%s: %+v", stage, m)
		}
	}
	if inDatabase <= 0 {
		t.Error("writing took PostgreSQL no time")
	}
}

// TestCompared finds the rows that are other ones than before.
func TestCompared(t *testing.T) {
	t.Parallel()
	specs := []column.Spec{{Name: "t", Kind: column.Text}, {Name: "n", Kind: column.Int}, {Name: "id", Kind: column.GUID}}
	batch := func(texts ...string) *column.Batch {
		b := column.NewBatch(specs)
		for i, text := range texts {
			b.Columns[0].AppendBytes([]byte(text))
			b.Columns[1].AppendInt(int64(len(text)))
			if text != "" {
				b.Columns[2].AppendGUID([16]byte{byte(i)})
			}
			b.EndRow()
		}
		return b
	}
	c := compared{with: []*column.Batch{batch("a", "b", "", "d"), batch("e")}}
	w, err := c.Write(t.Context(), batch("a", "bb", "c", "d"), pipeline.Progress{})
	if err != nil || w.Unchanged != 2 || w.Updated != 2 {
		t.Errorf("%+v, %v", w, err)
	}
	if _, err := c.Write(t.Context(), batch("e", "f"), pipeline.Progress{}); err == nil {
		t.Error("a page of another size is none")
	}
}

// TestMain plays the parts that the benchmark has in processes of their own:
// they are this test.
func TestMain(m *testing.M) {
	if played, err := play(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	} else if !played {
		os.Exit(m.Run())
	}
}

// TestWalk runs the benchmark of the client alone with few accounts. How fast
// it is depends on the machine; how much memory it takes does not.
func TestWalk(t *testing.T) {
	t.Parallel()
	const accounts = 62_000 // the last page is not full
	w, err := measureWalks(t.Context(), accounts, 1, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range w.list() {
		if m.Rows < accounts || m.RowsPerSec <= 0 {
			t.Errorf("%+v", m)
		}
	}
	if w.Live.Rows != accounts || w.Live.Share <= 0 || w.Recorded.Share <= 0 {
		t.Errorf("other rows, or no shares: %+v", w)
	}
	for _, m := range []Measure{w.Live, w.Recorded} {
		if m.PeakBytes <= 0 || m.PeakBytes > mostMemory {
			t.Errorf("the %s took %d bytes; the most is %d", m.Name, m.PeakBytes, mostMemory)
		}
		if m.Allocated <= 0 || m.Allocated > 40<<20 { // buffers are a good part of it, and stay the same for more rows
			t.Errorf("the %s allocated %d bytes for %d rows", m.Name, m.Allocated, m.Rows)
		}
	}
	var out strings.Builder
	if err := reportLines(&out, w.list(), w.verdict()); err != nil {
		t.Fatal(err)
	}
	table, lines, _ := strings.Cut(out.String(), "\n{")
	read, err := readResults(strings.NewReader("{" + lines))
	if diff := cmp.Diff(w.list(), read); err != nil || diff != "" {
		t.Errorf("lines of JSON, %v (-measured +read):\n%s", err, diff)
	}
	for _, m := range w.list() {
		if !strings.Contains(table, m.Name) {
			t.Errorf("%s is not in the table\n%s", m.Name, &out)
		}
	}
}

// TestTwice measures things in turns and tells how far apart they are.
func TestTwice(t *testing.T) {
	t.Parallel()
	speed := 80.0
	once := func(name string) (Measure, error) {
		speed += 20
		return Measure{Name: name, RowsPerSec: speed}, nil
	}
	var r results
	if err := twice(r.add, thing{"a", once}, thing{"b", once}); err != nil {
		t.Fatal(err)
	}
	want := []Measure{{Name: "a", RowsPerSec: 100}, {Name: "b", RowsPerSec: 120}, {Name: "a, again", RowsPerSec: 140, Noise: 0.4}, {Name: "b, again", RowsPerSec: 160, Noise: 40.0 / 120}}
	if diff := cmp.Diff(want, r.measures); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCheck finds out what falls short.
func TestCheck(t *testing.T) {
	t.Parallel()
	good := func() *walks {
		return &walks{
			Recorded: Measure{Name: "walk of recorded pages", Share: leastShare, PeakBytes: mostMemory},
			Live:     Measure{Name: "walk of the sandbox", Share: 0.3, PeakBytes: mostMemory},
			Serving:  Measure{RowsPerSec: leastServing},
		}
	}
	if err := good().check(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*walks){
		"reaches 84 % of the decoder alone":  func(w *walks) { w.Recorded.Share = 0.84 },
		"walk of recorded pages took 65 MiB": func(w *walks) { w.Recorded.PeakBytes = 65 << 20 },
		"walk of the sandbox took 70 MiB":    func(w *walks) { w.Live.PeakBytes = 70 << 20 },
		"serves 149999 rows a second":        func(w *walks) { w.Serving.RowsPerSec = 149_999 },
	} {
		w := good()
		spoil(w)
		if err := w.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestBest keeps the faster of two measures and the most memory of both.
func TestBest(t *testing.T) {
	t.Parallel()
	var m Measure
	for _, n := range []Measure{{RowsPerSec: 2, PeakBytes: 5}, {RowsPerSec: 3, PeakBytes: 4}, {RowsPerSec: 1, PeakBytes: 7}} {
		m.best(n)
	}
	if (m != Measure{RowsPerSec: 3, PeakBytes: 7}) {
		t.Errorf("%+v", m)
	}
}
