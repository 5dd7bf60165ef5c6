package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/crosswalk-data/crosswalk"
)

// kind says who has to do something about an error.
type kind uint8

const (
	reconnect kind = iota // somebody signs in again
	setup                 // the app registration, the tenant or the connection is set up wrongly
	transient             // nobody; it passes
)

// meaning is what an error means to a person.
type meaning struct {
	kind    kind
	field   string // of the connection, when the value typed there is wrong
	message string
	hint    string
}

// The fields of a connection at which a meaning can point.
const (
	fieldClientID    = "client_id"
	fieldSecret      = "client_secret"
	fieldCertificate = "certificate"
	fieldEnvironment = "environment_url"
)

const (
	hintReconnect = "Authorize the connection again. Jobs, mappings and data stay as they are."
	hintOperator  = "In the Microsoft Entra admin center open App registrations, choose the app and correct it; then try again."
	hintRestart   = "Start the authorization again from Crosswalk."
	hintBug       = "Authorize again. If it comes back, report it together with the trace id in the log."
	hintWait      = "Crosswalk tries again by itself."

	hintApplication = "The connection signs in as an application, so nobody can sign in again for it. Ask an administrator to correct the app, its permissions or the policy in the Microsoft Entra admin center; then authorize the connection again."
)

// meanings explains Microsoft's numbers. Source: Microsoft's reference of
// Entra authentication error codes.
var meanings = func() map[int]*meaning {
	table := map[int]*meaning{}
	add := func(k kind, field, message, hint string, numbers ...int) {
		for _, n := range numbers {
			if table[n] != nil {
				panic(fmt.Sprintf("oauth: AADSTS%d is explained twice", n))
			}
			table[n] = &meaning{k, field, message, hint}
		}
	}

	// The grant has ended.
	add(reconnect, "", "Microsoft has revoked the authorization, for example because a password was changed or sessions were ended.", hintReconnect, 50173, 50132, 50133)
	add(reconnect, "", "The authorization has expired because it was not used for too long.", hintReconnect, 700082, 70008)
	add(reconnect, "", "The authorization has expired.", hintReconnect, 700084, 50089, 50013, 500132)
	add(reconnect, "", "A sign-in frequency policy of the organization ended the authorization.", "Authorize the connection again, or ask an administrator to exempt this app from the sign-in frequency policy.", 70043)
	add(reconnect, "", "The password of the account has expired.", "Change the password of the account at Microsoft, then authorize the connection again.", 50055)
	add(reconnect, "", "Microsoft did not accept the user name or password.", hintReconnect, 50126)

	// A person must be there.
	add(reconnect, "", "Microsoft asks for multi-factor authentication.", "Authorize the connection again and complete the second step of the sign-in.", 50076, 50079, 50072, 50074, 50078, 50158)
	add(reconnect, "", "A Conditional Access policy of the organization refuses the sign-in.", "Authorize the connection again from a device and network the policy allows, or ask an administrator to exempt this app.", 53000, 53001, 53002, 53003, 530035, 50131, 50097, 50129, 53004, 530031, 530032, 530033, 530034, 530036)
	add(reconnect, "", "Nobody is signed in at Microsoft.", hintReconnect, 50058)

	// Consent.
	add(reconnect, "", "The permission was never given or has been taken away.", "Authorize the connection again and accept the permissions.", 65001)
	add(reconnect, "", "The permissions were declined.", "Authorize again and choose Accept. Crosswalk can read Dynamics 365 only with the permission to act for you.", 65004)
	add(setup, "", "Only an administrator of the organization may give this permission.", "Ask an administrator to grant admin consent: Microsoft Entra admin center, Enterprise applications, this app, Permissions. Then authorize again.", 90094, 90095, 900941)
	add(setup, "", "The permissions of the app registration do not fit.", "In the app registration open API permissions and add Dynamics CRM, delegated, user_impersonation; then authorize again.", 65005, 650053, 650056, 650057)

	// The environment and the account.
	add(setup, fieldEnvironment, "The organization has no Dynamics 365 environment at this address.", "Check the address of the environment, and that the account's organization has a Dataverse licence.", 650052, 500011, 50001)
	add(reconnect, "", "The account belongs to another organization and is not a guest of this one.", "Authorize again and choose an account of the organization that owns the environment.", 50020)
	add(reconnect, "", "The account does not exist in this organization.", "Authorize again and choose an account of the organization that owns the environment.", 50034, 51004, 50014)
	add(reconnect, "", "The account is disabled.", "Ask an administrator to enable the account, or authorize again with another one.", 50057)
	add(reconnect, "", "The account is locked, or the sign-in comes from an address Microsoft considers risky.", "Wait some minutes and authorize again; if it stays, ask an administrator.", 50053)
	add(reconnect, "", "The account is not assigned to this app.", "Ask an administrator to assign the account: Microsoft Entra admin center, Enterprise applications, this app, Users and groups.", 50105)

	// The app registration.
	add(setup, "", "The app is registered for one organization only and another one was asked.", "Set the app registration to accounts in any organizational directory, or use an app registration of the environment's own organization.", 50194)
	add(setup, "", "The redirect address of Crosswalk is not registered with the app.", "In the app registration open Authentication and add the redirect address that Crosswalk shows in its settings as a Web address, exactly as it is.", 50011, 500112)
	add(setup, fieldClientID, "Microsoft does not know an app with this client id in this organization, or the app is disabled.", "Copy the Application (client) ID from the app's overview page, and check that the app is registered in, or approved for, the environment's organization.", 700016, 70001, 7000112, 7000229, 500014)
	add(setup, fieldSecret, "The client secret is wrong.", "Paste the secret's Value, not its Secret ID, from Certificates & secrets of the app registration. The value is shown only when it is made; make a new one if needed. Then authorize the connection again.", 7000215, 70002)
	add(setup, fieldSecret, "The client secret has expired.", "Make a new client secret under Certificates & secrets of the app registration and enter its value at the connection, then authorize it again.", 7000222)
	add(setup, fieldSecret, "The app needs a client secret and the connection has none.", "Make a client secret under Certificates & secrets of the app registration and enter its value at the connection, then authorize it again.", 7000218)
	add(setup, fieldSecret, "The app is registered as a public client and must not send a client secret.", "Register the redirect address under the platform Web instead of Mobile and desktop, or remove the secret from the connection; then authorize it again.", 700025)
	add(setup, fieldCertificate, "Microsoft did not accept the certificate of the app.", "Upload the certificate under Certificates & secrets of the app registration and compare the thumbprints; check also that it has not expired. Then authorize the connection again.", 700027, 50012, 700021, 700023, 500131)
	add(setup, fieldCertificate, "Microsoft did not accept the time of the sign-in with the certificate.", "The clock of this machine seems to be wrong; correct it, then authorize the connection again.", 500133, 700024)
	add(setup, "", "The environment belongs to another national cloud of Microsoft.", "Check the address of the environment; the app must be registered in the same cloud.", 90038, 900432)
	add(setup, "", "Microsoft does not know the organization.", "Check the address of the environment.", 90002, 50059, 50128, 90019)

	// The flow itself.
	add(setup, "", "Microsoft refuses the request as malformed.", hintBug, 70011, 28002, 28003, 70003, 90014, 900144, 9002313, 900023, 700022, 1002012, 90023)
	add(setup, "", "The proof of this sign-in does not fit the code.", hintRestart, 501481, 50147, 50148)
	add(setup, "", "The code of this sign-in was used already.", hintRestart, 54005, 700005)

	// Passing.
	add(transient, "", "Microsoft refuses for some minutes because it was asked for tokens too often.", hintWait, 50196)
	add(transient, "", "Microsoft's sign-in service is busy or disturbed.", hintWait, 90055, 90006, 90033, 90024, 90012, 90090, 50033)
	return table
}()

