package e2e_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// An answer with a status of success that is not a page is refused as a whole:
// nothing of it is stored. Once, the run does not mind; for as long as it goes
// on, the run says so and stands behind the last good page.
func TestNotAPage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind    string
		edit    func(page string) string // what comes in place of a page
		says    string
		forever bool // try that too: it takes the longer the likelier it is to pass
	}{
		"an error": {"", func(string) string {
			return `{"error":{"code":"0x80044151","message":"SQL timeout expired."}}`
		}, "", false},
		"an error behind the records": {"", func(page string) string {
			return strings.TrimSuffix(strings.TrimSpace(page), "}") + `,"error":{"code":"0x80044151","message":"SQL timeout expired."}}`
		}, "", false},
		"a page to sign in": {"text/html; charset=utf-8", func(string) string {
			return "<!DOCTYPE html><html><head><title>Sign in to your account</title></head><body></body></html>"
		}, "not data", true},
		"a page to sign in, as JSON": {"", func(string) string {
			return "<!DOCTYPE html><html><head><title>Sign in to your account</title></head><body></body></html>"
		}, "not data", true},
		"cut in a record":       {"", func(page string) string { return page[:len(page)*2/3] }, "", false},
		"cut between records":   {"", func(page string) string { return page[:strings.LastIndex(page, `},{`)+1] }, "", false},
		"cut behind the rows":   {"", func(page string) string { return page[:strings.LastIndex(page, `}]`)+2] }, "", false},
		"records without names": {"", func(page string) string { return strings.Replace(page, `"value":`, `"values":`, 1) }, "not data", true},
		"nothing":               {"", func(string) string { return "" }, "", false},
	}
	inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				k := newKeeper(t, fresh(t), 200, nil)
				var times atomic.Int32 // that are still to come
				var struck atomic.Int32
				env := k.sandbox.Handler()
				k.sandbox.Inject(func(rw http.ResponseWriter, r *http.Request) bool {
					if r.Header.Get("Spared") != "" || !strings.Contains(r.URL.RawQuery, "skiptoken") || times.Add(-1) < 0 {
						return false
					}
					struck.Add(1)
					r = r.Clone(r.Context())
					r.Header.Del("Accept-Encoding")
					r.Header.Set("Spared", "yes")
					good := httptest.NewRecorder()
					env.ServeHTTP(good, r)
					rw.Header().Set("Content-Type", good.Header().Get("Content-Type"))
					if test.kind != "" {
						rw.Header().Set("Content-Type", test.kind)
					}
					_, _ = io.WriteString(rw, test.edit(good.Body.String()))
					return true
				})
				if test.forever {
					times.Store(1 << 30)
					run, err := k.client.StartRun(t.Context(), k.job.ID, crosswalk.Scope{})
					k.must(err)
					run = k.says(run, test.says)
					if run.Hint == "" || run.Counts.Read != 50 || k.rows("Company") != 50 {
						t.Errorf("meanwhile: %q (%q) %+v, %d rows", run.Message, run.Hint, run.Counts, k.rows("Company"))
					}
					times.Store(0)
					k.ended(k.wait(run), crosswalk.RunSuccess, "")
					k.equal("when it is over", "")
					return
				}
				times.Store(2)
				if run := k.runs(crosswalk.RunSuccess, ""); run.Counts.Inserted != 200 || struck.Load() != 2 {
					t.Errorf("%+v, struck %d times", run.Counts, struck.Load())
				}
				k.equal("in spite of it", "")
			})
		}
	})
}

// Pages that are valid JSON but cut, and so seem to be the last ones, take no
// rows away and do not pass for all there is; where the last page happens to
// be full, the run finds out.
func TestCutPages(t *testing.T) {
	t.Parallel()
	next := regexp.MustCompile(`,"@odata\.(nextLink|deltaLink)":"[^"]*"`)
	for _, mode := range []crosswalk.LoadMode{crosswalk.LoadIncremental, crosswalk.LoadFull} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
				k := newKeeper(t, fresh(t), 200, func(in *client.JobInput) { in.LoadMode = mode })
				k.runs(crosswalk.RunSuccess, "")
				k.equal("four full pages", "")
				var struck atomic.Int32
				cut := func(answer []byte) []byte {
					if bytes.Count(answer, []byte(`"@odata.etag"`)) < 20 {
						return answer
					}
					struck.Add(1)
					return next.ReplaceAll(answer, nil)
				}
				k.edit.Store(&cut)
				run, err := k.client.StartRun(t.Context(), k.job.ID, everything)
				k.must(err)
				run = k.says(run, "says that there are no more")
				if run.Hint == "" || run.Counts.Read != 0 || run.Counts.Deleted != 0 || k.rows("Company") != 200 {
					t.Errorf("%q (%q) %+v, %d rows", run.Message, run.Hint, run.Counts, k.rows("Company"))
				}
				k.edit.Store(nil)
				if run = k.ended(k.wait(run), crosswalk.RunSuccess, ""); run.Counts.Deleted != 0 || struck.Load() == 0 {
					t.Errorf("%+v, struck %d times", run.Counts, struck.Load())
				}
				k.equal("when they are whole again", "")
			})
		})
	}
}

// A link to the changes that Dynamics does not take, for whatever reason, leads
// to everything being read again, and then changes are tracked again.
func TestInvalidDeltaToken(t *testing.T) {
	t.Parallel()
	inSmallPages(t, func(t *testing.T, fresh func(t *testing.T) server.Config) {
		k := newKeeper(t, fresh(t), 200, nil)
		token := regexp.MustCompile(`deltatoken=[^"]*"`)
		nonsense := func(answer []byte) []byte { return token.ReplaceAll(answer, []byte(`deltatoken=nonsense"`)) }
		k.edit.Store(&nonsense)
		k.runs(crosswalk.RunSuccess, "first run")
		k.edit.Store(nil)
		n := k.change(1, 20, 5, 7)
		run := k.runs(crosswalk.RunSuccess, "Every record. Dynamics does not take the link to what has changed since the last read: The delta token 'nonsense' is not valid.")
		if run.Counts.Deleted != n.deleted || run.Counts.Inserted != n.inserted {
			t.Errorf("after %+v: %+v", n, run.Counts)
		}
		k.equal("read again", "")
		n = k.change(11, 20, 5, 7)
		if run := k.runs(crosswalk.RunSuccess, "by change tracking"); run.Counts.Deleted != n.deleted || run.Counts.Read > n.changed+n.inserted {
			t.Errorf("after %+v: %+v", n, run.Counts)
		}
		k.equal("tracked again", "")
	})
}
