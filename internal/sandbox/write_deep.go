package sandbox

// child is a row within another that is to be made, or one that is there and
// is to be brought together with it.
type child struct {
	of   *collection
	body object
	at   string // address of one that is there
}

// within makes the row that stands in the body of another, under the name of
// a lookup, and points to it (create-entity-web-api.md, "Create related table
// rows in one operation").
func (w *writing) within(a *attribute, targets []string, m member) error {
	body, ok := m.value.(object)
	if !ok || len(targets) != 1 {
		return payloadFault(w.t, "Microsoft.OData.ODataException: When trying to read the value of the property '"+m.name+"', an object was expected.")
	}
	if !w.create {
		return notHere("rows within rows that are changed")
	}
	target := w.tx.data.table(targets[0])
	if target == nil {
		return noSegment(targets[0])
	}
	id, err := w.c.insert(w.tx, target, body, nil, guid{})
	if err != nil {
		return err
	}
	v := value{kind: kindGUID, id: id, target: target.name}
	v.row, _ = target.row(id)
	w.put(a, &v)
	return nil
}

// later remembers the rows that stand in the body of another, under the name
// of a collection.
func (w *writing) later(of *collection, m member) error {
	list, ok := m.value.([]any)
	if !ok {
		return payloadFault(w.t, "Microsoft.OData.ODataException: When trying to read the value of the property '"+m.name+"', an array was expected.")
	}
	if !w.create {
		return notHere("rows within rows that are changed")
	}
	if of.table == nil {
		return noSegment(of.entity)
	}
	for _, v := range list {
		body, ok := v.(object)
		if !ok {
			return payloadFault(w.t, "Microsoft.OData.ODataException: An item of the property '"+m.name+"' is not an object.")
		}
		w.children = append(w.children, child{of: of, body: body})
	}
	return nil
}

// bindMany remembers the rows whose addresses stand under the name of a
// collection.
func (w *writing) bindMany(of *collection, name string, to any) error {
	list, ok := to.([]any)
	if !ok {
		return payloadFault(w.t, "Microsoft.OData.ODataException: The value of the annotation 'odata.bind' of '"+name+"' is not an array.")
	}
	if !w.create {
		return notHere("collections bound on changing a row")
	}
	for _, v := range list {
		text, _ := v.(string)
		w.children = append(w.children, child{of: of, at: text})
	}
	return nil
}

// insertChildren makes the rows within a row, which exists by now.
func (w *writing) insertChildren(row int) error {
	for _, ch := range w.children {
		of, ok := w.t.collection(ch.of.name)
		if !ok || of.table == nil {
			return noSegment(ch.of.entity)
		}
		if ch.at != "" {
			if err := w.c.collectOne(w.tx, w.t, row, of, ch.at, true); err != nil {
				return err
			}
			continue
		}
		var keys []cell
		if of.through == nil {
			v := value{kind: kindGUID, id: w.t.id(row), target: w.t.name, row: row}
			keys = append(keys, v.keep(of.lookup))
		}
		id, err := w.c.insert(w.tx, of.table, ch.body, keys, guid{})
		if err != nil {
			return err
		}
		if of.through != nil {
			far, _ := of.table.row(id)
			if err := w.c.associate(w.tx, of, w.t, row, far, true); err != nil {
				return err
			}
		}
	}
	return nil
}
