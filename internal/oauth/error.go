package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Error is a refusal of the sign-in server, or its failure to answer
// properly. Explain puts it in words.
type Error struct {
	Status        int           // HTTP status; 0 when there was no answer
	Code          string        // OAuth error, for example "invalid_grant"; empty when the body was not Microsoft's JSON
	AADSTS        int           // Microsoft's own number, for example 50173; 0 when there was none
	Suberror      string        // for example "bad_token"
	Description   string        // Microsoft's text without trace ids; it names no secret
	TraceID       string        // for Microsoft's support
	CorrelationID string        // for Microsoft's support
	Claims        string        // claims to pass to the next sign-in, JSON
	RetryAfter    time.Duration // how long the server asked to wait; 0 when it did not
	Application   bool          // an application, not a person, was refused

	cause error
}

// Error names the codes and trace id, for the log.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("sign-in server:")
	if e.Status != 0 {
		fmt.Fprintf(&b, " HTTP %d", e.Status)
	}
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	if e.AADSTS != 0 {
		fmt.Fprintf(&b, " AADSTS%d", e.AADSTS)
	}
	if e.Suberror != "" {
		b.WriteString(" (" + e.Suberror + ")")
	}
	if e.Description != "" {
		b.WriteString(": " + e.Description)
	}
	if e.TraceID != "" {
		b.WriteString(" [trace " + e.TraceID + "]")
	}
	if e.cause != nil {
		b.WriteString(": " + e.cause.Error())
	}
	return b.String()
}

// Unwrap returns the failure of the network, if that is what happened.
func (e *Error) Unwrap() error { return e.cause }

// Disconnects reports whether the authorization itself is refused, so that it gives
// no token until a person authorizes again; the OAuth error decides that. A missing
// answer, HTTP 429 and 5xx, HTML pages and Microsoft's numbers for transient trouble
// do not disconnect, and neither does a wrong set-up, such as a wrong tenant or
// redirect address, or a disabled app.
func (e *Error) Disconnects() bool {
	if e.Status == http.StatusTooManyRequests || e.Status >= 500 {
		return false
	}
	if m := meanings[e.AADSTS]; m != nil && m.kind == transient {
		return false
	}
	switch e.Code {
	case "invalid_grant", "interaction_required", "consent_required", "invalid_client":
		return true
	default:
		return false
	}
}

// errorAnswer is the JSON of a refusal.
type errorAnswer struct {
	Error         string          `json:"error"`
	Description   string          `json:"error_description"`
	Codes         []json.Number   `json:"error_codes"`
	Suberror      string          `json:"suberror"`
	TraceID       string          `json:"trace_id"`
	CorrelationID string          `json:"correlation_id"`
	Claims        json.RawMessage `json:"claims"`
}

func parseError(resp *http.Response, body []byte, now time.Time, secrets []string) *Error {
	e := &Error{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), now)}
	var a errorAnswer
	if err := json.Unmarshal(body, &a); err != nil || a.Error == "" {
		kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		e.cause = fmt.Errorf("the answer is not the JSON of an OAuth error (%q, %d bytes)", kind, len(body))
		return e
	}
	e.fill(a.Error, a.Description, secrets)
	e.Suberror = blot(a.Suberror, secrets)
	e.TraceID = blot(a.TraceID, secrets)
	e.CorrelationID = blot(a.CorrelationID, secrets)
	if len(a.Codes) > 0 {
		if n, err := strconv.Atoi(a.Codes[0].String()); err == nil {
			e.AADSTS = n
		}
	}
	if len(a.Claims) > 0 && json.Unmarshal(a.Claims, &e.Claims) != nil {
		e.Claims = string(a.Claims)
	}
	return e
}

// CallbackError makes an Error from the error and error_description with which the
// browser came back instead of a code.
func CallbackError(code, description string) *Error {
	e := &Error{Status: http.StatusBadRequest}
	e.fill(code, description, nil)
	return e
}

var number = regexp.MustCompile(`AADSTS(\d{4,8})`)

// fill sets code, number and description. The description ends where the
// trace ids begin, and its length is bounded: it is shown to people.
func (e *Error) fill(code, description string, secrets []string) {
	e.Code = blot(clean(code, 64), secrets)
	if m := number.FindStringSubmatch(description); m != nil {
		e.AADSTS, _ = strconv.Atoi(m[1])
		description = strings.TrimPrefix(description, m[0]+": ")
	}
	for _, end := range []string{"\r\nTrace ID:", "\nTrace ID:", " Trace ID:"} {
		description, _, _ = strings.Cut(description, end)
	}
	e.Description = clean(blot(description, secrets), 500)
}

// clean turns s into one line and cuts it to about n bytes.
func clean(s string, n int) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}

// blot replaces secrets that a server has echoed.
func blot(s string, secrets []string) string {
	for _, secret := range secrets {
		if len(secret) >= 4 {
			s = strings.ReplaceAll(s, secret, "[secret]")
		}
	}
	return s
}

// retryAfter reads the header's two forms, seconds and a date. More than an
// hour counts as an hour.
func retryAfter(header string, now time.Time) time.Duration {
	var d time.Duration
	if n, err := strconv.ParseUint(header, 10, 31); err == nil {
		d = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), time.Hour)
}

// asError returns the *Error in err's chain.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}
