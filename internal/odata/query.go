package odata

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Query is the query string of a request, parsed strictly. Options that were not
// given are empty; Top is then -1.
type Query struct {
	Select     []string
	Filter     Expr
	OrderBy    []Order
	Expand     []Expand
	Top        int
	Count      bool
	Apply      string
	SkipToken  string
	DeltaToken string
	Aliases    map[string]string // @p1 to its value
	Raw        []Option          // all options in order, as they were sent
}

// Option is one name=value of a query string.
type Option struct {
	Name  string // decoded
	Value string // decoded
	Raw   string // name=value before decoding
}

// Order is one item of $orderby.
type Order struct {
	Path Path
	Desc bool
}

// Expand is one item of $expand with the options in its parentheses.
type Expand struct {
	Path  Path
	Query Query
}

// QueryError is a query that a server refuses.
type QueryError struct {
	Option  string // name of the option, for example $filter
	Message string
	Err     error // a *GrammarError, or nil
}

// Error returns the message.
func (e *QueryError) Error() string { return e.Message }

// Unwrap returns the *GrammarError that caused it, or nil.
func (e *QueryError) Unwrap() error { return e.Err }

// ParseQuery parses a raw query string, one not yet percent-decoded. Options that
// begin with neither $ nor @ are kept in Raw and otherwise ignored. An error is a
// *QueryError.
func ParseQuery(raw string) (*Query, error) {
	var options []Option
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, &QueryError{Option: name, Message: "The query string is not well-formed."}
		}
		options = append(options, Option{n, v, pair})
	}
	q := &Query{Raw: options}
	if err := q.read(options, nil); err != nil {
		return nil, err
	}
	return q, nil
}

func (q *Query) read(options []Option, aliases map[string]string) error {
	q.Top = -1
	q.Aliases = map[string]string{}
	for k, v := range aliases {
		q.Aliases[k] = v
	}
	for _, o := range options {
		if strings.HasPrefix(o.Name, "@") {
			q.Aliases[o.Name] = o.Value
		}
	}
	seen := map[string]bool{}
	for _, o := range options {
		if !strings.HasPrefix(o.Name, "$") {
			continue
		}
		if seen[o.Name] {
			return &QueryError{Option: o.Name, Message: fmt.Sprintf("Query option '%s' was specified more than once, but it must be specified at most once.", o.Name)}
		}
		seen[o.Name] = true
		if err := q.option(o); err != nil {
			return err
		}
	}
	return nil
}

func (q *Query) option(o Option) error {
	var err error
	switch o.Name {
	case "$select":
		q.Select, err = names(o.Value)
	case "$filter":
		q.Filter, err = ParseFilter(o.Value, q.Aliases)
	case "$orderby":
		q.OrderBy, err = orders(o.Value)
	case "$expand":
		q.Expand, err = expands(o.Value, q.Aliases)
	case "$top":
		q.Top, err = strconv.Atoi(o.Value)
		if err != nil || q.Top < 0 {
			return &QueryError{Option: o.Name, Message: fmt.Sprintf("Invalid value '%s' for $top query option found. The $top query option requires a non-negative integer value.", o.Value)}
		}
	case "$count":
		if q.Count, err = strconv.ParseBool(o.Value); err != nil || o.Value != "true" && o.Value != "false" {
			return &QueryError{Option: o.Name, Message: fmt.Sprintf("Invalid value '%s' for $count query option found. Valid values are 'true' or 'false'.", o.Value)}
		}
	case "$apply":
		q.Apply = o.Value
	case "$skiptoken":
		q.SkipToken = o.Value
	case "$deltatoken":
		q.DeltaToken = o.Value
	default:
		return &QueryError{Option: o.Name, Message: fmt.Sprintf("The query parameter '%s' is not supported.", o.Name)}
	}
	if err != nil {
		return &QueryError{Option: o.Name, Message: err.Error(), Err: err}
	}
	return nil
}

// names reads a list such as name,primarycontactid/fullname.
func names(text string) ([]string, error) {
	var list []string
	pos := 0
	for item := range strings.SplitSeq(text, ",") {
		name := strings.TrimSpace(item)
		if name == "" || strings.ContainsAny(name, " '()") {
			return nil, &GrammarError{Text: text, Position: pos, Message: "Term '" + name + "' is not valid in a $select or $expand expression"}
		}
		list = append(list, name)
		pos += len(item) + 1
	}
	return list, nil
}

func orders(text string) ([]Order, error) {
	var list []Order
	pos := 0
	for item := range strings.SplitSeq(text, ",") {
		f := strings.Fields(item)
		if len(f) == 0 || len(f) > 2 || len(f) == 2 && f[1] != "asc" && f[1] != "desc" {
			return nil, &GrammarError{Text: text, Position: pos, Message: "Syntax error"}
		}
		list = append(list, Order{Path: strings.Split(f[0], "/"), Desc: len(f) == 2 && f[1] == "desc"})
		pos += len(item) + 1
	}
	return list, nil
}

// expands reads a list such as a($select=x;$filter=y eq 1),b.
func expands(text string, aliases map[string]string) ([]Expand, error) {
	items, err := split(text, ',')
	if err != nil {
		return nil, err
	}
	var list []Expand
	for _, item := range items {
		item = strings.TrimSpace(item)
		name, inner, nested := strings.Cut(item, "(")
		if nested {
			if !strings.HasSuffix(inner, ")") {
				return nil, &GrammarError{Text: text, Message: "Syntax error"}
			}
			inner = strings.TrimSuffix(inner, ")")
		}
		name = strings.TrimSpace(name)
		if name == "" || strings.ContainsAny(name, " '") {
			return nil, &GrammarError{Text: text, Message: "Term '" + name + "' is not valid in a $select or $expand expression"}
		}
		e := Expand{Path: strings.Split(name, "/")}
		parts, err := split(inner, ';')
		if err != nil {
			return nil, err
		}
		var options []Option
		for _, part := range parts {
			if strings.TrimSpace(part) == "" {
				continue
			}
			n, v, _ := strings.Cut(part, "=")
			options = append(options, Option{strings.TrimSpace(n), v, part})
		}
		if err := e.Query.read(options, aliases); err != nil {
			return nil, err
		}
		e.Query.Raw = options
		list = append(list, e)
	}
	return list, nil
}

// split cuts at a separator outside quotes and parentheses.
func split(text string, separator byte) ([]string, error) {
	var parts []string
	depth, start, quoted := 0, 0, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
			if depth < 0 {
				return nil, &GrammarError{Text: text, Position: i, Message: "Syntax error"}
			}
		case c == separator && depth == 0:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	if quoted || depth > 0 {
		return nil, &GrammarError{Text: text, Position: len(text), Message: "Syntax error"}
	}
	return append(parts, text[start:]), nil
}
