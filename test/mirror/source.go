// Package mirror runs a sandbox whose rows change all the time, makes jobs that
// copy its tables, and compares source and target row by row, for tests of runs
// whose servers die.
package mirror

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// Source is an environment whose rows change.
type Source struct {
	Sandbox *sandbox.Sandbox
	URL     string
	token   string
	tokenAt time.Time
}

// NewSource starts a sandbox in this process that does not track changes of
// contacts. It ends with the test.
func NewSource(tb testing.TB, cfg sandbox.Config) *Source {
	tb.Helper()
	s, err := sandbox.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.SetTracked("contact", false); err != nil {
		tb.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	tb.Cleanup(srv.Close)
	return &Source{Sandbox: s, URL: srv.URL}
}

// Keep changes rows until ctx ends, with a pause of at most that length
// between two changes, and returns the error that ended it.
func (s *Source) Keep(ctx context.Context, r *rand.Rand, pause time.Duration) error {
	for {
		if err := s.Change(ctx, r); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(rand.N(pause)): // when it happens is not for the seed to say
		}
	}
}

// Change makes one change, to between one and a few dozen rows. Many changes
// fall into the same second.
func (s *Source) Change(ctx context.Context, r *rand.Rand) error {
	var err error
	entity := []string{"account", "contact"}[r.IntN(2)]
	switch n := r.IntN(12); {
	case n < 5:
		_, err = s.Sandbox.ChangeRows(entity, 1+r.IntN(40), r.Uint64())
	case n < 7:
		_, err = s.Sandbox.InsertRows(entity, 1+r.IntN(8), r.Uint64())
	case n < 9:
		_, err = s.Sandbox.DeleteRows(entity, 1+r.IntN(8), r.Uint64())
	case n == 9 && r.IntN(4) == 0:
		_, err = s.Sandbox.InsertRows("systemuser", 1, r.Uint64())
	case n == 10:
		err = s.hide(ctx, r)
	default:
		err = s.link(ctx, r)
	}
	return err
}

// link gives accounts another parent and another owner, and contacts another
// company.
func (s *Source) link(ctx context.Context, r *rand.Rand) error {
	accounts, err := s.keys(ctx, "accounts", "accountid")
	if err != nil {
		return err
	}
	contacts, err := s.keys(ctx, "contacts", "contactid")
	if err != nil {
		return err
	}
	users, err := s.keys(ctx, "systemusers", "systemuserid")
	if err != nil {
		return err
	}
	for range 1 + r.IntN(4) {
		// The newest rows often, which the target may not have yet.
		parent := pick(r, accounts)
		if r.IntN(2) == 0 {
			parent = pick(r, accounts[len(accounts)*9/10:])
		}
		change := map[string]any{"parentaccountid@odata.bind": "/accounts(" + parent + ")"}
		if r.IntN(5) == 0 {
			change = map[string]any{"parentaccountid@odata.bind": nil}
		}
		if r.IntN(2) == 0 {
			change["ownerid@odata.bind"] = "/systemusers(" + pick(r, users) + ")"
		}
		if err := s.patch(ctx, "accounts("+pick(r, accounts)+")", change); err != nil {
			return err
		}
		if err := s.patch(ctx, "contacts("+pick(r, contacts)+")", map[string]any{"parentcustomerid_account@odata.bind": "/accounts(" + parent + ")"}); err != nil {
			return err
		}
	}
	return nil
}

// hidden is the job title of contacts that the filter leaves out.
const hidden = "Hidden"

// hide puts contacts out of the reach of the filter, or back.
func (s *Source) hide(ctx context.Context, r *rand.Rand) error {
	contacts, err := s.keys(ctx, "contacts", "contactid")
	if err != nil {
		return err
	}
	for range 1 + r.IntN(6) {
		title := hidden
		if r.IntN(3) == 0 {
			title = fmt.Sprintf("Title %d", r.IntN(1000))
		}
		if err := s.patch(ctx, "contacts("+pick(r, contacts)+")", map[string]any{"jobtitle": title}); err != nil {
			return err
		}
	}
	return nil
}

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

func (s *Source) keys(ctx context.Context, set, key string) ([]string, error) {
	rows, err := s.Rows(ctx, set+"?$select="+key)
	keys := make([]string, len(rows))
	for i, row := range rows {
		keys[i] = fmt.Sprint(row[key])
	}
	if err == nil && len(keys) == 0 {
		err = fmt.Errorf("mirror: no %s are left", set)
	}
	return keys, err
}

// Rows returns all rows of a query, with all annotations.
func (s *Source) Rows(ctx context.Context, query string) ([]map[string]any, error) {
	var all []map[string]any
	for next := s.URL + "/api/data/v9.2/" + query; next != ""; {
		var page struct {
			Value []map[string]any `json:"value"`
			Next  string           `json:"@odata.nextLink"`
		}
		if err := s.call(ctx, http.MethodGet, next, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Value...)
		next = page.Next
	}
	return all, nil
}

func (s *Source) patch(ctx context.Context, path string, change map[string]any) error {
	return s.call(ctx, http.MethodPatch, s.URL+"/api/data/v9.2/"+path, change, nil)
}

func (s *Source) call(ctx context.Context, method, address string, in, out any) error {
	if err := s.signIn(ctx); err != nil {
		return err
	}
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", `odata.include-annotations="*"`)
	if in != nil {
		req.Header.Set("If-Match", "*") // nothing is made anew
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if in != nil && resp.StatusCode == http.StatusNotFound {
		return nil // deleted meanwhile
	}
	if resp.StatusCode > 299 {
		return fmt.Errorf("mirror: %s %s: %s: %.500s", method, address, resp.Status, text)
	}
	if out == nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(out)
}

// signIn keeps an access token of the application.
func (s *Source) signIn(ctx context.Context) error {
	if time.Since(s.tokenAt) < 10*time.Minute {
		return nil
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {sandbox.ClientID}, "client_secret": {sandbox.ClientSecret}, "scope": {s.URL + "/.default"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/"+s.Sandbox.TenantID()+"/oauth2/v2.0/token", bytes.NewBufferString(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var grant struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&grant); err != nil || grant.AccessToken == "" {
		return fmt.Errorf("mirror: sign in: %s %w", resp.Status, err)
	}
	s.token, s.tokenAt = grant.AccessToken, time.Now()
	return nil
}
