package sandbox

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The codes of errors of writing.
const (
	codePayload         = "0x80048d19"
	codeDuplicateKey    = "0x80040237"
	codeDuplicateEntity = "0x80060892"
	codeNoSuchKey       = "0x80060891"
	codeConcurrency     = "0x80060882"
	codeTooLong         = "0x80044331"
	codeOutOfRange      = "0x80044330"
	codeNoOption        = "0x8004431A"
	codeBadCharacters   = "0x80040278"
	codeTooEarly        = "0x80040239"
	codeBadStatus       = "0x80048408"
	codeNotImplemented  = "0x80040800"
)

// maxBody is the largest body of a request (bulk-operations.md: 116.85 MB).
const maxBody = 116_850_000

// payload refuses a body that the OData reader cannot read.
func payloadFault(t *table, inner string) *fault {
	return &fault{http.StatusBadRequest, codePayload, "Error identified in Payload provided by the user for Entity :'" + t.set +
		"', For more information on this error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : " + inner}
}

// write answers requests that change something.
func (c *call) write() error {
	if len(c.path) == 0 {
		return c.noMethod()
	}
	first := c.path[0]
	e := c.data.catalog.bySet[first.name]
	if e == nil {
		return noSegment(first.name)
	}
	t := c.data.table(e.name)
	if t.pointer || t.link != nil {
		return c.notByType(t)
	}
	var last string
	if len(c.path) > 1 {
		last = c.path[len(c.path)-1].name
	}
	switch method := c.r.Method; {
	case len(c.path) == 1 && !first.called && method == http.MethodPost:
		return c.create(t)
	case len(c.path) == 1 && first.called && method == http.MethodPatch:
		return c.upsert(t)
	case len(c.path) == 1 && first.called && method == http.MethodDelete:
		return c.remove(t)
	case len(c.path) == 2 && first.called && (method == http.MethodPut || method == http.MethodDelete) && last != "$ref":
		return c.setProperty(t, c.path[1])
	case len(c.path) == 3 && first.called && last == "$ref":
		return c.setReference(t, c.path[1])
	case len(c.path) == 2 && !first.called && method == http.MethodPost:
		return c.bulk(t, c.path[1].name)
	}
	return c.noMethod()
}

// notByType refuses to write activities by the type they inherit from, and
// the rows of many-to-many relationships.
func (c *call) notByType(t *table) *fault {
	verb := map[string]string{http.MethodPost: "Create", http.MethodDelete: "Delete"}[c.r.Method]
	if verb == "" {
		verb = "Update"
	}
	return &fault{http.StatusBadRequest, codeNotImplemented, "The '" + verb + "' method does not support entities of type '" + t.name + "'."}
}

func (c *call) noMethod() *fault {
	return &fault{http.StatusMethodNotAllowed, codeOData, "The requested resource does not support http method '" + c.r.Method + "'."}
}

// change runs fn in a transaction: that of the change set, or one of its own.
func (c *call) change(fn func(tx *transaction) error) error {
	if c.tx != nil {
		err := fn(c.tx)
		c.see(c.tx.data)
		return err
	}
	return c.s.update(func(tx *transaction) error {
		err := fn(tx)
		c.see(tx.data)
		return err
	})
}

// body reads the JSON object of the request.
func (c *call) body(t *table) (object, error) {
	text, err := io.ReadAll(io.LimitReader(c.r.Body, maxBody+1))
	if err != nil {
		return nil, &fault{http.StatusBadRequest, codePayload, "The request body could not be read."}
	}
	if len(text) > maxBody {
		return nil, &fault{http.StatusRequestEntityTooLarge, codePayload, "The request body is too large."}
	}
	o, err := parseObject(text)
	if err != nil {
		return nil, payloadFault(t, "Microsoft.OData.ODataException: A node of type 'EndOfInput' was read from the JSON reader when trying to read the start of an entry. A 'StartObject' node was expected.")
	}
	return o, nil
}

func (c *call) create(t *table) error {
	body, err := c.body(t)
	if err != nil {
		return err
	}
	var id guid
	err = c.change(func(tx *transaction) error {
		t, err := tx.table(t)
		if err != nil {
			return err
		}
		id, err = c.insert(tx, t, body, nil, guid{})
		return err
	})
	if err != nil {
		return err
	}
	return c.written(t.name, id, http.StatusCreated)
}

// insert adds a row. The key, or the values of an alternate key, may come
// from the address.
func (c *call) insert(tx *transaction, t *table, body object, keys []cell, id guid) (guid, error) {
	if err := c.mayCreate(t); err != nil {
		return id, err
	}
	given := body.get(t.key.name)
	if id == (guid{}) && given != nil {
		text, _ := given.(string)
		var ok bool
		if id, ok = parseGUID(text); !ok {
			return id, payloadFault(t, "Microsoft.OData.ODataException: Cannot convert the literal '"+text+"' to the expected type 'Edm.Guid'.")
		}
	}
	if id == (guid{}) {
		id = tx.newID()
	} else if _, ok := t.row(id); ok && !t.elastic() {
		return id, &fault{http.StatusPreconditionFailed, codeDuplicateKey, "A record with matching key values already exists."}
	}
	w := &writing{c: c, tx: tx, t: t, row: -1, create: true}
	w.cells = append(w.cells, keys...)
	if err := w.read(body); err != nil {
		return id, err
	}
	written := slices.Clone(w.cells)
	if err := w.complete(id); err != nil {
		return id, err
	}
	if err := w.unique(id); err != nil {
		return id, err
	}
	if t.elastic() {
		if err := w.place(id); err != nil {
			return id, err
		}
	}
	row := tx.insert(t, &rowState{id: id, fresh: true, modified: c.s.now().Unix(), by: c.callerRow(), cells: (&rowState{}).with(w.cells)})
	tx.happened(c, "Create", t, id, written)
	return id, w.insertChildren(row)
}

