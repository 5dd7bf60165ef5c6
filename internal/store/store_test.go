package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// each runs fn on a fresh store on each database.
func each(t *testing.T, fn func(t *testing.T, s *store.Store, db *database.DB)) {
	t.Helper()
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		s := store.New(db)
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		fn(t, s, db)
	})
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

func code(t *testing.T, err error, want crosswalk.Code) {
	t.Helper()
	if got := crosswalk.ErrorCode(err); got != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

// field checks that err is about that field and says message.
func field(t *testing.T, err error, want crosswalk.Code, name, message string) {
	t.Helper()
	var e *crosswalk.Error
	if !errors.As(err, &e) || e.Code != want || e.Message != message || len(e.Fields) != 1 || e.Fields[0].Field != name {
		t.Errorf("got %#v, want %s at %s: %s", err, want, name, message)
	}
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func connection(t *testing.T, s *store.Store, name string) crosswalk.Connection {
	t.Helper()
	c := crosswalk.Connection{Name: name, EnvironmentURL: "https://contoso.crm4.dynamics.com", ClientID: "app"}
	ok(t, s.InsertConnection(t.Context(), &c, []byte("sealed")))
	return c
}

func job(t *testing.T, s *store.Store, c crosswalk.Connection, name string) crosswalk.Job {
	t.Helper()
	j := crosswalk.NewCompanySync(c.ID, c.Name)
	j.Name = name
	ok(t, s.InsertJob(t.Context(), &j))
	return j
}

func grant(organization string) crosswalk.Authorization {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return crosswalk.Authorization{
		UserID: "u", UserName: "ann@contoso.com", DisplayName: "Ann 🦊", OrganizationID: organization, OrganizationName: "Org " + organization,
		TenantID: "tenant", Scopes: []string{"a", "b"}, AuthorizedAt: at, ExpiresAt: at.Add(time.Hour),
	}
}

func TestConnections(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		c := connection(t, s, "Contoso")
		equal(t, c.Status, crosswalk.ConnectionNotAuthorized)
		equal(t, must(s.FindConnection(ctx, c.ID))(t), c)
		equal(t, must(s.FindConnectionByName(ctx, "contoso"))(t), c)
		equal(t, must(s.ConnectionSecret(ctx, c.ID))(t), []byte("sealed"))

		plain := crosswalk.Connection{Name: "Plain", EnvironmentURL: "http://127.0.0.1:1"}
		ok(t, s.InsertConnection(ctx, &plain, nil))
		equal(t, must(s.FindConnection(ctx, plain.ID))(t).HasSecret, false)
		if secret := must(s.ConnectionSecret(ctx, plain.ID))(t); secret != nil {
			t.Errorf("secret %q", secret)
		}

		again := crosswalk.Connection{Name: "CONTOSO"}
		field(t, s.InsertConnection(ctx, &again, nil), crosswalk.CodeConflict, "name", "A connection named CONTOSO exists already.")
		equal(t, again.ID, "")
		name := "contoso"
		field(t, s.UpdateConnection(ctx, plain.ID, store.ConnectionUpdate{Name: &name}), crosswalk.CodeConflict, "name", "A connection named contoso exists already.")

		name, client := "Renamed", "other app"
		ok(t, s.UpdateConnection(ctx, c.ID, store.ConnectionUpdate{Name: &name, ClientID: &client, SealedSecret: []byte("new")}))
		ok(t, s.UpdateConnection(ctx, c.ID, store.ConnectionUpdate{}))
		got := must(s.FindConnection(ctx, c.ID))(t)
		equal(t, []string{got.Name, got.ClientID}, []string{name, client})
		equal(t, must(s.ConnectionSecret(ctx, c.ID))(t), []byte("new"))

		for _, err := range []error{
			s.UpdateConnection(ctx, "nope", store.ConnectionUpdate{}), s.DeleteConnection(ctx, "nope"),
			s.Revoke(ctx, "nope"), s.Disconnect(ctx, "nope", "", ""),
			func() error { _, err := s.FindConnection(ctx, "nope"); return err }(),
			func() error { _, err := s.FindConnectionByName(ctx, "Contoso"); return err }(),
			func() error { _, err := s.ConnectionSecret(ctx, "nope"); return err }(),
			func() error { _, _, err := s.LoadTokens(ctx, "nope"); return err }(),
		} {
			code(t, err, crosswalk.CodeNotFound)
		}
	})
}

