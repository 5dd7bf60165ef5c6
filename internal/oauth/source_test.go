package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/oauth"
)

// shelf is stored tokens, shared by the sources of several "processes".
type shelf struct {
	mu       sync.Mutex
	tokens   oauth.Tokens
	saveErr  []error // errors of the next saves, in order
	loads    int
	saves    int
	told     []oauth.Tokens
	refusals []*crosswalk.Error

	onRefusal func() // called before a refusal is noted
}

func (s *shelf) load(context.Context) (oauth.Tokens, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	return s.tokens, nil
}

func (s *shelf) save(_ context.Context, old, renewed oauth.Tokens) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.saveErr) > 0 {
		err := s.saveErr[0]
		s.saveErr = s.saveErr[1:]
		return false, err
	}
	if s.tokens.Version != old.Version {
		return false, nil
	}
	s.saves++
	s.tokens = renewed
	return true, nil
}

func (s *shelf) refused(_ context.Context, used oauth.Tokens, cause *crosswalk.Error) bool {
	if s.onRefusal != nil {
		s.onRefusal()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens.Version != used.Version {
		return false
	}
	s.told = append(s.told, used)
	s.refusals = append(s.refusals, cause)
	return true
}

// issuer is the sign-in server: it counts refreshes and can fail.
type issuer struct {
	mu       sync.Mutex
	took     time.Duration
	calls    int
	fail     []error // outcome of the next calls; nil is success
	gotten   []string
	claims   []string
	onAnswer func() // called before each answer
}

func (i *issuer) refresh(_ context.Context, refreshToken, claims string) (*oauth.Grant, error) {
	time.Sleep(i.took)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.calls++
	i.gotten = append(i.gotten, refreshToken)
	i.claims = append(i.claims, claims)
	if i.onAnswer != nil {
		i.onAnswer()
	}
	if len(i.fail) > 0 {
		err := i.fail[0]
		i.fail = i.fail[1:]
		if err != nil {
			return nil, err
		}
	}
	return &oauth.Grant{
		AccessToken:  fmt.Sprintf("access-%d", i.calls),
		RefreshToken: fmt.Sprintf("refresh-%d", i.calls),
		ExpiresAt:    time.Now().Add(time.Hour),
	}, nil
}

func source(s *shelf, i *issuer) *oauth.Source {
	return &oauth.Source{Load: s.load, Save: s.save, Refresh: i.refresh, Refused: s.refused}
}

func stored(lifetime time.Duration) oauth.Tokens {
	return oauth.Tokens{AccessToken: "access-0", RefreshToken: "refresh-0", ExpiresAt: time.Now().Add(lifetime), Version: 7}
}

func refused(number int) error {
	return &oauth.Error{Status: 400, Code: "invalid_grant", AADSTS: number}
}

func want(t *testing.T, src *oauth.Source, force bool, token string) {
	t.Helper()
	got, err := src.Token(t.Context(), force)
	if err != nil || got != token {
		t.Errorf("Token(force=%v) = %q, %v; want %q", force, got, err, token)
	}
}

func wantCode(t *testing.T, src *oauth.Source, force bool, code crosswalk.Code) {
	t.Helper()
	got, err := src.Token(t.Context(), force)
	if got != "" || crosswalk.ErrorCode(err) != code {
		t.Errorf("Token(force=%v) = %q, %v; want an error of %s", force, got, err, code)
	}
}

func TestSourceRefreshesAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, i := &shelf{tokens: stored(time.Hour)}, &issuer{}
		src := source(s, i)
		want(t, src, false, "access-0")
		time.Sleep(time.Hour - oauth.Ahead - time.Second)
		want(t, src, false, "access-0")
		time.Sleep(time.Second)
		want(t, src, false, "access-1")
		want(t, src, false, "access-1")
		if i.calls != 1 || s.loads != 2 {
			t.Errorf("%d refreshes, %d loads; want 1, 2", i.calls, s.loads)
		}
		if diff := cmp.Diff(oauth.Tokens{AccessToken: "access-1", RefreshToken: "refresh-1", ExpiresAt: time.Now().Add(time.Hour), Version: 8}, s.tokens); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
	})
}

func TestSourceFiftyCallersOneRefresh(t *testing.T) {
	t.Parallel()
	for _, force := range []bool{false, true} {
		t.Run(fmt.Sprint("force=", force), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				lifetime := time.Minute // about to end
				if force {
					lifetime = time.Hour // good by the clock, but refused by the environment
				}
				s, i := &shelf{tokens: stored(lifetime)}, &issuer{took: 3 * time.Second}
				src := source(s, i)
				if force {
					want(t, src, false, "access-0")
				}
				var wg sync.WaitGroup
				for n := range 50 {
					wg.Go(func() {
						time.Sleep(time.Duration(n) * 100 * time.Millisecond) // some come after the refresh is done
						want(t, src, force, "access-1")
					})
				}
				wg.Wait()
				if i.calls != 1 || s.saves != 1 {
					t.Errorf("%d refreshes, %d saves; want one each", i.calls, s.saves)
				}
			})
		})
	}
}

func TestSourceTwoProcesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, i := &shelf{tokens: stored(time.Minute)}, &issuer{took: time.Second}
		a, b := source(s, i), source(s, i)
		tokens := make([]string, 2)
		var wg sync.WaitGroup
		for n, src := range []*oauth.Source{a, b} {
			wg.Go(func() { tokens[n], _ = src.Token(t.Context(), false) })
		}
		wg.Wait()
		if tokens[0] != tokens[1] || tokens[0] != s.tokens.AccessToken {
			t.Errorf("the processes use %v, stored is %s", tokens, s.tokens.AccessToken)
		}
		if s.saves != 1 {
			t.Errorf("%d saves, want 1", s.saves)
		}
		// The next forced refresh of one is taken over by the other.
		time.Sleep(time.Minute)
		got, err := a.Token(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		calls := i.calls
		want(t, b, true, got)
		if i.calls != calls {
			t.Error("the second process refreshed although newer tokens were stored")
		}
	})
}

func TestSourceStoresBeforeUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("disk full")
		s, i := &shelf{tokens: stored(time.Minute)}, &issuer{}
		src := source(s, i)

		s.saveErr = []error{broken, broken} // passes at the third try, with the same tokens
		want(t, src, false, "access-1")
		if i.calls != 1 {
			t.Errorf("%d refreshes, want 1", i.calls)
		}

		time.Sleep(time.Hour)
		s.saveErr = []error{broken, broken, broken, broken, broken}
		if got, err := src.Token(t.Context(), false); got != "" || !errors.Is(err, broken) {
			t.Errorf("Token = %q, %v; want the error of Save and no token", got, err)
		}
		if s.tokens.RefreshToken != "refresh-1" {
			t.Errorf("stored refresh token is %q", s.tokens.RefreshToken)
		}
	})
}

func TestSourceRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, i := &shelf{tokens: stored(time.Minute)}, &issuer{fail: []error{refused(50173), refused(50173)}}
		before := s.tokens
		src := source(s, i)
		wantCode(t, src, false, crosswalk.CodeDisconnected)
		wantCode(t, src, true, crosswalk.CodeDisconnected) // from memory
		if i.calls != 1 || len(s.told) != 1 {
			t.Errorf("%d refreshes, told %d times; want one each", i.calls, len(s.told))
		}
		if diff := cmp.Diff(before, s.tokens); diff != "" {
			t.Errorf("the stored tokens changed (-before +after):\n%s", diff)
		}
		if c := s.refusals[0]; c.Hint == "" || c.Code != crosswalk.CodeDisconnected {
			t.Errorf("told %#v", c)
		}
		// A person authorizes again.
		s.mu.Lock()
		s.tokens = oauth.Tokens{AccessToken: "fresh", RefreshToken: "fresh-r", ExpiresAt: time.Now().Add(time.Hour), Version: 8}
		s.mu.Unlock()
		want(t, source(s, i), false, "fresh")
	})
}

// What the OAuth error says decides: a set-up that is wrong is told with its
// cause and tried again after a rest, and the authorization stands.
func TestSourceSetupFault(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		refusal *oauth.Error
		code    crosswalk.Code
		message string
	}{
		"secret expired":  {&oauth.Error{Status: 401, Code: "invalid_client", AADSTS: 7000222}, crosswalk.CodeDisconnected, "The client secret has expired. (AADSTS7000222)"},
		"app disabled":    {&oauth.Error{Status: 400, Code: "unauthorized_client", AADSTS: 7000112}, crosswalk.CodeConflict, "Microsoft does not know an app with this client id in this organization, or the app is disabled. (AADSTS7000112)"},
		"another tenant":  {&oauth.Error{Status: 400, Code: "invalid_request", AADSTS: 90002}, crosswalk.CodeConflict, "Microsoft does not know the organization. (AADSTS90002)"},
		"silent sign-in":  {&oauth.Error{Status: 400, Code: "login_required", AADSTS: 50058}, crosswalk.CodeConflict, "Nobody is signed in at Microsoft. (AADSTS50058)"},
		"nobody knows it": {&oauth.Error{Status: 400, Code: "invalid_scope"}, crosswalk.CodeConflict, "Microsoft refuses the sign-in: invalid_scope."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, i := &shelf{tokens: stored(time.Second)}, &issuer{fail: []error{tt.refusal}}
				time.Sleep(2 * time.Second)
				src := source(s, i)
				wantCode(t, src, false, tt.code)
				if len(s.refusals) != 1 || s.refusals[0].Message != tt.message || s.refusals[0].Hint == "" || s.refusals[0].Code != tt.code {
					t.Errorf("told %v", s.refusals)
				}
				time.Sleep(11 * time.Second)
				want(t, src, false, "access-2")
			})
		})
	}
}

