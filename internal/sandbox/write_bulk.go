package sandbox

import (
	"net/http"
	"strings"
)

// bulk answers CreateMultiple, UpdateMultiple, UpsertMultiple and
// DeleteMultiple: all rows or none, but of elastic tables those that can be.
func (c *call) bulk(t *table, action string) error {
	name, ok := strings.CutPrefix(action, "Microsoft.Dynamics.CRM.")
	if !ok {
		return noSegment(action)
	}
	switch name {
	case "CreateMultiple", "UpdateMultiple", "UpsertMultiple":
	case "DeleteMultiple":
		if t.elastic() {
			break
		}
		return &fault{http.StatusBadRequest, codeNotImplemented, "DeleteMultiple has not yet been implemented."}
	default:
		return noSegment(action)
	}
	body, err := c.body(t)
	if err != nil {
		return err
	}
	targets := body.list("Targets")
	if !body.has("Targets") || len(body) != 1 {
		return payloadFault(t, "Microsoft.OData.ODataException: The parameter 'Targets' of the action '"+name+"' is missing, or there are others.")
	}
	if len(targets) == 0 {
		return &fault{http.StatusBadRequest, codeInvalidArgument, "The Targets parameter of the " + name + " message must not be empty."}
	}
	ids := []any{}
	partial := &partialFault{}
	err = c.change(func(tx *transaction) error {
		t, err := tx.table(t)
		if err != nil {
			return err
		}
		for _, v := range targets {
			target, ok := v.(object)
			if !ok || target.text("@odata.type") != "" && strings.TrimPrefix(target.text("@odata.type"), "#") != "Microsoft.Dynamics.CRM."+t.name {
				return payloadFault(t, "Microsoft.OData.ODataException: An item of 'Targets' is not of the type 'Microsoft.Dynamics.CRM."+t.name+"'.")
			}
			if !target.has("@odata.type") {
				return payloadFault(t, "Microsoft.OData.ODataException: A type named 'Microsoft.Dynamics.CRM.crmbaseentity' is abstract: '@odata.type' is missing in an item of 'Targets'.")
			}
			id, err := c.bulkOne(tx, t, name, target)
			if t.elastic() {
				partial.add(len(ids), id, err)
			} else if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if name != "DeleteMultiple" {
		c.sessionToken(t)
	}
	if partial.fault != nil {
		return partial
	}
	if name == "CreateMultiple" {
		return c.answer("Microsoft.Dynamics.CRM.CreateMultipleResponse", object{{"Ids", ids}})
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *call) bulkOne(tx *transaction, t *table, action string, target object) (guid, error) {
	if action == "CreateMultiple" {
		return c.insert(tx, t, target, nil, guid{})
	}
	// The row is named by its key among the columns or by @odata.id.
	args := target.text(t.key.name)
	if at := target.text("@odata.id"); at != "" {
		_, args, _ = strings.Cut(strings.TrimSuffix(at, ")"), "(")
	}
	if args == "" {
		if action == "UpsertMultiple" {
			return c.insert(tx, t, target, nil, guid{})
		}
		return guid{}, &fault{http.StatusBadRequest, codeInvalidArgument, "Entity Id must be specified for " + strings.TrimSuffix(action, "Multiple")}
	}
	c.partition = target.text("partitionid")
	row, keys, id, err := c.key(t, args)
	if err != nil {
		return id, err
	}
	switch {
	case row >= 0 && action == "DeleteMultiple":
		if err := c.mayChange(t, row, "Delete"); err != nil {
			return id, err
		}
		tx.remove(t, row, c.callerRow())
		tx.happened(c, "Delete", t, id, nil)
		return id, nil
	case row >= 0 && action == "UpsertMultiple" && t.elastic():
		return id, c.replace(tx, t, row, target, keys)
	case row >= 0:
		return t.id(row), c.modify(tx, t, row, target)
	case action != "UpsertMultiple":
		return id, c.missing(t, id)
	}
	return c.insert(tx, t, target, keys, id)
}
