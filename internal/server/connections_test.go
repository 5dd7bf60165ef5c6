package server

import (
	"errors"
	"strings"
	"testing"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
)

// Workers must not wait for connections that the others of them hold: there
// are enough for all, or the server does not start.
func TestConnections(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		workers int
		more    string
		want    int32 // 0 means that it does not start
	}{
		{4, "", 16},
		{20, "", 44},
		{4, "&pool_max_conns=30", 30},
		{4, "&pool_max_conns=11", 0},
	} {
		dsn := databasetest.DSN(t, database.Postgres) + test.more
		s, err := New(t.Context(), Config{Listen: "127.0.0.1:0", DataDir: t.TempDir(), Database: dsn, Workers: test.workers})
		var e *crosswalk.Error
		switch {
		case test.want == 0:
			if !errors.As(err, &e) || e.Code != crosswalk.CodeInvalid || !strings.Contains(e.Hint, "pool_max_conns") {
				t.Errorf("%+v: %v", test, err)
			}
			continue
		case err != nil:
			t.Fatal(err)
		}
		if got := s.db.Pool().Config().MaxConns; got != test.want {
			t.Errorf("%+v: %d connections", test, got)
		}
		s.close()
	}
}
