package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/database"
)

// Problem is an error as the API tells it: a problem document (RFC 9457) with
// the code, the hint and the fields of crosswalk.Error.
type Problem struct {
	Title  string                 `json:"title" doc:"The status in words"`
	Status int                    `json:"status"`
	Detail string                 `json:"detail" doc:"What happened"`
	Code   crosswalk.Code         `json:"code" doc:"Stable kind of the error"`
	Hint   string                 `json:"hint,omitempty" doc:"What to do about it"`
	Errors []crosswalk.FieldError `json:"errors,omitempty" doc:"Problems by field of the body"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

var statuses = map[crosswalk.Code]int{
	crosswalk.CodeInvalid:      http.StatusUnprocessableEntity,
	crosswalk.CodeUnauthorized: http.StatusUnauthorized,
	crosswalk.CodeForbidden:    http.StatusForbidden,
	crosswalk.CodeNotFound:     http.StatusNotFound,
	crosswalk.CodeConflict:     http.StatusConflict,
	crosswalk.CodeTooMany:      http.StatusTooManyRequests,
	crosswalk.CodeUnavailable:  http.StatusServiceUnavailable,
	crosswalk.CodeDisconnected: http.StatusFailedDependency,
	crosswalk.CodeInternal:     http.StatusInternalServerError,
}

func newProblem(e *crosswalk.Error) *Problem {
	status, ok := statuses[e.Code]
	if !ok {
		status = http.StatusInternalServerError
	}
	return &Problem{
		Title:  http.StatusText(status),
		Status: status,
		Detail: e.Message,
		Code:   e.Code,
		Hint:   e.Hint,
		Errors: e.Fields,
	}
}

// problem turns an error into a Problem. Faults of Crosswalk's own are
// logged and not told.
func (a *api) problem(ctx context.Context, err error) error {
	var e *crosswalk.Error
	var ready huma.StatusError
	switch {
	case errors.Is(err, database.ErrHeld):
		return huma.ErrorWithHeaders(newProblem(held(err)), http.Header{"Retry-After": {heldAgain}})
	case errors.As(err, &e) && e.Code != crosswalk.CodeInternal:
		return newProblem(e)
	case errors.As(err, &ready):
		return err
	}
	if ctx.Err() == nil {
		a.Logger.ErrorContext(ctx, "request failed", "error", err)
	}
	if outage := database.Outage(err); outage != nil {
		return newProblem(outage)
	}
	return newProblem(crosswalk.Errorf(crosswalk.CodeInternal, "Something went wrong inside Crosswalk.").
		WithHint("Try again; if it stays, the log of the server holds the details."))
}

const (
	// heldLimit is how long a change waits for what holds the database.
	heldLimit = 10 * time.Second
	// heldAgain is how many seconds later it should be tried again.
	heldAgain = "15"
)

// patient has changes wait for what holds the database for heldLimit only.
func patient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(database.WithPatience(r.Context(), heldLimit)))
	})
}

// held says what the caller of a change can do when it has waited in vain.
func held(err error) *crosswalk.Error {
	return database.Outage(err).WithHint("Try again in some seconds, or in some minutes where there are tens of millions of rows. Runs go on by themselves, and everything can be read meanwhile.")
}

// tooMany is the answer to somebody who must wait before trying again.
func tooMany(wait time.Duration) error {
	wait = max(wait.Round(time.Second), time.Second)
	p := newProblem(crosswalk.Errorf(crosswalk.CodeTooMany, "Too many attempts to sign in.").WithHint("Try again in %s.", crosswalk.DurationWords(wait)))
	header := http.Header{}
	header.Set("Retry-After", strconv.Itoa(int(wait.Seconds())))
	return huma.ErrorWithHeaders(p, header)
}

func writeProblem(w http.ResponseWriter, e *crosswalk.Error) {
	p := newProblem(e)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// What huma itself finds wrong with a request becomes a Problem too.
func init() {
	huma.DefaultArrayNullable = false // lists are never null
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		p := &Problem{Title: http.StatusText(status), Status: status, Detail: message, Code: codeOf(status), Errors: fieldErrors(errs)}
		if status == http.StatusUnprocessableEntity && message == "validation failed" {
			p.Detail = "The request has problems."
		}
		if status < 500 {
			p.Hint = schemaHint
		}
		return p
	}
	// What a form may show a person.
	validation.MsgExpectedString = "It must be a text."
	validation.MsgExpectedNumber = "It must be a number."
	validation.MsgExpectedInteger = "It must be a whole number."
	validation.MsgExpectedBoolean = "It must be true or false."
	validation.MsgExpectedArray = "It must be a list."
	validation.MsgExpectedObject = "It must be an object."
	validation.MsgExpectedRFC3339DateTime = "It must be a time as in 2027-03-31T12:00:00Z."
	validation.MsgExpectedOneOf = "It must be one of: %s."
	validation.MsgExpectedMinimumNumber = "It must be at least %v."
	validation.MsgExpectedMaximumNumber = "It must be at most %v."
	validation.MsgExpectedRequiredProperty = missing + "%s."
	validation.MsgUnexpectedProperty = "Nothing has this name here."
}

const (
	schemaHint = "The document at /openapi.json says what every operation takes."
	missing    = "It is missing: "
)

// fieldErrors turns what huma finds wrong into problems at their places.
func fieldErrors(errs []error) []crosswalk.FieldError {
	var out []crosswalk.FieldError
	for _, err := range errs {
		f := crosswalk.FieldError{Message: err.Error()}
		var d huma.ErrorDetailer
		if errors.As(err, &d) {
			detail := d.ErrorDetail()
			f.Message = detail.Message
			_, f.Field, _ = strings.Cut(detail.Location, ".") // body, query or path
			// Huma tells it at the object that has not got it.
			if name, ok := strings.CutPrefix(f.Message, missing); ok {
				f.Field = strings.TrimPrefix(f.Field+"."+strings.TrimSuffix(name, "."), ".")
				f.Message = "It is missing."
			}
		}
		out = append(out, f)
	}
	return out
}

func codeOf(status int) crosswalk.Code {
	for code, s := range statuses {
		if s == status {
			return code
		}
	}
	if status < 500 {
		return crosswalk.CodeInvalid
	}
	return crosswalk.CodeInternal
}

func indentJSON(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = json.Indent(&b, raw, "", "  ")
	b.WriteByte('\n')
	return b.Bytes(), err
}
