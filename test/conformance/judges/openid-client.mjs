// openid-client, a strict OpenID Connect client: discovery, code + PKCE,
// refresh, client credentials and the errors of the token endpoint.
import assert from "node:assert/strict";
import * as client from "openid-client";
import { check, rejection } from "./check.mjs";
import { sandbox, signIn } from "./sandbox.mjs";

const { clientID, clientSecret, environment, redirect, scope, tenant } = sandbox;
const server = new URL(`${sandbox.authority}/${tenant}/v2.0`);

let config;
await check("discovers the tenant", async () => {
  config = await client.discovery(server, clientID, clientSecret);
  const metadata = config.serverMetadata();
  assert.equal(metadata.issuer, server.href);
  assert.equal(metadata.token_endpoint, `${sandbox.authority}/${tenant}/oauth2/v2.0/token`);
  assert.deepEqual(metadata.response_types_supported, ["code", "id_token", "code id_token", "id_token token"]);
  assert.deepEqual(metadata.token_endpoint_auth_methods_supported, ["client_secret_post", "private_key_jwt", "client_secret_basic"]);
});

await check("discovers organizations with its template of an issuer", async () => {
  const any = await client.discovery(new URL(`${sandbox.authority}/organizations/v2.0`), clientID, clientSecret);
  assert.equal(any.serverMetadata().issuer, `${sandbox.authority}/{tenantid}/v2.0`);
});

// code signs in and returns what the token endpoint is asked with.
async function code(more = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const nonce = client.randomNonce();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirect,
    scope: `${scope} openid profile offline_access`,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
    ...more,
  });
  return { back: await signIn(url), expected: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true } };
}

let tokens;
await check("redeems a code with PKCE and verifies the id token", async () => {
  const { back, expected } = await code();
  tokens = await client.authorizationCodeGrant(config, back, expected);
  const claims = tokens.claims();
  assert.equal(claims.tid, tenant);
  assert.equal(claims.iss, server.href);
  assert.equal(claims.ver, "2.0");
  assert.ok(claims.oid && claims.sub && claims.preferred_username && claims.name);
  assert.equal(tokens.token_type, "bearer");
  assert.equal(tokens.scope, scope);
  assert.ok(tokens.refresh_token);
  assert.ok(tokens.expires_in >= 3600 && tokens.expires_in <= 5400, `expires_in ${tokens.expires_in}`);
});

await check("calls the Web API with the token", async () => {
  const answer = await client.fetchProtectedResource(config, tokens.access_token, new URL(`${environment}/api/data/v9.2/WhoAmI`), "GET");
  assert.equal((await answer.json()).OrganizationId, sandbox.organization);
});

await check("is refused by the Web API with a token that is none", async () => {
  const answer = await client.fetchProtectedResource(config, "wrong", new URL(`${environment}/api/data/v9.2/WhoAmI`), "GET");
  assert.equal(answer.status, 401);
  assert.equal(answer.headers.get("www-authenticate"), `Bearer authorization_uri=${sandbox.authority}/${tenant}/oauth2/authorize, resource_id=${environment}/`);
});

await check("checks signatures with the published keys", async () => {
  const strict = await client.discovery(server, clientID, clientSecret, undefined, { execute: [client.enableNonRepudiationChecks] });
  const { back, expected } = await code();
  const claims = (await client.authorizationCodeGrant(strict, back, expected)).claims();
  assert.equal(claims.aud, clientID);
});

await check("authenticates by HTTP Basic", async () => {
  const basic = await client.discovery(server, clientID, undefined, client.ClientSecretBasic(clientSecret));
  const { back, expected } = await code();
  assert.ok((await client.authorizationCodeGrant(basic, back, expected)).access_token);
});

await check("refuses a code used twice", async () => {
  const { back, expected } = await code();
  await client.authorizationCodeGrant(config, back, expected);
  const error = await rejection(client.authorizationCodeGrant(config, back, expected));
  assert.ok(error instanceof client.ResponseBodyError);
  assert.equal(error.status, 400);
  assert.equal(error.error, "invalid_grant");
  assert.deepEqual(error.cause.error_codes, [54005]);
});

await check("refuses another verifier", async () => {
  const { back, expected } = await code();
  const error = await rejection(client.authorizationCodeGrant(config, back, { ...expected, pkceCodeVerifier: client.randomPKCECodeVerifier() }));
  assert.equal(error.error, "invalid_grant");
  assert.deepEqual(error.cause.error_codes, [501481]);
});

await check("sends back that consent was declined", async () => {
  const state = client.randomState();
  const url = client.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: `${scope} email`, state, prompt: "consent" });
  const error = await rejection(client.authorizationCodeGrant(config, await signIn(url, "decline"), { expectedState: state }));
  assert.ok(error instanceof client.AuthorizationResponseError, String(error));
  assert.equal(error.error, "access_denied");
  assert.match(error.error_description, /^AADSTS65004: /);
});

await check("sends back that no one is signed in", async () => {
  const state = client.randomState();
  const url = client.buildAuthorizationUrl(config, { redirect_uri: redirect, scope, state, prompt: "none" });
  const error = await rejection(client.authorizationCodeGrant(config, await signIn(url), { expectedState: state }));
  assert.equal(error.error, "login_required");
  assert.match(error.error_description, /^AADSTS50058: /);
});

let refreshed;
await check("refreshes and gets another refresh token", async () => {
  refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, { scope: `${scope} offline_access` });
  assert.notEqual(refreshed.refresh_token, tokens.refresh_token);
  assert.notEqual(refreshed.access_token, tokens.access_token);
  assert.equal(refreshed.scope, scope);
});

await check("leaves the old refresh token good", async () => {
  assert.ok((await client.refreshTokenGrant(config, tokens.refresh_token)).access_token);
});

await check("refuses a refresh token that it did not give", async () => {
  const error = await rejection(client.refreshTokenGrant(config, "1.AnotherTenantsToken"));
  assert.ok(error instanceof client.ResponseBodyError);
  assert.equal(error.error, "invalid_grant");
});

await check("refuses a wrong secret", async () => {
  const wrong = await client.discovery(server, clientID, "wrong");
  const error = await rejection(client.refreshTokenGrant(wrong, tokens.refresh_token));
  assert.equal(error.status, 401);
  assert.equal(error.error, "invalid_client");
  assert.deepEqual(error.cause.error_codes, [7000215]);
  assert.match(error.error_description, /^AADSTS7000215: .*\r\nTrace ID: [0-9a-f-]{36}\r\nCorrelation ID: [0-9a-f-]{36}\r\nTimestamp: /);
});
