package e2e_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/client"
	"github.com/crosswalk-data/crosswalk/internal/sandbox"
	"github.com/crosswalk-data/crosswalk/internal/server"
)

var update = flag.Bool("update", false, "write the golden files anew")

// awkward is a value of a column as it stands in an answer of the Web API.
type awkward struct {
	column string
	wire   string
	sent   map[string]any // what the sandbox is told to store, of a lookup
}

const awkwardTable = "contact"

// awkwardColumns are added to the table; the others it has.
var awkwardColumns = []sandbox.Column{
	{Name: "new_string", Type: "StringType", MaxLength: 4000},
	{Name: "new_memo", Type: "MemoType", MaxLength: 100_000},
	{Name: "new_integer", Type: "IntegerType"},
	{Name: "new_bigint", Type: "BigIntType"},
	{Name: "new_decimal", Type: "DecimalType", Precision: 10},
	{Name: "new_double", Type: "DoubleType", Precision: 5},
	{Name: "new_money", Type: "MoneyType", Precision: 4},
	{Name: "new_boolean", Type: "BooleanType"},
	{Name: "new_moment", Type: "DateTimeType"},
	{Name: "new_day", Type: "DateTimeType", Behavior: "DateOnly"},
	{Name: "new_wall", Type: "DateTimeType", Behavior: "TimeZoneIndependent"},
	{Name: "new_choice", Type: "PicklistType", Options: []string{"Small", "Large", "SMALL", ""}},
	{Name: "new_choices", Type: "MultiSelectPicklistType", Options: []string{"Red", "Blue", "Deep; sea"}},
	{Name: "new_lookup", Type: "LookupType", Targets: []string{"account"}},
}

// sources are the columns of the matrix: one of each type that can be read.
var sources = []string{
	"contactid", "new_string", "new_memo", "new_integer", "new_bigint", "new_decimal", "new_double", "new_money", "new_boolean",
	"new_moment", "new_day", "new_wall", "new_choice", "new_choices", "statecode", "statuscode", "new_lookup", "parentcustomerid", "ownerid",
}

func awkwardValues() []awkward {
	list := []awkward{{column: "contactid"}}
	add := func(column string, wire ...string) {
		for _, v := range wire {
			list = append(list, awkward{column: column, wire: v})
		}
	}
	quoted := func(texts ...string) (list []string) {
		for _, s := range texts {
			list = append(list, `"`+s+`"`)
		}
		return list
	}
	add("new_string", quoted(
		"some text", "  spaces  ", "", `Zo\u00eb \ud83d\ude00`, `one\ntwo\tthree`, "=1+1", strings.Repeat("x", 120),
		"0", "12.345", "-0.005", " 7 ", "1e3", "1e400", "9007199254740993", "12,5", "0x10", "NaN",
		"2024-02-29", "2023-02-29", "1752-12-31", "9999-12-31", "2024-02-29T23:30:00+02:00", "2024-02-29T23:30", "29.02.2024",
		"ada@contoso.com", "ada@", "https://contoso.com/a?b=c", "contoso.com", "javascript:alert(1)",
		"Retail", "RETAIL", "a;b", `a\u0000b`, `a\ud800b`, `\udc00`,
	)...)
	add("new_string", "42", "true", "null")
	add("new_memo", quoted(`line one\r\nline two`, "12.5", "<p>rich</p>")...)
	add("new_integer", "0", "-42", "2147483647", "9007199254740993", "1e400", "12.5", `"7"`)
	add("new_bigint", "9007199254740993", "9223372036854775807", "-9223372036854775808", "9223372036854775808")
	add("new_decimal", "0.0000000001", "-0.005", "0.005", "12.3450000000", "99999999999.9999999999", "0.5", "-0.5", "1e400", "1e-400",
		"12345678901234567890123456789012345678", "123456789012345678901234567890123456789", `"1.5"`)
	add("new_double", "0.1", "1.5e-2", "1e21", "1.7976931348623157e308", "5e-324", "1e400")
	add("new_money", "-0.0050", "1234567.8901", "922337203685477.5807")
	add("new_boolean", "true", "false", "1", `"true"`)
	add("new_moment", quoted("1753-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z", "2024-02-29T23:30:00Z", "2024-07-31T22:00:00Z",
		"0001-01-01T00:00:00Z", "2024-02-30T00:00:00Z", "soon")...)
	add("new_day", quoted("1753-01-01", "9999-12-31", "2024-02-29", "0001-01-01", "2023-02-29")...)
	add("new_wall", quoted("1753-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2024-02-29T23:30:00Z")...)
	add("new_choice", "100000000", "100000001", "100000002", "100000003", "100000099")
	add("new_choices", quoted("100000000", "100000000,100000001", "100000001,100000099", "100000002", "")...)
	add("statecode", "0", "1", "7")
	add("statuscode", "1", "2", "7")
	account := func(n int) string { return "/accounts(" + key(n) + ")" }
	return append(
		list,
		awkward{column: "new_lookup", sent: map[string]any{"new_lookup@odata.bind": account(1)}},
		awkward{column: "parentcustomerid", sent: map[string]any{"parentcustomerid_account@odata.bind": account(1)}},
		awkward{column: "parentcustomerid", sent: map[string]any{"parentcustomerid_contact@odata.bind": "/contacts(" + key(firstAwkward+1) + ")"}},
		awkward{column: "ownerid"},
	)
}

