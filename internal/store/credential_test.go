package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// What a connection signs in with comes back as it was stored, changes one
// thing at a time, and is warned about ahead of its end.
func TestCredentials(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		s.Now = func() time.Time { return now }
		ends := now.Add(40 * 24 * time.Hour)
		c := crosswalk.Connection{Name: "App", EnvironmentURL: "https://contoso.crm4.dynamics.com", SignInMode: crosswalk.SignInSecret, SecretExpiresAt: &ends}
		ok(t, s.InsertConnection(ctx, &c, store.Sealed{Secret: []byte("s")}))
		equal(t, must(s.FindConnection(ctx, c.ID))(t), c)
		if c.Warning != nil {
			t.Errorf("warned 40 days ahead: %v", c.Warning)
		}

		s.Now = func() time.Time { return now.Add(15 * 24 * time.Hour) }
		got := must(s.FindConnection(ctx, c.ID))(t)
		if got.Warning == nil || got.Warning.Message != "The client secret expires on 2026-04-10, in 25 days." {
			t.Errorf("warning %+v", got.Warning)
		}

		mode := crosswalk.SignInCertificate
		facts := crosswalk.Certificate{Subject: "CN=crosswalk", Thumbprint: "AB12", NotBefore: now, NotAfter: now.Add(365 * 24 * time.Hour)}
		ok(t, s.UpdateConnection(ctx, c.ID, store.ConnectionUpdate{SignInMode: &mode, SealedCertificate: []byte("c"), Certificate: &facts}))
		ok(t, s.UpdateConnection(ctx, c.ID, store.ConnectionUpdate{}))
		got = must(s.FindConnection(ctx, c.ID))(t)
		equal(t, got.SignInMode, mode)
		equal(t, *got.Certificate, facts)
		equal(t, *got.SecretExpiresAt, ends)
		equal(t, got.Warning, (*crosswalk.Warning)(nil))
		equal(t, must(s.ConnectionSecrets(ctx, c.ID))(t), store.Sealed{Secret: []byte("s"), Certificate: []byte("c")})

		ok(t, s.UpdateConnection(ctx, c.ID, store.ConnectionUpdate{SealedSecret: []byte("s2"), SecretExpiresAt: new(time.Time)}))
		got = must(s.FindConnection(ctx, c.ID))(t)
		equal(t, got.SecretExpiresAt, (*time.Time)(nil))
		equal(t, must(s.ConnectionSecrets(ctx, c.ID))(t), store.Sealed{Secret: []byte("s2"), Certificate: []byte("c")})
	})
}

// What was wrong with the set-up is not said any more of a corrected one; a
// connection that is disconnected goes on saying why.
func TestCorrectedSetUp(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		for _, disconnects := range []bool{false, true} {
			c := connection(t, s, fmt.Sprint("Contoso ", disconnects))
			_, err := s.Authorize(ctx, c.ID, grant("one"), []byte("t"), func() crosswalk.Job { return crosswalk.NewUserSync(c.ID, c.Name) })
			ok(t, err)
			equal(t, must(s.Refuse(ctx, c.ID, store.Refusal{Version: 1, Disconnects: disconnects, Cause: "The secret is wrong.", Hint: "Enter it."}))(t), true)
			cause := func() string { return must(s.FindConnection(ctx, c.ID))(t).StatusCause }
			name := c.Name + " Ltd"
			ok(t, s.UpdateConnection(ctx, c.ID, store.ConnectionUpdate{Name: &name}))
			equal(t, cause(), "The secret is wrong.")
			ok(t, s.UpdateConnection(ctx, c.ID, store.ConnectionUpdate{SealedSecret: []byte("s")}))
			equal(t, cause() != "", disconnects)
		}
	})
}
