package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/errgroup"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/odata"
	"github.com/crosswalk-data/crosswalk/test/program"
)

// What the client and the sandbox must reach.
const (
	leastShare   = 0.85     // of the decoder alone, by a walk of recorded pages
	mostMemory   = 64 << 20 // bytes of the process that walks
	leastServing = 150_000  // rows a second, by the sandbox
)

// walks are the measures of the client alone.
type walks struct {
	Recorded, Live, Decoder, Serving Measure
}

// list returns them as they are shown.
func (w *walks) list() []Measure { return []Measure{w.Recorded, w.Live, w.Decoder, w.Serving} }

// check returns what falls short, nil when nothing does.
func (w *walks) check() error {
	var short []error
	if w.Recorded.Share < leastShare {
		short = append(short, fmt.Errorf("the walk of recorded pages reaches %.0f %% of the decoder alone; the least is %.0f %%", w.Recorded.Share*100, leastShare*100))
	}
	for _, m := range []Measure{w.Recorded, w.Live} {
		if m.PeakBytes > mostMemory {
			short = append(short, fmt.Errorf("the %s took %d MiB; the most is %d", m.Name, m.PeakBytes>>20, mostMemory>>20))
		}
	}
	if w.Serving.RowsPerSec < leastServing {
		short = append(short, fmt.Errorf("the sandbox serves %.0f rows a second; the least is %d", w.Serving.RowsPerSec, leastServing))
	}
	return errors.Join(short...)
}

// verdict says it in words.
func (w *walks) verdict() string {
	return fmt.Sprintf("The walk of recorded pages reaches %.0f %% of the decoder alone, the walk of the sandbox %.0f %%.", w.Recorded.Share*100, w.Live.Share*100)
}

// recordedPages is how many pages are recorded.
const recordedPages = 20

