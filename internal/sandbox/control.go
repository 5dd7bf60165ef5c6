package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// controlPath is where the API is that controls the sandbox. It is for this
// machine only, and takes and gives JSON.
const controlPath = "/sandbox/"

// State is what the sandbox is at the moment. The organization and its rows
// are those behind the address.
type State struct {
	TenantID       string         `json:"tenant_id"`
	OrganizationID string         `json:"organization_id"`
	Clock          time.Time      `json:"clock"`
	Rows           map[string]int `json:"rows"` // by logical name of the table
	AdminMode      bool           `json:"admin_mode"`
	Swapped        bool           `json:"swapped"` // another organization is behind the address
	TrackingDays   int            `json:"tracking_days"`
	Continuous     bool           `json:"continuous_access"` // tokens can be challenged
	Limits         Limits         `json:"limits"`
	Unverified     Unverified     `json:"unverified"`
	Faults         []Fault        `json:"faults"`
	Accounts       []Account      `json:"accounts"`
}

// State returns what the sandbox is at the moment.
func (s *Sandbox) State() State {
	at := s.active()
	st := State{
		TenantID: s.TenantID(), OrganizationID: at.OrganizationID(), Clock: s.Clock(), Rows: map[string]int{},
		AdminMode: s.rights.Load().adminMode, Swapped: at != s, TrackingDays: int(s.trackingDays.Load()),
		Continuous: s.ContinuousAccess(),
		Limits:     s.Limits(), Unverified: s.Unverified(), Faults: s.Faults(), Accounts: s.Accounts(),
	}
	for name, t := range at.snapshot().tables {
		if n := t.count(); n > 0 {
			st.Rows[name] = n
		}
	}
	return st
}

// Reset takes back what was changed since the sandbox began: rows, faults,
// limits, roles, switches, the clock and the log of requests. Delta tokens
// are of no use afterwards, as after a restore.
func (s *Sandbox) Reset() {
	s.writing.Lock()
	d := s.base.clone()
	d.clock = s.snapshot().clock + 1
	if version := s.snapshot().catalog.version; version > d.catalog.version {
		d.catalog = d.catalog.clone()
		d.catalog.version = version + 1
	}
	for _, t := range d.tables {
		t.tracks = d.clock
	}
	s.current.Store(d)
	s.writing.Unlock()
	s.rights.Store(&rights{roles: map[string]Role{}})
	s.RemoveFault(0)
	s.ClearFailures()
	s.SetLimits(s.cfg.Limits)
	s.SetUnverified(s.cfg.Unverified)
	s.SetContinuousAccess(s.cfg.ContinuousAccess)
	s.trackingDays.Store(DefaultTrackingDays)
	s.swapped.Store(nil)
	s.signIn.shift.Store(0)
	s.counted.Store(nil)
	s.counts()
	s.ForgetRequests()
}

// RowChange asks for changes of rows in bulk, done in the order insert,
// change, delete.
type RowChange struct {
	Table  string `json:"table"`
	Insert int    `json:"insert,omitempty"`
	Change int    `json:"change,omitempty"`
	Delete int    `json:"delete,omitempty"`
	Seed   uint64 `json:"seed,omitempty"`
}

// apply does what a RowChange asks for and returns how many rows it inserted,
// changed and deleted.
func (c RowChange) apply(s *Sandbox) (RowChange, error) {
	done := RowChange{Table: c.Table, Seed: c.Seed}
	for _, step := range []struct {
		n    int
		did  *int
		what func(string, int, uint64) (int, error)
	}{{c.Insert, &done.Insert, s.InsertRows}, {c.Change, &done.Change, s.ChangeRows}, {c.Delete, &done.Delete, s.DeleteRows}} {
		if step.n <= 0 {
			continue
		}
		n, err := step.what(c.Table, step.n, c.Seed)
		if err != nil {
			return done, err
		}
		*step.did = n
	}
	return done, nil
}

// UserChange changes how a person stands. Empty members change nothing.
type UserChange struct {
	User           string `json:"user"` // sign-in name or object id
	Disabled       *bool  `json:"disabled,omitempty"`
	Guest          *bool  `json:"guest,omitempty"`
	ChangePassword bool   `json:"change_password,omitempty"`
	Revoke         bool   `json:"revoke,omitempty"` // sessions and refresh tokens
	RemoveConsent  bool   `json:"remove_consent,omitempty"`
}

