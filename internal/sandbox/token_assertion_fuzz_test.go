package sandbox

import (
	"net/http/httptest"
	"testing"
	"time"
)

// No text but one signed with the app's certificate is an assertion.
func FuzzCheckAssertion(f *testing.F) {
	s, err := New(Config{
		Seed: 7, Users: 12, Accounts: 5, Contacts: 5, Opportunities: 5, Incidents: 5, BaseURL: "http://127.0.0.1:8089",
		Now: func() time.Time { return time.Unix(1_800_000_000, 0) },
	})
	if err != nil {
		f.Fatal(err)
	}
	a, _ := s.signIn.app(ClientID)
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("eyJhbGciOiJQUzI1NiIsIng1dCNTMjU2IjoiQSJ9.eyJhdWQiOlsieCJdfQ.AAAA")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		r := httptest.NewRequest("POST", "/x/oauth2/v2.0/token", nil)
		if f := s.signIn.checkAssertion(r, a, token); f == nil || f.number == 0 {
			t.Errorf("%q was taken: %+v", token, f)
		}
	})
}
