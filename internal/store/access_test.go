package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

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
		equal(t, len(must(s.ListObjects(ctx))(t)), len(objects)+1)

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
		for i, f := range got.Fields {
			equal(t, f.System, i < 5)
		}
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
		ok(t, s.InsertLink(ctx, []byte{6}, now.Add(time.Hour)))
		ok(t, s.InsertFirstUser(ctx, []byte{6}, &u, "hash"))
		equal(t, must(s.FirstAdmin(ctx))(t), u)
		equal(t, must(s.CountUsers(ctx))(t), 1)
		found, hash, err := s.FindUserByEmail(ctx, "ann@CONTOSO.com")
		ok(t, err)
		equal(t, []any{found, hash}, []any{u, "hash"})
		twin := crosswalk.User{Email: "ANN@contoso.com"}
		_, _, err = s.FindUserByEmail(ctx, "bob\x00@contoso.com")
		code(t, err, crosswalk.CodeNotFound)
		code(t, s.InsertFirstUser(ctx, []byte{9}, &twin, ""), crosswalk.CodeConflict)

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

		ok(t, s.ReplaceAPIToken(ctx, []byte{1}, "cli", crosswalk.RoleAdmin))
		ok(t, s.ReplaceAPIToken(ctx, []byte{3}, "cli", crosswalk.RoleOperator))
		_, err = s.FindAPIToken(ctx, []byte{1})
		code(t, err, crosswalk.CodeUnauthorized)
		as := must(s.FindAPIToken(ctx, []byte{3}))(t)
		equal(t, []any{as.Name, as.Role, as.Email, as.ID != ""}, []any{"cli", crosswalk.RoleOperator, "", true})

		ok(t, s.InsertLink(ctx, []byte{9}, now.Add(time.Hour)))
		ok(t, s.CheckLink(ctx, []byte{9}))
		code(t, s.CheckLink(ctx, []byte{8}), crosswalk.CodeUnauthorized)
		ok(t, s.TakeLink(ctx, []byte{9}))
		code(t, s.TakeLink(ctx, []byte{9}), crosswalk.CodeUnauthorized)
		ok(t, s.InsertLink(ctx, []byte{7}, now.Add(time.Hour)))
		now = now.Add(time.Hour)
		code(t, s.CheckLink(ctx, []byte{7}), crosswalk.CodeUnauthorized)
		code(t, s.TakeLink(ctx, []byte{7}), crosswalk.CodeUnauthorized)
	})
}

// The first user and the link that makes it stand or fall together.
func TestFirstUser(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		ok(t, s.InsertLink(ctx, []byte{1}, time.Now().Add(time.Hour)))
		ok(t, s.InsertLink(ctx, []byte{2}, time.Now().Add(time.Hour)))
		ann := crosswalk.User{Name: "Ann", Email: "ann@contoso.com", Role: crosswalk.RoleSuperAdmin}
		code(t, s.InsertFirstUser(ctx, []byte{3}, &ann, "hash"), crosswalk.CodeUnauthorized)
		ok(t, s.InsertFirstUser(ctx, []byte{1}, &ann, "hash"))
		equal(t, must(s.FirstAdmin(ctx))(t), ann)
		code(t, s.CheckLink(ctx, []byte{1}), crosswalk.CodeUnauthorized)
		bob := crosswalk.User{Name: "Bob", Email: "bob@contoso.com", Role: crosswalk.RoleSuperAdmin}
		code(t, s.InsertFirstUser(ctx, []byte{2}, &bob, "hash"), crosswalk.CodeConflict)
		ok(t, s.CheckLink(ctx, []byte{2}))
		equal(t, must(s.CountUsers(ctx))(t), 1)
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
