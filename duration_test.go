package crosswalk_test

import (
	"math"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

func TestDurationWords(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		math.MinInt64:                      "0 seconds",
		-time.Hour:                         "0 seconds",
		0:                                  "0 seconds",
		499 * time.Millisecond:             "0 seconds",
		500 * time.Millisecond:             "1 second",
		59 * time.Second:                   "59 seconds",
		59_600 * time.Millisecond:          "1 minute",
		time.Minute + time.Second:          "1 minute 1 second",
		2 * time.Minute:                    "2 minutes",
		5*time.Minute + 30*time.Second:     "5 minutes 30 seconds",
		time.Hour - time.Second:            "59 minutes 59 seconds",
		time.Hour - time.Millisecond:       "1 hour",
		time.Hour + 29*time.Second:         "1 hour",
		time.Hour + 31*time.Second:         "1 hour 1 minute",
		90 * time.Minute:                   "1 hour 30 minutes",
		day - 31*time.Second:               "23 hours 59 minutes",
		day - 29*time.Second:               "1 day",
		day + 2*time.Hour + 40*time.Minute: "1 day 3 hours",
		30 * day:                           "30 days",
		100_000 * day:                      "100000 days",
	} {
		if got := crosswalk.DurationWords(d); got != want {
			t.Errorf("%d ns: %q, want %q", d, got, want)
		}
	}
}
