package sandbox

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// generator makes the generator of a column: by its name where the name says
// what it holds, else by its type.
func (t *table) generator(a *attribute) generator {
	if a == t.key {
		return func(row int, v *value) { v.setGUID(t.id(row)) }
	}
	if g := t.named(a); g != nil {
		return g
	}
	salt := hashString(a.name)
	switch a.typeName {
	case "StringType", "MemoType":
		return t.textGenerator(a, salt)
	case "IntegerType":
		low, high := max(a.low, 0), min(a.high, 1000)
		return sparse(t, salt, 60, func(row int, v *value) {
			v.setInt(low + int64(below(t.hash(row, salt), int(high-low)+1)))
		})
	case "MoneyType":
		return t.money(a)
	case "DecimalType":
		digits := uint8(a.raw.int("Precision"))
		return sparse(t, salt, 50, func(row int, v *value) {
			h := t.hash(row, salt)
			v.setDecimal(int64(below(h, 100)), int64(mix(h)%uint64(powers[digits])), digits)
		})
	case "DoubleType":
		scale := math.Pow10(int(a.raw.int("Precision")))
		low, high := float64(max(a.low, -1000)), float64(min(a.high, 1000))
		return sparse(t, salt, 50, func(row int, v *value) {
			f := low + (high-low)*float64(t.hash(row, salt)>>11)/(1<<53)
			v.setDouble(math.Round(f*scale) / scale)
		})
	case "BooleanType":
		return func(row int, v *value) { v.setBool(percent(t.hash(row, salt), 15)) }
	case "DateTimeType":
		return t.dateGenerator(a, salt)
	case "LookupType", "CustomerType", "OwnerType":
		return t.lookupGenerator(a, salt)
	case "PicklistType":
		return sparse(t, salt, 30, func(row int, v *value) {
			v.setInt(a.options[below(t.hash(row, salt), len(a.options))].value)
		})
	case "MultiSelectPicklistType":
		return sparse(t, salt, 60, func(row int, v *value) { chooseSeveral(a, t.hash(row, salt), v) })
	case "UniqueidentifierType":
		if strings.HasSuffix(a.name, "_addressid") {
			return func(row int, v *value) { v.setGUID(hashGUID(t.hash(row, salt))) }
		}
	}
	return nothing
}

func nothing(_ int, v *value) { v.null() }

// sparse makes p of 100 values null.
func sparse(t *table, salt uint64, p int, g generator) generator {
	salt = mix(salt)
	return func(row int, v *value) {
		if percent(t.hash(row, salt), p) {
			v.null()
			return
		}
		g(row, v)
	}
}

// always makes a column that is never null, and the same in every row.
func always(n int64) generator { return func(_ int, v *value) { v.setInt(n) } }

// chooseSeveral sets the text of a multi-select choice: values in ascending
// order between commas.
func chooseSeveral(a *attribute, h uint64, v *value) {
	v.kind, v.text = kindText, v.text[:0]
	for i, o := range a.options {
		if h>>i&3 == 0 || i == len(a.options)-1 && len(v.text) == 0 {
			if len(v.text) > 0 {
				v.text = append(v.text, ',')
			}
			v.text = strconv.AppendInt(v.text, o.value, 10)
		}
	}
}

