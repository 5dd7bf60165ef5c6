package sandbox

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// Control is something that can be done to a running sandbox: by a method of
// Sandbox, over HTTP and from the command line, all with the same effect.
type Control struct {
	Go      string `json:"go"`      // method of Sandbox
	Method  string `json:"method"`  // of HTTP
	Path    string `json:"path"`    // below /sandbox/
	Body    string `json:"body"`    // an example, "" for none
	Command string `json:"command"` // after "crosswalk sandbox", for the same example
	Effect  string `json:"effect"`
}

// The placeholders in the examples of controls.
const (
	ExampleUser = "USER" // sign-in name or object id of a person
	ExampleApp  = "APP"  // client id of an app registration
)

// endpoint is an address of the control API with the controls it serves.
type endpoint struct {
	method, path string
	serve        func(*Sandbox, http.ResponseWriter, *http.Request) (any, error)
	examples     []example
}

// example is a Control but for where it is served.
type example struct{ call, body, command, effect string }

// flag is the body of what is on or off.
type flag struct {
	On bool `json:"on"`
}

// Controls returns everything that can be done to a running sandbox, in the
// order of docs/sandbox.md.
func Controls() []Control {
	var all []Control
	for _, e := range endpoints() {
		for _, x := range e.examples {
			all = append(all, Control{x.call, e.method, e.path, x.body, x.command, x.effect})
		}
	}
	return all
}

