// @azure/msal-node, Microsoft's own sign-in library: code + PKCE, silent
// refresh, and the classes of its errors.
import assert from "node:assert/strict";
import { AuthError, ConfidentialClientApplication, CryptoProvider, InteractionRequiredAuthError, PublicClientApplication, ServerError } from "@azure/msal-node";
import { check, rejection } from "./check.mjs";
import { control, sandbox, signIn, thumbprint } from "./sandbox.mjs";

const { environment, everything, redirect, scope, tenant } = sandbox;
const scopes = [scope];

// app makes an application; MSAL asks the authority about itself first.
const app = (more = {}) =>
  new ConfidentialClientApplication({
    auth: { clientId: sandbox.clientID, clientSecret: sandbox.clientSecret, authority: `${sandbox.authority}/${tenant}`, ...more },
  });

// code signs in at the authority of an application.
async function code(application, more = {}, decision = "accept") {
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const state = new CryptoProvider().createNewGuid();
  const url = await application.getAuthCodeUrl({ scopes, redirectUri: redirect, codeChallenge: challenge, codeChallengeMethod: "S256", state, ...more });
  const back = await signIn(url, decision);
  return {
    back,
    state,
    request: { code: back.searchParams.get("code"), scopes, redirectUri: redirect, codeVerifier: verifier },
  };
}

const whoAmI = async (token) => {
  const answer = await fetch(`${environment}/api/data/v9.2/WhoAmI`, { headers: { authorization: `Bearer ${token}` } });
  return { status: answer.status, ...(answer.ok ? await answer.json() : {}) };
};

const person = app();
let result;
await check("redeems a code with PKCE", async () => {
  const { request, back, state } = await code(person);
  assert.equal(back.searchParams.get("state"), state);
  result = await person.acquireTokenByCode(request);
  assert.equal(result.tenantId, tenant);
  assert.equal(result.account.environment, "login.windows.net");
  assert.equal(result.account.homeAccountId, `${result.uniqueId}.${tenant}`);
  assert.ok(result.account.username.includes("@"));
  assert.equal(result.idTokenClaims.iss, `${sandbox.authority}/${tenant}/v2.0`);
  assert.deepEqual(result.scopes.filter((s) => s.startsWith("https:")), scopes);
  assert.ok(result.expiresOn > new Date(Date.now() + 59 * 60_000));
});

await check("calls the Web API with the token", async () => {
  assert.equal((await whoAmI(result.accessToken)).OrganizationId, sandbox.organization);
});

await check("signs in through organizations", async () => {
  const any = app({ authority: `${sandbox.authority}/organizations` });
  const { request } = await code(any);
  assert.equal((await any.acquireTokenByCode(request)).tenantId, tenant);
});

await check("signs the same account in again by its name", async () => {
  const { request } = await code(person, { prompt: "select_account", responseMode: "query", loginHint: result.account.username });
  const { account } = result;
  result = await person.acquireTokenByCode(request);
  assert.equal(result.account.homeAccountId, account.homeAccountId);
});

await check("takes the token from its cache", async () => {
  const again = await person.acquireTokenSilent({ account: result.account, scopes });
  assert.equal(again.fromCache, true);
  assert.equal(again.accessToken, result.accessToken);
});

await check("refreshes silently", async () => {
  const again = await person.acquireTokenSilent({ account: result.account, scopes, forceRefresh: true });
  assert.equal(again.fromCache, false);
  assert.notEqual(again.accessToken, result.accessToken);
  assert.equal((await whoAmI(again.accessToken)).OrganizationId, sandbox.organization);
});

// The refresh token is in the cache only.
const refreshToken = () => Object.values(JSON.parse(person.getTokenCache().serialize()).RefreshToken)[0].secret;

await check("refreshes by a refresh token in another process", async () => {
  const again = await app().acquireTokenByRefreshToken({ refreshToken: refreshToken(), scopes });
  assert.equal(again.uniqueId, result.uniqueId);
});

await check("has an invalid_grant for a code used twice", async () => {
  const { request } = await code(person);
  await person.acquireTokenByCode(request);
  const error = await rejection(person.acquireTokenByCode(request));
  assert.ok(error instanceof ServerError, String(error));
  assert.equal(error.errorCode, "invalid_grant");
  assert.equal(String(error.errorNo), "54005");
});

await check("has an error of the server for a wrong secret", async () => {
  const error = await rejection(app({ clientSecret: "wrong" }).acquireTokenByRefreshToken({ refreshToken: refreshToken(), scopes }));
  assert.ok(error instanceof AuthError && !(error instanceof InteractionRequiredAuthError), String(error));
  assert.equal(error.errorCode, "invalid_client");
  assert.match(error.errorMessage, /AADSTS7000215/);
});

await check("is sent back when no one is signed in", async () => {
  const { back } = await code(person, { prompt: "none" });
  assert.equal(back.searchParams.get("error"), "login_required");
  assert.match(back.searchParams.get("error_description"), /^AADSTS50058: /);
});

await check("has access_denied when consent was declined", async () => {
  const { back } = await code(person, { prompt: "consent" }, "decline");
  assert.equal(back.searchParams.get("error"), "access_denied");
});

