package dataverse_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// crowd is a server without a network that takes a second for each request
// and notes how many it had at a time.
type crowd struct {
	mu     sync.Mutex
	busy   int
	most   int
	served int
	begin  time.Time
	refuse func(busy int, since time.Duration) bool // may be nil
	hint   int                                      // 0 means none
}

func (s *crowd) answer(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.busy++
	s.most = max(s.most, s.busy)
	refused := s.refuse != nil && s.refuse(s.busy, time.Since(s.begin))
	s.mu.Unlock()
	time.Sleep(time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	h := http.Header{}
	if s.hint > 0 {
		h.Set("X-Ms-Dop-Hint", strconv.Itoa(s.hint))
	}
	if refused {
		h.Set("Retry-After", "2")
		return answer(r, 429, h, limited), nil
	}
	s.served++
	return answer(r, 200, h, onePage), nil
}

// rush reads n pages with so many callers.
func rush(t *testing.T, c *dataverse.Client, n, callers int) {
	t.Helper()
	work := make(chan struct{}, n)
	for range n {
		work <- struct{}{}
	}
	close(work)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range work {
				if _, names, err := page(t, c, ""); err != nil || len(names) != 2 {
					t.Errorf("%q %v", names, err)
				}
			}
		})
	}
	wg.Wait()
}

// TestParallelism checks how many requests a client has under way at a time.
func TestParallelism(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		hint  int
		most  int // at any time
		after int // the limit in the end
	}{
		{"without a hint", 0, 8, 8},
		{"a hint to do more", 20, 20, 20},
		{"a hint to do less", 2, 4, 2},
		{"a hint beyond Dataverse's own limit", 1000, 48, 48},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &crowd{hint: test.hint, begin: time.Now()}
				c := bubble(s.answer)
				if got := c.Parallelism(); got != 4 {
					t.Errorf("it begins with %d", got)
				}
				rush(t, c, 3000, 100)
				if s.most != test.most || c.Parallelism() != test.after || s.served != 3000 {
					t.Errorf("at most %d at a time, %d in the end, %d served", s.most, c.Parallelism(), s.served)
				}
			})
		})
	}
}

// TestParallelismFollowsRefusals checks that the limit is halved once for
// refusals that come together, rises again, and so stays near what the server
// takes.
func TestParallelismFollowsRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &crowd{hint: 40, begin: time.Now()}
		c := bubble(s.answer)
		rush(t, c, 3000, 100)
		if got := c.Parallelism(); got != 40 {
			t.Fatalf("%d before the refusals", got)
		}
		stormed := time.Since(s.begin)
		s.refuse = func(_ int, since time.Duration) bool { return since < stormed+time.Second }
		rush(t, c, 40, 40) // all refused at once, then served
		if got := c.Parallelism(); got < 20 || got > 23 {
			t.Errorf("%d after one storm, want half of 40", got)
		}
		// A server that takes ten at a time.
		s.refuse = func(busy int, _ time.Duration) bool { return busy > 10 }
		s.served, s.most = 0, 0
		rush(t, c, 500, 50)
		s.most = 0
		begin := time.Now()
		rush(t, c, 500, 50)
		// Eleven are one too many; ten good answers of the same moment may let
		// another in before the refusal is read.
		if got := c.Parallelism(); got < 5 || got > 12 || s.most > 12 {
			t.Errorf("the limit is %d, at most %d at a time, of a server that takes 10", got, s.most)
		}
		if took := time.Since(begin); took > 150*time.Second {
			t.Errorf("500 requests took %v", took)
		}
		s.refuse = func(int, time.Duration) bool { return s.served%2 == 0 && s.busy > 1 }
		rush(t, c, 50, 10)
		if got := c.Parallelism(); got < 1 {
			t.Errorf("the limit fell to %d", got)
		}
	})
}

