// @azure/msal-node with continuous access evaluation: the Web API asks for a
// new token within the life of the old one, and says what it must claim.
import assert from "node:assert/strict";
import { ConfidentialClientApplication, CryptoProvider } from "@azure/msal-node";
import { check } from "./check.mjs";
import { control, sandbox, signIn } from "./sandbox.mjs";

const { environment, redirect, scope, tenant } = sandbox;
const scopes = [scope];

async function person(clientCapabilities) {
  const app = new ConfidentialClientApplication({
    auth: { clientId: sandbox.clientID, clientSecret: sandbox.clientSecret, authority: `${sandbox.authority}/${tenant}`, clientCapabilities },
  });
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const back = await signIn(await app.getAuthCodeUrl({ scopes, redirectUri: redirect, codeChallenge: challenge, codeChallengeMethod: "S256" }));
  return { app, ...(await app.acquireTokenByCode({ code: back.searchParams.get("code"), scopes, redirectUri: redirect, codeVerifier: verifier })) };
}

const call = (token) => fetch(`${environment}/api/data/v9.2/WhoAmI`, { headers: { authorization: `Bearer ${token}` } });
const hours = (result) => (result.expiresOn - Date.now()) / 3_600_000;

await check("has tokens for a day when it can handle a challenge", async () => {
  const able = hours(await person(["cp1"]));
  assert.ok(able > 20 && able < 28, `${able} hours`);
  const plain = hours(await person());
  assert.ok(plain < 1.6, `${plain} hours`);
});

await check("answers a challenge with a token that has the claims", async () => {
  const { app, account, accessToken } = await person(["cp1"]);
  assert.equal((await call(accessToken)).status, 200);
  await control("POST", "tokens", { action: "challenge" });
  const refused = await call(accessToken);
  assert.equal(refused.status, 401);
  const header = refused.headers.get("www-authenticate");
  assert.match(header, /error="insufficient_claims"/);
  const claims = Buffer.from(/claims="([^"]+)"/.exec(header)[1], "base64").toString();
  assert.ok(JSON.parse(claims).access_token.nbf.essential);
  const again = await app.acquireTokenSilent({ account, scopes, claims });
  assert.equal(again.fromCache, false);
  assert.equal((await call(again.accessToken)).status, 200);
});

await check("leaves clients that cannot handle one alone", async () => {
  const { accessToken } = await person();
  await control("POST", "tokens", { action: "challenge" });
  assert.equal((await call(accessToken)).status, 200);
});