// byCode explains OAuth errors whose number is not in the table.
var byCode = map[string]*meaning{
	"invalid_grant":           {reconnect, "", "Microsoft no longer accepts the authorization.", hintReconnect},
	"interaction_required":    {reconnect, "", "Microsoft wants the account's owner to sign in again.", hintReconnect},
	"login_required":          {reconnect, "", "Microsoft wants the account's owner to sign in again.", hintReconnect},
	"consent_required":        {reconnect, "", "The permission was never given or has been taken away.", "Authorize the connection again and accept the permissions."},
	"access_denied":           {reconnect, "", "The sign-in was cancelled or refused.", "Authorize again and accept the permissions, or ask an administrator to approve the app."},
	"invalid_client":          {setup, fieldSecret, "Microsoft does not accept the client id and secret.", hintOperator},
	"unauthorized_client":     {setup, fieldClientID, "Microsoft does not let this app sign in.", hintOperator},
	"invalid_resource":        {setup, fieldEnvironment, "Microsoft does not know an environment at this address.", "Check the address of the environment."},
	"temporarily_unavailable": {transient, "", "Microsoft's sign-in service is busy or disturbed.", hintWait},
	"server_error":            {transient, "", "Microsoft's sign-in service is busy or disturbed.", hintWait},
}

// meaning returns what the tables say, or nil.
func (e *Error) meaning() *meaning {
	if m := meanings[e.AADSTS]; m != nil {
		return m
	}
	return byCode[e.Code]
}

