package oauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// Tokens are the stored tokens of a connection. Printing them shows none.
type Tokens struct {
	AccessToken  string
	RefreshToken string
	ExpiresAt    time.Time // of the access token
	Version      int64     // rises by one with every change of the stored tokens
}

// String describes the tokens without showing them.
func (t Tokens) String() string {
	return fmt.Sprintf("oauth.Tokens(version %d until %s)", t.Version, t.ExpiresAt.UTC().Format(time.RFC3339))
}

// GoString is String, so that %#v shows no token either.
func (t Tokens) GoString() string { return t.String() }

// LogValue is String for structured logs.
func (t Tokens) LogValue() slog.Value { return slog.StringValue(t.String()) }

const (
	// Ahead is how long before it expires an access token is replaced.
	Ahead = 5 * time.Minute

	// youngToken is how long after a refresh no other is forced: whoever asks
	// for one most likely held the token before it, and Microsoft blocks clients
	// that loop (AADSTS50196).
	youngToken = 10 * time.Second

	// rest is how long a failed refresh is not tried again.
	rest = 10 * time.Second

	refreshTimeout = 2 * time.Minute // one refresh with its loads and saves
	rounds         = 4               // how many times a lost race is run again
)

// Source hands out access tokens of one connection and refreshes them before
// they expire. However many callers ask at once, one refresh is in flight in
// this process; between processes the compare-and-swap of Save decides, and
// the loser takes what the winner stored. Tokens are stored before they are
// used and never deleted by a Source. Whoever changes them from outside, by an
// authorization or a revocation, makes a new Source. It is safe for concurrent
// use; fields must not be changed after the first call.
type Source struct {
	// Load returns the stored tokens.
	Load func(ctx context.Context) (Tokens, error)

	// Save stores new in place of old if the stored version still is
	// old.Version, and reports whether it did. new.Version is old.Version+1.
	Save func(ctx context.Context, old, new Tokens) (saved bool, err error)

	// Refresh gets a new grant: Config.Refresh, or for an Application
	// Config.Credentials. Claims (JSON), when not empty, are what the
	// environment demanded; see Config.Claims.
	Refresh func(ctx context.Context, refreshToken, claims string) (*Grant, error)

	// Application says that there is no refresh token: the app registration
	// gets each token anew.
	Application bool

	// Refused, if not nil, is called when no token can be had until a person
	// acts, before the callers get that error: one of CodeDisconnected when the
	// authorization itself is refused, of CodeConflict when it stands and the
	// set-up must be corrected. It changes nothing and reports false when the
	// stored version is no longer used.Version: the refusal then says nothing
	// about the newer tokens.
	Refused func(ctx context.Context, used Tokens, cause *crosswalk.Error) (stands bool)

	Now func() time.Time // nil means time.Now

	mu        sync.Mutex
	current   Tokens // as last loaded or stored; Version 0 and no token before that
	refused   string // access token that the environment answered with a claims challenge
	claims    string // what that challenge demanded, until a token with it is there
	refreshed time.Time
	failure   *failure
	flight    *flight
}

// failure is remembered so that callers in a row do not each ask a server
// that has just refused.
type failure struct {
	version int64 // of the tokens that were refused
	until   time.Time
	err     error
}

// flight is one load and refresh under way.
type flight struct {
	forced bool
	done   chan struct{} // closed when token and err are set
	token  string
	err    error
}

// Token returns an access token that is good for at least a few seconds. With
// force it is another than the last one, which the environment has refused.
// Errors are Errors of CodeDisconnected when the connection must be authorized
// again, of CodeConflict when its set-up must be corrected, of CodeUnavailable
// when trying again can help, the error of Load or Save, or that of ctx.
func (s *Source) Token(ctx context.Context, force bool) (string, error) {
	for {
		s.mu.Lock()
		now := s.now()
		young := !s.refreshed.IsZero() && now.Sub(s.refreshed) < youngToken
		challenged := s.claims != "" && s.current.AccessToken == s.refused
		if usable(s.current, now, Ahead) && (!force || young) && !challenged {
			token := s.current.AccessToken
			s.mu.Unlock()
			return token, nil
		}
		if f := s.failure; f != nil && f.version == s.current.Version && now.Before(f.until) {
			token, err := s.current.AccessToken, f.err
			old := usable(s.current, now, 0) && !challenged
			s.mu.Unlock()
			if old && !force && crosswalk.ErrorCode(err) != crosswalk.CodeDisconnected {
				return token, nil // the refresh ahead of time failed; there is time left
			}
			return "", err
		}
		f := s.flight
		if f == nil {
			f = &flight{forced: force || challenged, done: make(chan struct{})}
			s.flight = f
			// The refresh must not end with the caller that happened to be
			// first: others wait for it.
			go s.fly(context.WithoutCancel(ctx), f)
		}
		s.mu.Unlock()

		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-f.done:
		}
		if force && !f.forced {
			continue // that flight may have returned the very token that was refused
		}
		return f.token, f.err
	}
}

func (s *Source) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

func usable(t Tokens, now time.Time, ahead time.Duration) bool {
	return t.AccessToken != "" && now.Add(ahead).Before(t.ExpiresAt)
}

func (s *Source) fly(ctx context.Context, f *flight) {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	f.err = errors.New("oauth: the refresh ended without a result") // stays after a panic only
	defer func() {
		s.mu.Lock()
		s.flight = nil
		s.mu.Unlock()
		close(f.done)
	}()
	s.mu.Lock()
	known, refused, claims := s.current, s.refused, s.claims
	s.mu.Unlock()
	if claims != "" {
		known.AccessToken = refused
	}
	f.token, f.err = s.renew(ctx, known, f.forced, claims)
}

