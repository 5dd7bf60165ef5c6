package queue_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/queue"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// each runs a test on both databases.
func each(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Parallel()
	for _, d := range []database.Dialect{database.SQLite, database.Postgres} {
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			t.Parallel()
			test(t, databasetest.DSN(t, d))
		})
	}
}

// parked is a slice that was given up.
type parked struct {
	queue.Slice
	Err string
}

// bench is a queue under test with what it did.
type bench struct {
	*queue.Queue
	parked chan parked
}

// open opens and starts a queue; it is stopped when the test ends, unless the
// test stops it.
func open(t *testing.T, c queue.Config) *bench {
	t.Helper()
	b := &bench{parked: make(chan parked, 10)}
	c.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	c.Backoff = func(int) time.Duration { return time.Millisecond }
	refuse := c.Park
	c.Park = func(ctx context.Context, s queue.Slice, err error) error {
		if refuse != nil {
			if err := refuse(ctx, s, err); err != nil {
				return err
			}
		}
		b.parked <- parked{s, err.Error()}
		return nil
	}
	var err error
	if b.Queue, err = queue.Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.stop(t) })
	return b
}

// stop stops the queue, once.
func (b *bench) stop(t *testing.T) {
	t.Helper()
	if b.Queue == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Stop(ctx); err != nil {
		t.Error(err)
	}
	b.Queue = nil
}

func (b *bench) enqueue(t *testing.T, runID string, fence int64) {
	t.Helper()
	if err := b.Enqueue(t.Context(), queue.Slice{RunID: runID, Fence: fence}); err != nil {
		t.Fatal(err)
	}
}

// next waits for what a test expects on a channel.
func next[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("nothing came within %s", patience)
		panic("unreachable")
	}
}

// want waits for n values and compares them.
func want[T any](t *testing.T, c <-chan T, values ...T) {
	t.Helper()
	var got []T
	for range values {
		got = append(got, next(t, c))
	}
	if diff := cmp.Diff(values, got); diff != "" {
		t.Errorf("worked (-want +got):\n%s", diff)
	}
}

func TestSlicesFollowOneAnother(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		worked := make(chan queue.Slice, 10)
		b := open(t, queue.Config{DB: dsn, Work: func(_ context.Context, s queue.Slice) (queue.Next, error) {
			worked <- s
			if s.Fence == 3 {
				return queue.Done, nil
			}
			return queue.Continue(s.Fence + 1), nil
		}})
		b.enqueue(t, "run-1", 0)
		want(t, worked,
			queue.Slice{RunID: "run-1", Fence: 0, Attempt: 1},
			queue.Slice{RunID: "run-1", Fence: 1, Attempt: 1},
			queue.Slice{RunID: "run-1", Fence: 2, Attempt: 1},
			queue.Slice{RunID: "run-1", Fence: 3, Attempt: 1})
	})
}

// TestParkedLater cannot give a slice up at first, such as while the database
// is away: it is not forgotten.
func TestParkedLater(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		var tried, refused atomic.Int64
		b := open(t, queue.Config{
			DB: dsn,
			Work: func(context.Context, queue.Slice) (queue.Next, error) {
				tried.Add(1)
				return queue.Done, errors.New("broken")
			},
			Park: func(context.Context, queue.Slice, error) error {
				if refused.Add(1) == 1 {
					return errors.New("the database is away")
				}
				return nil
			},
		})
		b.enqueue(t, "run-1", 0)
		if p := next(t, b.parked); p.RunID != "run-1" || p.Attempt != queue.MaxAttempts || tried.Load() != queue.MaxAttempts+1 {
			t.Errorf("parked %+v after %d attempts", p, tried.Load())
		}
	})
}

func TestEnqueueTwiceIsWorkedOnce(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		worked := make(chan queue.Slice, 10)
		b := open(t, queue.Config{DB: dsn, Workers: 1, Work: func(_ context.Context, s queue.Slice) (queue.Next, error) {
			worked <- s
			return queue.Done, nil
		}})
		b.enqueue(t, "run-1", 7)
		b.enqueue(t, "run-1", 7)
		want(t, worked, queue.Slice{RunID: "run-1", Fence: 7, Attempt: 1})
		b.enqueue(t, "run-1", 7)
		b.enqueue(t, "run-1", 8)
		b.enqueue(t, "run-2", 7)
		want(t, worked, queue.Slice{RunID: "run-1", Fence: 8, Attempt: 1}, queue.Slice{RunID: "run-2", Fence: 7, Attempt: 1})
	})
}

