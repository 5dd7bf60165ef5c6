package sandbox

import "net/http"

// setProperty sets or clears one column: PUT accounts(<id>)/name {"value":"x"},
// DELETE accounts(<id>)/name.
func (c *call) setProperty(t *table, last segment) error {
	var body object
	if c.r.Method == http.MethodPut {
		o, err := c.body(t)
		if err != nil {
			return err
		}
		if !o.has("value") {
			return payloadFault(t, "Microsoft.OData.ODataException: A top-level property with name 'value' was not found in the payload.")
		}
		body = object{{last.name, o.get("value")}}
	} else {
		body = object{{last.name, nil}}
	}
	if a := t.byMember[last.name]; a == nil {
		if a, _ := t.navigates(last.name); a == nil || c.r.Method != http.MethodDelete {
			return noSegment(last.name)
		}
	}
	err := c.existing(t, func(tx *transaction, t *table, row int) error { return c.modify(tx, t, row, body) })
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// existing runs fn on the row that the address names.
func (c *call) existing(t *table, fn func(tx *transaction, t *table, row int) error) error {
	return c.change(func(tx *transaction) error {
		t, err := tx.table(t)
		if err != nil {
			return err
		}
		row, _, id, err := c.key(t, c.path[0].args)
		if err != nil {
			return err
		}
		if row < 0 {
			return c.missing(t, id)
		}
		if err := c.match(t, row); err != nil {
			return err
		}
		return fn(tx, t, row)
	})
}

// setReference sets or clears a lookup: PUT, POST or DELETE
// accounts(<id>)/primarycontactid/$ref, and the same from the other side,
// accounts(<id>)/contact_customer_accounts/$ref, with rows of many to many too.
func (c *call) setReference(t *table, property segment) error {
	name := property.name
	var to any
	if c.r.Method != http.MethodDelete {
		body, err := c.body(t)
		if err != nil {
			return err
		}
		if to = body.get("@odata.id"); to == nil {
			return payloadFault(t, "Microsoft.OData.ODataException: A node of type entity reference link must have the property '@odata.id'.")
		}
	} else if raw := c.r.URL.Query().Get("$id"); raw != "" {
		to = raw
	}
	if a, _ := t.navigates(name); a != nil {
		if c.r.Method == http.MethodDelete {
			to = nil
		}
		err := c.existing(t, func(tx *transaction, t *table, row int) error {
			if err := c.mayChange(t, row, "Write"); err != nil {
				return err
			}
			w := &writing{c: c, tx: tx, t: t, row: row}
			if err := w.bind(name, to); err != nil {
				return err
			}
			return w.commit()
		})
		if err != nil {
			return err
		}
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	of, ok := t.collection(name)
	if !ok {
		return noSegment(name)
	}
	if property.called && c.r.Method == http.MethodDelete && of.table != nil {
		to = "/" + of.table.set + "(" + property.args + ")"
	}
	return c.collect(t, of, to)
}

// collect adds a row to the collection of another, or takes it out.
func (c *call) collect(t *table, of *collection, to any) error {
	text, ok := to.(string)
	if !ok {
		return badRequest("The '$id' query option with the address of the related row is missing.")
	}
	err := c.existing(t, func(tx *transaction, t *table, row int) error {
		of, ok := t.collection(of.name)
		if !ok {
			return noSegment(of.name)
		}
		return c.collectOne(tx, t, row, of, text, c.r.Method != http.MethodDelete)
	})
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// collectOne adds the row that an address names to the collection of another,
// or takes it out.
func (c *call) collectOne(tx *transaction, t *table, row int, of *collection, text string, together bool) error {
	child, at, err := c.addressed(tx.data, text)
	if err != nil {
		return err
	}
	if child == nil || child.name != of.entity {
		return badRequest("The address '%s' does not name a row of '%s'.", text, of.entity)
	}
	if of.through != nil {
		return c.associate(tx, of, t, row, at, together)
	}
	if err := c.mayChange(child, at, "Write"); err != nil {
		return err
	}
	w := &writing{c: c, tx: tx, t: child, row: at}
	var v value
	if together {
		v.setGUID(t.id(row))
		v.target, v.row = t.name, row
	}
	w.put(of.lookup, &v)
	return w.commit()
}
