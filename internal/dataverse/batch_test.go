package dataverse_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// wide is a query whose address has more than 32,768 characters.
func wide(columns int) dataverse.Query {
	q := dataverse.Query{EntitySet: "accounts", Filter: "statecode eq 0", PageSize: 100}
	for i := range columns {
		q.Select = append(q.Select, fmt.Sprintf("new_rather_long_name_%05d", i))
	}
	return q
}

// batchOf is the answer to a batch of one.
func batchOf(status, header, body string) string {
	return "--batchresponse_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n" +
		"HTTP/1.1 " + status + "\r\n" + header + "\r\n" + body + "\r\n--batchresponse_1--\r\n"
}

var batchHeader = http.Header{"Content-Type": {"multipart/mixed; boundary=batchresponse_1"}}

const innerJSON = "Content-Type: application/json; odata.metadata=minimal\r\nOData-Version: 4.0\r\n"

func TestBatch(t *testing.T) {
	t.Parallel()
	q := wide(1500)
	var inner *http.Request
	for _, zipped := range []bool{false, true} {
		c, srv := client(t, nil)
		next := srv.URL + "/api/data/v9.1/accounts?$select=" + strings.Join(q.Select, ",") + "&$skiptoken=%3Ccookie%20/%3E"
		srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if len(r.RequestURI) > 32_768 {
				t.Errorf("an address of %d characters", len(r.RequestURI))
			}
			if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/$batch") || r.Header.Get("Authorization") != "Bearer token-1" || r.Header.Get("Prefer") != "odata.continue-on-error" {
				t.Errorf("%s %s %v", r.Method, r.URL.Path, r.Header)
			}
			_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
			if err != nil {
				t.Error(err)
			}
			parts := multipart.NewReader(r.Body, params["boundary"])
			part, err := parts.NextPart()
			if err != nil {
				t.Error(err)
				return
			}
			if inner, err = http.ReadRequest(bufio.NewReader(io.MultiReader(part, strings.NewReader("\r\n")))); err != nil {
				t.Error(err)
				return
			}
			if _, err := parts.NextPart(); err != io.EOF {
				t.Errorf("behind the only part: %v", err)
			}
			link := ""
			if strings.HasPrefix(r.URL.Path, "/api/data/v9.2/") {
				link = `"@odata.nextLink":"` + next + `",`
			}
			text := batchOf("200 OK", innerJSON, strings.Replace(onePage, `"value"`, link+`"value"`, 1))
			w.Header().Set("Content-Type", "multipart/mixed; boundary=batchresponse_1")
			if !zipped {
				_, _ = io.WriteString(w, text)
				return
			}
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, text)
			_ = z.Close()
		})
		b := column.NewBatch(accountSpecs)
		info, err := c.Page(t.Context(), q, "", odata.NewColumns(accountSpecs), b)
		if err != nil || info.Records != 2 || info.Requests != 1 || string(b.Columns[1].Bytes(0)) != "Contoso" {
			t.Fatalf("%+v %v", info, err)
		}
		if want := "/api/data/v9.2/accounts?$select=" + strings.Join(q.Select, ",") + "&$filter=statecode%20eq%200"; inner.Method != http.MethodGet || inner.RequestURI != want {
			t.Errorf("the batch asks %s %.200s", inner.Method, inner.RequestURI)
		}
		prefer := `odata.maxpagesize=100,odata.include-annotations="Microsoft.Dynamics.CRM.globalmetadataversion"`
		if inner.Header.Get("Prefer") != prefer || inner.Header.Get("Authorization") != "" || inner.Header.Get("If-None-Match") != "null" {
			t.Errorf("the headers inside are %v", inner.Header)
		}
		if info.Next != next {
			t.Fatalf("next %.200s", info.Next)
		}
		if info, err = c.Page(t.Context(), q, info.Next, odata.NewColumns(accountSpecs), b); err != nil || info.Next != "" || b.Rows() != 4 {
			t.Fatalf("the next page: %+v %v", info, err)
		}
		if want := strings.TrimPrefix(next, srv.URL); inner.RequestURI != want {
			t.Errorf("the link inside is %.200s", inner.RequestURI)
		}
	}
}

