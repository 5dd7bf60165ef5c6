package server

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/crosswalk-data/crosswalk"
)

// guardEvery is how often a server looks whether its database is still the one
// it began with, and lookEvery which of these looks goes into it.
const (
	guardEvery = time.Second
	lookEvery  = 5
)

// guard returns CodeConflict, which ends the server, when its database was
// taken away, or replaced by another one or an older copy. What the server
// knows, such as where its runs are, does not belong to that one; after a new
// start it is as good as any.
func (s *Server) guard(ctx context.Context) error {
	tick := time.NewTicker(guardEvery)
	defer tick.Stop()
	seen := s.db.Lock().Taken()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.db.Present(); err != nil {
			return err
		}
		if n%lookEvery != 0 {
			continue
		}
		// On SQLite nobody else writes: what did not change need not be noted.
		err := s.store.Advance(ctx, !s.alone() || s.db.Lock().Taken() != seen)
		seen = s.db.Lock().Taken()
		if crosswalk.ErrorCode(err) == crosswalk.CodeConflict {
			return errors.Join(err, s.abandon(ctx))
		}
		// Any other error keeps runs from going on too, and is told there.
	}
}

// abandon ends the runs at work: they may have stored something in the older
// database as if it held what came before.
func (s *Server) abandon(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	return s.store.Abandon(ctx, "The database was replaced while the run was at work.",
		"Run the job again: it goes on from where the last run ended that succeeded.")
}

// mislaid returns CodeConflict when the data directory has had a database, which
// is not there any more.
func (s *Server) mislaid() error {
	file := filepath.Join(s.cfg.DataDir, "crosswalk.db")
	_, err := os.Stat(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(filepath.Join(s.cfg.DataDir, "queue.db")); err != nil {
		return nil // nothing was here
	}
	return crosswalk.Errorf(crosswalk.CodeConflict, "The database file %s is missing, and the tasks of its runs are there.", file).
		WithHint("Put the file or a backup of it there. To begin with nothing, delete queue.db too.")
}
