package sandbox

import "strconv"

// activities are the sorts of activity that have rows, in the order of their
// numbers among the tables: rows of the same number then follow each other in
// the order of keys.
var activities = []string{"appointment", "email", "phonecall", "task"}

// shown returns the table and the row in it behind a row of activitypointer,
// which holds no rows itself: its row i is row i/4 of activity i%4.
func (t *table) shown(row int) (*table, int) {
	return t.data.tables[activities[row%len(activities)]], row / len(activities)
}

// showing returns the row of activitypointer that shows a row of an activity,
// by the activity's key.
func (t *table) showing(id guid) (int, bool) {
	for i, name := range activities {
		if row, ok := t.data.tables[name].row(id); ok {
			return row*len(activities) + i, true
		}
	}
	return 0, false
}

// showValue reads a value of activitypointer: the same column of the activity,
// null where that has none.
func (t *table) showValue(row int, a *attribute, v *value) {
	of, row := t.shown(row)
	if b := of.byName[a.name]; b != nil && b.readable {
		of.value(row, b, v)
		return
	}
	v.null()
}

// whole tells that no row is missing between the first and the last.
func (t *table) whole() bool { return t.over == nil && !(t.pointer && t.data.deletions) }

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
