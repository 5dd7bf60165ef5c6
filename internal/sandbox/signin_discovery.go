package sandbox

import (
	"encoding/json"
	"net/http"
	"strings"
)

// issuer is the iss of id tokens.
func (in *signIn) issuer(r *http.Request) string {
	return in.s.authority(r) + "/" + in.s.TenantID() + "/v2.0"
}

// configuration serves the OpenID Connect discovery document. For
// "organizations" and "common" the issuer is Entra's literal template. What
// is supported is Entra's list, also where the sandbox refuses it.
func (in *signIn) configuration(w http.ResponseWriter, r *http.Request) {
	if !in.knownTenant(r) {
		in.refuseToken(w, r, refuse(90002, r.PathValue("tenant")))
		return
	}
	tenant := r.PathValue("tenant")
	base := in.s.authority(r)
	issuer := in.issuer(r)
	if !strings.EqualFold(tenant, in.s.TenantID()) {
		issuer = base + "/{tenantid}/v2.0"
	}
	writeDocument(w, map[string]any{
		"issuer":                                issuer,
		"authorization_endpoint":                base + "/" + tenant + "/oauth2/v2.0/authorize",
		"token_endpoint":                        base + "/" + tenant + "/oauth2/v2.0/token",
		"jwks_uri":                              base + "/" + tenant + "/discovery/v2.0/keys",
		"end_session_endpoint":                  base + "/" + tenant + "/oauth2/v2.0/logout",
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"claims_supported":                      []string{"sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "ver"},
		"request_uri_parameter_supported":       false,
		"http_logout_supported":                 true,
		"frontchannel_logout_supported":         false,
		"tenant_region_scope":                   "NA",
		"cloud_instance_name":                   hostOf(base),
	})
}

// keys serves the key set.
func (in *signIn) keys(w http.ResponseWriter, r *http.Request) {
	if !in.knownTenant(r) {
		in.refuseToken(w, r, refuse(90002, r.PathValue("tenant")))
		return
	}
	writeDocument(w, map[string]any{"keys": []jwk{signingKeyFor(in.s.cfg.Seed).jwk(in.issuer(r))}})
}

// instance answers with which Microsoft's own client libraries check an
// authority they do not know.
func (in *signIn) instance(w http.ResponseWriter, r *http.Request) {
	base := in.s.authority(r)
	aliases := []string{hostOf(base)}
	if known := signInHosts(hostname(r.Host)); known != nil {
		aliases = known
	}
	cache := aliases[min(1, len(aliases)-1)] // Entra's cache still goes by its former name
	writeDocument(w, map[string]any{
		"tenant_discovery_endpoint": base + "/" + in.s.TenantID() + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []map[string]any{{
			"preferred_network": aliases[0], "preferred_cache": cache, "aliases": aliases,
		}},
	})
}

func writeDocument(w http.ResponseWriter, document any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=86400, private")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	_ = json.NewEncoder(w).Encode(document) // only a gone client can make it fail
}
