package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/crosswalk-data/crosswalk"
)

// commandRun runs the command line against a server that answers whatever is
// asked of a run with what answer returns, and with 503 where that is nil.
func commandRun(t *testing.T, terminal bool, answer func(call int64) *crosswalk.Run, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return commandRunUntil(t.Context(), t, terminal, answer, args...)
}

// commandRunUntil is commandRun that is interrupted when ctx is done.
func commandRunUntil(ctx context.Context, t *testing.T, terminal bool, answer func(call int64) *crosswalk.Run, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var calls atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		run := answer(calls.Add(1))
		if run == nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if err := json.NewEncoder(w).Encode(run); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	var out, notes bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &notes, getenv: func(string) string { return "" }, terminal: terminal}
	code = a.run(ctx, append(args, "--server", s.URL, "--token", "t"))
	return code, out.String(), notes.String()
}

func TestWaitBearsARestart(t *testing.T) {
	t.Parallel()
	for name, terminal := range map[string]bool{"in a script": false, "at a terminal": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := crosswalk.Run{ID: crosswalk.NewID(), Number: 7, JobName: "Companies", Status: crosswalk.RunRunning}
			code, _, notes := commandRun(t, terminal, func(call int64) *crosswalk.Run {
				now := r
				switch {
				case call >= 8:
					now.Status = crosswalk.RunPartialSuccess
				case call == 3, call >= 5:
					return nil
				}
				return &now
			}, "run", "show", r.ID, "--wait")
			if code != exitPartial {
				t.Errorf("exit code %d\n%s", code, notes)
			}
			if n := strings.Count(notes, "Waiting goes on"); n != 1 || !strings.Contains(notes, "503") {
				t.Errorf("it says %d times that the server does not answer:\n%s", n, notes)
			}
		})
	}
}

func TestInterruptedWaitSaysThatTheRunGoesOn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cancelling bool
		want       bool
	}{"at work": {false, true}, "being cancelled": {true, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			r := crosswalk.Run{ID: crosswalk.NewID(), Number: 7, JobName: "Companies", Status: crosswalk.RunRunning, Cancelling: tt.cancelling}
			code, _, notes := commandRunUntil(ctx, t, false, func(call int64) *crosswalk.Run {
				if call >= 3 {
					interrupt()
				}
				return &r
			}, "run", "show", r.ID, "--wait")
			if told := strings.Contains(notes, `Run 7 goes on: see "crosswalk run show 7", or end it with "crosswalk run cancel 7".`); code != exitInterrupted || told != tt.want || !strings.Contains(notes, "Interrupted.") {
				t.Errorf("exit code %d:\n%s", code, notes)
			}
		})
	}
}
