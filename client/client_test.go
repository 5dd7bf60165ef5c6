package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
)

// serve answers every call with what answer returns and hands back a client
// of it.
func serve(t *testing.T, answer http.HandlerFunc) *client.Client {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return client.New(s.URL+"/", "the-token")
}

func writeJSON(t *testing.T, w http.ResponseWriter, v any) {
	t.Helper()
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		t.Error(err)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	tests := map[string]struct {
		call func(*client.Client) error
		want string // method, address and body
	}{
		"list with filter": {
			func(c *client.Client) error {
				_, err := c.ListConnections(ctx, client.ConnectionFilter{Search: "a b&c", Paging: client.Paging{Limit: 7, Cursor: "x/y"}})
				return err
			},
			"GET /api/connections?cursor=x%2Fy&limit=7&q=a+b%26c",
		},
		"make a connection": {
			func(c *client.Client) error {
				_, err := c.InsertConnection(ctx, client.ConnectionInput{Name: "Acme", EnvironmentURL: "https://acme.crm.dynamics.com"})
				return err
			},
			`POST /api/connections {"name":"Acme","environment_url":"https://acme.crm.dynamics.com"}`,
		},
		"an id cannot leave its place": {
			func(c *client.Client) error { _, err := c.FindRun(ctx, "../objects?x"); return err },
			"GET /api/runs/..%2Fobjects%3Fx",
		},
		"an empty id is not the list": {
			func(c *client.Client) error { _, err := c.FindRun(ctx, ""); return err },
			"GET /api/runs/%00",
		},
		"authorize": {
			func(c *client.Client) error { _, err := c.Authorize(ctx, "7", ""); return err },
			`POST /api/connections/7/authorize {}`,
		},
		"admin consent link": {
			func(c *client.Client) error { _, err := c.AdminConsentLink(ctx, "7"); return err },
			"GET /api/connections/7/admin-consent-link",
		},
		"change how a connection signs in": {
			func(c *client.Client) error {
				mode, pem := crosswalk.SignInCertificate, "PEM"
				_, err := c.UpdateConnection(ctx, "7", client.ConnectionUpdate{SignInMode: &mode, Certificate: &pem})
				return err
			},
			`PATCH /api/connections/7 {"sign_in_mode":"certificate","certificate":"PEM"}`,
		},
		"change a connection's name only": {
			func(c *client.Client) error {
				name := "New"
				_, err := c.UpdateConnection(ctx, "7", client.ConnectionUpdate{Name: &name})
				return err
			},
			`PATCH /api/connections/7 {"name":"New"}`,
		},
		"change a job": {
			func(c *client.Client) error {
				_, err := c.UpdateJob(ctx, "7", 3, client.JobInput{Name: "J"})
				return err
			},
			`PUT /api/jobs/7 {"name":"J","connection_id":"","entity":"","object":"","mapping":{"fields":null},"filter":{},"version":3}`,
		},
		"runs in some states": {
			func(c *client.Client) error {
				_, err := c.ListRuns(ctx, client.RunFilter{JobID: "7", Statuses: []crosswalk.RunStatus{crosswalk.RunFailed, crosswalk.RunSkipped}})
				return err
			},
			"GET /api/runs?job_id=7&status=failed%2Cskipped",
		},
		"rows": {
			func(c *client.Client) error {
				_, err := c.ListRows(ctx, "Company", client.RowFilter{Sort: "Name", Desc: true})
				return err
			},
			"GET /api/objects/Company/rows?desc=true&sort=Name",
		},
		"revoke": {
			func(c *client.Client) error { _, err := c.Revoke(ctx, "7"); return err },
			"POST /api/connections/7/revoke",
		},
		"delete": {
			func(c *client.Client) error { return c.DeleteJob(ctx, "7") },
			"DELETE /api/jobs/7",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got string
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got = strings.TrimSpace(r.Method + " " + r.RequestURI + " " + string(body))
				if h := r.Header.Get("Authorization"); h != "Bearer the-token" {
					t.Errorf("Authorization = %q", h)
				}
				writeJSON(t, w, struct{}{})
			})
			if err := tt.call(c); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListsGoThroughAllPages(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.FormValue("cursor") {
		case "":
			writeJSON(t, w, client.Page[crosswalk.Run]{Items: []crosswalk.Run{{ID: "a"}, {ID: "b"}}, NextCursor: "2", Total: 3})
		case "2":
			writeJSON(t, w, client.Page[crosswalk.Run]{Items: []crosswalk.Run{{ID: "c"}}, Total: 3})
		}
	})
	var got []string
	for run, err := range c.Runs(t.Context(), client.RunFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, run.ID)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}

