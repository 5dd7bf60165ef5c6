package odata_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

func lit(kind odata.LiteralKind, text string) odata.Literal {
	return odata.Literal{Kind: kind, Text: text}
}

func compare(path string, op odata.Operator, l odata.Literal) *odata.Comparison {
	return &odata.Comparison{Op: op, Left: odata.Path(strings.Split(path, "/")), Right: l}
}

func TestParseFilter(t *testing.T) {
	t.Parallel()
	x1 := compare("x", odata.Eq, lit(odata.NumberLiteral, "1"))
	y2 := compare("y", odata.Ne, lit(odata.NullLiteral, "null"))
	for text, want := range map[string]odata.Expr{
		"name eq 'O''Brien'":   compare("name", odata.Eq, lit(odata.StringLiteral, "O'Brien")),
		"revenue gt -2.5":      compare("revenue", odata.Gt, lit(odata.NumberLiteral, "-2.5")),
		"x eq 1 and y ne null": &odata.Logical{Left: x1, Right: y2},
		"x eq 1 or x eq 1 and x eq 1": &odata.Logical{
			Or: true, Left: x1,
			Right: &odata.Logical{Left: x1, Right: x1},
		},
		"(x eq 1 or x eq 1) and not (y ne null)": &odata.Logical{
			Left:  &odata.Logical{Or: true, Left: x1, Right: x1},
			Right: &odata.Not{Expr: y2},
		},
		"isdisabled": compare("isdisabled", odata.Eq, lit(odata.BoolLiteral, "true")),
		"accountid ge 78914942-34cb-ed11-b596-0022481d68cd": compare("accountid", odata.Ge,
			lit(odata.GUIDLiteral, "78914942-34cb-ed11-b596-0022481d68cd")),
		"_x_value eq cdcfa450-cb0c-ea11-a813-000d3a1b1223": compare("_x_value", odata.Eq,
			lit(odata.GUIDLiteral, "cdcfa450-cb0c-ea11-a813-000d3a1b1223")),
		"createdon lt 2024-01-31T10:00:00Z":  compare("createdon", odata.Lt, lit(odata.TimeLiteral, "2024-01-31T10:00:00Z")),
		"birthdate eq 1990-01-01":            compare("birthdate", odata.Eq, lit(odata.DateLiteral, "1990-01-01")),
		"primarycontactid/fullname eq 'Ann'": compare("primarycontactid/fullname", odata.Eq, lit(odata.StringLiteral, "Ann")),
		"AttributeType eq Microsoft.Dynamics.CRM.AttributeTypeCode'Picklist'": compare("AttributeType", odata.Eq,
			odata.Literal{Kind: odata.EnumLiteral, Text: "Picklist", Type: "Microsoft.Dynamics.CRM.AttributeTypeCode"}),
		"contains(name,'a,b')": &odata.TextCall{Name: "contains", Of: odata.Path{"name"}, Text: lit(odata.StringLiteral, "a,b")},
		"a eq b":               &odata.Comparison{Op: odata.Eq, Left: odata.Path{"a"}, Right: odata.Path{"b"}},
		`Microsoft.Dynamics.CRM.In(PropertyName='x',PropertyValues=["1","2)"])`: &odata.Call{
			Name: "Microsoft.Dynamics.CRM.In",
			Args: []odata.Argument{
				{Name: "PropertyName", Value: lit(odata.StringLiteral, "x")},
				{Name: "PropertyValues", Values: []string{"1", "2)"}},
			},
		},
		"Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=@p2)": &odata.Call{
			Name: "Microsoft.Dynamics.CRM.In",
			Args: []odata.Argument{
				{Name: "PropertyName", Value: lit(odata.StringLiteral, "z")},
				{Name: "PropertyValues", Values: []string{"3", "4"}},
			},
		},
		"tasks/any(o:o/x eq 1)": &odata.Lambda{Path: odata.Path{"tasks"}, Variable: "o", Condition: compare("o/x", odata.Eq, lit(odata.NumberLiteral, "1"))},
		"tasks/any()":           &odata.Lambda{Path: odata.Path{"tasks"}},
		"x eq @p3":              x1,
	} {
		got, err := odata.ParseFilter(text, map[string]string{"@p1": "'z'", "@p2": `["3",4]`, "@p3": "1"})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
}

func TestParseFilterRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                   "Syntax error at position 0 in ''.",
		"name eq":            "Syntax error at position 7 in 'name eq'.",
		"name eq 'x":         "There is an unterminated string literal at position 8 in 'name eq 'x'.",
		"id eq guid'12'":     "Unrecognized 'guid' literal at position 6 in 'id eq guid'12''.",
		"tolower(name) eq 1": "An unknown function with name 'tolower' was found at position 0 in 'tolower(name) eq 1'.",
		"a eq 1 b":           "Syntax error at position 7 in 'a eq 1 b'.",
		"(a eq 1":            "Syntax error at position 7 in '(a eq 1'.",
		"a in (1,2)":         "Syntax error at position 2 in 'a in (1,2)'.",
		"a eq 2024-13-01":    "Unrecognized literal '2024-13-01' at position 5 in 'a eq 2024-13-01'.",
		"a eq @p":            "The parameter alias @p has no value at position 5 in 'a eq @p'.",
		"a eq @loop":         "The parameter alias @loop has no value at position 0 in '@loop'.",
		"a add 1 eq 2":       "Syntax error at position 2 in 'a add 1 eq 2'.",
		"x.In(A='1',":        "Syntax error at position 11 in 'x.In(A='1','.",
		"x.In(A=[1,)":        "Syntax error in a list at position 7 in 'x.In(A=[1,)'.",
		"a eq 1; drop":       "Syntax error: character ';' is not valid at position 6 in 'a eq 1; drop'.",
	} {
		_, err := odata.ParseFilter(text, map[string]string{"@loop": "@loop"})
		var s *odata.GrammarError
		if !errors.As(err, &s) {
			t.Errorf("%s: error %v", text, err)
			continue
		}
		if d := cmp.Diff(want, s.Error()); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
	if _, err := odata.ParseFilter(strings.Repeat("(", 100000), nil); err == nil {
		t.Error("deep nesting was accepted")
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{
		"name eq 'O''Brien' and not (x ne null)", `A.B.In(P='x',V=["1"])`, "c/any(o:o/x eq 1)", "@p eq @q", "a eq 78914942-34cb-ed11-b596-0022481d68cd",
		"a eq 2024-01-31T10:00:00.5+02:00 or startswith(b,'%')", "((((", "x eq T'y'", "'", "é eq 1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := odata.ParseFilter(s, map[string]string{"@p": "@q", "@q": s})
		var g *odata.GrammarError
		switch {
		case err == nil && e == nil:
			t.Error("neither a condition nor an error")
		case err != nil && !errors.As(err, &g):
			t.Errorf("error %T", err)
		}
	})
}

