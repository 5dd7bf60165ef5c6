package dataverse_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/crosswalk-data/crosswalk"
)

// organization is the metadata of a large environment, made while it is read.
type organization struct {
	entities int
	common   []byte            // of the attributes of any table
	derived  map[string][]byte // by cast
	requests atomic.Int64
}

// newOrganization makes tables that all have the same attributes.
func newOrganization(entities, attributes int) *organization {
	o := &organization{entities: entities, derived: map[string][]byte{}}
	choice := map[string]any{"OptionSet": options(1, labelled("One"), 2, labelled("Two"), 3, labelled("Three")), "GlobalOptionSet": nil}
	kinds := []attribute{
		text("", 100, "Text"), attr("", "Memo", "Memo", map[string]any{"MaxLength": 2000}), attr("", "Picklist", "Picklist", choice),
		attr("", "Lookup", "Lookup", map[string]any{"Targets": []string{"account"}}), attr("", "Money", "Money", map[string]any{"Precision": 2}),
		attr("", "DateTime", "DateTime", map[string]any{"Format": "DateAndTime", "DateTimeBehavior": map[string]any{"Value": "UserLocal"}}),
		attr("", "Virtual", "", nil).with("IsValidODataAttribute", false), attr("", "Integer", "Integer", nil),
	}
	lists := map[string][]any{}
	for i := range attributes {
		a := kinds[i%len(kinds)]
		name := fmt.Sprintf("new_attribute_%03d", i)
		labels := []any{}
		for _, language := range []int{1031, 1033} { // German, English
			labels = append(labels, map[string]any{"Label": "The attribute " + name, "LanguageCode": language, "IsManaged": false, "MetadataId": someID, "HasChanged": nil})
		}
		common := map[string]any{"DisplayName": map[string]any{"LocalizedLabels": labels, "UserLocalizedLabel": labels[1]}}
		for _, p := range []string{"MetadataId", "AttributeTypeName", "IsValidForRead", "IsValidODataAttribute", "IsSecured"} {
			common[p] = a.common[p]
		}
		common["LogicalName"] = name
		lists[""] = append(lists[""], common)
		if a.cast != "" {
			detail := map[string]any{"LogicalName": name, "MetadataId": someID}
			for k, v := range a.derived {
				detail[k] = v
			}
			lists[a.cast] = append(lists[a.cast], detail)
		}
	}
	for cast, list := range lists {
		body, err := json.Marshal(map[string]any{"@odata.context": "x", "value": list})
		if err != nil {
			panic(err)
		}
		o.derived[cast] = body
	}
	o.common = o.derived[""]
	return o
}