// named returns the generators of columns whose name says what they hold,
// nil for others.
func (t *table) named(a *attribute) generator {
	if t.link != nil {
		if g := t.linked(a); g != nil {
			return g
		}
	}
	switch a.name {
	case "createdon":
		return func(row int, v *value) { v.setTime(t.created(row)) }
	case "modifiedon":
		return func(row int, v *value) { v.setTime(t.modified(row)) }
	case "versionnumber":
		return func(row int, v *value) { v.setInt(t.version(row)) }
	case "statecode":
		return func(row int, v *value) { v.setInt(t.state(row)) }
	case "statuscode":
		return t.status(a)
	case "merged":
		return func(row int, v *value) { v.setBool(t.merged(row)) }
	case "exchangerate":
		if t.name != "transactioncurrency" {
			return func(row int, v *value) {
				if c, ok := t.currency(row); ok {
					rate := currencies[c].rate
					v.setDecimal(rate/powers[12], rate%powers[12], 12)
				} else {
					v.null()
				}
			}
		}
	case "organizationid":
		return func(_ int, v *value) {
			v.setGUID(t.data.org)
			v.target, v.row = "organization", -1
		}
	case "timezoneruleversionnumber":
		return always(4)
	case "utcconversiontimezonecode", "importsequencenumber", "processid", "stageid", "traversedpath", "entityimage",
		"entityimageid", "entityimage_url", "entityimage_timestamp", "stepid", "subscriptionid", "usergroupid",
		"adx_identity_passwordhash", "adx_identity_securitystamp", "adx_identity_newpassword", "picture":
		return nothing
	case "ownerid":
		if t.principal {
			return func(row int, v *value) { v.setGUID(t.id(row)) }
		}
	}
	switch t.name {
	case "systemuser":
		return t.namedUser(a)
	case "account":
		return t.namedAccount(a)
	case "contact":
		return t.namedContact(a)
	case "opportunity", "incident":
		return t.namedCase(a)
	case "lead":
		return t.namedLead(a)
	case "appointment", "email", "phonecall", "task":
		return t.namedActivity(a)
	case "activityparty":
		return t.namedParty(a)
	case "new_telemetry", "new_erporder":
		return t.namedOther(a)
	case "sdkmessage", "sdkmessagefilter":
		return t.namedMessage(a)
	}
	return t.namedSetup(a)
}

// The span in which rows were made and changed. It does not follow the
// clock: the same seed gives the same data tomorrow.
const (
	firstCreated = 1514793600 // 2018-01-01T08:00:00Z
	lastChange   = 1782849600 // 2026-06-30T20:00:00Z
	importTime   = 1615689000 // 2021-03-14T02:30:00Z, when one row in ten was imported
)

func (t *table) created(row int) int64 {
	h := t.hash(row, 0xc0)
	if h%10 == 0 {
		return importTime
	}
	return firstCreated + int64(h>>8%(lastChange-firstCreated))
}

func (t *table) modified(row int) int64 {
	from := t.created(row)
	h := t.hash(row, 0xc1)
	if h%4 == 0 {
		return from
	}
	return from + int64(h>>8%uint64(lastChange-from+1))
}

// merged tells the losers of a merge: inactive rows that point to their
// master.
func (t *table) merged(row int) bool {
	return row > 0 && t.byName["merged"] != nil && t.hash(row, 0x3e)%150 == 0
}

func (t *table) state(row int) int64 {
	a := t.byName["statecode"]
	if a == nil || len(a.options) == 0 || t.name == "transactioncurrency" {
		return 0
	}
	last := a.options[len(a.options)-1].value
	if t.merged(row) {
		return last
	}
	h := t.hash(row, 0x57)
	if percent(h, 80) && (t.name == "account" || t.name == "contact") {
		return a.options[0].value
	}
	return a.options[below(mix(h), len(a.options))].value
}

// status chooses among the reasons of the row's state.
func (t *table) status(a *attribute) generator {
	reasons := map[int64][]int64{}
	for _, o := range a.options {
		reasons[o.state] = append(reasons[o.state], o.value)
	}
	return func(row int, v *value) {
		r := reasons[t.state(row)]
		if len(r) == 0 {
			v.null()
			return
		}
		if t.merged(row) && slices.Contains(r, 2000) {
			v.setInt(2000)
			return
		}
		v.setInt(r[below(t.hash(row, 0x58), len(r))])
	}
}

