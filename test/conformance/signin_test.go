package conformance

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// redirect is an address of the app registration. Nothing listens there: the
// visitor of the sign-in pages stops in front of it.
const redirect = "http://localhost:9/oauth/callback"

var (
	formPattern   = regexp.MustCompile(`<form [^>]*action="([^"]*)"`)
	hiddenPattern = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
	buttonPattern = regexp.MustCompile(`<button [^>]*name="([^"]*)" value="([^"]*)"`)
)

// signIn opens an authorize address the way a person does: it chooses the
// first account, decides about the permissions, and returns the address that
// the browser is sent back to.
func (e *environment) signIn(t *testing.T, start, decision string) *url.URL {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := e.client(t)
	browser.Jar = jar
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := browser.Get(start)
	for range 10 {
		if err != nil {
			t.Fatal(err)
		}
		body, err2 := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err2 != nil {
			t.Fatal(err2)
		}
		if location, err := answer.Location(); err == nil {
			if strings.HasPrefix(location.String(), redirect) {
				return location
			}
			t.Fatalf("the sign-in leads to %s", location)
		}
		page := string(body)
		form, fields, pressed := formPattern.FindStringSubmatch(page), url.Values{}, false
		for _, m := range hiddenPattern.FindAllStringSubmatch(page, -1) {
			fields.Set(m[1], html.UnescapeString(m[2]))
		}
		for _, m := range buttonPattern.FindAllStringSubmatch(page, -1) {
			if !pressed && (m[1] == "account" || m[2] == decision) {
				fields.Set(m[1], m[2])
				pressed = true
			}
		}
		if form == nil || !pressed {
			t.Fatalf("the sign-in stops at %s\n%s", answer.Status, page)
		}
		action, err2 := answer.Request.URL.Parse(html.UnescapeString(form[1]))
		if err2 != nil {
			t.Fatal(err2)
		}
		answer, err = browser.PostForm(action.String(), fields)
	}
	t.Fatal("the sign-in goes on for too many pages")
	return nil
}

// token signs the first account in, by hand, for tests that are not about
// signing in.
func (e *environment) token(t *testing.T) string {
	t.Helper()
	verifier := rand.Text() + rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	root := "https://login.microsoftonline.com/" + e.TenantID + "/oauth2/v2.0"
	back := e.signIn(t, root+"/authorize?"+url.Values{
		"client_id":             {e.ClientID},
		"response_type":         {"code"},
		"redirect_uri":          {redirect},
		"scope":                 {e.PublicURL + "/user_impersonation"},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
	}.Encode(), "accept")
	answer, err := e.client(t).PostForm(root+"/token", url.Values{
		"grant_type":    {"authorization_code"},
		"client_id":     {e.ClientID},
		"client_secret": {e.ClientSecret},
		"code":          {back.Query().Get("code")},
		"redirect_uri":  {redirect},
		"code_verifier": {verifier},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var tokens struct {
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&tokens); err != nil || tokens.Access == "" {
		t.Fatalf("no token but %s: %v", answer.Status, err)
	}
	return tokens.Access
}

// get calls the Web API and returns the status and the body.
func (e *environment) get(t *testing.T, path, token string, headers ...string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.PublicURL+"/api/data/v9.2/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := e.client(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body
}

// control changes the conditions in the sandbox while it runs.
func (e *environment) control(t *testing.T, method, path, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, e.URL+"/sandbox/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := e.client(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusBadRequest {
		text, _ := io.ReadAll(answer.Body)
		t.Fatalf("%s %s = %s %s", method, path, answer.Status, text)
	}
}
