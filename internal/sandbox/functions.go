package sandbox

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

func (c *call) serviceDocument() error {
	out := c.begin()
	var sets []any
	for _, e := range c.data.catalog.entities {
		sets = append(sets, object{{"name", e.set}, {"kind", "EntitySet"}, {"url", e.set}})
	}
	out.buf = appendJSON(out.buf, object{{"@odata.context", c.root + "/$metadata"}, {"value", sets}})
	return out.close()
}

func (c *call) whoAmI() error {
	_, unit := c.identity()
	return c.answer("Microsoft.Dynamics.CRM.WhoAmIResponse", object{
		{"BusinessUnitId", unit},
		{"UserId", c.who.UserID},
		{"OrganizationId", c.s.org},
	})
}

func (c *call) retrieveVersion() error {
	return c.answer("Microsoft.Dynamics.CRM.RetrieveVersionResponse", object{{"Version", serverVersion}})
}

func (c *call) currentOrganization() error {
	base := c.s.baseURL(c.r)
	return c.answer("Microsoft.Dynamics.CRM.RetrieveCurrentOrganizationResponse", object{{"Detail", object{
		{"OrganizationId", c.s.org},
		{"FriendlyName", organizationName},
		{"OrganizationVersion", serverVersion},
		{"EnvironmentId", randomGUID(c.s.cfg.Seed, "environment").String()},
		{"DatacenterId", randomGUID(c.s.cfg.Seed, "datacenter").String()},
		{"Geo", "NA"},
		{"TenantId", c.s.TenantID()},
		{"UrlName", uniqueName},
		{"UniqueName", uniqueName},
		// A map of .NET: two lists side by side.
		{"Endpoints", object{
			{"Count", 3},
			{"IsReadOnly", false},
			{"Keys", []any{"WebApplication", "OrganizationService", "OrganizationDataService"}},
			{"Values", []any{base + "/", base + "/XRMServices/2011/Organization.svc", base + "/XRMServices/2011/OrganizationData.svc"}},
		}},
		{"State", "Enabled"},
	}}})
}

// rowCounts is what RetrieveTotalRecordCount knows: the numbers of rows at
// some moment within the last day.
type rowCounts struct {
	at    time.Time
	table map[string]int
}

// counts returns the numbers of rows that are known, counted again after a
// day, and when the clock was set back to before they were counted.
func (s *Sandbox) counts() map[string]int {
	now := s.now()
	known := s.counted.Load()
	if known == nil || now.Before(known.at) || now.Sub(known.at) >= 24*time.Hour {
		known = &rowCounts{now, map[string]int{}}
		for name, t := range s.snapshot().tables {
			known.table[name] = t.count()
		}
		s.counted.Store(known)
	}
	return known.table
}

// totalRecordCount answers with the number of rows of tables, as counted
// within the last day.
func (c *call) totalRecordCount() error {
	arg, ok := strings.CutPrefix(c.path[0].args, "EntityNames=")
	if !ok {
		return badRequest("The parameter 'EntityNames' of the function 'RetrieveTotalRecordCount' is missing.")
	}
	if strings.HasPrefix(arg, "@") {
		arg = c.query.Aliases[arg]
	}
	var names []string
	if err := json.Unmarshal([]byte(arg), &names); err != nil {
		return badRequest("The value of the parameter 'EntityNames' is not a collection of strings.")
	}
	keys, values := []any{}, []any{}
	for _, name := range names {
		t := c.data.table(name)
		if t == nil {
			return noEntity(name, http.StatusBadRequest)
		}
		if t.virtual() {
			return &fault{http.StatusBadRequest, codeInvalidArgument, "RetrieveTotalRecordCount is not supported for the virtual entity '" + name + "'."}
		}
		keys = append(keys, name)
		values = append(values, c.s.counts()[name])
	}
	return c.answer("Microsoft.Dynamics.CRM.RetrieveTotalRecordCountResponse", object{{"EntityRecordCountCollection", object{
		{"Count", len(keys)}, {"IsReadOnly", false}, {"Keys", keys}, {"Values", values},
	}}})
}

func noEntity(name string, status int) *fault {
	return &fault{status, codeEntityNotFound, "The entity with a name = '" + name + "' with namemapping = 'Logical' was not found in the MetadataCache."}
}

// organizations answers with the one row of the organization itself.
func (c *call) organizations() error {
	row := object{
		{"@odata.etag", `W/"` + strconv.Itoa(1_000_000) + `"`},
		{"organizationid", c.s.org},
		{"name", organizationName},
		{"languagecode", 1033},
		{"localeid", 1033},
		{"isauditenabled", false},
		{"plugintracelogsetting", 0},
		{"expirechangetrackingindays", c.s.trackingDays.Load()},
		{"expiresubscriptionsindays", 90},
		{"currencydecimalprecision", 2},
		{"pricingdecimalprecision", 2},
		{"_basecurrencyid_value", c.data.table("transactioncurrency").id(0)},
		{"createdon", "2018-01-01T08:00:00Z"},
		{"orgdborgsettings", nil},
	}
	context := "organizations"
	if names := c.query.Select; names != nil {
		picked := object{row[0]}
		for _, name := range names {
			if !row.has(name) {
				return noProperty(name, "organization")
			}
			picked = append(picked, member{name, row.get(name)})
		}
		if !picked.has("organizationid") {
			picked = append(picked, row[1])
		}
		row = picked
		context += "(" + strings.Join(names, ",") + ")"
	}
	switch {
	case len(c.path) > 1:
		return noSegment(c.path[1].name)
	case !c.path[0].called:
		return c.answer(context, object{{"value", []any{row}}})
	}
	id, ok := parseGUID(c.path[0].args)
	if !ok {
		return badRequest("Bad Request - Error in query syntax.")
	}
	if id != c.s.org {
		return doesNotExist("organization", id)
	}
	return c.answer(context+"/$entity", row)
}

func doesNotExist(entity string, id guid) *fault {
	return &fault{http.StatusNotFound, codeNotFound, entity + " With Id = " + id.String() + " Does Not Exist"}
}
