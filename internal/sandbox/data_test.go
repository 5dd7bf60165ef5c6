package sandbox_test

import (
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk/internal/sandbox"
)

var small = sandbox.Config{Seed: 7, Users: 120, Accounts: 900, Contacts: 500, Opportunities: 100, Incidents: 100}

func TestSameSeedSameData(t *testing.T) {
	t.Parallel()
	cfg := sandbox.Config{Seed: 11, Users: 20, Accounts: 40, Contacts: 40}
	a, b := start(t, cfg), start(t, cfg)
	cfg.Seed = 12
	other := start(t, cfg)
	for _, path := range []string{"systemusers", "accounts", "contacts"} {
		if d := cmp.Diff(a.values(t, path), b.values(t, path)); d != "" {
			t.Errorf("%s: %s", path, d)
		}
		if a.values(t, path)[0][path[:len(path)-1]+"id"] == other.values(t, path)[0][path[:len(path)-1]+"id"] {
			t.Errorf("%s: the seed does not matter", path)
		}
	}
	if a.TenantID() != b.TenantID() || a.OrganizationID() == other.OrganizationID() {
		t.Error("ids of tenant and organization do not follow the seed")
	}
	// More rows leave those before as they were, but for what they point to.
	cfg.Seed, cfg.Accounts = 11, 60
	more := start(t, cfg)
	if d := cmp.Diff(a.values(t, "accounts?$select=name,revenue"), more.values(t, "accounts?$select=name,revenue")[:40]); d != "" {
		t.Error(d)
	}
}

// TestFitsMetadata holds every value of every column against what the
// metadata says of it.
func TestFitsMetadata(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	guid := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	decimals := map[string]*regexp.Regexp{
		"MoneyType":   regexp.MustCompile(`^-?\d+\.(\d{4}|\d{10})$`),
		"DecimalType": regexp.MustCompile(`^\d+\.(\d{2}|\d{12})$`),
		"IntegerType": regexp.MustCompile(`^-?\d{1,10}$`),
		"BigIntType":  regexp.MustCompile(`^\d{1,19}$`),
	}
	moment := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
	day := regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	for _, e := range s.values(t, "EntityDefinitions?$select=LogicalName,EntitySetName,IsActivity") {
		entity := e["LogicalName"].(string)
		attributes := map[string]map[string]any{"ownerid": {"AttributeTypeName": map[string]any{"Value": "UniqueidentifierType"}}}
		described := s.values(t, "EntityDefinitions(LogicalName='"+entity+"')/Attributes?$filter=IsValidForRead eq true")
		if e["IsActivity"] == true { // with what the type inherits though the table's metadata do not tell
			described = append(s.values(t, "EntityDefinitions(LogicalName='activitypointer')/Attributes?$filter=IsValidForRead eq true"), described...)
		}
		for _, a := range described {
			if e["IsActivity"] != true && a["IsValidODataAttribute"] != true {
				continue // only activities show columns that their type does not declare
			}
			attributes[a["LogicalName"].(string)] = a
		}
		rows := s.values(t, e["EntitySetName"].(string), "Prefer", `odata.include-annotations="*"`)
		if len(rows) != s.Count(entity) {
			t.Errorf("%s: %d rows, want %d", entity, len(rows), s.Count(entity))
		}
		filled := map[string]bool{}
		for _, row := range rows {
			for member, v := range row {
				name := strings.TrimSuffix(strings.TrimPrefix(member, "_"), "_value")
				a := attributes[name]
				if a == nil && !strings.Contains(member, "@") {
					t.Fatalf("%s.%s is no attribute", entity, member)
				}
				if v == nil || a == nil {
					continue
				}
				kind := a["AttributeTypeName"].(map[string]any)["Value"].(string)
				filled[kind] = true
				ok := true
				switch kind {
				case "StringType", "MemoType":
					text := v.(string)
					limit, _ := number(a["MaxLength"])
					ok = utf8.ValidString(text) && len(utf16.Encode([]rune(text))) <= int(limit)
				case "MoneyType", "DecimalType", "IntegerType", "BigIntType":
					ok = decimals[kind].MatchString(fmt.Sprint(v))
				case "DateTimeType":
					ok = moment.MatchString(v.(string))
					if a["DateTimeBehavior"].(map[string]any)["Value"] == "DateOnly" {
						ok = day.MatchString(v.(string))
					}
				case "LookupType", "OwnerType", "CustomerType":
					target, _ := row[member+"@Microsoft.Dynamics.CRM.lookuplogicalname"].(string)
					ok = guid.MatchString(v.(string)) && (strings.Contains(fmt.Sprint(a["Targets"]), target) && target != "")
				case "UniqueidentifierType":
					ok = guid.MatchString(v.(string))
				case "PicklistType", "StateType", "StatusType":
					// activitypointer shows reasons that only the activity itself can name.
					ok = entity == "activitypointer" || row[member+"@OData.Community.Display.V1.FormattedValue"] != nil
				}
				if !ok {
					t.Fatalf("%s.%s (%s) holds %.200v", entity, member, kind, v)
				}
			}
		}
		if entity == "contact" {
			for _, kind := range []string{"StringType", "MemoType", "MoneyType", "DecimalType", "IntegerType", "BigIntType", "DoubleType", "BooleanType", "DateTimeType", "LookupType", "CustomerType", "OwnerType", "PicklistType", "MultiSelectPicklistType", "StateType", "StatusType", "UniqueidentifierType"} {
				if !filled[kind] {
					t.Errorf("contact has no value of %s", kind)
				}
			}
		}
	}
}

