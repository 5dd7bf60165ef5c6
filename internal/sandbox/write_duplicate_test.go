package sandbox_test

import "testing"

// TestDuplicates refuses rows like others to who asks for it.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	const header, text = "MSCRM.SuppressDuplicateDetection", "A record was not created or updated because a duplicate of the current record already exists."
	s.must(t, 204, "POST", "leads", `{"lastname":"Orton","emailaddress1":"monteorton@example.com"}`)
	s.must(t, 204, "POST", "accounts", `{"name":"Only one"}`)
	s.must(t, 204, "POST", "contacts", `{"firstname":"Ada","lastname":"King"}`)
	for _, c := range []struct{ set, body string }{
		{"leads", `{"lastname":"Another","emailaddress1":"MonteOrton@example.com"}`},
		{"accounts", `{"name":"only ONE"}`},
		{"contacts", `{"firstname":"Ada","lastname":"King"}`},
	} {
		s.fails(t, 412, "0x80040333", text, "POST", c.set, c.body, header, "false")
		s.must(t, 204, "POST", c.set, c.body, header, "true")
		s.must(t, 204, "POST", c.set, c.body)
	}
	s.must(t, 204, "POST", "contacts", `{"firstname":"Ada","lastname":"Kong"}`, header, "false")
	s.must(t, 204, "POST", "contacts", `{"lastname":"Nobody"}`, header, "false")
	s.must(t, 204, "POST", "contacts", `{"lastname":"Nobody"}`, header, "false") // not all columns of the rule
	s.must(t, 204, "PATCH", "accounts("+newID+")", `{"name":"Mine"}`, header, "false")
	s.must(t, 204, "PATCH", "accounts("+newID+")", `{"name":"Mine","fax":"1"}`, header, "false") // like itself
	s.fails(t, 412, "0x80040333", text, "PATCH", "accounts("+newID+")", `{"name":"Only one"}`, header, "false")
	s.must(t, 204, "PATCH", "accounts("+newID+")", `{"fax":"2"}`, header, "false")
}
