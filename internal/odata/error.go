package odata

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
)

// Error is an error that a server sent in the body of an answer.
type Error struct {
	Status  int    // HTTP status of the answer
	Code    string // for example "0x80040217"; empty when the body gave none
	Message string // what the server says; never empty
}

// Error returns status, code and message.
func (e *Error) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("the server answered %d: %s", e.Status, e.Message)
	}
	return fmt.Sprintf("the server answered %d (%s): %s", e.Status, e.Code, e.Message)
}

// ParseError makes an Error from an answer that is not what was asked for. It
// reads the error body of OData JSON, the simpler ones of other layers and the web
// pages of front doors, and takes any other body as text. It never fails: when
// nothing is readable, the message is the text of the status.
func ParseError(status int, contentType string, body []byte) *Error {
	e := &Error{Status: status}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	switch {
	case len(body) > 0 && body[0] == '{':
		e.parseJSON(body)
	case strings.Contains(contentType, "html") || len(body) > 0 && body[0] == '<':
		e.Message = pageTitle(body)
	default:
		e.Message = string(body)
	}
	e.Code = shorten(strings.ToValidUTF8(strings.TrimSpace(e.Code), "\ufffd"), 100)
	e.Message = shorten(strings.ToValidUTF8(strings.TrimSpace(e.Message), "\ufffd"), 1000)
	if e.Message == "" {
		e.Message = http.StatusText(status)
	}
	if e.Message == "" {
		e.Message = "no explanation"
	}
	return e
}

// members is the part of an error body that matters. Names match regardless of
// case, so that the web host's "Message" fits too.
type members struct {
	Error      json.RawMessage `json:"error"`
	Code       json.RawMessage `json:"code"`
	Message    json.RawMessage `json:"message"`
	InnerError json.RawMessage `json:"innererror"`
	// InnerMessage is sent when annotations were requested, and is needed when
	// "message" is empty.
	InnerMessage json.RawMessage `json:"@Microsoft.PowerApps.CDS.InnerError.Message"`
	Description  json.RawMessage `json:"error_description"`
}

func (e *Error) parseJSON(body []byte) {
	var m members
	if json.Unmarshal(body, &m) != nil {
		e.Message = "" // a truncated body says nothing reliable
		return
	}
	if s := text(m.Error); s != "" { // an OAuth error
		e.Code = s
	}
	var inner members
	if len(m.Error) > 0 && m.Error[0] == '{' && json.Unmarshal(m.Error, &inner) == nil {
		m = inner
	}
	if s := text(m.Code); s != "" {
		e.Code = s
	}
	var deeper members
	_ = json.Unmarshal(m.InnerError, &deeper) // absent or of another shape: no message in it
	for _, raw := range []json.RawMessage{m.Message, m.Description, m.InnerMessage, deeper.Message} {
		if e.Message = text(raw); e.Message != "" {
			return
		}
	}
}

// text returns a JSON string or number as text; version 3 of the protocol
// wraps messages as {"lang":…,"value":…}.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	var wrapped struct {
		Value string `json:"value"`
	}
	_ = json.Unmarshal(raw, &wrapped)
	return wrapped.Value
}

var (
	htmlTitle  = regexp.MustCompile(`(?is)<(?:title|h1|h2)[^>]*>(.*?)</(?:title|h1|h2)>`)
	htmlHidden = regexp.MustCompile(`(?is)<(?:script|style|head)\b.*?</(?:script|style|head)>|<!--.*?-->`)
	htmlTag    = regexp.MustCompile(`(?s)<[^>]*>`)
)

// pageTitle returns the title of a web page, or its text when it has none.
func pageTitle(body []byte) string {
	body = body[:min(len(body), 64<<10)]
	page := string(body)
	for _, m := range htmlTitle.FindAllStringSubmatch(page, -1) {
		if s := plainText(m[1]); s != "" {
			return s
		}
	}
	return plainText(htmlHidden.ReplaceAllString(page, " "))
}

func plainText(s string) string {
	return strings.Join(strings.Fields(html.UnescapeString(htmlTag.ReplaceAllString(s, " "))), " ")
}
