package dataverse_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// cookie is the query of a next link as Dataverse makes it.
const cookie = `$select=fullname,emailaddress1,fax,familystatuscode&$skiptoken=%3Ccookie%20pagenumber=%222%22%20pagingcookie=%22%253ccookie%2520page%253d%25221%2522%253e%253ccontactid%2520last%253d%2522%257b9FD4A450-CB0C-EA11-A813-000D3A1B1223%257d%2522%2520first%253d%2522%257bCDCFA450-CB0C-EA11-A813-000D3A1B1223%257d%2522%2520%252f%253e%253c%252fcookie%253e%22%20istracking=%22False%22%20/%3E`

func TestPage(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, onePage)
	_ = z.Close()
	var got *http.Request
	c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.Header().Set("Content-Type", jsonType)
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(zipped.Bytes())
	})
	cols, b := odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs)
	q := dataverse.Query{
		EntitySet: "accounts", Select: []string{"name", "_ownerid_value"}, Filter: "name ne 'A & B' and revenue gt 1", PageSize: 250,
		Annotations: []string{"Microsoft.Dynamics.CRM.lookuplogicalname", "OData.Community.Display.V1.FormattedValue"},
	}
	for range 2 { // the second page inflates with what the first one left
		b.Reset()
		info, err := c.Page(t.Context(), q, "", cols, b)
		if err != nil {
			t.Fatal(err)
		}
		want := dataverse.PageInfo{Records: 2, Requests: 1, Bytes: int64(zipped.Len()), MetadataVersion: "6012567"}
		if diff := cmp.Diff(want, info); diff != "" {
			t.Errorf("info (-want +got):\n%s", diff)
		}
	}
	if b.Rows() != 2 || string(b.Columns[1].Bytes(1)) != "Litware, Inc. (sample)" {
		t.Errorf("%d rows, %q", b.Rows(), b.Columns[1].Data)
	}
	if want := "/api/data/v9.2/accounts?$select=name,_ownerid_value&$filter=name%20ne%20'A%20%26%20B'%20and%20revenue%20gt%201"; got.RequestURI != want {
		t.Errorf("asked for %s\nwant      %s", got.RequestURI, want)
	}
	want := http.Header{
		"Accept":           {"application/json"},
		"Accept-Encoding":  {"gzip"},
		"Authorization":    {"Bearer token-1"},
		"If-None-Match":    {"null"},
		"Odata-Maxversion": {"4.0"},
		"Odata-Version":    {"4.0"},
		"Prefer":           {`odata.maxpagesize=250,odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname,OData.Community.Display.V1.FormattedValue,Microsoft.Dynamics.CRM.globalmetadataversion"`},
		"User-Agent":       {"Crosswalk"},
	}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// TestPageFollowsLinkVerbatim checks that not a byte of a link changes.
