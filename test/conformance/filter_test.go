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

// comparisons are all comparisons of a filter.
var comparisons = []crosswalk.Comparison{
	crosswalk.Equal, crosswalk.NotEqual, crosswalk.Greater, crosswalk.GreaterOrEqual, crosswalk.Less, crosswalk.LessOrEqual,
	crosswalk.In, crosswalk.Contains, crosswalk.StartsWith, crosswalk.EndsWith, crosswalk.IsNull, crosswalk.IsNotNull,
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
	for _, c := range comparisons {
		switch c {
		case crosswalk.IsNull, crosswalk.IsNotNull:
			all = append(all, crosswalk.Condition{Attribute: a.LogicalName, Operator: c})
		case crosswalk.In:
			all = append(all, crosswalk.Condition{Attribute: a.LogicalName, Operator: c, Values: values})
			fallthrough
		default:
			for _, v := range values {
				all = append(all, crosswalk.Condition{Attribute: a.LogicalName, Operator: c, Values: []string{v}})
			}
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
	types := map[string]bool{}
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
				send(t, client, entity, &company, condition)
			}
		}
	}
	account, err := client.Entity(t.Context(), "account")
	if err != nil {
		t.Fatal(err)
	}
	changed := changes(t, client, account, changes(t, client, account, ""))
	if changed == "" {
		t.Error("a read by modification time has no end")
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

// send reads with a filter of one condition, unless the mapping refuses it.
func send(t *testing.T, client *dataverse.Client, entity *crosswalk.Entity, company *crosswalk.Object, condition crosswalk.Condition) {
	t.Helper()
	plan, err := mapping.Compile(mapping.Input{Entity: entity, Object: company, Mapping: crosswalk.Mapping{Fields: []crosswalk.FieldMapping{
		{Source: entity.PrimaryID, Target: "External_ID", Identifier: true},
		{Source: entity.PrimaryName, Target: "Name", OnTooLong: crosswalk.LengthTruncate},
	}}, Filter: crosswalk.Filter{Conditions: []crosswalk.Condition{condition}}})
	if crosswalk.ErrorCode(err) == crosswalk.CodeInvalid && !strings.Contains(fmt.Sprint(err), "mapping.") {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Page(t.Context(), dataverse.Query{EntitySet: entity.EntitySetName, Select: plan.Select, Filter: plan.Filter, PageSize: 2}, "",
		odata.NewColumns(plan.Source), column.NewBatch(plan.Source))
	if err != nil {
		t.Errorf("the sandbox refuses %s: %v", plan.Filter, err)
	}
}
