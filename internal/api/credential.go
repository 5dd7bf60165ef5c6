package api

import (
	"regexp"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/connector"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// credential is what a person entered for a connection to sign in with; empty
// means nothing.
type credential struct {
	secret      string
	certificate string // PEM with the private key
	sealed      store.Sealed
}

// seal seals what was given and notes what is wrong with it. The facts of a
// certificate become those of the connection.
func (a *api) seal(p *crosswalk.Problems, conn *crosswalk.Connection, given *credential) (err error) {
	if given.secret != "" {
		if given.sealed.Secret, err = a.Connector.SealSecret(conn.ID, given.secret); err != nil {
			return err
		}
		conn.HasSecret = true
	}
	if given.certificate == "" {
		return nil
	}
	sealed, facts, err := a.Connector.SealCertificate(conn.ID, given.certificate)
	if crosswalk.ErrorCode(err) == crosswalk.CodeInvalid {
		message, hint := connector.Words(err)
		p.AddHint("certificate", hint, "%s", message)
		return nil
	}
	given.sealed.Certificate, conn.Certificate = sealed, &facts
	return err
}

// checkClient notes what is wrong with the app registration of a connection.
func (a *api) checkClient(p *crosswalk.Problems, conn crosswalk.Connection, given credential) {
	const where = "Copy the Application (client) ID from the app registration's overview."
	switch {
	case conn.ClientID == "" && a.ClientID == "":
		p.AddHint("client_id", where, "Enter the application id; this installation has none of its own.")
	case conn.ClientID != "" && !guid.MatchString(conn.ClientID):
		p.AddHint("client_id", where, "%q is not an application id.", conn.ClientID)
	}
	installed := conn.ClientID == "" && a.Connector.ClientSecret != ""
	switch {
	case guid.MatchString(strings.TrimSpace(given.secret)):
		p.AddHint("client_secret", "In the app registration, Certificates & secrets, copy the column Value, not Secret ID.",
			"This looks like the id of a secret, not its value.")
	case conn.SignInMode == crosswalk.SignInSecret && !conn.HasSecret && !installed:
		p.AddHint("client_secret", "Make one under Certificates & secrets of the app registration and copy its Value.",
			"Enter a client secret; the connection signs in with it.")
	}
	if conn.SignInMode == crosswalk.SignInCertificate && conn.Certificate == nil && given.certificate == "" {
		p.AddHint("certificate", "Give a PEM file with the certificate and its unencrypted RSA private key, and upload the certificate at the app registration.",
			"Enter a certificate; the connection signs in with it.")
	}
}

// deref returns what s points at, "" for nil.
func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
