package conformance

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	msalerrors "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// application is an application of Microsoft's library for Go.
func (e *environment) application(t *testing.T, tenant string, credential confidential.Credential) confidential.Client {
	t.Helper()
	app, err := confidential.New("https://login.microsoftonline.com/"+tenant, e.ClientID, credential, confidential.WithHTTPClient(e.client(t)))
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func secretOf(t *testing.T, secret string) confidential.Credential {
	t.Helper()
	credential, err := confidential.NewCredFromSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

// code signs in with an application and returns the code and its verifier.
func (e *environment) code(t *testing.T, app confidential.Client, scopes ...string) (code, verifier string) {
	t.Helper()
	address, err := app.AuthCodeURL(t.Context(), e.ClientID, redirect, scopes)
	if err != nil {
		t.Fatal(err)
	}
	verifier = rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	back := e.signIn(t, address+"&code_challenge_method=S256&code_challenge="+base64.RawURLEncoding.EncodeToString(sum[:]), "accept")
	if code = back.Query().Get("code"); code == "" {
		t.Fatalf("no code but %s", back)
	}
	return code, verifier
}

// whoAmI returns the id of the organization that the token leads to.
func (e *environment) whoAmI(t *testing.T, token string) string {
	t.Helper()
	status, body := e.get(t, "WhoAmI", token)
	var me struct {
		Organization string `json:"OrganizationId"`
	}
	if err := json.Unmarshal(body, &me); err != nil || status != http.StatusOK {
		t.Fatalf("WhoAmI = %d %s", status, body)
	}
	return me.Organization
}

// refusal checks that an error is the server's, with this status and number.
func refusal(t *testing.T, err error, status int, number string) {
	t.Helper()
	var call msalerrors.CallErr
	if !errors.As(err, &call) {
		t.Fatalf("got %v, want an error of the server", err)
	}
	if call.Resp.StatusCode != status || !strings.Contains(err.Error(), "AADSTS"+number+":") {
		t.Errorf("got %d %v, want %d and AADSTS%s", call.Resp.StatusCode, err, status, number)
	}
}

// TestMSALGo signs a person in with Microsoft's library for Go, which asks the
// authority about itself first.
func TestMSALGo(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	scopes := []string{e.PublicURL + "/user_impersonation"}
	secret := secretOf(t, e.ClientSecret)
	app := e.application(t, e.TenantID, secret)

	code, verifier := e.code(t, app, scopes...)
	person, err := app.AcquireTokenByAuthCode(t.Context(), code, redirect, scopes, confidential.WithChallenge(verifier))
	if err != nil {
		t.Fatal(err)
	}

	t.Run("redeems a code with PKCE", func(t *testing.T) {
		if got := e.whoAmI(t, person.AccessToken); got != e.Organization {
			t.Errorf("organization %s", got)
		}
		claims := person.IDToken
		if claims.TenantID != e.TenantID || claims.Issuer != "https://login.microsoftonline.com/"+e.TenantID+"/v2.0" || claims.PreferredUsername == "" || claims.Oid == "" {
			t.Errorf("id token %+v", claims)
		}
		if person.Account.HomeAccountID != claims.Oid+"."+e.TenantID || person.Account.PreferredUsername != claims.PreferredUsername {
			t.Errorf("account %+v", person.Account)
		}
		if len(person.GrantedScopes) != 1 || person.GrantedScopes[0] != scopes[0] {
			t.Errorf("granted %v", person.GrantedScopes)
		}
	})

	t.Run("signs in through organizations", func(t *testing.T) {
		any := e.application(t, "organizations", secret)
		code, verifier := e.code(t, any, scopes...)
		result, err := any.AcquireTokenByAuthCode(t.Context(), code, redirect, scopes, confidential.WithChallenge(verifier))
		if err != nil {
			t.Fatal(err)
		}
		if result.IDToken.TenantID != e.TenantID {
			t.Errorf("tenant %s", result.IDToken.TenantID)
		}
	})

	t.Run("takes the token from its cache", func(t *testing.T) {
		again, err := app.AcquireTokenSilent(t.Context(), scopes, confidential.WithSilentAccount(person.Account))
		if err != nil {
			t.Fatal(err)
		}
		if again.AccessToken != person.AccessToken {
			t.Error("it asked for another token")
		}
	})

	t.Run("refreshes for the other name of the environment", func(t *testing.T) {
		other := []string{strings.Replace(e.PublicURL, ".crm.", ".api.crm.", 1) + "/user_impersonation"}
		again, err := app.AcquireTokenSilent(t.Context(), other, confidential.WithSilentAccount(person.Account))
		if err != nil {
			t.Fatal(err)
		}
		if again.AccessToken == person.AccessToken {
			t.Error("it took the token of the other name")
		}
		if got := e.whoAmI(t, again.AccessToken); got != e.Organization {
			t.Errorf("organization %s", got)
		}
	})

	t.Run("refuses a code used twice", func(t *testing.T) {
		_, err := app.AcquireTokenByAuthCode(t.Context(), code, redirect, scopes, confidential.WithChallenge(verifier))
		refusal(t, err, http.StatusBadRequest, "54005")
	})

	t.Run("refuses another verifier", func(t *testing.T) {
		code, _ := e.code(t, app, scopes...)
		_, err := app.AcquireTokenByAuthCode(t.Context(), code, redirect, scopes, confidential.WithChallenge(rand.Text()+rand.Text()))
		refusal(t, err, http.StatusBadRequest, "501481")
	})

	t.Run("refuses a wrong secret", func(t *testing.T) {
		code, verifier := e.code(t, app, scopes...)
		wrong := e.application(t, e.TenantID, secretOf(t, "wrong"))
		_, err := wrong.AcquireTokenByAuthCode(t.Context(), code, redirect, scopes, confidential.WithChallenge(verifier))
		refusal(t, err, http.StatusUnauthorized, "7000215")
	})

	t.Run("sends back that consent was declined", func(t *testing.T) {
		address, err := app.AuthCodeURL(t.Context(), e.ClientID, redirect, scopes)
		if err != nil {
			t.Fatal(err)
		}
		back := e.signIn(t, address+"&prompt=consent", "decline").Query()
		if back.Get("error") != "access_denied" || !strings.HasPrefix(back.Get("error_description"), "AADSTS65004: ") {
			t.Errorf("sent back with %v", back)
		}
	})

	t.Run("is refused after the sessions were revoked", func(t *testing.T) {
		e.control(t, http.MethodPost, "tokens", `{"action":"revoke"}`)
		again := []string{e.PublicURL + "/.default"} // of another scope, so that none is in the cache
		_, err := app.AcquireTokenSilent(t.Context(), again, confidential.WithSilentAccount(person.Account))
		refusal(t, err, http.StatusBadRequest, "50173")
	})

	t.Run("does not know another tenant", func(t *testing.T) {
		other := e.application(t, "00000000-0000-0000-0000-000000000001", secret)
		_, err := other.AcquireTokenByAuthCode(t.Context(), "code", redirect, scopes)
		refusal(t, err, http.StatusBadRequest, "90002")
	})
}

// TestMSALGoApplication signs the application in as itself.
func TestMSALGoApplication(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	everything := []string{e.PublicURL + "/.default"}
	text, err := os.ReadFile(e.certificate(t))
	if err != nil {
		t.Fatal(err)
	}
	certificates, key, err := confidential.CertFromPEM(text, "")
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := confidential.NewCredFromCert(certificates, key)
	if err != nil {
		t.Fatal(err)
	}
	for name, credential := range map[string]confidential.Credential{
		"secret": secretOf(t, e.ClientSecret), "certificate": certificate,
	} {
		t.Run("with its "+name, func(t *testing.T) {
			app := e.application(t, e.TenantID, credential)
			first, err := app.AcquireTokenByCredential(t.Context(), everything)
			if err != nil {
				t.Fatal(err)
			}
			if got := e.whoAmI(t, first.AccessToken); got != e.Organization {
				t.Errorf("organization %s", got)
			}
			again, err := app.AcquireTokenByCredential(t.Context(), everything)
			if err != nil || again.AccessToken != first.AccessToken {
				t.Errorf("the token was not kept: %v", err)
			}
		})
	}

	t.Run("redeems a code with its certificate", func(t *testing.T) {
		app := e.application(t, e.TenantID, certificate)
		scopes := []string{e.PublicURL + "/user_impersonation"}
		code, verifier := e.code(t, app, scopes...)
		if _, err := app.AcquireTokenByAuthCode(t.Context(), code, redirect, scopes, confidential.WithChallenge(verifier)); err != nil {
			t.Error(err)
		}
	})

	t.Run("refuses another certificate", func(t *testing.T) {
		other, err := sandbox.New(sandbox.Config{Seed: seed + 1})
		if err != nil {
			t.Fatal(err)
		}
		certificates, key, err := confidential.CertFromPEM(other.Certificate(), "")
		if err != nil {
			t.Fatal(err)
		}
		wrong, err := confidential.NewCredFromCert(certificates, key)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.application(t, e.TenantID, wrong).AcquireTokenByCredential(t.Context(), everything)
		refusal(t, err, http.StatusUnauthorized, "700027")
	})

	t.Run("refuses a wrong secret", func(t *testing.T) {
		_, err := e.application(t, e.TenantID, secretOf(t, "wrong")).AcquireTokenByCredential(t.Context(), everything)
		refusal(t, err, http.StatusUnauthorized, "7000215")
	})

	t.Run("refuses a resource that is not here", func(t *testing.T) {
		_, err := e.application(t, e.TenantID, certificate).AcquireTokenByCredential(t.Context(), []string{"https://fabrikam.crm.dynamics.com/.default"})
		refusal(t, err, http.StatusBadRequest, "500011")
	})
}

// TestChallenge finds the sign-in server the way every client of Dataverse
// does: by calling the environment without a token.
func TestChallenge(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	answer, err := e.client(t).Get(e.PublicURL + "/api/data/v9.2/")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	want := "Bearer authorization_uri=https://login.microsoftonline.com/" + e.TenantID + "/oauth2/authorize, resource_id=" + e.PublicURL + "/"
	if got := answer.Header.Get("WWW-Authenticate"); got != want || answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("%s %s\nwant %s", answer.Status, got, want)
	}
	if u, err := url.Parse(e.PublicURL); err != nil || u.Scheme != "https" || u.Port() != "" {
		t.Errorf("the environment is %s", e.PublicURL)
	}
}
