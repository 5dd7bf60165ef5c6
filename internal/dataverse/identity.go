package dataverse

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"

	"github.com/crosswalk-data/crosswalk"
)

// WhoAmI is who the client acts as. The ids are GUIDs.
type WhoAmI struct {
	UserID         string
	BusinessUnitID string
	OrganizationID string
}

// WhoAmI asks the environment who we are. The organization behind an address can
// change, when an environment is copied or restored.
func (c *Client) WhoAmI(ctx context.Context) (WhoAmI, error) {
	var w struct {
		User         string `json:"UserId"`
		BusinessUnit string `json:"BusinessUnitId"`
		Organization string `json:"OrganizationId"`
	}
	if err := c.read(ctx, "ask who we are", "WhoAmI", "", &w); err != nil {
		return WhoAmI{}, err
	}
	if w.User == "" || w.Organization == "" {
		return WhoAmI{}, crosswalk.Errorf(crosswalk.CodeUnavailable, "The environment does not say who we are.").
			WithHint("Check that the address is that of a Dynamics 365 environment.")
	}
	return WhoAmI{UserID: w.User, BusinessUnitID: w.BusinessUnit, OrganizationID: w.Organization}, nil
}

// Organization returns the name of the organization with that id. It returns
// CodeNotFound when there is none.
func (c *Client) Organization(ctx context.Context, id string) (string, error) {
	if err := checkID(id); err != nil {
		return "", err
	}
	var o struct {
		Name string `json:"name"`
	}
	err := c.read(ctx, "read the organization", "organizations("+id+")", "$select=name", &o)
	return o.Name, err
}

// TrackingDays returns for how many days the environment remembers what has
// changed: older links to changes have expired. Source: the column
// expirechangetrackingindays of the table organization, 7 by default.
func (c *Client) TrackingDays(ctx context.Context, organizationID string) (int, error) {
	if err := checkID(organizationID); err != nil {
		return 0, err
	}
	var o struct {
		Days *int `json:"expirechangetrackingindays"`
	}
	err := c.read(ctx, "read the organization", "organizations("+organizationID+")", "$select=expirechangetrackingindays", &o)
	if err == nil && o.Days == nil {
		err = explain(&garbled{errors.New("no expirechangetrackingindays")}, "read the organization")
	}
	if err != nil {
		return 0, err
	}
	return *o.Days, nil
}

// User is a systemuser of the environment.
type User struct {
	FullName   string
	DomainName string // sign-in name; empty for some application users
}

// User returns the user with that systemuserid. It returns CodeNotFound when
// there is none.
func (c *Client) User(ctx context.Context, id string) (User, error) {
	if err := checkID(id); err != nil {
		return User{}, err
	}
	var u struct {
		FullName   string `json:"fullname"`
		DomainName string `json:"domainname"`
	}
	err := c.read(ctx, "read the user", "systemusers("+id+")", "$select=fullname,domainname", &u)
	return User{FullName: u.FullName, DomainName: u.DomainName}, err
}

// Count estimates how many records a table has: the server counted them some
// time in the last 24 hours, without regard to what the user may read. It returns
// -1 when the server does not know, as for virtual tables.
func (c *Client) Count(ctx context.Context, entityLogicalName string) (int64, error) {
	names, err := json.Marshal([]string{entityLogicalName})
	if err != nil {
		return -1, err
	}
	var answer struct {
		EntityRecordCountCollection struct {
			Keys   []string
			Values []int64
		}
	}
	err = c.read(ctx, "count "+entityLogicalName, "RetrieveTotalRecordCount(EntityNames=@p1)", "@p1="+url.QueryEscape(string(names)), &answer)
	switch crosswalk.ErrorCode(err) {
	case "":
	case crosswalk.CodeInvalid, crosswalk.CodeNotFound, crosswalk.CodeForbidden:
		return -1, nil
	default:
		return -1, err
	}
	counts := answer.EntityRecordCountCollection
	i := slices.Index(counts.Keys, entityLogicalName)
	if i < 0 || i >= len(counts.Values) {
		return -1, nil
	}
	return counts.Values[i], nil
}

// checkID refuses what is not a GUID, since ids become part of an address.
func checkID(id string) error {
	if _, ok := crosswalk.ParseGSID(id); !ok {
		return crosswalk.Errorf(crosswalk.CodeInvalid, "%q is not an id.", id)
	}
	return nil
}
