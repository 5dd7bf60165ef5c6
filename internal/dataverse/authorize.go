package dataverse

import (
	"context"
	"io"
	"net/http"
)

// authorizer adds the access token. When the server refuses the token, it gets a
// new one and tries once more.
type authorizer struct {
	next  http.RoundTripper
	token func(ctx context.Context, force bool) (string, error)
	told  func(token, claims string) // called with a claims challenge; may be nil
}

func (a *authorizer) RoundTrip(req *http.Request) (*http.Response, error) {
	token, err := a.token(req.Context(), false)
	if err != nil {
		return nil, &tokenError{err}
	}
	resp, err := a.send(req, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	_ = resp.Body.Close()
	if claims := demandedClaims(resp.Header.Values("Www-Authenticate")); claims != "" && a.told != nil {
		a.told(token, claims)
	}
	// Another request may have met the same refusal and already got a new token.
	fresh, err := a.token(req.Context(), false)
	if err == nil && fresh == token {
		fresh, err = a.token(req.Context(), true)
	}
	if err != nil {
		return nil, &tokenError{err}
	}
	return a.send(req, fresh)
}

func (a *authorizer) send(req *http.Request, token string) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+token)
	return a.next.RoundTrip(req)
}

// tokenError says that there is no token. Its cause explains itself.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }
