package sandbox

import (
	"math"
	"slices"
	"strconv"
)

// userKind says what stands behind a systemuser.
type userKind uint8

const (
	ordinary userKind = iota
	application
	support
	nonInteractive
)

// user returns the kind of a user and whether it is disabled. The first three
// are people who can sign in, and the next three are one of each other sort,
// so that even a small organization has all.
func (t *table) user(row int) (kind userKind, disabled bool) {
	switch row {
	case 0, 1, 2:
		return ordinary, false
	case 3:
		return application, false
	case 4:
		return support, false
	case 5:
		return ordinary, true
	}
	h := t.hash(row, 0xa5)
	switch n := below(h, 100); {
	case n < 5:
		return application, false
	case n < 7:
		return support, false
	case n < 9:
		return nonInteractive, false
	default:
		return ordinary, percent(mix(h), 10)
	}
}

func (t *table) namedUser(a *attribute) generator {
	text := func(f func(b []byte, row int, k userKind) []byte) generator {
		return func(row int, v *value) {
			k, _ := t.user(row)
			v.kind, v.text = kindText, f(v.text[:0], row, k)
			if len(v.text) == 0 {
				v.null()
			}
		}
	}
	switch a.name {
	case "fullname":
		return text(t.appendUserName)
	case "firstname":
		return text(func(b []byte, row int, k userKind) []byte {
			first, _ := t.person(row)
			switch k {
			case application:
				return append(b, '#')
			case support:
				return append(b, "Support"...)
			}
			return append(b, first.text...)
		})
	case "lastname":
		return text(func(b []byte, row int, k userKind) []byte {
			_, last := t.person(row)
			switch k {
			case application:
				return t.appendUserName(b, row, k)[2:]
			case support:
				return append(b, "User"...)
			}
			return append(b, last.text...)
		})
	case "internalemailaddress":
		return text(func(b []byte, row int, k userKind) []byte {
			if t.data.awkward && row%10 == 9 {
				return append(b, "not an e-mail address"...)
			}
			if k == application {
				return append(strconv.AppendInt(append(b, "app"...), int64(row), 10), "@example.com"...)
			}
			return t.appendEmail(b, row, "example.com")
		})
	case "domainname":
		return text(func(b []byte, row int, k userKind) []byte {
			if k == application {
				return append(hashGUID(t.hash(row, 0xa6)).append(b), "@contososandbox.example.com"...)
			}
			return t.appendEmail(b, row, "contososandbox.example.com")
		})
	case "windowsliveid":
		return text(func(b []byte, row int, _ userKind) []byte { return t.appendEmail(b, row, "contososandbox.example.com") })
	case "title", "jobtitle":
		return sparse(t, hashString("title"), 15, func(row int, v *value) {
			v.setText(jobTitles[below(t.hash(row, 0xa7), len(jobTitles))])
		})
	case "accessmode":
		return func(row int, v *value) {
			k, _ := t.user(row)
			v.setInt([...]int64{ordinary: 0, application: 4, support: 3, nonInteractive: 4}[k])
		}
	case "applicationid":
		return func(row int, v *value) {
			if k, _ := t.user(row); k != application {
				v.null()
				return
			}
			v.setGUID(hashGUID(t.hash(row, 0xa8)))
		}
	case "azureactivedirectoryobjectid":
		return func(row int, v *value) { v.setGUID(t.objectID(row)) }
	case "isdisabled":
		return func(row int, v *value) {
			_, disabled := t.user(row)
			v.setBool(disabled)
		}
	case "islicensed":
		return func(row int, v *value) {
			k, disabled := t.user(row)
			v.setBool(k == ordinary && !disabled)
		}
	case "setupuser", "isintegrationuser", "isactivedirectoryuser", "defaultfilterspopulated":
		return func(_ int, v *value) { v.setBool(false) }
	case "azurestate", "deletedstate", "caltype", "userlicensetype", "identityid":
		return always(0)
	case "azuredeletedon", "governmentid", "passporthi", "passportlo", "employeeid", "middlename", "activedirectoryguid":
		return nothing
	case "applicationiduri":
		return nothing
	}
	return nil
}

func (t *table) appendUserName(b []byte, row int, k userKind) []byte {
	switch k {
	case application:
		b = append(b, "# "...)
		b = append(b, companyFirst[below(t.hash(row, 0xa9), len(companyFirst))].text...)
		return append(b, " Integration"...)
	case support:
		return append(b, "Support User"...)
	}
	return t.appendFullName(b, row)
}

// objectID returns the id of a user's account in Entra.
func (t *table) objectID(row int) guid { return hashGUID(t.hash(row, 0xab)) }

