// Package store keeps Crosswalk's own things: connections and their
// authorizations, jobs, runs, rejects, objects' definitions, users, tokens
// and the activity log. Its tables begin with cw_; the rows of objects live in
// tables of their own, which package table keeps.
//
// Every method is safe for concurrent use, by several processes too. What a
// caller can do wrong comes back as *crosswalk.Error: CodeNotFound when the
// thing does not exist, CodeConflict when its state does not allow the change.
// Any other error is a fault of the database.
package store
