package dataverse_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
)

const tenant = "6f1d25a8-3f09-4d1c-9b7e-5b0b8c1e2a33"

func TestProbe(t *testing.T) {
	t.Parallel()
	const base = "https://contoso.crm11.dynamics.com"
	microsoft := dataverse.Challenge{Authority: "https://login.microsoftonline.com", TenantID: tenant, Resource: base}
	tests := []struct {
		name, base string
		headers    []string
		want       dataverse.Challenge
	}{
		{"as Dataverse says it", base, []string{"Bearer authorization_uri=https://login.microsoftonline.com/" + tenant + "/oauth2/authorize, resource_id=" + base + "/"}, microsoft},
		{"quoted, in other case, after another scheme", base, []string{`Negotiate`, `BEARER Realm="", Authorization_URI="https://LOGIN.microsoftonline.com/6F1D25A8-3f09-4d1c-9b7e-5b0b8c1e2a33/oauth2/authorize", error="x", Resource_Id="` + base + `"`}, microsoft},
		{"of SharePoint's kind, without a resource", base, []string{`Bearer authorization="https://login.microsoftonline.com/` + tenant + `"`}, microsoft},
		{"without a tenant", base, []string{"Bearer authorization_uri=https://login.microsoftonline.com/common/oauth2/authorize"}, dataverse.Challenge{Authority: microsoft.Authority, TenantID: "organizations", Resource: base}},
		{"of a national cloud", "https://contoso.crm.microsoftdynamics.us", []string{"Bearer authorization_uri=https://login.microsoftonline.us/" + tenant + "/oauth2/authorize"}, dataverse.Challenge{Authority: "https://login.microsoftonline.us", TenantID: tenant, Resource: "https://contoso.crm.microsoftdynamics.us"}},
		{"the other name of the environment", "https://contoso.api.crm11.dynamics.com/", []string{"Bearer authorization_uri=https://login.microsoftonline.com/" + tenant + "/oauth2/authorize, resource_id=" + base + "/"}, microsoft},
		{"a foreign resource", base, []string{"Bearer authorization_uri=https://login.microsoftonline.com/" + tenant + "/oauth2/authorize, resource_id=https://graph.microsoft.com/"}, microsoft},
		{"a sandbox", "http://127.0.0.1:8089", []string{"Bearer authorization_uri=http://127.0.0.1:8089/" + tenant + "/oauth2/authorize, resource_id=http://127.0.0.1:8089/"}, dataverse.Challenge{Authority: "http://127.0.0.1:8089", TenantID: tenant, Resource: "http://127.0.0.1:8089"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := dataverse.Probe(t.Context(), answers(func(r *http.Request) (*http.Response, error) {
				if r.URL.Path != "/api/data/v9.2/" || r.Header.Get("Authorization") != "" {
					t.Errorf("asked for %s with %v", r.URL, r.Header)
				}
				return answer(r, 401, http.Header{"Www-Authenticate": test.headers, "Content-Type": {"text/plain"}}, ""), nil
			}), test.base)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestProbeRefuses checks what a person reads who typed a wrong address.
func TestProbeRefuses(t *testing.T) {
	t.Parallel()
	status := func(n int, h http.Header) answers {
		return func(r *http.Request) (*http.Response, error) {
			return answer(r, n, h, "<html><title>Hello</title></html>"), nil
		}
	}
	fault := func(err error) answers {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	challenge := func(s string) http.Header { return http.Header{"Www-Authenticate": {s}} }
	tests := []struct {
		name          string
		base          string
		answers       answers
		code          crosswalk.Code
		message, hint string
	}{
		{"not an address", "contoso", nil, crosswalk.CodeInvalid, "not the address", "https://yourorg"},
		{"a web site", "", status(200, nil), crosswalk.CodeInvalid, "is not an environment: it answers 200", "Environment URL"},
		{"no Web API", "", status(404, nil), crosswalk.CodeInvalid, "has no Web API", "Environment URL"},
		{"a redirect", "", status(302, http.Header{"Location": {"https://www.contoso.com/"}}), crosswalk.CodeInvalid, "redirects to https://www.contoso.com/", "Environment URL"},
		{"another sign-in", "", status(401, challenge(`Basic realm="x"`)), crosswalk.CodeInvalid, "not with Microsoft", "Environment URL"},
		{"no challenge", "", status(401, nil), crosswalk.CodeInvalid, "not with Microsoft", "Environment URL"},
		{"a foreign sign-in server", "", status(401, challenge("Bearer authorization_uri=https://login.evil.example/"+tenant+"/oauth2/authorize")), crosswalk.CodeInvalid, "not with Microsoft", "Environment URL"},
		{"a sign-in server without https", "", status(401, challenge("Bearer authorization_uri=http://login.microsoftonline.com/"+tenant+"/oauth2/authorize")), crosswalk.CodeInvalid, "not with Microsoft", "Environment URL"},
		{"a sign-in server on this machine", "", status(401, challenge("Bearer authorization_uri=http://127.0.0.1:80/"+tenant+"/oauth2/authorize")), crosswalk.CodeInvalid, "not with Microsoft", "Environment URL"},
		{"maintenance", "", status(503, nil), crosswalk.CodeUnavailable, "answers 503", "later"},
		{"no such host", "", fault(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "contoso.crm.dynamics.com", IsNotFound: true}}), crosswalk.CodeUnavailable, "no host named contoso.crm.dynamics.com", "typing mistake"},
		{"refused", "", fault(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), crosswalk.CodeUnavailable, "nothing answers at that address", "address"},
		{"a strange certificate", "", fault(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), crosswalk.CodeUnavailable, "certificate", "proxy"},
		{"a lost connection", "", fault(syscall.ECONNRESET), crosswalk.CodeUnavailable, "does not answer", "network"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			base := test.base
			if base == "" {
				base = "https://contoso.crm.dynamics.com"
			}
			_, err := dataverse.Probe(t.Context(), test.answers, base)
			personal(t, err, test.code, test.message, test.hint)
		})
	}
	t.Run("silence", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			_, err := dataverse.Probe(t.Context(), answers(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}), "https://contoso.crm.dynamics.com")
			personal(t, err, crosswalk.CodeUnavailable, "takes too long", "later")
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("cause %v", err)
			}
		})
	})
}
