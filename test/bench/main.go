// Command bench measures syncs from end to end, the way an installation does
// them: a sandbox and a server as two processes, HTTP between them, SQLite or
// PostgreSQL behind. In the same call it measures each stage alone, so that the
// result can be read on any machine: no sync can be faster than its slowest
// stage. What it measures it measures twice, so that the noise shows, and a
// run in turns with the stage it ends with: the speed of machines moves.
//
//	make bench
//	go run ./test/bench -accounts 1000000 -database postgres -scenario first,changed
//
// A large benchmark can be done in several calls, each of which appends its
// results to a file, and be shown as one table:
//
//	go run ./test/bench -accounts 1000000 -database sqlite -scenario first,upsert -out bench.jsonl
//	go run ./test/bench -accounts 1000000 -database sqlite -scenario thinking -out bench.jsonl
//	go run ./test/bench -report bench.jsonl
//
// With -walk it measures the client alone: all accounts are read, decoded and
// thrown away. It ends with status 1 when the client is too far from its
// decoder or takes too much memory, or the sandbox serves too slowly.
//
//	go run ./test/bench -walk -accounts 1000000
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
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
	contacts := flag.Int("contacts", 0, "number of contacts of the scenario derived (half the accounts)")
	databases := flag.String("database", strings.Join(databaseNames, ","), "which databases, separated by commas")
	which := flag.String("scenario", strings.Join(scenarioNames(), ","), "which scenarios, separated by commas; none measures the stages alone")
	file := flag.String("out", "", "also append the results to this file, a line of JSON each as soon as it is there")
	saved := flag.String("report", "", "measure nothing and show the results in this file")
	alone := flag.Bool("walk", false, "read with the client alone and store nothing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case *saved != "":
		err = show(*saved)
	case *alone:
		err = walk(ctx, orElse(*accounts, 1_000_000), os.Stdout, os.Stderr)
	default:
		o := options{accounts: orElse(*accounts, 200_000)}
		o.contacts = orElse(*contacts, o.accounts/2)
		if o.databases, err = chosen(*databases, databaseNames); err == nil {
			o.scenarios, err = chosen(*which, scenarioNames())
		}
		if err == nil {
			err = runInto(ctx, o, *file)
		}
	}
	if err != nil {
		log.Fatal(err)
	}
}

// runInto measures, shows the results, and appends them to a file unless its
// name is empty.
func runInto(ctx context.Context, o options, name string) (err error) {
	r := &results{progress: os.Stderr}
	if name != "" {
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		r.lines = f
	}
	if err := run(ctx, o, r); err != nil {
		return err
	}
	return reportLines(os.Stdout, r.measures, "")
}

// show prints the results in a file.
func show(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	measures, err := readResults(f)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return report(os.Stdout, measures, "")
}

func orElse(n, other int) int {
	if n > 0 {
		return n
	}
	return other
}

// chosen splits a list whose entries must be among all.
func chosen(list string, all []string) ([]string, error) {
	if list == "none" {
		return nil, nil
	}
	names := strings.Split(list, ",")
	for _, n := range names {
		if !slices.Contains(all, n) {
			return nil, fmt.Errorf("there is no %q; there are %s", n, strings.Join(all, ", "))
		}
	}
	return names, nil
}
