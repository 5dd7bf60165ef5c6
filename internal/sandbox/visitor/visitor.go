// Package visitor handles the sandbox's sign-in pages the way a person with a
// browser would: it follows redirects, keeps cookies, picks an account and
// accepts or declines the permissions. The demo, the command line and the tests
// use it. It only ever talks to this machine.
package visitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// What a visitor can decide on the consent page.
const (
	Accept  = "accept"
	Decline = "decline"
)

// The limits of a sign-in.
const (
	maxSignInPages = 20
	maxSignInPage  = 1 << 20
)

// SignIn opens the address of a sign-in, picks the first account and decides
// about the permissions. It ends on the way to the page of Crosswalk that
// follows the callback, without loading that page. It returns CodeForbidden
// when the sign-in is not on this machine; CodeConflict when it should decline
// but was not asked, because the permissions were granted before; and
// CodeUnauthorized when the sign-in fails, in which case Crosswalk keeps the
// reason with the connection, or ends in any other way.
func SignIn(ctx context.Context, address, decision string) error {
	_, err := Visit(ctx, address, decision, signInEnded)
	return err
}

// Visit does the same as SignIn but ends before it loads an address for which
// until reports true, and returns that address.
func Visit(ctx context.Context, address, decision string, until func(*url.URL) (bool, error)) (*url.URL, error) {
	here, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("read the sign-in address: %w", err)
	}
	if !crosswalk.IsLoopback(here.Hostname()) {
		return nil, crosswalk.Errorf(crosswalk.CodeForbidden, "The sign-in page is at %s, which is not a sandbox on this machine.", here.Host).
			WithHint("Sign in there with a browser.")
	}
	jar, _ := cookiejar.New(nil) // never fails without options
	browser := &http.Client{
		Jar:           jar,
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	next, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("read the sign-in address: %w", err)
	}
	asked := false
	for range maxSignInPages {
		if done, err := until(next.URL); done {
			if err == nil && decision == Decline && !asked {
				err = crosswalk.Errorf(crosswalk.CodeConflict, "The sign-in did not ask for permissions, so nothing was declined.").
					WithHint("They were granted before. The sign-in went through.")
			}
			return next.URL, err
		}
		var decided bool
		if next, decided, err = answerPage(ctx, browser, next, decision); err != nil {
			return nil, err
		}
		asked = asked || decided
	}
	return nil, errors.New("the sign-in goes on for too many pages")
}

// signInEnded reports whether the address is the page of Crosswalk after its
// callback, and that it reports a failure.
func signInEnded(u *url.URL) (bool, error) {
	q := u.Query()
	if q.Get("failed") != "" {
		return true, crosswalk.Errorf(crosswalk.CodeUnauthorized, "The sign-in failed.").WithHint("The connection says why.")
	}
	return q.Get("authorized") != "", nil
}

// answerPage loads a page and returns the request that leaves it, and whether
// that is the decision about the permissions.
func answerPage(ctx context.Context, browser *http.Client, req *http.Request, decision string) (next *http.Request, decided bool, err error) {
	res, err := browser.Do(req)
	if err != nil {
		return nil, false, fmt.Errorf("load the sign-in page: %w", err)
	}
	defer res.Body.Close()
	if location := res.Header.Get("Location"); res.StatusCode >= 300 && res.StatusCode < 400 && location != "" {
		next, err = navigate(ctx, req.URL, http.MethodGet, location, nil)
		return next, false, err
	}
	page, err := io.ReadAll(io.LimitReader(res.Body, maxSignInPage))
	if err != nil {
		return nil, false, fmt.Errorf("load the sign-in page: %w", err)
	}
	forms := parseForms(string(page))
	f, decided := press(forms, "decision", decision)
	ok := decided
	if !ok {
		f, ok = press(forms, "account", "")
	}
	if !ok {
		return nil, false, crosswalk.Errorf(crosswalk.CodeUnauthorized, "The sign-in ended at %s with status %d and nothing to answer.", req.URL.Redacted(), res.StatusCode).
			WithHint("Open the address in a browser to see the page.")
	}
	next, err = navigate(ctx, req.URL, f.method, f.action, f.values)
	return next, decided, err
}

// navigate makes the request of a browser on page from that follows a link
// or sends a form. It stays on this machine.
func navigate(ctx context.Context, from *url.URL, method, target string, values url.Values) (*http.Request, error) {
	to, err := from.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("follow the sign-in page: %w", err)
	}
	if !crosswalk.IsLoopback(to.Hostname()) {
		return nil, crosswalk.Errorf(crosswalk.CodeForbidden, "The sign-in leads to %s, which is not on this machine.", to.Host)
	}
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(values.Encode())
	} else if values != nil {
		to.RawQuery = values.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, to.String(), body)
	if err != nil {
		return nil, fmt.Errorf("follow the sign-in page: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", from.Scheme+"://"+from.Host)
	}
	return req, nil
}
