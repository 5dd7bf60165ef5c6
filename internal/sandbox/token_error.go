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
}

// refusals are those known, by Entra's number. Texts with %s take one argument.
var refusals = map[int]refusal{
	16000:   {code: "interaction_required", text: "More than one account could be meant; the user must choose one."},
	28003:   {code: "invalid_scope", text: "The scope '%s' names more than one resource."},
	50011:   {code: "invalid_request", text: "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '" + ClientID + "'."},
	50020:   {code: "invalid_grant", text: "The user account does not exist in this tenant and must be added as an external user first."},
	50034:   {code: "invalid_grant", text: "The user account does not exist in the directory."},
	50053:   {code: "invalid_grant", text: "The account is locked."},
	50055:   {code: "invalid_grant", text: "The password is expired."},
	50057:   {code: "invalid_grant", text: "The user account is disabled."},
	50058:   {code: "login_required", text: "A silent sign-in request was sent but no user is signed in."},
	50076:   {code: "interaction_required", text: "Due to a configuration change made by your administrator you must use multi-factor authentication.", suberror: "basic_action"},
	50105:   {code: "invalid_grant", text: "The signed in user is not assigned to a role for the application."},
	50147:   {code: "invalid_request", text: "The size or method of the code challenge is not valid."},
	50173:   {code: "invalid_grant", text: "The provided grant has expired due to it being revoked, a fresh auth token is needed."},
	50196:   {code: "invalid_request", text: "The server terminated an operation because it encountered a client request loop."},
	53003:   {code: "interaction_required", text: "Access has been blocked by Conditional Access policies.", suberror: "message_only"},
	54005:   {code: "invalid_grant", text: "OAuth2 authorization code was already redeemed, please retry with a new valid code or use an existing refresh token."},
	65001:   {code: "consent_required", text: "The user or administrator has not consented to use the application with ID '" + ClientID + "'.", suberror: "consent_required"},
	65004:   {code: "access_denied", text: "User declined to consent to access the app."},
	70003:   {code: "unsupported_grant_type", text: "The grant type '%s' is not supported."},
	70007:   {code: "unsupported_response_mode", text: "'%s' is not a supported value of 'response_mode' for this request."},
	70008:   {code: "invalid_grant", text: "The provided authorization code or refresh token has expired due to inactivity."},
	70011:   {code: "invalid_scope", text: "The provided value for the scope '%s' is not valid."},
	90002:   {code: "invalid_request", text: "Tenant '%s' not found. Check that the tenant id is right."},
	90023:   {code: "invalid_request", text: "'%s' is not a supported value of 'prompt'."},
	90055:   {code: "temporarily_unavailable", text: "Too many requests."},
	500011:  {code: "invalid_resource", text: "The resource principal named %s was not found in the tenant named " + organizationName + "."},
	500112:  {code: "invalid_client", text: "The reply address '%s' does not match the reply address provided when requesting the authorization code."},
	501481:  {code: "invalid_grant", text: "The Code_Verifier does not match the code_challenge supplied in the authorization request."},
	650053:  {code: "invalid_client", text: "The application asked for the scope '%s' that does not exist on the resource."},
	700005:  {code: "invalid_grant", text: "The authorization code was issued for another tenant."},
	700016:  {code: "unauthorized_client", text: "Application with identifier '%s' was not found in the directory '" + organizationName + "'."},
	700054:  {code: "unsupported_response_type", text: "response_type '%s' is not enabled for the application."},
	700082:  {code: "invalid_grant", text: "The refresh token has expired due to inactivity."},
	900144:  {code: "invalid_request", text: "The request must contain the following parameter: '%s'."},
	900561:  {code: "invalid_request", text: "The endpoint only accepts POST requests. Received a %s request."},
	7000215: {code: "invalid_client", text: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID."},
	7000218: {code: "invalid_client", text: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."},
	7000222: {code: "invalid_client", text: "The provided client secret keys are expired."},
	9002313: {code: "invalid_grant", text: "Invalid request. Request is malformed or invalid."},
}

// refuse makes the refusal with that number. Unknown numbers are
// invalid_request.
func refuse(number int, argument ...any) *refusal {
	f, ok := refusals[number]
	if !ok {
		f = refusal{code: "invalid_request", text: "The request was refused."}
	}
	f.number = number
	if strings.Contains(f.text, "%s") {
		if len(argument) == 0 {
			argument = []any{""}
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
	}{f.code, f.description(t), []int{f.number}, t.time, t.id, t.correlation, in.s.authority(r) + "/error?code=" + strconv.Itoa(f.number), f.suberror}
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Cache-Control", "no-store, no-cache")
	header.Set("Pragma", "no-cache")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Ms-Request-Id", t.id)
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(body) // only a gone client can make it fail
}

// failNext answers with the next queued fault and reports whether there was
// one.
func (in *signIn) failNext(w http.ResponseWriter, r *http.Request) bool {
	in.mu.Lock()
	if len(in.faults) == 0 {
		in.mu.Unlock()
		return false
	}
	next := in.faults[0]
	in.faults = in.faults[1:]
	in.mu.Unlock()
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
