// Calls the API of the server, as any other client does.

import { parse } from "./json.js";

export const settings = JSON.parse(document.querySelector("meta[name=settings]").content);

const BASE = `${settings.api || new URL("..", location.href.split("#")[0]).href.replace(/\/$/, "")}/v1beta1/`;
const CREDENTIAL = "credential";
const NOT_MODIFIED = 304;

// An answer of the server that is no success; the message is for people.
export class ApiError extends Error {
  constructor(message, { code = 0, status = "", retryAfter = 0 } = {}) {
    super(message);
    Object.assign(this, { code, status, retryAfter });
  }
}

// The credential of this tab, `{kind: "key" | "token", value}`, or null. The tab alone keeps it.
export function credential() {
  return JSON.parse(sessionStorage.getItem(CREDENTIAL) ?? "null");
}

export function setCredential(value) {
  if (value) sessionStorage.setItem(CREDENTIAL, JSON.stringify(value));
  else sessionStorage.removeItem(CREDENTIAL);
}

function headers(more) {
  const known = credential();
  // A server with EXTENSIONS=false shows the console what the managed service lacks, too.
  const all = { ...more, "X-Extensions": "true" };
  if (!known) return all;
  return known.kind === "key"
    ? { ...all, "x-goog-api-key": known.value }
    : { ...all, Authorization: `Bearer ${known.value}` };
}

function address(path, query) {
  // A name may hold characters that stand for something else in an address.
  const spelled = path
    .split("/")
    .map((segment) => encodeURIComponent(segment).replaceAll("%3A", ":"))
    .join("/");
  const search = new URLSearchParams(
    Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== ""),
  );
  return `${BASE}${spelled}${search.size ? `?${search}` : ""}`;
}

// Sends a request and returns the answer, whatever its body. Raises ApiError, and the AbortError of
// `signal`.
export async function send(
  verb,
  path,
  { query, body, type = "application/json", signal, more } = {},
) {
  let answer;
  try {
    answer = await fetch(address(path, query), {
      method: verb,
      headers: headers({ ...more, ...(body === undefined ? {} : { "Content-Type": type }) }),
      body:
        body === undefined || typeof body === "string" || body instanceof Blob
          ? body
          : JSON.stringify(body),
      signal,
      cache: "no-store",
      // The credential is in the headers; cookies of the origin are not meant for the API.
      credentials: settings.api ? "omit" : "same-origin",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(
      "The server does not answer. Check that it runs and that this machine reaches it.",
      { status: "UNREACHABLE" },
    );
  }
  if (!answer.ok && answer.status !== NOT_MODIFIED) throw await errorOf(answer, verb, path);
  return answer;
}

// Sends a request and returns the JSON of its answer; undefined if the answer is 304.
export async function call(verb, path, options) {
  const answer = await send(verb, path, options);
  return answer.status === NOT_MODIFIED ? undefined : parse(await answer.text());
}

async function errorOf(answer, verb, path) {
  let told = {};
  try {
    told = JSON.parse(await answer.text()).error ?? {};
  } catch {
    // Cloud Run's own pages are HTML.
  }
  const message = told.message?.replace(/\t/g, " ") ?? "";
  const facts = {
    code: answer.status,
    status: told.status ?? "",
    retryAfter: Number(answer.headers.get("Retry-After") ?? 0),
  };
  if (/^There is no path /.test(message)) {
    return new ApiError(
      `This server has no such method yet: ${verb} ${path}. A newer version of it may have one.`,
      { ...facts, status: "NO_SUCH_METHOD" },
    );
  }
  const sentences = {
    401: `Sign in first, please. ${message}`,
    403: `You may not do this. ${message || "The server refused it."}`,
    413: `That is more than the server takes at once. ${message}`,
    429: `The server is busy. ${message}`,
  };
  return new ApiError(
    sentences[answer.status] ??
      (message || `The server answered ${answer.status} ${answer.statusText}.`),
    facts,
  );
}

let isFullKnown = true;

// Gets a resource with `view=FULL`, or without a view if the server does not know the parameter. Returns
// undefined if the resource still has the etag.
export async function callFull(path, query, signal, etag) {
  const more = etag ? { "If-None-Match": `"${etag}"` } : {};
  if (isFullKnown) {
    try {
      return await call("GET", path, { query: { ...query, view: "FULL" }, signal, more });
    } catch (error) {
      if (!(error.code === 400 && /Unknown name "view"/.test(error.message))) throw error;
      isFullKnown = false;
    }
  }
  return call("GET", path, { query, signal });
}

// Yields every item of a list, page by page.
export async function* pages(path, field, query, signal) {
  let pageToken = "";
  do {
    const page = await call("GET", path, { query: { ...query, pageToken }, signal });
    yield page[field] ?? [];
    pageToken = page.nextPageToken ?? "";
  } while (pageToken);
}

// Yields the lists of messages `{id, type, data}` of a stream of Server-Sent Events, each list as
// soon as it is there. An EventSource would put the credential into the address, where logs find it.
export async function* stream(path, { query, lastEventId, signal }) {
  const more = {
    Accept: "text/event-stream",
    ...(lastEventId ? { "Last-Event-ID": lastEventId } : {}),
  };
  const answer = await send("GET", path, { query, signal, more });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  yield [];
  for (;;) {
    let piece;
    try {
      piece = await reader.read();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      return;
    }
    if (piece.done) return;
    const blocks = (rest + piece.value).split("\n\n");
    rest = blocks.pop();
    yield blocks.map(message).filter((each) => each.data);
  }
}

function message(block) {
  const fields = { id: "", type: "message", data: "" };
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    const name = line.slice(0, at);
    const value = line.slice(at + 1).replace(/^ /, "");
    if (name === "event") fields.type = value;
    else if (name === "id" || name === "data") fields[name] = value;
  }
  return fields;
}

// Returns the parts of the name of an engine or of what it holds.
export function parts(name) {
  const words = name.split("/");
  const found = {};
  for (let at = 0; at + 1 < words.length; at += 2) found[words[at]] = words[at + 1];
  return found;
}

// Returns the name of a name's engine.
export function engineOf(name) {
  return name.replace(/(reasoningEngines\/[^/]+).*/, "$1");
}

// Spells a user id as one segment of a name, as the server spells invocation ids.
export function spelled(id) {
  return Array.from(new TextEncoder().encode(id), (byte) => {
    const letter = String.fromCharCode(byte);
    return /[A-Za-z0-9_-]/.test(letter)
      ? letter
      : `~${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}

// Returns the address of a resource's page in the console.
export function linkTo(name, query) {
  const search = new URLSearchParams(Object.entries(query ?? {}).filter(([, value]) => value));
  return `#${name.split("/").map(encodeURIComponent).join("/")}${search.size ? `?${search}` : ""}`;
}