func (o *organization) answer(r *http.Request) (*http.Response, error) {
	o.requests.Add(1)
	path := strings.TrimPrefix(r.URL.Path, "/api/data/v9.2/EntityDefinitions")
	resp := answer(r, 200, nil, "")
	switch {
	case path == "":
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"@odata.context":"x","value":[`), &definitions{n: o.entities}, strings.NewReader(`]}`)))
	case strings.HasSuffix(path, ")"):
		body, err := json.Marshal(table(strings.TrimSuffix(strings.TrimPrefix(path, "(LogicalName='"), "')")))
		if err != nil {
			return nil, err
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
	case strings.HasSuffix(path, "/Keys"), strings.HasSuffix(path, "/ManyToOneRelationships"):
		resp.Body = io.NopCloser(strings.NewReader(`{"value":[]}`))
	default:
		_, cast, _ := strings.Cut(path, "/Microsoft.Dynamics.CRM.")
		resp.Body = io.NopCloser(bytes.NewReader(o.derived[strings.TrimSuffix(cast, "AttributeMetadata")]))
	}
	return resp, nil
}

// definitions reads as the definitions of n tables.
type definitions struct {
	n, i int
	rest []byte
}

func (d *definitions) Read(p []byte) (int, error) {
	if len(d.rest) == 0 {
		if d.i == d.n {
			return 0, io.EOF
		}
		body, err := json.Marshal(table(fmt.Sprintf("new_table_%04d", d.i)))
		if err != nil {
			return 0, err
		}
		if d.i++; d.i < d.n {
			body = append(body, ',')
		}
		d.rest = body
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// heap returns the bytes of objects in memory, those not collected yet
// included.
func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// tablesDiscovered is how many tables TestDiscoveryMemory discovers.
var tablesDiscovered = 2000

// TestDiscoveryMemory discovers 2,000 tables of 300 attributes each and
// watches the memory. It does not run beside other tests, whose memory it
// would count.
func TestDiscoveryMemory(t *testing.T) {
	const attributes, limit = 300, 64 << 20
	entities := tablesDiscovered
	o := newOrganization(entities, attributes)
	c := bubble(o.answer)
	grew := growth(func() {
		list, err := c.Entities(t.Context())
		if err != nil || len(list) != entities {
			t.Fatalf("%d tables, %v", len(list), err)
		}
		for _, e := range list {
			full, err := c.Entity(t.Context(), e.LogicalName)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(full.Attributes); n != attributes-attributes/8 || full.Attribute("new_attribute_002").Options[2].Label != "Three" {
				t.Fatalf("%s has %d attributes", e.LogicalName, n)
			}
		}
	})
	t.Logf("the heap grew by %d MB", grew>>20)
	if grew > limit {
		t.Errorf("the heap grew by %d MB", grew>>20)
	}
	if n := o.requests.Load(); n > int64(entities)*11 {
		t.Errorf("%d requests for %d tables", n, entities)
	}
}

// TestCollections checks what is taken for a collection of metadata.
func TestCollections(t *testing.T) {
	t.Parallel()
	one := `{"LogicalName":"account","EntitySetName":"accounts","PrimaryIdAttribute":"accountid","OwnershipType":"UserOwned"}`
	tests := []struct {
		name, body, words string
		sent              int // requests until the client gives up
	}{
		{"the value first", `{"value":[` + one + `],"@odata.context":{"a":[1]}}`, "", 1},
		{"the value last", "\r\n{\"@odata.context\":\"x\",\"value\":[" + one + "]}\r\n", "", 1},
		{"nothing", ``, "does not answer", 6},
		{"cut in an item", `{"value":[{"LogicalName":"acc`, "does not answer", 6},
		{"cut between items", `{"value":[` + one, "does not answer", 6},
		{"cut behind the items", `{"value":[` + one + `]`, "does not answer", 6},
		{"no items", `{"@odata.context":"x"}`, "not data", 3},
		{"items that are none", `{"value":{}}`, "not data", 3},
		{"an item that is none", `{"value":[1]}`, "not data", 3},
		{"an array", `[]`, "not data", 3},
		{"something behind", `{"value":[` + one + `]}}`, "not data", 3},
		{"no JSON", `{"value":[}`, "not data", 3},
		{"an error that came with 200", `{"value":[` + one + `],"error":{"code":"1","message":"it broke"}}`, "it broke", 6},
		{"an item without end", `{"value":[{"LogicalName":"` + strings.Repeat("x", 9<<20) + `"}]}`, "too large", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				c := bubble(func(r *http.Request) (*http.Response, error) {
					sent++
					return answer(r, 200, nil, test.body), nil
				})
				got, err := c.Entities(t.Context())
				if test.words == "" {
					if err != nil || len(got) != 1 || got[0].LogicalName != "account" {
						t.Errorf("%v %v", got, err)
					}
				} else {
					personal(t, err, crosswalk.CodeUnavailable, test.words, "")
				}
				if sent != test.sent {
					t.Errorf("%d requests, want %d", sent, test.sent)
				}
			})
		})
	}
}

// FuzzCollection checks that any answer to a list of metadata is a list or an
// error.
func FuzzCollection(f *testing.F) {
	f.Add([]byte(`{"value":[{"LogicalName":"account","DisplayName":{"UserLocalizedLabel":null,"LocalizedLabels":[{"Label":"A"}]}}]}`))
	f.Add([]byte(`{"a":[{}],"value":[{}],"error":{"message":"m"}} x`))
	f.Fuzz(func(t *testing.T, body []byte) {
		synctest.Test(t, func(t *testing.T) {
			c := bubble(func(r *http.Request) (*http.Response, error) { return answer(r, 200, nil, string(body)), nil })
			got, err := c.Entities(t.Context())
			if err != nil && got != nil || err == nil && !json.Valid(body) && !bytes.Contains(body, []byte("value")) {
				t.Errorf("%v, %v", got, err)
			}
		})
	})
}
