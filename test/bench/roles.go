package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
	"github.com/crosswalk-data/crosswalk/test/program"
)

// roleVariable makes this program play a part in a process of its own, so that
// neither its memory nor its time is that of what is measured.
const roleVariable = "CROSSWALK_BENCH_ROLE"

// role is a part. It stands in roleVariable as JSON.
type role struct {
	Pages       string `json:"pages,omitempty"`       // serve the recorded pages of this folder, or
	Environment string `json:"environment,omitempty"` // walk the accounts at this address
	Token       string `json:"token,omitempty"`
	Rows        int    `json:"rows,omitempty"`
}

// play plays the part that the environment names, and tells whether it names
// any.
func play() (bool, error) {
	text := os.Getenv(roleVariable)
	if text == "" {
		return false, nil
	}
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return true, err
	}
	if r.Pages != "" {
		return true, replay(r.Pages, os.Stdout)
	}
	m, err := walkAccounts(context.Background(), clientOf(r.Environment, r.Token, nil), r.Rows)
	if err != nil {
		return true, err
	}
	return true, json.NewEncoder(os.Stdout).Encode(m)
}

// command starts this program in a role.
func (r role) command(ctx context.Context) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(program.Environ(), roleVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// twenty are the columns that are read: of every kind there is.
var twenty = []column.Spec{
	{Name: "accountid", Kind: column.GUID},
	{Name: "name", Kind: column.Text},
	{Name: "accountnumber", Kind: column.Text},
	{Name: "industrycode", Kind: column.Int},
	{Name: "numberofemployees", Kind: column.Int},
	{Name: "revenue", Kind: column.Decimal},
	{Name: "statecode", Kind: column.Int},
	{Name: "telephone1", Kind: column.Text},
	{Name: "websiteurl", Kind: column.Text},
	{Name: "address1_city", Kind: column.Text},
	{Name: "address1_country", Kind: column.Text},
	{Name: "description", Kind: column.Text},
	{Name: "createdon", Kind: column.Time},
	{Name: "modifiedon", Kind: column.Time},
	{Name: "_ownerid_value", Kind: column.GUID},
	{Name: "_primarycontactid_value", Kind: column.GUID},
	{Name: "_parentaccountid_value", Kind: column.GUID},
	{Name: "address1_line1", Kind: column.Text},
	{Name: "address1_postalcode", Kind: column.Text},
	{Name: "donotphone", Kind: column.Bool},
}

// accountsQuery returns the query for those columns.
func accountsQuery() dataverse.Query {
	q := dataverse.Query{EntitySet: "accounts"}
	for _, c := range twenty {
		q.Select = append(q.Select, c.Name)
	}
	return q
}

// walkAccounts reads pages of accounts and throws them away, until all are
// read or there are enough.
func walkAccounts(ctx context.Context, api *dataverse.Client, enough int) (Measure, error) {
	columns, batch := odata.NewColumns(twenty), column.NewBatch(twenty)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var rows int64
	began := time.Now()
	for link := ""; ; {
		batch.Reset()
		page, err := api.Page(ctx, accountsQuery(), link, columns, batch)
		if err != nil {
			return Measure{}, err
		}
		rows += int64(page.Records)
		if link = page.Next; link == "" || rows >= int64(enough) {
			break
		}
	}
	m := measure("", rows, time.Since(began))
	runtime.ReadMemStats(&after)
	m.Allocated = int64(after.TotalAlloc - before.TotalAlloc)
	var err error
	m.PeakBytes, err = program.PeakMemory(os.Getpid())
	return m, err
}

// walkApart walks in a process of its own.
func walkApart(ctx context.Context, name, environment, token string, rows int) (Measure, error) {
	cmd, err := role{Environment: environment, Token: token, Rows: rows}.command(ctx)
	if err != nil {
		return Measure{}, err
	}
	out, err := cmd.Output()
	if err != nil {
		return Measure{}, fmt.Errorf("%s: %w", name, err)
	}
	var m Measure
	if err := json.Unmarshal(out, &m); err != nil {
		return m, fmt.Errorf("%s: %w in %s", name, err, out)
	}
	m.Name = name
	return m, nil
}

// replayApart serves recorded pages from a process of its own until the
// returned function is called.
func replayApart(ctx context.Context, dir string) (address string, stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd, err := role{Pages: dir}.command(ctx)
	if err != nil {
		cancel()
		return "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return "", nil, err
	}
	stop = func() {
		cancel()
		_ = cmd.Wait() // it was killed
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("serve recorded pages: %w", err)
	}
	return strings.TrimSpace(line), stop, nil
}

// replay serves the recorded pages of a folder round and round, each with a
// link to the next, and does nothing else. It prints its address and serves
// until the process ends.
func replay(dir string, out io.Writer) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.gz"))
	if err != nil || len(names) == 0 {
		return errors.Join(err, errors.New("no recorded pages"))
	}
	slices.Sort(names)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := "http://" + listener.Addr().String()
	var bodies [][]byte
	for i, name := range names {
		page, err := os.ReadFile(name)
		if err == nil {
			page, err = relink(page, fmt.Sprintf("%s/api/data/v9.2/accounts?$skiptoken=%d", address, (i+1)%len(names)))
		}
		if err != nil {
			return err
		}
		bodies = append(bodies, page)
	}
	if _, err := fmt.Fprintln(out, address); err != nil {
		return err
	}
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i, err := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
		if err != nil {
			i = 0 // the first page
		}
		body := bodies[i%len(bodies)]
		w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}))
}
