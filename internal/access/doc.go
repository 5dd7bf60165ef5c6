// Package access knows who calls Crosswalk: it hashes passwords, makes the
// random tokens behind sessions, API tokens and one-time links, and slows
// down who guesses passwords. It keeps nothing; the store does.
package access
