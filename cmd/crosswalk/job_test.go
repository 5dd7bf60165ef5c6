package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
)

func TestParseJob(t *testing.T) {
	t.Parallel()
	got, err := parseJob([]byte(`{"id":"7","name":"J","connection_id":"c","entity":"account","object":"Company","version":3,
		"mapping":{"fields":[{"source":"name","target":"Name","identifier":true}]},"last_run":null}`))
	if err != nil {
		t.Fatal(err)
	}
	want := jobFile{ID: "7", Version: 3, JobInput: client.JobInput{
		Name: "J", ConnectionID: "c", Entity: "account", Object: "Company",
		Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadIncremental,
		Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{{Source: "name", Target: "Name", Identifier: true}}},
		Filter:  crosswalk.Filter{Conditions: []crosswalk.Condition{}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("job (-want +got):\n%s", diff)
	}
}

func TestParseJobRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON":             `name: J`,
		"a mistyped member":   `{"nmae":"J"}`,
		"a mistyped sub-rule": `{"mapping":{"fields":[{"sorce":"name"}]}}`,
		"two documents":       `{"name":"J"}{"name":"K"}`,
		"a list":              `[]`,
		"a wrong type":        `{"mapping":{"fields":{}}}`,
		"half of one":         `{"name":`,
		"nothing":             ``,
	} {
		_, err := parseJob([]byte(text))
		if crosswalk.ErrorCode(err) != crosswalk.CodeInvalid || !strings.HasPrefix(err.Error(), "The file does not hold a job: ") || strings.Contains(err.Error(), "Go ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseJob(f *testing.F) {
	f.Add([]byte(`{"name":"J","mapping":{"fields":[{"source":"a","target":"B"}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		in, err := parseJob(text)
		if err != nil && crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
			t.Errorf("the error is not the writer's: %v", err)
		}
		if err == nil && (in.Operation == "" || in.LoadMode == "") {
			t.Errorf("a job without operation or load mode: %+v", in)
		}
	})
}
