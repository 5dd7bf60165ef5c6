package main

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// TestRun runs the benchmark with few accounts, so that it still works when
// somebody needs it.
func TestRun(t *testing.T) {
	t.Parallel()
	const accounts = 3000
	var out strings.Builder
	if err := run(t.Context(), accounts, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	head, lines, ok := strings.Cut(out.String(), "\n{")
	if !ok || !strings.Contains(head, "of the speed of its slowest stage") {
		t.Fatalf("no table above the lines of JSON:\n%s", out.String())
	}
	got := map[string]Measure{}
	for dec := json.NewDecoder(strings.NewReader("{" + lines)); ; {
		var m Measure
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		got[m.Name] = m
	}
	for _, name := range []string{"first sync (insert)", "second sync (unchanged)", "read and decode", "map", "write"} {
		if m := got[name]; m.Rows != accounts || m.RowsPerSec <= 0 {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if m := got["first sync (insert)"]; m.PeakBytes <= 0 || m.Share <= 0 {
		t.Errorf("the first sync has no peak memory or share: %+v", m)
	}
}

// TestWalk runs the benchmark of the client alone with few accounts.
func TestWalk(t *testing.T) {
	t.Parallel()
	const accounts = 12_000 // three pages, the last of which is not full
	var out strings.Builder
	if err := walk(t.Context(), accounts, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	_, lines, _ := strings.Cut(out.String(), "\n{")
	var names []string
	for dec := json.NewDecoder(strings.NewReader("{" + lines)); ; {
		var m Measure
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		names = append(names, m.Name)
		if m.Rows < accounts || m.RowsPerSec <= 0 {
			t.Errorf("%+v", m)
		}
		if m.Name == "walk of the sandbox" && (m.Rows != accounts || m.PeakBytes <= 0 || m.Share <= 0) {
			t.Errorf("no memory or share, or other rows: %+v", m)
		}
	}
	if want := []string{"walk of the sandbox", "walk of recorded pages", "decoder alone"}; !slices.Equal(names, want) {
		t.Errorf("measured %q, want %q in\n%s", names, want, out.String())
	}
}
