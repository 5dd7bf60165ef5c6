package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// recorder keeps the $filter of each request, as it goes over the wire.
type recorder struct {
	next http.RoundTripper

	mu      sync.Mutex
	filters []string
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	for option := range strings.SplitSeq(request.URL.RawQuery, "&") {
		if filter, ok := strings.CutPrefix(option, "$filter="); ok {
			r.mu.Lock()
			r.filters = append(r.filters, filter)
			r.mu.Unlock()
		}
	}
	return r.next.RoundTrip(request)
}

// comparisons are all comparisons of a filter, with how many values they take
// at least.
var comparisons = map[crosswalk.Comparison]int{
	crosswalk.Equal: 1, crosswalk.NotEqual: 1, crosswalk.Greater: 1, crosswalk.GreaterOrEqual: 1, crosswalk.Less: 1, crosswalk.LessOrEqual: 1,
	crosswalk.In: 1, crosswalk.NotIn: 1, crosswalk.Between: 2, crosswalk.Contains: 1, crosswalk.NotContains: 1, crosswalk.StartsWith: 1,
	crosswalk.EndsWith: 1, crosswalk.IsNull: 0, crosswalk.IsNotNull: 0, crosswalk.LastDays: 1, crosswalk.NextDays: 1, crosswalk.OlderThanDays: 1,
	crosswalk.Today: 0, crosswalk.Yesterday: 0, crosswalk.Tomorrow: 0, crosswalk.ThisWeek: 0, crosswalk.LastWeek: 0, crosswalk.ThisMonth: 0,
	crosswalk.LastMonth: 0, crosswalk.ThisYear: 0, crosswalk.LastYear: 0,
}

// texts are values that a filter must carry whatever they hold.
var texts = []string{
	"Contoso", "O'Neil & Söhne", `50% of "all"`, "a/b?c#d", "1+1=2; x", "ТОО «Ромашка»", "東京", "'", "''", " ", "{[(,)]}", `back\slash`, "€ 1.000,–", "🙂",
}

// conditions are the filters to try on an attribute. What a mapping refuses
// for its type is not sent.
func conditions(a crosswalk.Attribute) []crosswalk.Condition {
	values := map[crosswalk.AttributeType][]string{
		crosswalk.AttributeString: texts, crosswalk.AttributeMemo: texts[:1], crosswalk.AttributeEntityName: {"contact"},
		crosswalk.AttributeInteger: {"0", "-7", "2147483647"}, crosswalk.AttributeBigInt: {"9007199254740993"},
		crosswalk.AttributeDecimal: {"12.5", "-0.0000000001"}, crosswalk.AttributeDouble: {"1.5"}, crosswalk.AttributeMoney: {"1000000", "-3.1415"},
		crosswalk.AttributeBoolean: {"true", "false"}, crosswalk.AttributeDateTime: {"2024-02-29", "2024-02-29T23:59:59Z", "1753-01-01T00:00:00+14:00"},
		crosswalk.AttributeLookup: {"78914942-34cb-ed11-b596-0022481d68cd"}, crosswalk.AttributeCustomer: {"78914942-34cb-ed11-b596-0022481d68cd"},
		crosswalk.AttributeOwner: {"78914942-34CB-ED11-B596-0022481D68CD"}, crosswalk.AttributeUniqueID: {"{78914942-34cb-ed11-b596-0022481d68cd}"},
		crosswalk.AttributeChoice: {"1"}, crosswalk.AttributeState: {"0"}, crosswalk.AttributeStatus: {"2"}, crosswalk.AttributeMultiChoice: {"1"},
	}[a.Type]
	if a.DateBehavior == crosswalk.DateOnly {
		values = values[:1]
	}
	var all []crosswalk.Condition
	for c, takes := range comparisons {
		condition := crosswalk.Condition{Attribute: a.LogicalName, Operator: c}
		switch {
		case takes == 0:
			all = append(all, condition)
			continue
		case takes == 2:
			condition.Values = []string{values[0], values[0]}
			all = append(all, condition)
			continue
		case c == crosswalk.LastDays || c == crosswalk.NextDays || c == crosswalk.OlderThanDays:
			condition.Values = []string{"30"}
			all = append(all, condition)
			continue
		case c == crosswalk.In || c == crosswalk.NotIn:
			condition.Values = values
			all = append(all, condition)
		}
		for _, v := range values {
			condition.Values = []string{v}
			all = append(all, condition)
		}
	}
	return all
}

