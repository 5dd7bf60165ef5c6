package crosswalk

import (
	"fmt"
	"time"
)

// SignInMode says as whom a connection signs in and how it proves that.
type SignInMode string

// The ways to sign in. Signing in as an application (client credentials) needs
// nobody's password or presence; the environment must know the app registration
// as an application user with a security role.
const (
	SignInUser        SignInMode = "user"          // a person, in the browser
	SignInSecret      SignInMode = "client_secret" // the app registration, with a client secret
	SignInCertificate SignInMode = "certificate"   // the app registration, with a certificate
)

// Application reports whether a connection in this mode acts as an application
// rather than as a person.
func (m SignInMode) Application() bool { return m == SignInSecret || m == SignInCertificate }

// Certificate is what may be shown of a stored certificate. Its private key
// is stored sealed and never shown.
type Certificate struct {
	Subject    string    `json:"subject" doc:"Subject of the certificate"`
	Thumbprint string    `json:"thumbprint" doc:"SHA-1 of the certificate in upper-case hex, as the app registration lists it"`
	NotBefore  time.Time `json:"not_before" doc:"Start of its validity"`
	NotAfter   time.Time `json:"not_after" doc:"End of its validity"`
}

// Warning is something that will stop a connection if nobody acts.
type Warning struct {
	Message string `json:"message" doc:"What will happen"`
	Hint    string `json:"hint" doc:"What to do about it"`
}

// expiryNotice is how long before a secret or certificate expires a connection
// warns about it.
const expiryNotice = 30 * 24 * time.Hour

// ExpiryWarning returns a warning when the secret or certificate with which
// the connection signs in has expired, or will within 30 days of now, and
// otherwise nil. When a secret expires is known only if somebody entered it.
func (c *Connection) ExpiryWarning(now time.Time) *Warning {
	var what, hint string
	var end time.Time
	switch {
	case c.SignInMode == SignInCertificate && c.Certificate != nil:
		what, end = "certificate", c.Certificate.NotAfter
		hint = "Make a new certificate, upload it under Certificates & secrets of the app registration, then store it at the connection."
	case c.SignInMode != SignInCertificate && c.SecretExpiresAt != nil:
		what, end = "client secret", *c.SecretExpiresAt
		hint = "Make a new client secret under Certificates & secrets of the app registration, then enter its value at the connection."
	default:
		return nil
	}
	left := end.Sub(now)
	if left > 0 {
		hint += " The old one stays good until its end."
	}
	day := end.UTC().Format(time.DateOnly)
	switch {
	case left > expiryNotice:
		return nil
	case left <= 0:
		return &Warning{fmt.Sprintf("The %s expired on %s.", what, day), hint}
	case left < time.Hour:
		return &Warning{fmt.Sprintf("The %s expires on %s, in less than an hour.", what, day), hint}
	case left < 48*time.Hour:
		left = left.Truncate(time.Hour)
	default:
		left = left.Truncate(24 * time.Hour)
	}
	return &Warning{fmt.Sprintf("The %s expires on %s, in %s.", what, day, DurationWords(left)), hint}
}
