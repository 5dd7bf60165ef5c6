package dataverse

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// AggregateLimit is the largest number of records that Dataverse aggregates.
const AggregateLimit = 50_000

// codeAggregateLimit is Dataverse's code for exceeding it.
const codeAggregateLimit = "0x8004e023"

// KeyRange is the records of a table whose keys come after After, up to and
// including To, in the order in which the server compares keys. An empty After
// means from the first record on, an empty To up to the last.
//
// Whatever that order is, the ranges from the first record to a, from a to b,
// from b to c and from c to the last together hold every record at least once,
// since a key that does not come after another equals it or comes before it.
// When a, b and c ascend, they hold every record exactly once.
type KeyRange struct {
	After string `json:"after,omitempty"` // 36 characters
	To    string `json:"to,omitempty"`    // 36 characters
}

// filter narrows a filter to the records whose keys, in the attribute key, lie in
// the range.
func (r KeyRange) filter(filter, key string) string {
	var parts []string
	if filter != "" {
		parts = append(parts, "("+filter+")")
	}
	if r.After != "" {
		parts = append(parts, key+" gt "+r.After)
	}
	if r.To != "" {
		parts = append(parts, key+" le "+r.To)
	}
	if len(parts) == 1 && filter != "" {
		return filter
	}
	return strings.Join(parts, " and ")
}

// Within narrows a query to the records whose keys, in the attribute key, lie in
// the range.
func (q Query) Within(r KeyRange, key string) Query {
	q.Filter = r.filter(q.Filter, key)
	return q
}

// CountWithin returns how many records of a query lie in a range of keys: an exact
// number up to AggregateLimit. many means that there are more; their number is
// then not known.
func (c *Client) CountWithin(ctx context.Context, q Query, r KeyRange, key string) (n int64, many bool, cost PageInfo, err error) {
	if c.err != nil {
		return 0, false, cost, c.err
	}
	apply := "aggregate($count as n)"
	if filter := r.filter(q.Filter, key); filter != "" {
		apply = "filter(" + filter + ")/" + apply
	}
	var answer struct {
		Value []struct {
			N *int64 `json:"n"`
		} `json:"value"`
	}
	query := string(odata.AppendQuery([]byte("$apply="), apply))
	call := &call{what: "count " + q.EntitySet, url: c.address(url.PathEscape(q.EntitySet), query)}
	err = c.document(ctx, call, &answer)
	cost = call.info(odata.Page{})
	switch {
	case strings.EqualFold(answerIn(err).Code, codeAggregateLimit):
		return 0, true, cost, nil
	case err != nil:
		return 0, false, cost, err
	case len(answer.Value) == 0: // of no records
		return 0, false, cost, nil
	case len(answer.Value) > 1 || answer.Value[0].N == nil:
		return 0, false, cost, explain(&garbled{errors.New("a count without a number")}, call.what)
	}
	return *answer.Value[0].N, false, cost, nil
}

// NthKey returns the key of the n-th record of a range in the order of keys, ""
// when the range has fewer records. n is at most 50,000: without a paging cookie
// Dataverse goes no further (fetchxml/page-results, simple paging). It reads the
// records before without sending them.
func (c *Client) NthKey(ctx context.Context, entity *crosswalk.Entity, r KeyRange, n int) (key string, cost PageInfo, err error) {
	if c.err != nil {
		return "", cost, c.err
	}
	var fetch strings.Builder
	fetch.WriteString(`<fetch count="1" page="` + strconv.Itoa(n) + `"><entity name=`)
	writeQuoted(&fetch, entity.LogicalName)
	fetch.WriteString("><attribute name=")
	writeQuoted(&fetch, entity.PrimaryID)
	fetch.WriteString("/><order attribute=")
	writeQuoted(&fetch, entity.PrimaryID)
	fetch.WriteString("/>")
	if r != (KeyRange{}) {
		fetch.WriteString("<filter>")
		for _, bound := range []struct{ operator, value string }{{"gt", r.After}, {"le", r.To}} {
			if bound.value != "" {
				fetch.WriteString("<condition attribute=")
				writeQuoted(&fetch, entity.PrimaryID)
				fetch.WriteString(` operator="` + bound.operator + `" value=`)
				writeQuoted(&fetch, bound.value)
				fetch.WriteString("/>")
			}
		}
		fetch.WriteString("</filter>")
	}
	fetch.WriteString("</entity></fetch>")
	var answer struct {
		Value []map[string]json.RawMessage `json:"value"`
	}
	query := string(odata.AppendQuery([]byte("fetchXml="), fetch.String()))
	call := &call{what: "look for a key of " + entity.EntitySetName, url: c.address(url.PathEscape(entity.EntitySetName), query)}
	err = c.document(ctx, call, &answer)
	cost = call.info(odata.Page{})
	if err != nil || len(answer.Value) == 0 {
		return "", cost, err
	}
	if json.Unmarshal(answer.Value[0][entity.PrimaryID], &key) != nil || checkID(key) != nil {
		return "", cost, explain(&garbled{errors.New("a record without a key")}, call.what)
	}
	return key, cost, nil
}

// writeQuoted writes the value of an XML attribute, in quotes.
func writeQuoted(b *strings.Builder, value string) {
	b.WriteByte('"')
	_ = xml.EscapeText(b, []byte(value)) // a strings.Builder does not fail
	b.WriteByte('"')
}

// heavyCodes are Dataverse's codes for a query that takes too long or costs too
// much (query-antipatterns and query-throttling).
var heavyCodes = map[string]bool{
	"0x80044151": true, "0x80048573": true, "0x80048574": true,
	"0x80048544": true, "0x80048644": true, "0x80048744": true, "0x80048745": true,
}

// Refused reports whether an error means that the server does not accept such a
// query, whatever the table holds, or that the query is too heavy.
func Refused(err error) bool {
	e := answerIn(err)
	switch e.Status {
	case http.StatusBadRequest, http.StatusNotImplemented, http.StatusMethodNotAllowed:
		return missingProperty(err) == ""
	}
	return TooHeavy(err)
}

// TooHeavy reports whether an error means that a query took too long or cost
// too much at the time.
func TooHeavy(err error) bool { return heavyCodes[strings.ToLower(answerIn(err).Code)] }
