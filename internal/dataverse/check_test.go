package dataverse_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// TestCheck has a caller's check end its context before a request is sent: at
// its n-th call, which is before the n-th attempt or behind a pause that the
// server asked for.
func TestCheck(t *testing.T) {
	t.Parallel()
	stop := errors.New("cancelled")
	for _, test := range []struct {
		ends int // at this call; the last one is never made
		sent int
		at   time.Duration
	}{{1, 0, 0}, {2, 1, 0}, {3, 1, 30 * time.Second}, {4, 2, 0}} {
		synctest.Test(t, func(t *testing.T) {
			begin, sent, checked := time.Now(), 0, 0
			c := dataverse.New(dataverse.Config{
				BaseURL: "https://contoso.crm.dynamics.com",
				Token:   func(context.Context, bool) (string, error) { return "token", nil },
				Transport: answers(func(r *http.Request) (*http.Response, error) {
					if sent++; sent == 1 {
						return answer(r, 429, http.Header{"Retry-After": {"30"}}, limited), nil
					}
					return answer(r, 200, nil, onePage), nil
				}),
			})
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			var took time.Duration
			checking := dataverse.WithCheck(ctx, func() {
				if checked++; checked == test.ends {
					took = time.Since(begin)
					cancel(stop)
				}
			})
			b := column.NewBatch(accountSpecs)
			_, err := c.Page(checking, dataverse.Query{EntitySet: "accounts", Select: []string{"name"}}, "", odata.NewColumns(accountSpecs), b)
			var want error
			if test.ends == checked {
				want = stop
			}
			if !errors.Is(err, want) || checked != min(test.ends, 3) || sent != test.sent || took != test.at {
				t.Errorf("ended at check %d of %d after %v: %d sent, %v", test.ends, checked, took, sent, err)
			}
		})
	}
}
