package dataverse_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// TestCutPages reads tables of ten records and more in pages of ten, from
// servers that page well and from some whose pages are valid and cut: what is
// read is all, or an error.
func TestCutPages(t *testing.T) {
	t.Parallel()
	const asked = 10
	for name, test := range map[string]struct {
		records  int
		answer   func(size, from, records int) (n int, link bool) // of a page
		requests int
		cut      bool
	}{
		"fewer than asked":        {9, wellPaged, 1, false},
		"as many as asked":        {10, wellPaged, 3, false}, // ten, nine, one
		"more than asked":         {11, wellPaged, 2, false},
		"two full pages":          {20, wellPaged, 4, false},
		"fewer a page than asked": {20, func(_, from, records int) (int, bool) { return min(4, records-from), from+4 < records }, 5, false},
		"no heed of the size":     {20, func(_, _, records int) (int, bool) { return records, false }, 1, false},
		"no heed, as many":        {10, func(_, _, records int) (int, bool) { return records, false }, 2, false},
		"cut at ten": {35, func(size, from, records int) (int, bool) {
			n, link := wellPaged(size, from, records)
			return n, link && n < asked
		}, 7, false},
		"always cut": {35, func(size, from, records int) (int, bool) {
			n, _ := wellPaged(size, from, records)
			return n, false
		}, 4, true},
		"cut behind the first": {35, func(size, from, records int) (int, bool) {
			n, link := wellPaged(size, from, records)
			return n, link && from == 0
		}, 5, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requests := 0
			c := bubble(func(r *http.Request) (*http.Response, error) {
				requests++
				prefer, _, _ := strings.Cut(r.Header.Get("Prefer"), ",")
				size, err := strconv.Atoi(strings.TrimPrefix(prefer, "odata.maxpagesize="))
				from, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
				if err != nil {
					t.Error(err)
				}
				n, link := test.answer(size, from, test.records)
				var rows []string
				for i := from; i < from+n; i++ {
					rows = append(rows, fmt.Sprintf(`{"name":"%d"}`, i))
				}
				body := `{"value":[` + strings.Join(rows, ",") + `]`
				if link {
					body += fmt.Sprintf(`,"@odata.nextLink":"https://contoso.crm.dynamics.com/api/data/v9.2/accounts?$skiptoken=%d"`, from+n)
				}
				return answer(r, 200, nil, body+`}`), nil
			})
			b := column.NewBatch(accountSpecs)
			q := dataverse.Query{EntitySet: "accounts", Select: []string{"name"}, PageSize: asked}
			var err error
			for link, page := "", 0; page == 0 || link != "" && err == nil; page++ {
				var info dataverse.PageInfo
				before := b.Rows()
				info, err = c.Page(t.Context(), q, link, odata.NewColumns(accountSpecs), b)
				if link = info.Next; b.Rows() != before+info.Records {
					t.Errorf("%d rows behind %d, %+v", b.Rows(), before, info)
				}
			}
			if test.cut {
				personal(t, err, crosswalk.CodeUnavailable, "says that there are no more", "proxy")
			} else if err != nil || b.Rows() != test.records {
				t.Errorf("%d rows, want %d, %v", b.Rows(), test.records, err)
			}
			var got, want []string
			for i := range b.Rows() {
				got, want = append(got, string(b.Columns[1].Bytes(i))), append(want, strconv.Itoa(i))
			}
			if diff := cmp.Diff(want, got); diff != "" || requests != test.requests {
				t.Errorf("%d requests, rows (-want +got):\n%s", requests, diff)
			}
		})
	}
}

// wellPaged is what Dataverse does.
func wellPaged(size, from, records int) (n int, link bool) {
	n = min(size, records-from)
	return n, from+n < records
}
