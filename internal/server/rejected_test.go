package server

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
)

// TestRejected recalls few and many rejects: each of them is found among the
// records of a page, however it came there, and hardly any other while they are
// few.
func TestRejected(t *testing.T) {
	t.Parallel()
	key := func(n int) (k crosswalk.GSID) {
		for i := range 4 {
			k[15-i] = byte(n >> (8 * i))
		}
		return k
	}
	for _, test := range []struct{ rejects, mistakes int }{{0, 0}, {1, 0}, {1000, 5}, {maxRecalled + 10_000, 2000}} {
		t.Run(fmt.Sprint(test.rejects), func(t *testing.T) {
			t.Parallel()
			var all []string
			for n := range test.rejects {
				all = append(all, key(n).String())
			}
			var r rejected
			err := r.recall(func(after string, n int) ([]string, error) {
				i, found := slices.BinarySearch(all, after)
				if found {
					i++
				}
				return all[i:min(i+n, len(all))], nil
			})
			if err != nil {
				t.Fatal(err)
			}
			later := ""
			if test.rejects > 0 {
				later = key(1_000_000).String()
				r.add(later)
			}
			// 1000 records that were not rejected, and some of those that were.
			batch := column.NewBatch([]column.Spec{{Kind: column.Text}})
			page := column.NewBatch([]column.Spec{{Kind: column.GUID}})
			p := pipeline.Progress{Page: page}
			for n := 2_000_000; n < 2_001_000; n++ {
				batch.Columns[0].AppendBytes([]byte(key(n).String()))
				batch.EndRow()
				page.Columns[0].AppendGUID(key(n))
			}
			var want []string
			for i, id := range all {
				if i%(test.rejects/3+1) != 0 {
					continue
				}
				want = append(want, id)
				switch len(want) % 3 {
				case 0:
					batch.Columns[0].AppendBytes([]byte(id))
					batch.EndRow()
				case 1:
					p.Skipped = append(p.Skipped, len(page.Columns[0].GUIDs))
					page.Columns[0].AppendGUID(key(i))
				case 2:
					p.Changes.Deleted = append(p.Changes.Deleted, key(i))
				}
			}
			if later != "" {
				want = append(want, later)
				batch.Columns[0].AppendBytes([]byte(later))
				batch.EndRow()
			}
			got := r.among(batch, p)
			others := 0
			got = slices.DeleteFunc(got, func(id string) bool {
				known := slices.Contains(want, id)
				if !known {
					others++
				}
				return !known
			})
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" || others > test.mistakes {
				t.Errorf("%d mistakes (-want +got):\n%s", others, diff)
			}
		})
	}
}