// firstAwkward is the number in the key of the first awkward record.
const firstAwkward = 0x100

// target is a field of the matrix, and what of a source it takes.
type target struct {
	name  string
	field crosswalk.FieldDefinition
	rule  crosswalk.FieldMapping
}

func matrixTargets() (list []target) {
	for _, ft := range crosswalk.FieldTypes() {
		f := crosswalk.FieldDefinition{Type: ft}
		switch {
		case ft == crosswalk.FieldLookup: // filled by derived mappings alone
			f.Lookup = "Company"
		case ft == crosswalk.FieldDropdown || ft == crosswalk.FieldMultiSelect:
			f.MaxLength, f.Options = 100, []string{"Retail", "Small", "Active", "Inactive"}
		case ft.IsText():
			f.MaxLength = 100
		}
		list = append(list, target{string(ft), f, crosswalk.FieldMapping{}})
		if ft == crosswalk.FieldNumber || ft == crosswalk.FieldCurrency || ft == crosswalk.FieldPercentage {
			f.Decimals = 2
			list = append(list, target{string(ft) + " with decimals", f, crosswalk.FieldMapping{}})
		}
		switch ft {
		case crosswalk.FieldString:
			list = append(list, target{"String by label", f, crosswalk.FieldMapping{Label: true}}, target{"String by table", f, crosswalk.FieldMapping{Table: true}},
				target{"String cut", f, crosswalk.FieldMapping{OnTooLong: crosswalk.LengthTruncate}})
		case crosswalk.FieldDropdown, crosswalk.FieldMultiSelect:
			list = append(list, target{string(ft) + " without new options", f, crosswalk.FieldMapping{OnUnknown: crosswalk.OptionReject}},
				target{string(ft) + " without unknown ones", f, crosswalk.FieldMapping{OnUnknown: crosswalk.OptionNull}})
		}
	}
	return list
}

// Every type of column into every type of field, with values that are
// awkward: what is stored and what is rejected is the same on both databases
// and stands in the golden file. Each record has one value, and each type of
// field a job of its own, so that a reject tells nothing of another.
func TestTypeMatrix(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, cfg server.Config) {
		w := newWorld(t, sandbox.Config{Seed: 5, Users: 12, Accounts: -1, Contacts: -1}, cfg)
		for _, c := range awkwardColumns {
			w.must(w.sandbox.AddColumn(awkwardTable, c))
		}
		values := awkwardValues()
		w.storeAwkward(values)
		conn := w.connect("Contoso")
		got := map[string][]string{}
		for _, to := range matrixTargets() {
			w.fillMatrix(conn.ID, to, values, got)
		}
		var b strings.Builder
		for i, v := range values {
			if i == 0 || v.column != values[i-1].column {
				fmt.Fprintf(&b, "%s\n", v.column)
			}
			shown := v.wire
			if shown == "" {
				shown = "as it is"
			}
			fmt.Fprintf(&b, "    %s\n", shorten(shown))
			for _, line := range got[key(firstAwkward+i)] {
				fmt.Fprintf(&b, "        %s\n", line)
			}
		}
		golden(t, "testdata/types.golden", b.String())
	})
}

