package sandbox

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"
)

// below answers for a row and what hangs on it.
func (c *call) below(t *table, row int, rest []segment) error {
	if len(rest) == 0 {
		return c.oneRow(t, row)
	}
	if err := c.mayRead(t); err != nil {
		return err
	}
	if reach := c.visible(t); reach != nil && !reach(row) {
		return c.noAccess(t, row, "ReadAccess")
	}
	name := rest[0].name
	switch {
	case name == "Microsoft.Dynamics.CRM."+t.name && !rest[0].called:
		return c.below(t, row, rest[1:])
	case name == "$ref" && len(rest) == 1:
		return c.reference(t, row)
	}
	if a := t.byMember[name]; a != nil && !rest[0].called {
		return c.oneProperty(t, row, a, rest[1:])
	}
	if many, ok := t.collection(name); ok {
		return c.many(t, row, many, rest)
	}
	a, target, err := t.navigate(name)
	if err != nil || rest[0].called {
		return noSegment(name)
	}
	var v value
	t.value(row, a, &v)
	if a.typeName == "OwnerType" && v.kind == kindGUID {
		target = c.data.table(v.target)
	}
	if v.kind == kindNull || target == nil || v.target != target.name || v.row < 0 {
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return c.below(target, v.row, rest[1:])
}

// many answers for the rows of a collection.
func (c *call) many(t *table, row int, of *collection, rest []segment) error {
	if of.table == nil {
		return c.answer(of.entity, object{{"value", []any{}}})
	}
	within := of.of(t, row, c.r.Context().Done())
	if rest[0].called {
		found, err := c.found(of.table, rest[0].args)
		if err != nil {
			return err
		}
		if !within(found) {
			return doesNotExist(of.entity, of.table.id(found))
		}
		return c.below(of.table, found, rest[1:])
	}
	return c.rowsBelow(of.table, t.set+"("+t.id(row).String()+")/"+of.name, within, rest[1:])
}

// reference answers with the address of a row.
func (c *call) reference(t *table, row int) error {
	return c.answer("$ref", object{{"@odata.id", c.addressOf(t, row)}})
}

// references answers with the addresses of rows.
func (c *call) references(t *table, within predicate) error {
	if c.query.Select != nil || c.query.Expand != nil {
		return badRequest("$select and $expand are not supported together with $ref.")
	}
	s, err := c.scanFor(t, c.query, within)
	if err != nil {
		return err
	}
	list := []any{}
	for pos := s.next(s.from); pos < s.to && len(list) < maxPage; pos = s.next(pos + 1) {
		list = append(list, object{{"@odata.id", c.addressOf(t, s.row(pos))}})
	}
	return c.answer("Collection($ref)", object{{"value", list}})
}

// oneProperty answers for one value, with $value after it as it is.
func (c *call) oneProperty(t *table, row int, a *attribute, rest []segment) error {
	raw := len(rest) == 1 && rest[0].name == "$value"
	if len(rest) > 0 && !raw {
		return noSegment(rest[0].name)
	}
	var v value
	t.value(row, a, &v)
	if v.kind == kindNull {
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if raw {
		return c.content(t, row, a, &v)
	}
	out := c.begin()
	out.buf = append(out.buf, `{"@odata.context":`...)
	out.buf = appendString(out.buf, c.root+"/$metadata#"+t.set+"("+t.id(row).String()+")/"+a.member)
	out.buf = append(out.buf, `,"value":`...)
	out.buf = append(v.append(out.buf), '}')
	return out.close()
}

// content answers with a value that is not wrapped in JSON: the bytes of
// files and images, the text of others. Files can be asked for in pieces.
func (c *call) content(t *table, row int, a *attribute, v *value) error {
	switch a.typeName {
	case "FileType", "ImageType":
		data, name := []byte(nil), a.name
		if a.typeName == "FileType" {
			data, name = t.contract(row), t.contractName(row)
		} else {
			data, _ = base64.StdEncoding.DecodeString(string(v.text)) // as it was checked when it was written
		}
		h := c.w.Header()
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
		h.Set("x-ms-file-name", name)
		h.Set("x-ms-file-size", strconv.Itoa(len(data)))
		http.ServeContent(c.w, c.r, "", time.Time{}, bytes.NewReader(data))
		return nil
	}
	c.w.Header().Set("Content-Type", "text/plain")
	out := c.begin()
	if v.kind == kindText {
		out.buf = append(out.buf, v.text...)
	} else {
		text := v.append(nil)
		if text[0] == '"' {
			text = text[1 : len(text)-1]
		}
		out.buf = append(out.buf, text...)
	}
	return out.close()
}
