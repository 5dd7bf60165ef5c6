package api_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/api"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
	"github.com/crosswalk-data/crosswalk/internal/store"
)

// Somebody who cannot be looked up, because the database does not answer, is
// not told that they are not signed in: a browser would sign them out.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	db, err := database.Open(t.Context(), databasetest.DSN(t, database.SQLite), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := store.New(db)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	handler := api.New(api.Config{Store: s, DB: db, Logger: slog.New(slog.DiscardHandler), UI: http.NotFoundHandler()})
	ask := func(name, value string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/api/jobs", nil)
		if name != "" {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	for name, value := range map[string]string{"": "", "Authorization": "Bearer x", "Cookie": "crosswalk_session=x"} {
		if got := ask(name, value); got.Code != http.StatusUnauthorized {
			t.Errorf("there: %s says %d %s", name, got.Code, got.Body)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Authorization": "Bearer x", "Cookie": "crosswalk_session=x"} {
		if got := ask(name, value); got.Code != http.StatusServiceUnavailable || !strings.Contains(got.Body.String(), "Try again") {
			t.Errorf("away: %s says %d %s", name, got.Code, got.Body)
		}
	}
}
