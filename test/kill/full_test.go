package kill

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/database"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/test/mirror"
	"github.com/crosswalk-data/crosswalk/test/program"
)

// TestDiskFull fills the disk of the data directory while runs are at work,
// and frees it again. The runs go on by themselves, soon, and nothing is lost
// or twice.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	data := smallDisk(t, "32m")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	path, err := built.Path()
	if err != nil {
		t.Fatal(err)
	}
	source := mirror.NewSource(t, sandbox.Config{Seed: 3, Users: 20, Accounts: 2000, Contacts: 500, Latency: 100 * time.Millisecond})
	log := &program.Log{}
	server, err := program.Start(log, t.TempDir(), path, "serve", "--listen", "127.0.0.1:0", "--data", data, "--page-size", "50", "--slice-budget", "2s")
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	t.Cleanup(func() {
		_ = server.Kill()
		if t.Failed() {
			t.Logf("log of the server:\n%s", log)
		}
	})
	token, err := os.ReadFile(filepath.Join(data, "token"))
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(server.Ready.URL, strings.TrimSpace(string(token)))
	jobs, err := source.Connect(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	var runs []crosswalk.Run
	for _, j := range jobs[1:] {
		r, err := c.StartRun(ctx, j.ID, crosswalk.Scope{})
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, r)
	}
	waitRead(ctx, t, c, runs[0].ID, 300)

	filler := filepath.Join(data, "filler")
	fill(t, filler)
	began := time.Now()
	for n := 0; strings.Count(log.String(), "disk of the database is full") < 2; n++ {
		if time.Since(began) > time.Minute {
			t.Fatal("the disk is full and no run minds")
		}
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(12 * time.Second) // until the queue has given up to store what became of the slices
	stuck, err := c.FindRun(ctx, runs[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	freed := time.Now()
	for _, r := range runs {
		if r, err = c.WaitRun(ctx, r.ID, nil); err != nil || r.Status != crosswalk.RunSuccess {
			t.Errorf("run of %s ended %s: %s %v", r.JobName, r.Status, r.Message, err)
		}
		t.Logf("the run of %s ended %s after the disk was freed", r.JobName, time.Since(freed).Round(time.Second))
	}
	if stuck.Status != crosswalk.RunRunning {
		t.Errorf("the disk was full and the run %s", stuck.Status)
	}
	if took := time.Since(freed); took > 100*time.Second {
		t.Errorf("the runs took %s to end", took)
	}
	if _, err := mirror.Settle(ctx, c, jobs); err != nil {
		t.Fatal(err)
	}
	differences, err := source.Compare(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(ctx, "sqlite:"+filepath.Join(data, "crosswalk.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	problems, err := mirror.Once(ctx, c, db)
	if err != nil {
		t.Fatal(err)
	}
	var check string
	if err := db.QueryRow(ctx, "PRAGMA quick_check").Scan(&check); err != nil || check != "ok" {
		t.Errorf("quick_check: %q %v", check, err)
	}
	for _, d := range append(differences, problems...) {
		t.Error(d)
	}
	if err := server.Stop(ctx); err != nil {
		t.Errorf("the server did not end well: %v", err)
	}
}

// smallDisk returns a folder on a file system of its own, of that size. Making
// one takes an administrator.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+size)
	switch {
	case errors.Is(err, syscall.EPERM) && os.Getenv("CI") != "true":
		t.Skip("only an administrator can make a small disk")
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file until the disk is full.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
}
