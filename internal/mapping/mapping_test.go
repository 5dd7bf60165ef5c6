package mapping_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/column"
	"github.com/crosswalk-data/crosswalk/internal/mapping"
)

var update = flag.Bool("update", false, "write the golden files")

const key = "78914942-34cb-ed11-b596-0022481d68cd"

// attributes are one of each kind; their display name is the logical name
// with a capital.
func attributes() []crosswalk.Attribute {
	options := []crosswalk.Option{{Value: 1, Label: "Retail"}, {Value: 9, Label: "Fähre"}, {Value: 10}}
	all := []crosswalk.Attribute{
		{LogicalName: "thingid", Type: crosswalk.AttributeUniqueID},
		{LogicalName: "string", Type: crosswalk.AttributeString, MaxLength: 100},
		{LogicalName: "memo", Type: crosswalk.AttributeMemo},
		{LogicalName: "entityname", Type: crosswalk.AttributeEntityName},
		{LogicalName: "integer", Type: crosswalk.AttributeInteger},
		{LogicalName: "bigint", Type: crosswalk.AttributeBigInt},
		{LogicalName: "decimal", Type: crosswalk.AttributeDecimal},
		{LogicalName: "double", Type: crosswalk.AttributeDouble},
		{LogicalName: "money", Type: crosswalk.AttributeMoney},
		{LogicalName: "boolean", Type: crosswalk.AttributeBoolean, Options: []crosswalk.Option{{Value: 0, Label: "Nein"}, {Value: 1, Label: "Ja"}}},
		{LogicalName: "bare", Type: crosswalk.AttributeBoolean},
		{LogicalName: "moment", Type: crosswalk.AttributeDateTime, DateBehavior: crosswalk.DateUserLocal},
		{LogicalName: "wall", Type: crosswalk.AttributeDateTime, DateBehavior: crosswalk.DateTimeZoneIndependent},
		{LogicalName: "day", Type: crosswalk.AttributeDateTime, DateBehavior: crosswalk.DateOnly},
		{LogicalName: "lookup", Type: crosswalk.AttributeLookup},
		{LogicalName: "customer", Type: crosswalk.AttributeCustomer},
		{LogicalName: "owner", Type: crosswalk.AttributeOwner},
		{LogicalName: "choice", Type: crosswalk.AttributeChoice, Options: options},
		{LogicalName: "state", Type: crosswalk.AttributeState, Options: options},
		{LogicalName: "status", Type: crosswalk.AttributeStatus, Options: options},
		{LogicalName: "multi", Type: crosswalk.AttributeMultiChoice, Options: options},
		{LogicalName: "image", Type: crosswalk.AttributeOther},
	}
	for i := range all {
		all[i].DisplayName = strings.ToUpper(all[i].LogicalName[:1]) + all[i].LogicalName[1:]
	}
	return all
}

func thing() *crosswalk.Entity {
	return &crosswalk.Entity{LogicalName: "thing", EntitySetName: "things", DisplayName: "Thing", PrimaryID: "thingid", Attributes: attributes()}
}

// object has an identifier "Key" and the fields given.
func object(fields ...crosswalk.Field) *crosswalk.Object {
	o := &crosswalk.Object{Name: "Target", DisplayName: "Target", Fields: []crosswalk.Field{
		{Name: "GSID", DisplayName: "GSID", Type: crosswalk.FieldGSID, System: true},
		{Name: "Key", DisplayName: "Key", Type: crosswalk.FieldString},
	}}
	for _, f := range fields {
		if f.DisplayName == "" {
			f.DisplayName = f.Name
		}
		o.Fields = append(o.Fields, f)
	}
	return o
}

// keyed is a mapping with the record's id as identifier and the rows given.
func keyed(rows ...crosswalk.FieldMapping) crosswalk.Mapping {
	return crosswalk.Mapping{Fields: append([]crosswalk.FieldMapping{{Source: "thingid", Target: "Key", Identifier: true}}, rows...)}
}