func TestParkedAfterTheLastAttempt(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		worked := make(chan queue.Slice, 10)
		b := open(t, queue.Config{DB: dsn, Work: func(ctx context.Context, s queue.Slice) (queue.Next, error) {
			worked <- s
			queue.Took(ctx, s.Fence+1)
			return queue.Done, fmt.Errorf("attempt %d broke", s.Attempt)
		}})
		b.enqueue(t, "run-1", 10)
		want(t, worked,
			queue.Slice{RunID: "run-1", Fence: 10, Attempt: 1},
			queue.Slice{RunID: "run-1", Fence: 11, Attempt: 2, Unsure: true},
			queue.Slice{RunID: "run-1", Fence: 12, Attempt: 3, Unsure: true},
			queue.Slice{RunID: "run-1", Fence: 13, Attempt: 4, Unsure: true},
			queue.Slice{RunID: "run-1", Fence: 14, Attempt: 5, Unsure: true})
		want(t, b.parked, parked{queue.Slice{RunID: "run-1", Fence: 15, Attempt: 5, Unsure: true}, "attempt 5 broke"})
	})
}

func TestPanicIsAFailedAttempt(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		worked := make(chan queue.Slice, 10)
		b := open(t, queue.Config{DB: dsn, Work: func(ctx context.Context, s queue.Slice) (queue.Next, error) {
			worked <- s
			if s.Attempt == 2 {
				return queue.Done, nil
			}
			queue.Took(ctx, 5)
			panic("on fire")
		}})
		b.enqueue(t, "run-1", 4)
		want(t, worked, queue.Slice{RunID: "run-1", Fence: 4, Attempt: 1}, queue.Slice{RunID: "run-1", Fence: 5, Attempt: 2, Unsure: true})
	})
}

func TestEverlastingPanicIsParked(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		b := open(t, queue.Config{DB: dsn, Work: func(context.Context, queue.Slice) (queue.Next, error) { panic("on fire") }})
		b.enqueue(t, "run-1", 4)
		p := next(t, b.parked)
		if p.Attempt != queue.MaxAttempts || !strings.Contains(p.Err, "panic in a slice of run run-1: on fire") {
			t.Errorf("parked %+v", p)
		}
	})
}

func TestSnoozeIsNoAttempt(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		worked := make(chan queue.Slice, 20)
		var n atomic.Int64
		b := open(t, queue.Config{DB: dsn, Work: func(ctx context.Context, s queue.Slice) (queue.Next, error) {
			worked <- s
			switch n.Add(1) {
			case 1:
				return queue.Snooze(time.Millisecond), nil
			case 2:
				queue.Took(ctx, 1)
				return queue.Snooze(time.Millisecond), nil
			case 3:
				return queue.Done, errors.New("broken")
			case 4, 5, 6, 7, 8, 9:
				return queue.Snooze(0), nil
			}
			return queue.Done, nil
		}})
		b.enqueue(t, "run-1", 0)
		first, again := queue.Slice{RunID: "run-1", Attempt: 1}, queue.Slice{RunID: "run-1", Attempt: 1, Unsure: true}
		took, second := queue.Slice{RunID: "run-1", Fence: 1, Attempt: 1, Unsure: true}, queue.Slice{RunID: "run-1", Fence: 1, Attempt: 2, Unsure: true}
		want(t, worked, first, again, took, second, second, second, second, second, second, second)
	})
}

func TestStopGivesBackWhatItInterrupts(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		started := make(chan queue.Slice, 1)
		b := open(t, queue.Config{DB: dsn, Work: func(ctx context.Context, s queue.Slice) (queue.Next, error) {
			queue.Took(ctx, s.Fence+1)
			started <- s
			<-ctx.Done()
			return queue.Done, ctx.Err()
		}})
		b.enqueue(t, "run-1", 0)
		want(t, started, queue.Slice{RunID: "run-1", Fence: 0, Attempt: 1})
		b.stop(t)

		worked := make(chan queue.Slice, 1)
		open(t, queue.Config{DB: dsn, Work: func(_ context.Context, s queue.Slice) (queue.Next, error) {
			worked <- s
			return queue.Done, nil
		}})
		want(t, worked, queue.Slice{RunID: "run-1", Fence: 1, Attempt: 1, Unsure: true})
	})
}

