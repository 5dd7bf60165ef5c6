package crosswalk

import (
	"errors"
	"fmt"
	"strings"
)

// Code is the kind of an error, for machines: the REST API turns it into an
// HTTP status and the command line into an exit code.
type Code string

// The codes of Error.
const (
	CodeInvalid      Code = "invalid"      // the input breaks a rule; Fields says where
	CodeUnauthorized Code = "unauthorized" // nobody is signed in
	CodeForbidden    Code = "forbidden"    // the caller's role does not allow it
	CodeNotFound     Code = "not_found"    // what is named does not exist
	CodeConflict     Code = "conflict"     // the present state of what is named does not allow it
	CodeUnavailable  Code = "unavailable"  // another system does not answer; trying again can help
	CodeTooMany      Code = "too_many"     // too many attempts; wait as long as the hint says
	CodeDisconnected Code = "disconnected" // the connection's authorization no longer works; a person must act
	CodeInternal     Code = "internal"     // a fault of Crosswalk itself
)

// Error is an error meant for a person: Message says what happened and Hint
// what to do about it. Err, when not nil, is the cause, for the log only.
type Error struct {
	Code    Code
	Message string
	Hint    string
	Fields  []FieldError
	Err     error
}

// FieldError is one problem at one place of the input. Field is the path of
// the place as in the JSON body, for example "environment_url" or
// "mapping.fields[2].target".
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Error returns the message, the problems of the fields and the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for i, f := range e.Fields {
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString("; ")
		}
		b.WriteString(f.Field + ": " + f.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error whose message is formatted as by fmt.Sprintf.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithCause returns e with the cause set.
func (e *Error) WithCause(err error) *Error {
	e.Err = err
	return e
}

// WithHint returns e with the hint set.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// ErrorCode returns the code of the first Error in err's chain, CodeInternal
// when there is none, and "" when err is nil.
func ErrorCode(err error) Code {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	default:
		return CodeInternal
	}
}

// Problems collects the field errors of one input so that all of them can be
// reported together. The zero value is ready to use.
type Problems []FieldError

// Add notes a problem at field.
func (p *Problems) Add(field, format string, args ...any) {
	*p = append(*p, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
}

// AddHint notes a problem at field with what to do about it.
func (p *Problems) AddHint(field, hint, format string, args ...any) {
	*p = append(*p, FieldError{Field: field, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// AddError notes err as a problem at field, with the hint that it has.
func (p *Problems) AddError(field string, err error) {
	f := FieldError{Field: field, Message: err.Error()}
	var e *Error
	if errors.As(err, &e) {
		f.Message, f.Hint = e.Message, e.Hint
	}
	*p = append(*p, f)
}

// Err returns nil when there are no problems, and otherwise an Error of
// CodeInvalid with the message and all of them.
func (p Problems) Err(message string) error {
	if len(p) == 0 {
		return nil
	}
	return &Error{Code: CodeInvalid, Message: message, Fields: p}
}
