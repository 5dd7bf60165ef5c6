package dataverse_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/dataverse"
)

const someID = "78914942-34cb-ed11-b596-0022481d68cd"

// fixed answers each path and query with one body, and anything else with
// the 404 of Dataverse.
func fixed(t *testing.T, bodies map[string]string) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		body, ok := bodies[r.RequestURI]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			body = `{"error":{"code":"0x80060888","message":"Resource not found for the segment '` + r.URL.Path + `'."}}`
		}
		_, _ = io.WriteString(w, body)
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	c, _ := client(t, fixed(t, map[string]string{
		"/api/data/v9.2/WhoAmI": `{"@odata.context":"https://x/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
			"BusinessUnitId":"b1","UserId":"u1","OrganizationId":"o1"}`,
		"/api/data/v9.2/organizations(" + someID + ")?$select=name":                        `{"@odata.etag":"W/\"1\"","name":"Contoso","organizationid":"` + someID + `"}`,
		"/api/data/v9.2/systemusers(" + someID + ")?$select=fullname,domainname":           `{"fullname":"Adele Vance","domainname":"adele@contoso.example","ownerid":"` + someID + `"}`,
		"/api/data/v9.2/systemusers(" + otherID + ")?$select=fullname,domainname":          `{"fullname":"# App","domainname":null}`,
		"/api/data/v9.2/organizations(" + otherID + ")?$select=name":                       `[]`,
		"/api/data/v9.2/organizations(" + someID + ")?$select=expirechangetrackingindays":  `{"expirechangetrackingindays":30,"organizationid":"` + someID + `"}`,
		"/api/data/v9.2/organizations(" + otherID + ")?$select=expirechangetrackingindays": `{"organizationid":"` + otherID + `"}`,
	}))
	who, err := c.WhoAmI(t.Context())
	if diff := cmp.Diff(dataverse.WhoAmI{UserID: "u1", BusinessUnitID: "b1", OrganizationID: "o1"}, who); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	name, err := c.Organization(t.Context(), someID)
	if name != "Contoso" || err != nil {
		t.Errorf("organization %q, %v", name, err)
	}
	days, err := c.TrackingDays(t.Context(), someID)
	if days != 30 || err != nil {
		t.Errorf("%d days, %v", days, err)
	}
	if _, err = c.TrackingDays(t.Context(), otherID); crosswalk.ErrorCode(err) != crosswalk.CodeUnavailable {
		t.Errorf("no days: %v", err)
	}
	user, err := c.User(t.Context(), someID)
	if diff := cmp.Diff(dataverse.User{FullName: "Adele Vance", DomainName: "adele@contoso.example"}, user); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	user, err = c.User(t.Context(), otherID)
	if diff := cmp.Diff(dataverse.User{FullName: "# App"}, user); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	_, err = c.User(t.Context(), "88914942-34cb-ed11-b596-0022481d68cd")
	personal(t, err, crosswalk.CodeNotFound, "Could not read the user", "removed")
}

const otherID = "00000000-34CB-ed11-b596-0022481d68cd"

func TestIdentityRefuses(t *testing.T) {
	t.Parallel()
	sent := 0
	c, _ := client(t, func(w http.ResponseWriter, _ *http.Request) {
		sent++
		w.Header().Set("Content-Type", jsonType)
		_, _ = io.WriteString(w, `{}`)
	})
	for _, id := range []string{"", "1", someID + "0", someID[:35] + ")", "78914942-34cb-ed11-b596 0022481d68cd", "7891494g-34cb-ed11-b596-0022481d68cd"} {
		if _, err := c.User(t.Context(), id); crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
			t.Errorf("user %q: %v", id, err)
		}
		if _, err := c.Organization(t.Context(), id); crosswalk.ErrorCode(err) != crosswalk.CodeInvalid {
			t.Errorf("organization %q: %v", id, err)
		}
	}
	if sent != 0 {
		t.Errorf("%d requests", sent)
	}
	_, err := c.WhoAmI(t.Context())
	personal(t, err, crosswalk.CodeUnavailable, "does not say who we are", "address")
}

func TestCount(t *testing.T) {
	t.Parallel()
	const path = "/api/data/v9.2/RetrieveTotalRecordCount(EntityNames=@p1)?@p1=%5B%22"
	counts := func(keys, values string) string {
		return `{"@odata.context":"x","EntityRecordCountCollection":{"Count":1,"IsReadOnly":false,"Keys":[` + keys + `],"Values":[` + values + `]}}`
	}
	c, _ := client(t, fixed(t, map[string]string{
		path + "account%22%5D": counts(`"contact","account"`, `1,9007199254740993`),
		path + "empty%22%5D":   counts(``, ``),
		path + "odd%22%5D":     counts(`"odd"`, ``),
	}))
	for name, want := range map[string]int64{"account": 9007199254740993, "empty": -1, "odd": -1, "virtual": -1} {
		if got, err := c.Count(t.Context(), name); got != want || err != nil {
			t.Errorf("%s: %d, %v; want %d", name, got, err, want)
		}
	}
	gone := crosswalk.Errorf(crosswalk.CodeDisconnected, "Your sign-in ended.")
	c = dataverse.New(dataverse.Config{BaseURL: "https://contoso.crm.dynamics.com", Token: (&tokens{err: gone}).token})
	if _, err := c.Count(t.Context(), "account"); crosswalk.ErrorCode(err) != crosswalk.CodeDisconnected {
		t.Errorf("without a token: %v", err)
	}
}
