package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// positions are those of the switches in which everything is tried: none on,
// each alone, and all.
func positions(t *testing.T) map[string]sandbox.Unverified {
	t.Helper()
	list := map[string]sandbox.Unverified{"none": {}}
	var all sandbox.Unverified
	for _, s := range sandbox.Switches() {
		value := "on"
		if s.Status {
			value = "503" // which is tried again where it means nothing else
		}
		var one sandbox.Unverified
		for _, u := range []*sandbox.Unverified{&one, &all} {
			if err := u.Set(s.Name, value); err != nil {
				t.Fatal(err)
			}
		}
		list[s.Name] = one
	}
	list["all"] = all
	return list
}

// transcript keeps what was asked and answered, but for the token server.
type transcript struct {
	next http.RoundTripper

	mu    sync.Mutex
	lines map[string]int // how often
}

func (tr *transcript) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Accept-Encoding", "identity")
	resp, err := tr.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	line := fmt.Sprintf("%s %s %s\n%d %s", r.Method, r.URL.RequestURI(), r.Header.Get("Prefer"), resp.StatusCode, body)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.lines[strings.ReplaceAll(line, r.URL.Host, "org")]++
	return resp, nil
}

// found is what the client has at the end of a journey, by what it is.
type found map[string]any

// rowsOf makes rows comparable.
func rowsOf(rows map[[16]byte]string) map[string]string {
	texts := map[string]string{}
	for id, text := range rows {
		texts[fmt.Sprintf("%x", id)] = text
	}
	return texts
}

// journey takes the client through all that it does with an environment while
// that changes. What is changed is the same each time, wherever the pages end.
type journey struct {
	*environment
	t     *testing.T
	seed  uint64
	found found
	keys  bool // changes are tracked by walks over keys
}

func (j *journey) must(err error) {
	j.t.Helper()
	if err != nil {
		j.t.Fatal(err)
	}
}

// shuffle changes, deletes and inserts rows of a table.
func (j *journey) shuffle(table string, n int) {
	j.t.Helper()
	for _, change := range []func(string, int, uint64) (int, error){j.sandbox.ChangeRows, j.sandbox.ChangeRows, j.sandbox.DeleteRows, j.sandbox.InsertRows} {
		j.seed++
		_, err := change(table, n, j.seed)
		j.must(err)
	}
}

// replica is that of the environment, in the way that the journey is on.
func (j *journey) replica(pageSize int) *replica {
	return j.replicaOf("account", accountSpecs, pageSize)
}

func (j *journey) replicaOf(table string, specs []column.Spec, pageSize int) *replica {
	r := j.environment.replicaOf(table, specs, pageSize)
	r.query.Keys = j.keys
	return r
}

// finds notes the rows of a copy.
func (j *journey) finds(what string, r *replica) {
	j.found[fmt.Sprintf("%s, keys %t", what, j.keys)] = rowsOf(r.rows)
}

// sync reads the changes; what happens meanwhile happens behind the first page,
// or behind the only one.
func (j *journey) sync(r *replica, meanwhile func()) {
	j.t.Helper()
	once := sync.OnceFunc(meanwhile)
	r.between = once
	r.sync()
	once()
	r.between = func() {}
}

// ask sends a request as another client would, and returns the status.
func (j *journey) ask(path, prefer string) int {
	j.t.Helper()
	return j.send(http.MethodGet, path, prefer, "")
}

func (j *journey) send(method, path, prefer, body string) int {
	j.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = j.url + "/api/data/v9.2/" + path
	}
	r, err := http.NewRequestWithContext(j.t.Context(), method, strings.ReplaceAll(path, " ", "%20"), strings.NewReader(body))
	j.must(err)
	r.Header.Set("Authorization", "Bearer "+j.signIn())
	r.Header.Set("Content-Type", "application/json")
	if prefer != "" {
		r.Header.Set("Prefer", prefer)
	}
	resp, err := j.through.RoundTrip(r)
	j.must(err)
	j.must(resp.Body.Close())
	return resp.StatusCode
}

// travel makes a journey and returns what was found and the transcript.
func travel(t *testing.T, u sandbox.Unverified) (found, map[string]int) {
	t.Helper()
	tr := &transcript{next: http.DefaultTransport, lines: map[string]int{}}
	began := time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC) // behind all rows
	e := newRecorded(t, sandbox.Config{
		Accounts: 120, Contacts: 90, Users: 6, Activities: 40, Unverified: u, Now: func() time.Time { return began },
	}, tr)
	j := &journey{environment: e, t: t, found: found{}}
	j.signsIn()
	j.discovers()
	j.readsPages()
	for _, j.keys = range []bool{false, true} {
		j.readsChanges()
		j.rereads()
		j.losesTracking()
		j.readsElastic()
	}
	j.asksWhatMayBeRefused()
	for line, n := range tr.lines {
		if n > 1 && strings.Contains(line, "\n503 ") {
			t.Errorf("asked %d times what is refused for good: %s", n, line)
		}
	}
	if n := len(e.sandbox.Requests(sandbox.RequestFilter{Path: "$top"})); n != 1 { // the one of asksWhatMayBeRefused
		t.Errorf("$top was asked %d times", n)
	}
	return j.found, tr.lines
}

