package dataverse

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/crosswalk-data/crosswalk"
	"github.com/crosswalk-data/crosswalk/internal/odata"
)

// errTooLarge reports an answer larger than any that makes sense.
var errTooLarge = errors.New("the answer is too large")

// Codes of Dataverse's errors that get a hint of their own, in lower case.
const (
	CodeNoPrivilege  = "0x80040220" // the user lacks a privilege
	CodeNotAMember   = "0x80072560" // the environment does not know the user or application
	CodeAppBlocked   = "0x80095ffc" // the environment's app access control blocks the app
	codeUserDisabled = "0x80040225"
	codeNoLicence    = "0x8004d24b"
	codeOrgDisabled  = "0x8004a104"
)

var hints = map[string]string{
	CodeNoPrivilege:  "Give the user a security role in Dynamics that may read this table, at organization level to see every row.",
	CodeNotAMember:   "Add the user to the environment in the Power Platform admin center, or authorize the connection as another user.",
	CodeAppBlocked:   "An administrator has to allow the app registration in the environment's settings.",
	codeUserDisabled: "Enable the user in Dynamics, or authorize the connection as another user.",
	codeNoLicence:    "Give the user a licence for Dynamics 365, or authorize the connection as another user.",
	codeOrgDisabled:  "The environment is disabled or in administration mode; enable it in the Power Platform admin center.",
}

// explain turns the last error of a call into one for a person. Errors of the
// token explain themselves and are returned as they are.
func explain(err error, what string) error {
	var (
		token    *tokenError
		answer   *odata.Error
		redirect *redirected
		syntax   *odata.PageError
		bad      *garbled
	)
	switch {
	case errors.As(err, &token):
		return token.err
	case errors.As(err, &answer):
		return explainAnswer(answer, what)
	case errors.As(err, &redirect):
		return crosswalk.Errorf(crosswalk.CodeUnavailable, "Could not %s: the environment redirects to %s, and Crosswalk follows no redirects.", what, redirect.location).
			WithHint("Check the environment's address; it may have been renamed.").WithCause(err)
	case errors.As(err, &bad), errors.As(err, &syntax):
		return crosswalk.Errorf(crosswalk.CodeUnavailable, "Could not %s: the environment answered with something that is not data.", what).
			WithHint("Check that the address is that of a Dynamics 365 environment and that no proxy stands in between.").WithCause(err)
	case errors.Is(err, errTooLarge):
		return crosswalk.Errorf(crosswalk.CodeUnavailable, "Could not %s: the answer is too large.", what).
			WithHint("Read fewer columns.").WithCause(err)
	case errors.Is(err, errFull):
		return crosswalk.Errorf(crosswalk.CodeUnavailable, "Could not %s: whatever number of records is requested, the environment gives exactly that many and says that there are no more.", what).
			WithHint("Something cuts its answers. Check that the address is that of a Dynamics 365 environment and that no proxy stands in between.").WithCause(err)
	case errors.Is(err, errLongAddress):
		return crosswalk.Errorf(crosswalk.CodeInvalid, "Could not %s: the query is longer than Dynamics accepts.", what).
			WithHint("Make the filter shorter, or read fewer columns.").WithCause(err)
	default:
		return unreachable(err, "Could not "+what)
	}
}

// explainAnswer turns an error of the server into one for a person.
func explainAnswer(e *odata.Error, what string) error {
	known := hints[strings.ToLower(e.Code)]
	code, hint := crosswalk.CodeUnavailable, "Try again later; Microsoft's service health page shows known outages."
	switch {
	case e.Status == http.StatusUnauthorized:
		return crosswalk.Errorf(crosswalk.CodeDisconnected, "Could not %s: the environment refuses the sign-in.", what).
			WithHint("Authorize the connection again.").WithCause(e)
	case e.Status == http.StatusForbidden || known != "" && e.Status < 500:
		code, hint = crosswalk.CodeForbidden, "Ask an administrator of the environment for the right to read this."
	case e.Status == http.StatusNotFound || e.Status == http.StatusGone:
		code, hint = crosswalk.CodeNotFound, "It may have been removed in Dynamics. Refresh the connection's metadata and look again."
	case e.Status == http.StatusTooManyRequests || limitCodes[strings.ToLower(e.Code)]:
		hint = "The environment limits requests of this user. Other applications that use it may be busy; try again later."
	case e.Status >= 400 && e.Status < 500:
		code, hint = crosswalk.CodeInvalid, "Something that is read may have been changed in Dynamics. Refresh the connection's metadata and check the mapping and the filter."
	}
	if known != "" {
		hint = known
	}
	return crosswalk.Errorf(code, "Could not %s: %s", what, sentence(e.Message)).WithHint("%s", hint).WithCause(e)
}

// unreachable turns an error of the network into one for a person.
func unreachable(err error, what string) *crosswalk.Error {
	var (
		dns  *net.DNSError
		cert *tls.CertificateVerificationError
		op   *net.OpError
		tmo  net.Error
	)
	e := crosswalk.Errorf(crosswalk.CodeUnavailable, "%s: the environment does not answer.", what).
		WithHint("Check the network and try again later.").WithCause(err)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		e.Message = what + ": there is no host named " + dns.Name + "."
		e.Hint = "Check the environment's address for a typing mistake."
	case errors.As(err, &cert):
		e.Message = what + ": the certificate of the environment cannot be trusted."
		e.Hint = "Check the address, and whether a proxy of your network intercepts connections; its certificate authority must be known to this machine."
	case errors.Is(err, errSlow), errors.As(err, &tmo) && tmo.Timeout():
		e.Message = what + ": the environment takes too long to answer."
	case errors.As(err, &op) && op.Op == "dial":
		e.Message = what + ": nothing answers at that address."
		e.Hint = "Check the environment's address and the network."
	}
	return e
}

// sentence ends a message with a full stop.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, "…") || strings.ContainsRune(".!?", rune(s[len(s)-1])) {
		return s
	}
	return s + "."
}
