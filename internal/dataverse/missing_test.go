package dataverse_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// without refuses queries that name one of the columns, as Dataverse does,
// and notes all queries.
func without(asked *[]string, names ...string) answers {
	return func(r *http.Request) (*http.Response, error) {
		*asked = append(*asked, r.URL.RawQuery)
		plain, err := url.QueryUnescape(r.URL.RawQuery)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if strings.Contains(plain, name) {
				return answer(r, 400, nil, fmt.Sprintf(`{"error":{"code":"0x80060888","message":"Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.account'."}}`, name)), nil
			}
		}
		return answer(r, 200, nil, onePage), nil
	}
}

// TestMissingColumns checks that columns which are no longer there are left
// out and told, on any page, and that nothing else of the query changes.
func TestMissingColumns(t *testing.T) {
	t.Parallel()
	const link = "https://contoso.crm.dynamics.com/api/data/v9.2/accounts?"
	tests := []struct {
		name    string
		query   dataverse.Query
		link    string
		gone    []string
		asked   []string // the last query
		missing []string
	}{
		{
			"the first page",
			dataverse.Query{Select: []string{"name", "fax", "_ownerid_value"}, Filter: "statecode eq 0"},
			"",
			[]string{"fax"},
			[]string{"$select=name,fax,_ownerid_value&$filter=statecode%20eq%200", "$select=name,_ownerid_value&$filter=statecode%20eq%200"},
			[]string{"fax"},
		},
		{
			"several, one after the other",
			dataverse.Query{Select: []string{"zz", "name", "_b_value", "c"}},
			"",
			[]string{"_b_value", "zz"},
			[]string{"$select=zz,name,_b_value,c", "$select=zz,name,c", "$select=name,c"},
			[]string{"_b_value", "zz"},
		},
		{
			"a later page",
			dataverse.Query{},
			link + "$skiptoken=%3Ccookie%20x=%22fa%22%20/%3E&$select=name,fax&b=%2c",
			[]string{"fax"},
			[]string{"$skiptoken=%3Ccookie%20x=%22fa%22%20/%3E&$select=name,fax&b=%2c", "$skiptoken=%3Ccookie%20x=%22fa%22%20/%3E&$select=name&b=%2c"},
			[]string{"fax"},
		},
		{
			"a later page, encoded",
			dataverse.Query{},
			link + "%24select=fax%2Cname%2c%20age&$skiptoken=1",
			[]string{"fax"},
			[]string{"%24select=fax%2Cname%2c%20age&$skiptoken=1", "%24select=name,%20age&$skiptoken=1"},
			[]string{"fax"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var asked []string
			c := bubble(without(&asked, test.gone...))
			test.query.EntitySet = "accounts"
			info, err := c.Page(t.Context(), test.query, test.link, odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs))
			if err != nil || info.Records != 2 || info.Requests != int64(len(test.asked)) {
				t.Fatalf("%+v %v", info, err)
			}
			if diff := cmp.Diff(test.asked, asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.missing, info.Missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMissingForGood checks what cannot be left out: a column of the filter,
// the only column, and whatever the server goes on complaining about.
func TestMissingForGood(t *testing.T) {
	t.Parallel()
	for _, q := range []dataverse.Query{
		{Select: []string{"name", "fax"}, Filter: "fax ne null"},
		{Select: []string{"name"}, Filter: "fax ne null"},
		{Select: []string{"fax"}},
		{Filter: "fax ne null"},
	} {
		var asked []string
		q.EntitySet = "accounts"
		_, err := bubble(without(&asked, "fax")).Page(t.Context(), q, "", odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs))
		personal(t, err, crosswalk.CodeInvalid, "property named 'fax'", "filter")
		if len(asked) > 2 {
			t.Errorf("%+v was asked %d times", q, len(asked))
		}
	}
}

// TestSelected reads the columns of links.
func TestSelected(t *testing.T) {
	t.Parallel()
	for link, want := range map[string][]string{
		"": nil, "::": nil, "https://x/y": nil, "https://x/y?$selected=a": nil,
		"https://x/y?$select=a,_b_value&$skiptoken=%3C": {"a", "_b_value"},
		"https://x/y?a=b&%24select=a%2cb":               {"a", "b"},
		"https://x/y?$select=":                          {""},
	} {
		if diff := cmp.Diff(want, dataverse.Selected(link)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", link, diff)
		}
	}
}

// FuzzMissing checks that no message and no link make a client ask without
// end, or for another table.
func FuzzMissing(f *testing.F) {
	f.Add("$select=name,fax&$skiptoken=1", "Could not find a property named 'fax' on type 'x'.")
	f.Add("$select=,,&&$select=%zz", "Could not find a property named '' on type 'x'.")
	cols := odata.NewColumns(accountSpecs)
	f.Fuzz(func(t *testing.T, query, message string) {
		n := 0
		c := bubble(func(r *http.Request) (*http.Response, error) {
			if n++; n > len(query)+2 {
				t.Fatal("it does not end")
			}
			if r.URL.Path != "/api/data/v9.2/accounts" || len(r.URL.RawQuery) > 3*len(query) { // what is expanded is encoded anew
				t.Errorf("%s was asked", r.URL)
			}
			return answer(r, 400, nil, fmt.Sprintf(`{"error":{"code":"0x80060888","message":%q}}`, message)), nil
		})
		if _, err := c.Page(t.Context(), dataverse.Query{EntitySet: "accounts"}, "https://contoso.crm.dynamics.com/api/data/v9.2/accounts?"+query, cols, column.NewBatch(accountSpecs)); err == nil {
			t.Error("no error")
		}
	})
}