// compile compiles a mapping of things into the object.
func compile(o *crosswalk.Object, m crosswalk.Mapping, f crosswalk.Filter) (*mapping.Plan, error) {
	return mapping.Compile(mapping.Input{Entity: thing(), Object: o, Mapping: m, Filter: f})
}

// put appends a value to a column: nil is null; texts of GUIDs, times and
// dates are read.
func put(t testing.TB, c *column.Column, v any) {
	t.Helper()
	switch v := v.(type) {
	case nil:
		c.AppendNull()
	case bool:
		c.AppendBool(v)
	case int:
		c.AppendInt(int64(v))
	case int64:
		c.AppendInt(v)
	case string:
		switch c.Kind {
		case column.GUID:
			var id [16]byte
			if _, err := fmt.Sscanf(strings.ReplaceAll(v, "-", ""), "%x", (*sliceOf)(&id)); err != nil {
				t.Fatalf("GUID %q: %v", v, err)
			}
			c.AppendGUID(id)
		case column.Time:
			m, err := time.Parse(time.RFC3339Nano, v)
			if err != nil {
				t.Fatal(err)
			}
			c.AppendInt(m.UnixMicro())
		case column.Date:
			m, err := time.Parse(time.DateOnly, v)
			if err != nil {
				t.Fatal(err)
			}
			c.AppendInt(m.Unix() / 86400)
		default:
			c.AppendBytes([]byte(v))
		}
	default:
		t.Fatalf("value of type %T", v)
	}
}

// sliceOf lets Sscanf fill an array of 16 bytes.
type sliceOf [16]byte

func (s *sliceOf) Scan(state fmt.ScanState, _ rune) error {
	token, err := state.Token(true, nil)
	if err != nil {
		return err
	}
	for i := range s {
		b, err := strconv.ParseUint(string(token[2*i:2*i+2]), 16, 8)
		if err != nil {
			return err
		}
		s[i] = byte(b)
	}
	return nil
}

// read returns a value of a column as text, "null" for null.
func read(c *column.Column, row int) string {
	if !c.Valid[row] {
		return "null"
	}
	switch c.Kind {
	case column.Text:
		return strconv.Quote(string(c.Bytes(row)))
	case column.Decimal:
		return string(c.Bytes(row))
	case column.Bool:
		return strconv.FormatBool(c.Ints[row] == 1)
	case column.Time:
		return time.UnixMicro(c.Ints[row]).UTC().Format(time.RFC3339Nano)
	case column.Date:
		return time.Unix(c.Ints[row]*86400, 0).UTC().Format(time.DateOnly)
	case column.GUID:
		return crosswalk.GSID(c.GUIDs[row]).String()
	default:
		return strconv.FormatInt(c.Ints[row], 10)
	}
}

