package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// refusal is a no of the sign-in server.
type refusal struct {
	number   int
	code     string // OAuth error
	status   int    // of the token endpoint
	suberror string
	text     string
	claims   bool // tells the client which claims to ask for
}

// refusals are those known, by Entra's number. Each %s in a text takes an
// argument. Claims marks those that tell the client what claims to ask for at
// the next sign-in.
var refusals = map[int]refusal{
	16000:   {code: "interaction_required", text: "More than one account could be meant; the user must choose one."},
	28002:   {code: "invalid_scope", text: "The value of the scope '%s' is not valid when requesting an access token."},
	28003:   {code: "invalid_scope", text: "The scope '%s' names more than one resource."},
	50001:   {code: "invalid_resource", text: "The resource principal named %s was not found in the tenant named " + organizationName + "."},
	50011:   {code: "invalid_request", text: "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '%s'."},
	50012:   {code: "invalid_client", text: "Authentication failed; the client assertion could not be verified."},
	50013:   {code: "invalid_grant", text: "Assertion failed signature validation or is not valid. [Reason - %s]"},
	50014:   {code: "invalid_grant", text: "The user's creation in the directory has not been completed."},
	50020:   {code: "invalid_grant", text: "User account '%s' from another identity provider does not exist in this tenant and must be added as an external user first."},
	50027:   {code: "invalid_client", text: "The JWT token is invalid or malformed."},
	50033:   {code: "temporarily_unavailable", text: "A transient failure has occurred. Please try again."},
	50034:   {code: "invalid_grant", text: "The user account does not exist in the directory."},
	50053:   {code: "invalid_grant", text: "The account is locked, you've tried to sign in too many times or from a suspicious address."},
	50055:   {code: "invalid_grant", text: "The password is expired."},
	50057:   {code: "invalid_grant", text: "The user account is disabled."},
	50058:   {code: "login_required", text: "A silent sign-in request was sent but no user is signed in."},
	50059:   {code: "invalid_request", text: "No tenant-identifying information found in either the request or implied by any provided credentials."},
	50072:   {code: "interaction_required", text: "Due to a change of policy you must enroll in multi-factor authentication.", suberror: "basic_action", claims: true},
	50074:   {code: "interaction_required", text: "Strong authentication is required.", suberror: "basic_action", claims: true},
	50076:   {code: "interaction_required", text: "Due to a configuration change made by your administrator you must use multi-factor authentication.", suberror: "basic_action", claims: true},
	50078:   {code: "interaction_required", text: "The presented multi-factor authentication has expired and must be refreshed.", suberror: "basic_action", claims: true},
	50079:   {code: "interaction_required", text: "Due to a configuration change made by your administrator you must enroll in multi-factor authentication.", suberror: "basic_action", claims: true},
	50089:   {code: "invalid_grant", text: "Authentication failed because the flow token has expired."},
	50097:   {code: "interaction_required", text: "Device authentication is required."},
	50105:   {code: "invalid_grant", text: "The signed in user is not assigned to a role for the application."},
	50126:   {code: "invalid_grant", text: "Error validating credentials due to invalid username or password."},
	50128:   {code: "invalid_request", text: "Invalid domain name. No tenant-identifying information found in either the request or implied by any provided credentials."},
	50129:   {code: "interaction_required", text: "The device is not workplace joined. Workplace join is required to register the device."},
	50131:   {code: "interaction_required", text: "Access has been blocked by a condition on the device or the place."},
	50132:   {code: "invalid_grant", text: "The session is not valid because of a recent change of password, or it was revoked."},
	50133:   {code: "invalid_grant", text: "The session is not valid due to the expiration of the password or a recent change of it."},
	50147:   {code: "invalid_request", text: "The size or method of the code challenge is not valid."},
	50158:   {code: "interaction_required", text: "An external security challenge was not satisfied.", claims: true},
	50173:   {code: "invalid_grant", text: "The provided grant has expired due to it being revoked, a fresh auth token is needed."},
	50194:   {code: "invalid_request", text: "The application is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such applications."},
	50196:   {code: "invalid_grant", text: "The server terminated an operation because it encountered a client request loop."},
	51004:   {code: "invalid_grant", text: "The user account does not exist in the directory of the tenant."},
	53000:   {code: "interaction_required", text: "The device is not in the required state of compliance.", suberror: "message_only", claims: true},
	53001:   {code: "interaction_required", text: "The device is not domain joined.", suberror: "message_only", claims: true},
	53002:   {code: "interaction_required", text: "The application used is not an approved app for Conditional Access.", suberror: "message_only", claims: true},
	53003:   {code: "interaction_required", text: "Access has been blocked by Conditional Access policies.", suberror: "message_only", claims: true},
	54005:   {code: "invalid_grant", text: "OAuth2 authorization code was already redeemed, please retry with a new valid code or use an existing refresh token."},
	65001:   {code: "consent_required", text: "The user or administrator has not consented to use the application with ID '%s'.", suberror: "consent_required"},
	65004:   {code: "access_denied", text: "User declined to consent to access the app."},
	65005:   {code: "invalid_resource", text: "The application's required resource access list does not contain applications discoverable by the resource."},
	70001:   {code: "unauthorized_client", text: "The application named %s was not found in the tenant named " + organizationName + "."},
	70002:   {code: "invalid_client", text: "Error validating credentials."},
	70003:   {code: "unsupported_grant_type", text: "The grant type '%s' is not supported."},
	70007:   {code: "unsupported_response_mode", text: "'%s' is not a supported value of 'response_mode' for this request."},
	70008:   {code: "invalid_grant", text: "The provided authorization code or refresh token has expired due to inactivity."},
	70011:   {code: "invalid_scope", text: "The provided value for the scope '%s' is not valid."},
	70043:   {code: "invalid_grant", text: "The refresh token has expired or is invalid due to sign-in frequency checks by Conditional Access."},
	90002:   {code: "invalid_request", text: "Tenant '%s' not found. Check that the tenant id is right."},
	90006:   {code: "temporarily_unavailable", text: "The service is temporarily unavailable."},
	90012:   {code: "temporarily_unavailable", text: "The request timed out."},
	90013:   {code: "invalid_request", text: "Invalid input received from the user."},
	90014:   {code: "invalid_request", text: "The required field '%s' is missing from the credential."},
	90019:   {code: "invalid_request", text: "No tenant-identifying information found in either the request or implied by any provided credentials."},
	90023:   {code: "invalid_request", text: "'%s' is not a supported value of 'prompt'."},
	90024:   {code: "temporarily_unavailable", text: "The request budget was exceeded; a transient error."},
	90033:   {code: "temporarily_unavailable", text: "A transient error has occurred. Please try again."},
	90038:   {code: "invalid_request", text: "The tenant belongs to another national cloud."},
	90055:   {code: "temporarily_unavailable", text: "Too many requests."},
	90090:   {code: "temporarily_unavailable", text: "A service that is needed failed; try again."},
	90094:   {code: "access_denied", text: "The grant requires administrator permission.", suberror: "admin_consent_required"},
	90095:   {code: "access_denied", text: "Administrator consent is required; a request can be sent to the administrator."},
	500011:  {code: "invalid_resource", text: "The resource principal named %s was not found in the tenant named " + organizationName + "."},
	500112:  {code: "invalid_client", text: "The reply address '%s' does not match the reply address provided when requesting the authorization code."},
	500133:  {code: "invalid_grant", text: "Assertion is not within its valid time range."},
	501481:  {code: "invalid_grant", text: "The Code_Verifier does not match the code_challenge supplied in the authorization request."},
	530035:  {code: "interaction_required", text: "Access has been blocked by security defaults."},
	650052:  {code: "invalid_client", text: "The app needs access to a service that the organization has not subscribed to or enabled."},
	650053:  {code: "invalid_client", text: "The application asked for the scope '%s' that does not exist on the resource."},
	650056:  {code: "invalid_client", text: "Misconfigured application."},
	650057:  {code: "invalid_resource", text: "The client has requested access to a resource which is not listed in the requested permissions of the application's registration."},
	700005:  {code: "invalid_grant", text: "The authorization code was issued for another tenant."},
	700016:  {code: "unauthorized_client", text: "Application with identifier '%s' was not found in the directory '" + organizationName + "'."},
	700021:  {code: "invalid_client", text: "Client assertion application identifier doesn't match the 'client_id' parameter."},
	700023:  {code: "invalid_client", text: "Client assertion audience claim does not match the issuer of the realm."},
	700024:  {code: "invalid_client", text: "Client assertion is not within its valid time range."},
	700025:  {code: "invalid_client", text: "The client is public, so neither 'client_assertion' nor 'client_secret' should be presented."},
	700027:  {code: "invalid_client", text: "The certificate with which the client assertion is signed is not registered with the application, or the signature is wrong. [Reason - %s]"},
	700054:  {code: "unsupported_response_type", text: "response_type '%s' is not enabled for the application."},
	700082:  {code: "invalid_grant", text: "The refresh token has expired due to inactivity.", suberror: "bad_token"},
	700084:  {code: "invalid_grant", text: "The refresh token was issued to a single page app and has a fixed, limited lifetime."},
	900023:  {code: "invalid_request", text: "The tenant identifier '%s' is neither a valid DNS name nor a valid external domain."},
	900144:  {code: "invalid_request", text: "The request must contain the following parameter: '%s'."},
	900432:  {code: "invalid_request", text: "Confidential clients are not supported in requests across clouds."},
	900561:  {code: "invalid_request", text: "The endpoint only accepts POST requests. Received a %s request."},
	900941:  {code: "access_denied", text: "Administrator consent is required; the app is considered risky."},
	1002012: {code: "invalid_scope", text: "The provided value for the scope '%s' is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."},
	5002738: {code: "invalid_client", text: "The algorithm '%s' of the client assertion is not supported."},
	7000112: {code: "unauthorized_client", text: "The application '%s' is disabled."},
	7000215: {code: "invalid_client", text: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID."},
	7000218: {code: "invalid_client", text: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."},
	7000222: {code: "invalid_client", text: "The provided client secret keys are expired."},
	9002313: {code: "invalid_grant", text: "Invalid request. Request is malformed or invalid."},
}

// policy are the claims that a refusal by policy tells the client to ask for.
const policy = `{"access_token":{"capolids":{"essential":true,"values":["4f1a3b60-7f52-4d3c-9a0e-3a1c7f2b8d11"]}}}`

// refuse makes the refusal with that number. Unknown numbers are
// invalid_request.
func refuse(number int, argument ...any) *refusal {
	f, ok := refusals[number]
	if !ok {
		f = refusal{code: "invalid_request", text: "The request was refused."}
	}
	f.number = number
	if n := strings.Count(f.text, "%s"); n > 0 {
		for len(argument) < n { // a refusal on command knows no arguments
			argument = append(argument, "")
		}
		f.text = fmt.Sprintf(f.text, argument...)
	}
	f.status = http.StatusBadRequest
	if f.code == "invalid_client" {
		f.status = http.StatusUnauthorized
	}
	return &f
}

// trace are the ids by which a refusal can be found again.
type trace struct{ id, correlation, time string }

func (in *signIn) trace(r *http.Request) trace {
	t := trace{id: newGUID(), correlation: r.Header.Get("Client-Request-Id"), time: in.s.now().UTC().Format("2006-01-02 15:04:05Z")}
	if len(t.correlation) != 36 {
		t.correlation = newGUID()
	}
	return t
}

// description is the error_description of the refusal.
func (f *refusal) description(t trace) string {
	return fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s", f.number, f.text, t.id, t.correlation, t.time)
}

// refuseToken answers a request of a program with the JSON of a refusal.
func (in *signIn) refuseToken(w http.ResponseWriter, r *http.Request, f *refusal) {
	t := in.trace(r)
	in.s.log.Info("sign-in refused", "error", f.code, "number", f.number, "trace", t.id)
	body := struct {
		Error         string `json:"error"`
		Description   string `json:"error_description"`
		Codes         []int  `json:"error_codes"`
		Timestamp     string `json:"timestamp"`
		TraceID       string `json:"trace_id"`
		CorrelationID string `json:"correlation_id"`
		URI           string `json:"error_uri"`
		Suberror      string `json:"suberror,omitempty"`
		Claims        string `json:"claims,omitempty"`
	}{f.code, f.description(t), []int{f.number}, t.time, t.id, t.correlation, in.s.authority(r) + "/error?code=" + strconv.Itoa(f.number), f.suberror, ""}
	if f.claims {
		body.Claims = policy
	}
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Cache-Control", "no-store, no-cache")
	header.Set("Pragma", "no-cache")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Ms-Request-Id", t.id)
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(body) // only a gone client can make it fail
}

// failNext answers with the next queued fault, or the one that stays, and
// reports whether there was one.
func (in *signIn) failNext(w http.ResponseWriter, r *http.Request) bool {
	in.mu.Lock()
	next := in.tokenFault
	if len(in.faults) > 0 {
		next = in.faults[0]
		in.faults = in.faults[1:]
	}
	in.mu.Unlock()
	if next == "" {
		return false
	}
	switch number, _ := strconv.Atoi(next); number {
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
		f := refuse(90055)
		f.status = number
		in.refuseToken(w, r, f)
	case http.StatusServiceUnavailable:
		w.Header().Set("Content-Type", "text/html; charset=us-ascii")
		w.WriteHeader(number)
		_, _ = io.WriteString(w, "<!DOCTYPE html><html><head><title>Service Unavailable</title></head><body><h2>Service Unavailable</h2><hr><p>HTTP Error 503. The service is unavailable.</p></body></html>\n")
	default:
		in.refuseToken(w, r, refuse(number))
	}
	return true
}