// Explain puts what Exchange, Refresh or CallbackError returned into words. The code
// of the result is CodeDisconnected when somebody has to sign in again, CodeInvalid
// when something is set up wrongly (with the field of the connection at fault, if
// there is one), and CodeUnavailable when the trouble, or the end of a context, is
// temporary. An error that is a *crosswalk.Error already comes back as it is. It
// returns nil for nil.
func Explain(err error) *crosswalk.Error {
	if err == nil {
		return nil
	}
	e := asError(err)
	if e == nil {
		var words *crosswalk.Error
		switch {
		case errors.As(err, &words):
			return words
		case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
			return crosswalk.Errorf(crosswalk.CodeUnavailable, "The sign-in was interrupted.").WithHint("Try again.").WithCause(err)
		}
		return crosswalk.Errorf(crosswalk.CodeInternal, "The sign-in failed.").WithHint(hintBug).WithCause(err)
	}
	// The server's own trouble takes precedence over what its body says.
	var late interface{ Timeout() bool }
	switch {
	case e.Status == 0 && errors.As(err, &late) && late.Timeout():
		return crosswalk.Errorf(crosswalk.CodeUnavailable, "The sign-in server did not answer in time.").WithHint(hintWait).WithCause(err)
	case e.Status == 0:
		return crosswalk.Errorf(crosswalk.CodeUnavailable, "The sign-in server cannot be reached.").
			WithHint("Check the network, proxy and firewall of this machine. " + hintWait).WithCause(err)
	case e.Status == http.StatusTooManyRequests:
		return crosswalk.Errorf(crosswalk.CodeUnavailable, "Microsoft's sign-in service asks to slow down.").WithHint(hintWait).WithCause(err)
	case e.Status >= 500:
		return crosswalk.Errorf(crosswalk.CodeUnavailable, "Microsoft's sign-in service has a fault (HTTP %d).", e.Status).WithHint(hintWait).WithCause(err)
	case e.Code == "":
		return crosswalk.Errorf(crosswalk.CodeUnavailable, "The sign-in server gave an unexpected answer (HTTP %d).", e.Status).
			WithHint("Check whether a proxy or firewall stands in between. " + hintWait).WithCause(err)
	}
	m := e.meaning()
	if m == nil {
		m = &meaning{setup, "", "Microsoft refuses the sign-in: " + e.Code + ".", hintBug}
	}
	if e.Application && m.kind == reconnect { // there is nobody to sign in again
		m = &meaning{setup, "", m.message, hintApplication}
	}
	words := &crosswalk.Error{Message: m.message, Hint: m.hint, Err: err}
	if e.AADSTS != 0 {
		words.Message = fmt.Sprintf("%s (AADSTS%d)", m.message, e.AADSTS)
	}
	switch m.kind {
	case reconnect:
		words.Code = crosswalk.CodeDisconnected
	case transient:
		words.Code = crosswalk.CodeUnavailable
	default:
		words.Code = crosswalk.CodeInvalid
		if m.field != "" {
			words.Fields = []crosswalk.FieldError{{Field: m.field, Message: m.message, Hint: m.hint}}
		}
	}
	return words
}
