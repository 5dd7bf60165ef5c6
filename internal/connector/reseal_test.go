package connector_test

import (
	"fmt"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/connector"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/secret"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// TestReseal seals the secrets of two connections with a new key, but for one
// whose key is lost, and again when there is nothing left to do.
func TestReseal(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		stored := store.New(db)
		must(t, stored.Migrate(t.Context()))
		a, b, lost := secret.NewKey(), secret.NewKey(), secret.NewKey()
		with := func(keys ...[]byte) *connector.Connector {
			ring, err := secret.NewKeyring(keys...)
			must(t, err)
			return connector.New(connector.Config{Store: stored, Keys: ring})
		}
		for i, by := range []*connector.Connector{with(a), with(lost)} {
			conn := crosswalk.Connection{ID: crosswalk.NewID(), Name: fmt.Sprint(i), EnvironmentURL: "https://contoso.crm4.dynamics.com", SignInMode: crosswalk.SignInSecret}
			sealed, err := by.SealSecret(conn.ID, "hush")
			must(t, err)
			must(t, stored.InsertConnection(t.Context(), &conn, store.Sealed{Secret: sealed}))
		}
		both := with(b, a)
		for _, want := range []int{1, 0} {
			if n, err := both.Reseal(t.Context()); n != want || err == nil {
				t.Errorf("%d sealed, want %d; error %v", n, want, err)
			}
		}
		list, err := stored.Secrets(t.Context())
		must(t, err)
		if len(list) != 2 {
			t.Fatalf("%d secrets", len(list))
		}
		opened := 0
		for _, s := range list {
			if plain, err := with(b).Keys.Open(s.Sealed, "connection/"+s.ConnectionID+"/secret"); err == nil && string(plain) == "hush" {
				opened++
			}
		}
		if opened != 1 {
			t.Errorf("the new key opens %d secrets, want 1", opened)
		}
		// What was replaced meanwhile stays.
		must(t, stored.Reseal(t.Context(), store.Secret{ConnectionID: list[0].ConnectionID, Kind: store.ClientSecret, Sealed: []byte("old")}, []byte("x")))
		again, err := stored.Secrets(t.Context())
		must(t, err)
		if string(again[0].Sealed) != string(list[0].Sealed) {
			t.Error("a newer secret was overwritten")
		}
	})
}
