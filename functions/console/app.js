// Starts the console: the bar, the page that the address names, and the keys.

import { ApiError, linkTo, parts, settings } from "./api.js";
import { showKeys } from "./dialogs.js";
import { button, h, iconButton, notify, text } from "./elements.js";
import { sessionPage } from "./session_page.js";
import { sessionsPage } from "./sessions_page.js";
import { isSignedIn, needsCredential, returnFromIssuer, signIn, signOut } from "./sign_in.js";

const main = document.querySelector("main");
const THEME = "theme";

let page;

// The address after `#` is a resource's name: nothing for all sessions, an engine for its own, a
// session, or one of its events.
function route() {
  const [sent, query = ""] = location.hash.slice(1).split("?");
  const name = decoded(sent);
  if (page?.stays?.(name)) return;
  page?.close();
  const isSession = "sessions" in parts(name) && parts(name).sessions;
  page = isSession
    ? sessionPage(name, navigate)
    : sessionsPage(name, new URLSearchParams(query), navigate);
  main.replaceChildren(page.element);
  document.querySelector(".path").replaceChildren(...places(name));
  document.title = isSession ? `${parts(name).sessions} · Sessions` : "Sessions";
  page.opened?.();
}

function decoded(name) {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function navigate(address) {
  location.hash = address;
}

function places(name) {
  const { locations, reasoningEngines, sessions } = parts(name);
  const steps = [];
  if (locations && locations !== "-")
    steps.push(h("span", { class: "wide-only" }, text(locations)));
  if (reasoningEngines && reasoningEngines !== "-") {
    const engine = name.replace(/\/sessions.*/, "");
    steps.push(h("a", { href: linkTo(engine) }, "Engine ", text(reasoningEngines)));
  }
  if (sessions) steps.push(h("span", { "aria-current": "page" }, text(sessions)));
  return steps;
}

function tools() {
  const who = isSignedIn()
    ? button("Sign out", signOut, { class: "quiet" })
    : needsCredential &&
      button("Sign in", () => signIn().then((done) => done && location.reload()), {
        class: "quiet",
      });
  return [
    who,
    iconButton("theme", "Dark or light", changeTheme),
    button("?", showKeys, { class: "quiet square", "aria-label": "Keys", title: "Keys" }),
  ].filter(Boolean);
}

function showTheme() {
  document.documentElement.dataset.theme = localStorage.getItem(THEME) ?? "auto";
}

function changeTheme() {
  const isDark =
    getComputedStyle(document.documentElement).colorScheme === "dark" ||
    (document.documentElement.dataset.theme === "auto" &&
      matchMedia("(prefers-color-scheme: dark)").matches);
  localStorage.setItem(THEME, isDark ? "light" : "dark");
  showTheme();
}

function isTyping(target) {
  return target.closest("input, textarea, select, dialog[open], .menu") !== null;
}

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (key === "Escape" && !target.closest("dialog, .menu")) {
    target.blur();
    return;
  }
  if (isTyping(target)) return;
  const isPressed = key === "Enter" && target.closest("button, a, summary");
  const handler = key === "?" ? showKeys : page?.keys?.[key];
  if (!handler || isPressed) return;
  event.preventDefault();
  handler();
});

// What no other place of the code caught, said in a sentence.
addEventListener("unhandledrejection", (event) => {
  if (event.reason?.name === "AbortError") event.preventDefault();
  if (event.reason instanceof ApiError) {
    event.preventDefault();
    notify(event.reason.message, { isError: true });
  }
});

addEventListener("hashchange", route);

showTheme();
document.querySelector(".brand").title = settings.version ? `Version ${settings.version}` : "";
try {
  await returnFromIssuer();
} catch (error) {
  notify(error.message, { isError: true });
}
document.querySelector(".tools").replaceChildren(...tools());
route();
