package sandbox_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// discard is a response nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkPage answers pages of 5000 accounts with 20 columns.
func BenchmarkPage(b *testing.B) {
	s, err := sandbox.New(sandbox.WithBearer(sandbox.Config{Accounts: 1_000_000}, token))
	if err != nil {
		b.Fatal(err)
	}
	h := s.Handler()
	for _, c := range []struct{ name, encoding, prefer string }{
		{"plain", "identity", "odata.maxpagesize=5000"},
		{"gzip", "gzip", "odata.maxpagesize=5000"},
		{"annotations", "identity", `odata.include-annotations="*"`},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/api/data/v9.2/accounts?$select=name,accountnumber,industrycode,numberofemployees,revenue,"+
				"statecode,telephone1,websiteurl,address1_city,address1_country,description,createdon,modifiedon,_ownerid_value,_primarycontactid_value,"+
				"_parentaccountid_value,address1_line1,address1_postalcode,emailaddress1,donotphone", nil)
			r.Body = io.NopCloser(http.NoBody)
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Accept-Encoding", c.encoding)
			r.Header.Set("Prefer", c.prefer)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(discard{http.Header{}}, r)
			}
			b.ReportMetric(float64(b.N)*5000/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
