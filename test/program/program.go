// Package program builds the crosswalk program and runs it as a process, the
// way an installation does, for the tests and benchmarks of the whole.
package program

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const packagePath = "github.com/crosswalk-data/crosswalk/cmd/crosswalk"

// Build builds the program into dir and returns its path.
func Build(dir string) (string, error) {
	path := filepath.Join(dir, "crosswalk")
	out, err := exec.Command("go", "build", "-o", path, packagePath).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, NoteSources()
}

// Shared is a program that is built once for all tests of a process. The zero
// value is ready to use.
type Shared struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// Path returns the path of the program, which is built at the first call.
func (s *Shared) Path() (string, error) {
	s.once.Do(func() {
		if s.dir, s.err = os.MkdirTemp("", "crosswalk-program-"); s.err == nil {
			s.path, s.err = Build(s.dir)
		}
	})
	return s.path, s.err
}

// Remove removes the program if it was built.
func (s *Shared) Remove() error {
	if s.dir == "" {
		return nil
	}
	return os.RemoveAll(s.dir)
}

// NoteSources looks at every source file of the module. The go command
// notes which files a test looks at and runs the test again when one of them
// changes; without that it would keep the results of an older program.
func NoteSources() error {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	root := strings.TrimSpace(string(out))
	sources, err := filepath.Glob(filepath.Join(root, "*.*")) // the root package and go.mod
	for _, name := range sources {
		if err == nil {
			_, err = os.Stat(name)
		}
	}
	for _, dir := range []string{"client", "cmd", "internal"} {
		err = errors.Join(err, filepath.WalkDir(filepath.Join(root, dir), func(name string, _ os.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(name)
			}
			return err
		}))
	}
	return err
}

// startLimit is how long a server may take until it says that it is ready.
const startLimit = 60 * time.Second

// Process is a running server.
type Process struct {
	// Ready is what the server printed when it was ready.
	Ready struct {
		URL          string `json:"url"`
		Data         string `json:"data"`
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	err  error         // how; read it after done
}

// Start starts "path args --json" in the folder dir, waits until the server
// says that it is ready and returns it. Its log goes to log; nil drops it. The
// environment is the caller's without the variables of Crosswalk.
func Start(log io.Writer, dir, path string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(path, append(args, "--json")...), done: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Env = Environ()
	p.cmd.Stderr = log
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", strings.Join(args, " "), err)
	}
	line := make(chan []byte, 1)
	go func() {
		r := bufio.NewReader(stdout)
		first, _ := r.ReadBytes('\n')
		line <- first
		_, _ = io.Copy(io.Discard, r)
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	select {
	case first := <-line:
		err = json.Unmarshal(first, &p.Ready)
	case <-time.After(startLimit):
		err = errors.New("it does not say that it is ready")
	}
	if err != nil {
		_ = p.Kill()
		return nil, fmt.Errorf("start %s: %w", strings.Join(args, " "), err)
	}
	return p, nil
}

// Environ returns the environment without the variables that change what
// crosswalk does.
func Environ() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "CROSSWALK_") {
			env = append(env, v)
		}
	}
	return env
}

// Kill ends the process at once, as a crash or the kernel would, and waits
// until it has ended.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.done
	return nil
}

// Pause stops the process, as if the kernel gave it no time, until Resume.
func (p *Process) Pause() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (p *Process) Resume() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// Stop asks the process to end and returns how it ended. When ctx ends first,
// the process is killed.
func (p *Process) Stop(ctx context.Context) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), p.Kill())
	}
}

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// PeakMemory returns the largest resident size the process has had so far, in
// bytes: VmHWM of proc(5).
func (p *Process) PeakMemory() (int64, error) { return PeakMemory(p.cmd.Process.Pid) }

// ForgetPeakMemory makes PeakMemory start again from what the process uses now.
func (p *Process) ForgetPeakMemory() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
}

// CPU returns the processor time that the process has used so far, in steps
// of 10 ms.
func (p *Process) CPU() (time.Duration, error) {
	_, used, err := stat(p.cmd.Process.Pid)
	return used, err
}

// TreeCPU is the processor time of a process and its children, those that
// have ended included.
func TreeCPU(pid int) (time.Duration, error) {
	_, sum, err := stat(pid)
	if err != nil {
		return 0, err
	}
	all, err := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		child, _ := strconv.Atoi(filepath.Base(dir))
		if parent, used, err := stat(child); err == nil && parent == pid { // others may end meanwhile
			sum += used
		}
	}
	return sum, err
}

// stat reads a process's parent and the processor time of itself and those of
// its children that have ended: /proc/pid/stat of proc(5).
func stat(pid int) (parent int, used time.Duration, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // behind the name
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return 0, 0, fmt.Errorf("the kernel does not tell the times of process %d", pid)
	}
	parent, err = strconv.Atoi(fields[1])
	for _, f := range fields[11:15] {
		ticks, e := strconv.ParseInt(f, 10, 64)
		used, err = used+time.Duration(ticks)*(time.Second/100), errors.Join(err, e)
	}
	return parent, used, err
}

// PeakMemory returns the largest resident size that any process has had so far,
// in bytes.
func PeakMemory(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("the kernel does not tell the peak memory")
}

// Authorize lets the program at path authorize a connection of the server at
// url with that data directory, answering the sandbox's sign-in pages.
func Authorize(path, url, data, connection string) error {
	cmd := exec.Command(path, "connection", "authorize", connection, "--answer", "accept", "--server", url, "--data", data)
	cmd.Env = Environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("authorize %s: %w\n%s", connection, err, out)
	}
	return nil
}