// dateGenerator makes values of all three behaviours.
func (t *table) dateGenerator(a *attribute, salt uint64) generator {
	switch {
	case a.behavior == "DateOnly" && (a.name == "birthdate" || a.name == "anniversary"):
		first, span := days(1930, 1, 1), int(days(2005, 1, 1)-days(1930, 1, 1))
		return sparse(t, salt, 40, func(row int, v *value) {
			h := t.hash(row, salt)
			if h%199 == 7 {
				v.setDate(days(1753, 1, 1)) // the first day there is
				return
			}
			v.setDate(first + int64(below(h, span)))
		})
	case a.behavior == "DateOnly":
		return sparse(t, salt, 30, func(row int, v *value) {
			v.setDate(t.created(row)/86400 + int64(below(t.hash(row, salt), 720)))
		})
	case a.behavior == "TimeZoneIndependent":
		// Printed as UTC, but meant as the time on the wall.
		return sparse(t, salt, 30, func(row int, v *value) {
			h := t.hash(row, salt)
			v.setTime((t.created(row)/86400)*86400 + int64(6+below(h, 5))*3600 + int64(below(mix(h), 4))*900)
		})
	case a.format == "DateOnly":
		// Midnight where it was typed: mostly still the day before in UTC.
		zones := []int64{-7200, -3600, 0, 18000, 28800}
		return sparse(t, salt, 75, func(row int, v *value) {
			h := t.hash(row, salt)
			day := t.created(row)/86400 - int64(below(h, 2000))
			v.setTime(day*86400 + zones[below(mix(h), len(zones))])
		})
	}
	return sparse(t, salt, 60, func(row int, v *value) {
		v.setTime(t.created(row) + int64(below(t.hash(row, salt), 90*86400)))
	})
}

// currency returns the number of the row's currency; one row in twenty has
// none.
func (t *table) currency(row int) (int, bool) {
	h := t.hash(row, 0xcc)
	if t.byName["transactioncurrencyid"] == nil || percent(h, 5) {
		return 0, false
	}
	if percent(mix(h), 60) {
		return 0, true
	}
	return below(mix(h+1), len(currencies)), true
}

// money makes an amount with 4 digits, or for the _base companion the same
// amount in the base currency with 10.
func (t *table) money(a *attribute) generator {
	name, base := strings.CutSuffix(a.name, "_base")
	from := a
	if base && t.byName[name] != nil {
		from = t.byName[name]
	}
	amount := t.amount(from)
	if !base {
		return func(row int, v *value) {
			if n, ok := amount(row); ok {
				v.setDecimal(abs(n)/10000, abs(n)%10000, 4)
				v.negative = n < 0
				return
			}
			v.null()
		}
	}
	return func(row int, v *value) {
		n, ok := amount(row)
		if !ok {
			v.null()
			return
		}
		rate := currencies[0].rate
		if c, ok := t.currency(row); ok {
			rate = currencies[c].rate
		}
		whole, fraction := convert(uint64(abs(n)), uint64(rate))
		v.setDecimal(whole, fraction, 10)
		v.negative = n < 0
	}
}

// amount returns a function that computes an amount in ten-thousandths, and
// false for none.
func (t *table) amount(a *attribute) func(row int) (int64, bool) {
	salt := hashString(a.name)
	low, span, empty := 100.0, 4.0, 50 // 100 to a million
	if a.name == "revenue" || a.name == "marketcap" {
		low, span, empty = 10_000, 6, 20 // to ten milliards
	}
	return func(row int) (int64, bool) {
		h := t.hash(row, salt)
		if percent(h, empty) {
			return 0, false
		}
		h = mix(h)
		switch {
		case a.name == "revenue" && h%997 == 5:
			return 100_000_000_000_000_0000, true // the most there can be
		case h%61 == 3:
			return 0, true
		}
		cents := int64(low * 100 * math.Pow(10, span*float64(h>>40)/(1<<24)))
		if h>>8%3 == 0 {
			cents = cents / 100_000 * 100_000 // a round figure
		}
		if a.low < 0 && a.name != "estimatedvalue" && h>>16%40 == 0 {
			cents = -cents
		}
		return cents * 100, true
	}
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
