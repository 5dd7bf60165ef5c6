package dataverse_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// withRelated is a query of accounts with contacts, their accounts and users.
func withRelated() dataverse.Query {
	return dataverse.Query{
		EntitySet: "accounts", Table: "account", Select: []string{"name", "fax"}, Filter: "statecode eq 0",
		Expand: []dataverse.Expand{
			{
				Navigation: "primarycontactid", Table: "contact", Select: []string{"fax", "_parentcustomerid_value"},
				Expand: []dataverse.Expand{{Navigation: "parentcustomerid_account", Table: "account", Select: []string{"name", "fax"}}},
			},
			{Navigation: "owninguser", Table: "systemuser", Select: []string{"fullname"}},
		},
	}
}

// leadsTo says which table each navigation property leads to.
var leadsTo = map[string]string{"primarycontactid": "contact", "parentcustomerid_account": "account", "owninguser": "systemuser"}

// firstMissing returns the first thing a query asks of a table that is gone,
// as table.name, and which name and table that is.
func firstMissing(q *odata.Query, table string, gone []string) (name, of string) {
	for _, s := range q.Select {
		if slices.Contains(gone, table+"."+s) {
			return s, table
		}
	}
	for i := range q.Expand {
		e := &q.Expand[i]
		if slices.Contains(gone, table+"."+e.Path.String()) {
			return e.Path.String(), table
		}
		if name, of := firstMissing(&e.Query, leadsTo[e.Path.String()], gone); name != "" {
			return name, of
		}
	}
	return "", ""
}

// lacking answers queries of accounts and refuses what is gone.
func lacking(t *testing.T, asked *[]string, gone []string) answers {
	return func(r *http.Request) (*http.Response, error) {
		*asked = append(*asked, r.URL.RawQuery)
		q, err := odata.ParseQuery(r.URL.RawQuery)
		if err != nil {
			t.Errorf("%s: %v", r.URL.RawQuery, err)
			return answer(r, 400, nil, `{"error":{"code":"","message":"?"}}`), nil
		}
		if name, table := firstMissing(q, "account", gone); name != "" {
			return answer(r, 400, nil, fmt.Sprintf(`{"error":{"code":"0x80060888","message":"Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.%s'."}}`, name, table)), nil
		}
		return answer(r, 200, nil, onePage), nil
	}
}

