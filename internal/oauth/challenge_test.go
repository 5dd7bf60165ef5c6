package oauth_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/oauth"
)

const demand = `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`

// An application has no refresh token: ahead of its end the token is made
// anew, from nothing at first.
func TestSourceApplication(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{tokens: oauth.Tokens{AccessToken: "access-0", ExpiresAt: time.Now().Add(time.Hour), Version: 7}}
		calls := 0
		src := &oauth.Source{Load: s.load, Save: s.save, Refused: s.refused, Application: true}
		src.Refresh = func(_ context.Context, refreshToken, _ string) (*oauth.Grant, error) {
			calls++
			if refreshToken != "" {
				t.Errorf("refresh token %q", refreshToken)
			}
			return &oauth.Grant{AccessToken: "access-1", ExpiresAt: time.Now().Add(time.Hour)}, nil
		}
		want(t, src, false, "access-0")
		time.Sleep(time.Hour - oauth.Ahead)
		want(t, src, false, "access-1")
		want(t, src, false, "access-1")
		if calls != 1 || s.saves != 1 {
			t.Errorf("%d tokens, %d saves; want one each", calls, s.saves)
		}
	})
}

// A claims challenge makes the next token be asked for with the claims, once,
// even when the token is young and nobody forces it.
func TestSourceChallenge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, i := &shelf{tokens: stored(time.Hour)}, &issuer{}
		src := source(s, i)
		want(t, src, false, "access-0")
		src.Challenge("another token", demand) // of a request that was under way for long
		want(t, src, false, "access-0")
		src.Challenge("access-0", demand)
		want(t, src, false, "access-1")
		src.Challenge("access-1", demand) // again at once
		want(t, src, false, "access-2")
		want(t, src, false, "access-2")
		time.Sleep(time.Hour)
		want(t, src, false, "access-3")
		if diff := cmp.Diff([]string{demand, demand, ""}, i.claims); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
	})
}

// Another process may have answered the challenge already.
func TestSourceChallengeAnsweredElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, i := &shelf{tokens: stored(time.Hour)}, &issuer{}
		src := source(s, i)
		want(t, src, false, "access-0")
		s.mu.Lock()
		s.tokens = oauth.Tokens{AccessToken: "newer", RefreshToken: "r", ExpiresAt: time.Now().Add(time.Hour), Version: 8}
		s.mu.Unlock()
		src.Challenge("access-0", demand)
		want(t, src, false, "newer")
		if i.calls != 0 {
			t.Errorf("%d refreshes", i.calls)
		}
	})
}

// When the claims cannot be had without a person the cause carries them, for
// the next sign-in.
func TestSourceChallengeNeedsPerson(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ own, want string }{
		"the environment's": {"", demand},
		"the server's own":  {`{"access_token":{"capolids":{}}}`, `{"access_token":{"capolids":{}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &shelf{tokens: stored(time.Hour)}
				i := &issuer{fail: []error{&oauth.Error{Status: 400, Code: "interaction_required", AADSTS: 50076, Claims: tt.own}}}
				src := source(s, i)
				want(t, src, false, "access-0")
				src.Challenge("access-0", demand)
				wantCode(t, src, false, crosswalk.CodeDisconnected)
				if len(s.refusals) != 1 || oauth.Demanded(s.refusals[0]) != tt.want {
					t.Errorf("told %v, demanding %q", s.refusals, oauth.Demanded(s.refusals[0]))
				}
			})
		})
	}
	if got := oauth.Demanded(nil); got != "" {
		t.Errorf("no error demands %q", got)
	}
}

// What only a person can mend disconnects, even when Microsoft was not asked.
func TestSourceFinal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{tokens: stored(time.Minute)}
		expired := crosswalk.Errorf(crosswalk.CodeInvalid, "The certificate expired.").WithHint("Make a new one.")
		src := source(s, &issuer{fail: []error{oauth.Final(expired)}})
		wantCode(t, src, false, crosswalk.CodeDisconnected)
		if len(s.refusals) != 1 || s.refusals[0].Message != expired.Message || s.refusals[0].Hint != expired.Hint || expired.Code != crosswalk.CodeInvalid {
			t.Errorf("told %v", s.refusals)
		}
	})
	if err := oauth.Final(nil); err != nil {
		t.Errorf("Final(nil) = %v", err)
	}
}
