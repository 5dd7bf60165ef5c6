package sandbox

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Depth is how far a privilege reaches.
type Depth string

// The depths of privileges, each of which includes those before it.
const (
	None   Depth = "none"
	Basic  Depth = "basic"  // rows the user owns
	Local  Depth = "local"  // rows of the user's business unit
	Deep   Depth = "deep"   // and of the units below it
	Global Depth = "global" // all rows
)

// Role is what a user may do. The zero value allows everything.
type Role struct {
	Default Depth            `json:"default,omitempty"` // where Tables says nothing; empty means Global
	Tables  map[string]Depth `json:"tables,omitempty"`  // by logical name, or name.Privilege, for example account.Write
	// Columns are secured columns, as table.column, whose values the user
	// cannot see: they read as null.
	HiddenColumns []string `json:"hidden_columns,omitempty"`
	Disabled      bool     `json:"disabled,omitempty"`   // 0x80040225
	NotMember     bool     `json:"not_member,omitempty"` // 0x80072560
	Unlicensed    bool     `json:"unlicensed,omitempty"` // 0x8004D24B
	// NoDelegate takes away the privilege to act on behalf of other users
	// (prvActOnBehalfOfAnotherUser).
	NoDelegate bool `json:"no_delegate,omitempty"`
}

// rights is who may do what. It does not change: it is replaced.
type rights struct {
	adminMode bool
	roles     map[string]Role // by systemuserid; "" is everybody else's
	blocked   map[string]bool // ids of apps, in lower case
}

// changeRights replaces the rights with a copy that change has changed.
func (s *Sandbox) changeRights(change func(*rights)) {
	for {
		old := s.rights.Load()
		next := &rights{adminMode: old.adminMode, roles: maps.Clone(old.roles), blocked: maps.Clone(old.blocked)}
		change(next)
		if s.rights.CompareAndSwap(old, next) {
			return
		}
	}
}

var errNoUser = errors.New("sandbox: no such user")

// SetRole gives a user a role, which takes effect at once. The user is named by
// systemuserid or user name; "" means everybody without a role of their own. It
// fails when there is no such user.
func (s *Sandbox) SetRole(user string, r Role) error {
	id, err := s.userID(user)
	if err != nil {
		if id, err = s.active().userID(user); err != nil {
			return err
		}
	}
	s.changeRights(func(next *rights) { next.roles[id] = r })
	return nil
}

// SetAdminMode puts the environment into administration mode, in which
// nobody gets in, or takes it out.
func (s *Sandbox) SetAdminMode(on bool) {
	s.changeRights(func(next *rights) { next.adminMode = on })
}

// BlockApp keeps the app with that client id out of the environment, or lets it
// in again (0x80095ffc, app access control). Whether there is such an app does
// not matter.
func (s *Sandbox) BlockApp(clientID string, on bool) {
	s.changeRights(func(next *rights) {
		id := strings.ToLower(clientID)
		if !on {
			delete(next.blocked, id)
			return
		}
		if next.blocked == nil {
			next.blocked = map[string]bool{}
		}
		next.blocked[id] = true
	})
}

// BlockedApps returns the client ids of the apps that are kept out.
func (s *Sandbox) BlockedApps() []string { return slices.Sorted(maps.Keys(s.rights.Load().blocked)) }

func (s *Sandbox) userID(user string) (string, error) {
	if user == "" {
		return "", nil
	}
	d := s.snapshot()
	t := d.table("systemuser")
	if id, ok := parseGUID(user); ok {
		if _, ok := t.row(id); ok {
			return id.String(), nil
		}
		return "", errNoUser
	}
	name := t.byName["domainname"]
	var v value
	for pos := range t.positions() {
		row := t.at(pos)
		if t.value(row, name, &v); t.alive(row) && strings.EqualFold(string(v.text), user) {
			return t.id(row).String(), nil
		}
	}
	return "", errNoUser
}

func (r *rights) role(user string) Role {
	if role, ok := r.roles[user]; ok {
		return role
	}
	return r.roles[""]
}

// depth returns how far a privilege reaches.
func (r *Role) depth(t *table, privilege string) Depth {
	for _, name := range []string{t.name + "." + privilege, t.name} {
		if d, ok := r.Tables[name]; ok {
			return d
		}
	}
	if r.Default != "" {
		return r.Default
	}
	return Global
}

// admit refuses callers that do not get in at all.
func (c *call) admit() error {
	held := c.s.rights.Load()
	switch {
	case held.adminMode:
		return &fault{http.StatusForbidden, "0x8004A104", "The organization is in administration mode. Only administrators can sign in."}
	case held.blocked[strings.ToLower(c.who.AppID)]:
		return &fault{http.StatusForbidden, "0x80095ffc", "Access to Dataverse API is restricted for this application Id : '" + c.who.AppID +
			"'. Please contact your administrator for more information."}
	}
	if err := c.enter(held); err != nil {
		return err
	}
	if err := c.impersonate(held); err != nil {
		return err
	}
	c.see(c.data)
	return nil
}

