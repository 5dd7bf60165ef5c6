package sandbox

// messages are the messages that steps can be registered for: the first three
// for all tables, the others where there are bulk operations.
var messages = []string{"Create", "Update", "Delete", "CreateMultiple", "UpdateMultiple", "UpsertMultiple", "DeleteMultiple"}

const singleMessages = 3

// messageFilter is one row of sdkmessagefilter: a message that a table has.
type messageFilter struct {
	table   string
	message int // in messages
}

// messageFilters lists which tables have which messages. DeleteMultiple is
// for elastic tables alone, and what others keep has none at once for many.
func messageFilters(c *catalog) []messageFilter {
	var list []messageFilter
	for _, e := range c.entities {
		if e.raw.bool("IsIntersect") || e.name == "activitypointer" {
			continue
		}
		kind := e.raw.text("TableType")
		for i, name := range messages {
			if i >= singleMessages && kind == "Virtual" || name == "DeleteMultiple" && kind != "Elastic" {
				continue
			}
			list = append(list, messageFilter{e.name, i})
		}
	}
	return list
}

// namedMessage makes the columns of sdkmessage and sdkmessagefilter.
func (t *table) namedMessage(a *attribute) generator {
	filters := t.data.filters
	switch t.name + "." + a.name {
	case "sdkmessage.name":
		return func(row int, v *value) { v.setText(messages[row]) }
	case "sdkmessage.isprivate", "sdkmessage.workflowsdkstepenabled":
		return func(_ int, v *value) { v.setBool(false) }
	case "sdkmessagefilter.primaryobjecttypecode":
		return func(row int, v *value) { v.setText(filters[row].table) }
	case "sdkmessagefilter.secondaryobjecttypecode":
		return func(_ int, v *value) { v.setText("none") }
	case "sdkmessagefilter.iscustomprocessingstepallowed":
		return func(_ int, v *value) { v.setBool(true) }
	case "sdkmessagefilter.sdkmessageid":
		return func(row int, v *value) {
			n := filters[row].message
			v.kind, v.id, v.target, v.row = kindGUID, t.data.tables["sdkmessage"].madeID(n), "sdkmessage", n
		}
	case "sdkmessagefilter.name":
		return nothing
	}
	return nil
}
