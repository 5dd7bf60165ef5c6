package sandbox

import "time"

// State is the present state of a sandbox. The organization and its rows are
// those behind the address.
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
	Webhooks       Webhooks       `json:"webhooks"`
	Limits         Limits         `json:"limits"`
	Unverified     Unverified     `json:"unverified"`
	Faults         []Fault        `json:"faults"`
	LoopLimit      int            `json:"loop_limit"`
	Accounts       []Account      `json:"accounts"`
	Apps           []AppStanding  `json:"apps"`
}

// State returns the present state of the sandbox.
func (s *Sandbox) State() State {
	at := s.active()
	st := State{
		TenantID: s.TenantID(), OrganizationID: at.OrganizationID(), Clock: s.Clock(), Rows: map[string]int{},
		AdminMode: s.rights.Load().adminMode, BlockedApps: s.BlockedApps(), Swapped: at != s, TrackingDays: int(s.trackingDays.Load()),
		Continuous: s.ContinuousAccess(), MetadataCache: Span(s.metadataLife.Load()), Webhooks: s.Webhooks(),
		Limits: s.Limits(), Unverified: s.Unverified(), Faults: s.Faults(), LoopLimit: s.LoopLimit(),
		Accounts: s.Accounts(), Apps: s.Apps(),
	}
	for name, t := range at.snapshot().tables {
		if n := t.count(); n > 0 {
			st.Rows[name] = n
		}
	}
	return st
}

// Reset undoes all changes since the sandbox began: of rows, metadata, faults,
// limits, roles, people, app registrations, switches, the clock and the log of
// requests. Delta tokens are useless afterwards, as after a restore; tokens,
// sessions and consents that were ended stay ended.
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
	s.SetLimits(s.cfg.Limits)
	s.SetUnverified(s.cfg.Unverified)
	s.trackingDays.Store(DefaultTrackingDays)
	s.metadataLife.Store(int64(s.cfg.MetadataCache))
	s.webhooks.Store(&Webhooks{})
	s.swapped.Store(nil)
	s.signIn.reset()
	s.counted.Store(nil)
	s.counts()
	s.ForgetRequests()
}
