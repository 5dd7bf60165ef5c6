package extract

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestCache compares the cache with a list in the order of use.
func TestCache(t *testing.T) {
	t.Parallel()
	const limit = 10 * (entryOverhead + 8)
	c := cache{limit: limit}
	type known struct {
		key rowKey
		row string
	}
	var want []known // the one used last comes first
	size := func() (n int) {
		for _, k := range want {
			n += entryOverhead + len(k.row)
		}
		return n
	}
	r := rand.New(rand.NewPCG(1, 2))
	for step := range 20_000 {
		key := rowKey{relation: r.IntN(2), id: [16]byte{byte(r.IntN(12))}}
		i := slices.IndexFunc(want, func(k known) bool { return k.key == key })
		got, ok := c.find(key)
		if ok != (i >= 0) || ok && string(got) != want[i].row {
			t.Fatalf("step %d: found %q, %v; want %v", step, got, ok, want)
		}
		if ok {
			k := want[i]
			want = slices.Insert(slices.Delete(want, i, i+1), 0, k)
			continue
		}
		k := known{key, fmt.Sprintf("%0*d", r.IntN(30), step)}
		if r.IntN(50) == 0 {
			k.row = fmt.Sprintf("%0*d", limit, step) // larger than all there is room for
			c.add(key, row(k.row))
			continue
		}
		c.add(key, row(k.row))
		want = slices.Insert(want, 0, k)
		for size() > limit {
			want = want[:len(want)-1]
		}
		if c.used != size() || len(c.entries) != len(want) {
			t.Fatalf("step %d: %d bytes in %d entries; want %d in %d", step, c.used, len(c.entries), size(), len(want))
		}
	}
	if len(want) < 5 {
		t.Errorf("%d rows were known in the end", len(want))
	}
}
