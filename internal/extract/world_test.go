package extract_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/extract"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/pipeline"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a sandbox and a client of it.
type world struct {
	t       *testing.T
	sandbox *sandbox.Sandbox
	client  *dataverse.Client
	tamper  func(body []byte) []byte // changes answers of the Web API; nil leaves them alone
	// answered is told of each request, by its address, when its answer has
	// begun to come; nil wants to know of none.
	answered func(address string)

	entities map[string]*crosswalk.Entity // used by one goroutine at a time

	mu    sync.Mutex
	asked []string // addresses of the Web API, decoded
}

func newWorld(t *testing.T, data sandbox.Config) *world {
	t.Helper()
	s, err := sandbox.New(data)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.Close()
	})
	client := &http.Client{Transport: transport}
	resp, err := client.PostForm(srv.URL+"/"+s.TenantID()+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {sandbox.ClientID}, "client_secret": {sandbox.ClientSecret}, "scope": {srv.URL + "/.default"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var grant struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&grant); err != nil || grant.AccessToken == "" {
		t.Fatalf("sign in: %s %v", resp.Status, err)
	}
	w := &world{t: t, sandbox: s, entities: map[string]*crosswalk.Entity{}}
	w.client = dataverse.New(dataverse.Config{
		BaseURL: srv.URL, Transport: wire{w, transport},
		Token: func(context.Context, bool) (string, error) { return grant.AccessToken, nil },
	})
	return w
}

// wire notes requests and changes answers.
type wire struct {
	*world
	next http.RoundTripper
}

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	address, err := url.PathUnescape(strings.TrimPrefix(r.URL.RequestURI(), "/api/data/v9.2/"))
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.asked = append(w.asked, address)
	w.mu.Unlock()
	tamper := w.tamper
	if tamper != nil {
		r = r.Clone(r.Context())
		r.Header.Del("Accept-Encoding")
	}
	resp, err := w.next.RoundTrip(r)
	if w.answered != nil {
		w.answered(address)
	}
	if err != nil || tamper == nil {
		return resp, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(tamper(body))), -1
	return resp, nil
}

// since returns the addresses of a table that were asked for since the last
// call.
func (w *world) since(table string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []string
	for _, a := range w.asked {
		if strings.HasPrefix(a, table+"?") {
			list = append(list, a)
		}
	}
	w.asked = nil
	return list
}

// entity returns the metadata of a table as they were when it was first asked
// for.
func (w *world) entity(name string) (*crosswalk.Entity, error) {
	if e := w.entities[name]; e != nil {
		return e, nil
	}
	e, err := w.client.Entity(w.t.Context(), name)
	if err == nil {
		w.entities[name] = e
	}
	return e, err
}

// job is a table and the paths that are read of its records. The first is the
// identifier.
type job struct {
	entity string
	paths  []string // one for each field; further ones behind a | are fall-backs; label: and table: may stand in front
	filter []crosswalk.Condition
}

// compile makes a plan with a text field for each path.
func (w *world) compile(j job, tracked bool, gone ...string) (*crosswalk.Entity, *mapping.Plan) {
	w.t.Helper()
	plan, err := w.plan(j, tracked, gone...)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.entities[j.entity], plan
}

func (w *world) plan(j job, tracked bool, gone ...string) (*mapping.Plan, error) {
	entity, err := w.entity(j.entity)
	if err != nil {
		return nil, err
	}
	object := &crosswalk.Object{Name: "Thing", DisplayName: "Thing"}
	in := mapping.Input{
		Entity: entity, Catalog: w.entity, Object: object, Filter: crosswalk.Filter{Conditions: j.filter},
		Now: time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC), Tracked: tracked, Gone: gone,
	}
	for i, path := range j.paths {
		name := fmt.Sprintf("F%d", i)
		object.Fields = append(object.Fields, crosswalk.Field{Name: name, DisplayName: name, Type: crosswalk.FieldString})
		path, label := strings.CutPrefix(path, "label:")
		path, table := strings.CutPrefix(path, "table:")
		all := strings.Split(path, "|")
		in.Mapping.Fields = append(in.Mapping.Fields, crosswalk.FieldMapping{
			Source: all[0], Fallback: all[1:], Label: label, Table: table, Target: name, Identifier: i == 0,
		})
	}
	return mapping.Compile(in)
}

func (w *world) config(entity *crosswalk.Entity, plan *mapping.Plan, pageSize int) extract.Config {
	return extract.Config{Client: w.client, Entity: entity, Plan: plan, PageSize: pageSize}
}

// read reads all pages of a source and maps them. It returns the rows and
// rejects as texts by the records' keys, and what the pages brought and cost.
func read(t *testing.T, plan *mapping.Plan, source pipeline.Source) (map[string]string, []pipeline.PageInfo) {
	t.Helper()
	rows := map[string]string{}
	var infos []pipeline.PageInfo
	src := plan.NewSourceBatch()
	for link := ""; ; {
		src.Reset()
		info, err := source.Page(t.Context(), link, src)
		if err != nil {
			t.Fatal(err)
		}
		if info.Records != src.Rows() {
			t.Fatalf("%d records told, %d in the batch", info.Records, src.Rows())
		}
		dst := plan.NewBatch()
		rejects, _ := plan.Apply(src, dst, nil)
		for i := range dst.Rows() {
			rows[string(dst.Columns[0].Bytes(i))] = text(dst, i)
		}
		for _, r := range rejects {
			rows[r.SourceID] = fmt.Sprintf("rejected: %s %s %q", r.Field, r.Code, r.Value)
		}
		infos = append(infos, info)
		if link = info.Next; link == "" {
			return rows, infos
		}
	}
}

// text returns a row of texts as one, "–" for null.
func text(b *column.Batch, row int) string {
	var parts []string
	for i := range b.Columns {
		switch c := &b.Columns[i]; {
		case !c.Valid[row]:
			parts = append(parts, "–")
		case c.Kind == column.Text:
			parts = append(parts, string(c.Bytes(row)))
		default:
			parts = append(parts, fmt.Sprint(c.Ints[row]))
		}
	}
	return strings.Join(parts, " · ")
}

// filled returns in how many rows field i is not null.
func filled(rows map[string]string, i int) int {
	n := 0
	for _, row := range rows {
		if parts := strings.Split(row, " · "); len(parts) > i+1 && parts[i+1] != "–" && parts[i+1] != "" {
			n++
		}
	}
	return n
}

// requests sums what pages cost.
func requests(infos []pipeline.PageInfo) int64 {
	var n int64
	for _, i := range infos {
		n += i.Requests
	}
	return n
}

// keys returns the keys of rows in order.
func keys(rows map[string]string) []string {
	var list []string
	for k := range rows {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