func TestListEndsAtAnError(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("cursor") != "" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		writeJSON(t, w, client.Page[crosswalk.Job]{Items: []crosswalk.Job{{ID: "a"}}, NextCursor: "2"})
	})
	var items int
	var last error
	for _, err := range c.Jobs(t.Context(), client.JobFilter{}) {
		if last = err; err == nil {
			items++
		}
	}
	if items != 1 || crosswalk.ErrorCode(last) != crosswalk.CodeUnavailable {
		t.Errorf("got %d items and %v", items, last)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status      int
		contentType string
		body        string
		want        client.Error
	}{
		"problem document": {
			400, "application/problem+json; charset=utf-8",
			`{"title":"Bad Request","status":400,"detail":"The job has problems.","code":"invalid","hint":"Correct them.","errors":[{"field":"mapping.fields[2].target","message":"Company has no field Foo."}]}`,
			client.Error{
				Status: 400, Code: crosswalk.CodeInvalid, Message: "The job has problems.", Hint: "Correct them.",
				Fields: []crosswalk.FieldError{{Field: "mapping.fields[2].target", Message: "Company has no field Foo."}},
			},
		},
		"only a title":        {409, "application/problem+json", `{"title":"Conflict"}`, client.Error{Status: 409, Code: crosswalk.CodeConflict, Message: "Conflict"}},
		"page of a proxy":     {503, "text/html", `<h1>Busy</h1>`, client.Error{Status: 503, Code: crosswalk.CodeUnavailable, Message: "The server answered 503 Service Unavailable."}},
		"too many":            {429, "text/plain", ``, client.Error{Status: 429, Code: crosswalk.CodeTooMany, Message: "The server answered 429 Too Many Requests."}},
		"broken document":     {404, "application/problem+json", `{"title":`, client.Error{Status: 404, Code: crosswalk.CodeNotFound, Message: "The server answered 404 Not Found."}},
		"no body":             {401, "", ``, client.Error{Status: 401, Code: crosswalk.CodeUnauthorized, Message: "The server answered 401 Unauthorized."}},
		"forbidden":           {403, "", ``, client.Error{Status: 403, Code: crosswalk.CodeForbidden, Message: "The server answered 403 Forbidden."}},
		"disconnected":        {424, "", ``, client.Error{Status: 424, Code: crosswalk.CodeDisconnected, Message: "The server answered 424 Failed Dependency."}},
		"another 4xx":         {413, "", ``, client.Error{Status: 413, Code: crosswalk.CodeInvalid, Message: "The server answered 413 Request Entity Too Large."}},
		"fault of the server": {500, "", ``, client.Error{Status: 500, Code: crosswalk.CodeInternal, Message: "The server answered 500 Internal Server Error."}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.contentType)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			_, err := c.FindJob(t.Context(), "x")
			var got *client.Error
			if !errors.As(err, &got) {
				t.Fatalf("error is %T: %v", err, err)
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if crosswalk.ErrorCode(err) != tt.want.Code {
				t.Errorf("ErrorCode = %s, want %s", crosswalk.ErrorCode(err), tt.want.Code)
			}
		})
	}
}

func TestUnreachableServer(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	_, err := client.New(s.URL, "").Status(t.Context())
	if crosswalk.ErrorCode(err) != crosswalk.CodeUnavailable || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("closed server: %v", err)
	}
	_, err = client.New("localhost:8080", "").Status(t.Context())
	if crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
		t.Errorf("address without a scheme: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = client.New(s.URL, "").Status(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled call: %v", err)
	}
}

func TestAnswerThatIsNotJSON(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	_, err := c.Status(t.Context())
	if crosswalk.ErrorCode(err) != crosswalk.CodeUnavailable {
		t.Errorf("got %v", err)
	}
}

func TestWaitRun(t *testing.T) {
	t.Parallel()
	states := []crosswalk.RunStatus{crosswalk.RunQueued, crosswalk.RunRunning, crosswalk.RunRunning, crosswalk.RunPartialSuccess}
	calls := 0
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(t, w, crosswalk.Run{ID: "r", Status: states[calls]})
		calls++
	})
	var seen []crosswalk.RunStatus
	run, err := c.WaitRun(t.Context(), "r", func(r crosswalk.Run, _ error) { seen = append(seen, r.Status) })
	if err != nil || run.Status != crosswalk.RunPartialSuccess {
		t.Errorf("WaitRun = %s, %v", run.Status, err)
	}
	if diff := cmp.Diff(states, seen); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
}

