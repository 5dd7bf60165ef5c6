package queue_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/queue"
)

// noRetries make the database refuse to store that an attempt failed, as a full
// disk does.
var noRetries = map[database.Dialect][]string{
	database.SQLite: {`CREATE TRIGGER no_retries BEFORE UPDATE ON river_job WHEN OLD.state = 'running' AND NEW.state IN ('available', 'retryable') BEGIN SELECT RAISE(ABORT, 'full'); END`},
	database.Postgres: {
		`CREATE FUNCTION no_retries() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING ERRCODE = ''53100''; END'`,
		`CREATE TRIGGER no_retries BEFORE UPDATE ON river_job FOR EACH ROW WHEN (OLD.state = 'running' AND NEW.state IN ('available', 'retryable')) EXECUTE FUNCTION no_retries()`,
	},
}

// TestLost lets a slice fail when that cannot be stored. The queue knows that
// it owes an attempt, and of no other slice.
func TestLost(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := t.Context()
		worked, release := make(chan queue.Slice, 10), make(chan struct{})
		b := open(t, queue.Config{DB: dsn, Work: func(_ context.Context, s queue.Slice) (queue.Next, error) {
			worked <- s
			switch {
			case s.RunID == "long":
				<-release
			case s.Fence == 0:
				return queue.Done, errors.New("the disk is full")
			}
			return queue.Done, nil
		}})
		db, err := database.Open(ctx, dsn, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, text := range noRetries[db.Dialect()] {
			if err := db.Alter(ctx, func(ctx context.Context, tx *database.Tx) error { _, err := tx.Exec(ctx, text); return err }); err != nil {
				t.Fatal(err)
			}
		}
		b.enqueue(t, "long", 0)
		want(t, worked, queue.Slice{RunID: "long", Attempt: 1})
		b.enqueue(t, "failed", 0)
		want(t, worked, queue.Slice{RunID: "failed", Attempt: 1})
		if lost, err := b.Lost(ctx); err != nil || len(lost) != 0 {
			t.Errorf("at once %v are lost, error %v", lost, err)
		}
		var lost []string
		for began := time.Now(); len(lost) == 0; time.Sleep(100 * time.Millisecond) {
			if lost, err = b.Lost(ctx); err != nil || time.Since(began) > patience {
				t.Fatalf("nothing is lost; error %v", err)
			}
		}
		if !slices.Equal(lost, []string{"failed"}) {
			t.Errorf("lost %v", lost)
		}
		b.enqueue(t, "failed", 1)
		want(t, worked, queue.Slice{RunID: "failed", Fence: 1, Attempt: 1})
		close(release)
	})
}

// TestPoison works runs that end beside one whose every slice fails and one
// whose every slice panics: those two are parked, and nobody waits for them.
func TestPoison(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ended := make(chan string, 100)
		b := open(t, queue.Config{DB: dsn, Workers: 2, Work: func(ctx context.Context, s queue.Slice) (queue.Next, error) {
			switch {
			case s.RunID == "fails":
				return queue.Done, errors.New("bad")
			case s.RunID == "panics":
				panic("bad")
			case s.Fence < 3:
				return queue.Continue(s.Fence + 1), nil
			}
			ended <- s.RunID
			return queue.Done, nil
		}})
		runs := []string{"fails", "a", "b", "panics", "c", "d", "e"}
		for _, id := range runs {
			b.enqueue(t, id, 0)
		}
		var got []string
		for range runs[2:] {
			got = append(got, next(t, ended))
		}
		slices.Sort(got)
		if text := strings.Join(got, ""); text != "abcde" {
			t.Errorf("ended %s", text)
		}
		given := []string{next(t, b.parked).RunID, next(t, b.parked).RunID}
		slices.Sort(given)
		if !slices.Equal(given, []string{"fails", "panics"}) {
			t.Errorf("parked %v", given)
		}
	})
}
