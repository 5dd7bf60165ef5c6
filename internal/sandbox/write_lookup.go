package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

// navigates returns the lookup behind a navigation property and the tables it
// can lead to by that name.
func (t *table) navigates(name string) (*attribute, []string) {
	for _, a := range t.attributes {
		if !a.readable || !a.lookup() {
			continue
		}
		if a.typeName == "OwnerType" && a.name == name {
			return a, a.targets
		}
		for _, target := range a.targets {
			if t.navigationTo(a, target) == name {
				return a, []string{target}
			}
		}
	}
	return nil, nil
}

// bind points a lookup to the row that an address names, or to nothing.
func (w *writing) bind(name string, to any) error {
	a, targets := w.t.navigates(name)
	if of, ok := w.t.collection(name); a == nil && ok {
		return w.bindMany(of, name, to)
	}
	if a == nil {
		return payloadFault(w.t, "Microsoft.OData.ODataException: An undeclared property '"+name+"' which only has property annotations in the payload but no property value was found in the payload. "+
			"In OData, only declared navigation properties and declared named streams can be represented as properties without values.")
	}
	var v value
	if to == nil {
		v.null()
		w.put(a, &v)
		return nil
	}
	text, _ := to.(string)
	target, row, err := w.c.addressed(w.tx.data, text)
	if err != nil {
		return err
	}
	if target == nil || !slices.Contains(targets, target.name) {
		return payloadFault(w.t, "Microsoft.OData.ODataException: The value '"+text+"' of the annotation 'odata.bind' does not name a row that '"+name+"' can lead to.")
	}
	v.setGUID(target.id(row))
	v.target, v.row = target.name, row
	w.put(a, &v)
	return nil
}

// addressed finds the row that an address names: /contacts(<id>), the whole
// URL, or $1 within a change set. The table is nil when it names no table.
func (c *call) addressed(d *dataset, text string) (*table, int, error) {
	if at, ok := c.contentIDs[strings.TrimPrefix(text, "$")]; ok && strings.HasPrefix(text, "$") {
		text = at
	}
	if i := strings.Index(text, "/api/data/"); i >= 0 {
		_, text, _ = strings.Cut(text[i+len("/api/data/"):], "/")
	}
	set, args, called := strings.Cut(strings.TrimPrefix(text, "/"), "(")
	args, closed := strings.CutSuffix(args, ")")
	e := c.data.catalog.bySet[set]
	if e == nil || !called || !closed {
		return nil, 0, nil
	}
	t := d.table(e.name)
	row, _, id, err := c.key(t, args)
	if err != nil {
		return nil, 0, err
	}
	if row < 0 {
		if id == (guid{}) {
			return nil, 0, c.missing(t, id)
		}
		return nil, 0, &fault{http.StatusNotFound, codeNotFound, "Entity '" + t.name + "' With Id = " + id.String() + " Does Not Exist"}
	}
	return t, row, nil
}