func TestConnectionLists(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		for _, n := range []string{"b", "A", "c", "É", "d"} {
			connection(t, s, n)
		}
		names := func(search string, limit int) (names []string, total int) {
			t.Helper()
			p := store.Page{Limit: limit}
			for {
				items, next, n, err := s.ListConnections(ctx, store.ConnectionFilter{Search: search}, p)
				ok(t, err)
				for _, c := range items {
					names = append(names, c.Name)
				}
				if total = n; next == "" {
					return names, total
				}
				p.Cursor = next
			}
		}
		for limit := range 7 {
			got, total := names("", limit)
			equal(t, got, []string{"A", "b", "c", "d", "É"})
			equal(t, total, 5)
		}
		got, total := names("é", 1)
		equal(t, got, []string{"É"})
		equal(t, total, 1)
		got, _ = names("CONTOSO.crm4", 2)
		equal(t, len(got), 5)
		got, _ = names("100%", 2)
		equal(t, len(got), 0)
		for _, cursor := range []string{"!", "bm8", "WzEsMl0", "W3RydWVd"} {
			_, _, _, err := s.ListConnections(ctx, store.ConnectionFilter{}, store.Page{Cursor: cursor})
			code(t, err, crosswalk.CodeInvalid)
		}
	})
}

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

		ok(t, s.Disconnect(ctx, c.ID, "The password was changed.", "Authorize again."))
		got = must(s.FindConnection(ctx, c.ID))(t)
		equal(t, []string{string(got.Status), got.StatusCause, got.StatusHint}, []string{"disconnected", "The password was changed.", "Authorize again."})

		ok(t, s.Revoke(ctx, c.ID))
		equal(t, must(s.SaveTokens(ctx, c.ID, version, []byte("t5"), expires))(t), false)
		_, _, err = s.LoadTokens(ctx, c.ID)
		code(t, err, crosswalk.CodeDisconnected)
		ok(t, s.Disconnect(ctx, c.ID, "late", ""))
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

func TestEntities(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		c := connection(t, s, "Contoso")
		account := crosswalk.Entity{LogicalName: "account", DisplayName: "Account", PrimaryID: "accountid", Attributes: []crosswalk.Attribute{
			{LogicalName: "statecode", Type: crosswalk.AttributeState, Options: []crosswalk.Option{{Value: 0, Label: "Aktiv 🦊"}}},
		}}
		contact := crosswalk.Entity{LogicalName: "contact", DisplayName: "kontakt"}
		brief := account
		brief.Attributes = nil
		list, at, err := s.ListEntities(ctx, c.ID, "")
		ok(t, err)
		equal(t, []any{len(list), at.IsZero()}, []any{0, true})
		ok(t, s.SaveEntities(ctx, c.ID, []crosswalk.Entity{contact, account, {LogicalName: "old"}}))
		_, _, err = s.FindEntity(ctx, c.ID, "account")
		code(t, err, crosswalk.CodeNotFound)
		ok(t, s.SaveEntity(ctx, c.ID, account))
		ok(t, s.SaveEntity(ctx, c.ID, crosswalk.Entity{LogicalName: "unlisted"}))
		ok(t, s.SaveEntities(ctx, c.ID, []crosswalk.Entity{contact, account}))
		list, at, err = s.ListEntities(ctx, c.ID, "")
		ok(t, err)
		equal(t, list, []crosswalk.Entity{brief, contact})
		if time.Since(at) > time.Minute {
			t.Errorf("listed at %v", at)
		}
		list, _, err = s.ListEntities(ctx, c.ID, "KONT")
		ok(t, err)
		equal(t, list, []crosswalk.Entity{contact})
		got, _, err := s.FindEntity(ctx, c.ID, "account")
		ok(t, err)
		equal(t, got, account)
		ok(t, s.DropEntities(ctx, c.ID))
		_, _, err = s.FindEntity(ctx, c.ID, "account")
		code(t, err, crosswalk.CodeNotFound)
		code(t, s.SaveEntity(ctx, "nope", account), crosswalk.CodeNotFound)
		code(t, s.SaveEntities(ctx, "nope", []crosswalk.Entity{account}), crosswalk.CodeNotFound)
	})
}

