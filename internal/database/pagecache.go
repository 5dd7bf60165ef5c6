package database

import (
	"encoding/binary"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	"modernc.org/sqlite/lib"
)

// sharedCacheKB is what the connections of the process to SQLite files have in
// common for the pages they keep: enough for one that writes in bulk beside
// some that read. With more of them at work each has less of it.
const sharedCacheKB = writerCacheKB + 2048

// pageSize is that of new SQLite files.
const pageSize = 4096

// SQLite takes such memory only before it is used for the first time, by
// anybody in the process. One by one, each page would take 8 KB: the allocator
// below SQLite rounds what a page and its administration need up to a power of
// two. Nothing of it is touched before a file is opened.
func init() {
	tls := libc.NewTLS()
	defer tls.Close()
	args := libc.Xmalloc(tls, 32)
	defer libc.Xfree(tls, args)
	extra := libc.Xmalloc(tls, 8)
	defer libc.Xfree(tls, extra)
	if sqlite3.Xsqlite3_config(tls, sqlite3.SQLITE_CONFIG_PCACHE_HDRSZ, libc.VaList(args, extra)) != sqlite3.SQLITE_OK {
		return
	}
	slot := pageSize + int32(binary.NativeEndian.Uint32(libc.GoBytes(extra, 4)))
	slots := int32(sharedCacheKB<<10) / slot
	// Without the memory, or when it is too late, pages are got one by one.
	memory := libc.Xmalloc(tls, types.Size_t(slot*slots))
	if memory != 0 && sqlite3.Xsqlite3_config(tls, sqlite3.SQLITE_CONFIG_PAGECACHE, libc.VaList(args, memory, slot, slots)) != sqlite3.SQLITE_OK {
		libc.Xfree(tls, memory)
	}
}
