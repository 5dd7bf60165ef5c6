package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Measure is one result.
type Measure struct {
	Database   string  `json:"database,omitempty"` // "" where none has a part in it
	Name       string  `json:"name"`
	Rows       int64   `json:"rows"`
	Seconds    float64 `json:"seconds"`
	RowsPerSec float64 `json:"rows_per_second"`
	Share      float64 `json:"share,omitempty"`                   // of the speed of Of
	Of         string  `json:"of,omitempty"`                      // what it is compared with
	CPU        float64 `json:"cpu_us_per_row,omitempty"`          // microseconds of processor time a row, of the process that is measured
	DBCPU      float64 `json:"database_cpu_us_per_row,omitempty"` // the same of the PostgreSQL server
	PeakBytes  int64   `json:"peak_memory_bytes,omitempty"`       // of the process that reads, where it was measured
	Allocated  int64   `json:"allocated_bytes,omitempty"`         // in all, by the process that reads
}

func measure(name string, rows int64, d time.Duration) Measure {
	seconds := max(d.Seconds(), 1e-9)
	return Measure{Name: name, Rows: rows, Seconds: seconds, RowsPerSec: float64(rows) / seconds}
}

// shareOf notes how a measure compares with another one.
func (m *Measure) shareOf(other Measure) { m.Share, m.Of = m.RowsPerSec/other.RowsPerSec, other.Name }

// slowest returns the measure with the fewest rows a second.
func slowest(measures ...Measure) Measure {
	least := measures[0]
	for _, m := range measures {
		if m.RowsPerSec < least.RowsPerSec {
			least = m
		}
	}
	return least
}

// perRow is microseconds a row.
func perRow(d time.Duration, rows int64) float64 {
	return float64(d.Microseconds()) / float64(max(rows, 1))
}

// report writes a table, a sentence, unless it is empty, and one line of JSON
// for each measure.
func report(out io.Writer, measures []Measure, verdict string) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\t\trows\tseconds\trows/s\tCPU µs/row\tdatabase\tpeak memory\tshare\tof\t")
	number := func(format string, v float64) string {
		if v == 0 {
			return ""
		}
		return fmt.Sprintf(format, v)
	}
	for _, m := range measures {
		fmt.Fprintf(w, "%s\t%s\t%d\t%.2f\t%.0f\t%s\t%s\t%s\t%s\t%s\t\n", m.Database, m.Name, m.Rows, m.Seconds, m.RowsPerSec,
			number("%.1f", m.CPU), number("%.1f", m.DBCPU), number("%.0f MiB", float64(m.PeakBytes>>20)), number("%.0f %%", m.Share*100), m.Of)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	if verdict != "" {
		fmt.Fprintf(out, "%s\n\n", verdict)
	}
	enc := json.NewEncoder(out)
	for _, m := range measures {
		if err := enc.Encode(m); err != nil {
			return err
		}
	}
	return nil
}
