// Package dataverse is a client of the Dataverse Web API (version 9.2), as
// far as reading goes: who we are, metadata, counts and pages of records.
//
// Each request passes a stack of decorators round one http.RoundTripper:
//
//	log → pace → authorize → wire → the given transport
//
// log writes a line for each answer; pace holds all requests of the client
// back while the server asked for it; authorize adds the access token and
// renews it once when it is refused; wire counts what is received and ends
// answers that stop flowing. Retries lie around the stack rather than in it,
// because an answer that breaks off while it is decoded must be asked for
// again as a whole.
//
// Redirects are refused and cookies are not kept: the affinity cookie of
// Dataverse would bind all requests to one server and its share of the
// service protection limits.
package dataverse
