// The panels beside a conversation: its runs along a timeline, its state, and facts about it.

import { engineOf, linkTo, parts } from "./api.js";
import { showJson } from "./dialogs.js";
import {
  button,
  chips,
  copy,
  count,
  duration,
  h,
  iconButton,
  many,
  text,
  time,
} from "./elements.js";
import { preview, tree } from "./json.js";

const GAP = 60_000;
const FIRST = 100;

// The runs in their order, each with its duration as a bar; a pause of a minute or more is told.
export function runsPanel(runs, go) {
  if (!runs.length)
    return h(
      "p",
      { class: "muted" },
      "No run yet. A run is what one invocation of the agent does.",
    );
  const longest = Math.max(1, ...runs.map(lasts));
  const item = (run, place) => {
    const pause = place ? new Date(run.startTime) - new Date(runs[place - 1].endTime) : 0;
    const tools = (run.toolCalls ?? []).map(({ name }) => name);
    const bar = h("span", { class: "bar" });
    bar.style.inlineSize = `${Math.max(2, (100 * lasts(run)) / longest)}%`;
    return [
      pause >= GAP && h("li", { class: "gap" }, `${duration(pause)} later`),
      h(
        "li",
        { class: run.state.toLowerCase() },
        button(
          [
            h(
              "span",
              { class: "line" },
              h("strong", {}, `Turn ${place + 1}`),
              h("span", {}, `${run.state.toLowerCase()}, ${duration(lasts(run))}`),
            ),
            h("span", { class: "track" }, bar),
            h("small", { class: "line" }, many(run.eventCount, "event"), time(run.startTime)),
            tools.length ? h("small", { class: "tools-used" }, text(tools.join(", "))) : undefined,
            run.errorMessage || run.errorCode
              ? h("small", { class: "failure" }, text(run.errorMessage || run.errorCode))
              : undefined,
          ],
          () => go(run.invocationId),
          { class: "run-item" },
        ),
        iconButton("braces", `Raw JSON of turn ${place + 1}`, () => showJson("Run", run)),
      ),
    ];
  };
  const list = h("ol", { class: "timeline" });
  // The document holds a bounded number of runs at first, as it does of events.
  const more = button("", () => add(), { class: "quiet" });
  let shown = 0;
  const add = () => {
    const next = runs.slice(shown, shown + FIRST);
    list.append(...next.flatMap((run, at) => item(run, shown + at)).filter(Boolean));
    shown += next.length;
    more.textContent = `Show ${many(Math.min(FIRST, runs.length - shown), "more run")}`;
    more.hidden = shown === runs.length;
  };
  add();
  return [list, more];
}

function lasts({ startTime, endTime }) {
  return new Date(endTime) - new Date(startTime);
}

const SCOPES = [
  ["", "Of this session"],
  ["user:", "Of the user, in all sessions of the engine"],
  ["app:", "Of the app, for everybody"],
];

// The state as a tree; each key with the events that changed it.
export function statePanel(state = {}, changes, go) {
  const keys = Object.keys(state);
  if (!keys.length && !changes.size)
    return h(
      "p",
      { class: "muted" },
      "The state is empty. What agents keep in it shows here as they change it.",
    );
  return SCOPES.map(([prefix, title]) => {
    const own = keys.filter((key) => (prefix ? key.startsWith(prefix) : !/^(user|app):/.test(key)));
    return (
      own.length > 0 &&
      h(
        "section",
        { class: "scope" },
        h("h2", {}, title),
        own.sort().map((key) => keyOfState(key, state[key], changes.get(key) ?? [], go)),
      )
    );
  }).filter(Boolean);
}

function keyOfState(key, value, changes, go) {
  const history =
    changes.length > 0 &&
    h(
      "details",
      { class: "history" },
      h("summary", {}, `Changed by ${many(changes.length, "event")}`),
      h(
        "ol",
        {},
        changes
          .slice(-100)
          .reverse()
          .map(({ entry, value: set }) =>
            h(
              "li",
              {},
              button(
                [
                  h(
                    "span",
                    { class: "line" },
                    text(entry.event.author),
                    time(entry.event.timestamp),
                  ),
                  h("code", {}, text(preview(set, 60))),
                ],
                () => go(entry.id),
                { class: "link" },
              ),
            ),
          ),
      ),
    );
  return h("div", { class: "state-key tree" }, tree(value, key), history);
}

// What the session tells of itself.
export function aboutPanel(session, actions) {
  const {
    name,
    userId,
    labels = {},
    createTime,
    updateTime,
    expireTime,
    eventCount,
    usage = {},
    lastEventTime,
    forkedFrom,
    etag,
  } = session;
  const facts = [
    [
      "Name",
      [
        h("code", { class: "breaks" }, text(name)),
        iconButton("copy", "Copy the name", () => copy(name, "the name")),
      ],
    ],
    ["User", [h("a", { href: linkTo(engineOf(name), { user: userId }) }, text(userId))]],
    ["Labels", chips(labels)],
    ["Created", [time(createTime)]],
    ["Updated", [time(updateTime)]],
    ["Expires", [time(expireTime)]],
    ["Last event", [time(lastEventTime)]],
    ["Events", [count(eventCount)]],
    ["Tokens", usageOf(usage)],
    ["Forked from", origin(forkedFrom)],
    ["ETag", etag ? [h("code", { class: "breaks" }, text(etag))] : []],
  ];
  return [
    h(
      "dl",
      { class: "facts" },
      facts
        .filter(([, shown]) => shown.some(Boolean))
        .map(([term, shown]) => [h("dt", {}, term), h("dd", {}, shown)]),
    ),
    h(
      "div",
      { class: "stack" },
      actions
        .filter(Boolean)
        .map(({ label, run, isDangerous }) =>
          button(label, run, { class: isDangerous ? "danger quiet" : "quiet" }),
        ),
    ),
  ];
}

function usageOf({ promptTokenCount, candidatesTokenCount, totalTokenCount }) {
  const told = [
    [promptTokenCount, "in"],
    [candidatesTokenCount, "out"],
    [totalTokenCount, "in all"],
  ];
  const known = told
    .filter(([value]) => value !== undefined)
    .map(([value, kind]) => `${count(value)} ${kind}`);
  return known.length ? [known.join(", ")] : [];
}

function origin(forkedFrom) {
  if (!forkedFrom?.session) return [];
  const { session, event } = forkedFrom;
  const target = event?.includes("/") ? event : event ? `${session}/events/${event}` : session;
  return [
    h("a", { href: linkTo(target) }, text(parts(session).sessions)),
    event ? " at this event" : "",
  ];
}
