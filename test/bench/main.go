// Command bench measures a Company Sync from end to end, the way an
// installation does it: a sandbox and a server as two processes, HTTP between
// them, SQLite behind. In the same run it measures each stage alone, so that
// the result can be read on any machine: no sync can be faster than its
// slowest stage.
//
//	make bench
//	go run ./test/bench -accounts 50000
//
// With -walk it measures the client alone: all accounts are read, decoded and
// thrown away. It ends with status 1 when the client is too far from its
// decoder or takes too much memory, or the sandbox serves too slowly.
//
//	go run ./test/bench -walk -accounts 1000000
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"text/tabwriter"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	if played, err := play(); err != nil {
		log.Fatal(err)
	} else if played {
		return
	}
	accounts := flag.Int("accounts", 0, "number of accounts (200,000, and 1,000,000 with -walk)")
	alone := flag.Bool("walk", false, "read with the client alone and store nothing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	measureIt, number := run, 200_000
	if *alone {
		measureIt, number = walk, 1_000_000
	}
	if *accounts > 0 {
		number = *accounts
	}
	if err := measureIt(ctx, number, os.Stdout, os.Stderr); err != nil {
		log.Fatal(err)
	}
}

// Measure is one result.
type Measure struct {
	Name       string  `json:"name"`
	Rows       int64   `json:"rows"`
	Seconds    float64 `json:"seconds"`
	RowsPerSec float64 `json:"rows_per_second"`
	PeakBytes  int64   `json:"peak_memory_bytes,omitempty"` // of the process that reads, where it was measured
	Share      float64 `json:"share,omitempty"`             // of the speed of what it is compared with
	Allocated  int64   `json:"allocated_bytes,omitempty"`   // in all, by the process that reads
}

func measure(name string, rows int64, d time.Duration) Measure {
	seconds := max(d.Seconds(), 1e-9)
	return Measure{Name: name, Rows: rows, Seconds: seconds, RowsPerSec: float64(rows) / seconds}
}

// run measures and writes a table and, below it, one line of JSON for each
// measure to out. Progress goes to progress.
func run(ctx context.Context, accounts int, out, progress io.Writer) error {
	dir, err := os.MkdirTemp("", "crosswalk-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	sync, err := newSystem(dir, accounts, progress)
	if err != nil {
		return err
	}
	defer sync.close()

	fmt.Fprintf(progress, "syncing %d accounts from end to end\n", accounts)
	first, err := sync.run(ctx, "first sync (insert)", int64(accounts))
	if err != nil {
		return err
	}
	second, err := sync.run(ctx, "second sync (unchanged)", int64(accounts))
	if err != nil {
		return err
	}
	sync.server.Kill()

	fmt.Fprintln(progress, "measuring the stages alone")
	stages, err := measureStages(ctx, dir, sync.sandbox.Ready.URL, progress)
	if err != nil {
		return err
	}
	slowest := stages[0]
	for _, s := range stages {
		if s.RowsPerSec < slowest.RowsPerSec {
			slowest = s
		}
	}
	first.Share = first.RowsPerSec / slowest.RowsPerSec
	verdict := fmt.Sprintf("The first sync reaches %.0f %% of the speed of its slowest stage (%s).", first.Share*100, slowest.Name)
	return report(out, append([]Measure{first, second}, stages...), verdict)
}

func report(out io.Writer, measures []Measure, verdict string) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\trows\tseconds\trows/s\tpeak memory\tshare\t")
	for _, m := range measures {
		memory, share := "", ""
		if m.PeakBytes > 0 {
			memory = fmt.Sprintf("%d MiB", m.PeakBytes>>20)
		}
		if m.Share > 0 {
			share = fmt.Sprintf("%.0f %%", m.Share*100)
		}
		fmt.Fprintf(w, "%s\t%d\t%.2f\t%.0f\t%s\t%s\t\n", m.Name, m.Rows, m.Seconds, m.RowsPerSec, memory, share)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s\n\n", verdict)
	enc := json.NewEncoder(out)
	for _, m := range measures {
		if err := enc.Encode(m); err != nil {
			return err
		}
	}
	return nil
}