func TestPageFollowsLinkVerbatim(t *testing.T) {
	t.Parallel()
	var asked []string
	c, srv := client(t, nil)
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.RequestURI+" "+r.Header.Get("Prefer"))
		w.Header().Set("Content-Type", jsonType)
		w.Header().Add("Set-Cookie", "ARRAffinity=abc; Path=/")
		if r.Header.Get("Cookie") != "" {
			t.Error("a cookie came back")
		}
		next := ""
		if len(asked) == 1 {
			next = `,"@odata.nextLink":"` + srv.URL + "/api/data/v9.2/contacts?" + cookie + `"`
		}
		_, _ = io.WriteString(w, `{"value":[{"name":"a"}]`+next+`}`)
	})
	info, _, err := page(t, c, "")
	if err != nil {
		t.Fatal(err)
	}
	if want := srv.URL + "/api/data/v9.2/contacts?" + cookie; info.Next != want {
		t.Fatalf("next %s", info.Next)
	}
	last, names, err := page(t, c, info.Next)
	if err != nil || last.Next != "" || len(names) != 1 {
		t.Fatal(last, names, err)
	}
	const version = `,odata.include-annotations="Microsoft.Dynamics.CRM.globalmetadataversion"`
	want := []string{
		"/api/data/v9.2/accounts?$select=name odata.maxpagesize=5000" + version,
		"/api/data/v9.2/contacts?" + cookie + " odata.maxpagesize=5000" + version,
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPageRefusesForeignLinks checks that a token is only ever sent to the
// environment's own Web API.
func TestPageRefusesForeignLinks(t *testing.T) {
	t.Parallel()
	const base = "https://contoso.crm.dynamics.com"
	tests := []struct {
		link string
		ok   bool
	}{
		{base + "/api/data/v9.2/accounts?$skiptoken=1", true},
		{"https://CONTOSO.crm.dynamics.com:443/api/data/v9.0/accounts", true},
		{"http://contoso.crm.dynamics.com/api/data/v9.2/accounts", false},
		{"https://contoso.crm.dynamics.com:8443/api/data/v9.2/accounts", false},
		{"https://contoso.crm.dynamics.com.evil.example/api/data/v9.2/accounts", false},
		{"https://contoso.crm.dynamics.com@evil.example/api/data/v9.2/accounts", false},
		{"https://evil.example/api/data/v9.2/accounts", false},
		{"//evil.example/api/data/v9.2/accounts", false},
		{"/api/data/v9.2/accounts", false},
		{base + "/other", false},
		{base + "/api/data/../../other", false},
		{base + "/api/data/%2e%2e/%2e%2e/other", false},
		{"https://user@contoso.crm.dynamics.com/api/data/v9.2/accounts", false},
		{"::", false},
		{base + "/api/data/v9.2/accounts?$skiptoken=1#x", false},
		{base + "/api/data/%252e%252e/%252e%252e/other", false},
		{base + "/api/data/..%2f..%2fother", false},
		{base + `/api/data/..%5c..%5cother`, false},
		{base + "/api/database/v9.2/accounts", false},
		{base + "/API/DATA/v9.2/accounts", false},
		{`https://contoso.crm.dynamics.com\@evil.example/api/data/v9.2/accounts`, false},
		{"https://evil.example\\.contoso.crm.dynamics.com/api/data/v9.2/accounts", false},
		{"https://contoso.crm.dynamics.com%2eevil.example/api/data/v9.2/accounts", false},
		{"https://contoso.crm.dynamics.com./api/data/v9.2/accounts", false},
		{"https://contoso.crm.dynamics.com:0/api/data/v9.2/accounts", false},
		{"https://contoso.crm.dynamics.com:/api/data/v9.2/accounts", true}, // an empty port is the usual one
		{"https:contoso.crm.dynamics.com/api/data/v9.2/accounts", false},
		{"https:///api/data/v9.2/accounts", false},
		{"https://169.254.169.254/api/data/v9.2/accounts", false},
		{"https://[::ffff:169.254.169.254]/api/data/v9.2/accounts", false},
		{"https://localhost/api/data/v9.2/accounts", false},
		{"https://cοntoso.crm.dynamics.com/api/data/v9.2/accounts", false}, // a Greek letter
		{"https://contoso.crm.dynamics.com\t/api/data/v9.2/accounts", false},
		{" " + base + "/api/data/v9.2/accounts", false},
		{"javascript:alert(1)", false},
		{"file:///api/data/v9.2/accounts", false},
	}
	for _, test := range tests {
		t.Run(test.link, func(t *testing.T) {
			t.Parallel()
			sent := 0
			c := bubble(func(r *http.Request) (*http.Response, error) {
				sent++
				if r.URL.Scheme != "https" || r.URL.Host != "contoso.crm.dynamics.com" || r.Host != r.URL.Host {
					t.Errorf("sent to %s", r.URL)
				}
				return answer(r, 200, nil, onePage), nil
			})
			_, names, err := page(t, c, test.link)
			if test.ok {
				if err != nil || sent != 1 || len(names) != 2 {
					t.Errorf("refused: %v", err)
				}
				return
			}
			personal(t, err, crosswalk.CodeUnavailable, "does not lead to", "connection's address")
			if sent != 0 {
				t.Error("a request was sent")
			}
			// The same link in an answer must not get as far as a checkpoint.
			c = bubble(func(r *http.Request) (*http.Response, error) {
				return answer(r, 200, nil, strings.Replace(onePage, `"value"`, fmt.Sprintf(`"@odata.nextLink":%q,"value"`, test.link), 1)), nil
			})
			_, names, err = page(t, c, "")
			personal(t, err, crosswalk.CodeUnavailable, "does not lead to", "connection's address")
			if len(names) != 0 {
				t.Errorf("rows stayed: %q", names)
			}
		})
	}
}

// TestErrors checks what a person reads after an answer that is none.
func TestErrors(t *testing.T) {
	t.Parallel()
	body := func(code, message string) string {
		return fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, message)
	}
	tests := []struct {
		name          string
		status        int
		contentType   string
		body          string
		code          crosswalk.Code
		message, hint string
	}{
		{"an unknown column", 400, jsonType, body("0x80060888", "Could not find a property named 'x' on type 'Microsoft.Dynamics.CRM.account'."), crosswalk.CodeInvalid, "Could not read accounts: Could not find a property named 'x'", "mapping"},
		{"no privilege", 403, jsonType, body("0x80040220", "Principal user is missing prvReadAccount privilege"), crosswalk.CodeForbidden, "prvReadAccount", "security role"},
		{"not a member", 403, jsonType, body("0x80072560", "The user is not a member of the organization."), crosswalk.CodeForbidden, "not a member", "Power Platform admin center"},
		{"an application that is not allowed", 403, jsonType, body("0x80095ffc", "Access is restricted"), crosswalk.CodeForbidden, "restricted.", "app registration"},
		{"another refusal", 403, "text/html", "<title>403 - Forbidden</title>", crosswalk.CodeForbidden, "403 - Forbidden", "administrator"},
		{"no such table", 404, jsonType, body("0x80060888", "Resource not found for the segment 'accountz'."), crosswalk.CodeNotFound, "segment 'accountz'", "Refresh"},
		{"a fault of the server", 500, jsonType, body("0x80040216", "An unexpected error occurred."), crosswalk.CodeUnavailable, "unexpected error", "later"},
		{"not implemented", 501, "", "", crosswalk.CodeUnavailable, "Not Implemented", "later"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sent := 0
			c, _ := client(t, func(w http.ResponseWriter, _ *http.Request) {
				sent++
				w.Header().Set("Content-Type", test.contentType)
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			info, names, err := page(t, c, "")
			personal(t, err, test.code, test.message, test.hint)
			if sent != 1 || len(names) != 0 || info.Requests != 1 || info.Records != 0 {
				t.Errorf("%d requests, %q, %+v", sent, names, info)
			}
		})
	}
}

func TestRedirectsAreRefused(t *testing.T) {
	t.Parallel()
	var sent atomic.Int32
	c, srv := client(t, nil)
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent.Add(1)
		http.Redirect(w, r, srv.URL+"/elsewhere", http.StatusFound)
	})
	_, _, err := page(t, c, "")
	personal(t, err, crosswalk.CodeUnavailable, "redirects to "+srv.URL+"/elsewhere", "address")
	if sent.Load() != 1 {
		t.Errorf("%d requests", sent.Load())
	}
}

