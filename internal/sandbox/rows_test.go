package sandbox_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s: %s", name, d)
	}
}

func TestPageGolden(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Seed: 1, Users: 10, Accounts: 10, Contacts: 10, Opportunities: 10, Incidents: 10})
	for name, c := range map[string]struct{ path, prefer string }{
		"page-accounts.json":    {"accounts?$select=name,revenue,_ownerid_value,industrycode,createdon,new_openingtime,new_renewaldate&$count=true", "odata.maxpagesize=3"},
		"page-annotations.json": {"opportunities?$select=name,_customerid_value,estimatedvalue,statuscode,actualclosedate&$orderby=name desc", `odata.maxpagesize=2,odata.include-annotations="*"`},
		"page-all-columns.json": {"contacts?$top=1", ""},
		"page-last.json":        {"transactioncurrencies?$select=currencyname,exchangerate,isocurrencycode", ""},
		"page-users.json":       {"systemusers?$select=fullname,domainname,internalemailaddress,accessmode,applicationid,isdisabled", ""},
	} {
		var headers []string
		if c.prefer != "" {
			headers = []string{"Prefer", c.prefer}
		}
		golden(t, name, strings.ReplaceAll(s.get(t, c.path, headers...), `{"@odata.etag"`, "\n"+`{"@odata.etag"`)+"\n")
	}
}

// TestCapturedShape compares with a captured answer of Dataverse to the same
// request: the names of members and their order, and the form of the link.
func TestCapturedShape(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Contacts: 50})
	body := s.get(t, "contacts?$select=fullname,emailaddress1,fax,familystatuscode&$filter=familystatuscode ne null",
		"Prefer", "odata.maxpagesize=2", "Prefer", `odata.include-annotations="*"`)
	captured, err := os.ReadFile("testdata/contacts-read.json")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(names(t, string(captured)), names(t, body)); d != "" {
		t.Error(d)
	}
	ids := regexp.MustCompile(`%257b[0-9A-F-]{36}%257d`)
	shape := func(text string) string {
		var page struct {
			Link string `json:"@odata.nextLink"`
		}
		if err := json.Unmarshal([]byte(text), &page); err != nil {
			t.Fatal(err)
		}
		_, link, _ := strings.Cut(page.Link, "/api/data/v9.2/")
		link = strings.Replace(link, "&$filter=familystatuscode%20ne%20null", "", 1)
		return ids.ReplaceAllString(link, "ID")
	}
	if d := cmp.Diff(shape(string(captured)), shape(body)); d != "" {
		t.Error(d)
	}
}

// names lists the member names of JSON in order, of each object once.
func names(t *testing.T, text string) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	var list []string
	var walk func(path string)
	walk = func(path string) {
		tok, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		switch tok {
		case json.Delim('{'):
			for d.More() {
				name, _ := d.Token()
				p := path + "/" + name.(string)
				if !slices.Contains(list, p) {
					list = append(list, p)
				}
				walk(p)
			}
			_, _ = d.Token()
		case json.Delim('['):
			for d.More() {
				walk(path)
			}
			_, _ = d.Token()
		}
	}
	walk("")
	return list
}

// walk follows the links from a path and returns all rows.
func (s *server) walk(t *testing.T, path string, headers ...string) (rows []map[string]any, pages int) {
	t.Helper()
	for path != "" {
		page := s.decode(t, path, headers...)
		for _, v := range page["value"].([]any) {
			rows = append(rows, v.(map[string]any))
		}
		path, _ = page["@odata.nextLink"].(string)
		path = strings.Replace(path, "https://org.crm.dynamics.com", s.url, 1)
		pages++
	}
	return rows, pages
}

