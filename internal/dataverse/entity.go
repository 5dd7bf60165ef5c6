package dataverse

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
)

// entityProperties are the properties of a table that are read.
const entityProperties = "LogicalName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,ChangeTrackingEnabled,TableType,IsActivity,IsCustomEntity,DisplayName"

// entityDefinition is a table as the Web API describes it.
type entityDefinition struct {
	LogicalName           string
	EntitySetName         string
	PrimaryIdAttribute    string
	PrimaryNameAttribute  string
	ChangeTrackingEnabled bool
	TableType             string
	IsActivity            bool
	IsCustomEntity        bool
	IsIntersect           bool
	IsPrivate             bool
	IsLogicalEntity       bool
	OwnershipType         string
	DisplayName           label
}

func (d *entityDefinition) entity() crosswalk.Entity {
	return crosswalk.Entity{
		LogicalName:    d.LogicalName,
		EntitySetName:  d.EntitySetName,
		DisplayName:    d.DisplayName.or(d.LogicalName),
		PrimaryID:      d.PrimaryIdAttribute,
		PrimaryName:    d.PrimaryNameAttribute,
		ChangeTracking: d.tracked(),
		Activity:       d.IsActivity,
		Custom:         d.IsCustomEntity,
	}
}

// tracked reports whether the table tracks all its changes. Rows of elastic
// tables can expire, and whether that is reported as a deletion is not
// documented.
func (d *entityDefinition) tracked() bool {
	return d.ChangeTrackingEnabled && d.TableType != "Elastic"
}

// readable reports whether a table is one that people know and that the Web API
// offers: neither a join table nor an internal one.
func (d *entityDefinition) readable() bool {
	return d.EntitySetName != "" && d.PrimaryIdAttribute != "" &&
		!d.IsIntersect && !d.IsPrivate && !d.IsLogicalEntity &&
		(d.OwnershipType != "None" || d.IsCustomEntity)
}

// Entities returns all readable tables, without their attributes, sorted by
// display name.
func (c *Client) Entities(ctx context.Context) ([]crosswalk.Entity, error) {
	query := "$select=" + entityProperties + ",IsIntersect,IsPrivate,IsLogicalEntity,OwnershipType"
	entities, err := collect(ctx, c, "list the tables", "EntityDefinitions", query, func(d *entityDefinition) (crosswalk.Entity, bool) {
		return d.entity(), d.readable()
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(entities, func(a, b crosswalk.Entity) int {
		if n := strings.Compare(strings.ToLower(a.DisplayName), strings.ToLower(b.DisplayName)); n != 0 {
			return n
		}
		return strings.Compare(a.LogicalName, b.LogicalName)
	})
	return entities, nil
}

var logicalName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Entity returns a table with its readable attributes and its alternate keys.
// It returns CodeNotFound when there is no such table.
func (c *Client) Entity(ctx context.Context, name string) (*crosswalk.Entity, error) {
	missing := func(cause error) error {
		return crosswalk.Errorf(crosswalk.CodeNotFound, "There is no table %q in this environment.", name).
			WithHint("It may have been removed in Dynamics. Tables are named by their logical names, for example account.").WithCause(cause)
	}
	if !logicalName.MatchString(name) {
		return nil, missing(nil)
	}
	name = strings.ToLower(name)
	var d entityDefinition
	err := c.read(ctx, "read the metadata of "+name, "EntityDefinitions(LogicalName='"+name+"')", "$select="+entityProperties, &d)
	if crosswalk.ErrorCode(err) == crosswalk.CodeNotFound {
		return nil, missing(err)
	}
	if err != nil {
		return nil, err
	}
	e := d.entity()
	if e.Attributes, err = c.attributes(ctx, &e); err != nil {
		return nil, err
	}
	if e.Keys, err = c.keys(ctx, name); err != nil {
		return nil, err
	}
	return &e, nil
}

// label is a text in the languages of the environment. Either member may be
// missing, null or empty.
type label struct {
	UserLocalizedLabel *localized
	LocalizedLabels    []localized
}

type localized struct{ Label string }

// or returns the label in the user's language, or else the first one, or else s.
func (l label) or(s string) string {
	if u := l.UserLocalizedLabel; u != nil && u.Label != "" {
		return u.Label
	}
	for _, other := range l.LocalizedLabels {
		if other.Label != "" {
			return other.Label
		}
	}
	return s
}
