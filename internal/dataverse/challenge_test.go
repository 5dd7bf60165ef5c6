package dataverse_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/dataverse"
)

// A claims challenge is told before the next token is asked for; any other
// refusal is not taken for one.
func TestClaimsChallenge(t *testing.T) {
	t.Parallel()
	const claims = `{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}`
	std := base64.StdEncoding.EncodeToString([]byte(claims))
	for name, tt := range map[string]struct {
		header string
		told   []string
	}{
		"challenge":      {`Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="` + std + `"`, []string{"old", claims}},
		"url encoding":   {`Bearer error="insufficient_claims", claims="` + base64.RawURLEncoding.EncodeToString([]byte(claims)) + `"`, []string{"old", claims}},
		"unquoted":       {`bearer error=insufficient_claims, claims=` + std, []string{"old", claims}},
		"plain 401":      {`Bearer authorization_uri=https://login.microsoftonline.com/x/oauth2/authorize, resource_id=https://contoso.crm.dynamics.com/`, nil},
		"other error":    {`Bearer error="invalid_token", claims="` + std + `"`, nil},
		"no claims":      {`Bearer error="insufficient_claims"`, nil},
		"not base64":     {`Bearer error="insufficient_claims", claims="!"`, nil},
		"not an object":  {`Bearer error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(`[1]`)) + `"`, nil},
		"not JSON":       {`Bearer error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(`{"a`)) + `"`, nil},
		"another scheme": {`PoP error="insufficient_claims", claims="` + std + `"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") == "Bearer old" {
					w.Header().Set("Www-Authenticate", tt.header)
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(`{"UserId":"u","OrganizationId":"o"}`))
			}))
			t.Cleanup(server.Close)
			var told []string
			token := "old"
			c := dataverse.New(dataverse.Config{
				BaseURL: server.URL,
				Token: func(_ context.Context, force bool) (string, error) {
					if force || len(told) > 0 {
						token = "new"
					}
					return token, nil
				},
				Challenged: func(token, claims string) { told = append(told, token, claims) },
			})
			if _, err := c.WhoAmI(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.told, told); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}
