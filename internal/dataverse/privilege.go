package dataverse

import (
	"context"
	"slices"
	"strings"
)

// Depth is how far a privilege reaches.
type Depth string

// The depths of privileges, from the user's own rows to those of the whole
// organization. The depth of a missing privilege is "".
const (
	DepthBasic  Depth = "Basic"
	DepthLocal  Depth = "Local"
	DepthDeep   Depth = "Deep"
	DepthGlobal Depth = "Global"
)

var depths = []Depth{"", DepthBasic, DepthLocal, DepthDeep, DepthGlobal}

// Privileges are what a user may do, by the lower-case name of the privilege,
// for example "prvreadaccount".
type Privileges map[string]Depth

// Read returns how far the user may read a table, named by its logical name. Of
// the tables whose privileges have other names (prvReadActivity for all
// activities, prvReadNote for annotation) it knows only systemuser.
func (p Privileges) Read(entity string) Depth {
	if d, ok := p["prvread"+entity]; ok || entity != "systemuser" {
		return d
	}
	return p["prvreaduser"] // the platform's own name for it
}

// Privileges returns what the user with that systemuserid may do through
// roles and teams. Errors are those of any read; some environments let only
// administrators ask.
func (c *Client) Privileges(ctx context.Context, userID string) (Privileges, error) {
	if err := checkID(userID); err != nil {
		return nil, err
	}
	var answer struct {
		RolePrivileges []struct {
			Depth         Depth
			PrivilegeName string
		}
	}
	if err := c.read(ctx, "read the privileges of the user", "systemusers("+userID+")/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()", "", &answer); err != nil {
		return nil, err
	}
	held := Privileges{}
	for _, p := range answer.RolePrivileges {
		name := strings.ToLower(p.PrivilegeName)
		if slices.Index(depths, p.Depth) > slices.Index(depths, held[name]) {
			held[name] = p.Depth
		}
	}
	return held, nil
}
