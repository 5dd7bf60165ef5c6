package database_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	osexec "os/exec"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
)

// killedVariable names the database of a process that is to be killed in the
// middle of a migration.
const killedVariable = "DATABASE_TEST_KILLED"

func TestMain(m *testing.M) {
	if dsn := os.Getenv(killedVariable); dsn != "" {
		fmt.Fprintln(os.Stderr, migrateForever(dsn))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// first and endless are the steps of a process that never ends the second.
var (
	first   = database.Migration{Name: "first", SQL: "CREATE TABLE a (x {text}); INSERT INTO a (x) VALUES ('old')"}
	endless = map[database.Dialect]string{
		database.SQLite:   "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c",
		database.Postgres: "SELECT pg_sleep(600)",
	}
)

func migrateForever(dsn string) error {
	db, err := database.Open(context.Background(), dsn, nil)
	if err != nil {
		return err
	}
	return db.Migrate(context.Background(), []database.Migration{first, {
		Name: "second", SQL: "UPDATE a SET x = 'half'; CREATE TABLE b (x {int}); INSERT INTO b (x) VALUES (1); " + endless[db.Dialect()],
	}})
}

// TestKilledInTheMiddleOfAMigration kills a process with SIGKILL in the middle
// of a step. The next one finds nothing of the step and does it as a whole.
func TestKilledInTheMiddleOfAMigration(t *testing.T) {
	t.Parallel()
	for _, d := range []database.Dialect{database.SQLite, database.Postgres} {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			dsn := databasetest.DSN(t, d)
			victim := osexec.Command(os.Args[0])
			victim.Env = append(os.Environ(), killedVariable+"="+dsn)
			victim.Stderr = t.Output()
			if err := victim.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() { _ = victim.Wait(); close(ended) }()
			db, err := database.Open(t.Context(), dsn, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			for began := time.Now(); !inTheMiddle(t, db); time.Sleep(20 * time.Millisecond) {
				select {
				case <-ended:
					t.Fatal("it ended by itself")
				default:
				}
				if time.Since(began) > 30*time.Second {
					t.Fatal("it does not get there")
				}
			}
			if err := victim.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			<-ended

			began := time.Now()
			second := database.Migration{Name: "second", SQL: "CREATE TABLE b (x {int}); INSERT INTO b (x) VALUES (2)"}
			if err := db.Migrate(t.Context(), []database.Migration{first, second}); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("what the dead process had asked for held the next one up for %s", took)
			}
			var steps, old string
			var b int
			err = db.QueryRow(t.Context(), `SELECT (SELECT string_agg(name, ' ') FROM (SELECT name FROM cw_migrations ORDER BY version) m),
				(SELECT string_agg(x, ' ') FROM a), (SELECT sum(x) FROM b)`).Scan(&steps, &old, &b)
			if err != nil || steps != "first second" || old != "old" || b != 2 {
				t.Errorf("steps %q, a %q, b %d, error %v", steps, old, b, err)
			}
		})
	}
}

// inTheMiddle reports whether another process is at the statement that does
// not end.
func inTheMiddle(t *testing.T, db *database.DB) bool {
	t.Helper()
	if db.Dialect() == database.Postgres {
		var n int
		if err := db.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
	// It holds the file for longer than any other step takes.
	raw, err := sql.Open("sqlite", "file:"+db.Path()+"?_pragma=busy_timeout(500)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	tx, err := raw.BeginTx(t.Context(), nil)
	if err == nil {
		_ = tx.Rollback()
	}
	return err != nil
}
