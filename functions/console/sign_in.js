// Signs people in: a key or a token that they paste, or the issuer's own page.
//
// See rfc-editor.org/rfc/rfc7636 for PKCE, and openid.net/specs/openid-connect-core-1_0.html.

import { credential, setCredential, settings } from "./api.js";
import { button, h, notify } from "./elements.js";
import { ask } from "./dialogs.js";

const PENDING = "sign-in";

const isImplicit = settings.responseType === "id_token";

export const needsCredential = !settings.auth.includes("none");

const SAID = {
  api_key: "an API key",
  id_token: "an ID token of the issuer",
  access_token: "an access token, as `gcloud auth print-access-token` prints it",
  google_iam: "an access token, as `gcloud auth print-access-token` prints it",
  iam: "an identity token, as `gcloud auth print-identity-token` prints it",
};

// Asks for a credential, and resolves once there is one.
export function signIn(reason = "") {
  const kinds = settings.auth.filter((kind) => kind !== "none");
  const message = [
    reason,
    `This server takes ${[...new Set(kinds.map((kind) => SAID[kind]))].join(", or ") || "callers without a credential"}.`,
    "This tab alone keeps what you paste, until you close it or sign out.",
  ].filter(Boolean);
  if (kinds.includes("iam")) {
    message.push(
      h(
        "p",
        {},
        "Cloud Run's IAM guards this server. The simplest way in is ",
        h("code", {}, "gcloud run services proxy SERVICE"),
        ": it signs every request for you, and then you need to paste nothing.",
      ),
    );
  }
  if (settings.issuer && settings.clientId) {
    message.push(
      button(
        `Sign in at ${new URL(settings.issuer).host}`,
        () => goToIssuer().catch((error) => notify(error.message, { isError: true })),
        { class: "primary wide" },
      ),
    );
  }
  const takesKeys = kinds.includes("api_key");
  const takesTokens = kinds.some((kind) => kind !== "api_key");
  const both = takesKeys && takesTokens;
  return ask({
    title: "Sign in",
    message,
    fields: [
      ...(both
        ? [
            {
              name: "kind",
              label: "Kind",
              value: "key",
              options: [
                ["key", "API key"],
                ["token", "Token"],
              ],
            },
          ]
        : []),
      {
        name: "value",
        label: takesKeys && !both ? "API key" : "Key or token",
        type: "password",
        required: true,
      },
    ],
    confirm: "Sign in",
    run: ({ kind = takesKeys ? "key" : "token", value }) =>
      setCredential({ kind, value: value.trim() }),
  });
}

export function signOut() {
  setCredential(null);
  location.reload();
}

export function isSignedIn() {
  return credential() !== null;
}

function here() {
  return `${location.origin}${location.pathname}`;
}

function random() {
  return base64(crypto.getRandomValues(new Uint8Array(32)));
}

function base64(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

async function endpoints() {
  const answer = await fetch(
    `${settings.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`,
  );
  return answer.json();
}

async function goToIssuer() {
  const { authorization_endpoint: page } = await endpoints();
  const url = new URL(page);
  if (url.protocol !== "https:" && !/^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname))
    throw new Error("The issuer's page is not at https://.");
  const pending = { verifier: random(), state: random(), nonce: random(), hash: location.hash };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const query = {
    response_type: settings.responseType,
    client_id: settings.clientId,
    redirect_uri: here(),
    scope: "openid email profile",
    state: pending.state,
    nonce: pending.nonce,
    ...(isImplicit ? {} : await challenge(pending.verifier)),
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  location.assign(url);
}

async function challenge(verifier) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return { code_challenge: base64(new Uint8Array(digest)), code_challenge_method: "S256" };
}

// Completes a sign-in if the issuer has sent the browser back: with a code behind `?` in the address, or
// with a token behind `#`, which no server sees.
export async function returnFromIssuer() {
  const sent = new URLSearchParams(isImplicit ? location.hash.slice(1) : location.search);
  if (!sent.has("state")) return;
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? "{}");
  sessionStorage.removeItem(PENDING);
  history.replaceState(null, "", `${location.pathname}${pending.hash ?? ""}`);
  if (sent.get("state") !== pending.state)
    throw new Error("The sign-in was not started in this tab. Sign in again, please.");
  if (sent.has("error"))
    throw new Error(
      `The issuer did not sign you in: ${sent.get("error_description") ?? sent.get("error")}.`,
    );
  const token = isImplicit ? sent.get("id_token") : await redeem(sent.get("code"), pending);
  if (claims(token).nonce !== pending.nonce)
    throw new Error("The issuer's token belongs to another sign-in. Sign in again, please.");
  setCredential({ kind: "token", value: token });
}

// Exchanges a code for an ID token.
async function redeem(code, { verifier }) {
  const { token_endpoint: address } = await endpoints();
  const answer = await fetch(address, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code,
      redirect_uri: here(),
      client_id: settings.clientId,
      code_verifier: verifier,
    }),
  });
  const told = await answer.json();
  if (!told.id_token)
    throw new Error(
      `The issuer gave no token: ${told.error_description ?? told.error ?? answer.status}.`,
    );
  return told.id_token;
}

// Returns the claims of a token without a check: the server checks the signature.
function claims(token) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  return JSON.parse(
    new TextDecoder().decode(Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0))),
  );
}