// endpoints returns the addresses of the control API. What is there is
// reachable from outside; a test holds it against the methods of Sandbox.
func endpoints() []endpoint {
	return []endpoint{
		{"GET", "controls", ask(func(*Sandbox, *http.Request) (any, error) { return Controls(), nil }), nil},
		{"GET", "state", ask(func(s *Sandbox, _ *http.Request) (any, error) { return s.State(), nil }), []example{
			{"State", "", "state", "shows rows, clock, limits, faults, people, apps and most of what is set below"},
		}},
		{"POST", "rows", take(func(s *Sandbox, c RowChange) (any, error) { return c.apply(s.active()) }), []example{
			{"InsertRows", `{"table":"account","insert":5,"seed":1}`, "insert account --rows 5", "inserts rows, the same ones for the same seed"},
			{"ChangeRows", `{"table":"account","change":1000,"seed":3}`, "change account --rows 1000 --seed 3", "changes rows, the same ones for the same seed"},
			{"BackdateRows", `{"table":"account","change":10,"seed":1,"modified_on":"2020-01-01T00:00:00Z"}`, "change account --rows 10 --modified-on 2020-01-01T00:00:00Z", "the same with another `modifiedon` than the clock's, as imports write it"},
			{"DeleteRows", `{"table":"account","delete":2,"seed":1}`, "delete account --rows 2", "deletes rows, the same ones for the same seed"},
		}},
		{"POST", "metadata", take(func(s *Sandbox, c MetadataChange) (any, error) { return c.apply(s.active()) }), []example{
			{"AddColumn", `{"action":"add-column","table":"account","column":"new_size","type":"PicklistType","options":["Small","Large"]}`, "metadata add-column account new_size --type PicklistType --options Small --options Large", "adds a column"},
			{"AddOption", `{"action":"add-option","table":"account","column":"industrycode","display_name":"Space"}`, "metadata add-option account industrycode --label Space", "adds an option to a choice, and tells its value"},
			{"SetLabel", `{"action":"set-label","table":"account","column":"industrycode","display_name":"Branch"}`, "metadata set-label account industrycode --label Branch", "gives a column another label, or none"},
			{"SetOptionLabel", `{"action":"set-label","table":"account","column":"industrycode","option":1,"display_name":"Books"}`, "metadata set-label account industrycode --option 1 --label Books", "gives an option another label, or none"},
			{"RemoveColumn", `{"action":"remove-column","table":"account","column":"fax"}`, "metadata remove-column account fax", "removes a column"},
			{"RemoveTable", `{"action":"remove-table","table":"lead"}`, "metadata remove-table lead", "removes a table"},
			{"SetTracked", `{"action":"untrack","table":"contact"}`, "metadata untrack contact", "turns change tracking of a table off, `track` on"},
			{"Publish", `{"action":"publish"}`, "metadata publish", "raises the version of the metadata"},
		}},
		{"PUT", "metadata-cache", take(func(s *Sandbox, c struct {
			Life Span `json:"life"`
		},
		) (any, error) {
			return nil, s.SetMetadataCache(time.Duration(c.Life))
		}), []example{{"SetMetadataCache", `{"life":"30s"}`, "metadata-cache 30s", "how long requests for metadata show what was before a change, but for those with `Consistency: Strong`; 0 at first"}}},
		{"POST", "faults", take(func(s *Sandbox, f Fault) (any, error) {
			id, err := s.Fault(f)
			return map[string]int{"id": id}, err
		}), []example{{"Fault", `{"kind":"status","status":503,"count":5}`, "fault add status --status 503 --count 5", "makes answers fail, see below"}}},
		{"GET", "faults", ask(func(s *Sandbox, _ *http.Request) (any, error) { return s.Faults(), nil }), []example{
			{"Faults", "", "fault list", "lists the faults, with how often each struck"},
		}},
		{"DELETE", "faults/{id}", ask(func(s *Sandbox, r *http.Request) (any, error) {
			id, err := strconv.Atoi(r.PathValue("id"))
			if err != nil || id < 1 {
				return nil, errors.New("sandbox: faults have numbers from 1")
			}
			s.RemoveFault(id)
			return nil, nil
		}), []example{{"RemoveFault", "", "fault remove 1", "removes one fault"}}},
		{"DELETE", "faults", ask(func(s *Sandbox, _ *http.Request) (any, error) {
			s.RemoveFault(0)
			return nil, nil
		}), []example{{"RemoveFault", "", "fault remove", "removes all faults"}}},
		{"PUT", "limits", take(func(s *Sandbox, l Limits) (any, error) {
			s.SetLimits(l)
			return s.Limits(), nil
		}), []example{
			{"SetLimits", `{"servers":4,"requests":6000,"execution_time":"20m","concurrency":52,"window":"5m","parallel_hint":4}`, "limits set --servers 4", "sets service protection; off unless set, or started with `--limits 4`"},
			{"SetLimits", `{}`, "limits off", "turns it off"},
		}},
		{"POST", "clock", take(func(s *Sandbox, c ClockChange) (any, error) {
			if !c.Set.IsZero() {
				s.SetClock(c.Set)
			}
			s.Advance(time.Duration(c.Advance))
			return map[string]time.Time{"clock": s.Clock()}, nil
		}), []example{
			{"Advance", `{"advance":"8d"}`, "clock advance 8d", "moves the clock of tokens, rows and delta links"},
			{"SetClock", `{"set":"2026-05-01T12:00:00Z"}`, "clock set 2026-05-01T12:00:00Z", "sets it"},
		}},
		{"PUT", "continuous-access", take(func(s *Sandbox, c flag) (any, error) {
			s.SetContinuousAccess(c.On)
			return nil, nil
		}), []example{{"SetContinuousAccess", `{"on":true}`, "continuous-access on", "whether tokens can be challenged; off unless started with `--continuous-access`"}}},
		{"POST", "tokens", take(func(s *Sandbox, c TokenChange) (any, error) { return nil, c.apply(s) }), []example{
			{"ExpireTokens", `{"action":"expire"}`, "tokens expire", "ends all access tokens given so far"},
			{"RevokeSessions", `{"action":"revoke"}`, "tokens revoke", "ends all sessions and refresh tokens (50173)"},
			{"Challenge", `{"action":"challenge"}`, "tokens challenge", "answers all tokens given so far with a claims challenge"},
			{"FailNextToken", `{"action":"fail-next","code":"50173"}`, "tokens fail-next 50173", "has the token endpoint refuse its next request; 429 and 503 are server errors"},
			{"FailToken", `{"action":"fail","code":"429"}`, "tokens fail 429", "has it refuse all"},
			{"FailAuthorize", `{"action":"fail-authorize","code":"65004"}`, "tokens fail-authorize 65004", "has all sign-ins end with an error"},
			{"ClearFailures", `{"action":"clear"}`, "tokens clear", "ends these failures"},
		}},
		{"PUT", "loops", take(func(s *Sandbox, c struct {
			After int `json:"after"`
		},
		) (any, error) {
			return nil, s.SetLoopLimit(c.After)
		}), []example{{"SetLoopLimit", `{"after":15}`, "loops 15", "how many times in five minutes the token endpoint answers the same request; then it speaks of a loop (50196, 429 for an application); 0 is no limit"}}},
		{"POST", "users", take(func(s *Sandbox, c UserChange) (any, error) {
			if err := c.apply(s); err != nil {
				return nil, err
			}
			return s.Accounts(), nil
		}), []example{
			{"DisableUser", `{"user":"USER","disabled":true}`, "user disable USER", "disables a person in Entra (50057), `enable` enables"},
			{"SetGuest", `{"user":"USER","guest":true}`, "user guest USER", "makes a person a guest of another tenant (50020), `member` one of this"},
			{"ChangePassword", `{"user":"USER","change_password":true}`, "user change-password USER", "ends the refresh tokens of public clients"},
			{"ResetPassword", `{"user":"USER","reset_password":true}`, "user reset-password USER", "ends all of the person's refresh tokens"},
			{"RevokeUserSessions", `{"user":"USER","revoke":true}`, "user revoke USER", "ends the person's sessions and refresh tokens"},
			{"RemoveConsent", `{"user":"USER","remove_consent":true,"app":"APP"}`, "user remove-consent USER --app APP", "takes back what the person has allowed an app (65001)"},
		}},
		{"PUT", "apps", take(func(s *Sandbox, a AppRegistration) (any, error) { return nil, a.apply(s) }), []example{
			{"SetApp", `{"client_id":"4a6e4ad5-0a35-4a8e-9d8e-1d5c2a7f6b10","name":"Mine","secret":"mine","redirects":["https://mine.example/back"]}`, "register 4a6e4ad5-0a35-4a8e-9d8e-1d5c2a7f6b10 --name Mine --secret mine --redirect https://mine.example/back", "adds an app registration or replaces one; also `--public`, `--admin-consent` and `--certificate FILE`"},
		}},
		{"POST", "apps", take(func(s *Sandbox, c AppChange) (any, error) { return nil, c.apply(s) }), []example{
			{"SetSecret", `{"app":"APP","secret":"new"}`, "app secret APP new", "replaces the secret (7000215 for the old one)"},
			{"ExpireSecret", `{"app":"APP","secret_expired":true}`, "app expire-secret APP", "lets the secret expire (7000222), `renew-secret` makes it good again"},
			{"DisableApp", `{"app":"APP","disabled":true}`, "app disable APP", "disables the app (7000112), `enable` enables it"},
			{"SetApplicationRole", `{"app":"APP","role":false}`, "app remove-role APP", "takes the application user its security role (0x80040220), `give-role` gives it back"},
			{"BlockApp", `{"app":"APP","blocked":true}`, "app block APP", "keeps the app out of the environment (0x80095ffc), `allow` lets it in"},
			{"GrantAdminConsent", `{"app":"APP","consent":true}`, "app consent APP", "consents for everybody as an administrator"},
			{"RemoveConsent", `{"app":"APP","consent":false}`, "app remove-consent APP", "takes back what anybody has allowed the app"},
		}},
		{"PUT", "roles", take(func(s *Sandbox, c RoleChange) (any, error) { return c, s.SetRole(c.User, c.Role) }), []example{
			{"SetRole", `{"role":{"default":"global","tables":{"account":"local"},"hidden_columns":["account.revenue"]}}`, "role set --table account=local --hide account.revenue", "rights in the environment, of everybody or with `--user` of one; also `--disabled`, `--not-member`, `--unlicensed`, `--no-delegate`"},
		}},
		{"PUT", "admin-mode", take(func(s *Sandbox, c flag) (any, error) {
			s.SetAdminMode(c.On)
			return nil, nil
		}), []example{{"SetAdminMode", `{"on":true}`, "admin-mode on", "nobody gets in"}}},
		{"PUT", "webhooks", take(func(s *Sandbox, w Webhooks) (any, error) { return nil, s.SetWebhooks(w) }), []example{
			{"SetWebhooks", `{"delay":"2s","drop":0.1,"seed":1}`, "webhooks --delay 2s --drop 0.1 --seed 1", "holds calls of webhooks back and never makes a part of them; without anything all are made at once"},
		}},
		{"PUT", "organization", take(func(s *Sandbox, c struct {
			Swapped bool `json:"swapped"`
		},
		) (any, error) {
			return nil, s.SwapOrganization(c.Swapped)
		}), []example{{"SwapOrganization", `{"swapped":true}`, "organization swap", "another organization behind the same address, `restore` puts the first one back"}}},
		{"PUT", "tracking", take(func(s *Sandbox, c struct {
			Days int `json:"days"`
		},
		) (any, error) {
			return nil, s.SetTrackingDays(c.Days)
		}), []example{{"SetTrackingDays", `{"days":30}`, "tracking 30", "life of delta links, 7 days at first"}}},
		{"PUT", "unverified", take(func(s *Sandbox, u Unverified) (any, error) {
			if err := u.check(); err != nil {
				return nil, err
			}
			s.SetUnverified(u)
			return u, nil
		}), []example{{"SetUnverified", `{"expired_status":410}`, "switch expired_status=410", "behaviours nobody has verified, see below; over HTTP those not named are off"}}},
		{"GET", "requests", ask(func(s *Sandbox, r *http.Request) (any, error) {
			f, err := requestFilter(r.URL.Query())
			return s.Requests(f), err
		}), []example{{"Requests", "", "requests --path accounts", "shows the log of requests, see below"}}},
		{"DELETE", "requests", ask(func(s *Sandbox, _ *http.Request) (any, error) {
			s.ForgetRequests()
			return nil, nil
		}), []example{{"ForgetRequests", "", "requests --clear", "empties it"}}},
		{"POST", "reset", take(func(s *Sandbox, _ struct{}) (any, error) {
			s.Reset()
			return nil, nil
		}), []example{{"Reset", `{}`, "reset", "everything back as it began; only tokens and consents that were taken away stay so"}}},
	}
}
