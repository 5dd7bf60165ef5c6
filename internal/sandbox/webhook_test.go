package sandbox_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// received is one call of a webhook.
type received struct {
	header http.Header
	query  string
	body   map[string]any
	size   int
}

// receiver answers webhooks: with the statuses in turn, the last again and
// again.
func receiver(t *testing.T, statuses ...int) (string, <-chan received) {
	t.Helper()
	calls := make(chan received, 100)
	n := 0
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		c := received{header: r.Header.Clone(), query: r.URL.RawQuery, size: len(text)}
		if err != nil || json.Unmarshal(text, &c.body) != nil {
			t.Errorf("a body that is no JSON: %v %.100s", err, text)
		}
		w.WriteHeader(statuses[min(n, len(statuses)-1)])
		n++
		calls <- c
	}))
	t.Cleanup(h.Close)
	return h.URL + "/hook", calls
}

func next(t *testing.T, calls <-chan received) received {
	t.Helper()
	select {
	case c := <-calls:
		return c
	case <-time.After(20 * time.Second):
		t.Fatal("no call")
		return received{}
	}
}

func quiet(t *testing.T, calls <-chan received) {
	t.Helper()
	select {
	case c := <-calls:
		t.Errorf("a call that nothing asked for: %v", c.body)
	case <-time.After(100 * time.Millisecond):
	}
}

// endpoint registers a webhook and returns its id.
func (s *server) endpoint(t *testing.T, address, more string) string {
	t.Helper()
	a, _ := s.must(t, 204, "POST", "serviceendpoints", `{"name":"mirror","contract":8,"url":"`+address+`","messageformat":2,"connectionmode":1,"userclaim":1,`+more+`}`)
	return strings.TrimSuffix(a.Header.Get("OData-EntityId")[strings.Index(a.Header.Get("OData-EntityId"), "(")+1:], ")")
}