func TestWaitRunBehindAHeldRun(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(t, w, crosswalk.Run{ID: "r", Status: crosswalk.RunQueued, WaitsFor: 18})
	})
	if run, err := c.WaitRun(t.Context(), "r", nil); err != nil || run.WaitsFor != 18 {
		t.Errorf("WaitRun = %+v, %v", run, err)
	}
}

func TestWaitRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(t, w, crosswalk.Run{ID: "r", Status: crosswalk.RunRunning})
	})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := c.WaitRun(ctx, "r", func(crosswalk.Run, error) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// answers is a server that answers at once, without a network, so that time
// can be made up.
type answers func() (status int, body string, err error)

func (a answers) RoundTrip(*http.Request) (*http.Response, error) {
	status, body, err := a()
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func TestWaitRunBearsRestarts(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Err: errors.New("connect: connection refused")}
	for name, tt := range map[string]struct {
		silent  time.Duration // each of the two times
		status  int           // of the proxy meanwhile; 0 when the connection is refused
		code    crosswalk.Code
		atLeast time.Duration
		atMost  time.Duration
	}{
		"refused":                {silent: 100 * time.Second, atLeast: 210 * time.Second, atMost: 213 * time.Second},
		"bad gateway":            {silent: 100 * time.Second, status: 502, atLeast: 210 * time.Second, atMost: 213 * time.Second},
		"unavailable":            {silent: 100 * time.Second, status: 503, atLeast: 210 * time.Second, atMost: 213 * time.Second},
		"away for too long":      {silent: time.Hour, code: crosswalk.CodeUnavailable, atLeast: 124 * time.Second, atMost: 126 * time.Second},
		"the run is gone":        {silent: time.Hour, status: 404, code: crosswalk.CodeNotFound, atLeast: 5 * time.Second, atMost: 6 * time.Second},
		"the token is no longer": {silent: time.Hour, status: 401, code: crosswalk.CodeUnauthorized, atLeast: 5 * time.Second, atMost: 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				c := client.New("http://crosswalk.test", "")
				c.HTTP = &http.Client{Transport: answers(func() (int, string, error) {
					at := time.Since(began)
					switch beat := 5*time.Second + tt.silent; { // at work, away, at work, away, ended
					case at >= 2*beat:
						return 200, `{"id":"r","status":"success"}`, nil
					case at%beat < 5*time.Second:
						return 200, `{"id":"r","number":7,"status":"running"}`, nil
					case tt.status != 0:
						return tt.status, "", nil
					}
					return 0, "", refused
				})}
				away := 0
				run, err := c.WaitRun(t.Context(), "r", func(r crosswalk.Run, err error) {
					if err != nil {
						away++
						if r.Number != 7 || crosswalk.ErrorCode(err) != crosswalk.CodeUnavailable {
							t.Errorf("seen while the server is away: %+v, %v", r, err)
						}
					}
				})
				if crosswalk.ErrorCode(err) != tt.code || (err == nil) != (run.Status == crosswalk.RunSuccess) {
					t.Errorf("WaitRun = %s, %v", run.Status, err)
				}
				if d := time.Since(began); d < tt.atLeast || d > tt.atMost {
					t.Errorf("it waited for %s", d)
				}
				if (away > 0) != (tt.atLeast > time.Minute) {
					t.Errorf("it said %d times that the server is away", away)
				}
			})
		})
	}
}

func TestRowsKeepEveryDigit(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"items":[{"ARR":12345678901234567.89,"Name":null}],"total":1}`)
	})
	page, err := c.ListRows(t.Context(), "Company", client.RowFilter{})
	if err != nil {
		t.Fatal(err)
	}
	want := []client.Row{{"ARR": json.Number("12345678901234567.89"), "Name": nil}}
	if diff := cmp.Diff(want, page.Items); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestRejectsCSV(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/runs/r/rejects.csv" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, "source_id,field\r\n1,Email\r\n")
	})
	var b strings.Builder
	if err := c.RejectsCSV(t.Context(), "r", &b); err != nil || b.String() != "source_id,field\r\n1,Email\r\n" {
		t.Errorf("RejectsCSV wrote %q, %v", b.String(), err)
	}
	if err := c.RejectsCSV(t.Context(), "s", &b); crosswalk.ErrorCode(err) != crosswalk.CodeNotFound {
		t.Errorf("unknown run: %v", err)
	}
}
