// Package sandbox is the bundled stand-in for Dynamics: the Dataverse Web API
// over seeded sample data, and the Microsoft sign-in server in front of it,
// both on one listener.
//
// It shares nothing with the client side but the OData grammar, so that a
// mistake in the client meets a stand-in that does not make the same one.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what a sandbox holds and how it behaves. The zero value is a
// sandbox of seed 0 with the default number of rows.
type Config struct {
	Seed uint64 // same seed and counts, same data

	// Numbers of rows; 0 means the default, a negative number none. There is
	// always at least one user, who can sign in.
	Users         int
	Accounts      int
	Contacts      int
	Opportunities int
	Incidents     int
	Leads         int
	Activities    int // of all sorts together: tasks, phone calls, e-mails and appointments in equal parts

	// Awkward spoils some rows, so that a careful mapping must reject them:
	// accounts without a name or with a website that is not an address, and
	// users whose e-mail is not an address or whose user name has over 300
	// characters. Without it every row maps cleanly.
	Awkward bool

	// BaseURL is the address of the environment, for example
	// http://127.0.0.1:8089; empty means the scheme and host of each request.
	// With HTTPS and one of Microsoft's host names (see PublicURL), requests to
	// such names reach this environment and the sign-in server of its cloud;
	// for requests to other names the address is that of the request.
	BaseURL string

	Unverified Unverified // behaviours that are not known for certain
	Limits     Limits     // service protection; the zero value has none

	// MetadataCache is how long after a change requests for metadata still show
	// the former state, as the caches of Dataverse do for about 30 seconds. 0
	// shows changes at once.
	MetadataCache time.Duration

	Latency time.Duration    // how long every answer of the Web API is held back
	Now     func() time.Time // nil means time.Now
	Logger  *slog.Logger     // nil means no log

	// Apps are app registrations besides ClientID and PublicClientID, or in
	// place of those with the same id.
	Apps []App

	// ContinuousAccess lets the Web API demand new tokens before the old ones
	// expire when something has happened to the account (continuous access
	// evaluation), from clients that declare that they can handle it; their
	// tokens live for about a day. Dataverse was getting it region by region in
	// 2026.
	ContinuousAccess bool

	bearer string // a token the Web API takes as the first user's, for tests of the Web API alone
}

// The default numbers of rows.
const (
	DefaultUsers         = 50
	DefaultAccounts      = 1000
	DefaultContacts      = 2000
	DefaultOpportunities = 500
	DefaultIncidents     = 500
	DefaultLeads         = 200
	DefaultActivities    = 400
)

func rows(n, standard int) int {
	switch {
	case n == 0:
		return standard
	case n < 0:
		return 0
	}
	return n
}

// Sandbox is one environment and its sign-in server. It is safe for
// concurrent use.
type Sandbox struct {
	cfg    Config
	log    *slog.Logger
	now    func() time.Time
	signIn *signIn
	tenant guid
	org    guid
	sorted sortCache

	writing sync.Mutex              // held while rows are changed
	current atomic.Pointer[dataset] // the rows as they are now

	counted atomic.Pointer[rowCounts] // for RetrieveTotalRecordCount
	called  atomic.Int64              // webhooks

	hookTimeout time.Duration // how long a webhook may take to answer

	*conditions
	swapped atomic.Pointer[Sandbox] // answers in place of this one
	base    *dataset                // the rows as generated
	journal journal

	mu        sync.RWMutex
	faults    []*injected
	troubles  []*Fault
	lastFault int
}

// conditions are what stays the same when another organization is put behind
// the address.
type conditions struct {
	rights       atomic.Pointer[rights] // who may do what
	unverified   atomic.Pointer[Unverified]
	trackingDays atomic.Int64
	metadataLife atomic.Int64 // nanoseconds
	webhooks     atomic.Pointer[Webhooks]
	front        atomic.Pointer[front]
}

