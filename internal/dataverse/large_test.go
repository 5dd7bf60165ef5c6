package dataverse_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
)

// growth runs fn and returns by how much the heap grew meanwhile.
func growth(fn func()) int64 {
	before := heap()
	peak := before
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
				peak = max(peak, heap())
			}
		}
	}()
	fn()
	close(stop)
	<-stopped
	return int64(peak) - int64(before)
}

// counting counts what is written through it, and fails when that is far more
// than anybody should take.
type counting struct {
	io.Writer
	n *atomic.Int64
}

func (c counting) Write(p []byte) (int, error) {
	if c.n.Add(int64(len(p))) > 2<<30 {
		return 0, io.ErrShortWrite
	}
	return c.Writer.Write(p)
}

// TestEndlessAnswers has a server send bodies without end, as they are and as
// bombs, and watches how much of them is taken and what that costs in memory.
// It does not run beside other tests, whose memory it would count.
func TestEndlessAnswers(t *testing.T) {
	const megabyte = 1 << 20
	record := `{"accountid":"78914942-34cb-ed11-b596-0022481d68cd","name":"` + strings.Repeat("x", 4000) + `"},`
	definition := `{"LogicalName":"new_table","EntitySetName":"new_tables","Description":"` + strings.Repeat("x", 40_000) + `"},`
	read := func(c *dataverse.Client) error { _, _, err := page(t, c, ""); return err }
	list := func(c *dataverse.Client) error { _, err := c.Entities(t.Context()); return err }
	who := func(c *dataverse.Client) error { _, err := c.WhoAmI(t.Context()); return err }
	for _, test := range []struct {
		name   string
		status int
		begin  string
		again  string // without end
		do     func(c *dataverse.Client) error
		code   crosswalk.Code
		words  string
		most   int64 // megabytes of text taken
		heap   int64 // megabytes that the heap may grow by
	}{
		{"page", 200, `{"value":[`, record, read, crosswalk.CodeUnavailable, "too large", 5 * 65, 350},
		{"spaces", 200, ``, strings.Repeat(" ", 4096), read, crosswalk.CodeUnavailable, "not data", 5 * 65, 200},
		{"document", 200, `{"UserId":"`, strings.Repeat("x", 4096), who, crosswalk.CodeUnavailable, "too large", 17, 128},
		{"metadata", 200, `{"value":[`, definition, list, crosswalk.CodeUnavailable, "too large", 258, 64},
		{"one item of metadata", 200, `{"value":[{"LogicalName":"`, strings.Repeat("x", 4096), list, crosswalk.CodeUnavailable, "too large", 9, 64},
		{"error", 400, `{"error":{"message":"`, strings.Repeat("x", 4096), read, crosswalk.CodeInvalid, "Could not read", 2, 32},
		{"web page", 200, `<html>`, strings.Repeat("x", 4096), read, crosswalk.CodeUnavailable, "not data", 5, 32},
	} {
		for _, zipped := range []bool{false, true} {
			t.Run(fmt.Sprint(test.name, " zipped ", zipped), func(t *testing.T) {
				var taken atomic.Int64
				c, _ := client(t, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", jsonType)
					if test.name == "web page" {
						w.Header().Set("Content-Type", "text/html")
					}
					var out io.Writer = w
					if zipped {
						w.Header().Set("Content-Encoding", "gzip")
						z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
						defer z.Close()
						out = z
					}
					w.WriteHeader(test.status)
					out = counting{out, &taken}
					_, err := io.WriteString(out, test.begin)
					for piece := bytes.Repeat([]byte(test.again), max(1, 64<<10/len(test.again))); err == nil; {
						_, err = out.Write(piece)
					}
				})
				var err error
				grown := growth(func() { err = test.do(c) })
				personal(t, err, test.code, test.words, "")
				// What is on the way in buffers is sent, and not taken: zipped that
				// is a lot of text.
				if n := taken.Load() / megabyte; !zipped && n > test.most+40 {
					t.Errorf("%d MB were taken, want %d at most", n, test.most)
				}
				if grown/megabyte > test.heap {
					t.Errorf("the heap grew by %d MB, want %d at most", grown/megabyte, test.heap)
				}
				t.Logf("%d MB sent, the heap grew by %d MB", taken.Load()/megabyte, grown/megabyte)
			})
		}
	}
}

// TestHundredMegabytesOfMetadata reads a list of tables as large as that and
// watches the memory.
func TestHundredMegabytesOfMetadata(t *testing.T) {
	const tables = 2700
	noise := strings.Repeat("described at length ", 2000)
	var sent atomic.Int64
	c, _ := client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		out := counting{w, &sent}
		_, _ = io.WriteString(out, `{"value":[`)
		for i := range tables {
			comma := ","
			if i == 0 {
				comma = ""
			}
			_, _ = fmt.Fprintf(out, `%s{"LogicalName":"new_t%d","EntitySetName":"new_t%[2]ds","PrimaryIdAttribute":"new_id","OwnershipType":"UserOwned","Description":%q}`, comma, i, noise)
		}
		_, _ = io.WriteString(out, `]}`)
	})
	var list []crosswalk.Entity
	var err error
	grown := growth(func() { list, err = c.Entities(t.Context()) })
	if err != nil || len(list) != tables || sent.Load() < 100<<20 {
		t.Fatalf("%d tables of %d MB, %v", len(list), sent.Load()>>20, err)
	}
	if grown > 48<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
}

// TestHeadersWithoutEnd checks what headers of an answer may cost: ten
// thousand small ones are taken, more than 256 KB are not.
func TestHeadersWithoutEnd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		value string
		ok    bool
	}{"small": {"x", true}, "large": {strings.Repeat("x", 100), false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, srv := client(t, func(w http.ResponseWriter, _ *http.Request) {
				for i := range 10_000 {
					w.Header()[fmt.Sprintf("X%d", i)] = []string{test.value}
				}
				w.Header().Set("Content-Type", jsonType)
				_, _ = io.WriteString(w, onePage)
			})
			c := dataverse.New(dataverse.Config{BaseURL: srv.URL, Token: func(context.Context, bool) (string, error) { return "t", nil }})
			_, names, err := page(t, c, "")
			if test.ok && (err != nil || len(names) != 2) {
				t.Errorf("%q %v", names, err)
			}
			if !test.ok {
				personal(t, err, crosswalk.CodeUnavailable, "", "again")
			}
		})
	}
}
