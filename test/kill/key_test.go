package kill

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/secret"
)

// TestKilledWhileTheKeyChanges kills a server with SIGKILL in the middle of
// sealing its secrets with a new key. Each start goes on with that, and in the
// end the old key is of no use any more.
func TestKilledWhileTheKeyChanges(t *testing.T) {
	t.Parallel()
	for _, d := range []database.Dialect{database.SQLite, database.Postgres} {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, dsnOf(t, d))
			h.must(h.server.Stop(h.ctx))
			file := filepath.Join(h.data, "crosswalk.key")
			old, err := os.ReadFile(file)
			h.must(err)
			first := base64.StdEncoding.EncodeToString(secret.NewKey()) + "\n"
			both := first + string(old)

			h.must(os.WriteFile(file, []byte(both), 0o600))
			for _, column := range []string{"secret", "tokens"} {
				trap := h.trap("cw_connections", "NEW."+column+" IS DISTINCT FROM OLD."+column)
				kill := h.launch()
				trap.wait("seal the " + column + " anew")
				h.must(kill())
				trap.remove()
			}
			h.must(os.WriteFile(file, old, 0o600))
			if err := h.try(); err == nil {
				_ = h.server.Kill()
				t.Fatal("it started without the new key")
			}
			if !strings.Contains(h.log.String(), "does not belong to this database") {
				t.Error("it does not say that a key is missing")
			}
			h.must(os.WriteFile(file, []byte(both), 0o600))
			h.start()
			for began := time.Now(); !strings.Contains(h.log.String(), "secrets sealed with the present key"); time.Sleep(20 * time.Millisecond) {
				if time.Since(began) > 30*time.Second {
					t.Fatal("the secrets are not sealed to the end")
				}
			}
			h.must(h.server.Stop(h.ctx))
			h.must(os.WriteFile(file, []byte(first), 0o600))
			h.start()
			h.change(1)
			h.equal()
		})
	}
}
