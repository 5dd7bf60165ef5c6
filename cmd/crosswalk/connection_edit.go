package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
)

// credentialFlags say with what a connection signs in.
type credentialFlags struct {
	Mode             string `enum:"user,client_secret,certificate," default:"" placeholder:"MODE" help:"As whom to sign in: user (in the browser), or as the app registration itself with its client_secret or a certificate."`
	ClientSecretFile string `placeholder:"FILE" help:"File with the client secret, - for standard input."`
	SecretExpires    string `placeholder:"DATE" help:"Day on which the client secret ends, as 2027-03-31, so that Crosswalk warns ahead."`
	Certificate      string `placeholder:"FILE" help:"PEM file with a certificate and its unencrypted RSA private key, - for standard input."`
}

// read reads the files and the date.
func (f *credentialFlags) read(a *app) (secret, certificate string, expires *time.Time, err error) {
	if f.ClientSecretFile != "" {
		text, err := a.readFile(f.ClientSecretFile)
		if err != nil {
			return "", "", nil, err
		}
		if secret = strings.TrimSpace(string(text)); secret == "" {
			return "", "", nil, crosswalk.Errorf(crosswalk.CodeInvalid, "%s holds no client secret.", f.ClientSecretFile).
				WithHint("The file holds the value of the secret, not its id, and nothing else.")
		}
	}
	if f.Certificate != "" {
		text, err := a.readFile(f.Certificate)
		if err != nil {
			return "", "", nil, err
		}
		certificate = string(text)
	}
	if f.SecretExpires != "" {
		day, err := time.Parse(time.DateOnly, f.SecretExpires)
		if err != nil {
			return "", "", nil, crosswalk.Errorf(crosswalk.CodeInvalid, "%q is not a day.", f.SecretExpires).WithHint("Write it as 2027-03-31.")
		}
		expires = &day
	}
	return secret, certificate, expires, nil
}

type connectionCreateCmd struct {
	Name           string `arg:"" help:"Name of the connection."`
	EnvironmentURL string `arg:"" name:"environment-url" help:"Address of the environment, for example https://acme.crm.dynamics.com."`
	ClientID       string `env:"CROSSWALK_CLIENT_ID" placeholder:"ID" help:"Application (client) id of the app registration; by default the server's own."`
	credentialFlags
	remote
}

func (*connectionCreateCmd) Help() string {
	return `Examples:

  crosswalk connection create Acme https://acme.crm.dynamics.com
  crosswalk connection create Acme https://acme.crm.dynamics.com --client-id 0000… --client-secret-file secret.txt
  crosswalk connection create Acme https://acme.crm.dynamics.com --mode certificate --client-id 0000… --certificate app.pem

With --mode client_secret or certificate nobody signs in: the app registration itself does. It needs no
permission in Microsoft Entra, but must be an application user of the environment, with a security role
that may read the tables to sync.

Secrets are never parameters, since other users of the machine can read those. Without a file the client
secret is taken from CROSSWALK_CLIENT_SECRET.`
}

func (cmd *connectionCreateCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	in := client.ConnectionInput{Name: cmd.Name, EnvironmentURL: cmd.EnvironmentURL, SignInMode: crosswalk.SignInMode(cmd.Mode), ClientID: cmd.ClientID}
	if in.ClientSecret, in.Certificate, in.SecretExpiresAt, err = cmd.read(a); err != nil {
		return err
	}
	if in.ClientSecret == "" {
		in.ClientSecret = a.getenv("CROSSWALK_CLIENT_SECRET")
	}
	conn, err := c.InsertConnection(ctx, in)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printJSON(conn)
	}
	a.showConnection(conn)
	a.note("Next: crosswalk connection authorize %q", conn.Name)
	return nil
}

type connectionEditCmd struct {
	Connection string `arg:"" help:"Name or id of the connection."`
	Name       string `placeholder:"NAME" help:"New name."`
	ClientID   string `placeholder:"ID" help:"New application (client) id of the app registration."`
	credentialFlags
	remote
}

func (*connectionEditCmd) Help() string {
	return `What is not given stays.

Another mode or client id destroys the stored authorization: authorize again.

Examples:

  crosswalk connection edit Acme --client-secret-file new-secret.txt --secret-expires 2028-03-31
  crosswalk connection edit Acme --mode certificate --certificate app.pem`
}

func (cmd *connectionEditCmd) Run(ctx context.Context, a *app) error {
	update, err := cmd.update(a)
	if err != nil {
		return err
	}
	if update == (client.ConnectionUpdate{}) {
		return usageError{errors.New("nothing to change: give --name, --mode, --client-id, --client-secret-file, --secret-expires or --certificate")}
	}
	c, err := cmd.client()
	if err != nil {
		return err
	}
	conn, err := findConnection(ctx, c, cmd.Connection)
	if err != nil {
		return err
	}
	if conn, err = c.UpdateConnection(ctx, conn.ID, update); err != nil {
		return err
	}
	return a.tellConnection(conn, cmd.JSON)
}

// update is what the flags change.
func (cmd *connectionEditCmd) update(a *app) (client.ConnectionUpdate, error) {
	secret, certificate, expires, err := cmd.read(a)
	if err != nil {
		return client.ConnectionUpdate{}, err
	}
	u := client.ConnectionUpdate{SecretExpiresAt: expires}
	for _, s := range []struct {
		value string
		to    **string
	}{{cmd.Name, &u.Name}, {cmd.ClientID, &u.ClientID}, {secret, &u.ClientSecret}, {certificate, &u.Certificate}} {
		if s.value != "" {
			*s.to = &s.value
		}
	}
	if mode := crosswalk.SignInMode(cmd.Mode); mode != "" {
		u.SignInMode = &mode
	}
	return u, nil
}

type connectionAdminConsentLinkCmd struct {
	Connection string `arg:"" help:"Name or id of the connection."`
	remote
}

func (*connectionAdminConsentLinkCmd) Help() string {
	return `For tenants whose users may not consent themselves. Send the link to an administrator of the tenant; it
works once, for a week. Authorize the connection afterwards.`
}

func (cmd *connectionAdminConsentLinkCmd) Run(ctx context.Context, a *app) error {
	c, err := cmd.client()
	if err != nil {
		return err
	}
	conn, err := findConnection(ctx, c, cmd.Connection)
	if err != nil {
		return err
	}
	link, err := c.AdminConsentLink(ctx, conn.ID)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return a.printJSON(map[string]string{"url": link})
	}
	_, err = fmt.Fprintln(a.stdout, link)
	return err
}

// modeWord says as whom a connection signs in.
func modeWord(m crosswalk.SignInMode) string {
	switch m {
	case crosswalk.SignInSecret:
		return "as an application, with a client secret"
	case crosswalk.SignInCertificate:
		return "as an application, with a certificate"
	default:
		return "as a user"
	}
}