// enter gives the user that the call works as its role, and refuses those who
// are no members.
func (c *call) enter(held *rights) error {
	c.role = held.role(c.who.UserID)
	switch {
	case c.role.NotMember:
		return &fault{http.StatusForbidden, codeNotAMember, "The user is not a member of the organization."}
	case c.role.Disabled || c.disabledUser():
		return &fault{http.StatusForbidden, "0x80040225", "The specified user(Id = " + c.who.UserID +
			") is disabled. Consider enabling this user. Additional Details: "}
	case c.role.Unlicensed:
		return &fault{http.StatusForbidden, "0x8004D24B", "The user has not been assigned any License"}
	}
	return nil
}

// disabledUser tells whether the caller's row says so.
func (c *call) disabledUser() bool {
	users := c.data.table("systemuser")
	if users.over == nil {
		return false // generated users who are disabled have no tokens
	}
	var v value
	users.value(c.callerRow(), users.byName["isdisabled"], &v)
	return v.kind == kindBool && v.n != 0
}

// see makes d the rows the call works with, without the columns hidden from
// the caller.
func (c *call) see(d *dataset) {
	if len(c.role.HiddenColumns) > 0 {
		d = d.clone()
		for _, name := range c.role.HiddenColumns {
			entity, column, _ := strings.Cut(name, ".")
			if t := d.table(entity); t != nil && t.byName[column] != nil {
				t.hidden = append(t.hidden, t.byName[column])
			}
		}
	}
	c.data = d
}

func (c *call) hides(t *table, a *attribute) bool {
	return slices.Contains(c.role.HiddenColumns, t.name+"."+a.name)
}

// mayRead refuses a table of which the caller may read nothing.
func (c *call) mayRead(t *table) error {
	if c.depth(t, "Read") == None {
		return c.missingPrivilege(t, "Read")
	}
	return nil
}

// mayReadRow refuses a row beyond the caller's reach.
func (c *call) mayReadRow(t *table, row int) error {
	if err := c.mayRead(t); err != nil {
		return err
	}
	if reach := c.visible(t); reach != nil && !reach(row) {
		return c.noAccess(t, row, "ReadAccess")
	}
	return nil
}

func (c *call) mayCreate(t *table) error {
	if c.depth(t, "Create") == None {
		return c.missingPrivilege(t, "Create")
	}
	return nil
}

// mayChange refuses to change or delete a row beyond the caller's reach.
func (c *call) mayChange(t *table, row int, privilege string) error {
	d := c.depth(t, privilege)
	if d == None {
		return c.missingPrivilege(t, privilege)
	}
	if reach := c.reach(t, d); reach != nil && !reach(row) {
		return c.noAccess(t, row, privilege+"Access")
	}
	return nil
}

func (c *call) noAccess(t *table, row int, right string) *fault {
	return &fault{http.StatusForbidden, "0x80048306", "Principal with id " + c.who.UserID + " does not have " + right +
		" right(s) for record with id " + t.id(row).String() + " of entity " + t.name + "."}
}

func (c *call) missingPrivilege(t *table, verb string) *fault {
	p := t.privilege(verb)
	return &fault{http.StatusForbidden, "0x80040220", "Principal user (Id=" + c.who.UserID +
		", type=8, roleCount=1, privilegeCount=465, accessMode=0), is missing " + p.name + " privilege (Id=" + p.id + ") on OTC=" +
		string(appendJSON(nil, t.typeCode)) + " for entity '" + t.name + "'. context.Caller=" + c.who.UserID}
}

// visible keeps the rows that the caller may read, nil for all.
func (c *call) visible(t *table) predicate { return c.reach(t, c.depth(t, "Read")) }

// reach keeps the rows within a depth, nil for all. Tables without owners
// know only all or nothing.
func (c *call) reach(t *table, d Depth) predicate {
	unit, owner := t.byName["owningbusinessunit"], t.byName["ownerid"]
	if t.principal {
		unit = t.byName["businessunitid"]
	}
	switch {
	case d == None:
		return func(int) bool { return false }
	case d == Global || unit == nil && owner == nil:
		return nil
	case d == Basic && owner != nil:
		me, _ := parseGUID(c.who.UserID)
		var v value
		return func(row int) bool {
			t.value(row, owner, &v)
			return v.kind == kindGUID && v.id == me
		}
	case unit == nil:
		return nil
	}
	users, units := c.data.table("systemuser"), c.data.table("businessunit")
	var mine value
	users.value(c.callerRow(), users.byName["businessunitid"], &mine)
	inside := map[guid]bool{mine.id: true}
	for grew := d == Deep; grew; {
		grew = false
		var parent value
		for pos := range units.positions() {
			row := units.at(pos)
			units.value(row, units.byName["parentbusinessunitid"], &parent)
			if parent.kind == kindGUID && inside[parent.id] && !inside[units.id(row)] {
				inside[units.id(row)], grew = true, true
			}
		}
	}
	var v value
	return func(row int) bool {
		t.value(row, unit, &v)
		return v.kind == kindGUID && inside[v.id]
	}
}

// both keeps what two predicates keep.
func both(a, b predicate) predicate {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func(row int) bool { return a(row) && b(row) }
}
