package sandbox

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func FuzzParseScopes(f *testing.F) {
	const base = "http://127.0.0.1:8089"
	f.Add(base + "/user_impersonation offline_access openid profile")
	f.Add(base + "//.default")
	f.Add("https://contoso.crm.dynamics.com/user_impersonation")
	f.Add("/ :// openid openid")
	f.Fuzz(func(t *testing.T, text string) {
		s, refused := parseScopes(text, []string{base})
		switch {
		case refused != nil:
			if refused.number == 0 || refused.status < 400 {
				t.Errorf("%q: refusal %+v", text, refused)
			}
		case s.Access && s.Resource != base:
			t.Errorf("%q gives access to %q", text, s.Resource)
		case s.granted() == "" || len(s.names()) == 0:
			t.Errorf("%q grants nothing", text)
		}
	})
}

func FuzzVerify(f *testing.F) {
	s, err := New(Config{
		Seed: 7, Users: 12, Accounts: 5, Contacts: 5, Opportunities: 5, Incidents: 5, BaseURL: "http://127.0.0.1:8089",
		Now: func() time.Time { return time.Unix(1_800_000_000, 0) },
	})
	if err != nil {
		f.Fatal(err)
	}
	in := s.signIn
	a, _ := in.app(ClientID)
	claims := in.accessClaims(a, in.people[0], scopes{Resource: "http://127.0.0.1:8089", Access: true}, acrSecret, 3600)
	claims.UTI = "fixed" // every fuzzing process makes the same token
	good, err := signingKeyFor(7).sign(claims)
	if err != nil {
		f.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/api/data/v9.2/WhoAmI", nil)
	r.Header.Set("Authorization", "Bearer "+good)
	if _, ok := in.verify(r); !ok {
		f.Fatal("the good token is refused")
	}
	f.Add("Bearer " + good)
	f.Add("Bearer " + good[:len(good)-4])
	f.Add("Bearer a.b.c")
	f.Add("Basic Og==")
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodGet, "/api/data/v9.2/WhoAmI", nil)
		r.Header.Set("Authorization", header)
		who, ok := in.verify(r)
		_, token, _ := strings.Cut(header, " ")
		if ok && strings.TrimSpace(token) != good {
			t.Errorf("%q was taken for %+v", header, who)
		}
	})
}