func (c UserChange) apply(s *Sandbox) error {
	var err error
	if c.Disabled != nil {
		err = errors.Join(err, s.DisableUser(c.User, *c.Disabled))
	}
	if c.Guest != nil {
		err = errors.Join(err, s.SetGuest(c.User, *c.Guest))
	}
	if c.ChangePassword {
		err = errors.Join(err, s.ChangePassword(c.User))
	}
	if c.Revoke {
		err = errors.Join(err, s.RevokeUserSessions(c.User))
	}
	if c.RemoveConsent {
		err = errors.Join(err, s.RemoveConsent(c.User, ClientID))
	}
	return err
}

// TokenChange does something to tokens. Action is expire (access tokens),
// revoke (sessions and refresh tokens of everybody), challenge (continuous
// access), fail-next and fail (the token endpoint, with Code), fail-authorize
// or clear.
type TokenChange struct {
	Action string `json:"action"`
	Code   string `json:"code,omitempty"`
}

func (c TokenChange) apply(s *Sandbox) error {
	switch c.Action {
	case "expire":
		s.ExpireTokens()
	case "revoke":
		s.RevokeSessions()
	case "challenge":
		return s.Challenge()
	case "fail-next":
		if err := checkCode(c.Code); err != nil {
			return err
		}
		s.FailNextToken(c.Code)
	case "fail":
		return s.FailToken(c.Code)
	case "fail-authorize":
		return s.FailAuthorize(c.Code)
	case "clear":
		s.ClearFailures()
	default:
		return errors.New("sandbox: action is none of expire, revoke, challenge, fail-next, fail, fail-authorize and clear")
	}
	return nil
}

// ClockChange sets the clock, or moves it.
type ClockChange struct {
	Set     time.Time `json:"set,omitzero"`
	Advance Span      `json:"advance,omitempty"`
}

// MetadataChange changes the metadata of a table. Action is add-column,
// remove-column, remove-table, track, untrack or publish.
type MetadataChange struct {
	Action      string   `json:"action"`
	Table       string   `json:"table,omitempty"`
	Column      string   `json:"column,omitempty"`
	DisplayName string   `json:"display_name,omitempty"`
	Type        string   `json:"type,omitempty"` // of a new column, for example StringType
	Targets     []string `json:"targets,omitempty"`
	Options     []string `json:"options,omitempty"`
}

func (c MetadataChange) apply(s *Sandbox) error {
	switch c.Action {
	case "add-column":
		return s.AddColumn(c.Table, Column{Name: c.Column, DisplayName: c.DisplayName, Type: c.Type, Targets: c.Targets, Options: c.Options})
	case "remove-column":
		return s.RemoveColumn(c.Table, c.Column)
	case "remove-table":
		return s.RemoveTable(c.Table)
	case "track", "untrack":
		return s.SetTracked(c.Table, c.Action == "track")
	case "publish":
		s.Publish()
		return nil
	}
	return errors.New("sandbox: action is none of add-column, remove-column, remove-table, track, untrack and publish")
}

// RoleChange gives a user a role.
type RoleChange struct {
	User string `json:"user,omitempty"` // systemuserid or user name; empty means everybody without a role of their own
	Role Role   `json:"role"`
}

