package dataverse_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

func numbered(n int) [16]byte { return [16]byte{byte(n), byte(n >> 8), 1} }

// keyed answers queries for keys: every third is of no record. Pages hold size
// records at most.
type keyed struct {
	t       *testing.T
	mu      sync.Mutex
	size    int
	endless bool
	fail    int    // the request that fails; 0 for none
	asked   []int  // keys of each request
	longest int    // address
	filter  string // what stands before the keys
}

func (k *keyed) answer(r *http.Request) (*http.Response, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	target := r.URL.String()
	k.longest = max(k.longest, len(target))
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	before, list, ok := strings.Cut(q.Get("$filter"), "Microsoft.Dynamics.CRM.In(PropertyName='accountid',PropertyValues=")
	if !ok {
		k.t.Errorf("filter %.200s", q.Get("$filter"))
	}
	k.filter = before
	var ids []string
	if err := json.Unmarshal([]byte(strings.TrimSuffix(list, ")")), &ids); err != nil {
		k.t.Errorf("keys %.200s: %v", list, err)
	}
	skip := 0
	if token := q.Get("$skiptoken"); token != "" {
		if _, err := fmt.Sscan(token, &skip); err != nil {
			return nil, err
		}
	}
	if skip == 0 {
		k.asked = append(k.asked, len(ids))
	}
	if k.fail > 0 && len(k.asked) == k.fail {
		return answer(r, 403, nil, `{"error":{"code":"0x80040220","message":"missing prvReadAccount"}}`), nil
	}
	var rows []string
	for _, id := range ids {
		if raw := parseID(id); (int(raw[0])+int(raw[1])<<8)%3 != 2 {
			rows = append(rows, fmt.Sprintf(`{"accountid":%q,"name":"n%d"}`, id, int(raw[0])+int(raw[1])<<8))
		}
	}
	slices.Reverse(rows) // the order is the server's
	rows = rows[min(skip, len(rows)):]
	link := ""
	if k.size > 0 && len(rows) > k.size || k.endless {
		rows = rows[:min(k.size, len(rows))]
		link = fmt.Sprintf(`,"@odata.nextLink":"https://contoso.crm.dynamics.com/api/data/v9.2/accounts?$filter=%s&$skiptoken=%d"`, url.QueryEscape(q.Get("$filter")), skip+k.size)
	}
	return answer(r, 200, nil, `{"value":[`+strings.Join(rows, ",")+`]`+link+`}`), nil
}

func TestRows(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		server *keyed
		query  dataverse.Query
		keys   int
		asked  []int
		filter string
	}{
		{"none", &keyed{}, dataverse.Query{}, 0, nil, ""},
		{"one", &keyed{}, dataverse.Query{}, 1, []int{1}, ""},
		{"several requests", &keyed{}, dataverse.Query{}, 1203, []int{500, 500, 203}, ""},
		{"several pages", &keyed{size: 100}, dataverse.Query{}, 700, []int{500, 200}, ""},
		{"with a filter", &keyed{}, dataverse.Query{Filter: "statecode eq 0 or a eq 1"}, 3, []int{3}, "(statecode eq 0 or a eq 1) and "},
		{"a wide table", &keyed{}, wide(550), 1000, []int{394, 394, 212}, "(statecode eq 0) and "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := test.server
			s.t = t
			test.query.EntitySet = "accounts"
			var ids [][16]byte
			var want []string
			for i := range test.keys {
				ids = append(ids, numbered(i))
				if i%3 != 2 {
					want = append(want, fmt.Sprintf("n%d", i))
				}
			}
			b := column.NewBatch(accountSpecs)
			b.EndRow()
			info, err := bubble(s.answer).Rows(t.Context(), test.query, "accountid", ids, odata.NewColumns(accountSpecs), b)
			if err != nil || info.Records != len(want) || info.Next != "" {
				t.Fatalf("%+v %v", info, err)
			}
			var got []string
			for i := range b.Rows() {
				if i > 0 {
					got = append(got, string(b.Columns[1].Bytes(i)))
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			slices.SortFunc(s.asked, func(a, b int) int { return b - a }) // several at a time
			if diff := cmp.Diff(test.asked, s.asked); diff != "" {
				t.Errorf("keys of each request (-want +got):\n%s", diff)
			}
			if s.filter != test.filter || s.longest > 32_768 {
				t.Errorf("filter %q, an address of %d characters", s.filter, s.longest)
			}
		})
	}
}

// TestRowsInBatch checks that a table whose columns alone nearly fill an
// address is asked for its keys inside of a batch.
func TestRowsInBatch(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	c := bubble(func(r *http.Request) (*http.Response, error) {
		if sent.Add(1); r.Method != http.MethodPost {
			t.Errorf("%s with %d characters", r.Method, len(r.URL.String()))
		}
		return answer(r, 200, batchHeader.Clone(), batchOf("200 OK", innerJSON, onePage)), nil
	})
	var ids [][16]byte
	for i := range 900 {
		ids = append(ids, numbered(i))
	}
	info, err := c.Rows(t.Context(), wide(1100), "accountid", ids, odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs))
	if err != nil || info.Records != 4 || info.Requests != 2 || sent.Load() != 2 {
		t.Fatalf("%+v, %d requests, %v", info, sent.Load(), err)
	}
}

// TestRowsFail checks that nothing stays of what came before a failure.
func TestRowsFail(t *testing.T) {
	t.Parallel()
	var ids [][16]byte
	for i := range 600 {
		ids = append(ids, numbered(i))
	}
	b := column.NewBatch(accountSpecs)
	b.EndRow()
	s := &keyed{t: t, fail: 2}
	info, err := bubble(s.answer).Rows(t.Context(), dataverse.Query{EntitySet: "accounts"}, "accountid", ids, odata.NewColumns(accountSpecs), b)
	personal(t, err, crosswalk.CodeForbidden, "prvReadAccount", "security role")
	if b.Rows() != 1 || info.Records != 0 || info.Requests == 0 {
		t.Errorf("%d rows, %+v", b.Rows(), info)
	}
	s = &keyed{t: t, endless: true}
	if _, err = bubble(s.answer).Rows(t.Context(), dataverse.Query{EntitySet: "accounts"}, "accountid", ids[:5], odata.NewColumns(accountSpecs), b); crosswalk.ErrorCode(err) == "" {
		t.Errorf("pages without end: %v", err)
	}
}