// TestHardStop leaves a slice behind that River holds for running, as a
// killed process does. Queued again with a higher fence it is worked at once.
func TestHardStop(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		started, release := make(chan queue.Slice, 1), make(chan struct{})
		t.Cleanup(func() { close(release) })
		// One worker: with another one free, a stopped River may fetch once
		// more and take the slice that is meant for the other queue, which a
		// process that was killed does not.
		old := open(t, queue.Config{DB: dsn, Workers: 1, Work: func(_ context.Context, s queue.Slice) (queue.Next, error) {
			started <- s
			<-release // deaf to ctx
			return queue.Done, nil
		}})
		old.enqueue(t, "run-1", 0)
		next(t, started)
		at := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := old.Stop(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped with error %v, want %v", err, context.Canceled)
		}
		old.Queue = nil

		worked := make(chan queue.Slice, 10)
		b := open(t, queue.Config{DB: dsn, Work: func(_ context.Context, s queue.Slice) (queue.Next, error) {
			worked <- s
			return queue.Done, nil
		}})
		b.enqueue(t, "run-1", 0) // it is still there, and running
		b.enqueue(t, "run-1", 2)
		want(t, worked, queue.Slice{RunID: "run-1", Fence: 2, Attempt: 1})
		if waited := time.Since(at); waited > 20*time.Second {
			t.Errorf("waited %s, as long as for a rescue", waited)
		}
	})
}

// TestRescued does by hand what River does to a job that has been running for
// too long, and sees the slice come back.
func TestRescued(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		attempt int // that was lost
		worked  []queue.Slice
		parked  []parked
	}{
		{"once", 1, []queue.Slice{{RunID: "run-1", Fence: 3, Attempt: 2, Unsure: true}}, nil},
		{"too often", 5, nil, []parked{{
			queue.Slice{RunID: "run-1", Fence: 3, Attempt: 6, Unsure: true},
			"the slice was lost 5 times with the process that worked it",
		}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dsn := databasetest.DSN(t, database.SQLite)
			q, err := queue.Open(t.Context(), queue.Config{DB: dsn})
			if err != nil {
				t.Fatal(err)
			}
			b := &bench{Queue: q}
			b.enqueue(t, "run-1", 3)
			b.stop(t) // it was never started
			db, err := sql.Open("sqlite", strings.TrimPrefix(dsn, "sqlite:"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.ExecContext(t.Context(), "UPDATE river_job SET attempt = ?", tt.attempt); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			worked := make(chan queue.Slice, 10)
			b = open(t, queue.Config{DB: dsn, Work: func(_ context.Context, s queue.Slice) (queue.Next, error) {
				worked <- s
				return queue.Done, nil
			}})
			want(t, worked, tt.worked...)
			want(t, b.parked, tt.parked...)
		})
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"sqlite:" + t.TempDir(), "mysql://nowhere", "postgres://127.0.0.1:1/none?connect_timeout=1"} {
		t.Run(dsn, func(t *testing.T) {
			t.Parallel()
			if q, err := queue.Open(t.Context(), queue.Config{DB: dsn}); err == nil {
				t.Errorf("opened %v", q)
			}
		})
	}
}

// TestManyRuns works a hundred runs of three slices each on four workers.
func TestManyRuns(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		const runs = 100
		ended := make(chan string, runs)
		b := open(t, queue.Config{DB: dsn, Workers: 4, Work: func(_ context.Context, s queue.Slice) (queue.Next, error) {
			if s.Fence == 2 {
				ended <- s.RunID
				return queue.Done, nil
			}
			return queue.Continue(s.Fence + 1), nil
		}})
		for i := range runs {
			b.enqueue(t, fmt.Sprint("run-", i), 0)
		}
		seen := map[string]int{}
		for range runs {
			seen[next(t, ended)]++
		}
		if len(seen) != runs {
			t.Errorf("%d different runs ended, want %d", len(seen), runs)
		}
	})
}
