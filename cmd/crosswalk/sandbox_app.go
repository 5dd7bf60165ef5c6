package main

import (
	"context"
	"errors"
	"net/http"
	"os"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

type sandboxAppCmd struct {
	Action string `arg:"" enum:"secret,expire-secret,renew-secret,disable,enable,remove-role,give-role,block,allow,consent,remove-consent" help:"One of ${enum}."`
	App    string `arg:"" help:"Client id of the app; \"crosswalk sandbox state\" lists them."`
	Secret string `arg:"" optional:"" help:"New secret, for secret."`
	sandboxRemote
}

// Help says what the actions do.
func (*sandboxAppCmd) Help() string {
	return `secret                       replace the secret; the old one is refused with AADSTS7000215
expire-secret, renew-secret  the secret has expired (AADSTS7000222), or is good again
disable, enable              the app registration (AADSTS7000112)
remove-role, give-role       the security role of its application user (0x80040220)
block, allow                 the app in the environment (0x80095ffc)
consent, remove-consent      consent as an administrator; take back what anybody has allowed`
}

func (cmd *sandboxAppCmd) Run(ctx context.Context, a *app) error {
	c := sandbox.AppChange{App: cmd.App}
	if (cmd.Action == "secret") != (cmd.Secret != "") {
		return usageError{errors.New("a secret goes with the action secret, and with no other")}
	}
	yes, no := new(true), new(false)
	switch cmd.Action {
	case "secret":
		c.Secret = &cmd.Secret
	case "expire-secret":
		c.SecretExpired = yes
	case "renew-secret":
		c.SecretExpired = no
	case "disable":
		c.Disabled = yes
	case "enable":
		c.Disabled = no
	case "remove-role":
		c.Role = no
	case "give-role":
		c.Role = yes
	case "block":
		c.Blocked = yes
	case "allow":
		c.Blocked = no
	case "consent":
		c.Consent = yes
	case "remove-consent":
		c.Consent = no
	}
	return cmd.change(ctx, a, http.MethodPost, "apps", c)
}

type sandboxRegisterCmd struct {
	ClientID     string   `arg:"" help:"Client id, a GUID."`
	Name         string   `help:"Name on the sign-in pages."`
	Secret       string   `help:"Its secret."`
	Certificate  string   `placeholder:"FILE" type:"existingfile" help:"Certificates it can sign in with, as PEM."`
	Public       bool     `help:"A public client, which has neither."`
	Redirect     []string `placeholder:"URL" help:"Address that sign-ins may come back to; by default any of this machine that ends in /oauth/callback."`
	AdminConsent bool     `help:"Only an administrator can consent."`
	sandboxRemote
}

func (cmd *sandboxRegisterCmd) Run(ctx context.Context, a *app) error {
	r := sandbox.AppRegistration{
		ClientID: cmd.ClientID, Name: cmd.Name, Secret: cmd.Secret, Public: cmd.Public, Redirects: cmd.Redirect, AdminConsent: cmd.AdminConsent,
	}
	if cmd.Certificate != "" {
		text, err := os.ReadFile(cmd.Certificate)
		if err != nil {
			return usageError{err}
		}
		r.Certificates = string(text)
	}
	return cmd.change(ctx, a, http.MethodPut, "apps", r)
}

type sandboxLoopsCmd struct {
	Times int `arg:"" help:"How often in five minutes; 0 means any number."`
	sandboxRemote
}

func (cmd *sandboxLoopsCmd) Run(ctx context.Context, a *app) error {
	return cmd.change(ctx, a, http.MethodPut, "loops", map[string]int{"after": cmd.Times})
}

type sandboxControlsCmd struct{ sandboxRemote }

func (cmd *sandboxControlsCmd) Run(_ context.Context, a *app) error {
	all := sandbox.Controls()
	if cmd.JSON {
		return a.printJSON(all)
	}
	t := &table{head: []string{"Command", "HTTP", "Body"}}
	for _, c := range all {
		t.add(c.Command, c.Method+" /sandbox/"+c.Path, c.Body)
	}
	a.printTable(t)
	return nil
}
