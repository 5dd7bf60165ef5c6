package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/crosswalk-data/crosswalk"
)

// The exit codes. Scripts decide by them, so they never change.
const (
	exitOK           = 0
	exitInternal     = 1
	exitUsage        = 2
	exitInvalid      = 3
	exitNotFound     = 4
	exitConflict     = 5
	exitUnauthorized = 6
	exitUnavailable  = 7
	exitPartial      = 10
	exitFailed       = 11
	exitCancelled    = 12
	exitHeld         = 13
	exitInterrupted  = 130
)

const exitCodeHelp = `    0  done
    1  a fault of Crosswalk itself
    2  the command line is wrong
    3  the input is invalid
    4  no such thing
    5  the present state does not allow it
    6  not signed in, or not allowed
    7  a server does not answer or wants fewer calls, or the connection needs a new authorization
   10  the run ended with rejects (partial success)
   11  the run failed or was skipped
   12  the run was cancelled
   13  the run, or the one that it waits for, is held: somebody must decide about its deletions
  130  interrupted
`

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// exitError ends the program with a code after everything has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// leftError is the number of a run whose end somebody did not wait for. The run
// goes on.
type leftError int64

func (e leftError) Error() string { return fmt.Sprintf("run %d was not waited for", int64(e)) }

func (e leftError) Unwrap() error { return context.Canceled }

// exitCode returns the exit code that tells what err is.
func exitCode(err error) int {
	var usage usageError
	var exit exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	switch crosswalk.ErrorCode(err) {
	case crosswalk.CodeInvalid:
		return exitInvalid
	case crosswalk.CodeNotFound:
		return exitNotFound
	case crosswalk.CodeConflict:
		return exitConflict
	case crosswalk.CodeUnauthorized, crosswalk.CodeForbidden:
		return exitUnauthorized
	case crosswalk.CodeUnavailable, crosswalk.CodeDisconnected, crosswalk.CodeTooMany:
		return exitUnavailable
	}
	return exitInternal
}

// runExit returns nil when the run ended well, else the error that ends the
// program with the code of its state.
func runExit(r crosswalk.Run) error {
	switch r.Status {
	case crosswalk.RunPartialSuccess:
		return exitError(exitPartial)
	case crosswalk.RunFailed, crosswalk.RunSkipped:
		return exitError(exitFailed)
	case crosswalk.RunCancelled:
		return exitError(exitCancelled)
	case crosswalk.RunHeld:
		return exitError(exitHeld)
	case crosswalk.RunQueued:
		if r.WaitsFor != 0 {
			return exitError(exitHeld)
		}
	}
	return nil
}

// fail tells the person at the terminal, or with --json the program, what
// err is and returns its exit code.
func (a *app) fail(err error) int {
	code := exitCode(err)
	var exit exitError
	if err == nil || errors.As(err, &exit) {
		return code
	}
	e := a.describe(err)
	if a.json {
		text, jsonErr := json.MarshalIndent(map[string]any{"error": e}, "", "  ")
		if jsonErr == nil {
			fmt.Fprintf(a.stderr, "%s\n", text)
			return code
		}
	}
	fmt.Fprintf(a.stderr, "crosswalk: %s\n", clean(e.Message))
	for _, f := range e.Fields {
		fmt.Fprintf(a.stderr, "  %s: %s\n", clean(f.Field), clean(f.Message))
		if f.Hint != "" {
			fmt.Fprintf(a.stderr, "    %s\n", clean(f.Hint))
		}
	}
	if e.Hint != "" {
		fmt.Fprintf(a.stderr, "%s\n", clean(e.Hint))
	}
	return code
}

// failure is an error as it is shown.
type failure struct {
	Code    string                 `json:"code"`
	Message string                 `json:"message"`
	Hint    string                 `json:"hint,omitempty"`
	Fields  []crosswalk.FieldError `json:"fields,omitempty"`
}

func (a *app) describe(err error) failure {
	var usage usageError
	var left leftError
	var e *crosswalk.Error
	switch {
	case errors.As(err, &usage):
		return failure{Code: "usage", Message: sentence(usage.Error()), Hint: fmt.Sprintf("See %q.", a.command+" --help")}
	case errors.As(err, &left):
		return failure{
			Code: "interrupted", Message: "Interrupted.",
			Hint: fmt.Sprintf("Run %[1]d goes on: see \"crosswalk run show %[1]d\", or end it with \"crosswalk run cancel %[1]d\".", int64(left)),
		}
	case errors.Is(err, context.Canceled):
		return failure{Code: "interrupted", Message: "Interrupted."}
	case errors.As(err, &e):
		f := failure{Code: string(e.Code), Message: e.Message, Hint: e.Hint, Fields: e.Fields}
		if e.Err != nil {
			f.Message = strings.TrimSuffix(f.Message, ".") + ": " + e.Err.Error()
		}
		return f
	}
	return failure{Code: string(crosswalk.CodeInternal), Message: err.Error()}
}

// sentence ends a text with a period unless it ends like a sentence already.
func sentence(text string) string {
	if text == "" || strings.ContainsAny(text[len(text)-1:], ".?!") {
		return text
	}
	return text + "."
}
