package main

import (
	"encoding/json"
	"errors"
	"io"
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
