package sandbox

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/crosswalk-data/crosswalk"
)

// Columns of a registered webhook (use-webhooks.md).
const (
	contractWebhook = 8
	authKey         = 4
	authHeader      = 5
	authQuery       = 6
	stagePost       = 40
)

// event is something that happened to a row, for those who registered.
type event struct {
	message string // Create, Update or Delete
	table   string
	set     string
	id      guid
	values  []attributeValue // what was written
	user    string           // systemuserid of whom it was done for
	actor   string           // and of who signed in
	unit    guid
	request string
}

// attributeValue is a column and its value, as a webhook tells them.
type attributeValue struct {
	name  string
	value any
}

// hook is a webhook that a step calls.
type hook struct {
	step       guid
	stepName   string
	stage      int64
	keepsJob   bool // the system job stays when all went well
	url        string
	authType   int64
	authValue  string
	attributes []string // of which one must be written, nil for any
}

// listening tells whether anybody registered for what happens to rows.
func (d *dataset) listening() bool {
	steps := d.table("sdkmessageprocessingstep")
	return steps != nil && steps.count() > 0
}

// happened remembers what a request did to a row.
func (tx *transaction) happened(c *call, message string, t *table, id guid, written []cell) {
	if !tx.listening {
		return
	}
	e := event{message: message, table: t.name, set: t.set, id: id, user: c.who.UserID, actor: c.signed.UserID, request: c.w.Header().Get("REQ_ID")}
	_, e.unit = c.identity()
	for i := range written {
		if a := t.attributeAt(written[i].index); a != nil {
			e.values = append(e.values, attributeValue{a.name, contractValue(tx.data, a, &written[i])})
		}
	}
	tx.events = append(tx.events, e)
}

// hooks returns the webhooks that an event calls.
func (d *dataset) hooks(e *event) []hook {
	steps, ends, filters := d.table("sdkmessageprocessingstep"), d.table("serviceendpoint"), d.table("sdkmessagefilter")
	if steps == nil || ends == nil || filters == nil {
		return nil
	}
	var list []hook
	var v value
	text := func(t *table, row int, name string) string {
		t.value(row, t.byName[name], &v)
		if v.kind != kindText {
			return ""
		}
		return string(v.text)
	}
	number := func(t *table, row int, name string) int64 {
		t.value(row, t.byName[name], &v)
		if v.kind == kindNull {
			return 0
		}
		return v.n
	}
	to := func(row int, name string) int {
		steps.value(row, steps.byName[name], &v)
		if v.kind != kindGUID {
			return -1
		}
		return v.row
	}
	for row := range (&scan{t: steps, to: steps.positions()}).all() {
		message, filter, end := to(row, "sdkmessageid"), to(row, "sdkmessagefilterid"), to(row, "eventhandler")
		if message < 0 || messages[message] != e.message || end < 0 || v.target != ends.name || number(steps, row, "statecode") != 0 {
			continue
		}
		if filter >= 0 && text(filters, filter, "primaryobjecttypecode") != e.table {
			continue
		}
		h := hook{
			step: steps.id(row), stepName: text(steps, row, "name"), stage: number(steps, row, "stage"), keepsJob: number(steps, row, "asyncautodelete") == 0,
			url: text(ends, end, "url"), authType: number(ends, end, "authtype"), authValue: text(ends, end, "authvalue"),
		}
		for name := range strings.SplitSeq(text(steps, row, "filteringattributes"), ",") {
			if name = strings.TrimSpace(name); name != "" {
				h.attributes = append(h.attributes, name)
			}
		}
		if e.message == "Update" && h.attributes != nil &&
			!slices.ContainsFunc(e.values, func(a attributeValue) bool { return slices.Contains(h.attributes, a.name) }) {
			continue
		}
		list = append(list, h)
	}
	return list
}

// registered refuses webhooks that the sandbox cannot, or must not, call.
func (w *writing) registered() error {
	var v value
	number := func(name string) int64 {
		if !w.current(w.t.byName[name], &v) {
			return 0
		}
		return v.n
	}
	switch w.t.name {
	case "serviceendpoint":
		if number("contract") != contractWebhook {
			return notHere("endpoints other than webhooks (contract 8)")
		}
		if kind := number("authtype"); kind != authKey && kind != authHeader && kind != authQuery {
			return &fault{http.StatusBadRequest, codeInvalidArgument, "The authtype of a webhook must be WebhookKey, HttpHeader or HttpQueryString."}
		}
		if !w.current(w.t.byName["url"], &v) || !loopbackURL(string(v.text)) {
			return notHere("webhooks to other machines")
		}
		var set value
		set.setBool(w.current(w.t.byName["authvalue"], &v))
		w.put(w.t.byName["isauthvalueset"], &set)
	case "sdkmessageprocessingstep":
		for _, name := range []string{"sdkmessageid", "eventhandler"} {
			if !w.current(w.t.byName[name], &v) {
				return &fault{http.StatusBadRequest, codeInvalidArgument, "Required field '" + name + "' is missing"}
			}
		}
		if number("mode") != 1 {
			return notHere("synchronous steps")
		}
		if stage := number("stage"); stage != stagePost {
			return &fault{http.StatusBadRequest, codeInvalidArgument, "Invalid plug-in registration stage: asynchronous steps can only be registered in the post-operation stage."}
		}
		w.current(w.t.byName["sdkmessageid"], &v)
		if v.row < 0 || v.row >= singleMessages {
			return notHere("steps of messages other than Create, Update and Delete")
		}
	}
	return nil
}

// loopbackURL tells whether an address is of this machine.
func loopbackURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	host := u.Hostname()
	return host != "" && crosswalk.IsLoopback(host) && (host == "localhost" || net.ParseIP(host) != nil)
}