// New makes a sandbox. It fails only when it is asked for more rows than the
// generator can name.
func New(cfg Config) (*Sandbox, error) {
	s := &Sandbox{cfg: cfg, log: cfg.Logger, now: cfg.Now, conditions: &conditions{}, hookTimeout: webhookTimeout}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	catalog, err := loadCatalog()
	if err != nil {
		return nil, fmt.Errorf("load metadata: %w", err)
	}
	data, err := newDataset(catalog, cfg)
	if err != nil {
		return nil, err
	}
	s.base = data
	s.current.Store(data)
	s.counts()
	s.SetLimits(cfg.Limits)
	s.SetUnverified(cfg.Unverified)
	s.trackingDays.Store(DefaultTrackingDays)
	s.metadataLife.Store(int64(cfg.MetadataCache))
	s.webhooks.Store(&Webhooks{})
	s.rights.Store(&rights{roles: map[string]Role{}})
	s.tenant = randomGUID(cfg.Seed, "tenant")
	s.org = randomGUID(cfg.Seed, "organization")
	s.signIn = newSignIn(s)
	return s, nil
}

// TenantID returns the id of the Entra tenant, derived from the seed.
func (s *Sandbox) TenantID() string { return s.tenant.String() }

// OrganizationID returns the id of the Dataverse organization, derived from
// the seed.
func (s *Sandbox) OrganizationID() string { return s.org.String() }

// OrganizationName returns the name of the organization shown to people.
func (s *Sandbox) OrganizationName() string { return organizationName }

const (
	organizationName = "Contoso Sandbox"
	uniqueName       = "contososandbox"
	serverVersion    = "9.2.24053.187"
)

// Count returns the number of rows of a table by its logical name, 0 when
// there is no such table.
func (s *Sandbox) Count(entity string) int {
	t := s.snapshot().table(entity)
	if t == nil {
		return 0
	}
	return t.count()
}

// snapshot returns the rows as they are now.
func (s *Sandbox) snapshot() *dataset { return s.current.Load() }

// Inject adds a fault that is called before each request to the Web API is
// handled, and returns true when it has answered the request itself. Faults are
// called in the order in which they were added; the returned function removes
// the fault.
func (s *Sandbox) Inject(fault func(w http.ResponseWriter, r *http.Request) bool) (remove func()) {
	f := &injected{fault}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(slices.Clip(s.faults), f)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(slices.Clone(s.faults), func(g *injected) bool { return g == f })
	}
}

// injected is one fault. The list of them is replaced and never changed, so
// that requests can go through it without the lock.
type injected struct {
	answer func(http.ResponseWriter, *http.Request) bool
}

// Handler returns the HTTP side: the Web API under /api/data/, global
// discovery under /api/discovery/, the API that
// controls the sandbox under /sandbox/, for this machine only, and the sign-in
// server everywhere else.
func (s *Sandbox) Handler() http.Handler {
	control := s.control()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, controlPath) {
			control.ServeHTTP(w, r)
			return
		}
		s.watch(w, r, func(w *watched, r *http.Request) {
			if f, ok := s.strike(r); ok {
				s.suffer(f, w, r, s.serve)
				return
			}
			s.serve(w, r)
		})
	})
}

// serve answers a request to the Web API or the sign-in server.
func (s *Sandbox) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, discoveryPath) {
		s.active().serveDiscovery(w, r)
		return
	}
	if !webAPI(r) {
		s.signIn.ServeHTTP(w, r)
		return
	}
	if s.faulty(w, r) {
		return
	}
	s.active().serveWebAPI(w, r)
}

func (s *Sandbox) faulty(w http.ResponseWriter, r *http.Request) bool {
	s.mu.RLock()
	faults := s.faults
	s.mu.RUnlock()
	for _, f := range faults {
		if f.answer(w, r) {
			return true
		}
	}
	return false
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// caller is who a bearer token speaks for.
type caller struct {
	UserID string // systemuserid
	App    bool   // an application user, not a person
	AppID  string // client id of the app that signed in
}

// person is a user who can sign in.
type person struct {
	SystemUserID string
	ObjectID     string // id of the account in Entra (oid)
	FullName     string
	FirstName    string
	LastName     string
	DomainName   string // user principal name
	Title        string
}

// people returns the first n enabled ordinary users, fewer when there are
// fewer.
func (s *Sandbox) people(n int) []person {
	return s.snapshot().people(n)
}

var errTooManyRows = errors.New("sandbox: more rows than ids")

// discard reads what is left of a request's body, so that the connection can
// be used again.
func discard(r io.Reader) { _, _ = io.Copy(io.Discard, io.LimitReader(r, 1<<20)) }
