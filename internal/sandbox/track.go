package sandbox

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
)

// The codes of change tracking.
const (
	codeTokenExpired = "0x80044352"
	codeNotTracked   = "0x80072491"
)

// DefaultTrackingDays is how long delta tokens live.
const DefaultTrackingDays = 7

const maxTrackingDays = 365

// SetTrackingDays sets for how many days delta tokens live, 0 to 365
// (organization.expirechangetrackingindays). 0 makes all expire at once. It
// fails for other numbers, and then changes nothing.
func (s *Sandbox) SetTrackingDays(days int) error {
	if days < 0 || days > maxTrackingDays {
		return fmt.Errorf("sandbox: delta links live 0 to %d days, not %d", maxTrackingDays, days)
	}
	s.trackingDays.Store(int64(days))
	return nil
}

// SetTracked turns change tracking of a table on or off (metadata property
// ChangeTrackingEnabled). All tables begin with it on. It fails when there is
// no such table.
func (s *Sandbox) SetTracked(table string, on bool) error {
	return s.define(table, func(e *entity, _ *tableChange) error {
		e.raw = e.raw.with("ChangeTrackingEnabled", on)
		return nil
	})
}

// tracked tells whether a request is about changes.
func (c *call) tracked() bool {
	return !c.path[0].called && (c.query.DeltaToken != "" || c.prefer.trackChanges && len(c.path) == 1)
}

// track answers a first walk with tracking, a delta, or the number of changes
// (use-change-tracking-synchronize-data-external-systems.md).
func (c *call) track(t *table) error {
	q, u := c.query, &c.prefer.unverified
	for _, o := range []struct {
		name  string
		given bool
	}{{"$filter", q.Filter != nil}, {"$orderby", q.OrderBy != nil}, {"$expand", q.Expand != nil}, {"$top", q.Top >= 0}, {"$apply", q.Apply != ""}} {
		if o.given {
			refused := badRequest(`The "%s" query parameter isn't supported when Change Tracking is enabled.`, o.name)
			refused.status = statusOr400(u.RestrictedStatus)
			if u.RestrictedArgument {
				refused.code = codeInvalidArgument
			}
			return refused
		}
	}
	if !t.raw.bool("ChangeTrackingEnabled") || u.UntrackedElastic && t.elastic() {
		code := codeNotTracked
		if u.PlainTrackingErrors {
			code = codeOData
		}
		return &fault{statusOr400(u.UntrackedStatus), code, "Entity " + t.name + " isn't enabled for change tracking."}
	}
	if err := c.bothTracked(t); err != nil {
		return err
	}
	if err := c.mayRead(t); err != nil {
		return err
	}
	if d := c.depth(t, "Read"); d != Global {
		p := t.privilege("Read")
		_, unit := c.identity()
		return &fault{http.StatusForbidden, "0x80040220", "SecLib::CheckPrivilege failed. User: " + c.who.UserID + ", PrivilegeName: " + p.name +
			", PrivilegeId: " + p.id + ", Required Depth: Global, BusinessUnitId: " + unit.String() + ", MetadataCache Privileges Count: 4590, User Privileges Count: 465"}
	}
	cols, err := t.selectColumns(q.Select, c.prefer)
	if err != nil {
		return err
	}
	if c.prefer.trackChanges {
		c.prefer.applied = append([]string{"odata.track-changes"}, c.prefer.applied...)
	}
	if q.DeltaToken == "" {
		return c.firstWalk(t, cols)
	}
	since, err := c.deltaToken(t)
	if err != nil {
		return err
	}
	if len(c.path) == 2 {
		if c.path[1].name != "$count" {
			return noSegment(c.path[1].name)
		}
		c.w.Header().Set("Content-Type", "text/plain")
		out := c.begin()
		out.buf = strconv.AppendInt(append(out.buf, "\xef\xbb\xbf"...), int64(len(t.changes(since, c.data.clock, u.RepeatChanges))), 10)
		return out.close()
	}
	return c.delta(t, cols, since)
}

// bothTracked refuses changes of what brings rows together unless the tables
// of both are tracked.
func (c *call) bothTracked(t *table) error {
	if !t.raw.bool("IsIntersect") {
		return nil
	}
	for _, v := range t.raw.list("ManyToManyRelationships") {
		for _, side := range []string{"Entity1LogicalName", "Entity2LogicalName"} {
			if e := c.data.catalog.byName[v.(object).text(side)]; e != nil && !e.raw.bool("ChangeTrackingEnabled") {
				return &fault{http.StatusBadRequest, "0x80072492", "Changes cannot be retrieved for intersect entity " + t.name +
					" since both related entities are not enabled for change tracking."}
			}
		}
	}
	return nil
}