// Challenge tells the source that the environment answered a token with a
// claims challenge (continuous access evaluation): the next token is requested
// with these claims. A challenge to a token that is no longer in use is ignored.
func (s *Source) Challenge(token, claims string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token == s.current.AccessToken && claims != "" {
		s.refused, s.claims = token, claims
	}
}

// renew loads the stored tokens and refreshes them unless another process
// has. known is what this process last handed out, or what was challenged.
func (s *Source) renew(ctx context.Context, known Tokens, forced bool, claims string) (string, error) {
	stored, err := s.Load(ctx)
	if err != nil {
		return "", err
	}
	for range rounds {
		// Another process, or an authorization, may have stored good tokens.
		if usable(stored, s.now(), Ahead) && (!forced || stored.AccessToken != known.AccessToken) {
			return s.adopt(stored, false), nil
		}
		if stored.RefreshToken == "" && !s.Application {
			return "", crosswalk.Errorf(crosswalk.CodeDisconnected, "The connection is not authorized.").
				WithHint("Authorize the connection.")
		}
		grant, failed := s.Refresh(ctx, stored.RefreshToken, claims)
		if failed == nil {
			renewed := Tokens{AccessToken: grant.AccessToken, RefreshToken: grant.RefreshToken, ExpiresAt: grant.ExpiresAt, Version: stored.Version + 1}
			saved, err := s.save(ctx, stored, renewed)
			if err != nil {
				return "", fmt.Errorf("storing refreshed tokens: %w", err)
			}
			if saved {
				return s.adopt(renewed, true), nil
			}
		}
		// Somebody else may have stored newer tokens meanwhile: theirs count,
		// and our failure with the old ones says nothing about them.
		again, err := s.Load(ctx)
		if err != nil {
			return "", err
		}
		if again.Version == stored.Version {
			if failed == nil {
				// Save lost against a change that Load does not show.
				return "", crosswalk.Errorf(crosswalk.CodeUnavailable, "The refreshed tokens could not be stored.").WithHint("Crosswalk tries again by itself.")
			}
			words, stands := s.refuse(ctx, stored, claims, failed)
			if stands {
				return s.fail(stored, forced, failed, words)
			}
			if again, err = s.Load(ctx); err != nil {
				return "", err
			}
		}
		stored = again
	}
	return "", crosswalk.Errorf(crosswalk.CodeUnavailable, "The tokens of the connection change faster than they can be read.").
		WithHint("Check whether several installations use the same database in a loop.")
}

// save tries several times: after a refresh the new tokens exist nowhere but
// here, and with servers that end the old refresh token losing them would
// cost the authorization.
func (s *Source) save(ctx context.Context, old, renewed Tokens) (bool, error) {
	var err error
	for wait := 100 * time.Millisecond; wait < 10*time.Second; wait *= 4 {
		var saved bool
		if saved, err = s.Save(ctx, old, renewed); err == nil {
			return saved, nil
		}
		select {
		case <-ctx.Done():
			return false, err
		case <-time.After(wait):
		}
	}
	return false, err
}

// adopt makes stored tokens the ones handed out.
func (s *Source) adopt(t Tokens, refreshed bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.failure = t, nil
	if t.AccessToken != s.refused {
		s.refused, s.claims = "", ""
	}
	if refreshed {
		s.refreshed = s.now()
	}
	return t.AccessToken
}

// refuse puts the failure of a refresh with the tokens used into words and
// passes it to Refused when a person must act. It reports false when newer
// tokens have been stored meanwhile. Claims that take a person to satisfy are
// demanded of the next sign-in.
func (s *Source) refuse(ctx context.Context, used Tokens, claims string, err error) (words *crosswalk.Error, stands bool) {
	e := asError(err)
	if e != nil && e.Claims == "" {
		e.Claims = claims
	}
	explained := *Explain(err)
	switch f := (*final)(nil); {
	case e != nil && e.Disconnects(), errors.As(err, &f):
		explained.Code = crosswalk.CodeDisconnected
	case explained.Code == crosswalk.CodeInvalid, explained.Code == crosswalk.CodeDisconnected:
		explained.Code = crosswalk.CodeConflict // nothing is wrong with what the caller of Token asks
	default:
		return &explained, true
	}
	return &explained, s.Refused == nil || s.Refused(ctx, used, &explained)
}

// fail remembers that the tokens used could not be replaced, and returns the
// present token while it serves.
func (s *Source) fail(used Tokens, forced bool, err error, words *crosswalk.Error) (string, error) {
	wait := rest
	if e := asError(err); e != nil {
		wait = max(wait, e.RetryAfter)
		if e.AADSTS == 50196 { // we are said to loop
			wait = max(wait, 5*time.Minute)
		}
	}
	now := s.now()
	s.mu.Lock()
	s.current = used
	s.failure = &failure{version: used.Version, until: now.Add(wait), err: words}
	s.mu.Unlock()
	if words.Code != crosswalk.CodeDisconnected && !forced && usable(used, now, 0) {
		return used.AccessToken, nil // there is time left
	}
	return "", words
}

// final is an error that only a person can put right, found before Microsoft
// was even asked.
type final struct{ err error }

func (e *final) Error() string { return e.err.Error() }
func (e *final) Unwrap() error { return e.err }

// Final marks an error of a Source's Refresh, for example that the
// certificate has expired: trying again cannot help until a person acts, as
// with an Error that Disconnects. It returns nil for nil.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return &final{err}
}
