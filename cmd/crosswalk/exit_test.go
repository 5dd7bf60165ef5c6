package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	code := func(c crosswalk.Code) error { return fmt.Errorf("do it: %w", crosswalk.Errorf(c, "It went wrong.")) }
	tests := map[string]struct {
		err  error
		want int
	}{
		"done":               {nil, 0},
		"any error":          {errors.New("oops"), 1},
		"fault":              {code(crosswalk.CodeInternal), 1},
		"command line":       {usageError{errors.New("unknown flag")}, 2},
		"invalid":            {code(crosswalk.CodeInvalid), 3},
		"not found":          {code(crosswalk.CodeNotFound), 4},
		"conflict":           {code(crosswalk.CodeConflict), 5},
		"not signed in":      {code(crosswalk.CodeUnauthorized), 6},
		"forbidden":          {code(crosswalk.CodeForbidden), 6},
		"unavailable":        {code(crosswalk.CodeUnavailable), 7},
		"disconnected":       {code(crosswalk.CodeDisconnected), 7},
		"too many":           {code(crosswalk.CodeTooMany), 7},
		"of the API":         {&client.Error{Status: 404, Code: crosswalk.CodeNotFound}, 4},
		"success":            {runExit(crosswalk.Run{Status: crosswalk.RunSuccess}), 0},
		"partial success":    {runExit(crosswalk.Run{Status: crosswalk.RunPartialSuccess}), 10},
		"failed":             {runExit(crosswalk.Run{Status: crosswalk.RunFailed}), 11},
		"skipped":            {runExit(crosswalk.Run{Status: crosswalk.RunSkipped}), 11},
		"cancelled":          {runExit(crosswalk.Run{Status: crosswalk.RunCancelled}), 12},
		"held":               {runExit(crosswalk.Run{Status: crosswalk.RunHeld}), 13},
		"behind a held one":  {runExit(crosswalk.Run{Status: crosswalk.RunQueued, WaitsFor: 18}), 13},
		"interrupted":        {fmt.Errorf("wait: %w", context.Canceled), 130},
		"the worst of a few": {worst([]runBrief{{run: crosswalk.Run{Status: crosswalk.RunPartialSuccess}}, {run: crosswalk.Run{Status: crosswalk.RunFailed}}, {}}), 11},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := exitCode(tt.err); got != tt.want {
				t.Errorf("exitCode(%v) = %d, want %d", tt.err, got, tt.want)
			}
		})
	}
}

func TestEveryExitCodeIsDocumented(t *testing.T) {
	t.Parallel()
	for _, code := range []int{exitOK, exitInternal, exitUsage, exitInvalid, exitNotFound, exitConflict, exitUnauthorized, exitUnavailable, exitPartial, exitFailed, exitCancelled, exitHeld, exitInterrupted} {
		if !strings.Contains(exitCodeHelp, fmt.Sprintf("%5d  ", code)) {
			t.Errorf("the help does not explain exit code %d", code)
		}
	}
}

func TestFailureOutput(t *testing.T) {
	t.Parallel()
	err := &client.Error{
		Status: 400, Code: crosswalk.CodeInvalid, Message: "The job has \x1b[2Jproblems.", Hint: "Correct them.",
		Fields: []crosswalk.FieldError{{Field: "mapping.fields[0].target", Message: "Company has no field Foo.", Hint: "Did you mean Food?"}},
	}
	var stderr strings.Builder
	a := &app{stderr: &stderr}
	if code := a.fail(err); code != exitInvalid {
		t.Errorf("exit code %d", code)
	}
	want := "crosswalk: The job has  [2Jproblems.\n  mapping.fields[0].target: Company has no field Foo.\n    Did you mean Food?\nCorrect them.\n"
	if diff := cmp.Diff(want, stderr.String()); diff != "" {
		t.Errorf("for people (-want +got):\n%s", diff)
	}

	stderr.Reset()
	a.json = true
	a.fail(err)
	var got struct{ Error failure }
	if err := json.Unmarshal([]byte(stderr.String()), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(failure{Code: "invalid", Message: err.Message, Hint: err.Hint, Fields: err.Fields}, got.Error); diff != "" {
		t.Errorf("for programs (-want +got):\n%s", diff)
	}
}