// deltaToken reads the version of the token. A token is of no use any more
// when it is too old, when the table's metadata changed, and when it is not
// of this organization as it stands: after a restore, say.
func (c *call) deltaToken(t *table) (int64, error) {
	version, date, _ := strings.Cut(c.query.DeltaToken, "!")
	date, bound, strict := strings.Cut(date, "!")
	v, err1 := strconv.ParseInt(version, 10, 64)
	at, err2 := time.Parse(tokenTime, date)
	u := &c.prefer.unverified
	if err1 != nil || err2 != nil || u.StrictSelect && strict && bound != c.selection() {
		return 0, &fault{http.StatusBadRequest, codeInvalidArgument, "The delta token '" + c.query.DeltaToken + "' is not valid."}
	}
	life := time.Duration(c.s.trackingDays.Load()) * 24 * time.Hour
	if c.s.now().Sub(at) > life || life == 0 || v > c.data.clock || v < firstVersion || v < t.tracks && !u.KeepTokens {
		return 0, &fault{statusOr400(u.ExpiredStatus), codeTokenExpired, "Version stamp associated with the client has expired. Please perform a full sync."}
	}
	return v, nil
}

const tokenTime = "01/02/2006 15:04:05"

var trackedCookie = regexp.MustCompile(`^<cookie pagenumber="(\d{1,9})" pagingcookie="([^"]*)" istracking="(?:True|False)" trackingversion="(\d{1,19})" />$`)

// trackedPage is where a page of a tracked walk begins.
type trackedPage struct {
	number  int
	moment  int64  // version at which the walk, or the delta, stands
	last    guid   // of the page before
	in      string // partition of it
	version int64  // of the change before
	deleted bool   // it was a deletion
}

