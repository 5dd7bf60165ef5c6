package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// TestRun runs the benchmark with few accounts, so that it still works when
// somebody needs it.
func TestRun(t *testing.T) {
	t.Parallel()
	const accounts = 3000
	var out strings.Builder
	if err := run(t.Context(), options{accounts, accounts / 2, databaseNames, scenarioNames()}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	table, lines, _ := strings.Cut(out.String(), "\n{")
	got := map[string]Measure{}
	for dec := json.NewDecoder(strings.NewReader("{" + lines)); ; {
		var m Measure
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(table, m.Name) {
			t.Errorf("%s is not in the table\n%s", m.Name, table)
		}
		got[m.Database+m.Name] = m
	}
	stages := []string{"decoder alone", "read and decode", "map", "all but writing"}
	for _, database := range databaseNames {
		stages = append(stages, database+"write new rows", database+"write changed rows", database+"write unchanged rows")
		for scenario, rows := range map[string]int64{
			"first load": accounts, "all changed": accounts, "unchanged": accounts, "few changed": accounts / 100,
			"thinking server, 1 stream": accounts, "contacts": accounts / 2, "contacts with a derived lookup": accounts / 2,
		} {
			for _, m := range []Measure{got[database+scenario], got[database+scenario+", again"]} {
				if m.Rows < rows || m.RowsPerSec <= 0 || m.PeakBytes <= 0 {
					t.Errorf("%s, %s: %+v", database, scenario, m)
				}
			}
		}
		if m := got[database+"all changed"]; m.Share <= 0 || m.Of == "" {
			t.Errorf("all changed has no share: %+v", m)
		}
		if m := got[database+"thinking server, 1 stream"]; m.Seconds < thought.Seconds() {
			t.Errorf("the server did not think: %+v", m)
		}
	}
	for _, stage := range stages {
		if m := got[stage]; m.Rows < accounts || m.RowsPerSec <= 0 || m.CPU <= 0 {
			t.Errorf("%s: %+v", stage, m)
		}
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
	if err := report(&out, w.list(), w.verdict()); err != nil {
		t.Fatal(err)
	}
	table, lines, _ := strings.Cut(out.String(), "\n{")
	dec := json.NewDecoder(strings.NewReader("{" + lines))
	for _, want := range w.list() {
		var got Measure
		if err := dec.Decode(&got); err != nil || got != want || !strings.Contains(table, want.Name) {
			t.Errorf("%+v, %v: want %+v in\n%s", got, err, want, &out)
		}
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
