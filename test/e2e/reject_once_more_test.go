package e2e_test

import (
	"bytes"
	"fmt"
	"regexp"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// A page of changes can tell of a record several times. The last time counts: a
// record that is rejected and then stored or gone is no reject.
func TestRejectedOnThePageOfItsMending(t *testing.T) {
	t.Parallel()
	record := regexp.MustCompile(`\{"@odata\.etag"[^{}]*\}`)
	name := regexp.MustCompile(`"name":("[^"]*"|null)`)
	inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
		for title, test := range map[string]struct {
			times    []string // what the page tells of the record
			status   crosswalk.RunStatus
			counts   crosswalk.Counts
			rejected bool
		}{
			"then stored":     {[]string{"bad", "good"}, crosswalk.RunSuccess, crosswalk.Counts{Read: 2, Updated: 1, Unchanged: 1}, false},
			"twice, stored":   {[]string{"bad", "bad", "good"}, crosswalk.RunSuccess, crosswalk.Counts{Read: 3, Updated: 1, Unchanged: 2}, false},
			"stored before":   {[]string{"good", "bad"}, crosswalk.RunPartialSuccess, crosswalk.Counts{Read: 2, Updated: 1, Rejected: 1}, true},
			"stored between":  {[]string{"bad", "good", "bad"}, crosswalk.RunPartialSuccess, crosswalk.Counts{Read: 3, Updated: 1, Unchanged: 1, Rejected: 1}, true},
			"rejected always": {[]string{"bad", "bad"}, crosswalk.RunPartialSuccess, crosswalk.Counts{Read: 2, Unchanged: 1, Rejected: 1}, true},
			"then gone":       {[]string{"bad", "gone"}, crosswalk.RunSuccess, crosswalk.Counts{Read: 1, Unchanged: 1, Deleted: 1}, false},
		} {
			t.Run(title, func(t *testing.T) {
				t.Parallel()
				k := newKeeper(t, fresh(t), 20, nil)
				k.runs(crosswalk.RunSuccess, "first run")
				one := firstKey(k.accounts(""))
				k.write("PATCH", "accounts("+one+")", `{"name":"good"}`)
				edit := func(answer []byte) []byte {
					if !bytes.Contains(answer, []byte("$delta\"")) {
						return answer
					}
					return record.ReplaceAllFunc(answer, func(good []byte) []byte {
						var all [][]byte
						for _, what := range test.times {
							switch what {
							case "good":
								all = append(all, good)
							case "bad":
								all = append(all, name.ReplaceAll(good, []byte(`"name":null`)))
							default:
								all = append(all, fmt.Appendf(nil, `{"@odata.context":"%s/api/data/v9.2/$metadata#accounts/$deletedEntity","id":%q,"reason":"deleted"}`, k.env, one))
							}
						}
						return bytes.Join(all, []byte(","))
					})
				}
				k.edit.Store(&edit)
				run := k.runs(test.status, "by change tracking")
				k.counted(run, test.counts)
				rejects := k.rejects(run)
				if _, listed := rejects[one]; listed != test.rejected || len(rejects) != int(test.counts.Rejected) {
					t.Errorf("rejects: %v", rejects)
				}
			})
		}
	})
}
