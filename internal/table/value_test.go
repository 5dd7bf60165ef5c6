package table

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/crosswalk-data/crosswalk/internal/database"
)

func TestAppendDecimal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in       string
		decimals int
		want     string // "" when refused
	}{
		{"0", 0, "0"},
		{"-0", 2, "0.00"},
		{"-0.004", 2, "0.00"},
		{"-0.005", 2, "-0.01"},
		{"007.5", 1, "7.5"},
		{"1", 2, "1.00"},
		{"1.005", 2, "1.01"},
		{"9.995", 2, "10.00"},
		{"999", 0, "999"},
		{"999.5", 0, "1000"},
		{".5", 1, "0.5"},
		{"5.", 1, "5.0"},
		{"+5", 1, "5.0"},
		{"1E3", 1, "1000.0"},
		{"12345e-4", 2, "1.23"},
		{"12355e-4", 2, "1.24"},
		{"1e-9", 9, "0.000000001"},
		{"5e-10", 9, "0.000000001"},
		{"4e-10", 9, "0.000000000"},
		{"0.1e1", 0, "1"},
		{"12345678901234567890.123456789", 9, "12345678901234567890.123456789"},
		{"", 0, ""},
		{"-", 0, ""},
		{".", 0, ""},
		{"1e", 0, ""},
		{"1e99999", 0, ""},
		{"1,5", 2, ""},
		{" 1", 2, ""},
		{"0x10", 2, ""},
		{"Infinity", 2, ""},
		{strings.Repeat("9", 1001), 2, ""},
	} {
		got, ok := appendDecimal([]byte("x"), []byte(tt.in), tt.decimals)
		if ok != (tt.want != "") || string(got) != "x"+tt.want {
			t.Errorf("%q, %d: got %q, %v, want %q", tt.in, tt.decimals, got, ok, tt.want)
		}
	}
}

// The oracle is exact arithmetic: |result - number| is at most half a unit,
// and a tie goes away from zero.
func TestAppendDecimalRounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`-?[0-9]{1,25}(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")
		decimals := rapid.IntRange(0, 9).Draw(t, "decimals")
		got, ok := appendDecimal(nil, []byte(in), decimals)
		if !ok {
			t.Fatalf("%q refused", in)
		}
		exact, ok := new(big.Rat).SetString(in)
		if !ok {
			t.Fatalf("%q is not a number", in)
		}
		if want := exact.FloatString(decimals); string(got) != strings.TrimPrefix(want, negativeZero(want)) {
			t.Fatalf("%q, %d: got %q, want %q", in, decimals, got, want)
		}
		if again, ok := appendDecimal(nil, got, decimals); !ok || string(again) != string(got) {
			t.Fatalf("%q is not stable: %q", got, again)
		}
	})
}

// negativeZero returns the sign of -0.00, which is not wanted.
func negativeZero(s string) string {
	if strings.HasPrefix(s, "-") && isZero([]byte(s[1:])) {
		return "-"
	}
	return ""
}

func TestAppendTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(minTime, maxTime).Draw(t, "micros")
		want := time.UnixMicro(micros).UTC().Format(database.TimeFormat)
		if got := string(appendTime(nil, micros)); got != want {
			t.Fatalf("%d: got %s, want %s", micros, got, want)
		}
		day := rapid.Int64Range(minDay, maxDay).Draw(t, "day")
		want = time.Unix(day*86400, 0).UTC().Format("2006-01-02")
		if got := string(appendDate(nil, day)); got != want {
			t.Fatalf("%d: got %s, want %s", day, got, want)
		}
	})
}

func FuzzAppendDecimal(f *testing.F) {
	for _, s := range []string{"1.50", "-0", "1e10", "99.999", "1e-1000", "..", "1e+-1"} {
		f.Add([]byte(s), 2)
	}
	f.Fuzz(func(t *testing.T, in []byte, decimals int) {
		if decimals < 0 || decimals > 9 {
			return // no field has that
		}
		got, ok := appendDecimal(nil, in, decimals)
		if !ok {
			if len(got) > 0 {
				t.Errorf("%q: refused, yet %q was appended", in, got)
			}
			return
		}
		n, fine := new(big.Rat).SetString(string(got))
		if !fine || n.FloatString(decimals) != string(got) {
			t.Errorf("%q: %q is not in normal form", in, got)
		}
		if len(appendNumeric(nil, got)) < 8 {
			t.Errorf("%q: too short", got)
		}
	})
}

func TestKeySet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOf(rapid.StringMatching(`[ab]{0,3}`)).Draw(t, "keys")
		var s keySet
		for range 2 { // the second time in used memory
			s.reset(len(keys))
			numbers := map[string]int{}
			for row, k := range keys {
				n, again := s.put([]byte(k), row)
				want, wantAgain := numbers[k]
				if !wantAgain {
					want = len(numbers)
					numbers[k] = want
				}
				if again != wantAgain || n != want || !again && int(s.row[n]) != row {
					t.Fatalf("%q in row %d: got %d, %v, want %d, %v", k, row, n, again, want, wantAgain)
				}
			}
		}
	})
}
