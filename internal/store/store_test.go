package store_test

import (
	"errors"
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
	ok(t, s.InsertConnection(t.Context(), &c, store.Sealed{Secret: []byte("sealed")}))
	return c
}

func job(t *testing.T, s *store.Store, c crosswalk.Connection, name string) crosswalk.Job {
	t.Helper()
	j := companySync(c.ID, c.Name)
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
		equal(t, must(s.ConnectionSecrets(ctx, c.ID))(t), store.Sealed{Secret: []byte("sealed")})

		plain := crosswalk.Connection{Name: "Plain", EnvironmentURL: "http://127.0.0.1:1"}
		ok(t, s.InsertConnection(ctx, &plain, store.Sealed{}))
		equal(t, must(s.FindConnection(ctx, plain.ID))(t).HasSecret, false)
		equal(t, must(s.ConnectionSecrets(ctx, plain.ID))(t), store.Sealed{})

		again := crosswalk.Connection{Name: "CONTOSO"}
		field(t, s.InsertConnection(ctx, &again, store.Sealed{}), crosswalk.CodeConflict, "name", "A connection named CONTOSO exists already.")
		equal(t, again.ID, "")
		name := "contoso"
		field(t, s.UpdateConnection(ctx, plain.ID, store.ConnectionUpdate{Name: &name}), crosswalk.CodeConflict, "name", "A connection named contoso exists already.")

		name, client := "Renamed", "other app"
		ok(t, s.UpdateConnection(ctx, c.ID, store.ConnectionUpdate{Name: &name, ClientID: &client, SealedSecret: []byte("new")}))
		ok(t, s.UpdateConnection(ctx, c.ID, store.ConnectionUpdate{}))
		got := must(s.FindConnection(ctx, c.ID))(t)
		equal(t, []string{got.Name, got.ClientID}, []string{name, client})
		equal(t, must(s.ConnectionSecrets(ctx, c.ID))(t), store.Sealed{Secret: []byte("new")})

		for _, err := range []error{
			s.UpdateConnection(ctx, "nope", store.ConnectionUpdate{}), s.DeleteConnection(ctx, "nope"),
			s.Revoke(ctx, "nope"),
			func() error { _, err := s.FindConnection(ctx, "nope"); return err }(),
			func() error { _, err := s.FindConnectionByName(ctx, "Contoso"); return err }(),
			func() error { _, err := s.ConnectionSecrets(ctx, "nope"); return err }(),
			func() error { _, _, err := s.LoadTokens(ctx, "nope"); return err }(),
			func() error { _, err := s.RequiredClaims(ctx, "nope"); return err }(),
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
		twin := companySync(c.ID, "")
		twin.Name = "COMPANIES"
		field(t, s.InsertJob(ctx, &twin), crosswalk.CodeConflict, "name", "A job named COMPANIES exists already.")
		orphan := companySync("nope", "x")
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

		run := must(s.EnqueueRun(ctx, j, crosswalk.Scope{}, "ann"))(t)
		code(t, s.DeleteJob(ctx, j.ID), crosswalk.CodeConflict)
		items, _, total, err := s.ListJobs(ctx, store.JobFilter{ConnectionID: c.ID, Search: "account"}, store.Page{})
		ok(t, err)
		equal(t, total, 2)
		equal(t, items[0].LastRun, &crosswalk.LastRun{ID: run.ID, Status: crosswalk.RunQueued, At: run.QueuedAt})
		equal(t, items[1].LastRun, (*crosswalk.LastRun)(nil))
		items, _, _, err = s.ListJobs(ctx, store.JobFilter{ConnectionID: "nope"}, store.Page{})
		ok(t, err)
		equal(t, items, []crosswalk.Job{})
		must(s.TakeRun(ctx, run.ID, 0))(t)
		ok(t, s.HoldRun(ctx, run.ID, 1, "Many.", "Decide."))
		newest := must(s.EnqueueRun(ctx, j, crosswalk.Scope{}, "ann"))(t)
		last := must(s.FindJob(ctx, j.ID))(t).LastRun
		equal(t, []any{last.ID, last.Status}, []any{run.ID, crosswalk.RunHeld})
		must(s.RequestCancel(ctx, run.ID))(t)
		equal(t, must(s.FindJob(ctx, j.ID))(t).LastRun.ID, newest.ID)
		must(s.RequestCancel(ctx, newest.ID))(t)
		ok(t, s.DeleteJob(ctx, j.ID))
		code(t, s.DeleteJob(ctx, j.ID), crosswalk.CodeNotFound)
		_, err = s.FindRun(ctx, run.ID)
		code(t, err, crosswalk.CodeNotFound)
	})
}

func companySync(connectionID, name string) crosswalk.Job {
	return crosswalk.Templates(connectionID, name)[0].Job
}