// mapOne compiles one row of a mapping and maps one value with it; it returns
// the value of the field, or the reject.
func mapOne(t testing.TB, f crosswalk.Field, fm crosswalk.FieldMapping, value any) (string, *crosswalk.Reject) {
	t.Helper()
	plan, err := compile(object(f), keyed(fm), crosswalk.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	src, dst := plan.NewSourceBatch(), plan.NewBatch()
	put(t, &src.Columns[0], key)
	if last := len(src.Columns) - 1; last > 0 {
		put(t, &src.Columns[last], value) // a lookup's annotation follows its id
	}
	src.EndRow()
	rejects, _ := plan.Apply(src, dst, nil)
	if len(rejects)+dst.Rows() != 1 {
		t.Fatalf("%d rows and %d rejects of one record", dst.Rows(), len(rejects))
	}
	if len(rejects) == 1 {
		return "", &rejects[0]
	}
	if got, want := read(&dst.Columns[0], 0), strconv.Quote(key); got != want {
		t.Errorf("source id: got %s, want %s", got, want)
	}
	return read(&dst.Columns[2], 0), nil
}

func TestMatrix(t *testing.T) {
	t.Parallel()
	samples := map[crosswalk.AttributeType]any{
		crosswalk.AttributeUniqueID: key, crosswalk.AttributeLookup: key, crosswalk.AttributeCustomer: key, crosswalk.AttributeOwner: key,
		crosswalk.AttributeString: "", crosswalk.AttributeMemo: "", crosswalk.AttributeEntityName: "",
		crosswalk.AttributeInteger: -42, crosswalk.AttributeBigInt: int64(9007199254740993),
		crosswalk.AttributeDecimal: "12.345", crosswalk.AttributeDouble: "1.5e-2", crosswalk.AttributeMoney: "20000.0050",
		crosswalk.AttributeBoolean: true,
		crosswalk.AttributeChoice:  1, crosswalk.AttributeState: 9, crosswalk.AttributeStatus: 10,
		crosswalk.AttributeMultiChoice: "1,9,10",
	}
	texts := map[crosswalk.FieldType]string{
		crosswalk.FieldEmail: "ada@contoso.com", crosswalk.FieldURL: "https://contoso.com/", crosswalk.FieldNumber: "12.345",
		crosswalk.FieldCurrency: "-0.005", crosswalk.FieldPercentage: "100", crosswalk.FieldDate: "2024-02-29", crosswalk.FieldDateTime: "2024-02-29T23:30:00+02:00",
	}
	fields := []crosswalk.Field{
		{Type: crosswalk.FieldString},
		{Type: crosswalk.FieldRichText},
		{Type: crosswalk.FieldNumber},
		{Type: crosswalk.FieldNumber, Decimals: 3},
		{Type: crosswalk.FieldCurrency, Decimals: 2},
		{Type: crosswalk.FieldPercentage, Decimals: 1},
		{Type: crosswalk.FieldBoolean},
		{Type: crosswalk.FieldDate},
		{Type: crosswalk.FieldDateTime},
		{Type: crosswalk.FieldEmail},
		{Type: crosswalk.FieldURL},
		{Type: crosswalk.FieldDropdown},
		{Type: crosswalk.FieldMultiSelect},
		{Type: crosswalk.FieldLookup, Lookup: "Company"},
	}
	var b strings.Builder
	for _, a := range attributes() {
		for _, of := range []string{"", "label", "table"} {
			label, table := of == "label", of == "table"
			if label && !a.HasLabels() && !a.IsLookup() || table && !a.IsLookup() {
				continue
			}
			fmt.Fprintf(&b, "%s (%s)", a.LogicalName, strings.TrimSuffix(string(a.Type)+", "+of, ", "))
			for _, f := range fields {
				f.Name = "Field"
				fm := crosswalk.FieldMapping{Source: a.LogicalName, Label: label, Table: table, Target: "Field"}
				plan, err := compile(object(f), keyed(fm), crosswalk.Filter{})
				if err != nil {
					if crosswalk.ErrorCode(err) != crosswalk.CodeInvalid || plan != nil {
						t.Errorf("%s to %s: plan %v, error %v", a.LogicalName, f.Type, plan, err)
					}
					continue
				}
				value := samples[a.Type]
				if of != "" && a.IsLookup() {
					value = map[string]string{"label": "Contoso Ltd", "table": "account"}[of]
				}
				if a.Type == crosswalk.AttributeDateTime {
					value = map[crosswalk.DateBehavior]string{crosswalk.DateOnly: "1969-12-31"}[a.DateBehavior]
					if value == "" {
						value = "1969-12-31T23:59:59Z"
					}
				}
				if value == "" {
					value = "some text"
					if s := texts[f.Type]; s != "" {
						value = s
					}
				}
				got, reject := mapOne(t, f, fm, value)
				if reject != nil {
					t.Errorf("%s to %s: %s", a.LogicalName, f.Type, reject.Message)
				}
				decimals := ""
				if f.Decimals > 0 {
					decimals = fmt.Sprintf("(%d)", f.Decimals)
				}
				fmt.Fprintf(&b, "\n    %s%s: %v -> %s", f.Type, decimals, value, got)
			}
			b.WriteString("\n")
		}
	}
	file := filepath.Join("testdata", "matrix.golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("type matrix (-want +got):\n%s", diff)
	}
}
