package sandbox

import (
	"slices"
	"strings"
)

// userPrivileges answers with all privileges that a user holds through roles
// and teams, each with its depth.
func (c *call) userPrivileges() error {
	users := c.data.table("systemuser")
	id, ok := parseGUID(c.path[0].args)
	if !ok {
		return badRequest("Bad Request - Error in query syntax.")
	}
	row, ok := users.row(id)
	if !ok {
		return doesNotExist("systemuser", id)
	}
	var unit value
	users.value(row, users.byName["businessunitid"], &unit)
	role := c.s.rights.Load().role(id.String())
	held := []any{}
	for _, e := range c.data.catalog.entities {
		t := c.data.table(e.name)
		if t == nil {
			continue
		}
		for _, p := range t.privileges() {
			d := role.depth(t, p.verb)
			if d == None {
				continue
			}
			held = append(held, object{
				{"Depth", strings.ToUpper(string(d[:1])) + string(d[1:])},
				{"PrivilegeId", p.id},
				{"BusinessUnitId", unit.id},
				{"PrivilegeName", p.name},
				{"RecordFilterId", guid{}},
				{"RecordFilterUniqueName", ""},
			})
		}
	}
	return c.answer("Microsoft.Dynamics.CRM.RetrieveUserPrivilegesResponse", object{{"RolePrivileges", held}})
}

// privilege is a right to do something to the rows of a table.
type privilege struct{ verb, name, id string }

// privileges returns those of a table: what its metadata say, else the usual
// ones.
func (t *table) privileges() []privilege {
	var all []privilege
	for _, v := range t.raw.list("Privileges") {
		if p, ok := v.(object); ok && p.text("Name") != "" {
			all = append(all, privilege{p.text("PrivilegeType"), p.text("Name"), p.text("PrivilegeId")})
		}
	}
	if len(all) > 0 {
		return all
	}
	named := t.schemaName
	if t.name == "systemuser" {
		named = "User" // as the platform names it
	}
	for _, verb := range []string{"Create", "Read", "Write", "Delete", "Append", "AppendTo"} {
		all = append(all, privilege{verb, "prv" + verb + named, nameGUID("privilege", verb, t.name).String()})
	}
	return all
}

// privilege returns the one to do that.
func (t *table) privilege(verb string) privilege {
	all := t.privileges()
	if i := slices.IndexFunc(all, func(p privilege) bool { return p.verb == verb }); i >= 0 {
		return all[i]
	}
	return privilege{verb: verb, name: "prv" + verb + t.schemaName, id: nameGUID("privilege", verb, t.name).String()}
}
