package main

import (
	"math"
	"time"
)

// Measure is one result.
type Measure struct {
	Database   string  `json:"database,omitempty"` // "" where none has a part in it
	Name       string  `json:"name"`
	Rows       int64   `json:"rows"`
	Seconds    float64 `json:"seconds"`
	RowsPerSec float64 `json:"rows_per_second"`
	Noise      float64 `json:"noise,omitempty"`                   // how far it is from the same thing before, as a part of that
	Share      float64 `json:"share,omitempty"`                   // of the speed of Of
	Of         string  `json:"of,omitempty"`                      // what it is compared with
	CPU        float64 `json:"cpu_us_per_row,omitempty"`          // microseconds of processor time a row, of the process that is measured
	DBCPU      float64 `json:"database_cpu_us_per_row,omitempty"` // the same of the PostgreSQL server
	SourceCPU  float64 `json:"source_cpu_us_per_row,omitempty"`   // the same of the sandbox
	PeakBytes  int64   `json:"peak_memory_bytes,omitempty"`       // of the process that reads, where it was measured
	Allocated  int64   `json:"allocated_bytes,omitempty"`         // in all, by the process that reads
}

func measure(name string, rows int64, d time.Duration) Measure {
	seconds := max(d.Seconds(), 1e-9)
	return Measure{Name: name, Rows: rows, Seconds: seconds, RowsPerSec: float64(rows) / seconds}
}

// shareOf notes how a measure compares with another one.
func (m *Measure) shareOf(other Measure) { m.Share, m.Of = m.RowsPerSec/other.RowsPerSec, other.Name }

// thing is something to measure, under a name.
type thing struct {
	name string
	once func(name string) (Measure, error)
}

// twice measures things in turns, each two times, the second time under its
// name with ", again", and notes how far apart the two are.
func twice(add func(Measure) error, things ...thing) error {
	before := map[string]Measure{}
	for _, again := range []string{"", ", again"} {
		for _, t := range things {
			m, err := t.once(t.name + again)
			if err != nil {
				return err
			}
			if first, ok := before[t.name]; ok {
				m.Noise = math.Abs(m.RowsPerSec-first.RowsPerSec) / first.RowsPerSec
			}
			before[t.name] = m
			if err := add(m); err != nil {
				return err
			}
		}
	}
	return nil
}

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
