// Package oauth signs in to Microsoft Entra ID for a connection: as a user by
// the authorization code flow with PKCE and the refresh of tokens, or as the
// app registration itself by client credentials, with a secret or a
// certificate. It answers claims challenges, keeps tokens fresh across
// goroutines and processes, and says what Microsoft's error codes mean in
// words.
//
// No error and no printed value of this package holds a token, a code, a
// client secret or a private key.
package oauth
