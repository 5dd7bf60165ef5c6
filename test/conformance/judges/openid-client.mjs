// openid-client, a strict OpenID Connect client: discovery, code + PKCE,
// refresh, client credentials and the errors of the token endpoint.
import assert from "node:assert/strict";
import * as client from "openid-client";
import { check, rejection } from "./check.mjs";
import { control, sandbox, signIn, thumbprint } from "./sandbox.mjs";

const { clientID, clientSecret, environment, everything, redirect, scope, tenant } = sandbox;
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

// ---- the application as itself

const whoAmI = async (token) => {
  const answer = await client.fetchProtectedResource(config, token, new URL(`${environment}/api/data/v9.2/WhoAmI`), "GET");
  return (await answer.json()).OrganizationId;
};

await check("signs the application in with its secret", async () => {
  const answer = await client.clientCredentialsGrant(config, { scope: everything });
  assert.equal(answer.refresh_token, undefined);
  assert.equal(answer.id_token, undefined);
  assert.equal(await whoAmI(answer.access_token), sandbox.organization);
});

await check("signs the application in by HTTP Basic", async () => {
  const basic = await client.discovery(server, clientID, undefined, client.ClientSecretBasic(clientSecret));
  assert.ok((await client.clientCredentialsGrant(basic, { scope: everything })).access_token);
});

// assertion proves who the client is by a signature with its certificate's
// key; Microsoft wants to be told which certificate it is.
async function assertion(algorithm, change = () => {}) {
  const [pem] = /-----BEGIN PRIVATE KEY-----[^]*?-----END PRIVATE KEY-----/.exec(sandbox.certificate);
  const der = Buffer.from(pem.replace(/-----.*-----/g, ""), "base64");
  const key = await crypto.subtle.importKey("pkcs8", der, { name: algorithm, hash: "SHA-256" }, false, ["sign"]);
  return client.discovery(
    server,
    clientID,
    undefined,
    client.PrivateKeyJwt(key, {
      [client.modifyAssertion]: (header, payload) => {
        header["x5t#S256"] = thumbprint("base64url");
        payload.aud = config.serverMetadata().token_endpoint;
        change(header, payload);
      },
    }),
  );
}

for (const [algorithm, name] of [["RSA-PSS", "PS256"], ["RSASSA-PKCS1-v1_5", "RS256"]]) {
  await check(`signs the application in with a certificate, ${name}`, async () => {
    const answer = await client.clientCredentialsGrant(await assertion(algorithm), { scope: everything });
    assert.equal(await whoAmI(answer.access_token), sandbox.organization);
  });
}

await check("redeems a code with a certificate", async () => {
  const { back, expected } = await code();
  assert.ok((await client.authorizationCodeGrant(await assertion("RSA-PSS"), back, expected)).refresh_token);
});

// refused checks with what number a request for a token is refused.
const refused = async (request, status, error, number) => {
  const e = await rejection(request);
  assert.ok(e instanceof client.ResponseBodyError, String(e));
  assert.deepEqual([e.status, e.error, e.cause.error_codes], [status, error, [number]]);
};

await check("refuses what is wrong with an assertion", async () => {
  const ask = async (change) => client.clientCredentialsGrant(await assertion("RSA-PSS", change), { scope: everything });
  await refused(ask((header) => (header["x5t#S256"] = "AAAA")), 401, "invalid_client", 700027);
  await refused(ask((_, payload) => (payload.exp = payload.nbf = payload.iat = 1_000_000_000)), 401, "invalid_client", 700024);
  await refused(ask((_, payload) => (payload.aud = "https://login.example.com/token")), 401, "invalid_client", 700023);
});

await check("refuses what an application cannot ask for", async () => {
  await refused(client.clientCredentialsGrant(config, { scope }), 400, "invalid_scope", 1002012);
  await refused(client.clientCredentialsGrant(config, {}), 400, "invalid_request", 900144);
  const any = await client.discovery(new URL(`${sandbox.authority}/organizations/v2.0`), clientID, clientSecret);
  await refused(client.clientCredentialsGrant(any, { scope: everything }), 400, "invalid_request", 50059);
});

await check("is refused after the sessions were revoked", async () => {
  const { back, expected } = await code();
  const { refresh_token } = await client.authorizationCodeGrant(config, back, expected);
  await control("POST", "tokens", { action: "revoke" });
  await refused(client.refreshTokenGrant(config, refresh_token), 400, "invalid_grant", 50173);
});

await check("is refused ten minutes after the code was given", async () => {
  const { back, expected } = await code();
  await control("POST", "clock", { advance: "11m" });
  await refused(client.authorizationCodeGrant(config, back, expected), 400, "invalid_grant", 70008);
});
