package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// onBoth runs fn on SQLite and on PostgreSQL, with what a server of each is
// configured with.
func onBoth(t *testing.T, fn func(t *testing.T, cfg server.Config)) {
	t.Helper()
	for _, d := range databases() {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			cfg := server.Config{}
			if d == database.Postgres {
				cfg.Database = databasetest.DSN(t, d)
			}
			fn(t, cfg)
		})
	}
}

// edited is a handler whose answers are changed on the wire: how a test says
// what the sandbox refuses to store.
func edited(h http.Handler, edit func([]byte) []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.Header.Del("Accept-Encoding")
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		maps.Copy(w.Header(), rec.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(rec.Code)
		_, _ = w.Write(edit(rec.Body.Bytes()))
	})
}

// records writes into the sandbox as an application does.
type records struct {
	w     *world
	token string
}

func (w *world) records() *records {
	return &records{w, (&environment{t: w.t, sandbox: w.sandbox, url: w.env}).signIn()}
}

// put makes or changes the record of a set that has the key.
func (r *records) put(set, key string, record map[string]any) {
	r.w.t.Helper()
	r.send(http.MethodPatch, set, key, record)
}

func (r *records) send(method, set, key string, record map[string]any) {
	r.w.t.Helper()
	body, err := json.Marshal(record)
	r.w.must(err)
	req, err := http.NewRequestWithContext(r.w.t.Context(), method, r.w.env+"/api/data/v9.2/"+set+"("+key+")", bytes.NewReader(body))
	r.w.must(err)
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	r.w.must(err)
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusNoContent {
		r.w.t.Fatalf("%s %s(%s) %.200s: %s %s", method, set, key, body, resp.Status, text)
	}
}

// wire is values of a record as they stand in the answers, by their names.
type wire map[string]string

// pretend has answers show other values of records than the sandbox holds: those
// that it would not store. Records are named by their keys.
func (w *world) pretend(primaryID string, other map[string]wire) {
	record, id := regexp.MustCompile(`\{"@odata\.etag"[^{}]*\}`), regexp.MustCompile(`"`+primaryID+`":"([^"]*)"`)
	edit := func(answer []byte) []byte {
		return record.ReplaceAllFunc(answer, func(text []byte) []byte {
			found := id.FindSubmatch(text)
			if found == nil {
				return text
			}
			for name, value := range other[string(found[1])] {
				member := regexp.MustCompile(`("` + name + `":)("[^"]*"|[^,}]*)`)
				text = member.ReplaceAll(text, []byte("${1}"+strings.ReplaceAll(value, "$", "$$")))
			}
			return text
		})
	}
	w.edit.Store(&edit)
}

// key is the key of a record that a test makes.
func key(n int) string { return fmt.Sprintf("%08x-34cb-ed11-b596-0022481d68cd", n) }

// rejects returns the rejects of a run by the keys of their records.
func (w *world) rejects(run crosswalk.Run) map[string]crosswalk.Reject {
	w.t.Helper()
	all := map[string]crosswalk.Reject{}
	for r, err := range w.client.Rejects(w.t.Context(), run.ID, client.RejectFilter{Paging: client.Paging{Limit: 200}}) {
		w.must(err)
		all[r.SourceID] = r
	}
	return all
}

// rowsBy returns the rows of an object by the values of a field.
func (w *world) rowsBy(object, field string) map[string]client.Row {
	w.t.Helper()
	all := map[string]client.Row{}
	for r, err := range w.client.Rows(w.t.Context(), object, client.RowFilter{Paging: client.Paging{Limit: 200}}) {
		w.must(err)
		name, _ := r[field].(string)
		if _, twice := all[name]; twice {
			w.t.Errorf("two rows of %s have the %s %q", object, field, name)
		}
		all[name] = r
	}
	return all
}

// object makes a custom object.
func (w *world) object(name string, fields ...crosswalk.FieldDefinition) crosswalk.Object {
	w.t.Helper()
	o, err := w.client.InsertObject(w.t.Context(), crosswalk.ObjectDefinition{DisplayName: name, Fields: fields})
	w.must(err)
	return o.Object
}

// newJob makes a job; what is not given is as in a new one.
func (w *world) newJob(in client.JobInput) crosswalk.Job {
	w.t.Helper()
	if in.Name == "" {
		in.Name = in.Entity + " into " + in.Object
	}
	if in.Operation == "" {
		in.Operation = crosswalk.OperationUpsert
	}
	if in.LoadMode == "" {
		in.LoadMode = crosswalk.LoadIncremental
	}
	job, err := w.client.InsertJob(w.t.Context(), in)
	w.must(err)
	return job
}

// all returns the records of a set by their keys, as the Web API shows them.
func (r *records) all(set, primaryID string) map[string]map[string]any {
	r.w.t.Helper()
	all := map[string]map[string]any{}
	for next := r.w.env + "/api/data/v9.2/" + set; next != ""; {
		req, err := http.NewRequestWithContext(r.w.t.Context(), http.MethodGet, next, nil)
		r.w.must(err)
		req.Header.Set("Authorization", "Bearer "+r.token)
		resp, err := http.DefaultClient.Do(req)
		r.w.must(err)
		var page struct {
			Value []map[string]any `json:"value"`
			Next  string           `json:"@odata.nextLink"`
		}
		err = json.NewDecoder(resp.Body).Decode(&page)
		_ = resp.Body.Close()
		r.w.must(err)
		for _, record := range page.Value {
			all[fmt.Sprint(record[primaryID])] = record
		}
		next = page.Next
	}
	return all
}
