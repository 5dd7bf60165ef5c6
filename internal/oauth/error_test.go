package oauth_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/oauth"
)

func refusal(code string, number int, text string) string {
	return fmt.Sprintf(`{"error":%q,"error_description":"AADSTS%d: %s\r\nTrace ID: 255d1aef-8c98-452f-ac51-23d051240864\r\nCorrelation ID: fb3d2015-bc17-4bb9-bb85-30c5cf1aaaa7\r\nTimestamp: 2026-01-09 02:02:12Z","error_codes":[%d],"timestamp":"2026-01-09 02:02:12Z","trace_id":"255d1aef-8c98-452f-ac51-23d051240864","correlation_id":"fb3d2015-bc17-4bb9-bb85-30c5cf1aaaa7","error_uri":"https://login.microsoftonline.com/error?code=%d"}`, code, number, text, number, number)
}

func TestErrorShape(t *testing.T) {
	t.Parallel()
	body := strings.TrimSuffix(refusal("invalid_grant", 50173, "The grant has ended."), "}") + `,"suberror":"bad_token","claims":"{\"access_token\":{\"x\":1}}"}`
	_, err := config(t, &endpoint{status: 400, body: body}).Refresh(t.Context(), "sekrit-old")
	want := &oauth.Error{
		Status: 400, Code: "invalid_grant", AADSTS: 50173, Suberror: "bad_token", Description: "The grant has ended.",
		TraceID: "255d1aef-8c98-452f-ac51-23d051240864", CorrelationID: "fb3d2015-bc17-4bb9-bb85-30c5cf1aaaa7", Claims: `{"access_token":{"x":1}}`,
	}
	var got *oauth.Error
	if !errors.As(err, &got) {
		t.Fatalf("error = %v", err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(oauth.Error{})); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	const text = "sign-in server: HTTP 400 invalid_grant AADSTS50173 (bad_token): The grant has ended. [trace 255d1aef-8c98-452f-ac51-23d051240864]"
	if got.Error() != text {
		t.Errorf("text = %s", got)
	}
}

// TestMeaning is the table of what each refusal means. Whether it ends the
// authorization is decided by the OAuth error, and by the number only where
// that passes.
func TestMeaning(t *testing.T) {
	t.Parallel()
	const (
		disconnected = crosswalk.CodeDisconnected
		invalid      = crosswalk.CodeInvalid
		unavailable  = crosswalk.CodeUnavailable
	)
	tests := []struct {
		code    string
		numbers []int
		ends    bool // the authorization
		want    crosswalk.Code
		field   string
		word    string // in message or hint
	}{
		{"invalid_grant", []int{50173, 50132, 50133, 700082, 70008, 700084, 70043, 50089, 50013, 500132}, true, disconnected, "", "Authorize the connection again"},
		{"invalid_grant", []int{50055, 50126}, true, disconnected, "", "password"},
		{"interaction_required", []int{50076, 50079, 50072, 50074, 50078, 50158}, true, disconnected, "", "multi-factor"},
		{"interaction_required", []int{53000, 53001, 53002, 53003, 530035, 50131, 50097, 50129}, true, disconnected, "", "Conditional Access"},
		{"invalid_grant", []int{65001}, true, disconnected, "", "accept the permissions"},
		{"consent_required", []int{65001}, true, disconnected, "", "accept the permissions"},
		{"access_denied", []int{65004}, false, disconnected, "", "declined"},
		{"invalid_grant", []int{90094, 90095, 900941}, true, invalid, "", "administrator"},
		{"access_denied", []int{90094, 90095, 900941}, false, invalid, "", "administrator"},
		{"invalid_client", []int{65005, 650053, 650056, 650057}, true, invalid, "", "API permissions"},
		{"invalid_resource", []int{65005, 650057}, false, invalid, "", "API permissions"},
		{"invalid_resource", []int{650052, 500011, 50001}, false, invalid, "environment_url", "address of the environment"},
		{"invalid_grant", []int{50020, 50034, 51004, 50014}, true, disconnected, "", "choose an account"},
		{"invalid_grant", []int{50057}, true, disconnected, "", "disabled"},
		{"invalid_grant", []int{50053}, true, disconnected, "", "locked"},
		{"invalid_grant", []int{50105}, true, disconnected, "", "assign"},
		{"invalid_request", []int{50194}, false, invalid, "", "one organization"},
		{"invalid_request", []int{50011}, false, invalid, "", "redirect address"},
		{"unauthorized_client", []int{700016, 70001, 7000112}, false, invalid, "client_id", "client id"},
		{"invalid_client", []int{7000215, 70002}, true, invalid, "client_secret", "not its Secret ID"},
		{"invalid_client", []int{7000222}, true, invalid, "client_secret", "expired"},
		{"invalid_client", []int{7000218}, true, invalid, "client_secret", "needs a client secret"},
		{"invalid_client", []int{700025}, true, invalid, "client_secret", "public client"},
		{"invalid_client", []int{700027, 50012, 700021, 700023, 500131}, true, invalid, "certificate", "thumbprints"},
		{"invalid_client", []int{500133, 700024}, true, invalid, "certificate", "clock"},
		{"invalid_request", []int{70011, 28002, 28003, 70003, 90014, 900144, 9002313, 900023}, false, invalid, "", "malformed"},
		{"invalid_grant", []int{501481, 50147, 54005, 700005}, true, invalid, "", "Start the authorization again"},
		{"login_required", []int{50058}, false, disconnected, "", "signed in"},
		{"invalid_request", []int{90038, 900432}, false, invalid, "", "national cloud"},
		{"invalid_request", []int{90002, 50059, 50128, 90019}, false, invalid, "", "does not know the organization"},
		{"invalid_request", []int{50196}, false, unavailable, "", "too often"},
		{"invalid_grant", []int{50196, 90033}, false, unavailable, "", ""},
		{"temporarily_unavailable", []int{90055, 90006, 90033, 90024, 90012, 90090, 50033}, false, unavailable, "", "busy"},

		// Numbers nobody wrote down: the OAuth error decides.
		{"invalid_grant", []int{99990001}, true, disconnected, "", "no longer accepts"},
		{"interaction_required", []int{99990001}, true, disconnected, "", "sign in again"},
		{"consent_required", []int{99990001}, true, disconnected, "", "permission"},
		{"invalid_client", []int{99990001}, true, invalid, "client_secret", "client id and secret"},
		{"temporarily_unavailable", []int{99990001}, false, unavailable, "", "busy"},
		{"invalid_request", []int{99990001}, false, invalid, "", "invalid_request"},
	}
	for _, tt := range tests {
		for _, n := range tt.numbers {
			t.Run(fmt.Sprint(tt.code, n), func(t *testing.T) {
				t.Parallel()
				status := 400
				if tt.code == "invalid_client" {
					status = 401
				}
				_, err := config(t, &endpoint{status: status, body: refusal(tt.code, n, "Text.")}).Refresh(t.Context(), "sekrit-old")
				var e *oauth.Error
				if !errors.As(err, &e) {
					t.Fatalf("error = %v", err)
				}
				if e.Disconnects() != tt.ends {
					t.Errorf("Disconnects = %v, want %v", e.Disconnects(), tt.ends)
				}
				words := oauth.Explain(err)
				if words.Code != tt.want {
					t.Errorf("code = %s, want %s", words.Code, tt.want)
				}
				if !strings.Contains(words.Message+" "+words.Hint, tt.word) {
					t.Errorf("%q does not tell about %q", words.Message+" "+words.Hint, tt.word)
				}
				if words.Hint == "" || !strings.Contains(words.Message, fmt.Sprintf("(AADSTS%d)", n)) {
					t.Errorf("no hint or no number: %#v", words)
				}
				var field string
				if len(words.Fields) > 0 {
					field = words.Fields[0].Field
				}
				if field != tt.field {
					t.Errorf("field = %q, want %q", field, tt.field)
				}
			})
		}
	}
}

func TestPassingAnswers(t *testing.T) {
	t.Parallel()
	html := map[string]string{"Content-Type": "text/html"}
	tests := map[string]struct {
		e    *endpoint
		wait time.Duration
		word string
	}{
		"429":                     {&endpoint{status: 429, header: map[string]string{"Retry-After": "17"}, body: refusal("invalid_grant", 50173, "x")}, 17 * time.Second, "slow down"},
		"429 until a date":        {&endpoint{status: 429, header: map[string]string{"Retry-After": noon.Add(time.Minute).Format(http.TimeFormat)}}, time.Minute, "slow down"},
		"429 for a year":          {&endpoint{status: 429, header: map[string]string{"Retry-After": "31536000"}}, time.Hour, "slow down"},
		"429 with nonsense":       {&endpoint{status: 429, header: map[string]string{"Retry-After": "soon"}}, 0, "slow down"},
		"500 with a refusal":      {&endpoint{status: 500, body: refusal("invalid_grant", 50173, "x")}, 0, "HTTP 500"},
		"502 page":                {&endpoint{status: 502, header: html, body: "<html>sekrit-old Bad gateway"}, 0, "HTTP 502"},
		"403 page of a proxy":     {&endpoint{status: 403, header: html, body: "<html>Blocked"}, 0, "proxy"},
		"200 page of a portal":    {&endpoint{status: 200, header: html, body: "<html>Welcome to the hotel"}, 0, "proxy"},
		"200 empty":               {&endpoint{status: 200}, 0, "proxy"},
		"200 without a token":     {&endpoint{status: 200, body: `{"token_type":"Bearer"}`}, 0, "proxy"},
		"200 of another type":     {&endpoint{status: 200, body: answer(map[string]any{"token_type": "mac"})}, 0, "proxy"},
		"200 strange lifetime":    {&endpoint{status: 200, body: answer(map[string]any{"expires_in": "soon"})}, 0, "proxy"},
		"400 with other JSON":     {&endpoint{status: 400, body: `{"message":"sekrit-client"}`}, 0, "proxy"},
		"400 cut":                 {&endpoint{status: 400, body: `{"error":"invalid_grant","error_desc`}, 0, "proxy"},
		"400 temporarily":         {&endpoint{status: 400, body: `{"error":"temporarily_unavailable"}`}, 0, "busy"},
		"400 throttled by number": {&endpoint{status: 400, body: refusal("invalid_grant", 90055, "x")}, 0, "busy"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config(t, tt.e).Refresh(t.Context(), "sekrit-old")
			var e *oauth.Error
			if !errors.As(err, &e) {
				t.Fatalf("error = %v", err)
			}
			if e.Disconnects() {
				t.Error("Disconnects = true")
			}
			if e.RetryAfter != tt.wait {
				t.Errorf("RetryAfter = %v, want %v", e.RetryAfter, tt.wait)
			}
			words := oauth.Explain(err)
			if words.Code != crosswalk.CodeUnavailable || !strings.Contains(words.Message+words.Hint, tt.word) {
				t.Errorf("Explain = %s %q %q, want unavailable with %q", words.Code, words.Message, words.Hint, tt.word)
			}
			wantNoSecret(t, words.Error())
		})
	}
}

