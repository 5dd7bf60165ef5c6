package dataverse_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// FuzzProbe checks that no challenge sends a person or a token anywhere but
// to a sign-in server of Microsoft and the environment itself.
func FuzzProbe(f *testing.F) {
	f.Add("Bearer authorization_uri=https://login.microsoftonline.com/" + tenant + "/oauth2/authorize, resource_id=https://contoso.crm.dynamics.com/")
	f.Add(`Bearer authorization="https://login.microsoftonline.us@evil.example/common", resource_id="https://contoso.crm.dynamics.com.evil.example"`)
	f.Fuzz(func(t *testing.T, header string) {
		got, err := dataverse.Probe(t.Context(), answers(func(r *http.Request) (*http.Response, error) {
			return answer(r, 401, http.Header{"Www-Authenticate": {header}}, ""), nil
		}), "https://contoso.crm.dynamics.com")
		if err != nil {
			if crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
				t.Errorf("%v", err)
			}
			return
		}
		u, err := url.Parse(got.Authority)
		if err != nil || u.Scheme != "https" || !strings.HasPrefix(u.Host, "login.") || u.Path != "" || u.User != nil || strings.Contains(u.Host, "evil") {
			t.Errorf("authority %q", got.Authority)
		}
		if len(got.TenantID) != 36 && got.TenantID != "organizations" {
			t.Errorf("tenant %q", got.TenantID)
		}
		if r, err := url.Parse(got.Resource); err != nil || r.Hostname() != "contoso.crm.dynamics.com" && r.Hostname() != "contoso.api.crm.dynamics.com" {
			t.Errorf("resource %q", got.Resource)
		}
	})
}

// FuzzRetryAfter checks that a client waits a while after any header, and
// never longer than its limit.
func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "30", "1e9", "-1", "NaN", "Inf", "0x10", "Fri, 31 Dec 1999 23:59:59 GMT", "Sat, 01 Jan 2000 00:00:30 GMT"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			c := bubble(func(r *http.Request) (*http.Response, error) {
				if n++; n == 1 {
					return answer(r, 429, http.Header{"Retry-After": {header}}, limited), nil
				}
				return answer(r, 200, nil, onePage), nil
			})
			info, names, err := page(t, c, "")
			if err != nil || len(names) != 2 || info.Throttled < 0 || info.Throttled > 5*time.Minute {
				t.Errorf("%v %+v", err, info)
			}
		})
	})
}

// FuzzWithout refuses columns of whatever link there is: the client leaves out
// less and less, tells what, and gives up in the end; it never asks for more
// than before, and the rest of the link stays as it is.
func FuzzWithout(f *testing.F) {
	f.Add("$select=name,fax&$expand=primarycontactid($select=fax,b;$expand=parentcustomerid_account($select=name,fax))&$skiptoken=%3Ccookie%20/%3E", "fax", "account")
	f.Add("%24expand=primarycontactid(%24select%3Dfax%3B$expand=a($select=b)),c($select=d)&%24select=a%2Cb", "primarycontactid", "")
	f.Add("$expand=a($select=x),a($select=x;$filter=y eq ')')&&$select=&x", "x", "contact")
	f.Fuzz(func(t *testing.T, query, name, table string) {
		var asked []string
		c := bubble(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPost {
				return answer(r, 200, nil, onePage), nil // too long to be sent directly
			}
			asked = append(asked, r.URL.RawQuery)
			body, err := json.Marshal(map[string]any{"error": map[string]string{
				"code": "0x80060888", "message": "Could not find a property named '" + name + "' on type 'Microsoft.Dynamics.CRM." + table + "'.",
			}})
			return answer(r, 400, nil, string(body)), err
		})
		link := "https://contoso.crm.dynamics.com/api/data/v9.2/accounts?" + query
		info, err := c.Page(t.Context(), withRelated(), link, odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs))
		if err == nil || len(asked) == 0 {
			return
		}
		all := dataverse.Selected(link)
		if len(info.Missing) > len(all)+len(asked) || len(asked) > 2+len(query)/2 {
			t.Errorf("%d requests, missing %q of %q", len(asked), info.Missing, all)
		}
		for i := 1; i < len(asked); i++ {
			if len(dataverse.Selected("?"+asked[i])) > len(dataverse.Selected("?"+asked[i-1])) {
				t.Errorf("%s became %s", asked[i-1], asked[i])
			}
		}
		const token = "&$skiptoken=%3Ccookie%20/%3E"
		if last := asked[len(asked)-1]; strings.Contains(query, token) && !strings.Contains(last, strings.TrimPrefix(token, "&")) {
			t.Errorf("%s became %s", query, last)
		}
	})
}