// TestLookupsResolve follows lookups to rows that exist.
func TestLookupsResolve(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	for _, row := range s.values(t, "accounts?$top=30", "Prefer", `odata.include-annotations="*"`) {
		for member, v := range row {
			target, ok := row[member+"@Microsoft.Dynamics.CRM.lookuplogicalname"].(string)
			if !ok {
				continue
			}
			e := s.decode(t, "EntityDefinitions(LogicalName='"+target+"')?$select=EntitySetName,PrimaryNameAttribute")
			found := s.decode(t, e["EntitySetName"].(string)+"("+v.(string)+")")
			if d := cmp.Diff(found[e["PrimaryNameAttribute"].(string)], row[member+"@OData.Community.Display.V1.FormattedValue"]); d != "" {
				t.Errorf("%s: %s", member, d)
			}
		}
	}
}

// TestMapsCleanly holds the default data against what the User and Company
// objects demand.
func TestMapsCleanly(t *testing.T) {
	t.Parallel()
	s := start(t, small)
	users := s.values(t, "systemusers?$select=systemuserid,firstname,lastname,fullname,internalemailaddress,domainname,title,isdisabled,accessmode,applicationid&$filter=applicationid eq null and accessmode ne 3")
	if n := len(users); n < 90 || n >= 120 {
		t.Errorf("%d ordinary users of 120", n)
	}
	disabled, seen := 0, map[any]bool{}
	for _, u := range users {
		email := u["internalemailaddress"].(string)
		if a, err := mail.ParseAddress(email); err != nil || a.Address != email {
			t.Errorf("e-mail %q: %v", email, err)
		}
		if seen[u["domainname"]] {
			t.Errorf("user name %v twice", u["domainname"])
		}
		seen[u["domainname"]] = true
		if u["isdisabled"] == true {
			disabled++
		}
		if u["fullname"] == nil || u["lastname"] == nil {
			t.Errorf("user without a name: %v", u)
		}
	}
	if disabled == 0 {
		t.Error("no user is disabled")
	}
	var emoji, rtl, crlf, quote, long, big, spoiled int
	for _, a := range s.values(t, "accounts?$select=name,websiteurl,telephone1,description,versionnumber,accountnumber") {
		name, ok := a["name"].(string)
		if !ok || name == "" {
			t.Fatalf("account without a name: %v", a)
		}
		if w, ok := a["websiteurl"].(string); ok {
			u, err := url.Parse(w)
			if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
				t.Errorf("website %q: %v", w, err)
			}
		}
		text := name + fmt.Sprint(a["description"])
		for sign, n := range map[string]*int{"🚀": &emoji, "ח": &rtl, "\r\n": &crlf, `"`: &quote} {
			if strings.Contains(text, sign) {
				*n++
			}
		}
		if len(text) > 1990 {
			long++
		}
		if v, _ := number(a["versionnumber"]); v > 1<<53 {
			big++
		}
	}
	for what, n := range map[string]int{"emoji": emoji, "right to left": rtl, "line breaks": crlf, "quotes": quote, "long texts": long, "large integers": big} {
		if n == 0 {
			t.Errorf("no %s among the accounts", what)
		}
	}
	cfg := small
	cfg.Awkward = true
	awkward := start(t, cfg)
	for _, a := range awkward.values(t, "accounts?$select=name,websiteurl") {
		if w, _ := a["websiteurl"].(string); a["name"] == nil || w == "see the business card" {
			spoiled++
		}
	}
	for _, u := range awkward.values(t, "systemusers?$select=internalemailaddress,domainname") {
		if len(u["domainname"].(string)) > 300 {
			spoiled++
		}
		if e, _ := u["internalemailaddress"].(string); e != "" && !strings.Contains(e, "@") {
			spoiled++
		}
	}
	if spoiled < 40 {
		t.Errorf("only %d rows are spoiled", spoiled)
	}
}

func TestTooManyRows(t *testing.T) {
	t.Parallel()
	if _, err := sandbox.New(sandbox.Config{Accounts: 2 << 30}); err == nil {
		t.Error("two milliard accounts were accepted")
	}
	s, err := sandbox.New(sandbox.Config{Users: -1, Accounts: -1, Contacts: 10_000_000})
	if err != nil {
		t.Fatal(err)
	}
	if s.Count("systemuser") != 1 || s.Count("account") != 0 || s.Count("contact") != 10_000_000 {
		t.Errorf("counts %d, %d, %d", s.Count("systemuser"), s.Count("account"), s.Count("contact"))
	}
}
