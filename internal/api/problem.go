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

// tooMany is the answer to somebody who must wait before trying again.
func tooMany(wait time.Duration) error {
	wait = max(wait.Round(time.Second), time.Second)
	p := newProblem(crosswalk.Errorf(crosswalk.CodeTooMany, "Too many attempts to sign in.").WithHint("Try again in %s.", wait))
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
		p := &Problem{Title: http.StatusText(status), Status: status, Detail: message, Code: codeOf(status)}
		for _, err := range errs {
			f := crosswalk.FieldError{Message: err.Error()}
			var d huma.ErrorDetailer
			if errors.As(err, &d) {
				detail := d.ErrorDetail()
				f.Message = detail.Message
				f.Field = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(detail.Location, "body."), "query."), "path.")
			}
			p.Errors = append(p.Errors, f)
		}
		if status == http.StatusUnprocessableEntity && message == "validation failed" {
			p.Detail = "The request has problems."
		}
		if status < 500 {
			p.Hint = "The document at /openapi.json says what every operation takes."
		}
		return p
	}
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
