package sandbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestKeyIndex finds rows by alternate key when there are many, in the state
// they are in.
func TestKeyIndex(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 20_000, Contacts: 20_000})
	const n = 4000
	targets := func(name string) string {
		var b strings.Builder
		b.WriteString(`{"Targets":[`)
		for i := range n {
			if i > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(&b, `{"@odata.type":"Microsoft.Dynamics.CRM.account","@odata.id":"accounts(accountnumber='NEW-%d')","name":"%s %d"}`, i, name, i)
		}
		return b.String() + "]}"
	}
	before := s.Count("account")
	began := time.Now()
	s.must(t, 204, "POST", "accounts/Microsoft.Dynamics.CRM.UpsertMultiple", targets("first"))
	s.must(t, 204, "POST", "accounts/Microsoft.Dynamics.CRM.UpsertMultiple", targets("second"))
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("%d keyed upserts took %s", 2*n, took)
	}
	if s.Count("account") != before+n {
		t.Errorf("%d accounts, had %d", s.Count("account"), before)
	}
	s.must(t, 204, "POST", "accounts", `{"name":"x","accountnumber":"ÉTÉ 1"}`)
	s.fails(t, 412, "0x80060892", "Account Number", "POST", "accounts", `{"name":"y","accountnumber":"ete 1 "}`)
	one := s.decode(t, "accounts(accountnumber='new-17')?$select=name")
	if one["name"] != "second 17" {
		t.Error(one)
	}
	// A value that has moved on is free again.
	path := "accounts(" + one["accountid"].(string) + ")"
	s.must(t, 204, "PATCH", path, `{"accountnumber":"MOVED"}`)
	s.fails(t, 404, "0x80060891", "A record with the specified key values does not exist", "GET", "accounts(accountnumber='NEW-17')", "")
	s.must(t, 204, "POST", "accounts", `{"name":"next","accountnumber":"NEW-17"}`)
	s.fails(t, 412, "0x80060892", "Account Number", "PATCH", path, `{"accountnumber":"NEW-17"}`)
	s.must(t, 204, "DELETE", path, "")
	s.must(t, 204, "POST", "accounts", `{"name":"again","accountnumber":"MOVED"}`)

	// Rows as they were generated, by a key that only some have.
	row := s.values(t, "contacts?$select=anniversary&$filter=anniversary ne null&$top=1")[0]
	day := row["anniversary"].(string)
	if got := s.decode(t, "contacts(anniversary="+day+")?$select=anniversary"); got["anniversary"] != day {
		t.Error(got)
	}
	same := s.values(t, "contacts?$select=contactid&$filter=anniversary eq "+day)
	for _, r := range same {
		s.must(t, 204, "PATCH", "contacts("+r["contactid"].(string)+")", `{"anniversary":null}`)
	}
	s.fails(t, 404, "0x80060891", "does not exist in contact entity", "GET", "contacts(anniversary="+day+")", "")
}
