package kill

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/crosswalk-data/crosswalk/test/program"
)

// TestReadOnlyDisk starts a server on a disk that takes no changes, as a disk
// is left after an error, with data and without any. It refuses and says why;
// when the disk takes changes again, it starts.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "32m")
	path, err := built.Path()
	if err != nil {
		t.Fatal(err)
	}
	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	try := func(data string) (*program.Process, string, error) {
		log := &program.Log{}
		p, err := program.Start(log, t.TempDir(), path, "serve", "--listen", "127.0.0.1:0", "--data", data)
		return p, log.String(), err
	}
	for _, data := range []string{disk, filepath.Join(disk, "none")} {
		remount(0)
		if data == disk {
			p, log, err := try(data)
			if err != nil {
				t.Fatalf("%v\n%s", err, log)
			}
			if err := p.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		remount(syscall.MS_RDONLY)
		p, log, err := try(data)
		if err == nil {
			_ = p.Kill()
			t.Fatalf("%s: it started", data)
		}
		if !strings.Contains(log, "cannot be used") || !strings.Contains(log, "not read only") {
			t.Errorf("%s: it says %s", data, log)
		}
	}
	remount(0)
	p, log, err := try(disk)
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
