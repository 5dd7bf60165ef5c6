// Package dataverse is a client of the Dataverse Web API (version 9.2), as
// far as reading goes: who we are, metadata, counts and pages of records.
//
// Each request passes through a stack of decorators around one
// http.RoundTripper:
//
//	log → limit → authorize → pace → batch → wire → the given transport
//
// log writes a line for each answer; limit bounds how many requests are in
// flight and lets callers take turns; authorize adds the access token and
// renews it once when it is refused; pace holds back all requests of the client
// while the server asks for a pause; batch wraps a request whose address is too
// long into a batch; wire counts what is received and ends answers that stop
// flowing. Retries lie around the stack rather than in it, because an answer
// that breaks off while it is being decoded must be requested again as a whole.
//
// Redirects are refused and cookies are not kept: the affinity cookie of
// Dataverse would bind all requests to one server and its share of the
// service protection limits.
package dataverse
