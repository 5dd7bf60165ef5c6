package client

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/crosswalk-data/crosswalk"
)

// Error is a refusal of the server, as its problem document describes it
// (RFC 9457).
type Error struct {
	Status  int                    // HTTP status of the answer
	Code    crosswalk.Code         // kind of the error
	Message string                 // what happened, for a person
	Hint    string                 // what to do about it; may be empty
	Fields  []crosswalk.FieldError // problems at places in the input; may be empty
}

// Error returns the message and the problems of the fields.
func (e *Error) Error() string { return e.Unwrap().Error() }

// Unwrap returns the *crosswalk.Error that the server had.
func (e *Error) Unwrap() error {
	return &crosswalk.Error{Code: e.Code, Message: e.Message, Hint: e.Hint, Fields: e.Fields}
}

// maxProblem is the largest problem document that is read. That of a job with
// hundreds of wrong mapping rows is much smaller.
const maxProblem = 1 << 20

// parseError turns an answer that is not a success into an Error. Answers
// without a problem document, for example of a proxy, get the code that fits
// their status best.
func parseError(res *http.Response) *Error {
	e := &Error{Status: res.StatusCode, Code: codeOfStatus(res.StatusCode)}
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxProblem))
	if media == "application/problem+json" || media == "application/json" {
		var doc struct {
			Title  string                 `json:"title"`
			Detail string                 `json:"detail"`
			Code   crosswalk.Code         `json:"code"`
			Hint   string                 `json:"hint"`
			Errors []crosswalk.FieldError `json:"errors"`
		}
		if json.Unmarshal(text, &doc) == nil {
			if doc.Code != "" {
				e.Code = doc.Code
			}
			e.Message, e.Hint, e.Fields = doc.Detail, doc.Hint, doc.Errors
			if e.Message == "" {
				e.Message = doc.Title
			}
		}
	}
	if e.Message == "" {
		e.Message = strings.TrimSpace(fmt.Sprintf("The server answered %d %s.", res.StatusCode, http.StatusText(res.StatusCode)))
	}
	return e
}

func codeOfStatus(status int) crosswalk.Code {
	switch status {
	case http.StatusUnauthorized:
		return crosswalk.CodeUnauthorized
	case http.StatusForbidden:
		return crosswalk.CodeForbidden
	case http.StatusNotFound, http.StatusGone, http.StatusMethodNotAllowed:
		return crosswalk.CodeNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return crosswalk.CodeConflict
	case http.StatusFailedDependency:
		return crosswalk.CodeDisconnected
	case http.StatusTooManyRequests:
		return crosswalk.CodeTooMany
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return crosswalk.CodeUnavailable
	}
	if status >= 400 && status < 500 {
		return crosswalk.CodeInvalid
	}
	return crosswalk.CodeInternal
}
