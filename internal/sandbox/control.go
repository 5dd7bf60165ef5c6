package sandbox

import (
	"errors"
	"time"
)

// State is what the sandbox is at the moment. The organization and its rows
// are those behind the address.
type State struct {
	TenantID       string         `json:"tenant_id"`
	OrganizationID string         `json:"organization_id"`
	Clock          time.Time      `json:"clock"`
	Rows           map[string]int `json:"rows"` // by logical name of the table
	AdminMode      bool           `json:"admin_mode"`
	BlockedApps    []string       `json:"blocked_apps,omitempty"` // client ids
	Swapped        bool           `json:"swapped"`                // another organization is behind the address
	TrackingDays   int            `json:"tracking_days"`
	Continuous     bool           `json:"continuous_access"` // tokens can be challenged
	MetadataCache  Span           `json:"metadata_cache"`    // how long metadata requests show what was
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
		AdminMode: s.rights.Load().adminMode, BlockedApps: s.BlockedApps(), Swapped: at != s, TrackingDays: int(s.trackingDays.Load()),
		Continuous: s.ContinuousAccess(), MetadataCache: Span(s.metadataLife.Load()),
		Limits: s.Limits(), Unverified: s.Unverified(), Faults: s.Faults(), Accounts: s.Accounts(),
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
		d.catalog = d.catalog.clone(s.now())
		d.catalog.before = nil
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
	s.metadataLife.Store(int64(s.cfg.MetadataCache))
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