func TestJobs(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		c := connection(t, s, "Contoso")
		j := job(t, s, c, "Companies")
		equal(t, must(s.FindJob(ctx, j.ID))(t), j)
		equal(t, []any{j.ConnectionName, j.Version}, []any{"Contoso", int64(1)})
		twin := crosswalk.NewCompanySync(c.ID, "")
		twin.Name = "COMPANIES"
		field(t, s.InsertJob(ctx, &twin), crosswalk.CodeConflict, "name", "A job named COMPANIES exists already.")
		orphan := crosswalk.NewCompanySync("nope", "x")
		field(t, s.InsertJob(ctx, &orphan), crosswalk.CodeNotFound, "connection_id", "There is no connection with the id nope.")

		old := j
		j.Filter.Conditions = []crosswalk.Condition{{Attribute: "statecode", Operator: crosswalk.Equal, Values: []string{"0"}}}
		ok(t, s.UpdateJob(ctx, &j))
		equal(t, j.Version, int64(2))
		equal(t, must(s.FindJob(ctx, j.ID))(t), j)
		code(t, s.UpdateJob(ctx, &old), crosswalk.CodeConflict)
		equal(t, old.Version, int64(1))
		other := job(t, s, c, "Other")
		other.Name = "companies"
		field(t, s.UpdateJob(ctx, &other), crosswalk.CodeConflict, "name", "A job named companies exists already.")
		code(t, s.UpdateJob(ctx, &crosswalk.Job{ID: "nope"}), crosswalk.CodeNotFound)

		run := must(s.EnqueueRun(ctx, j, "ann"))(t)
		code(t, s.DeleteJob(ctx, j.ID), crosswalk.CodeConflict)
		items, _, total, err := s.ListJobs(ctx, store.JobFilter{ConnectionID: c.ID, Search: "account"}, store.Page{})
		ok(t, err)
		equal(t, total, 2)
		equal(t, items[0].LastRun, &crosswalk.LastRun{ID: run.ID, Status: crosswalk.RunQueued, At: run.QueuedAt})
		equal(t, items[1].LastRun, (*crosswalk.LastRun)(nil))
		items, _, _, err = s.ListJobs(ctx, store.JobFilter{ConnectionID: "nope"}, store.Page{})
		ok(t, err)
		equal(t, items, []crosswalk.Job{})
		must(s.RequestCancel(ctx, run.ID))(t)
		ok(t, s.DeleteJob(ctx, j.ID))
		code(t, s.DeleteJob(ctx, j.ID), crosswalk.CodeNotFound)
		_, err = s.FindRun(ctx, run.ID)
		code(t, err, crosswalk.CodeNotFound)
	})
}

func TestObjects(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		ctx := t.Context()
		for range 2 {
			ok(t, s.EnsureStandardObjects(ctx))
		}
		objects := must(s.ListObjects(ctx))(t)
		equal(t, objects, crosswalk.StandardObjects())
		equal(t, must(s.FindObject(ctx, "company"))(t), objects[0])
		_, err := s.FindObject(ctx, "nope")
		code(t, err, crosswalk.CodeNotFound)
		field(t, s.InsertObject(ctx, crosswalk.Object{Name: "USER"}), crosswalk.CodeConflict, "name", "An object named USER exists already.")
		ok(t, s.InsertObject(ctx, crosswalk.Object{Name: "Mine__gc"}))
		equal(t, len(must(s.ListObjects(ctx))(t)), 3)

		// A field that a newer version brings joins the ones there are.
		less := objects[0]
		custom := crosswalk.Field{Name: "Own__gc", Type: crosswalk.FieldString}
		less.Fields = append(less.Fields[:4:4], custom)
		ok(t, db.Tx(ctx, func(ctx context.Context, tx *database.Tx) error {
			if _, err := tx.Exec(ctx, "DELETE FROM cw_objects WHERE name = $1", less.Name); err != nil {
				return err
			}
			return nil
		}))
		ok(t, s.InsertObject(ctx, less))
		ok(t, s.EnsureStandardObjects(ctx))
		got := must(s.FindObject(ctx, "Company"))(t)
		equal(t, len(got.Fields), len(objects[0].Fields)+1)
		equal(t, *got.Field("Own__gc"), custom)
	})
}

