package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/odata"
	"github.com/crosswalk-data/crosswalk/test/program"
)

// recordedPages is how many pages the decoder is measured with.
const recordedPages = 20

// walk measures the Dataverse client alone: it reads all accounts of a
// sandbox, a process of its own, and throws them away. In the same run it
// measures what the client could do at best: the decoder on pages that are in
// memory already, and the client on the same pages from a server that does
// nothing but send them.
func walk(ctx context.Context, accounts int, out, progress io.Writer) error {
	dir, err := os.MkdirTemp("", "crosswalk-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintln(progress, "building")
	path, err := program.Build(dir)
	if err != nil {
		return err
	}
	sandbox, err := program.Start(nil, dir, path, "sandbox", "--listen", "127.0.0.1:0", "--users", "5", "--contacts", "0",
		"--accounts", strconv.Itoa(accounts), "--log-level", "error")
	if err != nil {
		return err
	}
	defer func() { _ = sandbox.Kill() }()
	token, err := signInToken(ctx, sandbox.Ready.URL)
	if err != nil {
		return err
	}
	rec := &recorder{next: &http.Transport{DisableCompression: true}}
	api := clientOf(sandbox.Ready.URL, token, rec)
	plan, _, entity, err := companySync(ctx, api)
	if err != nil {
		return err
	}
	query := dataverse.Query{EntitySet: entity.EntitySetName, Select: plan.Select, Filter: plan.Filter, Annotations: plan.Annotations}

	fmt.Fprintf(progress, "walking %d accounts\n", accounts)
	walked, err := walkPages(ctx, "walk of the sandbox", api, query, plan, accounts)
	if err != nil {
		return err
	}
	if walked.PeakBytes, err = program.PeakMemory(os.Getpid()); err != nil {
		return err
	}

	// Only now: what is recorded must not count as the client's memory.
	rec.left = recordedPages
	if _, err := walkPages(ctx, "", api, query, plan, recordedPages*5000); err != nil {
		return err
	}
	if err := sandbox.Kill(); err != nil {
		return err
	}
	fmt.Fprintln(progress, "decoding the same pages from memory")
	ceiling, err := decodeAll(rec.pages, plan, accounts)
	if err != nil {
		return err
	}
	fmt.Fprintln(progress, "walking the same pages from a server that only sends")
	replay, err := newReplay(rec.pages)
	if err != nil {
		return err
	}
	defer replay.Close()
	sent, err := walkPages(ctx, "walk of recorded pages", clientOf(replay.URL, token, nil), query, plan, accounts)
	if err != nil {
		return err
	}
	walked.Share, sent.Share = walked.RowsPerSec/ceiling.RowsPerSec, sent.RowsPerSec/ceiling.RowsPerSec
	verdict := fmt.Sprintf("The walk of recorded pages reaches %.0f %% of the decoder alone, the walk of the sandbox %.0f %%.", sent.Share*100, walked.Share*100)
	return report(out, []Measure{walked, sent, ceiling}, verdict)
}

// walkPages reads pages until all are read or there are enough rows.
func walkPages(ctx context.Context, name string, api *dataverse.Client, query dataverse.Query, plan *mapping.Plan, enough int) (Measure, error) {
	columns, batch := odata.NewColumns(plan.Source), plan.NewSourceBatch()
	var rows int64
	began := time.Now()
	for link := ""; ; {
		batch.Reset()
		page, err := api.Page(ctx, query, link, columns, batch)
		if err != nil {
			return Measure{}, err
		}
		rows += int64(page.Records)
		if link = page.Next; link == "" || rows >= int64(enough) {
			return measure(name, rows, time.Since(began)), nil
		}
	}
}

// decodeAll inflates and decodes recorded pages, again and again, until there
// are enough rows.
func decodeAll(pages [][]byte, plan *mapping.Plan, enough int) (Measure, error) {
	columns, batch := odata.NewColumns(plan.Source), plan.NewSourceBatch()
	var rows int64
	z := new(gzip.Reader)
	began := time.Now()
	for i := 0; rows < int64(enough); i++ {
		batch.Reset()
		page, err := decode(z, pages[i%len(pages)], columns, batch)
		if err != nil {
			return Measure{}, err
		}
		rows += int64(page.Records)
	}
	return measure("decoder alone", rows, time.Since(began)), nil
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
	r.pages = append(r.pages, body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// newReplay serves recorded pages round and round. Each links to the next.
func newReplay(pages [][]byte) (*httptest.Server, error) {
	var bodies [][]byte
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	for i, page := range pages {
		body, err := relink(page, fmt.Sprintf("%s/api/data/v9.2/accounts?$skiptoken=%d", server.URL, (i+1)%len(pages)))
		if err != nil {
			server.Close()
			return nil, err
		}
		bodies = append(bodies, body)
	}
	mux.HandleFunc("/api/data/v9.2/accounts", func(w http.ResponseWriter, r *http.Request) {
		i, err := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
		if err != nil {
			i = 0 // the first page
		}
		w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bodies[i%len(bodies)])
	})
	return server, nil
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