func TestWalk(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Seed: 3, Accounts: 700, Contacts: 300})
	all := s.values(t, "accounts")
	if len(all) != 700 {
		t.Fatalf("%d rows", len(all))
	}
	text := func(v any) string { return strings.ToLower(fmt.Sprint(v)) }
	conditions := map[string]func(map[string]any) bool{
		"statecode eq 1":    func(r map[string]any) bool { return text(r["statecode"]) == "1" },
		"industrycode ne 4": func(r map[string]any) bool { return text(r["industrycode"]) != "4" },
		"revenue eq null":   func(r map[string]any) bool { return r["revenue"] == nil },
		"not (numberofemployees lt 100)": func(r map[string]any) bool {
			n, _ := number(r["numberofemployees"])
			return r["numberofemployees"] == nil || n >= 100
		},
		"revenue ge 100000.5":   func(r map[string]any) bool { n, ok := number(r["revenue"]); return ok && n >= 100000.5 },
		"contains(name,'BREW')": func(r map[string]any) bool { return strings.Contains(text(r["name"]), "brew") },
		"startswith(name,'a') or endswith(name,'GMBH')": func(r map[string]any) bool {
			return strings.HasPrefix(text(r["name"]), "a") || strings.HasSuffix(text(r["name"]), "gmbh")
		},
		"createdon ge 2021-01-01T00:00:00Z and createdon lt 2022-01-01": func(r map[string]any) bool {
			return strings.HasPrefix(r["createdon"].(string), "2021")
		},
		"new_renewaldate gt 2022-06-30": func(r map[string]any) bool {
			return r["new_renewaldate"] != nil && text(r["new_renewaldate"]) > "2022-06-30"
		},
		"donotphone": func(r map[string]any) bool { return r["donotphone"] == true },
		"address1_city eq 'london' and address1_country ne 'Germany'": func(r map[string]any) bool { return r["address1_city"] == "London" },
		`Microsoft.Dynamics.CRM.In(PropertyName='statuscode',PropertyValues=["2","77"])`: func(r map[string]any) bool {
			return text(r["statuscode"]) == "2"
		},
		"accountid gt " + all[100]["accountid"].(string) + " and accountid le " + all[350]["accountid"].(string): func(r map[string]any) bool {
			i := slices.IndexFunc(all, func(x map[string]any) bool { return x["accountid"] == r["accountid"] })
			return i > 100 && i <= 350
		},
		"modifiedon eq createdon":           func(r map[string]any) bool { return r["modifiedon"] == r["createdon"] },
		"primarycontactid/fullname ne null": func(r map[string]any) bool { return r["_primarycontactid_value"] != nil },
	}
	in := func(low, high float64) func(map[string]any) bool {
		return func(r map[string]any) bool {
			n, ok := number(r["numberofemployees"])
			return ok && n >= low && n <= high
		}
	}
	conditions["100.5 lt numberofemployees"] = in(101, 1e9)
	conditions["100 ge numberofemployees"] = in(0, 100)
	conditions[`Microsoft.Dynamics.CRM.Between(PropertyName='numberofemployees',PropertyValues=["10","1000"])`] = in(10, 1000)
	conditions[`Microsoft.Dynamics.CRM.NotBetween(PropertyName='numberofemployees',PropertyValues=["10","1000"])`] = func(r map[string]any) bool {
		n, ok := number(r["numberofemployees"])
		return ok && (n < 10 || n > 1000)
	}
	conditions[`Microsoft.Dynamics.CRM.NotIn(PropertyName='ownerid',PropertyValues=["`+all[5]["_ownerid_value"].(string)+`"])`] = func(r map[string]any) bool {
		return r["_ownerid_value"] != all[5]["_ownerid_value"]
	}
	conditions["openrevenue lt -10.25"] = func(r map[string]any) bool { n, _ := number(r["openrevenue"]); return n < -10.25 }
	conditions["address1_longitude gt -20.5"] = func(r map[string]any) bool {
		n, ok := number(r["address1_longitude"])
		return ok && n > -20.5
	}
	for pattern, expression := range map[string]string{
		"contains(name,'r%d_n')": `r.*d.n`, "startswith(name,'[a-cx]_')": `^[a-cx].`, "endswith(name,'[^a-z]')": `[^a-z]$`,
		"contains(name,'_[.]_')": `.\..`, "startswith(name,'b%.')": `^b.*\.`,
	} {
		e := regexp.MustCompile("(?i)" + expression)
		conditions[pattern] = func(r map[string]any) bool { return e.MatchString(r["name"].(string)) }
	}
	random := rand.New(rand.NewPCG(1, 2))
	for condition, keep := range conditions {
		var want []any
		for _, r := range all {
			if keep(r) {
				want = append(want, r["accountid"])
			}
		}
		if len(want) == 0 || len(want) == len(all) {
			t.Errorf("%s: chooses %d rows and so proves nothing", condition, len(want))
		}
		size := 1 + random.IntN(90)
		rows, pages := s.walk(t, "accounts?$select=name&$filter="+url.PathEscape(condition), "Prefer", fmt.Sprintf("odata.maxpagesize=%d", size))
		var got []any
		for _, r := range rows {
			got = append(got, r["accountid"])
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s by %d: %s", condition, size, d)
		}
		if n := (len(want) + size - 1) / size; pages != n {
			t.Errorf("%s by %d: %d pages, want %d", condition, size, pages, n)
		}
		if n, err := s.CountWhere("account", condition); err != nil || n != len(want) {
			t.Errorf("%s: CountWhere %d, %v", condition, n, err)
		}
	}
}

