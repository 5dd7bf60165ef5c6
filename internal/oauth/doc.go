// Package oauth signs in to Microsoft Entra ID on behalf of a connection: the
// authorization code flow with PKCE, the refresh of tokens, and what
// Microsoft's error codes mean in words.
//
// No error and no printed value of this package holds a token, a code or a
// client secret.
package oauth
