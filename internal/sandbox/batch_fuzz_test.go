package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// FuzzBatch sends any batch: the sandbox answers, and its rows stay whole.
func FuzzBatch(f *testing.F) {
	f.Add("multipart/mixed; boundary=batch_1", get("accounts?$top=1")+"--batch_1--\n")
	f.Add("multipart/mixed; boundary=b", "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\nContent-Type: application/http\nContent-ID: 1\n\nPOST accounts HTTP/1.1\n\n{\"name\":\"x\"}\n--c--\n--b--")
	f.Add("multipart/mixed; boundary=b", "--b\r\nContent-Type: application/http\r\n\r\nDELETE $1 HTTP/1.1\r\n\r\n--b--\r\n")
	s, err := sandbox.New(sandbox.WithBearer(sandbox.Config{Users: 3, Accounts: 3, Contacts: -1}, token))
	if err != nil {
		f.Fatal(err)
	}
	h := s.Handler()
	f.Fuzz(func(t *testing.T, kind, body string) {
		r := httptest.NewRequest(http.MethodPost, "/api/data/v9.2/$batch", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code < 200 || w.Code == 500 {
			t.Errorf("%d: %s", w.Code, w.Body)
		}
		r = httptest.NewRequest(http.MethodGet, "/api/data/v9.2/accounts/$count", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w = httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != 200 {
			t.Errorf("%d: %s", w.Code, w.Body)
		}
	})
}

// FuzzWrite writes any row.
func FuzzWrite(f *testing.F) {
	f.Add("accounts(11111111-2222-4333-8444-555555555555)", `{"name":"x","revenue":1.5,"primarycontactid@odata.bind":null}`)
	f.Add("accounts(accountnumber='A''B')", `{"statecode":1,"statuscode":2}`)
	f.Add("contacts", `{"birthdate":"2001-02-03","parentcustomerid_account@odata.bind":"/accounts(accountnumber='ACC-100001')"}`)
	f.Add("accounts(11111111-2222-4333-8444-555555555555)/name", `{"value":null}`)
	f.Add("accounts", `{"primarycontactid":{"lastname":"y"},"contact_customer_accounts":[{"lastname":"z"}],"accountleads_association@odata.bind":["/leads(00000000-0000-0000-0000-000000000001)"]}`)
	f.Add("accounts/Microsoft.Dynamics.CRM.UpsertMultiple", `{"Targets":[{"@odata.type":"Microsoft.Dynamics.CRM.account","@odata.id":"accounts(accountnumber='A')"}]}`)
	f.Add("new_telemetries/Microsoft.Dynamics.CRM.DeleteMultiple", `{"Targets":[{"@odata.type":"Microsoft.Dynamics.CRM.new_telemetry","new_telemetryid":"11111111-2222-4333-8444-555555555555","partitionid":"p"}]}`)
	f.Add("new_telemetries(new_telemetryid=11111111-2222-4333-8444-555555555555,partitionid='p')", `{"new_reading":1.25,"ttlinseconds":5}`)
	f.Add("serviceendpoints", `{"name":"x","contract":8,"url":"http://127.0.0.1:1/x","authtype":5,"authvalue":"<settings/>"}`)
	f.Add("sdkmessageprocessingsteps", `{"name":"x","mode":1,"stage":40,"sdkmessageid@odata.bind":"/sdkmessages(00000000-0000-0000-0000-000000000001)"}`)
	f.Add("accounts(11111111-2222-4333-8444-555555555555)/accountleads_association/$ref", `{"@odata.id":"leads(11111111-2222-4333-8444-555555555555)"}`)
	s, err := sandbox.New(sandbox.WithBearer(sandbox.Config{Users: 3, Accounts: 3, Contacts: 3}, token))
	if err != nil {
		f.Fatal(err)
	}
	h := s.Handler()
	f.Fuzz(func(t *testing.T, path, body string) {
		for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete} {
			r := httptest.NewRequest(method, "/api/data/v9.2/accounts", strings.NewReader(body))
			r.URL.Path = "/api/data/v9.2/" + path
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Prefer", "return=representation")
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code == 500 {
				t.Errorf("%s %s %s: %s", method, path, body, w.Body)
			}
		}
	})
}