// While the present token is good a wrong set-up is told and the token serves.
func TestSourceSetupFaultAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{tokens: stored(4 * time.Minute)}
		src := source(s, &issuer{fail: []error{&oauth.Error{Status: 400, Code: "unauthorized_client", AADSTS: 700016}}})
		want(t, src, false, "access-0")
		want(t, src, false, "access-0")
		if len(s.refusals) != 1 {
			t.Errorf("told %v", s.refusals)
		}
	})
}

// A person authorizes again while a refusal of the old tokens is about to be
// noted: it says nothing about the new ones, which serve at once.
func TestSourceRefusedTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, i := &shelf{tokens: stored(time.Minute)}, &issuer{fail: []error{refused(50173)}}
		s.onRefusal = func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.tokens = oauth.Tokens{AccessToken: "newer", RefreshToken: "newer-r", ExpiresAt: time.Now().Add(time.Hour), Version: 8}
		}
		want(t, source(s, i), false, "newer")
		if len(s.told) != 0 || i.calls != 1 {
			t.Errorf("told %v after %d refreshes", s.told, i.calls)
		}
	})
}

// A refresh that fails because another process was faster must not undo what
// that one stored.
func TestSourceStaleFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, i := &shelf{tokens: stored(time.Minute)}, &issuer{fail: []error{refused(50173)}}
		i.onAnswer = func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.tokens = oauth.Tokens{AccessToken: "newer", RefreshToken: "newer-r", ExpiresAt: time.Now().Add(time.Hour), Version: 8}
		}
		want(t, source(s, i), false, "newer")
		if len(s.told) != 0 || s.tokens.AccessToken != "newer" {
			t.Errorf("told %v, stored %v", s.told, s.tokens)
		}
	})
}

func TestSourceTransient(t *testing.T) {
	t.Parallel()
	down := &oauth.Error{Status: 503}
	synctest.Test(t, func(t *testing.T) {
		s, i := &shelf{tokens: stored(4 * time.Minute)}, &issuer{fail: []error{down, down, down}}
		src := source(s, i)
		// Ahead of its end the present token still serves, and the server is
		// left alone for a while.
		for range 5 {
			want(t, src, false, "access-0")
		}
		if i.calls != 1 {
			t.Errorf("%d refreshes, want 1", i.calls)
		}
		time.Sleep(11 * time.Second)
		want(t, src, false, "access-0")
		if i.calls != 2 {
			t.Errorf("%d refreshes, want 2", i.calls)
		}
		time.Sleep(4 * time.Minute)
		wantCode(t, src, false, crosswalk.CodeUnavailable)
		if len(s.told) != 0 {
			t.Error("a passing fault disconnected the connection")
		}
		time.Sleep(11 * time.Second)
		want(t, src, false, "access-4")
	})
}

func TestSourceHonoursRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{tokens: stored(-time.Minute)}
		i := &issuer{fail: []error{&oauth.Error{Status: 429, RetryAfter: time.Minute}}}
		src := source(s, i)
		wantCode(t, src, false, crosswalk.CodeUnavailable)
		time.Sleep(59 * time.Second)
		wantCode(t, src, false, crosswalk.CodeUnavailable)
		if i.calls != 1 {
			t.Errorf("%d refreshes before Retry-After was over", i.calls)
		}
		time.Sleep(2 * time.Second)
		want(t, src, false, "access-2")
	})
}

func TestSourceNotAuthorized(t *testing.T) {
	t.Parallel()
	s, i := &shelf{}, &issuer{}
	wantCode(t, source(s, i), false, crosswalk.CodeDisconnected)
	if i.calls != 0 {
		t.Error("refreshed without a refresh token")
	}
}

// A caller that leaves does not take the refresh with it.
func TestSourceCallerLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, i := &shelf{tokens: stored(time.Minute)}, &issuer{took: 10 * time.Second}
		src := source(s, i)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := src.Token(ctx, false); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v, want the end of the context", err)
		}
		want(t, src, false, "access-1")
		if i.calls != 1 {
			t.Errorf("%d refreshes, want 1", i.calls)
		}
	})
}

func TestTokensPrintNoToken(t *testing.T) {
	t.Parallel()
	tokens := oauth.Tokens{AccessToken: "sekrit-a", RefreshToken: "sekrit-r", Version: 3}
	wantNoSecret(t, fmt.Sprintf("%v %+v %#v %s", tokens, tokens, tokens, &tokens))
}