func (j *journey) signsIn() {
	challenge, err := dataverse.Probe(j.t.Context(), j.through, j.url)
	j.must(err)
	if challenge.TenantID != j.sandbox.TenantID() || challenge.Resource != j.url {
		j.t.Errorf("challenge %+v", challenge)
	}
	who, err := j.client.WhoAmI(j.t.Context())
	j.must(err)
	j.found["who"] = who
	j.sandbox.ExpireTokens() // the next answer is a 401
}

func (j *journey) discovers() {
	entities, err := j.client.Entities(j.t.Context())
	j.must(err)
	j.found["entities"] = entities
	for _, name := range []string{"account", "contact", "email", "new_telemetry"} {
		entity, err := j.client.Entity(j.t.Context(), name)
		j.must(err)
		j.found["entity "+name] = entity
	}
}

// readsChanges keeps a copy of a table through edits, deletions, a change of
// its metadata, other columns, and links that expire.
func (j *journey) readsChanges() {
	r := j.replica(40)
	j.sync(r, func() { j.shuffle("account", 7) })
	j.sandbox.Advance(time.Minute)
	j.shuffle("account", 30)
	j.sync(r, func() { j.shuffle("account", 5) })
	j.sync(r, func() {})
	r.equal("after edits")

	segment := fmt.Sprintf("new_segment%d", j.seed)
	j.must(j.sandbox.AddColumn("account", sandbox.Column{Name: segment, Type: "StringType"}))
	j.shuffle("account", 5)
	j.sync(r, func() {})
	r.equal("after a change of the metadata")

	r.specs = specs("accountid", "name", "telephone1", segment)
	r.query.Select = append(r.query.Select, segment)
	j.sync(r, func() { j.shuffle("account", 3) })
	j.sync(r, func() {})
	r.equal("with another column")

	j.sandbox.Advance(8 * 24 * time.Hour)
	j.shuffle("account", 5)
	j.sync(r, func() {})
	r.equal("eight days later")
	j.finds("accounts", r)
}

// rests lets time pass between two pages, in which somebody publishes.
func (j *journey) rests() {
	j.sandbox.Publish()
	j.sandbox.Advance(11 * time.Minute)
}

// rereads makes a second copy, slowly, and keeps it by a delta of several
// pages that is read slowly too.
func (j *journey) rereads() {
	r := j.replica(40)
	j.sync(r, func() {
		j.shuffle("account", 3)
		j.rests()
	})
	j.shuffle("account", 50)
	j.sync(r, func() {
		j.shuffle("account", 3)
		j.rests()
	})
	j.sync(r, func() {})
	r.equal("read slowly")
	j.finds("accounts again", r)
}

// losesTracking keeps a copy of a table whose changes are tracked no more, and
// one of a part of a table, which cannot be tracked.
func (j *journey) losesTracking() {
	r := j.replicaOf("contact", specs("contactid", "fullname", "telephone1"), 25)
	j.sync(r, func() { j.shuffle("contact", 4) })
	j.must(j.sandbox.SetTracked("contact", false))
	j.sandbox.Advance(time.Minute)
	j.shuffle("contact", 30)
	j.sync(r, func() {
		j.shuffle("contact", 4)
		j.rests()
	})
	j.sandbox.Advance(time.Hour)
	j.sync(r, func() {})
	r.equal("no longer tracked")
	j.finds("contacts", r)

	j.must(j.sandbox.SetTracked("contact", true))
	j.shuffle("contact", 10)
	r.query.Keys = true
	j.sync(r, func() {
		j.shuffle("contact", 4)
		j.rests()
	})
	r.query.Keys = j.keys
	j.shuffle("contact", 10)
	before := len(r.said)
	j.sync(r, func() {})
	r.equal("tracked again")
	j.finds("contacts, tracked again", r)
	if len(r.said) != before {
		j.t.Errorf("tracked again: said %q", r.said[before:])
	}

	part := j.replica(40)
	part.query.Filter = "statecode eq 0"
	j.sync(part, func() {
		j.shuffle("account", 15)
		j.rests()
	})
	if u := j.sandbox.Unverified(); u.ExpiringLinks || u.PublishEndsLinks {
		part.equal("a part that was begun again")
	}
	j.sync(part, func() {})
	part.equal("a part")
	j.finds("active accounts", part)
}