// step registers an endpoint for a message of a table.
func (s *server) step(t *testing.T, endpoint, message, table, more string) string {
	t.Helper()
	filter := s.values(t, "sdkmessagefilters?$select=sdkmessagefilterid,_sdkmessageid_value&$filter=sdkmessageid/name eq '"+message+"' and primaryobjecttypecode eq '"+table+"'")[0]
	a, _ := s.must(t, 204, "POST", "sdkmessageprocessingsteps", `{"name":"mirror: `+message+" of "+table+`","mode":1,"stage":40,"rank":1,"supporteddeployment":0,
		"sdkmessageid@odata.bind":"/sdkmessages(`+filter["_sdkmessageid_value"].(string)+`)","sdkmessagefilterid@odata.bind":"/sdkmessagefilters(`+filter["sdkmessagefilterid"].(string)+`)",
		"eventhandler_serviceendpoint@odata.bind":"/serviceendpoints(`+endpoint+`)"`+more+`}`)
	return a.Header.Get("OData-EntityId")
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	me := s.decode(t, "WhoAmI()")
	address, calls := receiver(t, 200)
	end := s.endpoint(t, address, `"authtype":5,"authvalue":"<settings><setting name=\"x-mirror-key\" value=\"secret\" /></settings>"`)
	if e := s.decode(t, "serviceendpoints("+end+")"); e["isauthvalueset"] != true {
		t.Error(e)
	} else if _, shown := e["authvalue"]; shown {
		t.Error("the key can be read")
	}
	s.step(t, end, "Create", "account", `,"asyncautodelete":true`)
	update := s.step(t, end, "Update", "account", `,"asyncautodelete":true,"filteringattributes":"name,primarycontactid"`)
	s.step(t, end, "Delete", "account", "")

	contact := s.values(t, "contacts?$top=1&$select=contactid")[0]["contactid"].(string)
	s.must(t, 204, "POST", "accounts", `{"accountid":"`+newID+`","name":"x","revenue":12.5,"accountcategorycode":1,"primarycontactid@odata.bind":"/contacts(`+contact+`)","donotemail":true,"lastonholdtime":"2026-01-02T03:04:05Z"}`)
	c := next(t, calls)
	for name, want := range map[string]string{
		"Content-Type": "application/json; charset=utf-8", "X-Ms-Dynamics-Entity-Name": "account", "X-Ms-Dynamics-Request-Name": "Create",
		"X-Mirror-Key": "secret", "X-Ms-Dynamics-Msg-Size-Exceeded": "",
	} {
		if got := c.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if c.header.Get("X-Ms-Dynamics-Organization") == "" || c.header.Get("X-Ms-Correlation-Request-Id") != c.body["CorrelationId"] {
		t.Error(c.header)
	}
	var names []string
	for name := range c.body {
		names = append(names, name)
	}
	all := strings.Fields(`BusinessUnitId CorrelationId Depth InitiatingUserId InputParameters IsExecutingOffline IsInTransaction IsOfflinePlayback IsolationMode MessageName Mode
		OperationCreatedOn OperationId OrganizationId OrganizationName OutputParameters OwningExtension ParentContext PostEntityImages PreEntityImages PrimaryEntityId PrimaryEntityName
		RequestId SecondaryEntityName SharedVariables Stage UserId`)
	if len(names) != len(all) {
		t.Errorf("members %v", names)
	}
	for _, name := range all {
		if _, ok := c.body[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
	if c.body["MessageName"] != "Create" || c.body["PrimaryEntityId"] != newID || c.body["UserId"] != me["UserId"] || c.body["BusinessUnitId"] != me["BusinessUnitId"] ||
		c.body["OrganizationId"] != me["OrganizationId"] || !regexp.MustCompile(`^/Date\(\d{13}[+-]\d{4}\)/$`).MatchString(fmt.Sprint(c.body["OperationCreatedOn"])) {
		t.Error(c.body)
	}
	const types = ":http://schemas.microsoft.com/xrm/2011/Contracts"
	target := func(c received) map[string]any {
		p := c.body["InputParameters"].([]any)[0].(map[string]any)
		if p["key"] != "Target" {
			t.Error(p)
		}
		return p["value"].(map[string]any)
	}
	attributes := map[string]any{}
	for _, a := range target(c)["Attributes"].([]any) {
		attributes[a.(map[string]any)["key"].(string)] = a.(map[string]any)["value"]
	}
	if d := cmp.Diff(map[string]any{
		"name": "x", "donotemail": true, "lastonholdtime": "/Date(1767323045000+0000)/",
		"revenue":             map[string]any{"__type": "Money" + types, "Value": 12.5},
		"accountcategorycode": map[string]any{"__type": "OptionSetValue" + types, "Value": 1.0},
		"primarycontactid":    map[string]any{"__type": "EntityReference" + types, "Id": contact, "KeyAttributes": []any{}, "LogicalName": "contact", "Name": nil, "RowVersion": nil},
	}, attributes); d != "" {
		t.Error(d)
	}
	if target(c)["__type"] != "Entity"+types || target(c)["LogicalName"] != "account" {
		t.Error(target(c))
	}

	path := "accounts(" + newID + ")"
	s.must(t, 204, "PATCH", path, `{"fax":"1"}`) // not among the attributes
	quiet(t, calls)
	s.must(t, 204, "PATCH", path, `{"name":"y","fax":"2"}`)
	if c = next(t, calls); c.body["MessageName"] != "Update" || len(target(c)["Attributes"].([]any)) != 2 {
		t.Error(c.body)
	}
	s.must(t, 204, "PATCH", strings.Replace(update, "https://org.crm.dynamics.com", s.url, 1), `{"statecode":1}`)
	s.must(t, 204, "PATCH", path, `{"name":"z"}`)
	quiet(t, calls)
	// What fails, or is rolled back, tells nobody; changes in bulk bypass it.
	s.fails(t, 400, "0x80048d19", "nope", "POST", "accounts", `{"nope":1}`)
	if _, err := s.InsertRows("account", 3, 1); err != nil {
		t.Fatal(err)
	}
	quiet(t, calls)
	s.must(t, 204, "DELETE", path, "")
	if c = next(t, calls); c.body["MessageName"] != "Delete" || target(c)["__type"] != "EntityReference"+types || target(c)["Id"] != newID {
		t.Error(c.body)
	}
	jobs := s.jobs(t, 1)
	if jobs[0]["name"] != "mirror: Delete of account" || fmt.Sprint(jobs[0]["statuscode"]) != "30" {
		t.Error(jobs)
	}
}

// jobs waits for a number of system jobs.
func (s *server) jobs(t *testing.T, n int) []map[string]any {
	t.Helper()
	for range 200 {
		if jobs := s.values(t, "asyncoperations?$select=name,statuscode,retrycount,message,primaryentitytype"); len(jobs) >= n {
			return jobs
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("fewer than %d system jobs", n)
	return nil
}

// TestWebhookAnswers tries once more where the way failed, and keeps a failed
// job of the rest.
func TestWebhookAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statuses []int
		calls    int
		failed   bool
		retries  string
	}{
		"fine":             {[]int{204}, 1, false, ""},
		"refused":          {[]int{400, 200}, 1, true, "0"},
		"moved":            {[]int{302, 200}, 1, true, "0"},
		"once away":        {[]int{503, 200}, 2, false, ""},
		"bad gateway":      {[]int{502, 200}, 2, false, ""},
		"away":             {[]int{504, 504, 200}, 2, true, "1"},
		"an error":         {[]int{500, 200}, 1, true, "0"},
		"away and refused": {[]int{503, 403, 200}, 2, true, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, sandbox.Config{Accounts: 1})
			address, calls := receiver(t, c.statuses...)
			s.step(t, s.endpoint(t, address, `"authtype":4,"authvalue":"k&y"`), "Create", "account", `,"asyncautodelete":true`)
			s.must(t, 204, "POST", "accounts", `{"name":"x"}`)
			for range c.calls {
				if got := next(t, calls); got.query != "code=k%26y" {
					t.Errorf("query %s", got.query)
				}
			}
			if c.failed {
				job := s.jobs(t, 1)[0]
				if fmt.Sprint(job["statuscode"]) != "31" || fmt.Sprint(job["retrycount"]) != c.retries || job["primaryentitytype"] != "account" {
					t.Error(job)
				}
			}
			quiet(t, calls)
			if n := len(s.values(t, "asyncoperations")); (n > 0) != c.failed {
				t.Errorf("%d jobs", n)
			}
		})
	}
}

// TestWebhookTimeout gives up a call that is not answered in time, and does
// not try again.
func TestWebhookTimeout(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 1})
	sandbox.SetWebhookTimeout(s.Sandbox, 50*time.Millisecond)
	calls := make(chan struct{}, 10)
	h := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		calls <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(h.Close)
	s.step(t, s.endpoint(t, h.URL, `"authtype":4,"authvalue":"k"`), "Create", "account", `,"asyncautodelete":true`)
	s.must(t, 204, "POST", "accounts", `{"name":"x"}`)
	if job := s.jobs(t, 1)[0]; fmt.Sprint(job["statuscode"]) != "31" || !strings.Contains(fmt.Sprint(job["message"]), "timed out") {
		t.Error(job)
	}
	if len(calls) != 1 {
		t.Errorf("%d calls", len(calls))
	}
}

