// Command bench measures syncs from end to end, the way an installation does
// them: a sandbox and a server as two processes, HTTP between them, SQLite or
// PostgreSQL behind. In the same run it measures each stage alone, so that the
// result can be read on any machine: no sync can be faster than its slowest
// stage. What it measures it measures twice, so that the noise shows.
//
//	make bench
//	go run ./test/bench -accounts 1000000 -database postgres -scenario first,changed
//
// With -walk it measures the client alone: all accounts are read, decoded and
// thrown away. It ends with status 1 when the client is too far from its
// decoder or takes too much memory, or the sandbox serves too slowly.
//
//	go run ./test/bench -walk -accounts 1000000
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"slices"
	"strings"
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
	alone := flag.Bool("walk", false, "read with the client alone and store nothing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *alone {
		err = walk(ctx, orElse(*accounts, 1_000_000), os.Stdout, os.Stderr)
	} else {
		o := options{accounts: orElse(*accounts, 200_000)}
		o.contacts = orElse(*contacts, o.accounts/2)
		if o.databases, err = chosen(*databases, databaseNames); err == nil {
			o.scenarios, err = chosen(*which, scenarioNames())
		}
		if err == nil {
			err = run(ctx, o, os.Stdout, os.Stderr)
		}
	}
	if err != nil {
		log.Fatal(err)
	}
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
