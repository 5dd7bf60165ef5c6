package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// results are what was measured, in this order.
type results struct {
	measures []Measure
	lines    io.Writer // gets each as a line of JSON when it is there; nil for none
	progress io.Writer // gets each in words; nil for none
}

// add keeps a measure.
func (r *results) add(m Measure) error {
	r.measures = append(r.measures, m)
	if r.progress != nil {
		fmt.Fprintf(r.progress, "%s  %s: %.0f rows/s, %.1f s\n", m.Database, m.Name, m.RowsPerSec, m.Seconds)
	}
	if r.lines == nil {
		return nil
	}
	return json.NewEncoder(r.lines).Encode(m)
}

// readResults reads lines of JSON, those of several calls one after the other.
func readResults(lines io.Reader) ([]Measure, error) {
	var list []Measure
	for dec := json.NewDecoder(lines); ; {
		var m Measure
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("result %d: %w", len(list)+1, err)
		}
		list = append(list, m)
	}
}

// report writes a table and below it, unless it is empty, a sentence.
func report(out io.Writer, measures []Measure, verdict string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\t\trows\tseconds\trows/s\tnoise\tCPU µs/row\tdatabase\tsource\tpeak memory\tshare\tof\t")
	number := func(format string, v float64) string {
		if v == 0 {
			return ""
		}
		return fmt.Sprintf(format, v)
	}
	sorted := slices.Clone(measures)
	slices.SortStableFunc(sorted, func(a, b Measure) int {
		return slices.Index(databaseNames, a.Database) - slices.Index(databaseNames, b.Database)
	})
	for _, m := range sorted {
		fmt.Fprintf(w, "%s\t%s\t%d\t%.2f\t%.0f\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", m.Database, m.Name, m.Rows, m.Seconds, m.RowsPerSec,
			number("%.0f %%", m.Noise*100), number("%.1f", m.CPU), number("%.1f", m.DBCPU), number("%.1f", m.SourceCPU),
			number("%.0f MiB", float64(m.PeakBytes>>20)), number("%.0f %%", m.Share*100), m.Of)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	if verdict != "" {
		fmt.Fprintf(out, "%s\n\n", verdict)
	}
	return nil
}

// reportLines writes a report and below it one line of JSON for each measure.
func reportLines(out io.Writer, measures []Measure, verdict string) error {
	if err := report(out, measures, verdict); err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	for _, m := range measures {
		if err := enc.Encode(m); err != nil {
			return err
		}
	}
	return nil
}
