// Package api serves the REST API and the address that sign-ins come back to.
// A file holds the operations of one resource. The OpenAPI document is made
// from the code; a test keeps the committed copy, openapi.json, equal to it.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/access"
	"github.com/crosswalk-data/crosswalk/internal/connector"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// Config is what the API works with.
type Config struct {
	Store     *store.Store
	DB        *database.DB
	Connector *connector.Connector
	// Enqueue hands a run to the workers, who take it when its fence still is
	// the one given.
	Enqueue func(ctx context.Context, runID string, fence int64) error
	// Preview says what a run of the job would do with the first n records.
	Preview func(ctx context.Context, job crosswalk.Job, n int) (crosswalk.Preview, error)
	// Evaluate computes a formula for the first n records of the job's table
	// and says what kind of value it gives.
	Evaluate  func(ctx context.Context, job crosswalk.Job, formula string, n int) (gives string, all []mapping.Evaluation, err error)
	PublicURL string // address people reach the server at, without a trailing slash
	ClientID  string // the installation's app registration; "" when there is none
	Version   string
	// SignInLink makes a one-time link for a person.
	SignInLink func(ctx context.Context) (string, error)
	UI         http.Handler // serves what is not the API
	Logger     *slog.Logger
}

// api holds the handlers.
type api struct {
	Config
	huma huma.API
	// Behind a proxy all people come from one address, so that one allows
	// more.
	perAccount, perAddress *access.Limiter
}

// New returns the handler of the API and, beside it, the UI.
func New(cfg Config) http.Handler {
	mux := http.NewServeMux()
	a := &api{
		Config:     cfg,
		perAccount: access.NewLimiter(10, 5*time.Minute),
		perAddress: access.NewLimiter(100, 5*time.Minute),
	}
	a.huma = humago.New(mux, humaConfig(cfg.Version))
	a.huma.UseMiddleware(a.authenticate)
	a.routes()
	mux.HandleFunc("GET /oauth/callback", a.callback)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", a.ready)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, crosswalk.Errorf(crosswalk.CodeNotFound, "There is no %s %s.", r.Method, r.URL.Path).
			WithHint("The document at /openapi.json lists every operation."))
	})
	mux.Handle("/", cfg.UI)
	// Requests of other sites' pages are refused; requests without a browser's
	// headers (the command line) pass.
	protect := http.NewCrossOriginProtection()
	protect.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, crosswalk.Errorf(crosswalk.CodeForbidden, "This request was sent by the page of another site.").
			WithHint("Open Crosswalk itself and try again; a proxy in front of it must pass on the headers Host and Origin."))
	}))
	return secureHeaders(protect.Handler(patient(mux)))
}

// readyLimit is how long the database may take to answer before the server
// counts as not ready.
const readyLimit = 3 * time.Second

// ready says whether the server can do its work now, or what keeps it from
// that. It says nothing that a stranger may not know.
func (a *api) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyLimit)
	defer cancel()
	err := a.DB.Ready(ctx)
	if err == nil {
		_, _ = w.Write([]byte("ready\n"))
		return
	}
	outage := database.Outage(err)
	if outage == nil {
		outage = crosswalk.Errorf(crosswalk.CodeUnavailable, "The database cannot be used.").WithHint("The log of the server holds the details.")
	}
	writeProblem(w, outage)
}

func (a *api) routes() {
	a.accessRoutes()
	a.connectionRoutes()
	a.authorizeRoutes()
	a.entityRoutes()
	a.jobRoutes()
	a.mappingRoutes()
	a.runRoutes()
	a.rejectRoutes()
	a.objectRoutes()
	a.eventRoutes()
}

// OpenAPI returns the OpenAPI 3.1 document of the API as indented JSON.
func OpenAPI(version string) ([]byte, error) {
	a := &api{}
	a.huma = humago.New(http.NewServeMux(), humaConfig(version))
	a.routes()
	return indentJSON(a.huma.OpenAPI())
}

func humaConfig(version string) huma.Config {
	cfg := huma.DefaultConfig("Crosswalk", version)
	cfg.CreateHooks = nil // no $schema member in answers
	cfg.OpenAPIPath = "/openapi"
	cfg.DocsPath = ""
	cfg.SchemasPath = ""
	cfg.RejectUnknownQueryParameters = true
	cfg.Info.Description = "Connections to Dynamics 365, jobs that read its entities into objects, and their runs. " +
		"Errors are problem documents (RFC 9457) with a stable code, a hint what to do, and the fields concerned. " +
		"Lists are paged: pass next_cursor as cursor until it is absent."
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "Set by signing in"},
		"token":   {Type: "http", Scheme: "bearer", Description: "An API token"},
	}
	return cfg
}

// secureHeaders sets what every answer carries. Pages of the UI add a content
// security policy of their own.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// List is one page of a list.
type List[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Pass as cursor to get the next page; absent on the last one"`
	Total      int    `json:"total" doc:"Number of things the search matches"`
}

// ListInput is what every paged list takes. It is exported, as IDInput is, so
// that other inputs can embed it.
type ListInput struct {
	Q      string `query:"q" doc:"Text to search for"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Most things to return"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before"`
}

func (in ListInput) page() store.Page { return store.Page{Limit: in.Limit, Cursor: in.Cursor} }

// body is an answer or a request with a JSON body.
type body[T any] struct{ Body T }

func list[T any](items []T, next string, total int, err error) (*body[List[T]], error) {
	if err != nil {
		return nil, err
	}
	if items == nil {
		items = []T{}
	}
	return &body[List[T]]{List[T]{items, next, total}}, nil
}

func one[T any](v T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{v}, nil
}

// IDInput names a thing by its id.
type IDInput struct {
	ID string `path:"id" doc:"Id"`
}

// operation describes one operation of the API.
type operation struct {
	method, path string
	id           string
	summary      string
	detail       string
	tag          string
	role         crosswalk.Role // least role that may call it; "" means everybody, signed in or not
	status       int            // of success; 0 means 200
}

const roleKey = "role"

// problems lists the statuses of the problem documents that callers should
// be ready for.
func (op operation) problems() []int {
	var statuses []int
	if op.method != http.MethodGet {
		statuses = append(statuses, http.StatusUnprocessableEntity, http.StatusConflict)
	}
	if op.role != "" {
		statuses = append(statuses, http.StatusUnauthorized, http.StatusForbidden)
	}
	if strings.Contains(op.path, "{") {
		statuses = append(statuses, http.StatusNotFound)
	}
	return append(statuses, http.StatusInternalServerError)
}

// register adds an operation. Errors that the handler returns become problem
// documents.
func register[I, O any](a *api, op operation, handle func(context.Context, *I) (*O, error)) {
	o := huma.Operation{
		OperationID:   op.id,
		Method:        op.method,
		Path:          op.path,
		Summary:       op.summary,
		Description:   op.detail,
		Tags:          []string{op.tag},
		DefaultStatus: op.status,
		Metadata:      map[string]any{roleKey: op.role},
		MaxBodyBytes:  4 << 20,
		// Where a body may be absent and is, net/http ends the handler's context
		// with this.
		BodyReadTimeout: time.Minute,
		Errors:          op.problems(),
	}
	if op.role != "" {
		o.Security = []map[string][]string{{"session": {}}, {"token": {}}}
	}
	// Of a form huma only makes sure that it is JSON; the handler has it
	// checked.
	form := schemaOf[I](a.huma.OpenAPI().Components.Schemas)
	if form != nil {
		o.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{}}}}
	}
	huma.Register(a.huma, o, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
	if form != nil {
		o.RequestBody.Content["application/json"].Schema = form
	}
}
