package store_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

func TestAuthorize(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		c := connection(t, s, "Contoso")
		userSync := func() crosswalk.Job { return crosswalk.NewUserSync(c.ID, c.Name) }
		_, _, err := s.LoadTokens(ctx, c.ID)
		code(t, err, crosswalk.CodeDisconnected)
		code(t, s.Revoke(ctx, c.ID), crosswalk.CodeConflict)

		made, err := s.Authorize(ctx, c.ID, grant("one"), []byte("t1"), userSync)
		ok(t, err)
		equal(t, made, true)
		got := must(s.FindConnection(ctx, c.ID))(t)
		want := grant("one")
		equal(t, got.Authorization, &want)
		equal(t, []string{got.OrganizationID, got.TenantID, string(got.Status)}, []string{"one", "tenant", "authorized"})
		equal(t, got.Jobs, 1)
		j := must(s.FindJobByName(ctx, "User Sync_Contoso"))(t)
		equal(t, []any{j.OutOfTheBox, j.ConnectionID, j.Entity, len(j.Mapping.Fields)}, []any{true, c.ID, "systemuser", 8})

		// Another organization: refused, with everything as it was.
		_, err = s.Authorize(ctx, c.ID, grant("two"), []byte("t2"), userSync)
		code(t, err, crosswalk.CodeConflict)
		for _, part := range []string{"Org one", "one", "Org two", "two"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not name %q", err, part)
			}
		}
		equal(t, must(s.FindConnection(ctx, c.ID))(t), got)
		sealed, version, err := s.LoadTokens(ctx, c.ID)
		ok(t, err)
		equal(t, sealed, []byte("t1"))

		// Tokens are replaced by who read the newest only.
		expires := time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC)
		equal(t, must(s.SaveTokens(ctx, c.ID, version, []byte("t3"), expires))(t), true)
		equal(t, must(s.SaveTokens(ctx, c.ID, version, []byte("t4"), expires))(t), false)
		sealed, version, err = s.LoadTokens(ctx, c.ID)
		ok(t, err)
		equal(t, sealed, []byte("t3"))
		equal(t, must(s.FindConnection(ctx, c.ID))(t).Authorization.ExpiresAt, expires)

		ok(t, s.Revoke(ctx, c.ID))
		equal(t, must(s.SaveTokens(ctx, c.ID, version, []byte("t5"), expires))(t), false)
		_, _, err = s.LoadTokens(ctx, c.ID)
		code(t, err, crosswalk.CodeDisconnected)
		equal(t, must(s.Refuse(ctx, c.ID, store.Refusal{Version: version + 1, Disconnects: true, Cause: "late"}))(t), false)
		got = must(s.FindConnection(ctx, c.ID))(t)
		equal(t, []any{got.Status, got.Authorization == nil, got.StatusCause}, []any{crosswalk.ConnectionRevoked, true, ""})
		_, err = s.Authorize(ctx, c.ID, grant("two"), []byte("t6"), userSync)
		code(t, err, crosswalk.CodeConflict) // the pin outlives the authorization

		// The job is made once in the life of the connection.
		ok(t, s.DeleteJob(ctx, j.ID))
		made, err = s.Authorize(ctx, c.ID, grant("one"), []byte("t7"), userSync)
		ok(t, err)
		equal(t, made, false)
		equal(t, must(s.FindConnection(ctx, c.ID))(t).Jobs, 0)

		_, err = s.Authorize(ctx, "nope", grant("one"), nil, userSync)
		code(t, err, crosswalk.CodeNotFound)
	})
}

// Why a sign-in failed is kept until one succeeds, and changes nothing else.
func TestSignInFailure(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		c := connection(t, s, "Contoso")
		before := must(s.FindConnection(ctx, c.ID))(t)
		for _, message := range []string{"The permissions were declined.", "Another organization."} {
			f := crosswalk.SignInFailure{At: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), Message: message, Hint: "Try again."}
			ok(t, s.NoteSignInFailure(ctx, c.ID, f))
			want := before
			want.SignInFailure = &f
			equal(t, must(s.FindConnection(ctx, c.ID))(t), want)
		}
		_, err := s.Authorize(ctx, c.ID, grant("one"), []byte("t"), func() crosswalk.Job { return crosswalk.NewUserSync(c.ID, c.Name) })
		ok(t, err)
		equal(t, must(s.FindConnection(ctx, c.ID))(t).SignInFailure, (*crosswalk.SignInFailure)(nil))
		code(t, s.NoteSignInFailure(ctx, "nope", crosswalk.SignInFailure{}), crosswalk.CodeNotFound)
	})
}

