package sandbox

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// standing is what became of an account since the sandbox was started. The
// counters are written into tokens: a token with a lower one was given before.
type standing struct {
	disabled  bool
	guest     bool
	sessions  int64 // times its sessions were revoked, by whatever
	passwords int64 // times its password was changed by itself
	events    int64 // of all sorts, for continuous access evaluation
}

// Account is a person who can sign in.
type Account struct {
	Name       string `json:"name"`
	SignInName string `json:"sign_in_name"`
	ObjectID   string `json:"object_id"` // in Entra
	UserID     string `json:"user_id"`   // systemuserid
	Admin      bool   `json:"admin"`     // may consent for the tenant
	Guest      bool   `json:"guest"`
	Disabled   bool   `json:"disabled"`
}

// Accounts returns the people who can sign in. The first is the tenant's
// administrator.
func (s *Sandbox) Accounts() []Account {
	in := s.signIn
	in.mu.Lock()
	defer in.mu.Unlock()
	var all []Account
	for i, p := range in.people {
		st := in.standings[p.ObjectID]
		all = append(all, Account{p.FullName, p.DomainName, p.ObjectID, p.SystemUserID, i == 0, st.guest, st.disabled})
	}
	return all
}

var errNoAccount = errors.New("sandbox: no such account")

// account changes the standing of an account, named by its sign-in name or
// object id.
func (s *Sandbox) account(user string, change func(*standing)) error {
	in := s.signIn
	p, ok := in.personNamed(user)
	if !ok {
		if p, ok = in.person(user); !ok {
			return fmt.Errorf("%w: %s", errNoAccount, user)
		}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	st := in.standings[p.ObjectID]
	change(&st)
	in.standings[p.ObjectID] = st
	return nil
}

// DisableUser disables an account in Entra, or enables it again. Sign-ins and
// refreshes of a disabled one are refused with AADSTS50057. User is a sign-in
// name or object id. Access tokens stay valid until they expire, except under
// continuous access evaluation.
func (s *Sandbox) DisableUser(user string, disabled bool) error {
	return s.account(user, func(st *standing) { st.disabled = disabled; st.events++ })
}

// SetGuest makes an account one of another tenant that is a guest here, or one
// of this tenant again. A guest who signs in by "organizations" or "common"
// and not by the tenant's id is refused with AADSTS50020.
func (s *Sandbox) SetGuest(user string, guest bool) error {
	return s.account(user, func(st *standing) { st.guest = guest })
}

// ChangePassword does what happens when users change their own password, or an
// administrator resets it outside the Entra admin center: refresh tokens of
// public clients end with AADSTS50173, and those of confidential clients stay
// valid.
func (s *Sandbox) ChangePassword(user string) error {
	return s.account(user, func(st *standing) { st.passwords++; st.events++ })
}

// ResetPassword does what an administrator's reset in the Entra admin center
// does: all refresh tokens of the account end.
func (s *Sandbox) ResetPassword(user string) error { return s.RevokeUserSessions(user) }

// RevokeUserSessions ends the browser sessions and refresh tokens of one
// account; the next refresh is refused with AADSTS50173.
func (s *Sandbox) RevokeUserSessions(user string) error {
	return s.account(user, func(st *standing) { st.sessions++; st.events++ })
}

// RevokeSessions ends all browser sessions and refresh tokens issued so far, as
// an administrator's "revoke sessions" does: the next refresh is refused with
// AADSTS50173. Access tokens stay valid until they expire, except under
// continuous access evaluation.
func (s *Sandbox) RevokeSessions() {
	s.signIn.mu.Lock()
	defer s.signIn.mu.Unlock()
	s.signIn.sessionEpoch++
}

// ExpireTokens makes the Web API refuse all access tokens issued so far.
// Refresh tokens stay valid.
func (s *Sandbox) ExpireTokens() {
	s.signIn.mu.Lock()
	defer s.signIn.mu.Unlock()
	s.signIn.tokenEpoch++
}

// RemoveConsent revokes what an account, or with "" everybody including the
// administrator, has allowed an app: refreshes are refused with AADSTS65001
// until somebody consents again.
func (s *Sandbox) RemoveConsent(user, clientID string) error {
	in := s.signIn
	p, known := in.personNamed(user)
	if !known {
		p, known = in.person(user)
	}
	if user != "" && !known {
		return fmt.Errorf("%w: %s", errNoAccount, user)
	}
	if _, ok := in.app(clientID); !ok {
		return fmt.Errorf("%w: %s", errNoApp, clientID)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, one := range in.people {
		if user == "" || one.ObjectID == p.ObjectID {
			key := consentKey(one, clientID)
			delete(in.consents, key)
			in.withdrawn[key] = true
		}
	}
	if user == "" {
		delete(in.tenantConsents, strings.ToLower(clientID))
	}
	return nil
}

// Challenge makes the Web API answer access tokens given so far with a claims
// challenge, if their client declared that it can handle one (cp1) and
// continuous access was on when they were given. A token asked for with the
// demanded claims is good again. It fails while continuous access is off.
func (s *Sandbox) Challenge() error {
	in := s.signIn
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.continuous {
		return errors.New("sandbox: nobody is challenged while continuous access is off; turn it on, then sign in anew")
	}
	in.challenged = max(in.challenged+1, in.s.now().Unix())
	return nil
}

// SetContinuousAccess turns continuous access evaluation on or off, as
// Config.ContinuousAccess does from the start. Tokens issued while it was off
// are never challenged, and no token is while it is off.
func (s *Sandbox) SetContinuousAccess(on bool) {
	in := s.signIn
	in.mu.Lock()
	defer in.mu.Unlock()
	in.continuous = on
}

// ContinuousAccess reports whether continuous access evaluation is on.
func (s *Sandbox) ContinuousAccess() bool {
	in := s.signIn
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.continuous
}

// plainCode is the number of an Entra error without its prefix.
func plainCode(code string) string { return strings.TrimPrefix(strings.ToUpper(code), "AADSTS") }

// checkCode refuses what is neither an Entra number nor a status.
func checkCode(code string) error {
	if n, err := strconv.Atoi(plainCode(code)); err != nil || n < 400 {
		return fmt.Errorf("sandbox: %q is neither the number of an Entra error nor 429 or 503", code)
	}
	return nil
}

// FailNextToken makes the token endpoint refuse its next request: with the
// Entra error of that number ("50173" or "AADSTS50173") or, for "429" and
// "503", as a server in trouble does. Several calls queue up.
func (s *Sandbox) FailNextToken(code string) {
	s.signIn.mu.Lock()
	defer s.signIn.mu.Unlock()
	s.signIn.faults = append(s.signIn.faults, plainCode(code))
}

// FailToken makes the token endpoint refuse all requests, the way FailNextToken
// does with one, until ClearFailures. It returns an error for an invalid code.
func (s *Sandbox) FailToken(code string) error {
	if err := checkCode(code); err != nil {
		return err
	}
	s.signIn.mu.Lock()
	defer s.signIn.mu.Unlock()
	s.signIn.tokenFault = plainCode(code)
	return nil
}

// FailAuthorize makes all sign-ins end with an Entra error (by its number)
// after the account was chosen, until ClearFailures. It returns an error for an
// invalid code.
func (s *Sandbox) FailAuthorize(code string) error {
	if err := checkCode(code); err != nil {
		return err
	}
	s.signIn.mu.Lock()
	defer s.signIn.mu.Unlock()
	s.signIn.authorizeFault = plainCode(code)
	return nil
}

// ClearFailures ends what FailToken, FailNextToken and FailAuthorize began.
func (s *Sandbox) ClearFailures() {
	s.signIn.mu.Lock()
	defer s.signIn.mu.Unlock()
	s.signIn.faults, s.signIn.tokenFault, s.signIn.authorizeFault = nil, "", ""
}

// Clock returns the time of the sandbox.
func (s *Sandbox) Clock() time.Time { return s.now() }

// SetClock sets the sandbox's clock, which goes on from there. Codes, tokens
// and refresh tokens expire by it.
func (s *Sandbox) SetClock(now time.Time) { s.Advance(now.Sub(s.now())) }

// Advance moves the sandbox's clock forward by d, or back when d is negative.
func (s *Sandbox) Advance(d time.Duration) { s.signIn.shift.Add(int64(d)) }

// reset takes back what became of people, apps and the clock. Tokens, sessions
// and consents that were ended stay so.
func (in *signIn) reset() {
	in.shift.Store(0)
	in.mu.Lock()
	defer in.mu.Unlock()
	for id, st := range in.standings {
		st.disabled, st.guest = false, false
		in.standings[id] = st
	}
	in.apps = registrations(in.s.cfg)
	in.continuous = in.s.cfg.ContinuousAccess
	in.faults, in.tokenFault, in.authorizeFault = nil, "", ""
	in.loops = loops{limit: DefaultLoopLimit}
}
