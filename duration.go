package crosswalk

import (
	"strconv"
	"strings"
	"time"
)

// DurationWords returns a duration in words for a person, rounded to its two
// largest units: "45 seconds", "2 minutes", "1 hour 30 minutes", "3 days". A
// negative duration is "0 seconds".
func DurationWords(d time.Duration) string {
	const day = 24 * time.Hour
	d = max(d, 0).Round(time.Second)
	if d >= time.Hour {
		d = d.Round(time.Minute)
	}
	if d >= day {
		d = d.Round(time.Hour)
	}
	var words []string
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		n := int64(d / unit.length)
		d %= unit.length
		if n == 0 && (unit.length > time.Second || len(words) > 0) {
			continue
		}
		text := strconv.FormatInt(n, 10) + " " + unit.name
		if n != 1 {
			text += "s"
		}
		words = append(words, text)
	}
	return strings.Join(words, " ")
}