func TestErrorsShowNoSecret(t *testing.T) {
	t.Parallel()
	body := refusal("invalid_grant", 9002313, "Token sekrit-old of client secret sekrit-client for code sekrit-code and verifier sekrit-verifier is bad.")
	c := config(t, &endpoint{status: 400, body: body})
	_, refreshErr := c.Refresh(t.Context(), "sekrit-old")
	wantNoSecret(t, strings.ReplaceAll(fmt.Sprintf("%v %+v", refreshErr, refreshErr), "sekrit-code and verifier sekrit-verifier", ""))
	body = refusal("invalid_grant", 9002313, "Client secret sekrit-client for code sekrit-code and verifier sekrit-verifier is bad.")
	_, exchangeErr := config(t, &endpoint{status: 400, body: body}).Exchange(t.Context(), "sekrit-code", "sekrit-verifier", "n-1")
	wantNoSecret(t, fmt.Sprintf("%v %+v %#v", exchangeErr, exchangeErr, exchangeErr)+oauth.Explain(exchangeErr).Error())
}

func TestCallbackError(t *testing.T) {
	t.Parallel()
	q, err := url.ParseQuery("error=access_denied&error_description=AADSTS65004%3a+User+declined+to+consent+to+access+the+app.%0d%0aTrace+ID%3a+1&state=s")
	if err != nil {
		t.Fatal(err)
	}
	e := oauth.CallbackError(q.Get("error"), q.Get("error_description"))
	if e.AADSTS != 65004 || e.Description != "User declined to consent to access the app." {
		t.Errorf("error = %#v", e)
	}
	words := oauth.Explain(e)
	if words.Message != "The permissions were declined. (AADSTS65004)" || words.Hint == "" {
		t.Errorf("Explain = %#v", words)
	}
	unknown := oauth.Explain(oauth.CallbackError("<script>\r\nX", strings.Repeat("y", 5000)))
	if strings.ContainsAny(unknown.Error(), "\r\n") || len(unknown.Error()) > 900 {
		t.Errorf("an attacker's text is not tamed: %q", unknown.Error())
	}
}

func TestExplainOther(t *testing.T) {
	t.Parallel()
	if got := oauth.Explain(nil); got != nil {
		t.Errorf("Explain(nil) = %v", got)
	}
	if got := oauth.Explain(errors.New("boom")); got.Code != crosswalk.CodeInternal {
		t.Errorf("code = %s", got.Code)
	}
}

func FuzzCallbackError(f *testing.F) {
	f.Add("access_denied", "AADSTS65004: User declined.\r\nTrace ID: 1")
	f.Add("", "AADSTS99999999999999999999: x")
	f.Fuzz(func(t *testing.T, code, description string) {
		words := oauth.Explain(oauth.CallbackError(code, description))
		if words.Message == "" || words.Hint == "" || strings.ContainsAny(words.Error(), "\r\n\x00") {
			t.Errorf("Explain(%q, %q) = %#v", code, description, words)
		}
	})
}
