package odata_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

func TestParseError(t *testing.T) {
	t.Parallel()
	const jsonType = "application/json; odata.metadata=minimal"
	tests := []struct {
		name, contentType, body string
		status                  int
		want                    odata.Error
	}{
		{"of Dataverse", jsonType, `{"error":{"code":"0x80040217","message":"account With Id = 1 Does Not Exist"}}`, 404, odata.Error{Status: 404, Code: "0x80040217", Message: "account With Id = 1 Does Not Exist"}},
		{"with annotations", jsonType, `{"error":{"code":"0x80040216","message":"","@Microsoft.PowerApps.CDS.HelpLink":"http://go","@Microsoft.PowerApps.CDS.InnerError.Message":"the cause"}}`, 500, odata.Error{Status: 500, Code: "0x80040216", Message: "the cause"}},
		{"of version 8", jsonType, `{"error":{"code":"","message":"","innererror":{"message":"deeper","type":"x","stacktrace":"y"}}}`, 400, odata.Error{Status: 400, Message: "deeper"}},
		{"of the web host", jsonType, `{"Message":"No HTTP resource was found"}`, 404, odata.Error{Status: 404, Message: "No HTTP resource was found"}},
		{"of OAuth", jsonType, `{"error":"invalid_grant","error_description":"AADSTS50173: revoked"}`, 400, odata.Error{Status: 400, Code: "invalid_grant", Message: "AADSTS50173: revoked"}},
		{"a code that is a number, a wrapped message", jsonType, `{"error":{"code":-2147204784,"message":{"lang":"en","value":"wrapped"}}}`, 500, odata.Error{Status: 500, Code: "-2147204784", Message: "wrapped"}},
		{"a web page", "text/html", "<html><head><title>502 &amp; Bad\n Gateway</title></head><body>x</body></html>", 502, odata.Error{Status: 502, Message: "502 & Bad Gateway"}},
		{"a web page that says it is JSON", jsonType, "<!DOCTYPE html><body><!-- no --><p>Down <b>for</b> repair</p><script>x()</script></body>", 503, odata.Error{Status: 503, Message: "Down for repair"}},
		{"text", "text/plain", " HTTP Error 401 - Unauthorized: Access is denied\r\n", 401, odata.Error{Status: 401, Message: "HTTP Error 401 - Unauthorized: Access is denied"}},
		{"nothing", "", "", 503, odata.Error{Status: 503, Message: "Service Unavailable"}},
		{"nothing, and an unknown status", "", "", 799, odata.Error{Status: 799, Message: "no explanation"}},
		{"cut in the middle", jsonType, `{"error":{"code":"0x8004`, 500, odata.Error{Status: 500, Message: "Internal Server Error"}},
		{"members of other types", jsonType, `{"error":{"code":{},"message":[1]}}`, 400, odata.Error{Status: 400, Message: "Bad Request"}},
		{"very long", "text/plain", strings.Repeat("é", 2000), 400, odata.Error{Status: 400, Message: strings.Repeat("é", 500) + "…"}},
		{"not UTF-8", "text/plain", "a\xffb", 400, odata.Error{Status: 400, Message: "a�b"}},
		{"a byte order mark", jsonType, "\xef\xbb\xbf" + `{"error":{"code":"1","message":"m"}}`, 400, odata.Error{Status: 400, Code: "1", Message: "m"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(&test.want, odata.ParseError(test.status, test.contentType, []byte(test.body))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	e := odata.Error{Status: 404, Code: "0x80040217", Message: "gone"}
	if got, want := e.Error(), "the server answered 404 (0x80040217): gone"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	e.Code = ""
	if got, want := e.Error(), "the server answered 404: gone"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzParseError(f *testing.F) {
	f.Add(400, "application/json", []byte(`{"error":{"code":"0x1","message":"m","innererror":{"message":"i"}}}`))
	f.Add(502, "text/html", []byte("<title>a</title>"))
	f.Fuzz(func(t *testing.T, status int, contentType string, body []byte) {
		e := odata.ParseError(status, contentType, body)
		if e.Status != status || e.Message == "" || len(e.Message) > 1010 || len(e.Code) > 110 || !utf8.ValidString(e.Message+e.Code) {
			t.Errorf("%+v", e)
		}
	})
}