// readsPages reads choices of several values, and columns that are none.
func (j *journey) readsPages() {
	const days = "cra05_favouritedaysofweek"
	chosen := j.table(dataverse.Query{EntitySet: "contacts", Select: []string{"contactid", days}, PageSize: 40}, specs("contactid", days))
	several := 0
	for id, values := range chosen {
		// The mapping puts them in order: TestUnverifiedRuns.
		list := strings.Split(values, ",")
		slices.Sort(list)
		chosen[id] = strings.Join(list, ",")
		several += len(list) / 2
	}
	if several == 0 {
		j.t.Error("nobody chose several")
	}
	j.found["choices"] = rowsOf(chosen)
	j.found["parties"] = rowsOf(j.table(dataverse.Query{EntitySet: "emails", Select: []string{"activityid", "subject", "to"}}, specs("activityid", "subject", "to")))
}

// readsElastic keeps a copy of a table in the other kind of database, whose
// rows can expire.
func (j *journey) readsElastic() {
	j.must(j.sandbox.SetTracked("new_telemetry", true))
	for i := range 3 {
		body := fmt.Sprintf(`{"new_telemetryid":"6f000000-0000-4000-8000-%012d","new_name":"short-lived","ttlinseconds":3600}`, j.seed*10+uint64(i))
		if status := j.send(http.MethodPost, "new_telemetries", "", body); status != http.StatusNoContent {
			j.t.Fatal(status)
		}
	}
	columns := map[bool]string{false: "new_name", true: "new_telemetryid"}
	link := j.delta("new_telemetries?$select=" + columns[j.keys]) // none where it is refused
	r := j.replicaOf("new_telemetry", specs("new_telemetryid", "new_name", "partitionid"), 0)
	j.sync(r, func() { j.shuffle("new_telemetry", 5) })
	j.sandbox.Advance(time.Minute)
	j.shuffle("new_telemetry", 40)
	j.sync(r, func() {})
	r.equal("elastic")
	j.sandbox.Advance(2 * time.Hour)
	if link != "" {
		j.ask(link, "")
	}
	j.sync(r, func() {})
	r.equal("after rows expired")
	j.finds("telemetry", r)
}

// asksWhatMayBeRefused asks what the client itself does not, and looks only at
// what it does with an answer.
func (j *journey) asksWhatMayBeRefused() {
	// Ids in an order: from one on. Refused, it is read and left out here.
	q := dataverse.Query{EntitySet: "accounts", Select: []string{"accountid", "name"}}
	s := specs("accountid", "name")
	const from = "00000000-0000-0000-0000-000d3a000000" // behind the first servers
	all := j.table(q, s)
	q.Filter = "accountid ge " + from
	cols, b := odata.NewColumns(s), column.NewBatch(s)
	_, err := j.client.Page(j.t.Context(), q, "", cols, b)
	switch crosswalk.ErrorCode(err) {
	case "":
		if b.Rows() == 0 || b.Rows() > len(all) {
			j.t.Errorf("%d rows from an id on, of %d", b.Rows(), len(all))
		}
	case crosswalk.CodeInvalid:
		if !strings.Contains(err.Error(), "GreaterThanOrEqual") {
			j.t.Error(err)
		}
	default:
		j.t.Error(err)
	}
	// Together with tracking some options are refused, with whatever error.
	if status := j.ask("accounts?$select=name&$filter=statecode eq 0", "odata.track-changes"); status < 400 {
		j.t.Errorf("a filter with tracking: %d", status)
	}
	j.ask("accounts?$select=name&$top=10", "odata.maxpagesize=40")
	j.ask(strings.Replace(j.delta("accounts?$select=name"), "$select=name&", "$select=name,fax&", 1), "")
}

// delta returns a link to the changes of a table, "" where it is refused.
func (j *journey) delta(path string) string {
	j.t.Helper()
	r, err := http.NewRequestWithContext(j.t.Context(), http.MethodGet, j.url+"/api/data/v9.2/"+path, nil)
	j.must(err)
	r.Header.Set("Authorization", "Bearer "+j.signIn())
	r.Header.Set("Prefer", "odata.track-changes")
	resp, err := j.through.RoundTrip(r)
	j.must(err)
	defer resp.Body.Close()
	var page struct {
		DeltaLink string `json:"@odata.deltaLink"`
	}
	j.must(json.NewDecoder(resp.Body).Decode(&page))
	return page.DeltaLink
}

// TestUnverified takes the client through the same in every position of every
// switch of the sandbox: what it has at the end is the same. A switch that
// changes no answer on the way is not tried, and fails.
func TestUnverified(t *testing.T) {
	t.Parallel()
	want, plain := travel(t, sandbox.Unverified{})
	for name, u := range positions(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, lines := travel(t, u)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-none on +%s:\n%s", name, diff)
			}
			if same := maps.Equal(plain, lines); same != (name == "none") {
				t.Errorf("the answers are the same: %t", same)
			}
		})
	}
}
