package sandbox

import (
	"fmt"
	"strconv"
	"strings"
)

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

// Set chooses one behaviour by its name in JSON. The value is written as a
// person types it: true, 1, off; expired_status is a number, 0 or 400 to 599.
// It fails for a name or a value that there is not, and then changes nothing.
func (u *Unverified) Set(name, value string) error {
	if name == "expired_status" {
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("sandbox: expired_status is a number, not %q", value)
		}
		next := *u
		next.ExpiredStatus = n
		if err := next.check(); err != nil {
			return err
		}
		*u = next
		return nil
	}
	on, ok := map[string]*bool{
		"token_at_end": &u.TokenAtEnd, "swap_delta_link": &u.SwapDeltaLink, "whole_delta": &u.WholeDelta, "repeat_changes": &u.RepeatChanges,
		"keep_tokens": &u.KeepTokens, "plain_tracking_errors": &u.PlainTrackingErrors, "untracked_links": &u.UntrackedLinks,
	}[name]
	if !ok {
		return fmt.Errorf("sandbox: there is no switch %q", name)
	}
	switch strings.ToLower(value) {
	case "true", "1", "on", "yes":
		*on = true
	case "false", "0", "off", "no":
		*on = false
	default:
		return fmt.Errorf("sandbox: %s is true or false, not %q", name, value)
	}
	return nil
}

// check says what no answer can have.
func (u *Unverified) check() error {
	if n := u.ExpiredStatus; n != 0 && (n < 400 || n > 599) {
		return fmt.Errorf("sandbox: expired_status is 0 or 400 to 599, not %d", n)
	}
	return nil
}

// SetUnverified changes the behaviours at once.
func (s *Sandbox) SetUnverified(u Unverified) { s.unverified.Store(&u) }

// Unverified returns the behaviours that are chosen.
func (s *Sandbox) Unverified() Unverified { return *s.unverified.Load() }
