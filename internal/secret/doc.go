// Package secret seals what must not be readable in the database (client
// secrets, tokens, pending sign-ins) with AES-256-GCM and keeps the keys for
// it in a file that only the owner of the process can read.
package secret
