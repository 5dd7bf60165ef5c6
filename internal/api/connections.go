package api

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/connector"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// ConnectionInput makes a connection.
type ConnectionInput struct {
	Name            string               `json:"name" doc:"Unique name, 1 to 100 characters"`
	EnvironmentURL  string               `json:"environment_url" doc:"For example https://yourorg.crm.dynamics.com"`
	SignInMode      crosswalk.SignInMode `json:"sign_in_mode,omitempty" enum:"user,client_secret,certificate" doc:"As whom to sign in; absent means as a user"`
	ClientID        string               `json:"client_id,omitempty" doc:"Application (client) id; absent means the installation's"`
	ClientSecret    string               `json:"client_secret,omitempty" doc:"Secret value of the app registration; it is stored sealed and never shown again"`
	SecretExpiresAt *time.Time           `json:"secret_expires_at,omitempty" doc:"When the client secret ends; Crosswalk then warns ahead. Microsoft shows it beside the secret"`
	Certificate     string               `json:"certificate,omitempty" doc:"PEM of a certificate and its unencrypted RSA private key; it is stored sealed and its key never shown again"`
}

// ConnectionChange changes a connection. What is absent stays.
type ConnectionChange struct {
	Name            *string               `json:"name,omitempty"`
	SignInMode      *crosswalk.SignInMode `json:"sign_in_mode,omitempty" enum:"user,client_secret,certificate" doc:"Another mode destroys the stored authorization: authorize again"`
	ClientID        *string               `json:"client_id,omitempty" doc:"Another app registration destroys the stored authorization too"`
	ClientSecret    *string               `json:"client_secret,omitempty" doc:"Empty keeps the stored one"`
	SecretExpiresAt *time.Time            `json:"secret_expires_at,omitempty" doc:"When the client secret ends; year 1 means that it is not known. A new secret without it is not known either"`
	Certificate     *string               `json:"certificate,omitempty" doc:"PEM of a certificate and its unencrypted RSA private key; empty keeps the stored one"`
}

func (a *api) connectionRoutes() {
	const tag = "Connections"
	register(a, operation{
		method: http.MethodGet, path: "/api/connections", id: "list-connections", tag: tag, role: crosswalk.RoleViewer,
		summary: "List connections",
	}, func(ctx context.Context, in *ListInput) (*body[List[crosswalk.Connection]], error) {
		return list(a.Store.ListConnections(ctx, store.ConnectionFilter{Search: in.Q}, in.page()))
	})
	register(a, operation{
		method: http.MethodPost, path: "/api/connections", id: "create-connection", tag: tag, role: crosswalk.RoleAdmin,
		summary: "Create a connection", status: http.StatusCreated,
		detail: "The environment is asked whether it is there. The new connection does nothing until it is authorized.",
	}, a.createConnection)
	register(a, operation{
		method: http.MethodGet, path: "/api/connections/{id}", id: "get-connection", tag: tag, role: crosswalk.RoleViewer,
		summary: "Get a connection",
	}, func(ctx context.Context, in *IDInput) (*body[crosswalk.Connection], error) {
		return one(a.Store.FindConnection(ctx, in.ID))
	})
	register(a, operation{
		method: http.MethodPatch, path: "/api/connections/{id}", id: "change-connection", tag: tag, role: crosswalk.RoleAdmin,
		summary: "Change a connection", detail: "The name of the out-of-the-box job follows, unless it was changed by hand. " +
			"Another sign-in mode or client id destroys the stored authorization.",
	}, a.changeConnection)
	register(a, operation{
		method: http.MethodDelete, path: "/api/connections/{id}", id: "delete-connection", tag: tag, role: crosswalk.RoleAdmin,
		summary: "Delete a connection", detail: "Its jobs, runs and rejects go with it; synced rows stay.",
		status: http.StatusNoContent,
	}, a.deleteConnection)
	register(a, operation{
		method: http.MethodPost, path: "/api/connections/{id}/revoke", id: "revoke-connection", tag: tag, role: crosswalk.RoleAdmin,
		summary: "Revoke a connection", detail: "Its tokens are destroyed and its running runs stop. Jobs, mappings and data stay.",
	}, a.revokeConnection)
	register(a, operation{
		method: http.MethodPost, path: "/api/connections/{id}/test", id: "test-connection", tag: tag, role: crosswalk.RoleOperator,
		summary: "Test a connection",
	}, func(ctx context.Context, in *IDInput) (*body[connector.Report], error) {
		return one(a.Connector.Test(ctx, in.ID))
	})
	register(a, operation{
		method: http.MethodPost, path: "/api/connections/{id}/refresh-metadata", id: "refresh-metadata", tag: tag, role: crosswalk.RoleOperator,
		summary: "Forget the cached metadata of a connection", status: http.StatusNoContent,
	}, func(ctx context.Context, in *IDInput) (*struct{}, error) {
		if _, err := a.Store.FindConnection(ctx, in.ID); err != nil {
			return nil, err
		}
		return nil, a.Connector.Refresh(ctx, in.ID)
	})
}