// TestBatchAnswers checks that what happens inside of a batch is as if there
// was none.
func TestBatchAnswers(t *testing.T) {
	t.Parallel()
	missing := `{"error":{"code":"0x80060888","message":"Resource not found for the segment 'accountz'."}}`
	tests := []struct {
		name   string
		status int
		header http.Header
		body   string
		code   crosswalk.Code
		words  string
		sent   int
	}{
		{"an error of the operation", 200, batchHeader, batchOf("404 Not Found", innerJSON, missing), crosswalk.CodeNotFound, "accountz", 1},
		{"an error that ends the batch", 404, batchHeader, batchOf("404 Not Found", innerJSON, missing), crosswalk.CodeNotFound, "accountz", 1},
		{"bare line feeds", 200, batchHeader, strings.ReplaceAll(batchOf("404 Not Found", innerJSON, missing), "\r\n", "\n"), crosswalk.CodeNotFound, "accountz", 1},
		{"an error of the batch", 403, nil, `{"error":{"code":"0x80040220","message":"no"}}`, crosswalk.CodeForbidden, "no", 1},
		{"busy inside", 200, batchHeader, batchOf("503 Service Unavailable", innerJSON, ""), crosswalk.CodeUnavailable, "Service Unavailable", 6},
		{"a cut batch", 200, batchHeader, strings.TrimSuffix(batchOf("200 OK", innerJSON, onePage), "\r\n--batchresponse_1--\r\n"), crosswalk.CodeUnavailable, "does not answer", 6},
		{"an empty batch", 200, batchHeader, "--batchresponse_1--\r\n", crosswalk.CodeUnavailable, "does not answer", 6},
		{"no answer inside", 200, batchHeader, "--batchresponse_1\r\n\r\nhello\r\n\r\n--batchresponse_1--\r\n", crosswalk.CodeUnavailable, "not data", 3},
		{"an endless head", 200, batchHeader, batchOf("200 OK", "X: "+strings.Repeat("x", 100<<10)+"\r\n"+innerJSON, onePage), crosswalk.CodeUnavailable, "does not answer", 6},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				c := bubble(func(r *http.Request) (*http.Response, error) {
					sent++
					return answer(r, test.status, test.header.Clone(), test.body), nil
				})
				b := column.NewBatch(accountSpecs)
				_, err := c.Page(t.Context(), wide(1500), "", odata.NewColumns(accountSpecs), b)
				personal(t, err, test.code, test.words, "")
				if sent != test.sent || b.Rows() != 0 {
					t.Errorf("%d requests, %d rows", sent, b.Rows())
				}
			})
		})
	}
}

// TestBatchThrottled checks that a limit met inside of a batch closes the
// gate.
func TestBatchThrottled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := bubble(func(r *http.Request) (*http.Response, error) {
			if n++; n == 1 {
				return answer(r, 200, batchHeader.Clone(), batchOf("429 Too Many Requests", "Retry-After: 17\r\n"+innerJSON, limited)), nil
			}
			return answer(r, 200, batchHeader.Clone(), batchOf("200 OK", innerJSON, onePage)), nil
		})
		info, err := c.Page(t.Context(), wide(1500), "", odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs))
		if err != nil || info.Records != 2 || info.Throttled != 17*time.Second {
			t.Errorf("%+v %v", info, err)
		}
		if got := c.Parallelism(); got != 2 {
			t.Errorf("%d requests at a time", got)
		}
	})
}

// TestBatchTooLong checks queries that not even a batch can hold: columns are
// left out, filters cannot be.
func TestBatchTooLong(t *testing.T) {
	t.Parallel()
	var query string
	c := bubble(func(r *http.Request) (*http.Response, error) {
		query = r.URL.RawQuery
		return answer(r, 200, nil, onePage), nil
	})
	q := wide(3000)
	if _, err := c.Page(t.Context(), q, "", odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs)); err != nil {
		t.Fatal(err)
	}
	if want := "$filter=statecode%20eq%200"; query != want {
		t.Errorf("query %.200s", query)
	}
	q.Filter = "name eq '" + strings.Repeat("x", 70_000) + "'"
	_, err := c.Page(t.Context(), q, "", odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs))
	personal(t, err, crosswalk.CodeInvalid, "longer than Dynamics accepts", "filter shorter")
}