func number(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}

func TestWalkOrdered(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Seed: 4, Accounts: 400})
	rows, pages := s.walk(t, "accounts?$select=industrycode,name&$orderby=industrycode desc,name", "Prefer", "odata.maxpagesize=37")
	if len(rows) != 400 || pages != 11 {
		t.Fatalf("%d rows on %d pages", len(rows), pages)
	}
	seen := map[any]bool{}
	for i, r := range rows {
		if seen[r["accountid"]] {
			t.Errorf("row %v twice", r)
		}
		seen[r["accountid"]] = true
		if i == 0 {
			continue
		}
		before := rows[i-1]
		a, okA := number(before["industrycode"])
		b, okB := number(r["industrycode"])
		if okB && !okA || okA && okB && a < b {
			t.Errorf("%v before %v", before, r)
		}
	}
}

func TestOrderByLookup(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 100})
	const owner = "_ownerid_value@OData.Community.Display.V1.FormattedValue"
	rows, _ := s.walk(t, "accounts?$select=_ownerid_value&$orderby=_ownerid_value", "Prefer", `odata.maxpagesize=9,odata.include-annotations="*"`)
	if len(rows) != 100 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, r := range rows[1:] {
		if strings.ToLower(rows[i][owner].(string)) > strings.ToLower(r[owner].(string)) {
			t.Errorf("%v before %v", rows[i][owner], r[owner])
		}
	}
}

// TestLinkSurvives goes on from a link with another sandbox of the same data.
func TestLinkSurvives(t *testing.T) {
	t.Parallel()
	cfg := sandbox.Config{Seed: 9, Accounts: 20}
	one, two := start(t, cfg), start(t, cfg)
	link := one.decode(t, "accounts?$select=name", "Prefer", "odata.maxpagesize=8")["@odata.nextLink"].(string)
	_, rest, _ := strings.Cut(link, "/api/data/v9.2/")
	a := one.values(t, rest, "Prefer", "odata.maxpagesize=8")
	b := two.values(t, rest, "Prefer", "odata.maxpagesize=8")
	if d := cmp.Diff(a, b); d != "" || len(a) != 8 {
		t.Errorf("%d rows: %s", len(a), d)
	}
	if old := one.decode(t, one.url+"/api/data/v9.0/accounts?$select=name", "Prefer", "odata.maxpagesize=8")["@odata.nextLink"].(string); !strings.Contains(old, "/api/data/v9.0/") {
		t.Errorf("link %s does not repeat the version", old)
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 5100})
	page := s.decode(t, "accounts?$select=accountid&$count=true", "Prefer", `odata.maxpagesize=1,odata.include-annotations="*"`)
	if page["@odata.count"] != json.Number("5000") || page["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] != true {
		t.Errorf("page %v", page)
	}
	if got := s.get(t, "accounts/$count"); got != "\ufeff5000" {
		t.Errorf("count %q", got)
	}
	want, err := s.CountWhere("account", "statecode eq 1")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.get(t, "accounts/$count?$filter=statecode eq 1"); got != fmt.Sprintf("\ufeff%d", want) {
		t.Errorf("count %q, want %d", got, want)
	}
	if n := len(s.values(t, "accounts?$select=accountid")); n != 5000 {
		t.Errorf("default page of %d", n)
	}
	if page := s.decode(t, "accounts?$select=accountid&$top=7"); len(page["value"].([]any)) != 7 || page["@odata.nextLink"] != nil {
		t.Errorf("top: %v", page)
	}
	if s.Count("account") != 5100 || s.Count("nope") != 0 {
		t.Errorf("Count %d", s.Count("account"))
	}
}