// TestExpand checks how related rows are asked for, and that what is missing
// of them is left out and told like columns of the table itself.
func TestExpand(t *testing.T) {
	t.Parallel()
	const (
		own    = "$select=name,fax"
		filter = "&$filter=statecode%20eq%200"
		all    = own + "&$expand=primarycontactid($select=fax,_parentcustomerid_value;$expand=parentcustomerid_account($select=name,fax)),owninguser($select=fullname)" + filter
	)
	tests := []struct {
		name    string
		gone    []string
		last    string
		missing []string
	}{
		{"nothing", nil, all, nil},
		{
			"a column of a related row",
			[]string{"contact.fax"},
			own + "&$expand=primarycontactid($select=_parentcustomerid_value;$expand=parentcustomerid_account($select=name,fax)),owninguser($select=fullname)" + filter,
			[]string{"primarycontactid/fax"},
		},
		{
			"a column of the table and of the same table further on",
			[]string{"account.fax"},
			"$select=name&$expand=primarycontactid($select=fax,_parentcustomerid_value;$expand=parentcustomerid_account($select=name)),owninguser($select=fullname)" + filter,
			[]string{"primarycontactid/parentcustomerid_account/fax", "fax"},
		},
		{
			"the only column of a related row",
			[]string{"systemuser.fullname"},
			own + "&$expand=primarycontactid($select=fax,_parentcustomerid_value;$expand=parentcustomerid_account($select=name,fax))" + filter,
			[]string{"owninguser/fullname"},
		},
		{
			"a navigation property",
			[]string{"contact.parentcustomerid_account"},
			own + "&$expand=primarycontactid($select=fax,_parentcustomerid_value),owninguser($select=fullname)" + filter,
			[]string{"primarycontactid/parentcustomerid_account/name", "primarycontactid/parentcustomerid_account/fax"},
		},
		{
			"all columns on the way",
			[]string{"contact.fax", "contact._parentcustomerid_value"},
			own + "&$expand=owninguser($select=fullname)" + filter,
			[]string{"primarycontactid/fax", "primarycontactid/_parentcustomerid_value", "primarycontactid/parentcustomerid_account/name", "primarycontactid/parentcustomerid_account/fax"},
		},
		{
			"all there is",
			[]string{"account.primarycontactid", "account.owninguser", "account.name"},
			"$select=fax" + filter,
			[]string{
				"primarycontactid/parentcustomerid_account/name", "name",
				"primarycontactid/fax", "primarycontactid/_parentcustomerid_value", "primarycontactid/parentcustomerid_account/fax",
				"owninguser/fullname",
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var asked []string
			c := bubble(lacking(t, &asked, test.gone))
			info, err := c.Page(t.Context(), withRelated(), "", odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs))
			if err != nil || info.Records != 2 {
				t.Fatalf("%+v %v", info, err)
			}
			if asked[0] != all {
				t.Errorf("asked for %s\nwant      %s", asked[0], all)
			}
			last := asked[len(asked)-1]
			if last != test.last {
				t.Errorf("in the end %s\nwant       %s", last, test.last)
			}
			if diff := cmp.Diff(test.missing, info.Missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
			// A link with what is left out says so.
			var want []string
			for _, m := range dataverse.Selected("https://x?" + all) {
				if !slices.Contains(test.missing, m) {
					want = append(want, m)
				}
			}
			if diff := cmp.Diff(want, dataverse.Selected("https://x?$skiptoken=1&"+last)); diff != "" {
				t.Errorf("selected (-want +got):\n%s", diff)
			}
			// Later pages are asked for by their link, and degrade alike.
			link := "https://contoso.crm.dynamics.com/api/data/v9.2/accounts?$skiptoken=%3Ccookie%20/%3E&%24expand=" +
				strings.ReplaceAll(strings.TrimPrefix(strings.TrimSuffix(all, filter), own+"&$expand="), ";", "%3B") + "&" + own
			if info, err = c.Page(t.Context(), withRelated(), link, odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.missing, info.Missing); diff != "" {
				t.Errorf("missing on a later page (-want +got):\n%s", diff)
			}
			// So do those that a query with less is read on by.
			less := withRelated()
			less.Expand = nil
			if _, err = c.Page(t.Context(), less, link, odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs)); err != nil {
				t.Error(err)
			}
			if last := asked[len(asked)-1]; !strings.HasPrefix(last, "$skiptoken=%3Ccookie%20/%3E&") {
				t.Errorf("a later page was asked for by %s", last)
			}
		})
	}
}

// TestExpandWide checks that long addresses go into a batch with everything
// that is expanded.
func TestExpandWide(t *testing.T) {
	t.Parallel()
	q := withRelated()
	for i := range 1500 {
		q.Expand[1].Select = append(q.Expand[1].Select, fmt.Sprintf("new_rather_long_name_%05d", i))
	}
	sent := 0
	c := bubble(func(r *http.Request) (*http.Response, error) {
		if sent++; r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/$batch") {
			t.Errorf("%s %.100s", r.Method, r.URL)
		}
		return answer(r, 200, batchHeader.Clone(), batchOf("200 OK", innerJSON, onePage)), nil
	})
	info, err := c.Page(t.Context(), q, "", odata.NewColumns(accountSpecs), column.NewBatch(accountSpecs))
	if err != nil || info.Records != 2 || sent != 1 {
		t.Fatalf("%+v, %d requests, %v", info, sent, err)
	}
}