// FuzzBatch checks that no answer to a batch does harm: what comes out is a
// page or an error, and rows stay only of a page.
func FuzzBatch(f *testing.F) {
	f.Add(200, "multipart/mixed; boundary=batchresponse_1", batchOf("200 OK", innerJSON, onePage))
	f.Add(200, "multipart/mixed; boundary=x", "--x\n\nHTTP/1.1 200\n\n{}\n--x--")
	f.Add(404, "multipart/mixed; boundary=batchresponse_1", batchOf("404 Not Found", innerJSON, `{"error":{"message":"m"}}`))
	f.Add(400, "application/json", `{"error":{"message":"m"}}`)
	cols := odata.NewColumns(accountSpecs)
	q := wide(1500)
	f.Fuzz(func(t *testing.T, status int, kind, body string) {
		if status < 100 || status > 999 {
			return // not a status
		}
		synctest.Test(t, func(t *testing.T) {
			c := bubble(func(r *http.Request) (*http.Response, error) {
				return answer(r, status, http.Header{"Content-Type": {kind}}, body), nil
			})
			b := column.NewBatch(accountSpecs)
			info, err := c.Page(t.Context(), q, "", cols, b)
			if err != nil && b.Rows() != 0 || err == nil && b.Rows() != info.Records {
				t.Errorf("%d rows, %+v, %v", b.Rows(), info, err)
			}
		})
	})
}

// TestLargePages checks that a page too large for the memory is asked for in
// smaller pieces, and that a bomb is not unpacked.
func TestLargePages(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z, _ := gzip.NewWriterLevel(&bomb, gzip.BestCompression)
	_, _ = io.WriteString(z, `{"value":[`)
	record := `{"name":"` + strings.Repeat("x", 1<<20) + `"},`
	for range 80 {
		_, _ = io.WriteString(z, record)
	}
	_, _ = io.WriteString(z, `{}]}`)
	_ = z.Close()
	for _, always := range []bool{false, true} {
		var asked []string
		c := bubble(func(r *http.Request) (*http.Response, error) {
			size, _, _ := strings.Cut(r.Header.Get("Prefer"), ",")
			asked = append(asked, strings.TrimPrefix(size, "odata.maxpagesize="))
			if always || len(asked) < 3 {
				return answer(r, 200, http.Header{"Content-Encoding": {"gzip"}}, bomb.String()), nil
			}
			return answer(r, 200, nil, onePage), nil
		})
		_, names, err := page(t, c, "")
		if always {
			personal(t, err, crosswalk.CodeUnavailable, "too large", "fewer columns")
			if diff := cmp.Diff([]string{"5000", "625", "78", "9", "1"}, asked); diff != "" || len(names) != 0 {
				t.Errorf("%d rows, asked (-want +got):\n%s", len(names), diff)
			}
			continue
		}
		if err != nil || len(names) != 2 {
			t.Fatalf("%q %v", names, err)
		}
		if _, _, err := page(t, c, ""); err != nil { // it has learned
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"5000", "625", "78", "78"}, asked); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
	}
}

// TestMetadataVersion checks that a client knows the version seen last.
func TestMetadataVersion(t *testing.T) {
	t.Parallel()
	versions := []string{"1", "1", "", "2"}
	n := 0
	c := bubble(func(r *http.Request) (*http.Response, error) {
		n++
		return answer(r, 200, nil, strings.Replace(onePage, "6012567", versions[n-1], 1)), nil
	})
	if got := c.MetadataVersion(); got != "" {
		t.Errorf("version %q before the first page", got)
	}
	for i, want := range []string{"1", "1", "1", "2"} {
		info, _, err := page(t, c, "")
		if err != nil || c.MetadataVersion() != want || info.MetadataVersion != versions[i] {
			t.Errorf("version %q, want %q, %v", c.MetadataVersion(), want, err)
		}
	}
}
