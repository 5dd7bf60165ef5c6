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

func TestDeletesInWords(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]crosswalk.Deletes{
		"ignore":                                              {Policy: crosswalk.DeleteIgnore},
		"flag; held above 20 % of the rows":                   {Policy: crosswalk.DeleteFlag},
		"delete; held before it is all rows":                  {Policy: crosswalk.DeleteRow, Guard: 100},
		"deactivate by Is_Active; held above 5 % of the rows": {Policy: crosswalk.DeleteDeactivate, Field: "Is_Active", Guard: 5},
	} {
		if got := deletes(d); got != want {
			t.Errorf("%+v: %q, want %q", d, got, want)
		}
	}
}

func TestRejectLimitInWords(t *testing.T) {
	t.Parallel()
	for want, l := range map[string]crosswalk.RejectLimit{
		"":               {},
		"above 1 reject": {Count: 1},
		"above 2,000 rejects or 5 % of the records": {Count: 2000, Percent: 5},
	} {
		if got := rejectLimit(l); got != want {
			t.Errorf("%+v: %q, want %q", l, got, want)
		}
	}
}

func TestRangeOfRunIsChecked(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cmd  jobRunCmd
		want string
	}{
		"good":              {jobRunCmd{From: "2026-01-01", To: "2026-01-02"}, ""},
		"no end":            {jobRunCmd{From: "2026-01-01"}, ""},
		"nothing":           {jobRunCmd{}, ""},
		"backwards":         {jobRunCmd{From: "2026-02-01", To: "2026-01-01T08:00:00Z"}, "--to must be later than --from"},
		"empty":             {jobRunCmd{From: "2026-02-01", To: "2026-02-01T02:00:00+02:00"}, "--to must be later than --from"},
		"no date":           {jobRunCmd{From: "2026-13-01"}, `--from takes a time like 2026-01-31 or 2026-01-31T08:00:00Z, not "2026-13-01"`},
		"by without range":  {jobRunCmd{By: "createdon"}, "--by needs --from or --to"},
		"everything and to": {jobRunCmd{Everything: true, To: "2026-01-01"}, "--everything has neither --from nor --to"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tt.cmd.scope()
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want || err != nil && exitCode(err) != exitUsage {
				t.Errorf("got %q with exit code %d, want %q", got, exitCode(err), tt.want)
			}
		})
	}
}