// control returns the handler of the API that controls the sandbox.
func (s *Sandbox) control() http.Handler {
	mux := http.NewServeMux()
	get := func(path string, answer func(*http.Request) (any, error)) {
		mux.HandleFunc("GET "+controlPath+path, func(w http.ResponseWriter, r *http.Request) {
			v, err := answer(r)
			reply(w, v, err)
		})
	}
	get("state", func(*http.Request) (any, error) { return s.State(), nil })
	get("faults", func(*http.Request) (any, error) { return s.Faults(), nil })
	get("requests", func(r *http.Request) (any, error) {
		after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64) // none means 0
		return s.Requests(after, r.URL.Query().Get("path")), nil
	})
	handle(mux, "POST faults", func(f Fault) (any, error) {
		id, err := s.Fault(f)
		return map[string]int{"id": id}, err
	})
	handle(mux, "POST rows", func(c RowChange) (any, error) { return c.apply(s.active()) })
	handle(mux, "POST users", func(c UserChange) (any, error) {
		if err := c.apply(s); err != nil {
			return nil, err
		}
		return s.Accounts(), nil
	})
	handle(mux, "POST tokens", func(c TokenChange) (any, error) { return nil, c.apply(s) })
	handle(mux, "POST clock", func(c ClockChange) (any, error) {
		if !c.Set.IsZero() {
			s.SetClock(c.Set)
		}
		s.Advance(time.Duration(c.Advance))
		return map[string]time.Time{"clock": s.Clock()}, nil
	})
	handle(mux, "PUT limits", func(l Limits) (any, error) {
		s.SetLimits(l)
		return s.Limits(), nil
	})
	handle(mux, "PUT unverified", func(u Unverified) (any, error) {
		if err := u.check(); err != nil {
			return nil, err
		}
		s.SetUnverified(u)
		return u, nil
	})
	handle(mux, "PUT roles", func(c RoleChange) (any, error) { return c, s.SetRole(c.User, c.Role) })
	handle(mux, "PUT admin-mode", func(c struct {
		On bool `json:"on"`
	},
	) (any, error) {
		s.SetAdminMode(c.On)
		return nil, nil
	})
	handle(mux, "PUT continuous-access", func(c struct {
		On bool `json:"on"`
	},
	) (any, error) {
		s.SetContinuousAccess(c.On)
		return nil, nil
	})
	handle(mux, "PUT tracking", func(c struct {
		Days int `json:"days"`
	},
	) (any, error) {
		return nil, s.SetTrackingDays(c.Days)
	})
	handle(mux, "PUT organization", func(c struct {
		Swapped bool `json:"swapped"`
	},
	) (any, error) {
		return nil, s.SwapOrganization(c.Swapped)
	})
	handle(mux, "POST metadata", func(c MetadataChange) (any, error) { return nil, c.apply(s.active()) })
	handle(mux, "POST reset", func(struct{}) (any, error) {
		s.Reset()
		return nil, nil
	})
	mux.HandleFunc("DELETE "+controlPath+"faults", func(w http.ResponseWriter, _ *http.Request) {
		s.RemoveFault(0)
		reply(w, nil, nil)
	})
	mux.HandleFunc("DELETE "+controlPath+"faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(r.PathValue("id"))
		if err == nil && id > 0 {
			s.RemoveFault(id)
		}
		reply(w, nil, err)
	})
	mux.HandleFunc("DELETE "+controlPath+"requests", func(w http.ResponseWriter, _ *http.Request) {
		s.ForgetRequests()
		reply(w, nil, nil)
	})
	sameOrigin := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.local(r) {
			reply(w, nil, errNotLocal)
			return
		}
		sameOrigin.ServeHTTP(w, r)
	})
}

var errNotLocal = errors.New("sandbox: only this machine controls the sandbox")

// local tells whether a request comes from this machine, and not from a web
// page that was led here by a name of its own.
func (s *Sandbox) local(r *http.Request) bool {
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !crosswalk.IsLoopback(from) {
		return false
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return crosswalk.IsLoopback(strings.Trim(host, "[]"))
}

// handle answers requests with a JSON body. Members that are not known are
// refused, so that a mistyped one does not go unseen.
func handle[T any](mux *http.ServeMux, pattern string, fn func(T) (any, error)) {
	method, path, _ := strings.Cut(pattern, " ")
	mux.HandleFunc(method+" "+controlPath+path, func(w http.ResponseWriter, r *http.Request) {
		var in T
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil && !errors.Is(err, io.EOF) {
			var wrong *json.UnmarshalTypeError
			if errors.As(err, &wrong) && wrong.Field != "" {
				err = fmt.Errorf("sandbox: %s cannot be a %s", wrong.Field, wrong.Value)
			}
			reply(w, nil, err)
			return
		}
		v, err := fn(in)
		reply(w, v, err)
	})
}

// reply answers with JSON, or with {"error": "…"}.
func reply(w http.ResponseWriter, v any, err error) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	status := http.StatusOK
	if err != nil {
		v, status = map[string]string{"error": strings.TrimPrefix(err.Error(), "sandbox: ")}, http.StatusBadRequest
		if errors.Is(err, errNotLocal) {
			status = http.StatusForbidden
		}
	} else if v == nil {
		v = struct{}{}
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // only a gone client can make it fail
}
