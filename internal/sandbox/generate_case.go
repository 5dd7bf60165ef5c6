package sandbox

import (
	"strconv"
)

func (t *table) namedCase(a *attribute) generator {
	switch a.name {
	case "name", "title":
		list := topics
		if t.name == "incident" {
			list = complaints
		}
		return func(row int, v *value) {
			h := t.hash(row, 0xd1)
			v.setText(list[below(h, len(list))])
			if h%5 == 0 {
				v.text = append(v.text, " — "...)
				v.text = append(v.text, companySecond[below(mix(h), len(companySecond))].text...)
			}
		}
	case "ticketnumber":
		return func(row int, v *value) {
			v.kind, v.text = kindText, append(v.text[:0], "CAS-"...)
			v.text = strconv.AppendInt(v.text, int64(10_000+row), 10)
			v.text = append(v.text, '-')
			code := t.hash(row, 0xd2)
			for range 6 {
				v.text = append(v.text, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"[code&31])
				code >>= 5
			}
		}
	case "closeprobability":
		return func(row int, v *value) { v.setInt(int64(below(t.hash(row, 0xd3), 21) * 5)) }
	case "actualclosedate", "actualvalue", "actualvalue_base":
		g := t.dateGenerator(a, hashString(a.name))
		if a.typeName == "MoneyType" {
			g = t.money(a)
		}
		return func(row int, v *value) { // only of what is closed
			if t.state(row) == 0 {
				v.null()
				return
			}
			g(row, v)
		}
	}
	return nil
}

// namedSetup makes the columns of business units, teams and currencies.
func (t *table) namedSetup(a *attribute) generator {
	switch t.name + "." + a.name {
	case "businessunit.name", "businessunit.divisionname":
		return func(row int, v *value) { v.setText(unitNames[row]) }
	case "businessunit.isdisabled", "businessunit.workflowsuspended":
		return func(_ int, v *value) { v.setBool(false) }
	case "team.name":
		return func(row int, v *value) {
			if row < len(unitNames) {
				v.setText(unitNames[row])
				return
			}
			v.setText(teamNames[row-len(unitNames)])
		}
	case "team.isdefault", "team.systemmanaged":
		return func(row int, v *value) { v.setBool(a.name == "isdefault" && row < len(unitNames)) }
	case "team.teamtype", "team.membershiptype":
		return always(0)
	case "transactioncurrency.currencyname":
		return func(row int, v *value) { v.setText(currencies[row].name) }
	case "transactioncurrency.isocurrencycode":
		return func(row int, v *value) { v.setText(currencies[row].code) }
	case "transactioncurrency.currencysymbol":
		return func(row int, v *value) { v.setText(currencies[row].symbol) }
	case "transactioncurrency.currencyprecision":
		return func(row int, v *value) { v.setInt(currencies[row].precision) }
	case "transactioncurrency.exchangerate":
		return func(row int, v *value) {
			v.setDecimal(currencies[row].rate/powers[12], currencies[row].rate%powers[12], 12)
		}
	case "transactioncurrency.currencytype":
		return always(0)
	}
	return nil
}