await check("does not know another tenant", async () => {
  const error = await rejection(app({ authority: `${sandbox.authority}/00000000-0000-0000-0000-000000000001` }).acquireTokenByRefreshToken({ refreshToken: refreshToken(), scopes }));
  assert.match(`${error.errorCode} ${error.errorMessage}`, /endpoints_resolution_error|AADSTS90002/);
});

await check("refuses a resource that is not here", async () => {
  const { back } = await code(person, { scopes: ["https://fabrikam.crm.dynamics.com/user_impersonation"] });
  assert.equal(back.searchParams.get("error"), "invalid_resource");
  assert.match(back.searchParams.get("error_description"), /^AADSTS500011: /);
});

await check("has an error that asks for interaction when access was not consented to", async () => {
  const reader = app();
  const { request } = await code(reader, { scopes: ["openid", "profile", "offline_access"] });
  const { account } = await reader.acquireTokenByCode({ ...request, scopes: [] });
  const error = await rejection(reader.acquireTokenSilent({ account, scopes }));
  assert.ok(error instanceof InteractionRequiredAuthError, String(error));
  assert.match(error.errorMessage, /AADSTS65001/);
});

// ---- the application as itself

await check("signs the application in with its secret", async () => {
  const own = app();
  const answer = await own.acquireTokenByClientCredential({ scopes: [everything] });
  assert.equal(answer.account, null);
  assert.equal((await whoAmI(answer.accessToken)).OrganizationId, sandbox.organization);
  assert.equal((await own.acquireTokenByClientCredential({ scopes: [everything] })).fromCache, true);
});

const withCertificate = (more = {}) =>
  app({ clientSecret: undefined, clientCertificate: { thumbprintSha256: thumbprint("hex"), privateKey: sandbox.certificate, ...more } });

await check("signs the application in with a certificate", async () => {
  const answer = await withCertificate().acquireTokenByClientCredential({ scopes: [everything] });
  assert.equal((await whoAmI(answer.accessToken)).OrganizationId, sandbox.organization);
});

await check("redeems a code with a certificate", async () => {
  const signed = withCertificate();
  const { request } = await code(signed);
  assert.equal((await signed.acquireTokenByCode(request)).tenantId, tenant);
});

await check("has an error of the server for another certificate", async () => {
  const error = await rejection(withCertificate({ thumbprintSha256: "ab".repeat(32) }).acquireTokenByClientCredential({ scopes: [everything] }));
  assert.equal(error.errorCode, "invalid_client");
  assert.match(error.errorMessage, /AADSTS700027/);
});

await check("has an error of the server for a scope that an application cannot have", async () => {
  const error = await rejection(app().acquireTokenByClientCredential({ scopes }));
  assert.match(error.errorMessage, /AADSTS1002012/);
});

await check("signs in a public client, which has no secret", async () => {
  const own = new PublicClientApplication({ auth: { clientId: sandbox.publicClientID, authority: `${sandbox.authority}/organizations` } });
  const { request } = await code(own);
  const answer = await own.acquireTokenByCode(request);
  assert.equal((await whoAmI(answer.accessToken)).OrganizationId, sandbox.organization);
  const again = await own.acquireTokenSilent({ account: answer.account, scopes, forceRefresh: true });
  assert.notEqual(again.accessToken, answer.accessToken);
});

// ---- what ends an authorization

const silently = (more) => person.acquireTokenSilent({ account: result.account, scopes, forceRefresh: true, ...more });

for (const [code, why] of [["50076", "another factor is wanted"], ["65001", "consent was taken back"], ["53003", "a policy blocks the access"]]) {
  await check(`has an error that asks for interaction when ${why}`, async () => {
    await control("POST", "tokens", { action: "fail-next", code });
    const error = await rejection(silently());
    assert.ok(error instanceof InteractionRequiredAuthError, `${error.name} ${error.errorCode} ${error.subError} ${error.errorMessage}`);
    assert.match(error.errorMessage, new RegExp(`AADSTS${code}: `));
    assert.equal(String(error.errorNo), code);
  });
}

await check("tells that the secret has expired from what a person can mend", async () => {
  await control("POST", "tokens", { action: "fail-next", code: "7000222" });
  const error = await rejection(silently());
  assert.ok(error instanceof ServerError && !(error instanceof InteractionRequiredAuthError), String(error));
  assert.equal(error.errorCode, "invalid_client");
});

await check("signs in again after the sessions were revoked", async () => {
  await control("POST", "tokens", { action: "revoke" });
  const error = await rejection(silently());
  assert.ok(error instanceof ServerError && !(error instanceof InteractionRequiredAuthError), String(error));
  assert.deepEqual([error.errorCode, String(error.errorNo)], ["invalid_grant", "50173"]);
  const { request } = await code(person);
  result = await person.acquireTokenByCode(request);
  assert.equal((await whoAmI(result.accessToken)).OrganizationId, sandbox.organization);
  await silently();
});

await check("refreshes for ninety days, each time anew", async () => {
  for (let i = 0; i < 3; i++) {
    await control("POST", "clock", { advance: "1440h" }); // sixty days
    await silently();
  }
  await control("POST", "clock", { advance: "2184h" }); // ninety-one
  const error = await rejection(silently());
  assert.ok(error instanceof InteractionRequiredAuthError, String(error));
  assert.deepEqual([error.subError, String(error.errorNo)], ["bad_token", "700082"]);
  assert.equal((await rejection(silently())).errorCode, "no_tokens_found", "it has forgotten the token");
});