func TestParseQuery(t *testing.T) {
	t.Parallel()
	q, err := odata.ParseQuery("$select=name,%20_ownerid_value&$orderby=name%20desc,createdon&$top=3&$count=true&$expand=primarycontactid($select=fullname;$filter=fullname%20eq%20'a;b'),parentaccountid&@p=1&x=y&$filter=a+eq+@p")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"name", "_ownerid_value"}, q.Select); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]odata.Order{{Path: odata.Path{"name"}, Desc: true}, {Path: odata.Path{"createdon"}}}, q.OrderBy); d != "" {
		t.Error(d)
	}
	if q.Top != 3 || !q.Count {
		t.Errorf("top %d, count %t", q.Top, q.Count)
	}
	if len(q.Expand) != 2 || q.Expand[1].Path.String() != "parentaccountid" {
		t.Fatalf("expand %v", q.Expand)
	}
	if d := cmp.Diff([]string{"fullname"}, q.Expand[0].Query.Select); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(odata.Expr(compare("fullname", odata.Eq, lit(odata.StringLiteral, "a;b"))), q.Expand[0].Query.Filter); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(odata.Expr(compare("a", odata.Eq, lit(odata.NumberLiteral, "1"))), q.Filter); d != "" {
		t.Error(d)
	}
}

func TestParseQueryRefuses(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"$skip=5":             "The query parameter '$skip' is not supported.",
		"$top=-1":             "Invalid value '-1' for $top query option found. The $top query option requires a non-negative integer value.",
		"$count=yes":          "Invalid value 'yes' for $count query option found. Valid values are 'true' or 'false'.",
		"$select=a,,b":        "Term '' is not valid in a $select or $expand expression at position 2 in 'a,,b'.",
		"$orderby=a up":       "Syntax error at position 0 in 'a up'.",
		"$select=a&$select=b": "Query option '$select' was specified more than once, but it must be specified at most once.",
		"$expand=a($select=b": "Syntax error at position 11 in 'a($select=b'.",
		"$filter=%zz":         "The query string is not well-formed.",
	} {
		_, err := odata.ParseQuery(raw)
		var q *odata.QueryError
		if !errors.As(err, &q) {
			t.Errorf("%s: error %v", raw, err)
			continue
		}
		if d := cmp.Diff(want, q.Message); d != "" {
			t.Errorf("%s: %s", raw, d)
		}
	}
}
