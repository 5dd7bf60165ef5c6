package sandbox

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// PublicURL is the address of the environment of a sandbox that serves HTTPS
// and is called by one of Microsoft's host names: clients written by others
// insist on such names. See Config.BaseURL.
const PublicURL = "https://contoso.crm.dynamics.com"

// clouds are the sign-in servers and the domains of the environments behind
// them (Power Platform documentation, "Datacenter regions").
var clouds = []struct {
	signIn  []string // the first is the one environments name
	domains []string
}{
	{[]string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"}, []string{"dynamics.com"}},
	{[]string{"login.microsoftonline.us"}, []string{"crm.microsoftdynamics.us", "crm.appsplatform.us"}},
	{[]string{"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"}, []string{"crm.dynamics.cn"}},
}

// isSignInHost reports whether the name is one of Microsoft's sign-in servers.
func isSignInHost(host string) bool {
	return slices.ContainsFunc(clouds, func(c struct{ signIn, domains []string }) bool {
		return slices.Contains(c.signIn, strings.ToLower(host))
	})
}

// signInHosts returns the names of the sign-in server that the host belongs
// to, itself or the environment's, nil when it is not one of Microsoft's.
func signInHosts(host string) []string {
	host = strings.ToLower(host)
	for _, c := range clouds {
		if slices.Contains(c.signIn, host) ||
			slices.ContainsFunc(c.domains, func(d string) bool { return strings.HasSuffix(host, "."+d) }) {
			return c.signIn
		}
	}
	return nil
}

// hostname returns the name of a host without its port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// called returns the scheme and host under which a request came.
func called(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// baseURL returns the address of the environment without a slash at the end:
// the configured one, in the form of it that the request used
// (contoso.api.crm.dynamics.com is the same environment), and otherwise the
// scheme and host of the request. It is the audience of access tokens and the
// beginning of all links.
func (s *Sandbox) baseURL(r *http.Request) string {
	base := strings.TrimSuffix(s.cfg.BaseURL, "/")
	if base == "" {
		return called(r)
	}
	own := s.names()
	if here := "https://" + strings.ToLower(r.Host); r.TLS != nil && slices.Contains(own, here) {
		return here
	}
	// A proxy in front of the sandbox ends TLS; without one the client sees
	// the name it called, unless that is a name of Microsoft's.
	if r.TLS != nil && signInHosts(hostname(r.Host)) == nil {
		return called(r)
	}
	return base
}

// names returns the addresses of the configured environment: the one given
// and the one with ".api" after its first label.
func (s *Sandbox) names() []string {
	base := strings.ToLower(strings.TrimSuffix(s.cfg.BaseURL, "/"))
	u, err := url.Parse(base)
	if base == "" || err != nil || isSignInHost(u.Hostname()) || signInHosts(u.Hostname()) == nil {
		return nil
	}
	first, rest, _ := strings.Cut(u.Host, ".")
	if after, ok := strings.CutPrefix(rest, "api."); ok {
		return []string{base, u.Scheme + "://" + first + "." + after}
	}
	return []string{base, u.Scheme + "://" + first + ".api." + rest}
}

// authority returns the scheme and host of the sign-in server: Microsoft's
// name for it when the request used a name of Microsoft's, and otherwise the
// environment's own address.
func (s *Sandbox) authority(r *http.Request) string {
	host := hostname(r.Host)
	switch {
	case r.TLS == nil:
		return s.baseURL(r)
	case isSignInHost(host):
		return called(r)
	case signInHosts(host) != nil:
		return "https://" + signInHosts(host)[0]
	}
	return called(r)
}

// bases are the addresses that mean the environment to this request: the
// configured ones and the one the request used, unless that is the sign-in
// server's.
func (s *Sandbox) bases(r *http.Request) []string {
	all := append([]string{s.baseURL(r)}, s.names()...)
	if !isSignInHost(hostname(r.Host)) {
		all = append(all, called(r))
	}
	return all
}