func TestUsersAndTokens(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		s.Now = func() time.Time { return now }
		equal(t, must(s.CountUsers(ctx))(t), 0)
		_, err := s.FirstAdmin(ctx)
		code(t, err, crosswalk.CodeNotFound)
		u := crosswalk.User{Name: "Ann", Email: "Ann@contoso.com", Role: crosswalk.RoleSuperAdmin}
		ok(t, s.InsertUser(ctx, &u, "hash"))
		equal(t, must(s.FindUser(ctx, u.ID))(t), u)
		equal(t, must(s.FirstAdmin(ctx))(t), u)
		equal(t, must(s.CountUsers(ctx))(t), 1)
		found, hash, err := s.FindUserByEmail(ctx, "ann@CONTOSO.com")
		ok(t, err)
		equal(t, []any{found, hash}, []any{u, "hash"})
		twin := crosswalk.User{Email: "ANN@contoso.com"}
		field(t, s.InsertUser(ctx, &twin, ""), crosswalk.CodeConflict, "email", "A user with the e-mail address ANN@contoso.com exists already.")
		_, _, err = s.FindUserByEmail(ctx, "bob\x00@contoso.com")
		code(t, err, crosswalk.CodeNotFound)
		_, err = s.FindUser(ctx, "nope")
		code(t, err, crosswalk.CodeNotFound)

		token := []byte{0, 255}
		ok(t, s.InsertSession(ctx, token, u.ID, now.Add(time.Hour)))
		equal(t, must(s.FindSession(ctx, token))(t), u)
		code(t, s.InsertSession(ctx, []byte{1}, "nope", now.Add(time.Hour)), crosswalk.CodeNotFound)
		now = now.Add(time.Hour)
		_, err = s.FindSession(ctx, token)
		code(t, err, crosswalk.CodeUnauthorized)
		ok(t, s.InsertSession(ctx, token, u.ID, now.Add(time.Hour))) // the expired one is gone
		ok(t, s.DeleteSession(ctx, token))
		ok(t, s.DeleteSession(ctx, token))
		_, err = s.FindSession(ctx, token)
		code(t, err, crosswalk.CodeUnauthorized)

		ok(t, s.InsertAPIToken(ctx, []byte{1}, "cli", crosswalk.RoleAdmin))
		field(t, s.InsertAPIToken(ctx, []byte{2}, "cli", crosswalk.RoleAdmin), crosswalk.CodeConflict, "name", "A token named cli exists already.")
		ok(t, s.ReplaceAPIToken(ctx, []byte{3}, "cli", crosswalk.RoleOperator))
		_, err = s.FindAPIToken(ctx, []byte{1})
		code(t, err, crosswalk.CodeUnauthorized)
		as := must(s.FindAPIToken(ctx, []byte{3}))(t)
		equal(t, []any{as.Name, as.Role, as.Email, as.ID != ""}, []any{"cli", crosswalk.RoleOperator, "", true})

		ok(t, s.InsertLink(ctx, []byte{9}, now.Add(time.Hour)))
		equal(t, s.HasLink(ctx, []byte{9}), true)
		equal(t, s.HasLink(ctx, []byte{8}), false)
		ok(t, s.TakeLink(ctx, []byte{9}))
		code(t, s.TakeLink(ctx, []byte{9}), crosswalk.CodeUnauthorized)
		ok(t, s.InsertLink(ctx, []byte{7}, now.Add(time.Hour)))
		now = now.Add(time.Hour)
		equal(t, s.HasLink(ctx, []byte{7}), false)
		code(t, s.TakeLink(ctx, []byte{7}), crosswalk.CodeUnauthorized)
	})
}

func TestEvents(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		for i := range 5 {
			ok(t, s.InsertEvent(ctx, crosswalk.Event{Actor: "ann", Action: "job.run", Subject: fmt.Sprintf("Job %d\x00", i)}))
		}
		first, next, total, err := s.ListEvents(ctx, store.EventFilter{}, store.Page{Limit: 3})
		ok(t, err)
		second, end, _, err := s.ListEvents(ctx, store.EventFilter{}, store.Page{Limit: 3, Cursor: next})
		ok(t, err)
		var subjects []string
		for _, e := range append(first, second...) {
			subjects = append(subjects, e.Subject)
		}
		equal(t, subjects, []string{"Job 4\uFFFD", "Job 3\uFFFD", "Job 2\uFFFD", "Job 1\uFFFD", "Job 0\uFFFD"})
		equal(t, []any{end, total}, []any{"", 5})
		found, _, _, err := s.ListEvents(ctx, store.EventFilter{Search: "JOB 3"}, store.Page{})
		ok(t, err)
		equal(t, len(found), 1)
	})
}