// TestWebhookSize leaves what is large out of contexts over 256 KB.
func TestWebhookSize(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 1})
	if err := s.AddColumn("account", sandbox.Column{Name: "new_long", Type: "MemoType", MaxLength: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	address, calls := receiver(t, 200)
	s.step(t, s.endpoint(t, address, `"authtype":6,"authvalue":"<settings><setting name=\"k\" value=\"v w\" /></settings>"`), "Create", "account", "")
	for n, cut := range map[int]bool{250 << 10: false, 257 << 10: true} {
		s.must(t, 204, "POST", "accounts", `{"name":"x","new_long":"`+strings.Repeat("a", n)+`"}`)
		c := next(t, calls)
		if c.query != "k=v+w" {
			t.Errorf("query %s", c.query)
		}
		if got := c.header.Get("X-Ms-Dynamics-Msg-Size-Exceeded"); (got != "") != cut {
			t.Errorf("%d bytes: header %q", n, got)
		}
		for _, name := range []string{"ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages"} {
			if _, there := c.body[name]; there == cut {
				t.Errorf("%d bytes: %s is there: %v", n, name, there)
			}
		}
		if cut && (c.size > 4096 || c.body["PrimaryEntityId"] == nil) {
			t.Errorf("%d bytes of %v", c.size, c.body)
		}
	}
}

// TestWebhookConditions holds calls back and drops them.
func TestWebhookConditions(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 1})
	address, calls := receiver(t, 200)
	s.step(t, s.endpoint(t, address, `"authtype":4,"authvalue":"k"`), "Create", "account", `,"asyncautodelete":true`)
	set := func(w sandbox.Webhooks) {
		t.Helper()
		if err := s.SetWebhooks(w); err != nil {
			t.Fatal(err)
		}
	}
	set(sandbox.Webhooks{Delay: sandbox.Span(300 * time.Millisecond)})
	began := time.Now()
	s.must(t, 204, "POST", "accounts", `{"name":"x"}`)
	if next(t, calls); time.Since(began) < 300*time.Millisecond {
		t.Errorf("called after %s", time.Since(began))
	}
	set(sandbox.Webhooks{Drop: 1})
	s.must(t, 204, "POST", "accounts", `{"name":"x"}`)
	quiet(t, calls)
	for _, w := range []sandbox.Webhooks{{Delay: -1}, {Drop: 1.5}, {Drop: -0.5}} {
		if s.SetWebhooks(w) == nil {
			t.Errorf("%+v", w)
		}
	}
	s.Reset()
	if s.Webhooks() != (sandbox.Webhooks{}) || s.Count("sdkmessageprocessingstep") != 0 {
		t.Error(s.Webhooks())
	}
}