func TestOneRow(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 5})
	want := s.values(t, "accounts?$select=name,revenue")[3]
	path := "accounts(" + strings.ToUpper(want["accountid"].(string)) + ")?$select=name,revenue"
	got := s.decode(t, path)
	if d := cmp.Diff("https://org.crm.dynamics.com/api/data/v9.2/$metadata#accounts(name,revenue)/$entity", got["@odata.context"]); d != "" {
		t.Error(d)
	}
	delete(got, "@odata.context")
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	etag := s.do(t, path).Header.Get("ETag")
	if etag != want["@odata.etag"] {
		t.Errorf("etag %s", etag)
	}
	if a := s.do(t, path, "If-None-Match", etag); a.StatusCode != http.StatusNotModified {
		t.Errorf("unchanged: %s", a.Status)
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 2000})
	plain := s.get(t, "accounts?$select=name,description", "Accept-Encoding", "identity")
	a := s.do(t, "accounts?$select=name,description", "Accept-Encoding", "gzip")
	if a.Header.Get("Content-Encoding") != "gzip" {
		t.Fatal("not compressed")
	}
	z, err := gzip.NewReader(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.ReplaceAll(b, []byte(s.url), []byte("https://org.crm.dynamics.com")), []byte(plain)) {
		t.Error("compressed and plain bodies differ")
	}
}

func TestPrefer(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 5})
	const formatted, logical = "_ownerid_value@OData.Community.Display.V1.FormattedValue", "_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"
	for prefer, want := range map[string][]bool{
		"":                              {false, false},
		`odata.include-annotations="*"`: {true, true},
		`odata.include-annotations=*`:   {true, true},
		`odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"`:                           {false, true},
		`odata.include-annotations="OData.Community.Display.V1.FormattedValue,Microsoft.Dynamics.CRM.*"`: {true, true},
		`odata.include-annotations="*,-OData.Community.Display.V1.FormattedValue"`:                       {false, true},
		`respond-async, odata.include-annotations="OData.*" , odata.maxpagesize=3`:                       {true, false},
	} {
		row := s.values(t, "accounts?$select=_ownerid_value", "Prefer", prefer)[0]
		_, f := row[formatted]
		_, l := row[logical]
		if d := cmp.Diff(want, []bool{f, l}); d != "" {
			t.Errorf("%s: %s", prefer, d)
		}
	}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Accounts: 60, Contacts: 60})
	contacts := map[any]map[string]any{}
	for _, c := range s.values(t, "contacts?$select=fullname") {
		contacts[c["contactid"]] = c
	}
	page := s.decode(t, "accounts?$select=_primarycontactid_value&$expand=primarycontactid($select=fullname)")
	if d := cmp.Diff("https://org.crm.dynamics.com/api/data/v9.2/$metadata#accounts(_primarycontactid_value,primarycontactid(fullname))", page["@odata.context"]); d != "" {
		t.Error(d)
	}
	filled := 0
	for _, v := range page["value"].([]any) {
		row := v.(map[string]any)
		want, _ := contacts[row["_primarycontactid_value"]]
		got, _ := row["primarycontactid"].(map[string]any)
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if got != nil {
			filled++
		}
	}
	if filled == 0 {
		t.Error("no account has a contact")
	}
}

func TestContainValues(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Contacts: 300})
	total := 0
	for _, c := range s.values(t, "contacts?$select=cra05_favouritedaysofweek") {
		chosen, _ := c["cra05_favouritedaysofweek"].(string)
		if slices.ContainsFunc(strings.Split(chosen, ","), func(o string) bool { return o == "4" || o == "6" }) {
			total++
		}
	}
	for function, want := range map[string]int{"ContainValues": total, "DoesNotContainValues": 300 - total} {
		got := len(s.values(t, "contacts?$select=contactid&$filter=Microsoft.Dynamics.CRM."+function+"(PropertyName='cra05_favouritedaysofweek',PropertyValues=[\"4\",\"6\"])"))
		if got != want || got == 0 {
			t.Errorf("%s chooses %d contacts, want %d", function, got, want)
		}
	}
}
