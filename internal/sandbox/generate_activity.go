package sandbox

import "strconv"

// activities are the sorts of activity that have rows, in the order of their
// numbers among the tables: rows of the same number then follow each other in
// the order of keys.
var activities = []string{"appointment", "email", "phonecall", "task"}

// shown returns the table, and the row in it, that a row of activitypointer shows,
// which holds no rows itself: its row i is row i/4 of activity i%4.
func (t *table) shown(row int) (*table, int) {
	return t.data.tables[activities[row%len(activities)]], row / len(activities)
}

// showing returns the row of activitypointer that shows a row of an activity,
// by the activity's key.
func (t *table) showing(id guid) (int, bool) {
	for i, name := range activities {
		if row, ok := t.data.tables[name].everRow(id); ok {
			return row*len(activities) + i, true
		}
	}
	return 0, false
}

// showValue reads a value of activitypointer: the same column of the activity,
// null where that has none.
func (t *table) showValue(row int, a *attribute, v *value) {
	of, row := t.shown(row)
	if a == t.key {
		v.setGUID(of.id(row))
		return
	}
	if b := of.byName[a.name]; b != nil && b.readable {
		of.value(row, b, v)
		return
	}
	v.null()
}

// whole tells that no row is missing between the first and the last.
func (t *table) whole() bool { return t.over == nil && !(t.link != nil && t.data.deletions) }

// namedActivity makes the columns of activities whose name says what they
// hold.
func (t *table) namedActivity(a *attribute) generator {
	switch a.name {
	case "subject":
		return func(row int, v *value) {
			h := t.hash(row, 0xd8)
			v.setText(subjects[below(h, len(subjects))])
			if h%4 == 0 {
				v.text = append(v.text, " #"...)
				v.text = strconv.AppendInt(v.text, int64(row), 10)
			}
		}
	case "activitytypecode":
		return func(_ int, v *value) { v.setText(t.name) }
	case "instancetypecode", "deliveryprioritycode":
		return always(0)
	case "isbilled", "ismapiprivate", "isworkflowcreated":
		return func(_ int, v *value) { v.setBool(false) }
	case "isregularactivity":
		return func(_ int, v *value) { v.setBool(true) }
	case "actualend":
		g := t.dateGenerator(a, hashString(a.name))
		return func(row int, v *value) { // only of what is done
			if t.state(row) != 1 {
				v.null()
				return
			}
			g(row, v)
		}
	case "regardingobjectid":
		return t.regarding()
	}
	return nil
}

// party returns the activity that a party belongs to, as a row of
// activitypointer, and whether it is the one who began it. All activities but
// tasks have two.
func party(row int) (pointer int, first bool) {
	n := row / 2
	others := len(activities) - 1
	return n/others*len(activities) + n%others, row%2 == 0
}

// namedParty makes the columns of activity parties: a user on one side and a
// contact on the other.
func (t *table) namedParty(a *attribute) generator {
	pointers := func() *table { return t.data.tables["activitypointer"] }
	switch a.name {
	case "activityid":
		return func(row int, v *value) {
			n, _ := party(row)
			v.setGUID(pointers().id(n))
			v.target, v.row = "activitypointer", n
		}
	case "participationtypemask":
		return func(row int, v *value) {
			n, first := party(row)
			of, _ := pointers().shown(n)
			masks := [2]int64{1, 2} // sender and receiver
			if of.name == "appointment" {
				masks = [2]int64{7, 5} // organizer and required
			}
			if first {
				v.setInt(masks[0])
			} else {
				v.setInt(masks[1])
			}
		}
	case "partyid":
		return func(row int, v *value) {
			name := "contact"
			if _, first := party(row); first {
				name = "systemuser"
			}
			target := t.data.tables[name]
			if target.rows == 0 {
				v.null()
				return
			}
			n := below(t.hash(row, 0xdb), target.rows)
			v.kind, v.id, v.target, v.row = kindGUID, target.id(n), name, n
		}
	case "ispartydeleted":
		return func(_ int, v *value) { v.setBool(false) }
	case "instancetypecode":
		return always(0)
	case "ownerid", "owninguser", "owningbusinessunit":
		return nothing
	}
	return nil
}

// meant returns the row of the table that the value of a lookup points to.
// Lookups to any activity point to activitypointer.
func (t *table) meant(v *value) (int, bool) {
	if v.kind != kindGUID || v.row < 0 {
		return 0, false
	}
	if v.target == "activitypointer" && t.base == v.target {
		return v.row / len(activities), activities[v.row%len(activities)] == t.name
	}
	return v.row, v.target == t.name
}

// regarding points to an account, a contact, a case, an opportunity or a
// lead, and one time in four to nothing.
func (t *table) regarding() generator {
	of := []string{"account", "contact", "incident", "opportunity", "lead"}
	return sparse(t, 0xd9, 25, func(row int, v *value) {
		h := t.hash(row, 0xda)
		target := t.data.tables[of[below(h, len(of))]]
		if target.rows == 0 {
			v.null()
			return
		}
		n := below(mix(h), target.rows)
		v.kind, v.id, v.target, v.row = kindGUID, target.id(n), target.name, n
	})
}

// namedLead makes the columns of leads: people like contacts, with a topic
// and a company.
func (t *table) namedLead(a *attribute) generator {
	switch a.name {
	case "subject":
		return func(row int, v *value) { v.setText(topics[below(t.hash(row, 0xd1), len(topics))]) }
	case "companyname":
		return func(row int, v *value) {
			v.kind, v.text = kindText, t.appendCompany(v.text[:0], row)
			cutUTF16(v, a.maximum)
		}
	case "fullname", "firstname", "lastname", "emailaddress1", "telephone1", "mobilephone", "jobtitle", "middlename", "address1_latitude",
		"address1_longitude":
		return t.namedContact(a)
	}
	return nil
}

var subjects = texts("Follow up on the quote;Prepare the renewal;Call back about the invoice;Introduce the new account manager;" +
	"Send the product sheet;Agree the date for training;Quarterly review;Check satisfaction after the move;Confirm the delivery date;" +
	"Plan the pilot;Discuss the budget;Collect feedback")
