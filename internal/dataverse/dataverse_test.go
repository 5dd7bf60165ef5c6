package dataverse_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

const jsonType = "application/json; odata.metadata=minimal; odata.streaming=true"

var accountSpecs = []column.Spec{{Name: "accountid", Kind: column.GUID}, {Name: "name", Kind: column.Text}}

// onePage is a page of two accounts without a next one.
const onePage = `{"@odata.context":"https://x/api/data/v9.2/$metadata#accounts(name)","@Microsoft.Dynamics.CRM.globalmetadataversion":"6012567","value":[` +
	`{"@odata.etag":"W/\"1\"","name":"Contoso","accountid":"78914942-34cb-ed11-b596-0022481d68cd"},` +
	`{"@odata.etag":"W/\"2\"","name":"Litware, Inc. (sample)","accountid":"7a914942-34cb-ed11-b596-0022481d68cd"}]}`

// tokens hands out "token-1" until it is forced to go on to "token-2", and
// so on.
type tokens struct {
	mu     sync.Mutex
	n      int
	forced int
	err    error
}

func (t *tokens) token(_ context.Context, force bool) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == 0 {
		t.n = 1
	}
	if force {
		t.n++
		t.forced++
	}
	return "token-" + string(rune('0'+t.n)), t.err
}

// client returns a client of a server that h answers for.
func client(t *testing.T, h http.HandlerFunc) (*dataverse.Client, *httptest.Server) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	return dataverse.New(dataverse.Config{BaseURL: srv.URL, Token: new(tokens).token, Transport: transport}), srv
}

// answers is a transport without a network, for tests in a bubble.
type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

// answer makes an answer to a request.
func answer(r *http.Request, status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", jsonType)
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

// bubble returns a client for tests in a bubble.
func bubble(a answers) *dataverse.Client {
	return dataverse.New(dataverse.Config{BaseURL: "https://contoso.crm.dynamics.com", Token: new(tokens).token, Transport: a})
}

// page reads a page of accounts and returns the names found.
func page(t *testing.T, c *dataverse.Client, link string) (dataverse.PageInfo, []string, error) {
	t.Helper()
	b := column.NewBatch(accountSpecs)
	info, err := c.Page(t.Context(), dataverse.Query{EntitySet: "accounts", Select: []string{"name"}}, link, odata.NewColumns(accountSpecs), b)
	var names []string
	for i := range b.Rows() {
		names = append(names, string(b.Columns[1].Bytes(i)))
	}
	return info, names, err
}

// personal checks that err is for a person, of that code, and that its
// message and hint hold some words.
func personal(t *testing.T, err error, code crosswalk.Code, message, hint string) {
	t.Helper()
	var e *crosswalk.Error
	if !errors.As(err, &e) {
		t.Fatalf("not an error for a person: %v", err)
	}
	if e.Code != code || !strings.Contains(e.Message, message) || !strings.Contains(e.Hint, hint) || e.Hint == "" {
		t.Errorf("%s: %s (%s)\nwant %s: …%s… (…%s…)", e.Code, e.Message, e.Hint, code, message, hint)
	}
}
