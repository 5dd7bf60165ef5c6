package sandbox_test

import (
	"runtime"
	"strconv"
	"testing"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

// TestTenMillionRows changes a few of ten million rows: memory is used for
// those alone. It runs beside no other test.
func TestTenMillionRows(t *testing.T) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	s := start(t, sandbox.Config{Accounts: 10_000_000, Contacts: 10, Users: 10})
	page := s.decode(t, "accounts?$select=name", "Prefer", tracking)
	s.change(t, "account", 10_000, 1)
	if n, err := s.InsertRows("account", 10_000, 2); err != nil || n != 10_000 {
		t.Error(n, err)
	}
	if n, err := s.DeleteRows("account", 1000, 3); err != nil || n != 1000 {
		t.Error(n, err)
	}
	if s.Count("account") != 10_009_000 {
		t.Error(s.Count("account"))
	}
	if rows := page["value"].([]any); len(rows) != 400 {
		t.Error(len(rows))
	}
	if used := heap() - before; used > 64<<20 {
		t.Errorf("%s MB for 21,000 changed rows", strconv.FormatUint(used>>20, 10))
	} else {
		t.Logf("%d kB", used>>10)
	}
	runtime.KeepAlive(s)
}
