package kill

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/test/mirror"
)

// newer brings the database to the schema of a version to come, as the first
// server of that version does, and returns what takes it back.
func (h *house) newer() (back func()) {
	h.Helper()
	db, err := database.Open(h.ctx, h.dsn, nil)
	h.must(err)
	h.Cleanup(func() { _ = db.Close() })
	var known int
	h.must(db.QueryRow(h.ctx, "SELECT max(version) FROM cw_migrations").Scan(&known))
	h.must(db.Migrate(h.ctx, append(make([]database.Migration, known), database.Migration{
		Name: "newer", SQL: "ALTER TABLE cw_runs ADD COLUMN newer {text} NOT NULL DEFAULT 'x'; CREATE TABLE cw_newer (x {int})",
	})))
	return func() {
		h.Helper()
		p := &trap{house: h, db: db}
		p.exec("DROP TABLE cw_newer")
		p.exec("ALTER TABLE cw_runs DROP COLUMN newer")
		p.exec("DELETE FROM cw_migrations WHERE name = 'newer'")
	}
}

// TestNewerDatabase changes the schema of the database to that of a version to
// come while a run is at work, as in a rolling upgrade. The server that is
// there goes on to the end of the run; started again, it refuses and says why.
// With the schema taken back it goes on with a run that was in the middle.
func TestNewerDatabase(t *testing.T) {
	t.Parallel()
	for _, d := range []database.Dialect{database.SQLite, database.Postgres} {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, dsnOf(t, d))
			run, release := h.half()
			back := h.newer()
			release()
			run, err := h.WaitRun(h.ctx, run.ID, nil)
			h.must(err)
			if run.Status != crosswalk.RunSuccess {
				t.Errorf("the run ended %s (%s)", run.Status, run.Message)
			}
			run, release = h.half()
			h.must(h.server.Kill())
			release()
			if err := h.try(); err == nil {
				_ = h.server.Kill()
				t.Fatal("an older server started")
			}
			if text := h.log.String(); !strings.Contains(text, "The database was written by a newer version of Crosswalk (schema ") || !strings.Contains(text, "Start the newer version again") {
				t.Error("it does not say why not, or what to do")
			}
			back()
			h.start()
			if run, err = h.WaitRun(h.ctx, run.ID, nil); err != nil || run.Status != crosswalk.RunSuccess {
				t.Errorf("the run in the middle ended %s (%s), %v", run.Status, run.Message, err)
			}
			h.equal()
			h.once()
		})
	}
}

// TestHeldByAnotherProgram has another program, such as one that makes backups,
// hold the SQLite file while a run is at work. The run waits, the API says why,
// and when the file is free the run goes on by itself.
func TestHeldByAnotherProgram(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	run, release := h.half()
	raw, err := sql.Open("sqlite", filepath.Join(h.data, "crosswalk.db"))
	h.must(err)
	defer raw.Close()
	conn, err := raw.Conn(h.ctx)
	h.must(err)
	defer conn.Close()
	for _, pragma := range []string{"PRAGMA busy_timeout = 20000", "BEGIN IMMEDIATE"} {
		_, err := conn.ExecContext(h.ctx, pragma)
		h.must(err)
	}
	release()
	const message = "Another program holds the database file."
	if _, err = h.StartRun(h.ctx, h.jobs[0].ID, crosswalk.Scope{}); crosswalk.ErrorCode(err) != crosswalk.CodeUnavailable || !strings.Contains(err.Error(), message) {
		t.Errorf("the API says %v", err)
	}
	for began := time.Now(); !strings.Contains(h.log.String(), message); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatal("no run waits")
		}
	}
	if r, err := h.FindRun(h.ctx, run.ID); err != nil || r.Status != crosswalk.RunRunning {
		t.Errorf("the run is %s, %v", r.Status, err)
	}
	_, err = conn.ExecContext(h.ctx, "ROLLBACK")
	h.must(err)
	if run, err = h.WaitRun(h.ctx, run.ID, nil); err != nil || run.Status != crosswalk.RunSuccess {
		t.Errorf("the run ended %s (%s), %v", run.Status, run.Message, err)
	}
	h.equal()
	h.once()
}

// TestLogIsFull runs jobs on a server that can write no log.
func TestLogIsFull(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	h.must(h.server.Stop(h.ctx))
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	h.must(err)
	defer full.Close()
	h.stderr = full
	h.start()
	h.change(1)
	_, err = mirror.Settle(h.ctx, h.Client, h.jobs)
	h.must(err)
	h.equal()
	h.must(h.server.Stop(h.ctx))
}
