package oauth

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/crosswalk-data/crosswalk"
)

// cloud is one of Microsoft's clouds: accounts, app registrations and
// environments of one do not exist in another.
type cloud string

const (
	commercial cloud = "the commercial cloud" // GCC too
	government cloud = "the cloud of the US government"
	china      cloud = "the cloud of China (21Vianet)"
	sovereign  cloud = "a sovereign cloud" // Dataverse's names there are not published yet
)

// The sign-in servers of Microsoft's clouds. Source: Microsoft's list of
// national clouds and the hosts its own client libraries trust.
var authorities = map[string]cloud{
	"login.microsoftonline.com":        commercial,
	"login.microsoftonline.us":         government,
	"login.partner.microsoftonline.cn": china,
	"login.chinacloudapi.cn":           china,
	"login.sovcloud-identity.fr":       sovereign,
	"login.sovcloud-identity.de":       sovereign,
	"login.sovcloud-identity.sg":       sovereign,
}

// The domains of environments in each cloud. Source: Microsoft's list of data
// center regions.
var environments = []struct {
	domain string
	cloud  cloud
}{
	{".dynamics.com", commercial},
	{".microsoftdynamics.us", government},
	{".appsplatform.us", government},
	{".dynamics.cn", china},
}

// CanonicalAuthority returns the current name of a sign-in server known by an older
// one, and any other authority as it is.
func CanonicalAuthority(authority string) string {
	if strings.EqualFold(authority, "https://login.windows.net") {
		return "https://login.microsoftonline.com"
	}
	return authority
}

// CheckAuthority refuses, with an Error of CodeInvalid, a sign-in server that is not
// Microsoft's or belongs to a national cloud other than the environment's. The
// address of the server comes from the environment's own answer; without this check,
// a fake environment could collect client secrets. A sandbox on this machine may
// name a server on this machine.
func CheckAuthority(authority, resource string) error {
	u, err := url.Parse(authority)
	r, err2 := url.Parse(resource)
	if err == nil && err2 == nil {
		server, known := authorities[strings.ToLower(u.Host)]
		switch {
		case u.Scheme == "https" && u.Port() == "" && u.User == nil && known:
			return sameCloud(server, u, r)
		case (u.Scheme == "http" || u.Scheme == "https") && crosswalk.IsLoopback(u.Hostname()) && crosswalk.IsLoopback(r.Hostname()):
			return nil
		}
	}
	return crosswalk.Errorf(crosswalk.CodeInvalid, "The environment names %q as its sign-in server, which is not one of Microsoft's.", authority).
		WithHint("Check the address of the environment. Crosswalk sends secrets to Microsoft's own sign-in servers only.")
}

// sameCloud refuses what Microsoft would refuse as AADSTS90038 or 900432.
func sameCloud(server cloud, authority, resource *url.URL) error {
	host := strings.ToLower(resource.Hostname())
	for _, e := range environments {
		if !strings.HasSuffix(host, e.domain) || e.cloud == server || server == sovereign {
			continue
		}
		return crosswalk.Errorf(crosswalk.CodeInvalid, "%s belongs to %s, but the sign-in server %s to %s.", host, e.cloud, authority.Host, server).
			WithHint("Check the address of the environment. The app must be registered in the environment's own cloud.")
	}
	return nil
}

var tenantID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
