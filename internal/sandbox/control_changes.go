package sandbox

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"time"
)

// RowChange asks for bulk changes of rows, made in the order insert, change,
// delete.
type RowChange struct {
	Table  string `json:"table"`
	Insert int    `json:"insert,omitempty"`
	Change int    `json:"change,omitempty"`
	Delete int    `json:"delete,omitempty"`
	Seed   uint64 `json:"seed,omitempty"`
	// ModifiedOn is the time with which changes are dated; zero means the
	// clock's.
	ModifiedOn time.Time `json:"modified_on,omitzero"`
}

// apply does what a RowChange asks for and returns how many rows it inserted,
// changed and deleted.
func (c RowChange) apply(s *Sandbox) (RowChange, error) {
	done := RowChange{Table: c.Table, Seed: c.Seed, ModifiedOn: c.ModifiedOn}
	change := s.ChangeRows
	if !c.ModifiedOn.IsZero() {
		change = func(table string, n int, seed uint64) (int, error) {
			return s.BackdateRows(table, n, seed, c.ModifiedOn)
		}
	}
	for _, step := range []struct {
		n    int
		did  *int
		what func(string, int, uint64) (int, error)
	}{{c.Insert, &done.Insert, s.InsertRows}, {c.Change, &done.Change, change}, {c.Delete, &done.Delete, s.DeleteRows}} {
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

// UserChange changes the state of a person's account. Empty members change
// nothing.
type UserChange struct {
	User           string `json:"user"` // sign-in name or object id
	Disabled       *bool  `json:"disabled,omitempty"`
	Guest          *bool  `json:"guest,omitempty"`
	ChangePassword bool   `json:"change_password,omitempty"`
	ResetPassword  bool   `json:"reset_password,omitempty"`
	Revoke         bool   `json:"revoke,omitempty"` // sessions and refresh tokens
	RemoveConsent  bool   `json:"remove_consent,omitempty"`
	App            string `json:"app,omitempty"` // whose consent; empty means ClientID
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
	if c.ResetPassword {
		err = errors.Join(err, s.ResetPassword(c.User))
	}
	if c.Revoke {
		err = errors.Join(err, s.RevokeUserSessions(c.User))
	}
	if c.RemoveConsent {
		app := c.App
		if app == "" {
			app = ClientID
		}
		if c.User == "" { // would mean everybody, which is for the app to say
			return errNoAccount
		}
		err = errors.Join(err, s.RemoveConsent(c.User, app))
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
// add-option (labelled DisplayName), set-label (DisplayName, of the column or
// of its Option), remove-column, remove-table, track, untrack or publish.
type MetadataChange struct {
	Action      string   `json:"action"`
	Table       string   `json:"table,omitempty"`
	Column      string   `json:"column,omitempty"`
	DisplayName string   `json:"display_name,omitempty"`
	Type        string   `json:"type,omitempty"` // of a new column, for example StringType
	Targets     []string `json:"targets,omitempty"`
	Options     []string `json:"options,omitempty"`
	Option      *int64   `json:"option,omitempty"` // whose label to set; nil means the column's
}

func (c MetadataChange) apply(s *Sandbox) (any, error) {
	switch c.Action {
	case "add-column":
		return nil, s.AddColumn(c.Table, Column{Name: c.Column, DisplayName: c.DisplayName, Type: c.Type, Targets: c.Targets, Options: c.Options})
	case "add-option":
		value, err := s.AddOption(c.Table, c.Column, c.DisplayName)
		return map[string]int64{"value": value}, err
	case "set-label":
		if c.Option != nil {
			return nil, s.SetOptionLabel(c.Table, c.Column, *c.Option, c.DisplayName)
		}
		return nil, s.SetLabel(c.Table, c.Column, c.DisplayName)
	case "remove-column":
		return nil, s.RemoveColumn(c.Table, c.Column)
	case "remove-table":
		return nil, s.RemoveTable(c.Table)
	case "track", "untrack":
		return nil, s.SetTracked(c.Table, c.Action == "track")
	case "publish":
		s.Publish()
		return nil, nil
	}
	return nil, errors.New("sandbox: action is none of add-column, add-option, set-label, remove-column, remove-table, track, untrack and publish")
}

// RoleChange gives a user a role.
type RoleChange struct {
	User string `json:"user,omitempty"` // systemuserid or user name; empty means everybody without a role of their own
	Role Role   `json:"role"`
}

// AppRegistration is an App in the form of the control API.
type AppRegistration struct {
	ClientID     string   `json:"client_id"`
	Name         string   `json:"name,omitempty"`
	Secret       string   `json:"secret,omitempty"`
	Certificates string   `json:"certificates,omitempty"` // as PEM, one after another
	Public       bool     `json:"public,omitempty"`
	Redirects    []string `json:"redirects,omitempty"`
	AdminConsent bool     `json:"admin_consent,omitempty"`
}

func (a AppRegistration) apply(s *Sandbox) error {
	app := App{ClientID: a.ClientID, Name: a.Name, Secret: a.Secret, Public: a.Public, Redirects: a.Redirects, AdminConsent: a.AdminConsent}
	for rest := []byte(a.Certificates); len(rest) > 0; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return errors.New("sandbox: certificates are no PEM")
		}
		if block.Type != "CERTIFICATE" { // a key may stand beside it
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return errors.New("sandbox: a certificate cannot be read")
		}
		app.Certificates = append(app.Certificates, cert)
	}
	return s.SetApp(app)
}

// AppChange changes the state of an app registration. Nil members change
// nothing.
type AppChange struct {
	App           string  `json:"app"` // client id
	Secret        *string `json:"secret,omitempty"`
	SecretExpired *bool   `json:"secret_expired,omitempty"`
	Disabled      *bool   `json:"disabled,omitempty"`
	Role          *bool   `json:"role,omitempty"`    // its application user has a security role
	Blocked       *bool   `json:"blocked,omitempty"` // kept out of the environment
	Consent       *bool   `json:"consent,omitempty"` // an administrator's; false takes away everybody's
}

func (c AppChange) apply(s *Sandbox) error {
	if _, ok := parseGUID(c.App); !ok {
		return errors.New("sandbox: app is the client id of an app, a GUID")
	}
	var err error
	if c.Secret != nil {
		err = errors.Join(err, s.SetSecret(c.App, *c.Secret))
	}
	if c.SecretExpired != nil {
		err = errors.Join(err, s.ExpireSecret(c.App, *c.SecretExpired))
	}
	if c.Disabled != nil {
		err = errors.Join(err, s.DisableApp(c.App, *c.Disabled))
	}
	if c.Role != nil {
		err = errors.Join(err, s.SetApplicationRole(c.App, *c.Role))
	}
	if c.Blocked != nil {
		s.BlockApp(c.App, *c.Blocked)
	}
	switch {
	case c.Consent == nil:
	case *c.Consent:
		err = errors.Join(err, s.GrantAdminConsent(c.App))
	default:
		err = errors.Join(err, s.RemoveConsent("", c.App))
	}
	return err
}
