package script

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/crosswalk-data/crosswalk/internal/sandbox/visitor"
	"github.com/crosswalk-data/crosswalk/test/program"
)

// count asks a sandbox for the number of records. It reads the Web API by
// hand, page by page and without any of Crosswalk's client, so that a count
// that is wrong on both sides does not pass.
func count(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: count NAME SET FILTER")
	}
	p := ts.Value("servers").(map[string]*program.Process)[args[0]]
	if p == nil {
		ts.Fatalf("no server %q", args[0])
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	token, err := signIn(ctx, p)
	ts.Check(err)
	q := url.Values{"$select": {"createdon"}}
	if args[2] != "" {
		q.Set("$filter", args[2])
	}
	n := 0
	for next := p.Ready.URL + "/api/data/v9.2/" + args[1] + "?" + q.Encode(); next != ""; {
		var page struct {
			Value []json.RawMessage `json:"value"`
			Next  string            `json:"@odata.nextLink"`
		}
		ts.Check(getJSON(ctx, next, token, &page))
		n, next = n+len(page.Value), page.Next
	}
	ts.Setenv("count", strconv.Itoa(n))
}

// signIn returns an access token of the sandbox's first person.
func signIn(ctx context.Context, p *program.Process) (string, error) {
	const back = "http://127.0.0.1:1/oauth/callback"
	scope := p.Ready.URL + "/user_impersonation"
	q := url.Values{
		"client_id": {p.Ready.ClientID}, "response_type": {"code"}, "redirect_uri": {back}, "scope": {scope}, "state": {"s"},
	}
	end, err := visitor.Visit(ctx, p.Ready.URL+"/organizations/oauth2/v2.0/authorize?"+q.Encode(), visitor.Accept, func(u *url.URL) (bool, error) {
		return u.Path == "/oauth/callback", nil
	})
	if err != nil {
		return "", err
	}
	res, err := http.PostForm(p.Ready.URL+"/organizations/oauth2/v2.0/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {end.Query().Get("code")}, "redirect_uri": {back},
		"client_id": {p.Ready.ClientID}, "client_secret": {p.Ready.ClientSecret}, "scope": {scope},
	})
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	var grant struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(text, &grant); err != nil || grant.AccessToken == "" {
		return "", fmt.Errorf("no access token: %s", text)
	}
	return grant.AccessToken, nil
}

func getJSON(ctx context.Context, address, token string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 2000))
		return fmt.Errorf("GET %s: %s: %s", address, res.Status, strings.TrimSpace(string(text)))
	}
	return json.NewDecoder(res.Body).Decode(v)
}