// TestFilters gives every $filter that a mapping can make to a parser of
// OData's grammar by others, just as the client sends it; the sandbox must
// accept it too.
func TestFilters(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	token := e.token(t)
	wire := &recorder{next: e.client(t).Transport}
	client := dataverse.New(dataverse.Config{
		BaseURL:   e.PublicURL,
		Token:     func(context.Context, bool) (string, error) { return token, nil },
		Transport: wire,
	})
	company := crosswalk.StandardObjects()[slices.IndexFunc(crosswalk.StandardObjects(), func(o crosswalk.Object) bool { return o.Name == "Company" })]
	types, sent := map[string]bool{}, map[crosswalk.Comparison]bool{}
	for _, table := range []string{"account", "contact", "opportunity", "incident", "systemuser"} {
		entity, err := client.Entity(t.Context(), table)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range entity.Attributes {
			kind := fmt.Sprint(a.Type, a.DateBehavior)
			if types[kind] || a.Type == crosswalk.AttributeOther {
				continue
			}
			types[kind] = true
			for _, condition := range conditions(a) {
				if send(t, client, entity, &company, crosswalk.Filter{Conditions: []crosswalk.Condition{condition}}) {
					sent[condition.Operator] = true
				}
			}
		}
	}
	for c := range comparisons {
		if !sent[c] {
			t.Errorf("no filter with %q was sent", c)
		}
	}
	account, err := client.Entity(t.Context(), "account")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range combined {
		if !send(t, client, account, &company, f) {
			t.Errorf("%q is no filter", f.Expression)
		}
	}
	if err := readByKey(t, client, account); err != nil {
		t.Errorf("read by key: %v", err)
	}
	changed := changes(t, client, account, changes(t, client, account, ""))
	if changed == "" {
		t.Error("a read by modification time has no end")
	}
	for _, piece := range []string{"primarycontactid/", "primarycontactid/parentcustomerid_account/", ")%20or%20", "not%20", "CRM.In(", "DoesNotContainValues("} {
		if !slices.ContainsFunc(wire.filters, func(f string) bool { return strings.Contains(f, piece) }) {
			t.Errorf("no filter has %s", piece)
		}
	}
	if len(types) < 15 {
		t.Errorf("only these types of attributes were met: %v", types)
	}
	if !slices.ContainsFunc(wire.filters, func(f string) bool { return strings.Contains(f, ")%20and%20modifiedon%20ge%20") }) {
		t.Error("no change was looked for by its time")
	}
	filters := slices.Compact(slices.Sorted(slices.Values(wire.filters)))
	if len(filters) < 150 {
		t.Errorf("only %d filters were sent", len(filters))
	}
	list, err := json.Marshal(filters)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "filters.json")
	if err := os.WriteFile(file, list, 0o600); err != nil {
		t.Fatal(err)
	}
	judge(t, "filters.mjs", nil, "FILTERS="+file)
}

// changes reads what has changed in a part of a table, which Dataverse does
// not track: it is found by its modification time. It returns the end.
func changes(t *testing.T, client *dataverse.Client, entity *crosswalk.Entity, since string) string {
	t.Helper()
	specs := []column.Spec{{Name: entity.PrimaryID, Kind: column.GUID}, {Name: "modifiedon", Kind: column.Time}}
	query := dataverse.ChangeQuery{
		Query:  dataverse.Query{EntitySet: entity.EntitySetName, Select: []string{entity.PrimaryID, "modifiedon"}, Filter: "statecode eq 0 or statecode eq 1"},
		Entity: entity, Since: since,
	}
	for next := ""; ; {
		page, err := client.Changes(t.Context(), query, next, odata.NewColumns(specs), column.NewBatch(specs))
		if err != nil {
			t.Fatal(err)
		}
		if next = page.Next; next == "" {
			return page.End
		}
	}
}

