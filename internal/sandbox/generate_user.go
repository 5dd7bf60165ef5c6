package sandbox

import (
	"strconv"
	"strings"
)

// userKind says who or what a systemuser is.
type userKind uint8

const (
	ordinary userKind = iota
	application
	support
	nonInteractive
)

// sandboxApp is the row of the application user of the app ClientID.
const sandboxApp = 3

// user returns the kind of a user and whether it is disabled. The first three
// are people who can sign in, and the next three are one of each other sort,
// so that even a small organization has all.
func (t *table) user(row int) (kind userKind, disabled bool) {
	switch row {
	case 0, 1, 2:
		return ordinary, false
	case sandboxApp:
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
			if t.data.awkward && row > 10 && row%10 == 8 {
				b = append(b, strings.Repeat("very.", 60)...) // longer than user names are elsewhere
			}
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
		own, _ := parseGUID(ClientID) // a constant
		return func(row int, v *value) {
			if k, _ := t.user(row); k != application {
				v.null()
				return
			}
			if row == sandboxApp {
				v.setGUID(own)
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
	case "azuredeletedon", "governmentid", "passporthi", "passportlo", "employeeid", "middlename", "activedirectoryguid", "applicationiduri":
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
