package sandbox

import (
	"net/http"
)

// The headers that name the user for whom a request works: by the id of the
// account in Entra, and by systemuserid (impersonate-another-user-web-api.md).
const (
	callerObjectID = "CallerObjectId"
	callerID       = "MSCRMCallerID"
)

var impersonating = []string{callerObjectID, callerID}

// impersonate lets the call work for the user that a header names. What it may
// do then is what both users may.
func (c *call) impersonate(held *rights) error {
	byObject, bySystem := c.r.Header.Get(callerObjectID), c.r.Header.Get(callerID)
	if byObject == "" && bySystem == "" {
		return nil
	}
	if c.role.NoDelegate {
		return &fault{http.StatusForbidden, codeNoPrivilege, "Principal user (Id=" + c.who.UserID +
			", type=8, roleCount=1, privilegeCount=465, accessMode=0), is missing prvActOnBehalfOfAnotherUser privilege (Id=" +
			nameGUID("privilege", "ActOnBehalfOfAnotherUser").String() + "). context.Caller=" + c.who.UserID}
	}
	users := c.data.table("systemuser")
	row, found := 0, false
	if byObject != "" {
		if id, ok := parseGUID(byObject); ok {
			row, found = users.withObjectID(id)
		}
		if !found {
			return &fault{http.StatusForbidden, codeNotAMember, "The user is not a member of the organization."}
		}
	} else {
		id, ok := parseGUID(bySystem)
		if !ok {
			return &fault{http.StatusBadRequest, codeInvalidArgument, "The value '" + bySystem + "' of the header " + callerID + " is not a GUID."}
		}
		if row, found = users.row(id); !found {
			return doesNotExist("systemuser", id)
		}
	}
	actor := c.role
	c.who.UserID = users.id(row).String()
	if err := c.enter(held); err != nil {
		return err
	}
	c.actor = &actor
	c.role.HiddenColumns = append(append([]string{}, c.role.HiddenColumns...), actor.HiddenColumns...)
	return nil
}

// withObjectID finds a user by the id of the account in Entra.
func (t *table) withObjectID(id guid) (int, bool) {
	var v value
	column := t.byName["azureactivedirectoryobjectid"]
	for pos := range t.positions() {
		row := t.at(pos)
		if t.value(row, column, &v); t.alive(row) && v.kind == kindGUID && v.id == id {
			return row, true
		}
	}
	return 0, false
}

// depth returns how far a privilege of the caller reaches, and where another
// user is impersonated how far both users' do.
func (c *call) depth(t *table, privilege string) Depth {
	d := c.role.depth(t, privilege)
	if c.actor != nil {
		if other := c.actor.depth(t, privilege); other.rank() < d.rank() {
			return other
		}
	}
	return d
}

func (d Depth) rank() int {
	switch d {
	case None:
		return 0
	case Basic:
		return 1
	case Local:
		return 2
	case Deep:
		return 3
	}
	return 4
}

// onBehalf notes the user who signed in where the row tells for whom it was
// made or changed.
func (w *writing) onBehalf() {
	c := w.c
	names := []string{"modifiedonbehalfby"}
	if w.create {
		names = append(names, "createdonbehalfby")
	}
	for _, name := range names {
		a := w.t.byName[name]
		if a == nil {
			continue
		}
		if c.actor != nil {
			if id, ok := parseGUID(c.signed.UserID); ok {
				if row, ok := w.tx.data.table("systemuser").row(id); ok {
					w.lookup(name, "systemuser", row)
				}
			}
			continue
		}
		if w.row >= 0 {
			if s := w.t.written(w.row); s != nil && s.cell(a.index) != nil {
				w.clear(name)
			}
		}
	}
}