func (a *api) createConnection(ctx context.Context, in *body[Form[ConnectionInput]]) (*body[crosswalk.Connection], error) {
	var p crosswalk.Problems
	crosswalk.ValidateName(&p, "name", in.Body.Value.Name)
	address, err := crosswalk.ParseEnvironmentURL(in.Body.Value.EnvironmentURL)
	if err == nil {
		_, err = dataverse.Probe(ctx, nil, address)
	}
	if err != nil {
		message, hint := connector.Words(err)
		p.AddHint("environment_url", hint, "%s", message)
	}
	conn := crosswalk.Connection{
		ID:              crosswalk.NewID(),
		Name:            in.Body.Value.Name,
		Connector:       crosswalk.ConnectorDynamics365,
		EnvironmentURL:  address,
		SignInMode:      cmp.Or(in.Body.Value.SignInMode, crosswalk.SignInUser),
		ClientID:        strings.TrimSpace(in.Body.Value.ClientID),
		SecretExpiresAt: in.Body.Value.SecretExpiresAt,
		Status:          crosswalk.ConnectionNotAuthorized,
	}
	given := credential{secret: in.Body.Value.ClientSecret, certificate: in.Body.Value.Certificate}
	if err := a.seal(&p, &conn, &given); err != nil {
		return nil, err
	}
	a.checkClient(&p, conn, given)
	_, err = a.Store.FindConnectionByName(ctx, conn.Name)
	switch {
	case err == nil:
		p.AddHint("name", "Choose another name.", "A connection named %s exists already.", conn.Name)
	case crosswalk.ErrorCode(err) != crosswalk.CodeNotFound:
		return nil, err
	}
	if err := in.Body.refusal(a, "The connection cannot be created.", p); err != nil {
		return nil, err
	}
	if err := a.Store.InsertConnection(ctx, &conn, given.sealed); err != nil {
		return nil, err
	}
	a.note(ctx, "connection.created", conn.Name, conn.EnvironmentURL)
	return one(a.Store.FindConnection(ctx, conn.ID))
}

func (a *api) changeConnection(ctx context.Context, in *struct {
	IDInput
	Body Form[ConnectionChange]
},
) (*body[crosswalk.Connection], error) {
	before, err := a.Store.FindConnection(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	var p crosswalk.Problems
	after := before
	change := store.ConnectionUpdate{Name: in.Body.Value.Name, SignInMode: in.Body.Value.SignInMode, SecretExpiresAt: in.Body.Value.SecretExpiresAt}
	if in.Body.Value.Name != nil {
		crosswalk.ValidateName(&p, "name", *in.Body.Value.Name)
	}
	if in.Body.Value.SignInMode != nil {
		after.SignInMode = *in.Body.Value.SignInMode
	}
	if in.Body.Value.ClientID != nil {
		after.ClientID = strings.TrimSpace(*in.Body.Value.ClientID)
		change.ClientID = &after.ClientID
	}
	given := credential{secret: deref(in.Body.Value.ClientSecret), certificate: deref(in.Body.Value.Certificate)}
	if given.secret != "" && change.SecretExpiresAt == nil {
		change.SecretExpiresAt = new(time.Time) // the end of the old secret says nothing about the new one
	}
	if err := a.seal(&p, &after, &given); err != nil {
		return nil, err
	}
	a.checkClient(&p, after, given)
	if err := in.Body.refusal(a, "The connection cannot be changed.", p); err != nil {
		return nil, err
	}
	change.SealedSecret, change.SealedCertificate = given.sealed.Secret, given.sealed.Certificate
	if given.certificate != "" {
		change.Certificate = after.Certificate
	}
	if err := a.Store.UpdateConnection(ctx, in.ID, change); err != nil {
		return nil, err
	}
	a.Connector.Forget(in.ID)
	if before.Authorization != nil && (after.SignInMode != before.SignInMode || !strings.EqualFold(after.ClientID, before.ClientID)) {
		// What is stored was given to somebody else.
		if err := a.Connector.Revoke(ctx, in.ID); err != nil {
			return nil, err
		}
	}
	a.note(ctx, "connection.changed", before.Name, "")
	return one(a.Store.FindConnection(ctx, in.ID))
}

func (a *api) deleteConnection(ctx context.Context, in *IDInput) (*struct{}, error) {
	conn, err := a.Store.FindConnection(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := a.Store.DeleteConnection(ctx, in.ID); err != nil {
		return nil, err
	}
	a.Connector.Forget(in.ID)
	a.note(ctx, "connection.deleted", conn.Name, "")
	return nil, nil
}

func (a *api) revokeConnection(ctx context.Context, in *IDInput) (*body[crosswalk.Connection], error) {
	conn, err := a.Store.FindConnection(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if conn.Status == crosswalk.ConnectionNotAuthorized {
		return nil, crosswalk.Errorf(crosswalk.CodeConflict, "The connection %s is not authorized, so there is nothing to revoke.", conn.Name).
			WithHint("Authorize it to use it, or delete it.")
	}
	if err := a.Connector.Revoke(ctx, in.ID); err != nil {
		return nil, err
	}
	a.note(ctx, "connection.revoked", conn.Name, "")
	return one(a.Store.FindConnection(ctx, in.ID))
}