// TestValueOfAnotherType checks that one record's bad value does not keep the
// others back.
func TestValueOfAnotherType(t *testing.T) {
	t.Parallel()
	c, _ := client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		_, _ = io.WriteString(w, `{"value":[{"accountid":"1","name":"a"},{"accountid":"7a914942-34cb-ed11-b596-0022481d68cd","name":"b"}]}`)
	})
	b := column.NewBatch(accountSpecs)
	info, err := c.Page(t.Context(), dataverse.Query{EntitySet: "accounts"}, "", odata.NewColumns(accountSpecs), b)
	if err != nil || info.Records != 2 || info.Requests != 1 {
		t.Fatalf("%+v %v", info, err)
	}
	if diff := cmp.Diff([]column.Bad{{Row: 0, Column: 0, Value: `"1"`}}, b.Bad); diff != "" {
		t.Errorf("bad values (-want +got):\n%s", diff)
	}
}

// TestAuthorize checks what happens when the server refuses the token.
func TestAuthorize(t *testing.T) {
	t.Parallel()
	run := func(good string, tok *tokens) (dataverse.PageInfo, []string, error) {
		c := dataverse.New(dataverse.Config{
			BaseURL: "https://contoso.crm.dynamics.com", Token: tok.token,
			Transport: answers(func(r *http.Request) (*http.Response, error) {
				if r.Header.Get("Authorization") != "Bearer "+good {
					return answer(r, 401, http.Header{"Content-Type": {"text/html"}}, "HTTP Error 401 - Unauthorized: Access is denied"), nil
				}
				return answer(r, 200, nil, onePage), nil
			}),
		})
		return page(t, c, "")
	}

	tok := new(tokens)
	info, names, err := run("token-2", tok)
	if err != nil || len(names) != 2 || info.Requests != 2 || tok.forced != 1 {
		t.Errorf("one refusal: %+v %q %v, forced %d times", info, names, err, tok.forced)
	}

	tok = new(tokens)
	info, _, err = run("token-9", tok)
	personal(t, err, crosswalk.CodeDisconnected, "refuses the sign-in", "Authorize")
	if info.Requests != 2 || tok.forced != 1 {
		t.Errorf("two refusals: %d requests, forced %d times", info.Requests, tok.forced)
	}

	gone := crosswalk.Errorf(crosswalk.CodeDisconnected, "Your sign-in ended.")
	info, _, err = run("token-1", &tokens{err: gone})
	if !errors.Is(err, error(gone)) || info.Requests != 0 {
		t.Errorf("no token: %v, %d requests", err, info.Requests)
	}
}

// TestTruncatedBody checks over a real socket that an answer that breaks off
// is asked for again and its rows do not stay.
func TestTruncatedBody(t *testing.T) {
	t.Parallel()
	var sent atomic.Int32
	c, _ := client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		if sent.Add(1) == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(onePage)))
			_, _ = io.WriteString(w, onePage[:len(onePage)-20])
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, onePage)
	})
	info, names, err := page(t, c, "")
	if err != nil || len(names) != 2 || info.Requests != 2 || info.Bytes < int64(len(onePage)) {
		t.Errorf("%+v %q %v", info, names, err)
	}
}

func TestWrongBase(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "contoso", "ftp://contoso", "https://u@contoso", "https://contoso/app"} {
		c := dataverse.New(dataverse.Config{BaseURL: base, Token: new(tokens).token})
		_, _, err := page(t, c, "")
		personal(t, err, crosswalk.CodeInvalid, "not the address", "https://")
		_, err = c.WhoAmI(t.Context())
		personal(t, err, crosswalk.CodeInvalid, "not the address", "https://")
	}
}
