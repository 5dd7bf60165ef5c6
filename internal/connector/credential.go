package connector

import (
	"context"
	"net/http"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/oauth"
)

// tokenTimeout is how long one request to the sign-in server may take.
const tokenTimeout = 30 * time.Second

// oauthConfig returns how to sign in to a connection. Each time it asks the
// environment itself for the authority, which also reveals a wrong address.
func (c *Connector) oauthConfig(ctx context.Context, conn crosswalk.Connection) (oauth.Config, error) {
	challenge, err := dataverse.Probe(ctx, nil, conn.EnvironmentURL)
	if err != nil {
		return oauth.Config{}, err
	}
	cfg := oauth.Config{
		Authority:   oauth.CanonicalAuthority(challenge.Authority),
		Tenant:      challenge.TenantID,
		ClientID:    conn.ClientID,
		RedirectURL: c.RedirectURL,
		Resource:    conn.EnvironmentURL,
		HTTP:        &http.Client{Timeout: tokenTimeout},
		Now:         c.Now,
	}
	if err := oauth.CheckAuthority(cfg.Authority, conn.EnvironmentURL); err != nil {
		return oauth.Config{}, err
	}
	if cfg.Tenant == "organizations" && conn.TenantID != "" {
		// The environment names no tenant, but we know it: a guest's tokens must
		// come from the environment's tenant and not from the guest's own.
		cfg.Tenant = conn.TenantID
	}
	if conn.ClientID == "" {
		cfg.ClientID, cfg.ClientSecret = c.ClientID, c.ClientSecret
	}
	if cfg.ClientID == "" {
		return oauth.Config{}, crosswalk.Errorf(crosswalk.CodeInvalid, "The connection %s has no application id.", conn.Name).
			WithHint("Edit the connection and enter the client id of the app registration.")
	}
	err = c.prove(ctx, conn, &cfg)
	return cfg, err
}

// prove adds the secret or the certificate to a configuration. The error is final
// when there is none, or when the certificate is not valid now.
func (c *Connector) prove(ctx context.Context, conn crosswalk.Connection, cfg *oauth.Config) error {
	sealed, err := c.Store.ConnectionSecrets(ctx, conn.ID)
	if err != nil {
		return err
	}
	if conn.SignInMode == crosswalk.SignInCertificate {
		if sealed.Certificate == nil {
			return oauth.Final(crosswalk.Errorf(crosswalk.CodeInvalid, "The connection %s has no certificate.", conn.Name).
				WithHint("Edit the connection and store a certificate with its private key."))
		}
		plain, err := c.Keys.Open(sealed.Certificate, "connection/"+conn.ID+"/certificate")
		if err != nil {
			return err
		}
		if cfg.Certificate, err = oauth.ParseCertificate(plain); err != nil {
			return err
		}
		return oauth.Final(cfg.Certificate.CheckValidity(c.Now()))
	}
	if sealed.Secret != nil {
		plain, err := c.Keys.Open(sealed.Secret, "connection/"+conn.ID+"/secret")
		if err != nil {
			return err
		}
		cfg.ClientSecret = string(plain)
	}
	if conn.SignInMode == crosswalk.SignInSecret && cfg.ClientSecret == "" {
		return oauth.Final(crosswalk.Errorf(crosswalk.CodeInvalid, "The connection %s has no client secret.", conn.Name).
			WithHint("Edit the connection and enter the value of a client secret."))
	}
	return nil
}

// SealSecret seals the client secret of a connection for the store.
func (c *Connector) SealSecret(id, clientSecret string) ([]byte, error) {
	return c.Keys.Seal([]byte(clientSecret), "connection/"+id+"/secret")
}

// SealCertificate checks a certificate with its private key, as PEM, and
// seals it for the store. It returns CodeInvalid when it cannot be used, now
// or at all.
func (c *Connector) SealCertificate(id, text string) ([]byte, crosswalk.Certificate, error) {
	cert, err := oauth.ParseCertificate([]byte(text))
	if err == nil {
		err = cert.CheckValidity(c.Now())
	}
	if err != nil {
		return nil, crosswalk.Certificate{}, err
	}
	sealed, err := c.Keys.Seal([]byte(text), "connection/"+id+"/certificate")
	return sealed, cert.Facts(), err
}
