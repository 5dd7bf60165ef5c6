package e2e_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

// Labels of a choice change though no row does, and there are new options: the
// next run has the labels of its day, also by changes.
func TestLabelsChange(t *testing.T) {
	t.Parallel()
	for _, mode := range []crosswalk.LoadMode{crosswalk.LoadFull, crosswalk.LoadIncremental} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Config{Accounts: 3, Users: 5}, server.Config{})
			in := cities(w.connect("Contoso").ID)
			in.LoadMode = mode
			in.Mapping.Fields[2] = crosswalk.FieldMapping{Source: "industrycode", Target: "Industry", Label: true}
			job, err := w.client.InsertJob(t.Context(), in)
			w.must(err)
			var names []string
			for name := range w.accounts("") {
				names = append(names, name)
			}
			industry := func(account int, value int64) {
				w.write(http.MethodPatch, "accounts("+names[account]+")", `{"industrycode":`+strconv.FormatInt(value, 10)+`}`)
			}
			industries := func() []any {
				if run := w.run(job); run.Status != crosswalk.RunSuccess {
					t.Fatalf("%s %q", run.Status, run.Message)
				}
				var list []any
				rows := w.rowsBy("Company", "External_ID")
				for _, name := range names {
					list = append(list, rows[name]["Industry"])
				}
				return list
			}
			industry(0, 1)
			industry(1, 2)
			industry(2, 1)
			if diff := cmp.Diff([]any{"Accounting", "Agriculture and Non-petrol Natural Resource Extraction", "Accounting"}, industries()); diff != "" {
				t.Error(diff)
			}
			w.must(w.sandbox.SetOptionLabel("account", "industrycode", 1, "Books"))
			value, err := w.sandbox.AddOption("account", "industrycode", "Space")
			w.must(err)
			industry(1, value)
			if diff := cmp.Diff([]any{"Books", "Space", "Books"}, industries()); diff != "" {
				t.Error(diff)
			}
			w.must(w.sandbox.SetOptionLabel("account", "industrycode", 1, "")) // without a label the number is kept
			if diff := cmp.Diff([]any{"1", "Space", "1"}, industries()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
