package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// permission is one line of the consent page.
type permission struct {
	Name  string // the scope
	Title string
	Text  string
}

// scopes is what a client asked for: at most one resource and the scopes of
// OpenID Connect.
type scopes struct {
	Resource string   `json:"resource"` // address of the environment as asked for, without a slash at the end; empty if none was
	Access   bool     `json:"access"`   // user_impersonation
	OpenID   []string `json:"openid"`   // openid, profile, email, offline_access: those asked for
}

func (s scopes) has(name string) bool { return slices.Contains(s.OpenID, name) }

// granted is the scope of a token answer: what belongs to the resource,
// without the scopes of OpenID Connect.
func (s scopes) granted() string {
	if s.Resource == "" {
		return strings.Join(s.OpenID, " ")
	}
	return s.Resource + "/user_impersonation"
}

// names lists the scopes to consent to.
func (s scopes) names() []string {
	names := slices.Clone(s.OpenID)
	if s.Access {
		names = append(names, "user_impersonation")
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// isOpenID reports whether a scope is one of OpenID Connect.
func isOpenID(scope string) bool {
	switch scope {
	case "openid", "profile", "email", "offline_access":
		return true
	}
	return false
}

// parseScopes reads a scope parameter. The environment is meant by one of
// bases, with or without a slash at the end; asking for .default asks for
// what the app is registered for, which is user_impersonation.
func parseScopes(scope string, bases []string) (scopes, *refusal) {
	var s scopes
	for _, one := range strings.Fields(scope) {
		if isOpenID(one) {
			if !s.has(one) {
				s.OpenID = append(s.OpenID, one)
			}
			continue
		}
		resource, name, ok := cutLast(one, "/")
		if !ok || !strings.Contains(resource, "://") {
			return s, refuse(70011, one)
		}
		resource = strings.TrimSuffix(resource, "/")
		if !isDiscovery(resource) && !slices.ContainsFunc(bases, func(b string) bool { return strings.EqualFold(b, resource) }) {
			return s, refuse(500011, resource)
		}
		if s.Resource != "" && !strings.EqualFold(s.Resource, resource) {
			return s, refuse(28003, scope)
		}
		if name != "user_impersonation" && name != ".default" {
			return s, refuse(650053, name)
		}
		s.Resource, s.Access = strings.ToLower(resource), true
	}
	if s.Resource == "" && len(s.OpenID) == 0 {
		return s, refuse(900144, "scope")
	}
	return s, nil
}

// permissions words the scopes for the consent page.
func (s scopes) permissions() []permission {
	var list []permission
	if s.Access {
		list = append(list, permission{"user_impersonation", "Use Dynamics 365 as you", "Read and change what you can see and change in " + organizationName + "."})
	}
	if s.has("offline_access") {
		list = append(list, permission{"offline_access", "Keep this access", "Go on while you are not signed in, until you or an administrator take it back."})
	}
	if s.has("openid") || s.has("profile") || s.has("email") {
		list = append(list, permission{"openid profile", "See who you are", "Your name and sign-in name, nothing else."})
	}
	return list
}

// consentKey names what an account has allowed an app.
func consentKey(p person, clientID string) string {
	return p.ObjectID + " " + strings.ToLower(clientID)
}

// admin reports whether the account may consent for the tenant.
func (in *signIn) admin(p person) bool {
	return len(in.people) > 0 && in.people[0].ObjectID == p.ObjectID
}

// consented reports whether the account, or an administrator for everybody,
// has accepted all these scopes before.
func (in *signIn) consented(p person, clientID string, s scopes) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.tenantConsents[strings.ToLower(clientID)] {
		return true
	}
	given := in.consents[consentKey(p, clientID)]
	for _, name := range s.names() {
		if !slices.Contains(given, name) {
			return false
		}
	}
	return true
}

// consent remembers that the account accepted them.
func (in *signIn) consent(p person, clientID string, s scopes) {
	in.mu.Lock()
	defer in.mu.Unlock()
	key := consentKey(p, clientID)
	in.consents[key] = append(in.consents[key], s.names()...)
	delete(in.withdrawn, key)
}

// tenantConsented reports whether an administrator has consented.
func (in *signIn) tenantConsented(clientID string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.tenantConsents[strings.ToLower(clientID)]
}

// consentForTenant remembers that an administrator accepted an app for
// everybody.
func (in *signIn) consentForTenant(clientID string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.tenantConsents[strings.ToLower(clientID)] = true
	for _, p := range in.people {
		delete(in.withdrawn, consentKey(p, clientID))
	}
}

// GrantAdminConsent does what an administrator does on the admin consent page:
// it allows the app for everybody.
func (s *Sandbox) GrantAdminConsent(clientID string) error {
	a, ok := s.signIn.app(clientID)
	if !ok {
		return fmt.Errorf("%w: %s", errNoApp, clientID)
	}
	s.signIn.consentForTenant(a.ClientID)
	return nil
}
