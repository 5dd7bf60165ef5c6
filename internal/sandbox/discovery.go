package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// discoveryPath is where the global discovery service lists a user's
// environments.
const discoveryPath = "/api/discovery/v2.0/"

// discoveryHosts are the names of the discovery service in the clouds
// (Power Platform documentation, "Discovery service").
var discoveryHosts = []string{
	"globaldisco.crm.dynamics.com", "globaldisco.crm9.dynamics.com", "globaldisco.crm.microsoftdynamics.us", "globaldisco.crm.appsplatform.us",
	"globaldisco.crm.dynamics.cn",
}

// isDiscovery reports whether an address is that of a discovery service.
func isDiscovery(address string) bool {
	host, ok := strings.CutPrefix(strings.ToLower(strings.TrimSuffix(address, "/")), "https://")
	if !ok {
		return false
	}
	return slices.Contains(discoveryHosts, host)
}

// serveDiscovery lists the one environment there is. It needs a token of its
// own where it has a name of its own; apps have no environments.
func (s *Sandbox) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	own := isDiscovery("https://" + hostname(r.Host))
	if own && s.cfg.bearer == "" {
		if claims, ok := s.signIn.verify(r); ok && !isDiscovery(claims.Audience) {
			s.refuse(w, r)
			return
		}
	}
	who, ok := s.admit(w, r)
	if !ok {
		return
	}
	c := &call{s: s, w: w, r: r, who: who, data: s.snapshot(), prefer: parsePrefer(r.Header), root: called(r) + strings.TrimSuffix(discoveryPath, "/")}
	s.headers(w, r)
	if err := c.instances(); err != nil {
		c.fail(err)
	}
}

func (c *call) instances() error {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return &fault{http.StatusMethodNotAllowed, codeOData, "The requested resource does not support http method '" + c.r.Method + "'."}
	}
	var err error
	if c.query, err = parseQuery(c.r.URL.RawQuery); err != nil {
		return err
	}
	name, args, called := strings.Cut(strings.TrimPrefix(c.r.URL.Path, discoveryPath), "(")
	if name != "Instances" {
		return noSegment(name)
	}
	all := []item{}
	if !c.who.App {
		all = append(all, item{base: c.instance()})
	}
	v := &view{typeName: "Instance", query: c.query, cast: "Instance"}
	if !called {
		return c.collection(v, "Instances", all)
	}
	key := c.unquote(strings.TrimPrefix(strings.TrimSuffix(args, ")"), "UniqueName="))
	for _, it := range all {
		if strings.EqualFold(key, it.base.get("Id").(guid).String()) || key == it.base.text("UniqueName") {
			return c.single(v, "Instances", it)
		}
	}
	return &fault{http.StatusNotFound, codeNotFound, "Instance with the key " + strings.TrimSuffix(args, ")") + " does not exist."}
}

// instance describes the environment. Its addresses are those it has under
// the name of the discovery service, or the service's own.
func (c *call) instance() object {
	base := c.s.baseURL(c.r)
	url, api := base, base
	if names := c.s.names(); names != nil {
		url, api = names[0], names[1]
		if strings.Contains(url, ".api.") {
			url, api = api, url
		}
	}
	var parts [4]int
	for i, text := range strings.SplitN(serverVersion, ".", 4) {
		parts[i], _ = strconv.Atoi(text)
	}
	return object{
		{"Id", c.s.org},
		{"UniqueName", uniqueName},
		{"UrlName", uniqueName},
		{"FriendlyName", organizationName},
		{"State", 0},
		{"Version", serverVersion[:strings.LastIndexByte(serverVersion, '.')] + "." + strconv.Itoa(100_000 + parts[3])[1:]},
		{"Url", url},
		{"ApiUrl", api},
		{"LastUpdated", time.Unix(lastChange, 0).UTC().Format(time.RFC3339)},
		{"Region", "NA"},
		{"OrganizationType", 0},
		{"TenantId", c.s.TenantID()},
		{"EnvironmentId", randomGUID(c.s.cfg.Seed, "environment").String()},
		{"DatacenterId", randomGUID(c.s.cfg.Seed, "datacenter").String()},
		{"DatacenterName", "Sandbox"},
		{"IsUserSysAdmin", true},
		{"StatusMessage", 0},
		{"TrialExpirationDate", nil},
		{"Purpose", ""},
		{"SchemaType", "Full"},
	}
}