// storeAwkward makes a record of each value. What the sandbox would refuse to
// store stands in its answers all the same, by the record's key.
func (w *world) storeAwkward(values []awkward) {
	w.t.Helper()
	r := w.records()
	r.put("accounts", key(1), map[string]any{"name": "Contoso Ltd"})
	said := map[string]wire{}
	for i, v := range values {
		id := key(firstAwkward + i)
		record := map[string]any{"lastname": fmt.Sprintf("Record %d", i)}
		maps.Copy(record, v.sent)
		r.put("contacts", id, record)
		if v.wire != "" {
			said[id] = wire{v.column: v.wire}
		}
	}
	w.pretend("contactid", said)
}

// fillMatrix runs a job that fills a field of one type from every column that
// can, and adds what became of each record by its key.
func (w *world) fillMatrix(connectionID string, to target, values []awkward, got map[string][]string) {
	w.t.Helper()
	ctx := w.t.Context()
	fields := []crosswalk.FieldDefinition{{DisplayName: "Key", Type: crosswalk.FieldString, MaxLength: 36}}
	rows := []crosswalk.FieldMapping{{Source: "contactid", Target: "Key__gc", Identifier: true}}
	for _, s := range sources {
		f, m := to.field, to.rule
		f.DisplayName, m.Source, m.Target = "F "+s, s, "F_"+s+"__gc"
		fields, rows = append(fields, f), append(rows, m)
	}
	o := w.object("Into "+to.name, fields...)
	in := client.JobInput{Name: to.name, ConnectionID: connectionID, Entity: awkwardTable, Object: o.Name, Operation: crosswalk.OperationUpsert, LoadMode: crosswalk.LoadIncremental}
	in.Mapping = crosswalk.Mapping{Fields: rows, TimeZone: "Europe/Berlin"}
	problems, err := w.client.CheckJob(ctx, "", in)
	w.must(err)
	refused := map[string]bool{}
	in.Mapping.Fields = slices.DeleteFunc(slices.Clone(rows), func(m crosswalk.FieldMapping) bool {
		i := slices.IndexFunc(rows, func(r crosswalk.FieldMapping) bool { return r.Target == m.Target })
		refused[m.Source] = i > 0 && slices.ContainsFunc(problems, func(p crosswalk.FieldError) bool {
			return strings.HasPrefix(p.Field, fmt.Sprintf("mapping.fields[%d].", i))
		})
		return i > 0 && refused[m.Source]
	})
	run := w.run(w.newJob(in))
	rejects, stored := w.rejects(run), w.rowsBy(o.Name, "Key__gc")
	if run.Counts.Read != int64(len(values)) || len(rejects)+len(stored) != len(values) {
		w.t.Fatalf("%s: %s %q %+v, %d rejects, %d rows", to.name, run.Status, run.Message, run.Counts, len(rejects), len(stored))
	}
	for i, v := range values {
		id, outcome := key(firstAwkward+i), ""
		switch r, rejected := rejects[id]; {
		case refused[v.column]:
			continue
		case rejected && r.Field == "F_"+v.column+"__gc":
			outcome = fmt.Sprintf("rejected: %s %s", r.Code, shorten(fmt.Sprintf("%+q", r.Value)))
		case rejected:
			w.t.Errorf("%s: %s of %s is rejected at %s: %s", to.name, v.wire, v.column, r.Field, r.Message)
		default:
			outcome = "empty"
			switch value := stored[id]["F_"+v.column+"__gc"].(type) {
			case nil:
			case string:
				outcome = shorten(fmt.Sprintf("%+q", value))
			default:
				outcome = fmt.Sprint(value)
			}
		}
		got[id] = append(got[id], fmt.Sprintf("%-31s %s", to.name, outcome))
	}
}

// shorten returns a text with what is too long for a line left out.
func shorten(s string) string {
	if len(s) > 90 {
		return fmt.Sprintf("%s… (%d)", s[:60], len(s))
	}
	return s
}

// golden compares a text with a file; -update writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