// TestParallelismIsLeft checks that a caller who gives up while waiting leaves
// no hole.
func TestParallelismIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &crowd{hint: 1, begin: time.Now()}
		c := bubble(s.answer)
		rush(t, c, 1, 1)
		var wg sync.WaitGroup
		var stayed atomic.Int32 // of the first three: the one whose turn it was
		gone := errors.New("gone")
		for i := range 10 {
			wg.Go(func() {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Duration(i)*300*time.Millisecond, func() { cancel(gone) })
				if _, err := c.WhoAmI(ctx); !errors.Is(err, gone) && i < 3 && stayed.Add(1) > 1 {
					t.Errorf("caller %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		begin := time.Now()
		rush(t, c, 5, 5)
		if took := time.Since(begin); took != 5*time.Second || s.most > 1 {
			t.Errorf("5 requests one by one took %v, %d at a time", took, s.most)
		}
	})
}

// TestCallersTakeTurns checks that requests that wait are let through in turn
// by caller, however many each has.
func TestCallersTakeTurns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		hint    int            // requests under way
		streams map[string]int // of each caller; "" is none
		want    map[string]int // answers in 240 seconds, of a second each, at least
	}{
		{"one slot", 1, map[string]int{"wide": 8, "narrow": 1}, map[string]int{"wide": 119, "narrow": 119}},
		// One stream cannot use more than one slot, and waits until one is free.
		// First come, first served, it would get 53 and 106.
		{"two slots", 2, map[string]int{"wide": 8, "narrow": 1}, map[string]int{"wide": 240, "narrow": 150}},
		{"four slots", 4, map[string]int{"wide": 8, "narrow": 1}, map[string]int{"wide": 700, "narrow": 180}},
		{"both wide", 4, map[string]int{"wide": 8, "wider": 40}, map[string]int{"wide": 475, "wider": 475}},
		{"without a caller", 1, map[string]int{"wide": 8, "": 3}, map[string]int{"wide": 119, "": 119}},
		{"three", 1, map[string]int{"wide": 8, "narrow": 1, "slender": 2}, map[string]int{"wide": 79, "narrow": 79, "slender": 79}},
		{"alone", 4, map[string]int{"wide": 8}, map[string]int{"wide": 955}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &crowd{hint: test.hint, begin: time.Now()}
				c := bubble(s.answer)
				rush(t, c, 20, 20) // until the limit is that of the hint
				ctx, cancel := context.WithTimeout(t.Context(), 240*time.Second)
				defer cancel()
				var mu sync.Mutex
				got := map[string]int{}
				var wg sync.WaitGroup
				for who, streams := range test.streams {
					caller := ctx
					if who != "" {
						caller = dataverse.WithCaller(ctx, who)
					}
					for range streams {
						wg.Go(func() {
							cols, b := odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs)
							for ctx.Err() == nil {
								b.Reset()
								_, err := c.Page(caller, dataverse.Query{EntitySet: "accounts"}, "", cols, b)
								mu.Lock()
								if err == nil {
									got[who]++
								} else if ctx.Err() == nil {
									t.Error(err)
								}
								mu.Unlock()
							}
						})
					}
				}
				wg.Wait()
				for who, want := range test.want {
					if n := got[who]; n < want {
						t.Errorf("%q got %d answers, want %d at least", who, n, want)
					}
				}
			})
		})
	}
}

// TestParallelismStaysBelowRefusals checks that a client does not find out
// again with every answer that the server takes no more: each time costs a
// refusal and a pause.
func TestParallelismStaysBelowRefusals(t *testing.T) {
	t.Parallel()
	for takes := 1; takes <= 5; takes++ {
		t.Run(strconv.Itoa(takes), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &crowd{begin: time.Now()}
				refusals := 0
				s.refuse = func(busy int, _ time.Duration) bool {
					if busy > takes {
						refusals++
					}
					return busy > takes
				}
				c := bubble(s.answer)
				begin := time.Now()
				rush(t, c, 600*takes, 12)
				took := time.Since(begin)
				// 600 s, and once a minute a refusal or two, a pause of 2 s, and
				// half the requests for a while.
				if most := 30 * takes; refusals > most || took > 800*time.Second || s.served != 600*takes {
					t.Errorf("%d refusals in %v, %d served", refusals, took, s.served)
				}
				if got := c.Parallelism(); got > takes+1 {
					t.Errorf("%d requests at a time in the end", got)
				}
			})
		})
	}
}
