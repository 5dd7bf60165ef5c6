package kill

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestKilledWhileIndexing kills a server with SIGKILL exactly in each part of
// the end of a first load: before the step is stored, while the index is made
// (which PostgreSQL can be kept from), when it is made, when the counts are
// corrected, and when the step is over. Each time the end begins again, and
// leaves each row once under one index.
func TestKilledWhileIndexing(t *testing.T) {
	t.Parallel()
	for _, d := range []database.Dialect{database.SQLite, database.Postgres} {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			h := emptyHouse(t, dsnOf(t, d), filepath.Join(t.TempDir(), "data"), sandbox.Config{Seed: 5, Users: 5, Accounts: 2000, Contacts: -1})
			f := h.load([]string{"name"}) // which some have in common
			run, release := f.run(39)

			const index = `LIKE '%"step":"` + string(crosswalk.StepIndex) + `"%'`
			kill := f.server.Kill
			for n, point := range []struct {
				name, event, table, when string
				loading                  bool
			}{
				{"the step begins", "UPDATE", "cw_runs", "NEW.checkpoint_json " + index, true},
				{"the index is being made", "", "", "", true},
				{"the index is made", "DELETE", "cw_loads", "OLD.run > 0", true},
				{"the counts are corrected", "UPDATE", "cw_runs", "NEW.inserted < OLD.inserted", true},
				{"the step is over", "UPDATE", "cw_runs", "OLD.checkpoint_json " + index + " AND NOT NEW.checkpoint_json " + index, false},
			} {
				if point.event == "" && d == database.SQLite {
					continue
				}
				began := time.Now()
				var stop interface {
					wait(what string)
					remove()
				}
				if point.event == "" {
					stop = f.keepOff()
				} else {
					stop = f.trapAt(point.event, point.table, point.when)
				}
				if n == 0 {
					release()
				} else {
					kill = f.launch()
				}
				stop.wait(point.name)
				f.must(kill())
				stop.remove()
				want := int64(0)
				if !point.loading {
					want = 1
				}
				if f.loading() != point.loading || f.indexes() != want || point.loading && f.count() != 2000 {
					t.Errorf("%s: being filled: %v, %d unique indexes, %d rows", point.name, f.loading(), f.indexes(), f.count())
				}
				t.Logf("%s: after %s", point.name, time.Since(began).Round(time.Millisecond))
			}

			f.start()
			f.whole(run)
			if f.count() == 2000 {
				t.Error("no two records have a row in common")
			}
		})
	}
}

// kept is a lock of PostgreSQL that keeps an index from being made.
type kept struct {
	*firstLoad
	db *database.DB
	tx pgx.Tx
}

// keepOff keeps the index from being made.
func (f *firstLoad) keepOff() *kept {
	f.Helper()
	db, err := database.Open(f.ctx, f.dsn, nil)
	f.must(err)
	k := &kept{firstLoad: f, db: db}
	k.tx, err = db.Pool().Begin(f.ctx)
	f.must(err)
	for _, text := range []string{"SET idle_in_transaction_session_timeout = 0", "LOCK TABLE place__gc IN ROW EXCLUSIVE MODE"} {
		_, err = k.tx.Exec(f.ctx, text)
		f.must(err)
	}
	return k
}

// wait waits until the index is about to be made.
func (k *kept) wait(what string) {
	k.Helper()
	for began := time.Now(); k.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'CREATE UNIQUE INDEX%'") == 0; time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			k.Fatalf("%s: it does not get there", what)
		}
	}
}

// remove lets the index be made, when who wanted to is dead.
func (k *kept) remove() {
	k.Helper()
	defer k.db.Close()
	k.number("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE UNIQUE INDEX%'")
	k.must(k.tx.Rollback(k.ctx))
}