// modify changes a row.
func (c *call) modify(tx *transaction, t *table, row int, body object) error {
	if err := c.mayChange(t, row, "Write"); err != nil {
		return err
	}
	w := &writing{c: c, tx: tx, t: t, row: row}
	if err := w.read(body); err != nil {
		return err
	}
	return w.commit()
}

// commit stores what was read into an existing row.
func (w *writing) commit() error {
	written, id := slices.Clone(w.cells), w.t.id(w.row)
	if err := w.complete(id); err != nil {
		return err
	}
	if err := w.unique(id); err != nil {
		return err
	}
	w.tx.modify(w.t, w.row, w.c.callerRow(), w.cells)
	w.tx.happened(w.c, "Update", w.t, id, written)
	return nil
}

// upsert changes the row that the address names, or makes it.
func (c *call) upsert(t *table) error {
	body, err := c.body(t)
	if err != nil {
		return err
	}
	var id guid
	status := http.StatusOK
	err = c.change(func(tx *transaction) error {
		t, err := tx.table(t)
		if err != nil {
			return err
		}
		c.partition = body.text("partitionid")
		row, keys, given, err := c.key(t, c.path[0].args)
		if err != nil {
			return err
		}
		if row < 0 {
			if c.r.Header.Get("If-Match") != "" {
				return c.missing(t, given)
			}
			status = http.StatusCreated
			id, err = c.insert(tx, t, body, keys, given)
			return err
		}
		if c.r.Header.Get("If-None-Match") == "*" {
			return &fault{http.StatusPreconditionFailed, codeDuplicateKey, "A record with matching key values already exists."}
		}
		if err := c.match(t, row); err != nil {
			return err
		}
		id = t.id(row)
		if t.elastic() && c.r.Header.Get("If-Match") == "" {
			return c.replace(tx, t, row, body, keys)
		}
		return c.modify(tx, t, row, body)
	})
	if err != nil {
		return err
	}
	return c.written(t.name, id, status)
}

// missing says that the row an address names is not there.
func (c *call) missing(t *table, id guid) *fault {
	if id == (guid{}) {
		return &fault{http.StatusNotFound, codeNoSuchKey, "A record with the specified key values does not exist in " + t.name + " entity"}
	}
	return doesNotExist(t.name, id)
}

// match refuses to change a row that is not of the version the caller knows.
func (c *call) match(t *table, row int) error {
	etag := c.r.Header.Get("If-Match")
	if etag == "" || etag == "*" || slices.Contains(splitList(etag), t.etag(row)) {
		return nil
	}
	return &fault{http.StatusPreconditionFailed, codeConcurrency, "The version of the existing record doesn't match the RowVersion property provided."}
}

func splitList(s string) []string {
	var l []string
	for item := range strings.SplitSeq(s, ",") {
		l = append(l, strings.TrimSpace(item))
	}
	return l
}

// etag returns the row version as a weak validator.
func (t *table) etag(row int) string { return `W/"` + strconv.FormatInt(t.version(row), 10) + `"` }

func (c *call) remove(t *table) error {
	err := c.change(func(tx *transaction) error {
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
		if err := c.mayChange(t, row, "Delete"); err != nil {
			return err
		}
		if err := c.match(t, row); err != nil {
			return err
		}
		tx.remove(t, row, c.callerRow())
		tx.happened(c, "Delete", t, t.id(row), nil)
		return nil
	})
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// written answers with the address of a row, or with the row where the caller
// prefers.
func (c *call) written(entity string, id guid, status int) error {
	t := c.data.table(entity)
	address := c.root + "/" + t.set + "(" + id.String() + ")"
	if t.elastic() && c.partition != id.String() {
		address = c.root + "/" + t.set + "(" + t.key.name + "=" + id.String() + ",partitionid='" + strings.ReplaceAll(c.partition, "'", "''") + "')"
	}
	c.sessionToken(t)
	h := c.w.Header()
	h.Set("OData-EntityId", address)
	if c.contentID != "" {
		c.contentIDs[c.contentID] = address
	}
	if !c.prefer.representation {
		h.Set("Location", address)
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	row, ok := t.rowIn(id, c.partition)
	if !ok {
		return doesNotExist(t.name, id)
	}
	if status == http.StatusCreated {
		h.Set("Location", address)
	}
	c.prefer.applied = append(c.prefer.applied, "return=representation")
	c.status = status
	return c.showRow(t, row)
}

// callerRow returns the row of the caller's user.
func (c *call) callerRow() int {
	if id, ok := parseGUID(c.who.UserID); ok {
		if row, ok := c.data.table("systemuser").row(id); ok {
			return row
		}
	}
	return 0
}
