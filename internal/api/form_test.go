package api_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/api"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// serve starts a server without connections. Ask sends a request with a body
// as its administrator and returns the status and the body of the answer.
func serve(t *testing.T) (ask func(method, path, contentType, body string) (int, []byte)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s, err := server.New(ctx, server.Config{Listen: "127.0.0.1:0", DataDir: t.TempDir()})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return func(method, path, contentType, body string) (int, []byte) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.Token())
		req.Header.Set("Content-Type", contentType)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, answer
	}
}

// What a schema refuses and what is wrong otherwise is told at once.
func TestForms(t *testing.T) {
	t.Parallel()
	ask := serve(t)
	const (
		nameless = "name: Enter a name."
		text     = "It must be a text."
	)
	if status, answer := ask(http.MethodPost, "/api/objects", "application/json", `{"display_name": "Tier", "fields": [{"display_name": "Key", "type": "Number"}]}`); status != http.StatusCreated {
		t.Fatalf("%d %s", status, answer)
	}
	for name, c := range map[string]struct {
		method, path, body string
		detail             string
		want               []string // field and message, in order
	}{
		"a job": {
			"POST", "/api/jobs",
			`{"name": "", "connection_id": "none", "entity": "account", "object": "Company", "operation": "merge", "load_mode": 7,
			  "deletes": {"policy": "deactivate", "guard": 101},
			  "mapping": {"fields": [{"source": "name", "target": "Name"}, {"source": 1, "target": "Name", "on_null": "drop"}], "fieldz": []}}`,
			"The job cannot be created.",
			[]string{
				"connection_id: Choose a connection.",
				"deletes.field: Choose the Boolean field that becomes false.",
				"deletes.guard: It must be at most 100.",
				"load_mode: " + text,
				"mapping.fields[1].on_null: It must be one of: overwrite, keep.",
				"mapping.fields[1].source: " + text,
				"mapping.fieldz: Nothing has this name here.",
				nameless,
				"operation: It must be one of: upsert, insert, update.",
			},
		},
		"a job without anything": {
			"POST", "/api/jobs", `{}`, "The job cannot be created.",
			[]string{
				"connection_id: It is missing.", "entity: It is missing.", "mapping: It is missing.",
				"name: It is missing.", "object: It is missing.",
			},
		},
		"a job that is a list":  {"POST", "/api/jobs", `[]`, "The job cannot be created.", []string{": It must be an object."}},
		"a job that is nothing": {"POST", "/api/jobs", `null`, "The job cannot be created.", []string{": It must be an object."}},
		"a job with a number of the wrong kind": {
			"POST", "/api/jobs", `{"name": "", "connection_id": "none", "entity": "account", "object": "Company", "mapping": {"fields": []}, "deletes": {"guard": 1e300}}`,
			"The job cannot be created.",
			[]string{"connection_id: Choose a connection.", "deletes.guard: It must be at most 100.", nameless},
		},
		"a number that the schema allows and no program holds": {
			"POST", "/api/objects", `{"display_name": "Deal", "fields": [{"display_name": "", "type": "Number", "decimals": 1e300}]}`,
			"The object cannot be created.",
			[]string{"fields.decimals: The value cannot be read.", "fields[0].display_name: Enter a name.", "fields[0].name: No API name can be made from the display name; enter one."},
		},
		"a preview": {
			"POST", "/api/jobs/preview", `{"name": "", "connection_id": "none", "entity": "account", "object": "Nothing", "mapping": {"fields": []}, "limit": 0}`,
			"The job cannot be previewed as it is.",
			[]string{"connection_id: Choose a connection.", "limit: It must be at least 1.", nameless, "object: There is no object Nothing."},
		},
		"a connection": {
			"POST", "/api/connections", `{"name": "", "environment_url": 5, "sign_in_mode": "guest"}`,
			"The connection cannot be created.",
			[]string{
				"client_id: Enter the application id; this installation has none of its own.",
				"environment_url: " + text, nameless,
				"sign_in_mode: It must be one of: user, client_secret, certificate.",
			},
		},
		// What comes after it cannot be read.
		"a connection with a day for a time": {
			"POST", "/api/connections", `{"secret_expires_at": "tomorrow", "name": "", "environment_url": "https://x"}`,
			"The connection cannot be created.",
			[]string{"secret_expires_at: It must be a time as in 2027-03-31T12:00:00Z."},
		},
		"an object": {
			"POST", "/api/objects",
			`{"display_name": "Deal", "fields": [{"display_name": "Stage", "type": "Choice"}, {"display_name": "Stage", "type": "String", "max_length": "long"}, {"display_name": "Company", "type": "Lookup"}]}`,
			"The object cannot be created.",
			[]string{
				"fields[0].type: It must be one of: String, RichText, Number, Currency, Percentage, Boolean, Date, DateTime, Email, URL, Dropdown, MultiSelect, Lookup, GSID.",
				"fields[1].display_name: Another field has the display name Stage already.",
				"fields[1].max_length: It must be a whole number.",
				"fields[1].name: Another field is named Stage__gc already.",
				"fields[2].lookup: Choose the object that the field points to.",
			},
		},
		"a plan": {
			"POST", "/api/objects/Tier__gc/plan", `{"name": "Level__gc", "display_name": "Tier", "fields": [{"display_name": "Stage", "type": "Choice"}]}`,
			"The object cannot be changed like that.",
			[]string{
				"fields[0].type: It must be one of: String, RichText, Number, Currency, Percentage, Boolean, Date, DateTime, Email, URL, Dropdown, MultiSelect, Lookup, GSID.",
				"name: The API name Tier__gc of an object is fixed.",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer := ask(c.method, c.path, "application/json", c.body)
			var got api.Problem
			if err := json.Unmarshal(answer, &got); err != nil {
				t.Fatalf("%s: %v", answer, err)
			}
			if status != http.StatusUnprocessableEntity || got.Code != crosswalk.CodeInvalid || got.Detail != c.detail || got.Hint == "" {
				t.Errorf("%d %s %q (%q), want 422 %q", status, got.Code, got.Detail, got.Hint, c.detail)
			}
			if diff := gocmp.Diff(c.want, told(got.Errors)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// told returns problems as texts in the order of their places.
func told(problems []crosswalk.FieldError) []string {
	var out []string
	for _, p := range problems {
		out = append(out, p.Field+": "+p.Message)
	}
	slices.SortFunc(out, cmp.Compare)
	return out
}

// A check answers with the problems, whoever found them.
func TestCheckForm(t *testing.T) {
	t.Parallel()
	status, answer := serve(t)(http.MethodPost, "/api/jobs/check", "application/json",
		`{"name": "", "connection_id": "none", "entity": "account", "object": "Company", "operation": "merge", "mapping": {"fields": []}}`)
	var got api.Problems
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	want := []string{"connection_id: Choose a connection.", "name: Enter a name.", "operation: It must be one of: upsert, insert, update."}
	if diff := gocmp.Diff(want, told(got.Problems)); status != http.StatusOK || diff != "" {
		t.Errorf("%d (-want +got):\n%s", status, diff)
	}
}

// A form that is no JSON is refused before anybody looks at it.
func TestNoForm(t *testing.T) {
	t.Parallel()
	ask := serve(t)
	for name, c := range map[string]struct {
		contentType, body string
		want              int
	}{
		"nothing":      {"application/json", "", http.StatusBadRequest},
		"half":         {"application/json", `{"name": "A`, http.StatusBadRequest},
		"another type": {"text/plain", `{}`, http.StatusUnsupportedMediaType},
	} {
		status, answer := ask(http.MethodPost, "/api/jobs", c.contentType, c.body)
		var got api.Problem
		if err := json.Unmarshal(answer, &got); err != nil {
			t.Fatalf("%s: %s: %v", name, answer, err)
		}
		if status != c.want || got.Code != crosswalk.CodeInvalid || got.Hint == "" {
			t.Errorf("%s: %d %s, want %d", name, status, answer, c.want)
		}
	}
}

// An object with very many fields is made, with a warning.
func TestVeryManyFields(t *testing.T) {
	t.Parallel()
	ask := serve(t)
	system := 0
	for _, c := range []struct {
		name   string
		fields int // with the system's
		want   []string
	}{
		{"Few", crosswalk.RecommendedFields, nil},
		{"Many", crosswalk.RecommendedFields + 1, []string{"The object has 201 fields; more than 200 make lists slow and hard to read."}},
	} {
		d := crosswalk.ObjectDefinition{DisplayName: c.name}
		if system == 0 {
			o, err := crosswalk.NewObject(d, nil)
			if err != nil {
				t.Fatal(err)
			}
			system = len(o.Fields)
		}
		for i := range c.fields - system {
			d.Fields = append(d.Fields, crosswalk.FieldDefinition{DisplayName: fmt.Sprintf("Field %d", i), Type: crosswalk.FieldNumber})
		}
		body, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		status, answer := ask(http.MethodPost, "/api/objects", "application/json", string(body))
		var got api.MadeObject
		if err := json.Unmarshal(answer, &got); err != nil {
			t.Fatalf("%s: %v", answer, err)
		}
		if status != http.StatusCreated || len(got.Fields) != c.fields {
			t.Errorf("%s: %d with %d fields", c.name, status, len(got.Fields))
		}
		if diff := gocmp.Diff(c.want, got.Warnings); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
