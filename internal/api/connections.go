package api

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/connector"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// ConnectionInput makes a connection.
type ConnectionInput struct {
	Name           string `json:"name" doc:"Unique name, 1 to 100 characters"`
	EnvironmentURL string `json:"environment_url" doc:"For example https://yourorg.crm.dynamics.com"`
	ClientID       string `json:"client_id,omitempty" doc:"Application (client) id; absent means the installation's"`
	ClientSecret   string `json:"client_secret,omitempty" doc:"Secret value of the app registration; it is stored sealed and never shown again"`
}

// ConnectionChange changes a connection. What is absent stays.
type ConnectionChange struct {
	Name         *string `json:"name,omitempty"`
	ClientID     *string `json:"client_id,omitempty"`
	ClientSecret *string `json:"client_secret,omitempty"`
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
		summary: "Change a connection", detail: "The name of the out-of-the-box job follows, unless it was changed by hand.",
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

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func (a *api) createConnection(ctx context.Context, in *body[ConnectionInput]) (*body[crosswalk.Connection], error) {
	var p crosswalk.Problems
	crosswalk.ValidateName(&p, "name", in.Body.Name)
	address, err := crosswalk.ParseEnvironmentURL(in.Body.EnvironmentURL)
	if err == nil {
		_, err = dataverse.Probe(ctx, nil, address)
	}
	if err != nil {
		message, hint := connector.Words(err)
		p.AddHint("environment_url", hint, "%s", message)
	}
	clientID := strings.TrimSpace(in.Body.ClientID)
	a.checkClient(&p, clientID, in.Body.ClientSecret)
	if err := p.Err("The connection cannot be created."); err != nil {
		return nil, err
	}
	conn := crosswalk.Connection{
		ID:             crosswalk.NewID(),
		Name:           in.Body.Name,
		Connector:      crosswalk.ConnectorDynamics365,
		EnvironmentURL: address,
		ClientID:       clientID,
		Status:         crosswalk.ConnectionNotAuthorized,
	}
	var sealed []byte
	if in.Body.ClientSecret != "" {
		if sealed, err = a.Connector.SealSecret(conn.ID, in.Body.ClientSecret); err != nil {
			return nil, err
		}
	}
	if err := a.Store.InsertConnection(ctx, &conn, sealed); err != nil {
		return nil, err
	}
	a.note(ctx, "connection.created", conn.Name, conn.EnvironmentURL)
	return one(a.Store.FindConnection(ctx, conn.ID))
}

// checkClient notes what is wrong with the app registration of a connection.
func (a *api) checkClient(p *crosswalk.Problems, clientID, clientSecret string) {
	const where = "Copy the Application (client) ID from the app registration's overview."
	switch {
	case clientID == "" && a.ClientID == "":
		p.AddHint("client_id", where, "Enter the application id; this installation has none of its own.")
	case clientID != "" && !guid.MatchString(clientID):
		p.AddHint("client_id", where, "%q is not an application id.", clientID)
	}
	if guid.MatchString(strings.TrimSpace(clientSecret)) {
		p.AddHint("client_secret", "In the app registration, Certificates & secrets, copy the column Value, not Secret ID.",
			"This looks like the id of a secret, not its value.")
	}
}

func (a *api) changeConnection(ctx context.Context, in *struct {
	IDInput
	Body ConnectionChange
},
) (*body[crosswalk.Connection], error) {
	conn, err := a.Store.FindConnection(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	var p crosswalk.Problems
	change := store.ConnectionUpdate{Name: in.Body.Name}
	if in.Body.Name != nil {
		crosswalk.ValidateName(&p, "name", *in.Body.Name)
	}
	clientID, clientSecret := conn.ClientID, ""
	if in.Body.ClientID != nil {
		clientID = strings.TrimSpace(*in.Body.ClientID)
		change.ClientID = &clientID
	}
	if in.Body.ClientSecret != nil {
		clientSecret = *in.Body.ClientSecret
	}
	a.checkClient(&p, clientID, clientSecret)
	if err := p.Err("The connection cannot be changed."); err != nil {
		return nil, err
	}
	if clientSecret != "" {
		if change.SealedSecret, err = a.Connector.SealSecret(conn.ID, clientSecret); err != nil {
			return nil, err
		}
	}
	if err := a.Store.UpdateConnection(ctx, in.ID, change); err != nil {
		return nil, err
	}
	a.Connector.Forget(in.ID)
	a.note(ctx, "connection.changed", conn.Name, "")
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
		return nil, crosswalk.Errorf(crosswalk.CodeConflict, "The connection %s is not authorized, so there is nothing to revoke.", conn.Name)
	}
	if err := a.Connector.Revoke(ctx, in.ID); err != nil {
		return nil, err
	}
	a.note(ctx, "connection.revoked", conn.Name, "")
	return one(a.Store.FindConnection(ctx, in.ID))
}
