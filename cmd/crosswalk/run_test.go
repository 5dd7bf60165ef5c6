package main

import "testing"

func TestSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 138_240: "138.2 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 5_000_000_000_000_000: "5000.0 TB"} {
		if got := size(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
