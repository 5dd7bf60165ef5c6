// Where the sandbox is, and a person at its sign-in pages. Every name that is
// not this machine's own leads to the sandbox, in this process only.
import crypto from "node:crypto";
import fs from "node:fs";
import net from "node:net";

const want = (name) => process.env[name] ?? fail(`${name} is not set`);
const fail = (message) => {
  throw new Error(message);
};

export const sandbox = {
  environment: want("SANDBOX_ENVIRONMENT"), // https://contoso.crm.dynamics.com
  authority: "https://login.microsoftonline.com",
  tenant: want("SANDBOX_TENANT"),
  organization: want("SANDBOX_ORGANIZATION"),
  clientID: want("SANDBOX_CLIENT_ID"),
  clientSecret: want("SANDBOX_CLIENT_SECRET"),
  publicClientID: want("SANDBOX_PUBLIC_CLIENT_ID"),
  certificate: fs.readFileSync(want("SANDBOX_CERTIFICATE"), "utf8"), // and its private key, as PEM
  accounts: Number(want("SANDBOX_ACCOUNTS")), // rows
  redirect: "http://localhost:9/oauth/callback",
  get scope() {
    return `${this.environment}/user_impersonation`;
  },
  get everything() {
    return `${this.environment}/.default`;
  },
};

// control changes the conditions in the sandbox while it runs.
export async function control(method, path, body) {
  const answer = await fetch(`https://${address}:${port}/sandbox/${path}`, { method, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
}

// thumbprint is the hash of the client's certificate that assertions name.
export const thumbprint = (encoding) => crypto.createHash("sha256").update(new crypto.X509Certificate(sandbox.certificate).raw).digest(encoding);

const [address, port] = want("SANDBOX_ADDRESS").split(":");
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const list = Array.isArray(args[0]) ? args[0] : args;
  if (typeof list[0] === "object" && !["localhost", "127.0.0.1"].includes(list[0].host)) {
    list[0] = { ...list[0], host: address, port: Number(port) };
  }
  return connect.apply(this, args);
};

const unescape = (s) =>
  s.replace(/&#(\d+);/g, (_, n) => String.fromCodePoint(n)).replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");

// signIn opens an authorize address the way a person does: it chooses the
// first account, decides about the permissions, and returns the address that
// the browser is sent back to.
export async function signIn(start, decision = "accept") {
  const cookies = new Map();
  let next = { url: new URL(start) };
  for (let pages = 0; pages < 10; pages++) {
    const answer = await fetch(next.url, {
      ...next.init,
      redirect: "manual",
      headers: { cookie: [...cookies].map(([k, v]) => `${k}=${v}`).join("; ") },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      cookies.set(name, value);
    }
    const location = answer.headers.get("location");
    if (location) {
      const url = new URL(location, next.url);
      if (location.startsWith(sandbox.redirect)) return url;
      next = { url };
      continue;
    }
    const page = await answer.text();
    const fields = new URLSearchParams();
    for (const [, name, value] of page.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)) fields.append(name, unescape(value));
    const buttons = [...page.matchAll(/<button [^>]*name="([^"]*)" value="([^"]*)"/g)];
    const button = buttons.find(([, name, value]) => name === "account" || value === decision);
    const form = /<form [^>]*action="([^"]*)"/.exec(page);
    if (!form || !button) throw new Error(`the sign-in stops at ${answer.status} ${page.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ")}`);
    fields.append(button[1], button[2]);
    next = { url: new URL(unescape(form[1]), next.url), init: { method: "POST", body: fields } };
  }
  throw new Error("the sign-in goes on for too many pages");
}

// userToken signs the first account in, by hand, for judges that are not
// about signing in.
export async function userToken() {
  const verifier = crypto.randomBytes(32).toString("base64url");
  const root = `${sandbox.authority}/${sandbox.tenant}/oauth2/v2.0`;
  const back = await signIn(
    `${root}/authorize?` +
      new URLSearchParams({
        client_id: sandbox.clientID,
        response_type: "code",
        redirect_uri: sandbox.redirect,
        scope: sandbox.scope,
        code_challenge: crypto.createHash("sha256").update(verifier).digest("base64url"),
        code_challenge_method: "S256",
      }),
  );
  const answer = await fetch(`${root}/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: sandbox.clientID,
      client_secret: sandbox.clientSecret,
      code: back.searchParams.get("code"),
      redirect_uri: sandbox.redirect,
      code_verifier: verifier,
    }),
  });
  return (await answer.json()).access_token ?? fail(`no token but ${answer.status}`);
}