func TestWebhookRefused(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 1})
	end := s.endpoint(t, "http://127.0.0.1:1/x", `"authtype":4,"authvalue":"k"`)
	message := s.values(t, "sdkmessages?$filter=name eq 'Create'&$select=sdkmessageid")[0]["sdkmessageid"].(string)
	bulk := s.values(t, "sdkmessages?$filter=name eq 'CreateMultiple'&$select=sdkmessageid")[0]["sdkmessageid"].(string)
	step := func(message, more string) string {
		return `{"name":"x","sdkmessageid@odata.bind":"/sdkmessages(` + message + `)","eventhandler_serviceendpoint@odata.bind":"/serviceendpoints(` + end + `)",` + more + `}`
	}
	for _, c := range []struct {
		status              int
		code, text, set, in string
	}{
		{501, "0x80060888", "endpoints other than webhooks", "serviceendpoints", `{"name":"x","contract":2,"url":"http://127.0.0.1/x","authtype":4}`},
		{501, "0x80060888", "webhooks to other machines", "serviceendpoints", `{"name":"x","contract":8,"url":"https://receiver.example/hook","authtype":4}`},
		{501, "0x80060888", "webhooks to other machines", "serviceendpoints", `{"name":"x","contract":8,"url":"ftp://127.0.0.1/hook","authtype":4}`},
		{400, "0x80040203", "The authtype of a webhook must be", "serviceendpoints", `{"name":"x","contract":8,"url":"http://127.0.0.1/x","authtype":2}`},
		{400, "0x8004431A", "'contract'", "serviceendpoints", `{"name":"x","contract":99,"url":"http://127.0.0.1/x","authtype":4}`},
		{501, "0x80060888", "synchronous steps", "sdkmessageprocessingsteps", step(message, `"mode":0,"stage":40`)},
		{400, "0x80040203", "registration stage", "sdkmessageprocessingsteps", step(message, `"mode":1,"stage":20`)},
		{501, "0x80060888", "messages other than Create, Update and Delete", "sdkmessageprocessingsteps", step(bulk, `"mode":1,"stage":40`)},
		{400, "0x80040203", "Required field 'sdkmessageid' is missing", "sdkmessageprocessingsteps", `{"name":"x","mode":1,"stage":40}`},
	} {
		s.fails(t, c.status, c.code, c.text, "POST", c.set, c.in)
	}
	if n := len(s.values(t, "sdkmessagefilters?$filter=sdkmessageid/name eq 'DeleteMultiple'")); n != 1 {
		t.Errorf("%d tables have DeleteMultiple", n)
	}
	if n := len(s.values(t, "sdkmessagefilters?$filter=sdkmessageid/name eq 'UpsertMultiple' and primaryobjecttypecode eq 'new_erporder'")); n != 0 {
		t.Error("a virtual table has UpsertMultiple")
	}
}
