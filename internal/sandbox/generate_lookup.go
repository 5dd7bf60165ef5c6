package sandbox

import (
	"slices"
)

// lookupGenerator points to rows that exist. Tables the sandbox does not hold
// are never pointed to.
func (t *table) lookupGenerator(a *attribute, salt uint64) generator {
	d := t.data
	// to points to a row of a table, or to nothing when it has none.
	to := func(v *value, target *table, row int) {
		if target == nil || row >= target.rows {
			v.null()
			return
		}
		v.kind, v.id, v.target, v.row = kindGUID, target.id(row), target.name, row
	}
	choose := func(target *table, h uint64) int {
		if target == nil {
			return 0
		}
		return below(h, max(target.rows, 1))
	}
	switch a.name {
	case "ownerid", "owninguser", "owningteam":
		user, team := d.tables["systemuser"], d.tables["team"]
		return func(row int, v *value) {
			h := t.hash(row, 0xe0)
			owner := user
			if percent(h, 10) {
				owner = team
			}
			if a.name == "owninguser" && owner != user || a.name == "owningteam" && owner != team {
				v.null()
				return
			}
			to(v, owner, choose(owner, mix(h)))
		}
	case "owningbusinessunit", "businessunitid":
		units := d.tables["businessunit"]
		return func(row int, v *value) {
			unit := choose(units, t.hash(row, 0xe1))
			if t.name == "team" {
				unit = row % len(unitNames)
			}
			to(v, units, unit)
		}
	case "parentbusinessunitid":
		units := d.tables["businessunit"]
		return func(row int, v *value) {
			if row == 0 {
				v.null()
				return
			}
			to(v, units, 0)
		}
	case "createdby", "modifiedby", "administratorid":
		users := d.tables["systemuser"]
		return func(row int, v *value) { to(v, users, choose(users, t.hash(row, salt))) }
	case "transactioncurrencyid":
		all := d.tables["transactioncurrency"]
		return func(row int, v *value) {
			c, ok := t.currency(row)
			if !ok {
				v.null()
				return
			}
			to(v, all, c)
		}
	case "masterid":
		return func(row int, v *value) {
			if !t.merged(row) {
				v.null()
				return
			}
			to(v, t, below(t.hash(row, salt), row))
		}
	case "customerid", "parentcustomerid", "accountid", "contactid", "parentcontactid":
		return t.customer(a, to, choose)
	}
	var targets []*table
	for _, n := range a.targets {
		if target := d.tables[n]; target != nil && (target.rows > 0 || target == t) {
			targets = append(targets, target)
		}
	}
	if len(targets) == 0 || a.name == "regardingobjectid" {
		return nothing
	}
	empty := 70
	if slices.Contains([]string{"primarycontactid", "parentaccountid"}, a.name) {
		empty = 40
	}
	return sparse(t, salt, empty, func(row int, v *value) {
		h := t.hash(row, salt)
		target := targets[below(mix(h), len(targets))]
		n := choose(target, h)
		if target == t { // a tree: to an earlier row
			if row == 0 {
				v.null()
				return
			}
			n = below(h, row)
		}
		to(v, target, n)
	})
}

// customer makes the polymorphic customer of a row and the columns that show
// it again as an account or a contact.
func (t *table) customer(a *attribute, to func(*value, *table, int), choose func(*table, uint64) int) generator {
	empty, contacts := 0, 20 // cases and opportunities always have a customer
	if t.name == "contact" {
		empty, contacts = 12, 3
	}
	account, contact := t.data.tables["account"], t.data.tables["contact"]
	var shown *table // nil for both
	switch a.name {
	case "accountid":
		shown = account
	case "contactid", "parentcontactid":
		shown = contact
	}
	salt := uint64(0xe5)
	return func(row int, v *value) {
		h := t.hash(row, salt)
		target := account
		if percent(mix(h+2), contacts) {
			target = contact
		}
		n := choose(target, mix(h+1))
		if percent(h, empty) || shown != nil && shown != target || target == t && row == 0 {
			v.null()
			return
		}
		if target == t {
			n = below(mix(h+1), row)
		}
		to(v, target, n)
	}
}
