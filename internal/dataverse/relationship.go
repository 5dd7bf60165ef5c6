package dataverse

import (
	"context"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
)

// relationship is a many-to-one relationship of a table: where one of its
// lookups can lead. The names of navigation properties follow no rule, so they
// have to be asked for.
type relationship struct {
	ReferencingAttribute                    string
	ReferencedEntity                        string
	ReferencingEntityNavigationPropertyName string
}

// navigation fills in the navigation properties of a table's lookups.
func (c *Client) navigation(ctx context.Context, entity string, attributes []crosswalk.Attribute) error {
	if !slices.ContainsFunc(attributes, func(a crosswalk.Attribute) bool { return a.IsLookup() }) {
		return nil
	}
	query := "$select=ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName"
	found, err := collect(ctx, c, "read the relationships of "+entity, "EntityDefinitions(LogicalName='"+entity+"')/ManyToOneRelationships", query,
		func(r *relationship) (relationship, bool) {
			return *r, r.ReferencedEntity != "" && r.ReferencingEntityNavigationPropertyName != ""
		})
	if c.lacks(ctx, err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, r := range found {
		i, ok := slices.BinarySearchFunc(attributes, r.ReferencingAttribute, byName)
		if !ok || !attributes[i].IsLookup() {
			continue
		}
		if attributes[i].Navigation == nil {
			attributes[i].Navigation = map[string]string{}
		}
		attributes[i].Navigation[r.ReferencedEntity] = r.ReferencingEntityNavigationPropertyName
	}
	return nil
}

// keys returns the active alternate keys of a table.
func (c *Client) keys(ctx context.Context, entity string) ([]crosswalk.EntityKey, error) {
	type definition struct {
		LogicalName          string
		KeyAttributes        []string
		EntityKeyIndexStatus string
	}
	keys, err := collect(ctx, c, "read the keys of "+entity, "EntityDefinitions(LogicalName='"+entity+"')/Keys",
		"$select=LogicalName,KeyAttributes,EntityKeyIndexStatus", func(d *definition) (crosswalk.EntityKey, bool) {
			return crosswalk.EntityKey{Name: d.LogicalName, Attributes: d.KeyAttributes}, d.EntityKeyIndexStatus == "Active"
		})
	switch {
	case c.lacks(ctx, err), crosswalk.ErrorCode(err) == crosswalk.CodeForbidden: // reading keys takes a privilege of its own
		return nil, nil
	case err != nil:
		return nil, err
	}
	slices.SortFunc(keys, func(a, b crosswalk.EntityKey) int { return strings.Compare(a.Name, b.Name) })
	return keys, nil
}

// lacks reports whether an environment simply does not have what was asked for:
// reading works without relationships and keys.
func (c *Client) lacks(ctx context.Context, err error) bool {
	switch crosswalk.ErrorCode(err) {
	case crosswalk.CodeNotFound, crosswalk.CodeInvalid:
		c.log.DebugContext(ctx, "metadata are not complete", "error", err)
		return true
	}
	return false
}
