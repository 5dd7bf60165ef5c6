package database_test

import (
	"encoding/binary"
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