// A refusal is noted for the tokens it was about only, whatever the order in
// which two processes come.
func TestRefuse(t *testing.T) {
	password := store.Refusal{Disconnects: true, Cause: "The password was changed.", Hint: "Authorize again.", Claims: `{"access_token":{}}`}
	setup := store.Refusal{Cause: "The app is disabled.", Hint: "Enable it."}
	type state struct{ Status, Cause, Hint, Claims string }
	tests := map[string]struct {
		refusal store.Refusal
		before  string // what another process does before the refusal is noted
		noted   bool
		want    state
		after   string // and after it
		then    state
	}{
		"disconnected, then authorized": {password, "", true, state{"disconnected", password.Cause, password.Hint, password.Claims}, "authorize", state{"authorized", "", "", ""}},
		"authorized first":              {password, "authorize", false, state{"authorized", "", "", ""}, "", state{"authorized", "", "", ""}},
		"refreshed first":               {password, "refresh", false, state{"authorized", "", "", ""}, "", state{"authorized", "", "", ""}},
		"revoked first":                 {password, "revoke", false, state{"revoked", "", "", ""}, "", state{"revoked", "", "", ""}},
		"deleted first":                 {password, "delete", false, state{}, "", state{}},
		"disconnected, then refreshed":  {password, "", true, state{"disconnected", password.Cause, password.Hint, password.Claims}, "refresh", state{"authorized", "", "", ""}},
		"set-up, then refreshed":        {setup, "", true, state{"authorized", setup.Cause, setup.Hint, ""}, "refresh", state{"authorized", "", "", ""}},
		"set-up, then revoked":          {setup, "", true, state{"authorized", setup.Cause, setup.Hint, ""}, "revoke", state{"revoked", "", "", ""}},
		"set-up of old tokens":          {setup, "authorize", false, state{"authorized", "", "", ""}, "", state{"authorized", "", "", ""}},
	}
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		for name, tt := range tests {
			c := connection(t, s, name)
			authorize := func() {
				t.Helper()
				_, err := s.Authorize(ctx, c.ID, grant("one"), []byte("t"), func() crosswalk.Job { return crosswalk.NewUserSync(c.ID, c.Name) })
				ok(t, err)
			}
			authorize()
			_, version, err := s.LoadTokens(ctx, c.ID)
			ok(t, err)
			act := func(what string) {
				t.Helper()
				switch what {
				case "authorize":
					authorize()
				case "refresh":
					equal(t, must(s.SaveTokens(ctx, c.ID, version, []byte("t2"), time.Now()))(t), true)
				case "revoke":
					ok(t, s.Revoke(ctx, c.ID))
				case "delete":
					ok(t, s.DeleteConnection(ctx, c.ID))
				}
			}
			look := func() state {
				t.Helper()
				got, err := s.FindConnection(ctx, c.ID)
				if crosswalk.ErrorCode(err) == crosswalk.CodeNotFound {
					return state{}
				}
				ok(t, err)
				return state{string(got.Status), got.StatusCause, got.StatusHint, must(s.RequiredClaims(ctx, c.ID))(t)}
			}
			act(tt.before)
			tt.refusal.Version = version
			if noted := must(s.Refuse(ctx, c.ID, tt.refusal))(t); noted != tt.noted {
				t.Errorf("%s: noted %v", name, noted)
			}
			equal(t, look(), tt.want)
			act(tt.after)
			equal(t, look(), tt.then)
		}
	})
}

func TestAuthorizeAtOnceMakesOneJob(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := context.Background()
		c := connection(t, s, "Contoso")
		job(t, s, c, "User Sync_Contoso") // a person's job has the name already
		var mu sync.Mutex
		var wg sync.WaitGroup
		made := 0
		for range 8 {
			wg.Go(func() {
				m, err := s.Authorize(ctx, c.ID, grant("one"), []byte("t"), func() crosswalk.Job { return crosswalk.NewUserSync(c.ID, c.Name) })
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if m {
					made++
				}
			})
		}
		wg.Wait()
		equal(t, made, 1)
		jobs, _, _, err := s.ListJobs(ctx, store.JobFilter{}, store.Page{})
		ok(t, err)
		var names []string
		for _, j := range jobs {
			names = append(names, j.Name)
		}
		equal(t, names, []string{"User Sync_Contoso", "User Sync_Contoso (2)"})
	})
}

func TestRenameConnectionRenamesItsJob(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		c := connection(t, s, "Old")
		_, err := s.Authorize(ctx, c.ID, grant("one"), nil, func() crosswalk.Job { return crosswalk.NewUserSync(c.ID, c.Name) })
		ok(t, err)
		rename := func(name string) {
			t.Helper()
			ok(t, s.UpdateConnection(ctx, c.ID, store.ConnectionUpdate{Name: &name}))
		}
		j := must(s.FindJobByName(ctx, "User Sync_Old"))(t)
		rename("New")
		got := must(s.FindJob(ctx, j.ID))(t)
		equal(t, []any{got.Name, got.ConnectionName, got.Version}, []any{"User Sync_New", "New", j.Version + 1})
		job(t, s, c, "User Sync_Taken")
		rename("Taken")
		equal(t, must(s.FindJob(ctx, j.ID))(t).Name, "User Sync_New")
		got.Name = "My users"
		ok(t, s.UpdateJob(ctx, &got))
		rename("Newer")
		equal(t, must(s.FindJob(ctx, j.ID))(t).Name, "My users")
	})
}

func TestSignIns(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		c := connection(t, s, "Contoso")
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		s.Now = func() time.Time { return now }
		in := store.SignIn{StateHash: []byte{0, 1}, ConnectionID: c.ID, Sealed: []byte("x"), SessionID: "s", ReturnTo: "/connections", ExpiresAt: now.Add(time.Minute)}
		ok(t, s.InsertSignIn(ctx, in))
		equal(t, must(s.TakeSignIn(ctx, in.StateHash))(t), in)
		_, err := s.TakeSignIn(ctx, in.StateHash)
		code(t, err, crosswalk.CodeNotFound)
		ok(t, s.InsertSignIn(ctx, in))
		now = now.Add(time.Minute)
		_, err = s.TakeSignIn(ctx, in.StateHash)
		code(t, err, crosswalk.CodeNotFound)
		in.ConnectionID = "nope"
		code(t, s.InsertSignIn(ctx, in), crosswalk.CodeNotFound)
	})
}
