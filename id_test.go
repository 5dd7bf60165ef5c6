package crosswalk_test

import (
	"bytes"
	"regexp"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// TestGSIDForm checks version, variant and time of the ids against RFC 9562.
func TestGSIDForm(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for range 1000 {
		before := time.Now().UnixMilli()
		id := crosswalk.NewGSID()
		if s := id.String(); !form.MatchString(s) {
			t.Fatalf("%s", s)
		}
		var ms int64
		for _, b := range id[:6] {
			ms = ms<<8 | int64(b)
		}
		if after := time.Now().UnixMilli(); ms < before-1 || ms > after+1000 { // many ids at once run ahead of the clock
			t.Fatalf("time %d of the id is not between %d and %d", ms, before, after)
		}
	}
	if s := crosswalk.NewID(); !form.MatchString(s) {
		t.Errorf("%s", s)
	}
}

func TestGSIDText(t *testing.T) {
	t.Parallel()
	id := crosswalk.GSID{0x01, 0x8f, 0x3c, 0x5a, 0x7b, 0x2e, 0x7d, 0x11, 0x8a, 0x4f, 0x9c, 0x10, 0xfe, 0xdc, 0xba, 0x98}
	const want = "018f3c5a-7b2e-7d11-8a4f-9c10fedcba98"
	if got := id.String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := string(id.AppendText36([]byte("id="))); got != "id="+want {
		t.Errorf("%s", got)
	}
}

// TestGSIDsAscend makes ids in many goroutines at once.
func TestGSIDsAscend(t *testing.T) {
	t.Parallel()
	const each = 20_000
	var wg sync.WaitGroup
	lists := make([][]crosswalk.GSID, 4)
	for i := range lists {
		wg.Go(func() {
			for range each {
				lists[i] = append(lists[i], crosswalk.NewGSID())
			}
		})
	}
	wg.Wait()
	seen := map[crosswalk.GSID]bool{}
	for _, list := range lists {
		for i, id := range list {
			if i > 0 && bytes.Compare(list[i-1][:8], id[:8]) >= 0 {
				t.Fatalf("%s came before %s", list[i-1], id)
			}
			seen[id] = true
		}
	}
	if len(seen) != each*len(lists) {
		t.Errorf("%d ids of %d differ", len(seen), each*len(lists))
	}
}

// TestGSIDsAscendWhenTheClockStands checks the order within one instant and
// when the clock is set back.
func TestGSIDsAscendWhenTheClockStands(t *testing.T) {
	// The bubble's clock begins in the year 2000, long before the ids made
	// outside of it.
	synctest.Test(t, func(t *testing.T) {
		last := crosswalk.NewGSID()
		for range 10_000 {
			id := crosswalk.NewGSID()
			if bytes.Compare(last[:8], id[:8]) >= 0 {
				t.Fatalf("%s came before %s", last, id)
			}
			last = id
		}
	})
}

func TestParseGSID(t *testing.T) {
	t.Parallel()
	want := crosswalk.GSID{0x01, 0x8f, 0x3c, 0x5a, 0x7b, 0x2e, 0x7d, 0x11, 0x8a, 0x4f, 0x9c, 0x10, 0xfe, 0xdc, 0xba, 0x98}
	for text, ok := range map[string]bool{
		"018f3c5a-7b2e-7d11-8a4f-9c10fedcba98":   true,
		"018F3C5A-7B2E-7d11-8A4F-9C10FEDCBA98":   true,
		"":                                       false,
		"018f3c5a-7b2e-7d11-8a4f-9c10fedcba9":    false,
		"018f3c5a-7b2e-7d11-8a4f-9c10fedcba988":  false,
		"018f3c5a-7b2e-7d11-8a4f-9c10fedcba9g":   false,
		"018f3c5a-7b2e-7d11-8a4f09c10fedcba98":   false,
		"018f3c5a7-b2e-7d11-8a4f-9c10fedcba98":   false,
		"{018f3c5a-7b2e-7d11-8a4f-9c10fedcba98}": false,
		"018f3c5a-7b2e-7d11-8a4f-9c10fedcbaé":    false,
	} {
		if id, got := crosswalk.ParseGSID(text); got != ok || ok && id != want {
			t.Errorf("%q: %v, %v", text, id, got)
		}
		if id, got := crosswalk.ParseGSID([]byte(text)); got != ok || ok && id != want {
			t.Errorf("bytes %q: %v, %v", text, id, got)
		}
	}
}