// combined are filters of several conditions, some of them on rows that
// lookups lead to.
var combined = []crosswalk.Filter{
	{Expression: "(1 AND 2) OR NOT (3 OR 4)", Conditions: []crosswalk.Condition{
		{Attribute: "name", Operator: crosswalk.StartsWith, Values: []string{"O'Neil"}},
		{Attribute: "revenue", Operator: crosswalk.Between, Values: []string{"-1", "1000000.5"}},
		{Attribute: "createdon", Operator: crosswalk.LastDays, Values: []string{"365"}},
		{Attribute: "industrycode", Operator: crosswalk.In, Values: []string{"1", "2"}},
	}},
	{Expression: "NOT 1 OR (2 AND NOT 3)", Conditions: []crosswalk.Condition{
		{Attribute: "name", Operator: crosswalk.Contains, Values: []string{"a"}},
		{Attribute: "primarycontactid.fullname", Operator: crosswalk.Contains, Values: []string{"O'Neil & Söhne"}},
		{Attribute: "primarycontactid.parentcustomerid(account).name", Operator: crosswalk.IsNull},
	}},
	{Conditions: []crosswalk.Condition{
		{Attribute: "primarycontactid.parentcustomerid(account).name", Operator: crosswalk.Equal, Values: []string{"Contoso"}},
		{Attribute: "primarycontactid.statecode", Operator: crosswalk.In, Values: []string{"0", "1"}},
		{Attribute: "primarycontactid.birthdate", Operator: crosswalk.Less, Values: []string{"2000-02-29"}},
	}},
}

// readByKey reads rows whose keys are known, as retries of rejects and lookups
// of a tracked read do.
func readByKey(t *testing.T, client *dataverse.Client, entity *crosswalk.Entity) error {
	t.Helper()
	specs := []column.Spec{{Name: entity.PrimaryID, Kind: column.GUID}}
	query := dataverse.Query{EntitySet: entity.EntitySetName, Select: []string{entity.PrimaryID}, Filter: "statecode eq 0 or statecode eq 1"}
	_, err := client.Rows(t.Context(), query, entity.PrimaryID, [][16]byte{{1}, {2}, {15: 255}}, odata.NewColumns(specs), column.NewBatch(specs))
	return err
}

// send reads with a filter, and reports false when the mapping refuses it.
func send(t *testing.T, client *dataverse.Client, entity *crosswalk.Entity, company *crosswalk.Object, filter crosswalk.Filter) bool {
	t.Helper()
	plan, err := mapping.Compile(mapping.Input{
		Entity: entity, Object: company, Filter: filter, Now: time.Date(2024, 3, 1, 3, 30, 15, 0, time.UTC),
		Catalog: func(name string) (*crosswalk.Entity, error) { return client.Entity(t.Context(), name) },
		Mapping: crosswalk.Mapping{TimeZone: "America/New_York", Fields: []crosswalk.FieldMapping{
			{Source: entity.PrimaryID, Target: "External_ID", Identifier: true},
			{Source: entity.PrimaryName, Target: "Name", OnTooLong: crosswalk.LengthTruncate},
		}},
	})
	if crosswalk.ErrorCode(err) == crosswalk.CodeInvalid && !strings.Contains(fmt.Sprint(err), "mapping.") {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Page(t.Context(), dataverse.Query{EntitySet: entity.EntitySetName, Select: plan.Select, Filter: plan.Filter, PageSize: 2}, "",
		odata.NewColumns(plan.Source), column.NewBatch(plan.Source))
	if err != nil {
		t.Errorf("the sandbox refuses %s: %v", plan.Filter, err)
	}
	return plan.Filter != ""
}
