package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestKeyRanges reads ranges of keys in all ways there are, in a table whose
// rows have come and gone: each way finds the same rows.
func TestKeyRanges(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 900})
	_, err := s.DeleteRows("account", 60, 1)
	must(t, err)
	_, err = s.InsertRows("account", 80, 2)
	must(t, err)
	var keys []string
	rows, _ := s.walk(t, "accounts?$select=accountid", "Prefer", "odata.maxpagesize=250")
	for _, row := range rows {
		keys = append(keys, row["accountid"].(string))
	}
	if len(keys) != 920 {
		t.Fatalf("%d keys", len(keys))
	}
	for _, r := range [][2]int{{0, 920}, {0, 1}, {1, 700}, {333, 333}, {333, 334}, {600, 919}, {919, 920}} {
		for _, also := range []string{"", "statecode eq 0"} {
			condition, element := also, ""
			and := func(odata, fetch string) {
				if condition != "" {
					condition += " and "
				}
				condition += odata
				element += fetch
			}
			if also != "" {
				element = `<condition attribute="statecode" operator="eq" value="0"/>`
			}
			if r[0] > 0 {
				and("accountid gt "+keys[r[0]-1], `<condition attribute="accountid" operator="gt" value="{`+strings.ToUpper(keys[r[0]-1])+`}"/>`)
			}
			and("accountid le "+keys[r[1]-1], `<condition attribute="accountid" operator="le" value="`+keys[r[1]-1]+`"/>`)
			var found []string
			for _, row := range s.values(t, "accounts?$select=accountid,statecode&$filter="+url.QueryEscape(condition)) {
				found = append(found, row["accountid"].(string))
			}
			if also == "" {
				if d := cmp.Diff(keys[r[0]:r[1]], found); d != "" && r[0] < r[1] {
					t.Errorf("%v: %s", r, d)
				}
			}
			counted := s.values(t, "accounts?$apply="+url.QueryEscape("filter("+condition+")/aggregate($count as n)"))
			if n := counted[0]["n"]; n != json.Number(fmt.Sprint(len(found))) {
				t.Errorf("%v %s: counted %v, found %d", r, also, n, len(found))
			}
			for _, n := range []int{1, 2, len(found) / 2, len(found), len(found) + 1} {
				if n < 1 {
					continue
				}
				var want, got []string
				if n <= len(found) {
					want = found[n-1 : n]
				}
				query := fmt.Sprintf(`<fetch count="1" page="%d"><entity name="account"><attribute name="accountid"/><order attribute="accountid"/><filter>%s</filter></entity></fetch>`, n, element)
				for _, row := range fetched(s.fetch(t, "accounts", query)) {
					got = append(got, row["accountid"].(string))
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("record %d of %v %s: %s", n, r, also, d)
				}
			}
		}
	}
}

// TestCountedPages reads pages of FetchXML without a cookie, in the order of
// keys and in that of their texts, up to their limit.
func TestCountedPages(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 60_000})
	key := func(page int) string {
		rows := fetched(s.fetch(t, "accounts", fmt.Sprintf(`<fetch count="1" page="%d"><entity name="account"><attribute name="accountid"/><order attribute="accountid"/></entity></fetch>`, page)))
		return rows[0]["accountid"].(string)
	}
	var plain []string
	rows, _ := s.walk(t, "accounts?$select=accountid", "Prefer", "odata.maxpagesize=5000")
	for _, row := range rows {
		plain = append(plain, row["accountid"].(string))
	}
	sorted := slices.Sorted(slices.Values(plain))
	for _, text := range []bool{false, true} {
		s.SetUnverified(sandbox.Unverified{TextKeyOrder: text})
		for _, page := range []int{1, 4711, 50_000} {
			want := plain[page-1]
			if text {
				want = sorted[page-1]
			}
			if got := key(page); got != want {
				t.Errorf("by text %t, page %d: %s, want %s", text, page, got, want)
			}
		}
	}
	s.refuses(t, "accounts?fetchXml="+url.QueryEscape(`<fetch count="1" page="50001"><entity name="account"><attribute name="accountid"/></entity></fetch>`),
		http.StatusBadRequest, "0x8004430a", "Paging without a paging cookie is limited to 50000 records.")
}
