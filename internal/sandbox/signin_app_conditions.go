package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

var errNoApp = errors.New("sandbox: no such app registration")

// AppStanding is an app registration and its present state.
type AppStanding struct {
	ClientID      string `json:"client_id"`
	Name          string `json:"name"`
	Public        bool   `json:"public"`
	SecretExpired bool   `json:"secret_expired"`
	Disabled      bool   `json:"disabled"`
	Role          bool   `json:"role"`    // its application user has a security role
	Consent       bool   `json:"consent"` // an administrator consented for the tenant
}

// Apps returns the app registrations, sorted by name.
func (s *Sandbox) Apps() []AppStanding {
	in := s.signIn
	in.mu.Lock()
	defer in.mu.Unlock()
	var all []AppStanding
	for id, a := range in.apps {
		all = append(all, AppStanding{a.ClientID, a.name(), a.Public, a.expired, a.disabled, !a.noRole, in.tenantConsents[id]})
	}
	slices.SortFunc(all, func(a, b AppStanding) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ClientID, b.ClientID))
	})
	return all
}

// SetApp adds an app registration, or replaces the one with its id. Consents
// stay. The environment does not have the application user of a new app until a
// systemuser with that applicationid is created. It fails when the id is not a
// GUID, and when a public app has a secret or a certificate.
func (s *Sandbox) SetApp(a App) error {
	if _, ok := parseGUID(a.ClientID); !ok {
		return errors.New("sandbox: the client id of an app is a GUID")
	}
	if a.Public && (a.Secret != "" || len(a.Certificates) > 0) {
		return errors.New("sandbox: a public app has no secret and no certificate")
	}
	in := s.signIn
	in.mu.Lock()
	defer in.mu.Unlock()
	in.apps[strings.ToLower(a.ClientID)] = &registration{App: a}
	return nil
}

// registration changes an app registration.
func (s *Sandbox) registration(clientID string, change func(*registration)) error {
	in := s.signIn
	in.mu.Lock()
	defer in.mu.Unlock()
	a := in.apps[strings.ToLower(clientID)]
	if a == nil {
		return fmt.Errorf("%w: %s", errNoApp, clientID)
	}
	change(a)
	return nil
}

// SetSecret replaces the secret of an app: the old one is refused with
// AADSTS7000215.
func (s *Sandbox) SetSecret(clientID, secret string) error {
	return s.registration(clientID, func(a *registration) { a.Secret, a.expired = secret, false })
}

// ExpireSecret lets the secret of an app expire, or makes it valid again. An
// expired one is refused with AADSTS7000222.
func (s *Sandbox) ExpireSecret(clientID string, expired bool) error {
	return s.registration(clientID, func(a *registration) { a.expired = expired })
}

// DisableApp disables an app registration, or enables it again. A disabled one
// is refused with AADSTS7000112.
func (s *Sandbox) DisableApp(clientID string, disabled bool) error {
	return s.registration(clientID, func(a *registration) { a.disabled = disabled })
}

// SetApplicationRole gives the application user of an app its security role,
// which it has at first, or takes it away: the Web API then refuses the app
// with 0x80040220.
func (s *Sandbox) SetApplicationRole(clientID string, role bool) error {
	return s.registration(clientID, func(a *registration) { a.noRole = !role })
}
