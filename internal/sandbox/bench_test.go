package sandbox_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// discard is a response nobody reads.
type discard struct {
	header http.Header
	sent   *int // counts the bytes, where it is not nil
	most   int  // after which the connection is gone; 0 for never
}

func (d discard) Header() http.Header { return d.header }
func (d discard) WriteHeader(int)     {}

func (d discard) Write(p []byte) (int, error) {
	if d.sent == nil {
		return len(p), nil
	}
	if *d.sent += len(p); d.most > 0 && *d.sent > d.most {
		return 0, net.ErrClosed
	}
	return len(p), nil
}

// accountsPage asks for accounts with 20 columns.
func accountsPage(encoding, prefer string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/api/data/v9.2/accounts?$select=name,accountnumber,industrycode,numberofemployees,revenue,"+
		"statecode,telephone1,websiteurl,address1_city,address1_country,description,createdon,modifiedon,_ownerid_value,_primarycontactid_value,"+
		"_parentaccountid_value,address1_line1,address1_postalcode,emailaddress1,donotphone", nil)
	r.Body = io.NopCloser(http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept-Encoding", encoding)
	r.Header.Set("Prefer", prefer)
	return r
}

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
			r := accountsPage(c.encoding, c.prefer)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(discard{header: http.Header{}}, r)
			}
			b.ReportMetric(float64(b.N)*5000/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// TestPageAllocations bounds what a page takes beside the buffers it shares
// with others: less than one allocation for each row, and no row's bytes.
func TestPageAllocations(t *testing.T) {
	s, err := sandbox.New(sandbox.WithBearer(sandbox.Config{Accounts: 20_000}, token))
	must(t, err)
	h := s.Handler()
	r := accountsPage("gzip", "odata.maxpagesize=5000")
	var sent int
	once := func() {
		w := discard{header: http.Header{}, sent: &sent}
		h.ServeHTTP(w, r)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	allocations := testing.AllocsPerRun(20, once)
	runtime.ReadMemStats(&after)
	if allocations > 2500 {
		t.Errorf("%.0f allocations for a page of 5000 rows", allocations)
	}
	page := sent / 21
	if each := int(after.TotalAlloc-before.TotalAlloc) / 21; page < 400_000 || each > 1<<20 {
		t.Errorf("%d bytes allocated for a page of %d", each, page)
	}
}

// TestPageGone stops making a page that nobody reads any more.
func TestPageGone(t *testing.T) {
	t.Parallel()
	s, err := sandbox.New(sandbox.WithBearer(sandbox.Config{Accounts: 20_000}, token))
	must(t, err)
	var whole, part int
	s.Handler().ServeHTTP(discard{header: http.Header{}, sent: &whole}, accountsPage("identity", "odata.maxpagesize=5000"))
	s.Handler().ServeHTTP(discard{header: http.Header{}, sent: &part, most: 100_000}, accountsPage("identity", "odata.maxpagesize=5000"))
	if whole < 2_000_000 || part < 100_000 || part > 500_000 {
		t.Errorf("%d bytes of %d for a caller who went after 100,000", part, whole)
	}
}
