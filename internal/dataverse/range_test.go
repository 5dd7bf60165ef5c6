package dataverse_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
)

const (
	keyA = "78914942-34cb-ed11-b596-0022481d68cd"
	keyB = "7a914942-34cb-ed11-b596-0022481d68cd"
)

var accountTable = &crosswalk.Entity{LogicalName: "account", EntitySetName: "accounts", PrimaryID: "accountid"}

func TestCountWithin(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		filter  string
		within  dataverse.KeyRange
		status  int
		answer  string
		apply   string // that is sent
		want    int64
		many    bool
		code    crosswalk.Code
		refused bool
	}{
		{name: "all", status: 200, answer: `{"value":[{"n":7}]}`, apply: "aggregate($count as n)", want: 7},
		{
			name: "of a filter", filter: "statecode eq 0", status: 200, answer: `{"value":[{"n":50000}]}`,
			apply: "filter(statecode eq 0)/aggregate($count as n)", want: 50_000,
		},
		{
			name: "of a range", within: dataverse.KeyRange{After: keyA}, status: 200, answer: `{"value":[{"n":1}]}`,
			apply: "filter(accountid gt " + keyA + ")/aggregate($count as n)", want: 1,
		},
		{
			name: "of both", filter: "name eq 'a' or name eq 'b'", within: dataverse.KeyRange{After: keyA, To: keyB}, status: 200, answer: `{"value":[]}`,
			apply: "filter((name eq 'a' or name eq 'b') and accountid gt " + keyA + " and accountid le " + keyB + ")/aggregate($count as n)",
		},
		{
			name: "more than the limit", status: 400, apply: "aggregate($count as n)", many: true,
			answer: `{"error":{"code":"0x8004E023","message":"The maximum record limit is exceeded. Reduce the number of records."}}`,
		},
		{name: "refused", status: 400, answer: `{"error":{"code":"0x0","message":"No."}}`, apply: "aggregate($count as n)", code: crosswalk.CodeInvalid, refused: true},
		{name: "too heavy", status: 500, answer: `{"error":{"code":"0x80044151","message":"SQL timeout."}}`, apply: "aggregate($count as n)", code: crosswalk.CodeUnavailable, refused: true},
		{name: "broken", status: 500, answer: `{"error":{"code":"0x80040216","message":"An error occurred."}}`, apply: "aggregate($count as n)", code: crosswalk.CodeUnavailable},
		{name: "no number", status: 200, answer: `{"value":[{"m":7}]}`, apply: "aggregate($count as n)", code: crosswalk.CodeUnavailable},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
				if got := r.URL.Query().Get("$apply"); got != test.apply || r.URL.Path != "/api/data/v9.2/accounts" {
					t.Errorf("%s asks %s", r.URL.Path, got)
				}
				w.Header().Set("Content-Type", jsonType)
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.answer))
			})
			n, many, cost, err := c.CountWithin(t.Context(), dataverse.Query{EntitySet: "accounts", Filter: test.filter}, test.within, "accountid")
			if n != test.want || many != test.many || crosswalk.ErrorCode(err) != test.code || cost.Requests == 0 {
				t.Errorf("%d, many %t, %+v, %v", n, many, cost, err)
			}
			if dataverse.Refused(err) != test.refused {
				t.Errorf("refused %t: %v", dataverse.Refused(err), err)
			}
		})
	}
}

func TestNthKey(t *testing.T) {
	t.Parallel()
	const order = `<attribute name="accountid"/><order attribute="accountid"/>`
	tests := []struct {
		name   string
		within dataverse.KeyRange
		answer string
		fetch  string // within the entity
		want   string
		code   crosswalk.Code
	}{
		{name: "of all", answer: `{"value":[{"@odata.etag":"W/\"1\"","accountid":"` + keyA + `"}]}`, fetch: order, want: keyA},
		{
			name: "of a range", within: dataverse.KeyRange{After: keyA, To: keyB}, answer: `{"value":[{"accountid":"` + keyB + `"}]}`,
			fetch: order + `<filter><condition attribute="accountid" operator="gt" value="` + keyA + `"/><condition attribute="accountid" operator="le" value="` + keyB + `"/></filter>`,
			want:  keyB,
		},
		{name: "none", answer: `{"value":[]}`, fetch: order},
		{name: "no key", answer: `{"value":[{"name":"a"}]}`, fetch: order, code: crosswalk.CodeUnavailable},
		{name: "a key that would change a query", answer: `{"value":[{"accountid":"` + strings.Repeat("x", 36) + `"}]}`, fetch: order, code: crosswalk.CodeUnavailable},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
				want := `<fetch count="1" page="45000"><entity name="account">` + test.fetch + `</entity></fetch>`
				if diff := cmp.Diff(want, r.URL.Query().Get("fetchXml")); diff != "" {
					t.Errorf("(-want +asked):\n%s", diff)
				}
				w.Header().Set("Content-Type", jsonType)
				_, _ = w.Write([]byte(test.answer))
			})
			key, cost, err := c.NthKey(context.Background(), accountTable, test.within, 45_000)
			if key != test.want || crosswalk.ErrorCode(err) != test.code || cost.Requests == 0 {
				t.Errorf("%q, %+v, %v", key, cost, err)
			}
		})
	}
}
