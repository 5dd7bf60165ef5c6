package odata_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/odata"
)

func TestParseApply(t *testing.T) {
	t.Parallel()
	count := odata.AggregateItem{Alias: "n"}
	for text, want := range map[string][]odata.Transformation{
		"aggregate($count as n)": {&odata.Aggregate{Of: []odata.AggregateItem{count}}},
		"aggregate(createdon with min as first, owner/revenue with countdistinct as kinds)": {&odata.Aggregate{Of: []odata.AggregateItem{
			{Path: odata.Path{"createdon"}, Method: "min", Alias: "first"},
			{Path: odata.Path{"owner", "revenue"}, Method: "countdistinct", Alias: "kinds"},
		}}},
		"groupby((a,b/c))": {&odata.GroupBy{By: []odata.Path{{"a"}, {"b", "c"}}}},
		"filter(x eq @p)/groupby((a),aggregate($count as n))": {
			&odata.FilterBy{Condition: compare("x", odata.Eq, lit(odata.NumberLiteral, "1"))},
			&odata.GroupBy{By: []odata.Path{{"a"}}, Then: &odata.Aggregate{Of: []odata.AggregateItem{count}}},
		},
	} {
		got, err := odata.ParseApply(text, map[string]string{"@p": "1"})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
	for text, want := range map[string]string{
		"":                                       "Syntax error at position 0 in ''.",
		"compute(a as b)":                        "'compute' is not a transformation at position 0 in 'compute(a as b)'.",
		"aggregate(a as b)":                      "Syntax error at position 12 in 'aggregate(a as b)'.",
		"aggregate(a with mode as b)":            "'mode' is not a method of aggregation at position 17 in 'aggregate(a with mode as b)'.",
		"aggregate($sum as b)":                   "Syntax error at position 11 in 'aggregate($sum as b)'.",
		"aggregate($count as n,a with sum as n)": "The alias n is used twice at position 37 in 'aggregate($count as n,a with sum as n)'.",
		"groupby(a)":                             "Syntax error at position 8 in 'groupby(a)'.",
		"groupby((a),filter(a eq 1))":            "Syntax error at position 12 in 'groupby((a),filter(a eq 1))'.",
		"filter(a eq 1)aggregate($count as n)":   "Syntax error at position 14 in 'filter(a eq 1)aggregate($count as n)'.",
		"aggregate($count as n)/":                "Syntax error at position 23 in 'aggregate($count as n)/'.",
	} {
		_, err := odata.ParseApply(text, nil)
		var g *odata.GrammarError
		if !errors.As(err, &g) {
			t.Errorf("%s: error %v", text, err)
			continue
		}
		if d := cmp.Diff(want, g.Error()); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
}

func FuzzParseApply(f *testing.F) {
	for _, s := range []string{
		"aggregate($count as n)", "filter(a eq 'x')/groupby((b,c/d),aggregate(e with sum as f))", "groupby((", "aggregate($", "filter(@p)/", "//",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		steps, err := odata.ParseApply(s, map[string]string{"@p": s})
		var g *odata.GrammarError
		switch {
		case err == nil && len(steps) == 0:
			t.Error("neither steps nor an error")
		case err != nil && !errors.As(err, &g):
			t.Errorf("error %T", err)
		}
	})
}
