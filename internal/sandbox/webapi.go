package sandbox

import (
	"crypto/rand"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// call is one request to the Web API on its way through it.
type call struct {
	s      *Sandbox
	w      http.ResponseWriter
	r      *http.Request
	signed caller   // who signed in
	who    caller   // for whom it works: the one who signed in, or a user it impersonates
	data   *dataset // the rows when it began
	role   Role
	actor  *Role        // of the one who signed in, where another is impersonated
	tx     *transaction // of the change set it belongs to
	status int          // of a good answer, 0 for 200
	within bool         // a batch

	partition  string            // of the row of an elastic table
	contentID  string            // of the part of a change set
	contentIDs map[string]string // addresses of the rows that earlier parts made
	root       string            // https://host/api/data/v9.2
	path       []segment
	query      *odata.Query
	prefer     *preferences
}

// segment is one part of the path: a name and what follows it in parentheses.
type segment struct {
	name   string
	args   string
	called bool // with parentheses
}

var versionPattern = regexp.MustCompile(`^v9\.[0-2]$`)

func (s *Sandbox) serveWebAPI(w http.ResponseWriter, r *http.Request) {
	defer discard(r.Body)
	who, ok := s.admit(w, r)
	if !ok {
		return
	}
	s.purge()
	c := &call{s: s, w: w, r: r, signed: who, who: who, data: s.snapshot(), prefer: parsePrefer(r.Header)}
	s.headers(w, r)
	ticket, refused := s.enter(w, r, who)
	if refused != nil {
		c.fail(refused)
		return
	}
	defer func() { ticket.leave(s.now()) }()
	if s.cfg.Latency > 0 && !sleep(r.Context(), s.cfg.Latency) {
		return
	}
	c.run()
}

// run answers the call.
func (c *call) run() {
	c.prefer.unverified = c.s.Unverified()
	err := c.admit()
	if err == nil {
		err = c.serve()
	}
	if err != nil {
		c.fail(err)
	}
}

// refuse answers a call without a valid token: the challenge names the
// sign-in server and the resource, unquoted, and the body is not JSON.
func (s *Sandbox) refuse(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("WWW-Authenticate", "Bearer authorization_uri="+s.authority(r)+"/"+s.TenantID()+"/oauth2/authorize, resource_id="+s.baseURL(r)+"/")
	if s.Unverified().EmptyUnauthorized {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write([]byte("HTTP Error 401 - Unauthorized: Access is denied"))
}

// headers sets what every answer carries.
func (s *Sandbox) headers(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("OData-Version", "4.0")
	h.Set("Cache-Control", "no-cache")
	h.Set("Allow", "OPTIONS,GET,HEAD,POST")
	id := freshGUID().String()
	h.Set("x-ms-service-request-id", id)
	h.Set("REQ_ID", id)
	if client := r.Header.Get("x-ms-client-request-id"); client != "" {
		h.Set("x-ms-client-request-id", client)
	}
	h.Set("orgId", s.OrganizationID())
	h.Set("Set-Cookie", affinity+"="+strings.ReplaceAll(s.OrganizationID(), "-", "")+"; path=/; secure; HttpOnly")
}

func freshGUID() guid {
	var g guid
	_, _ = rand.Read(g[:]) // never fails
	g[6] = g[6]&0x0f | 0x40
	g[8] = g[8]&0x3f | 0x80
	return g
}

// serve finds what the path names.
func (c *call) serve() error {
	path := strings.TrimPrefix(strings.TrimPrefix(c.r.URL.Path, "/api/data"), "/")
	version, rest, _ := strings.Cut(path, "/")
	if !versionPattern.MatchString(version) {
		return noSegment(version)
	}
	c.root = c.s.baseURL(c.r) + "/api/data/" + version
	if limit := c.maxURL(); len(c.r.URL.RawQuery)+len(c.r.URL.Path) > limit {
		return &fault{http.StatusRequestURITooLong, codeOData, "The request URI is too long."}
	}
	rest = strings.TrimSuffix(rest, "/")
	if rest != "" {
		for part := range strings.SplitSeq(rest, "/") {
			name, args, called := strings.Cut(part, "(")
			if called && !strings.HasSuffix(args, ")") {
				return badRequest("The request URI is not valid.")
			}
			c.path = append(c.path, segment{name, strings.TrimSuffix(args, ")"), called})
		}
	}
	var err error
	raw := c.r.URL.RawQuery
	if n := len(c.path); c.r.Method == http.MethodDelete && n > 0 && c.path[n-1].name == "$ref" {
		raw = withoutID(raw)
	}
	if c.query, err = parseQuery(raw); err != nil {
		return err
	}
	if len(c.path) == 1 && c.path[0].name == "$batch" && !c.within {
		return c.batch()
	}
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return c.write()
	}
	if len(c.path) == 0 {
		return c.serviceDocument()
	}
	first := c.path[0].name
	if aboutMetadata(first) {
		c.asCached()
	}
	if f := functions[first]; f != nil && len(c.path) == 1 {
		return f(c)
	}
	switch first {
	case "$metadata":
		return c.csdl()
	case "organizations":
		return c.organizations()
	case "EntityDefinitions":
		return c.definitions()
	case "RelationshipDefinitions":
		return c.relationships()
	case "GlobalOptionSetDefinitions":
		return c.globalOptionSets()
	}
	if first == "systemusers" && len(c.path) == 2 && c.path[1].name == "Microsoft.Dynamics.CRM.RetrieveUserPrivileges" {
		return c.userPrivileges()
	}
	if e := c.data.catalog.bySet[first]; e != nil {
		t := c.data.table(e.name)
		if c.tracked() {
			return c.track(t)
		}
		return c.entitySet(t)
	}
	return noSegment(first)
}

// withoutID takes $id, which only the deletion of a reference knows, from a
// query string.
func withoutID(raw string) string {
	parts := strings.Split(raw, "&")
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool {
		name, _, _ := strings.Cut(p, "=")
		return name == "$id" || name == "%24id"
	}), "&")
}

