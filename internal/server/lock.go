package server

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/crosswalk-data/crosswalk"
)

// lockFile takes the data directory for this process. The lock ends with the
// process, however it ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, unusable(filepath.Dir(path), err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		_ = f.Close()
		return nil, crosswalk.Errorf(crosswalk.CodeConflict, "Another Crosswalk is running on this data directory.").
			WithHint("Stop the other one, or start this one with another --data directory.")
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// unusable says that a data directory is of no use.
func unusable(dir string, err error) error {
	hint := "Crosswalk must be allowed to make and change files there. See that its disk is there and is not read only."
	if errors.Is(err, syscall.ENOTDIR) {
		hint = "A file is in its place. Name another directory with --data."
	}
	return crosswalk.Errorf(crosswalk.CodeConflict, "The data directory %s cannot be used.", dir).WithHint("%s", hint).WithCause(err)
}
