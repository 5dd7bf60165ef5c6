// Package crosswalk holds the nouns of Crosswalk and their rules: connections
// to Dynamics 365 environments, the entities read from them, the objects
// written, the jobs that map one to the other, and the runs of those jobs.
//
// The package does no I/O and imports the standard library only. Every other
// package of the module builds on it. The JSON shape of these types is the
// shape of the REST API; the doc tags become the descriptions of its OpenAPI
// document.
package crosswalk
