package store_test

import (
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

// Claims demanded by a challenge wait for the next sign-in and no longer.
func TestRequiredClaims(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ctx := t.Context()
		c := connection(t, s, "Contoso")
		equal(t, must(s.RequiredClaims(ctx, c.ID))(t), "")
		ok(t, s.RequireClaims(ctx, c.ID, `{"access_token":{}}`))
		equal(t, must(s.RequiredClaims(ctx, c.ID))(t), `{"access_token":{}}`)
		_, err := s.Authorize(ctx, c.ID, grant("one"), nil, func() crosswalk.Job { return crosswalk.NewUserSync(c.ID, c.Name) })
		ok(t, err)
		equal(t, must(s.RequiredClaims(ctx, c.ID))(t), "")
		equal(t, crosswalk.ErrorCode(s.RequireClaims(ctx, "nope", "{}")), crosswalk.CodeNotFound)
		_, err = s.RequiredClaims(ctx, "nope")
		equal(t, crosswalk.ErrorCode(err), crosswalk.CodeNotFound)
	})
}