func (c *call) trackedPage(t *table) (trackedPage, error) {
	p := trackedPage{number: 1, moment: c.data.clock}
	if c.query.SkipToken == "" {
		return p, nil
	}
	token, err := c.unstamped(c.query.SkipToken)
	if err != nil {
		return p, err
	}
	m := trackedCookie.FindStringSubmatch(token)
	if m == nil {
		return p, badCookie()
	}
	inner, err := url.PathUnescape(m[2])
	if err != nil {
		return p, badCookie()
	}
	var cookie struct {
		Columns []struct {
			XMLName xml.Name
			Last    string `xml:"last,attr"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal([]byte(inner), &cookie); err != nil {
		return p, badCookie()
	}
	p.number, _ = strconv.Atoi(m[1])             // digits
	p.moment, _ = strconv.ParseInt(m[3], 10, 64) // digits
	found := false
	for _, col := range cookie.Columns {
		switch col.XMLName.Local {
		case t.key.name:
			p.last, found = parseGUID(strings.Trim(col.Last, "{}"))
		case "partitionid":
			p.in = col.Last
		case "versionnumber", "deletedversion":
			p.version, err = strconv.ParseInt(col.Last, 10, 64)
			p.deleted = col.XMLName.Local == "deletedversion"
		}
	}
	if !found || err != nil {
		return p, badCookie()
	}
	return p, nil
}

// link returns the address of the next page, or with a token that of the
// next delta.
func (c *call) link(t *table, option string) string {
	var b strings.Builder
	b.WriteString(c.root + "/" + t.set + "?")
	for _, o := range c.query.Raw {
		if o.Name != "$skiptoken" && (o.Name != "$deltatoken" || !strings.HasPrefix(option, "$deltatoken")) {
			b.WriteString(o.Raw + "&")
		}
	}
	return b.String() + option
}

func (c *call) deltaLink(t *table, version int64) string {
	token := strconv.FormatInt(version, 10) + "!" + c.s.now().UTC().Format(tokenTime)
	if c.prefer.unverified.StrictSelect {
		token += "!" + c.selection()
	}
	return c.link(t, "$deltatoken="+escapeLower(token))
}

func (c *call) trackedLink(t *table, p trackedPage, inner string) string {
	is := "True"
	if c.prefer.unverified.UntrackedLinks {
		is = "False"
	}
	return c.link(t, "$skiptoken=%3Ccookie%20pagenumber=%22"+strconv.Itoa(p.number+1)+"%22%20pagingcookie=%22"+
		strings.ReplaceAll(escapeLower(inner), "%", "%25")+"%22%20istracking=%22"+is+"%22%20trackingversion=%22"+strconv.FormatInt(p.moment, 10)+"%22"+c.linkMade()+"%20/%3E")
}

// firstWalk answers one page of a walk over all rows. The last page has the
// delta link.
func (c *call) firstWalk(t *table, cols []columnWriter) error {
	p, err := c.trackedPage(t)
	if err != nil {
		return err
	}
	s := &scan{t: t, to: t.positions(), ended: c.r.Context().Done()}
	pos := 0
	if p.number > 1 {
		pos = t.after(p.last, p.in)
	}
	var rows []int
	for pos = s.next(pos); pos < s.to && len(rows) < c.pages(t); pos = s.next(pos + 1) {
		rows = append(rows, s.row(pos))
	}
	name, link := "@odata.nextLink", ""
	if pos < s.to {
		inner := `<cookie page="` + strconv.Itoa(p.number) + `"><` + t.key.name + ` last="{` + t.id(rows[len(rows)-1]).upper() +
			`}" first="{` + t.id(rows[0]).upper() + `}" />` + t.partitionCookie(rows[len(rows)-1]) + `</cookie>`
		link = c.trackedLink(t, p, inner)
	} else {
		moment := p.moment
		if c.prefer.unverified.TokenAtEnd {
			moment = c.data.clock
		}
		name, link = "@odata.deltaLink", c.deltaLink(t, moment)
	}
	before := name == "@odata.deltaLink" && c.prefer.unverified.SwapDeltaLink
	out := c.openTracked(t.set+projection(c.query), name, link, before)
	for i, row := range rows {
		if i > 0 {
			out.buf = append(out.buf, ',')
		}
		out.buf = t.appendRow(append(out.buf, '{'), row, cols)
		if !out.flush() {
			break
		}
	}
	return closeTracked(out, name, link, before)
}

func (c *call) openTracked(context, name, link string, before bool) *output {
	out := c.begin()
	out.buf = append(out.buf, `{"@odata.context":`...)
	out.buf = appendString(out.buf, c.root+"/$metadata#"+context)
	if before {
		out.buf = appendString(append(out.buf, ','), name)
		out.buf = appendString(append(out.buf, ':'), link)
	}
	out.buf = c.appendTotals(out.buf, -1)
	out.buf = append(out.buf, `,"value":[`...)
	return out
}

func closeTracked(out *output, name, link string, before bool) error {
	out.buf = append(out.buf, ']')
	if !before {
		out.buf = appendString(append(out.buf, ','), name)
		out.buf = appendString(append(out.buf, ':'), link)
	}
	out.buf = append(out.buf, '}')
	return out.close()
}

// tracked change of a delta.
type delta struct {
	change
	deleted bool
}

// changes returns what happened after one version and until another: the rows
// that are there by version, then those that are not. A row is listed where
// it changed last, or with repeat for each change.
func (t *table) changes(since, until int64, repeat bool) []delta {
	if t.over == nil {
		return nil
	}
	log := t.over.log
	from := sort.Search(len(log), func(i int) bool { return log[i].version > since })
	to := sort.Search(len(log), func(i int) bool { return log[i].version > until })
	var changed, gone []delta
	for _, ch := range log[from:to] {
		st := t.written(ch.row)
		switch {
		case st.deleted && st.version == ch.version:
			gone = append(gone, delta{ch, true})
		case !st.deleted && (repeat || st.version == ch.version):
			changed = append(changed, delta{ch, false})
		}
	}
	return append(changed, gone...)
}

// delta answers what changed since a version.
func (c *call) delta(t *table, cols []columnWriter, since int64) error {
	p, err := c.trackedPage(t)
	if err != nil {
		return err
	}
	u := &c.prefer.unverified
	list := t.changes(since, p.moment, u.RepeatChanges)
	if p.number > 1 {
		list = list[sort.Search(len(list), func(i int) bool {
			if list[i].deleted != p.deleted {
				return list[i].deleted
			}
			return list[i].version > p.version
		}):]
	}
	name, link := "@odata.deltaLink", ""
	if size := c.pages(t); len(list) > size && !u.WholeDelta {
		list = list[:size]
		last := list[size-1]
		column := "versionnumber"
		if last.deleted {
			column = "deletedversion"
		}
		inner := `<cookie page="` + strconv.Itoa(p.number) + `"><` + column + ` last="` + strconv.FormatInt(last.version, 10) + `" first="` +
			strconv.FormatInt(list[0].version, 10) + `" /><` + t.key.name + ` last="{` + t.id(last.row).upper() + `}" first="{` + t.id(list[0].row).upper() + `}" /></cookie>`
		name, link = "@odata.nextLink", c.trackedLink(t, p, inner)
	} else {
		link = c.deltaLink(t, p.moment)
	}
	before := name == "@odata.deltaLink" && !u.SwapDeltaLink
	out := c.openTracked(t.set+projection(c.query)+"/$delta", name, link, before)
	for i, d := range list {
		if i > 0 {
			out.buf = append(out.buf, ',')
		}
		if d.deleted {
			out.buf = appendJSON(out.buf, object{
				{"@odata.context", c.root + "/$metadata#" + t.set + "/$deletedEntity"}, {"id", t.id(d.row)}, {"reason", "deleted"},
			})
		} else {
			out.buf = t.appendRow(append(out.buf, '{'), d.row, cols)
		}
		if !out.flush() {
			break
		}
	}
	return closeTracked(out, name, link, before)
}