// parseQuery reads the query string with the words of Dataverse.
func parseQuery(raw string) (*odata.Query, error) {
	q, err := odata.ParseQuery(raw)
	var e *odata.QueryError
	if errors.As(err, &e) {
		if e.Option == "$skip" {
			return nil, badRequest("Skip Clause is not supported in CRM")
		}
		return nil, badRequest("%s", e.Message)
	}
	if err == nil {
		onceEach(q)
	}
	return q, err
}

// onceEach leaves out what $select names again, at every level.
func onceEach(q *odata.Query) {
	seen := make(map[string]bool, len(q.Select))
	q.Select = slices.DeleteFunc(q.Select, func(name string) bool {
		before := seen[name]
		seen[name] = true
		return before
	})
	for i := range q.Expand {
		onceEach(&q.Expand[i].Query)
	}
}

// fail answers with an error.
func (c *call) fail(err error) {
	var f *fault
	var partial *partialFault
	if errors.As(err, &partial) {
		f = partial.fault
	} else if !errors.As(err, &f) {
		c.s.log.Error("sandbox failed", "path", c.r.URL.Path, "error", err)
		f = &fault{http.StatusInternalServerError, "0x80040216", "An unexpected error occurred."}
	}
	c.w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
	c.w.WriteHeader(f.status)
	if partial != nil {
		_, _ = c.w.Write(partial.body(c.prefer))
		return
	}
	_, _ = c.w.Write(f.body(c.prefer))
}

// answer sends an object as the whole answer. The context is what follows
// $metadata#.
func (c *call) answer(context string, o object) error {
	all := object{{"@odata.context", c.root + "/$metadata#" + context}}
	out := c.begin()
	out.buf = appendJSON(out.buf, append(all, o...))
	return out.close()
}

var functions = map[string]func(*call) error{
	"WhoAmI":                      (*call).whoAmI,
	"RetrieveVersion":             (*call).retrieveVersion,
	"RetrieveCurrentOrganization": (*call).currentOrganization,
	"RetrieveTotalRecordCount":    (*call).totalRecordCount,
	"RetrieveMetadataChanges":     (*call).metadataChanges,
}
