package database_test

import (
	"context"
	"encoding/binary"
	"errors"
	"path/filepath"
	"testing"

	"modernc.org/libc"
	"modernc.org/sqlite/lib"

	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/database/databasetest"
)

// TestSharedPages checks that connections to SQLite keep their pages in the
// memory that they have in common.
func TestSharedPages(t *testing.T) {
	t.Parallel()
	table(t, databasetest.Open(t, database.SQLite), "a {int}")
	tls := libc.NewTLS()
	defer tls.Close()
	counters := libc.Xmalloc(tls, 16)
	defer libc.Xfree(tls, counters)
	if rc := sqlite3.Xsqlite3_status64(tls, sqlite3.SQLITE_STATUS_PAGECACHE_USED, counters, counters+8, 0); rc != sqlite3.SQLITE_OK {
		t.Fatalf("status %d", rc)
	}
	if pages := binary.NativeEndian.Uint64(libc.GoBytes(counters+8, 8)); pages < 3 {
		t.Errorf("at most %d pages were ever in it", pages)
	}
}

// TestBuildSortsWithLittle checks that what is sorted for an index takes neither
// as much memory as there is to sort nor as much as the pages of bulk writers.
func TestBuildSortsWithLittle(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, database.SQLite)
	pragma := func(ctx context.Context, tx *database.Tx, name string) (n int) {
		if err := tx.QueryRow(ctx, "PRAGMA "+name).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for name, run := range map[string]func(context.Context, func(context.Context, *database.Tx) error) error{"Build": db.Build, "Alter": db.Alter} {
		boom := errors.New("boom")
		err := run(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			if kept, size := pragma(ctx, tx, "temp_store"), pragma(ctx, tx, "cache_size"); kept == 2 || size != -4096 {
				t.Errorf("%s: temp_store %d, cache_size %d", name, kept, size)
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Errorf("%s: %v", name, err)
		}
		err = db.Tx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			if size := pragma(ctx, tx, "cache_size"); size != -16384 {
				t.Errorf("after %s: cache_size %d", name, size)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Temporary files are kept with a database, not where there may be no room.
func TestTemporaryFiles(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, database.SQLite)
	var dir string
	if err := db.QueryRow(t.Context(), "PRAGMA temp_store_directory").Scan(&dir); err != nil || !filepath.IsAbs(dir) {
		t.Errorf("temporary files are in %q, %v", dir, err)
	}
}
