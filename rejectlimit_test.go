package crosswalk_test

import (
	"testing"

	"github.com/crosswalk-data/crosswalk"
)

func TestRejectLimit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		limit          crosswalk.RejectLimit
		rejected, read int64
		ended          bool
		want           bool
	}{
		{crosswalk.RejectLimit{}, 1000, 1000, true, false},
		{crosswalk.RejectLimit{Count: 10}, 10, 10, true, false},
		{crosswalk.RejectLimit{Count: 10}, 11, 1 << 40, false, true},
		{crosswalk.RejectLimit{Percent: 5}, 50, 999, false, false}, // too early to tell
		{crosswalk.RejectLimit{Percent: 5}, 50, 999, true, true},
		{crosswalk.RejectLimit{Percent: 5}, 50, 1000, false, false},
		{crosswalk.RejectLimit{Percent: 5}, 51, 1000, false, true},
		{crosswalk.RejectLimit{Percent: 100}, 1000, 1000, true, false},
		{crosswalk.RejectLimit{Percent: 5}, 0, 0, true, false},
		{crosswalk.RejectLimit{Count: 100, Percent: 1}, 60, 5000, false, true},
	} {
		if got := test.limit.Exceeded(test.rejected, test.read, test.ended); got != test.want {
			t.Errorf("%+v: %d of %d, ended %t: %t", test.limit, test.rejected, test.read, test.ended, got)
		}
	}
}
