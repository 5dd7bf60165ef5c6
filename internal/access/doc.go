// Package access is about who calls Crosswalk: it hashes passwords, makes the
// random tokens behind sessions, API tokens and one-time links, and slows down
// whoever guesses passwords. It stores nothing; that is for the store.
package access
