package visitor

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
)

const pickerPage = `<!doctype html><title>Pick</title>
<form action="/search"><input name=q></form>
<FORM method="post" action="/t/pick?a=1&amp;b=2">
  <input type="hidden" name="ctx" value="x &quot;&lt;&gt;&quot; y">
  <input type=checkbox name=stay><input type='checkbox' name='keep' value='1' checked>
  <button name="account" value="ada@contoso.example" title="a > b">Ada</button>
  <button name=account value=bob>Bob</button>
</FORM>`

func TestParseForms(t *testing.T) {
	t.Parallel()
	forms := parseForms(pickerPage)
	if len(forms) != 2 {
		t.Fatalf("%d forms, want 2", len(forms))
	}
	f, ok := press(forms, "account", "")
	if !ok {
		t.Fatal("no account button")
	}
	got := fmt.Sprintf("%s %s %v", f.method, f.action, f.values)
	want := fmt.Sprintf("POST /t/pick?a=1&b=2 %v", url.Values{"ctx": {`x "<>" y`}, "keep": {"1"}, "account": {"ada@contoso.example"}})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}
	if _, ok := press(parseForms(pickerPage), "decision", "accept"); ok {
		t.Error("pressed a button that is not there")
	}
}

func FuzzParseForms(f *testing.F) {
	f.Add(pickerPage)
	f.Add(`<form><form></form><input name="a"><button name=b`)
	f.Fuzz(func(t *testing.T, page string) {
		for _, form := range parseForms(page) {
			if form.method != "GET" && form.method != "POST" {
				t.Errorf("method %q", form.method)
			}
		}
	})
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		decision string
		back     string // where Crosswalk's callback leads to
		code     crosswalk.Code
		message  string
	}{
		"accepted": {"accept", "/connections?connection=7&authorized=1", "", ""},
		"declined": {"decline", "/connections?connection=7&failed=1", crosswalk.CodeUnauthorized, "The sign-in failed."},
		"lost":     {"accept", "/nowhere", crosswalk.CodeUnauthorized, ""},
		"abroad":   {"accept", "https://example.com/", crosswalk.CodeForbidden, "The sign-in leads to example.com, which is not on this machine."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, _ *http.Request) {
				http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1", Path: "/"})
				fmt.Fprint(w, `<form method="post" action="pick"><button name="account" value="ada">Ada</button></form>`)
			})
			mux.HandleFunc("POST /pick", func(w http.ResponseWriter, r *http.Request) {
				if _, err := r.Cookie("seen"); err != nil || r.FormValue("account") != "ada" {
					t.Errorf("cookie %v, account %q", err, r.FormValue("account"))
				}
				fmt.Fprint(w, `<form method="post" action="/consent"><button name="decision" value="decline">No</button><button name="decision" value="accept">Yes</button></form>`)
			})
			mux.HandleFunc("POST /consent", func(w http.ResponseWriter, r *http.Request) {
				if got := r.FormValue("decision"); got != tt.decision {
					t.Errorf("decision %q, want %q", got, tt.decision)
				}
				http.Redirect(w, r, "/oauth/callback?code=c&state=s", http.StatusFound)
			})
			mux.HandleFunc("GET /oauth/callback", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, tt.back, http.StatusSeeOther) })
			mux.HandleFunc("GET /connections", func(http.ResponseWriter, *http.Request) { t.Error("the page after the callback was loaded") })
			s := httptest.NewServer(mux)
			t.Cleanup(s.Close)
			err := SignIn(t.Context(), s.URL+"/authorize", tt.decision)
			if got := crosswalk.ErrorCode(err); got != tt.code {
				t.Fatalf("error %v, want code %q", err, tt.code)
			}
			if tt.message != "" && err.Error() != tt.message {
				t.Errorf("error %q, want %q", err, tt.message)
			}
		})
	}
}

// Who was asked before is not asked again: then nothing can be declined.
func TestDeclineWithoutBeingAsked(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/connections?connection=7&authorized=1", http.StatusFound)
	})
	mux.HandleFunc("GET /broken", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/connections?connection=7&failed=1", http.StatusFound)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	tests := []struct {
		path, decision string
		code           crosswalk.Code
	}{
		{"/authorize", Accept, ""},
		{"/authorize", Decline, crosswalk.CodeConflict},
		{"/broken", Decline, crosswalk.CodeUnauthorized},
	}
	for _, tt := range tests {
		if err := SignIn(t.Context(), s.URL+tt.path, tt.decision); crosswalk.ErrorCode(err) != tt.code {
			t.Errorf("%s, %s: error %v, want code %q", tt.path, tt.decision, err, tt.code)
		}
	}
}

func TestSignInOnlyAnswersThisMachine(t *testing.T) {
	t.Parallel()
	err := SignIn(t.Context(), "https://login.microsoftonline.com/common/oauth2/v2.0/authorize", "accept")
	if crosswalk.ErrorCode(err) != crosswalk.CodeForbidden {
		t.Errorf("got %v", err)
	}
}
