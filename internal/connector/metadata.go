package connector

import (
	"context"
	"fmt"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// Entities returns the readable tables of a connection's environment whose
// names hold search, without their attributes. The list is read once and
// kept until Refresh.
func (c *Connector) Entities(ctx context.Context, id, search string) ([]crosswalk.Entity, error) {
	found, _, err := c.Store.ListEntities(ctx, id, search)
	if err != nil || len(found) > 0 {
		return found, err
	}
	if search != "" {
		if all, _, err := c.Store.ListEntities(ctx, id, ""); err != nil || len(all) > 0 {
			return nil, err
		}
	}
	client, err := c.Client(ctx, id)
	if err != nil {
		return nil, err
	}
	all, err := client.Entities(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.Store.SaveEntities(ctx, id, all); err != nil {
		return nil, err
	}
	found, _, err = c.Store.ListEntities(ctx, id, search)
	return found, err
}

// Entity returns a table of a connection's environment with its attributes,
// from the cache when it is there. It returns CodeNotFound when there is no
// such table.
func (c *Connector) Entity(ctx context.Context, id, name string) (*crosswalk.Entity, error) {
	cached, _, err := c.Store.FindEntity(ctx, id, name)
	switch {
	case err == nil:
		return &cached, nil
	case crosswalk.ErrorCode(err) != crosswalk.CodeNotFound:
		return nil, err
	}
	return c.FreshEntity(ctx, id, name)
}

// FreshEntity reads a table's metadata from the environment and keeps it.
func (c *Connector) FreshEntity(ctx context.Context, id, name string) (*crosswalk.Entity, error) {
	client, err := c.Client(ctx, id)
	if err != nil {
		return nil, err
	}
	entity, err := client.Entity(ctx, name)
	if err != nil {
		return nil, err
	}
	return entity, c.Store.SaveEntity(ctx, id, *entity)
}

// Refresh forgets the cached metadata of a connection.
func (c *Connector) Refresh(ctx context.Context, id string) error {
	return c.Store.DropEntities(ctx, id)
}

// Check is one finding of a test.
type Check struct {
	Name   string `json:"name" doc:"What was looked at"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail" doc:"What was found"`
	Hint   string `json:"hint,omitempty" doc:"What to do when it is not well"`
}

// Report is the outcome of testing a connection.
type Report struct {
	OK        bool    `json:"ok" doc:"Whether every check passed"`
	LatencyMS int64   `json:"latency_ms" doc:"Time of one small request"`
	Checks    []Check `json:"checks"`
}

// Test asks a connection's environment who we are and whether it is still the
// pinned organization and readable. A failed check is part of the report; an
// error is returned only when the connection cannot be tested at all.
func (c *Connector) Test(ctx context.Context, id string) (Report, error) {
	conn, err := c.Store.FindConnection(ctx, id)
	if err != nil {
		return Report{}, err
	}
	client, err := c.Client(ctx, id)
	if err != nil {
		return Report{}, err
	}
	var r Report
	add := func(name, detail string, err error) bool {
		check := Check{Name: name, OK: err == nil, Detail: detail}
		if err != nil {
			check.Detail, check.Hint = Words(err)
		}
		r.Checks = append(r.Checks, check)
		return err == nil
	}
	begin := time.Now()
	who, err := client.WhoAmI(ctx)
	r.LatencyMS = time.Since(begin).Milliseconds()
	if add("Sign-in", signedInAs(conn), err) {
		add("Organization", organization(conn), Pinned(conn, who.OrganizationID))
		entities, err := client.Entities(ctx)
		if add("Metadata", fmt.Sprintf("%d entities can be listed.", len(entities)), err) {
			_, err = client.Entity(ctx, "systemuser")
			add("Users", "The user table can be read.", err)
		}
	}
	r.OK = true
	for _, check := range r.Checks {
		r.OK = r.OK && check.OK
	}
	return r, nil
}

func signedInAs(conn crosswalk.Connection) string {
	if conn.Authorization == nil {
		return ""
	}
	return fmt.Sprintf("Signed in as %s (%s).", conn.Authorization.DisplayName, conn.Authorization.UserName)
}

func organization(conn crosswalk.Connection) string {
	if conn.Authorization == nil {
		return ""
	}
	return fmt.Sprintf("%s, %s.", conn.Authorization.OrganizationName, conn.OrganizationID)
}

// Pinned returns nil when organizationID is the organization the connection
// was first authorized to, else CodeConflict. Environments get copied,
// restored and renamed behind their address.
func Pinned(conn crosswalk.Connection, organizationID string) error {
	if conn.OrganizationID == "" || conn.OrganizationID == organizationID {
		return nil
	}
	return crosswalk.Errorf(crosswalk.CodeConflict, "%s now leads to organization %s, but this connection belongs to organization %s.",
		conn.EnvironmentURL, organizationID, conn.OrganizationID).
		WithHint("The environment was copied, restored or replaced behind its address. Make a new connection for the new organization.")
}
