package sandbox

// Unverified chooses among behaviours of Dataverse that no document and no
// captured answer settles. The zero value is what is likeliest; a client has
// to work in every position.
type Unverified struct {
	// TokenAtEnd makes the delta link of a first walk mark the moment of the
	// last page rather than that of the first: changes between the two to
	// pages already read are in no delta.
	TokenAtEnd bool `json:"token_at_end,omitempty"`
	// SwapDeltaLink puts the delta link before the rows of a first walk and
	// behind those of a delta. Otherwise it is the other way round.
	SwapDeltaLink bool `json:"swap_delta_link,omitempty"`
	// WholeDelta answers a delta in one page, whatever page size is asked.
	WholeDelta bool `json:"whole_delta,omitempty"`
	// RepeatChanges lists a row once for each of its changes in a delta.
	RepeatChanges bool `json:"repeat_changes,omitempty"`
	// KeepTokens lets delta tokens outlive a change of the table's metadata.
	KeepTokens bool `json:"keep_tokens,omitempty"`
	// ExpiredStatus is the HTTP status of an expired delta token (code
	// 0x80044352); 0 means 400.
	ExpiredStatus int `json:"expired_status,omitempty"`
	// PlainTrackingErrors refuses tracking of a table that is not enabled with
	// the general code 0x80060888 rather than 0x80072491.
	PlainTrackingErrors bool `json:"plain_tracking_errors,omitempty"`
	// UntrackedLinks writes istracking="False" into the links of a tracked
	// walk.
	UntrackedLinks bool `json:"untracked_links,omitempty"`
}

// SetUnverified changes the behaviours at once.
func (s *Sandbox) SetUnverified(u Unverified) { s.unverified.Store(&u) }

// Unverified returns the behaviours that are chosen.
func (s *Sandbox) Unverified() Unverified { return *s.unverified.Load() }