// people returns the first n users who can sign in.
func (d *dataset) people(n int) []person {
	t := d.tables["systemuser"]
	var ps []person
	var v value
	text := func(row int, name string) string {
		t.value(row, t.byName[name], &v)
		if v.kind == kindNull {
			return ""
		}
		return string(v.text)
	}
	for row := 0; row < t.rows && len(ps) < n; row++ {
		if k, disabled := t.user(row); k != ordinary || disabled {
			continue
		}
		ps = append(ps, person{
			SystemUserID: t.id(row).String(),
			ObjectID:     t.objectID(row).String(),
			FullName:     text(row, "fullname"),
			FirstName:    text(row, "firstname"),
			LastName:     text(row, "lastname"),
			DomainName:   text(row, "domainname"),
			Title:        text(row, "title"),
		})
	}
	return ps
}

func (t *table) namedAccount(a *attribute) generator {
	switch a.name {
	case "name":
		return func(row int, v *value) {
			if t.data.awkward && row%25 == 7 {
				v.null()
				return
			}
			v.kind, v.text = kindText, t.appendCompany(v.text[:0], row)
			cutUTF16(v, a.maximum)
		}
	case "accountnumber":
		return sparse(t, hashString(a.name), 10, func(row int, v *value) {
			v.kind, v.text = kindText, append(v.text[:0], "ACC-"...)
			n := strconv.Itoa(100_000 + row)
			v.text = append(v.text, n...)
		})
	case "websiteurl":
		return sparse(t, hashString(a.name), 20, func(row int, v *value) {
			if t.data.awkward && row%25 == 11 {
				v.setText("see the business card")
				return
			}
			h := t.hash(row, 0xac)
			scheme := "https://www."
			if h%7 == 0 {
				scheme = "http://"
			}
			v.kind, v.text = kindText, append(v.text[:0], scheme...)
			v.text = companyFirst[below(h, len(companyFirst))].appendSlug(v.text)
			v.text = strconv.AppendInt(v.text, int64(row), 10)
			v.text = append(v.text, ".example.com/"...)
			if h%11 == 0 {
				v.text = append(v.text, "über/uns?a=1&b=2#top"...)
			}
		})
	case "emailaddress1":
		return sparse(t, hashString(a.name), 20, func(row int, v *value) {
			v.kind, v.text = kindText, t.appendEmail(v.text[:0], row, "example.net")
		})
	case "telephone1":
		return sparse(t, hashString(a.name), 10, func(row int, v *value) {
			v.kind, v.text = kindText, t.appendPhone(v.text[:0], row, 1)
		})
	case "numberofemployees":
		return sparse(t, hashString(a.name), 15, func(row int, v *value) {
			v.setInt(int64(math.Pow(10, 5.4*float64(t.hash(row, 0xae)>>40)/(1<<24))))
		})
	case "address1_latitude", "address1_longitude":
		return t.coordinate(a)
	case "tickersymbol":
		return nothing
	}
	return nil
}

// appendSlug adds the plain form without what a host name cannot hold.
func (w *word) appendSlug(b []byte) []byte {
	for i := range len(w.plain) {
		if c := w.plain[i]; c >= 'a' && c <= 'z' {
			b = append(b, c)
		}
	}
	return b
}

// coordinate puts a row near its city.
func (t *table) coordinate(a *attribute) generator {
	salt := hashString(a.name)
	return sparse(t, hashString("coordinate"), 30, func(row int, v *value) {
		p := t.place(row)
		f := p.latitude
		if a.name == "address1_longitude" {
			f = p.longitude
		}
		f += float64(below(t.hash(row, salt), 20_000)-10_000) / 100_000
		v.setDouble(math.Round(f*100_000) / 100_000)
	})
}

func (t *table) namedContact(a *attribute) generator {
	switch a.name {
	case "fullname":
		return func(row int, v *value) { v.kind, v.text = kindText, t.appendFullName(v.text[:0], row) }
	case "firstname":
		return func(row int, v *value) {
			first, _ := t.person(row)
			v.setText(first.text)
		}
	case "lastname":
		return func(row int, v *value) {
			_, last := t.person(row)
			v.setText(last.text)
		}
	case "emailaddress1":
		return sparse(t, hashString(a.name), 10, func(row int, v *value) {
			v.kind, v.text = kindText, t.appendEmail(v.text[:0], row, "example.com")
		})
	case "telephone1", "mobilephone":
		salt := hashString(a.name)
		return sparse(t, salt, 20, func(row int, v *value) {
			v.kind, v.text = kindText, t.appendPhone(v.text[:0], row, salt)
		})
	case "jobtitle":
		return sparse(t, hashString(a.name), 20, func(row int, v *value) {
			v.setText(jobTitles[below(t.hash(row, 0xa7), len(jobTitles))])
		})
	case "department":
		return sparse(t, hashString(a.name), 40, func(row int, v *value) {
			v.setText(departments[below(t.hash(row, 0xa1), len(departments))])
		})
	case "address1_latitude", "address1_longitude":
		return t.coordinate(a)
	case "numberofchildren":
		return sparse(t, hashString(a.name), 50, func(row int, v *value) { v.setInt(int64(below(t.hash(row, 0xa2), 5))) })
	case "middlename", "suffix", "yomifullname", "governmentid":
		return nothing
	}
	return nil
}

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
		if d.tables[n] != nil {
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
