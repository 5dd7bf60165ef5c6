package sandbox

import (
	"slices"
)

// lookupGenerator points to rows that exist. Tables the sandbox does not hold
// are never pointed to.
func (t *table) lookupGenerator(a *attribute, salt uint64) generator {
	d := t.data
	// to points to a row of a table, or to nothing when it has none.
	to := func(v *value, name string, row int) {
		target := d.tables[name]
		if target == nil || row >= target.rows {
			v.null()
			return
		}
		v.kind, v.id, v.target, v.row = kindGUID, target.id(row), name, row
	}
	choose := func(name string, h uint64) int {
		if target := d.tables[name]; target != nil {
			return below(h, max(target.rows, 1))
		}
		return 0
	}
	switch a.name {
	case "ownerid", "owninguser", "owningteam":
		return func(row int, v *value) {
			h := t.hash(row, 0xe0)
			name := "systemuser"
			if percent(h, 10) {
				name = "team"
			}
			if a.name == "owninguser" && name != "systemuser" || a.name == "owningteam" && name != "team" {
				v.null()
				return
			}
			to(v, name, choose(name, mix(h)))
		}
	case "owningbusinessunit", "businessunitid":
		return func(row int, v *value) {
			unit := choose("businessunit", t.hash(row, 0xe1))
			if t.name == "team" {
				unit = row % len(unitNames)
			}
			to(v, "businessunit", unit)
		}
	case "parentbusinessunitid":
		return func(row int, v *value) {
			if row == 0 {
				v.null()
				return
			}
			to(v, "businessunit", 0)
		}
	case "createdby", "modifiedby", "administratorid":
		return func(row int, v *value) { to(v, "systemuser", choose("systemuser", t.hash(row, salt))) }
	case "transactioncurrencyid":
		return func(row int, v *value) {
			c, ok := t.currency(row)
			if !ok {
				v.null()
				return
			}
			to(v, "transactioncurrency", c)
		}
	case "masterid":
		return func(row int, v *value) {
			if !t.merged(row) {
				v.null()
				return
			}
			to(v, t.name, below(t.hash(row, salt), row))
		}
	case "customerid", "parentcustomerid", "accountid", "contactid", "parentcontactid":
		return t.customer(a, to, choose)
	}
	var names []string
	for _, n := range a.targets {
		if target := d.tables[n]; target != nil && (target.rows > 0 || target.name == t.name) {
			names = append(names, n)
		}
	}
	if len(names) == 0 || a.name == "regardingobjectid" {
		return nothing
	}
	empty := 70
	if slices.Contains([]string{"primarycontactid", "parentaccountid"}, a.name) {
		empty = 40
	}
	return sparse(t, salt, empty, func(row int, v *value) {
		h := t.hash(row, salt)
		name := names[below(mix(h), len(names))]
		n := choose(name, h)
		if name == t.name { // a tree: to an earlier row
			if row == 0 {
				v.null()
				return
			}
			n = below(h, row)
		}
		to(v, name, n)
	})
}

// customer makes the polymorphic customer of a row and the columns that show
// it again as an account or a contact.
func (t *table) customer(a *attribute, to func(*value, string, int), choose func(string, uint64) int) generator {
	empty, contacts := 0, 20 // cases and opportunities always have a customer
	if t.name == "contact" {
		empty, contacts = 12, 3
	}
	salt := uint64(0xe5)
	return func(row int, v *value) {
		h := t.hash(row, salt)
		name := "account"
		if percent(mix(h+2), contacts) {
			name = "contact"
		}
		shown := "customer"
		switch a.name {
		case "accountid":
			shown = "account"
		case "contactid", "parentcontactid":
			shown = "contact"
		}
		n := choose(name, mix(h+1))
		if percent(h, empty) || shown != "customer" && shown != name || name == t.name && row == 0 {
			v.null()
			return
		}
		if name == t.name {
			n = below(mix(h+1), row)
		}
		to(v, name, n)
	}
}
