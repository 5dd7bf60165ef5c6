package sandbox

import (
	"net/http"
	"strconv"
	"strings"
)

// complete sets what follows from the values written into the row with that
// id: companions of lookups, money and images, names, and for a new row its
// defaults.
func (w *writing) complete(id guid) error {
	if w.create {
		w.defaults()
	}
	if err := w.status(id); err != nil {
		return err
	}
	if err := w.registered(); err != nil {
		return err
	}
	w.onBehalf()
	w.owner()
	w.customer()
	w.money()
	w.images(id)
	w.fullName()
	return w.duplicate()
}

func (w *writing) lookup(name, target string, row int) {
	a, to := w.t.byName[name], w.tx.data.table(target)
	if a == nil || to == nil {
		return
	}
	v := value{kind: kindGUID, id: to.id(row), target: target, row: row}
	w.put(a, &v)
}

func (w *writing) clear(name string) {
	if a := w.t.byName[name]; a != nil {
		w.put(a, &value{})
	}
}

func (w *writing) defaults() {
	for _, a := range w.t.attributes {
		if w.has(a) || !a.readable || a.of != "" {
			continue
		}
		var v value
		switch a.typeName {
		case "BooleanType":
			v.setBool(a.raw.bool("DefaultValue"))
		case "PicklistType":
			n := a.raw.int("DefaultFormValue")
			if !a.raw.has("DefaultFormValue") || n < 0 {
				continue
			}
			v.setInt(n)
		case "StateType":
			v.setInt(0)
		default:
			continue
		}
		w.put(a, &v)
	}
	now := value{}
	now.setTime(w.c.s.now().Unix())
	if o := w.t.byName["overriddencreatedon"]; w.has(o) {
		var then value
		if w.current(o, &then) {
			w.put(o, &now)
			now = then
		}
	}
	if a := w.t.byName["createdon"]; a != nil {
		w.put(a, &now)
	}
	if a := w.t.byName["activitytypecode"]; a != nil {
		var kind value
		kind.setText(w.t.name)
		w.put(a, &kind)
	}
	w.lookup("createdby", "systemuser", w.c.callerRow())
	if a := w.t.byName["ownerid"]; a != nil && !w.t.principal && !w.has(a) {
		w.lookup("ownerid", "systemuser", w.c.callerRow())
	}
}

// status holds statecode and statuscode together: a state alone takes its
// first reason.
func (w *writing) status(id guid) error {
	state, reason := w.t.byName["statecode"], w.t.byName["statuscode"]
	if state == nil || reason == nil || !w.has(state) && !w.has(reason) {
		return nil
	}
	var v, r value
	w.current(state, &v)
	var first *option
	for i := range reason.options {
		o := &reason.options[i]
		if o.state == v.n && first == nil {
			first = o
		}
		if w.has(reason) && w.current(reason, &r) && o.value == r.n && o.state == v.n {
			return nil
		}
	}
	if !w.has(reason) {
		if first != nil {
			r.setInt(first.value)
			w.put(reason, &r)
		}
		return nil
	}
	return &fault{http.StatusBadRequest, codeBadStatus, strconv.FormatInt(r.n, 10) + " is not a valid status code for state code " +
		w.t.schemaName + "State." + state.label(v.n) + " on " + w.t.name + " with Id " + id.String() + "."}
}

// owner sets the companions of the owner.
func (w *writing) owner() {
	a := w.t.byName["ownerid"]
	var v value
	if w.t.principal || !w.has(a) || !w.current(a, &v) {
		return
	}
	w.clear("owninguser")
	w.clear("owningteam")
	if v.target == "team" {
		w.lookup("owningteam", v.target, v.row)
	} else {
		w.lookup("owninguser", v.target, v.row)
	}
	if owner := w.tx.data.table(v.target); owner != nil && v.row >= 0 {
		var unit value
		owner.value(v.row, owner.byName["businessunitid"], &unit)
		if unit.kind == kindGUID && unit.row >= 0 {
			w.lookup("owningbusinessunit", "businessunit", unit.row)
		}
	}
}

// customer sets the columns that show a customer again.
func (w *writing) customer() {
	for _, a := range w.t.attributes {
		if a.typeName != "CustomerType" || !w.has(a) {
			continue
		}
		accounts, contacts := "accountid", "contactid"
		if a.name == "parentcustomerid" {
			contacts = "parentcontactid"
		}
		for _, name := range []string{accounts, contacts} {
			if b := w.t.byName[name]; b != nil && b != w.t.key {
				w.clear(name)
			}
		}
		var v value
		if !w.current(a, &v) || v.row < 0 {
			continue
		}
		name := accounts
		if v.target == "contact" {
			name = contacts
		}
		if b := w.t.byName[name]; b != nil && b != w.t.key {
			w.lookup(name, v.target, v.row)
		}
	}
}

// money sets amounts in the base currency.
func (w *writing) money() {
	currency := w.t.byName["transactioncurrencyid"]
	if currency == nil {
		return
	}
	moved := w.has(currency)
	var v value
	for _, a := range w.t.attributes {
		if a.typeName != "MoneyType" || strings.HasSuffix(a.name, "_base") {
			continue
		}
		base := w.t.byName[a.name+"_base"]
		if base == nil || !moved && !w.has(a) {
			continue
		}
		if !w.current(a, &v) {
			w.put(base, &v)
			continue
		}
		var c value
		if !w.current(currency, &c) {
			w.lookup("transactioncurrencyid", "transactioncurrency", 0)
			w.current(currency, &c)
			moved = true
		}
		rate := currencies[0].rate
		if c.row >= 0 && c.row < len(currencies) {
			rate = currencies[c.row].rate
		}
		negative := v.negative
		whole, fraction := convert(uint64(v.n)*10000+uint64(v.fraction), uint64(rate))
		v.setDecimal(whole, fraction, 10)
		v.negative = negative
		w.put(base, &v)
	}
	if rates := w.t.byName["exchangerate"]; moved && rates != nil {
		var c value
		if w.current(currency, &c) && c.row >= 0 && c.row < len(currencies) {
			rate := currencies[c.row].rate
			v.setDecimal(rate/powers[12], rate%powers[12], 12)
		} else {
			v.null()
		}
		w.put(rates, &v)
	}
}

// fullName puts the name of a person together.
func (w *writing) fullName() {
	full, first, last := w.t.byName["fullname"], w.t.byName["firstname"], w.t.byName["lastname"]
	if full == nil || !w.has(first) && !w.has(last) {
		return
	}
	var parts []string
	var v value
	for _, a := range []*attribute{first, last} {
		if w.current(a, &v) {
			parts = append(parts, string(v.text))
		}
	}
	v.null()
	if len(parts) > 0 {
		v.setText(strings.Join(parts, " "))
	}
	w.put(full, &v)
}
