package connector

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
)

// Check is one finding of a test.
type Check struct {
	Name   string `json:"name" doc:"What was looked at"`
	OK     bool   `json:"ok"`
	Warn   bool   `json:"warn,omitempty" doc:"It works, but not for long or not for everything"`
	Detail string `json:"detail" doc:"What was found"`
	Hint   string `json:"hint,omitempty" doc:"What to do when it is not well"`
}

// Report is the outcome of testing a connection.
type Report struct {
	OK          bool    `json:"ok" doc:"Whether every check passed; warnings are no failures"`
	LatencyMS   int64   `json:"latency_ms" doc:"Time of one small request"`
	Parallelism int     `json:"parallelism" doc:"Requests at a time that the environment takes, by its own hint"`
	Checks      []Check `json:"checks"`
}

// add notes a finding and reports whether it is good.
func (r *Report) add(name, detail string, err error) bool {
	check := Check{Name: name, OK: err == nil, Detail: detail}
	if err != nil {
		check.Detail, check.Hint = Words(err)
	}
	r.Checks = append(r.Checks, check)
	r.OK = r.OK && check.OK
	return check.OK
}

// warn notes that something works for now.
func (r *Report) warn(name string, w *crosswalk.Warning) {
	if w != nil {
		r.Checks = append(r.Checks, Check{Name: name, OK: true, Warn: true, Detail: w.Message, Hint: w.Hint})
	}
}

// Test asks a connection's environment who we are, whether it is still the pinned
// organization, what can be read there and how fast it answers. A failed check is
// part of the report; an error is returned only when the connection cannot be tested
// at all.
func (c *Connector) Test(ctx context.Context, id string) (Report, error) {
	conn, err := c.Store.FindConnection(ctx, id)
	if err != nil {
		return Report{}, err
	}
	client, err := c.Client(ctx, id)
	if err != nil {
		return Report{}, err
	}
	r := Report{OK: true}
	r.warn("Expiry", conn.Warning)
	if _, err := client.WhoAmI(ctx); !r.add("Sign-in", signedInAs(conn), c.explainApplication(conn, err)) {
		return r, nil
	}
	begin := time.Now() // the first request may have waited for a token
	who, err := client.WhoAmI(ctx)
	r.LatencyMS = time.Since(begin).Milliseconds()
	if !r.add("Latency", fmt.Sprintf("A small request takes %d ms.", r.LatencyMS), err) {
		return r, nil
	}
	r.Parallelism = client.ParallelHint()
	r.add("Parallelism", fmt.Sprintf("The environment takes %d requests at a time.", r.Parallelism), nil)
	r.add("Organization", organization(conn), Pinned(conn, who.OrganizationID))
	entities, err := client.Entities(ctx)
	if r.add("Metadata", fmt.Sprintf("%d entities can be listed.", len(entities)), err) {
		c.testReading(ctx, conn, client, who.UserID, &r)
	}
	return r, nil
}

// testReading checks whether the tables that everybody syncs can be read, and how far.
func (c *Connector) testReading(ctx context.Context, conn crosswalk.Connection, client *dataverse.Client, userID string, r *Report) {
	const name = "Organization-wide read"
	const hint = "Give the user a security role that reads this table at organization level. Without it rows of others are missing, and changes cannot be tracked."
	held, failed := client.Privileges(ctx, userID)
	for _, t := range []struct{ check, entity string }{{"Users", "systemuser"}, {"Accounts", "account"}} {
		_, err := client.Entity(ctx, t.entity)
		if !r.add(t.check, "The table "+t.entity+" can be read.", c.explainApplication(conn, err)) || failed != nil {
			continue
		}
		switch depth := held.Read(t.entity); depth {
		case dataverse.DepthGlobal:
			r.add(name, "All rows of "+t.entity+" can be read.", nil)
		case "":
			r.warn(name, &crosswalk.Warning{Message: "The user has no privilege to read " + t.entity + ".", Hint: hint})
		default:
			r.warn(name, &crosswalk.Warning{Message: fmt.Sprintf("Only some rows of %s can be read (depth %s).", t.entity, depth), Hint: hint})
		}
	}
	if failed != nil {
		message, _ := Words(failed)
		r.warn(name, &crosswalk.Warning{Message: "It cannot be told how far the user may read: " + message, Hint: hint})
	}
}

// signedInAs says who the connection acts as, in its mode.
func signedInAs(conn crosswalk.Connection) string {
	if conn.Authorization == nil {
		return ""
	}
	who := fmt.Sprintf("%s (%s)", cmp.Or(conn.Authorization.DisplayName, "a user without a name"), conn.Authorization.UserName)
	switch conn.SignInMode {
	case crosswalk.SignInSecret:
		return "Signed in as the application user " + who + " with a client secret."
	case crosswalk.SignInCertificate:
		return "Signed in as the application user " + who + " with a certificate."
	default:
		return "Signed in as " + who + "."
	}
}

func organization(conn crosswalk.Connection) string {
	if conn.Authorization == nil {
		return ""
	}
	return fmt.Sprintf("%s, %s.", conn.Authorization.OrganizationName, conn.OrganizationID)
}

// Pinned returns nil when organizationID is the organization to which the connection
// was first authorized, and CodeConflict otherwise. Environments get copied, restored
// and renamed behind their addresses.
func Pinned(conn crosswalk.Connection, organizationID string) error {
	if conn.OrganizationID == "" || conn.OrganizationID == organizationID {
		return nil
	}
	return crosswalk.Errorf(crosswalk.CodeConflict, "%s now leads to organization %s, but this connection belongs to organization %s.",
		conn.EnvironmentURL, organizationID, conn.OrganizationID).
		WithHint("The environment was copied, restored or replaced behind its address. Make a new connection for the new organization.")
}
