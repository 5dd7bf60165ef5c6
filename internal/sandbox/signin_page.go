package sandbox

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

//go:embed templates
var templateFiles embed.FS

var pages = func() map[string]*template.Template {
	set := map[string]*template.Template{}
	for _, name := range []string{"account", "consent", "error", "signedout", "home", "post"} {
		set[name] = template.Must(template.New("layout.html").Funcs(template.FuncMap{"initials": initials}).
			ParseFS(templateFiles, "templates/layout.html", "templates/"+name+".html"))
	}
	return set
}()

// pageData is what the pages show. The pages are forms without scripts: they
// post to the address they came from.
type pageData struct {
	Title        string
	Organization string
	Home         string // address of the environment
	Action       string // where the form posts to: the authorize request itself
	Notice       string // what went wrong with the last answer
	App          string
	BackTo       string // host the browser goes back to
	People       []person
	Account      person
	Permissions  []permission
	Tenant       bool    // the administrator consents for everybody
	Fields       []field // of the form that is posted to the client
	To           string  // where it is posted

	Number      int // of a refusal
	Text        string
	Trace       string
	Correlation string
	Time        string

	ClientID     string
	ClientSecret string
	TenantID     string
	OrgID        string
}

// field is a hidden field of a form.
type field struct{ Name, Value string }

func (in *signIn) page(w http.ResponseWriter, r *http.Request, status int, name string, data pageData) {
	data.Organization = organizationName
	data.Home = in.s.baseURL(r)
	data.Action = r.URL.RequestURI()
	var b bytes.Buffer
	if err := pages[name].Execute(&b, data); err != nil {
		in.s.log.Error("page", "name", name, "error", err)
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	in.secure(w, in.allowed(r), data.To)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// allowed returns the redirect address of a request when it is the app's,
// else "".
func (in *signIn) allowed(r *http.Request) string {
	q := r.URL.Query()
	if a, ok := in.app(q.Get("client_id")); ok && a.allows(q.Get("redirect_uri")) {
		return q.Get("redirect_uri")
	}
	return ""
}

// submit is the only script there is: it sends the form of form_post.
const submit = "document.forms[0].submit()"

// secure sets the headers of the pages: no scripts, no frames, and forms that
// may lead to the sandbox and, by the redirect that follows, to the client. A
// page whose form is posted to the client may send it by itself.
func (in *signIn) secure(w http.ResponseWriter, redirect, post string) {
	forms, scripts := "'self'", ""
	if u, err := url.Parse(redirect); err == nil && redirect != "" {
		forms += " " + u.Scheme + "://" + u.Host
	}
	if post != "" {
		sum := sha256.Sum256([]byte(submit))
		scripts = " script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"
	}
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'none';"+scripts+" style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action "+forms)
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
}

// postBack has the browser post names and values to the client (OAuth 2.0
// form post response mode).
func (in *signIn) postBack(w http.ResponseWriter, r *http.Request, req request, pairs []string) {
	data := pageData{Title: "Working…", App: req.app.name(), BackTo: hostOf(req.redirect), To: req.redirect}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] != "state" || pairs[i+1] != "" {
			data.Fields = append(data.Fields, field{pairs[i], pairs[i+1]})
		}
	}
	in.page(w, r, http.StatusOK, "post", data)
}

func (in *signIn) pickAccount(w http.ResponseWriter, r *http.Request, req request, notice string) {
	people := in.people
	if req.hint != "" {
		if p, ok := in.personNamed(req.hint); ok {
			people = []person{p}
		} else if notice == "" {
			notice = req.hint + " is not an account of this sandbox."
		}
	}
	in.page(w, r, http.StatusOK, "account", pageData{
		Title: "Choose an account", App: req.app.name(), BackTo: hostOf(req.redirect), People: people, Notice: notice,
	})
}

func (in *signIn) consentPage(w http.ResponseWriter, r *http.Request, req request, who person) {
	in.page(w, r, http.StatusOK, "consent", pageData{
		Title: "Permissions requested", App: req.app.name(), BackTo: hostOf(req.redirect), Account: who, Permissions: req.scopes.permissions(),
	})
}

// errorPage shows a refusal that must not be sent to the address in the
// request, since it is not known to be the client's.
func (in *signIn) errorPage(w http.ResponseWriter, r *http.Request, f *refusal) {
	t := in.trace(r)
	in.s.log.Info("sign-in refused", "error", f.code, "number", f.number, "trace", t.id)
	in.page(w, r, http.StatusBadRequest, "error", pageData{
		Title: "We cannot sign you in", Number: f.number, Text: f.text, Trace: t.id, Correlation: t.correlation, Time: t.time,
	})
}

// home tells a person who opens the sandbox's address what to do with it.
func (in *signIn) home(w http.ResponseWriter, r *http.Request) {
	in.page(w, r, http.StatusOK, "home", pageData{
		Title: "Dynamics 365 sandbox", ClientID: ClientID, ClientSecret: ClientSecret,
		TenantID: in.s.TenantID(), OrgID: in.s.OrganizationID(), People: in.people,
	})
}

func (in *signIn) style(w http.ResponseWriter, _ *http.Request) {
	css, err := templateFiles.ReadFile("templates/signin.css")
	if err != nil {
		http.Error(w, "The style sheet is missing.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=3600")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(css)
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}

func initials(p person) string {
	var b strings.Builder
	for _, name := range []string{p.FirstName, p.LastName} {
		if r, n := utf8.DecodeRuneInString(name); n > 0 {
			b.WriteRune(r)
		}
	}
	return strings.ToUpper(b.String())
}
