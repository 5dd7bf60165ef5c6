package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// Grant is what the token endpoint gave. Printing it shows no token.
type Grant struct {
	AccessToken  string
	RefreshToken string
	ExpiresAt    time.Time // of the access token
	Scopes       []string  // what was granted, which need not be what was asked for

	// Who signed in, from the id token; empty after Refresh. TenantID and
	// ObjectID together identify the person; the names may change.
	TenantID    string
	ObjectID    string
	UserName    string
	DisplayName string
}

// String describes the grant without its tokens.
func (g *Grant) String() string {
	if g == nil {
		return "oauth.Grant(nil)"
	}
	return fmt.Sprintf("oauth.Grant(%s until %s)", strings.Join(g.Scopes, " "), g.ExpiresAt.UTC().Format(time.RFC3339))
}

// GoString is String, so that %#v shows no token either.
func (g *Grant) GoString() string { return g.String() }

// LogValue is String for structured logs.
func (g *Grant) LogValue() slog.Value { return slog.StringValue(g.String()) }

// Exchange redeems the code that the browser brought back. The verifier and the
// nonce are those given to AuthCodeURL. It returns an *Error when Microsoft refuses,
// and a *crosswalk.Error of CodeInvalid when the answer belongs to another sign-in or
// tenant, or lacks a refresh token.
func (c Config) Exchange(ctx context.Context, code, verifier, nonce string) (*Grant, error) {
	answer, err := c.post(ctx, url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"redirect_uri":  {c.RedirectURL},
		"code_verifier": {verifier},
		"scope":         {c.scope()},
	}, code, verifier)
	if err != nil {
		return nil, err
	}
	g := answer.grant(c.now())
	if g.RefreshToken == "" {
		return nil, crosswalk.Errorf(crosswalk.CodeInvalid, "Microsoft gave no lasting permission (refresh token).").
			WithHint("Authorize again and accept all permissions, among them to keep access to data.")
	}
	if err := c.identify(answer.IDToken, nonce, g); err != nil {
		return nil, err
	}
	return g, nil
}

// Refresh gets a new access token. Microsoft sends a new refresh token with
// it; if it sends none, the grant holds the one given. It returns an *Error
// when Microsoft refuses or does not answer properly.
func (c Config) Refresh(ctx context.Context, refreshToken string) (*Grant, error) {
	answer, err := c.post(ctx, url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {refreshToken},
		"scope":         {c.scope()},
	}, refreshToken)
	if err != nil {
		return nil, err
	}
	g := answer.grant(c.now())
	if g.RefreshToken == "" {
		g.RefreshToken = refreshToken
	}
	return g, nil
}

// tokenAnswer is the JSON of a successful answer. Numbers may come as
// strings from older endpoints.
type tokenAnswer struct {
	TokenType    string  `json:"token_type"`
	Scope        string  `json:"scope"`
	ExpiresIn    seconds `json:"expires_in"`
	AccessToken  string  `json:"access_token"`
	RefreshToken string  `json:"refresh_token"`
	IDToken      string  `json:"id_token"`
}

func (a *tokenAnswer) grant(now time.Time) *Grant {
	return &Grant{
		AccessToken:  a.AccessToken,
		RefreshToken: a.RefreshToken,
		ExpiresAt:    now.Add(a.ExpiresIn.duration()).UTC(),
		Scopes:       strings.Fields(a.Scope),
	}
}

// seconds reads 3600, "3600" and 3600.0.
type seconds float64

func (s *seconds) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "" || text == "null" {
		return nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return errors.New("a number of seconds is not a number")
	}
	*s = seconds(f)
	return nil
}

// duration treats a missing lifetime as the shortest that Microsoft gives an access
// token, and none as longer than about a day: the next refresh then comes too early
// rather than too late.
func (s seconds) duration() time.Duration {
	const shortest, longest = 3600, 28 * 3600
	if s <= 0 {
		s = shortest
	}
	return time.Duration(min(float64(s), longest) * float64(time.Second))
}

// maxAnswer bounds the body of an answer that is read.
const maxAnswer = 1 << 20

var plainClient = &http.Client{Timeout: 30 * time.Second}

// post sends a token request. The secrets are blotted out of whatever the server
// answers.
func (c Config) post(ctx context.Context, form url.Values, secrets ...string) (*tokenAnswer, error) {
	if err := CheckAuthority(c.Authority, c.Resource); err != nil {
		return nil, err
	}
	form.Set("client_id", c.ClientID)
	form.Set("claims", mergeClaims(c.Claims))
	switch {
	case c.Certificate != nil:
		assertion, err := c.Certificate.assertion(c.ClientID, c.endpoint("token"), c.now())
		if err != nil {
			return nil, err
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
		secrets = append(secrets, assertion)
	case c.ClientSecret != "":
		form.Set("client_secret", c.ClientSecret)
		secrets = append(secrets, c.ClientSecret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint("token"), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("making the token request: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")

	client := plainClient
	if c.HTTP != nil {
		client = c.HTTP
	}
	// A redirect would carry the secret somewhere else; it is an answer like
	// any other that is not JSON.
	once := *client
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := once.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &Error{cause: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &Error{Status: resp.StatusCode, cause: fmt.Errorf("reading the answer: %w", err)}
	}
	if resp.StatusCode != http.StatusOK {
		refusal := parseError(resp, body, c.now(), secrets)
		refusal.Application = form.Get("grant_type") == "client_credentials"
		return nil, refusal
	}
	var answer tokenAnswer
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&answer); err != nil {
		return nil, &Error{Status: resp.StatusCode, cause: errors.New("the answer is not JSON")}
	}
	if answer.AccessToken == "" || !strings.EqualFold(answer.TokenType, "Bearer") {
		return nil, &Error{Status: resp.StatusCode, cause: errors.New("the answer holds no bearer token")}
	}
	return &answer, nil
}