// measureWalks measures the Dataverse client alone: a process of its own reads
// accounts with 20 columns and throws them away. It reads them from a server
// that only sends recorded pages, and from the sandbox. In the same run it
// measures what could be reached at best: the decoder on the same pages in
// memory, and the sandbox by a client that does not look at what it gets. All
// but the walk of the sandbox is done several times, in turns, as the machine
// may have other things to do; the best counts.
func measureWalks(ctx context.Context, accounts, rounds int, progress io.Writer) (*walks, error) {
	dir, err := os.MkdirTemp("", "crosswalk-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintln(progress, "building")
	path, err := program.Build(dir)
	if err != nil {
		return nil, err
	}
	sandbox, err := program.Start(nil, dir, path, "sandbox", "--listen", "127.0.0.1:0", "--users", "5", "--contacts", "2000",
		"--accounts", strconv.Itoa(accounts), "--log-level", "error")
	if err != nil {
		return nil, err
	}
	defer func() { _ = sandbox.Kill() }()
	token, err := signInToken(ctx, sandbox.Ready.URL)
	if err != nil {
		return nil, err
	}
	w := &walks{}
	fmt.Fprintf(progress, "walking %d accounts of the sandbox\n", accounts)
	if w.Live, err = walkApart(ctx, "walk of the sandbox", sandbox.Ready.URL, token, accounts); err != nil {
		return nil, err
	}
	rec := &recorder{next: &http.Transport{DisableCompression: true}, left: recordedPages}
	if _, err := walkAccounts(ctx, clientOf(sandbox.Ready.URL, token, rec), min(accounts, recordedPages*5000)); err != nil {
		return nil, err
	}
	if err := rec.write(dir); err != nil {
		return nil, err
	}
	address, stop, err := replayApart(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer stop()
	for i := range rounds {
		fmt.Fprintf(progress, "round %d of %d\n", i+1, rounds)
		m, err := decodeAll(rec.pages, twenty, accounts)
		if err != nil {
			return nil, err
		}
		w.Decoder.best(m)
		if m, err = walkApart(ctx, "walk of recorded pages", address, token, accounts); err != nil {
			return nil, err
		}
		w.Recorded.best(m)
		if m, err = rec.serving(ctx, token, accounts); err != nil {
			return nil, err
		}
		w.Serving.best(m)
	}
	w.Live.Share, w.Recorded.Share = w.Live.RowsPerSec/w.Decoder.RowsPerSec, w.Recorded.RowsPerSec/w.Decoder.RowsPerSec
	return w, nil
}

// walk measures the client alone and writes what measureWalks found. It
// returns an error when that falls short.
func walk(ctx context.Context, accounts int, out, progress io.Writer) error {
	w, err := measureWalks(ctx, accounts, 3, progress)
	if err != nil {
		return err
	}
	if err := reportLines(out, w.list(), w.verdict()); err != nil {
		return err
	}
	return w.check()
}

// best takes the place of a slower measure. The most memory stays.
func (m *Measure) best(n Measure) {
	n.PeakBytes = max(m.PeakBytes, n.PeakBytes)
	if m.RowsPerSec > n.RowsPerSec {
		m.PeakBytes = n.PeakBytes
		return
	}
	*m = n
}

// decodeAll inflates and decodes recorded pages, again and again, until there
// are enough rows. No network has a part in it.
func decodeAll(pages [][]byte, specs []column.Spec, enough int) (Measure, error) {
	columns, batch := odata.NewColumns(specs), column.NewBatch(specs)
	z := new(gzip.Reader)
	return alone("decoder alone", func() (rows int64, err error) {
		for i := 0; rows < int64(enough); i++ {
			batch.Reset()
			page, err := decode(z, pages[i%len(pages)], columns, batch)
			if err != nil {
				return rows, err
			}
			rows += int64(page.Records)
		}
		return rows, nil
	})
}

func decode(z *gzip.Reader, body []byte, columns *odata.Columns, into *column.Batch) (odata.Page, error) {
	if err := z.Reset(bytes.NewReader(body)); err != nil {
		return odata.Page{}, err
	}
	return columns.DecodePage(z, into)
}

// recorder keeps the bodies of the next pages as they come over the wire.
type recorder struct {
	next  http.RoundTripper
	left  int
	pages [][]byte
	links []string // where they are
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil || r.left == 0 || !strings.HasSuffix(req.URL.Path, "/accounts") {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	r.left--
	r.pages, r.links = append(r.pages, body), append(r.links, req.URL.String())
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// write writes the pages into files.
func (r *recorder) write(dir string) error {
	for i, page := range r.pages {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.gz", i)), page, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// serving has the sandbox serve the pages that were recorded, again and again
// until there are enough rows, to two callers at once who only count bytes.
func (r *recorder) serving(ctx context.Context, token string, enough int) (Measure, error) {
	rows, err := rowsOf(r.pages)
	if err != nil {
		return Measure{}, err
	}
	var next, served atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for range 2 {
		group.Go(func() error {
			for served.Load() < int64(enough) {
				i := int(next.Add(1)-1) % len(r.links)
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.links[i], nil)
				if err != nil {
					return err
				}
				req.Header.Set("Authorization", "Bearer "+token)
				req.Header.Set("Accept-Encoding", "gzip")
				req.Header.Set("Prefer", "odata.maxpagesize=5000")
				resp, err := r.next.RoundTrip(req)
				if err != nil {
					return err
				}
				_, err = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					return errors.Join(err, fmt.Errorf("the sandbox answered %s", resp.Status))
				}
				served.Add(rows[i])
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return Measure{}, err
	}
	return measure("sandbox alone", served.Load(), time.Since(began)), nil
}

// rowsOf counts the rows of each recorded page.
func rowsOf(pages [][]byte) ([]int64, error) {
	columns, batch := odata.NewColumns(twenty), column.NewBatch(twenty)
	var rows []int64
	for _, p := range pages {
		batch.Reset()
		page, err := decode(new(gzip.Reader), p, columns, batch)
		if err != nil {
			return nil, err
		}
		rows = append(rows, int64(page.Records))
	}
	return rows, nil
}

// relink puts another link to the next page into a page.
func relink(zipped []byte, link string) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	const member = `"@odata.nextLink":"`
	if at := bytes.LastIndex(body, []byte(member)); at >= 0 {
		end := at + len(member) + bytes.IndexByte(body[at+len(member):], '"')
		body = append(append(append([]byte(nil), body[:at+len(member)]...), link...), body[end:]...)
	} else {
		body = append(bytes.TrimRight(body, "} \r\n"), (`,` + member + link + `"}`)...)
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
