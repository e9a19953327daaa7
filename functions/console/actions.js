// What people do with sessions and events. Each dangerous action asks first, and says what it will do.

import { call, engineOf, linkTo, parts, spelled } from "./api.js";
import { copy, h, many, notify, text } from "./elements.js";
import { ask, showJson } from "./dialogs.js";
import { parse } from "./json.js";
import { exportSessions } from "./transfer.js";

export { exportSessions, importSessions } from "./transfer.js";

const DAY = 86_400;
const REDACTED = "[redacted]";

export function createSession(engine, navigate) {
  return ask({
    title: "New session",
    fields: [
      { name: "user", label: "User", required: true },
      ...(engine
        ? []
        : [
            {
              name: "engine",
              label: "Engine",
              value: "1",
              required: true,
              hint: "An engine need not exist before its sessions.",
            },
          ]),
      { name: "title", label: "Name", hint: "Empty: the server chooses an id alone." },
    ],
    confirm: "Create",
    run: async ({ user, engine: chosen, title }) => {
      const parent = engine || `reasoningEngines/${chosen.trim()}`;
      const operation = await call("POST", `${parent}/sessions`, {
        body: { userId: user, ...(title ? { displayName: title } : {}) },
      });
      navigate(linkTo(operation.response.name));
    },
  });
}

// Appends what the user says, as a turn of its own.
export async function appendMessage(page, said) {
  const newest = page.conversation.events.at(-1)?.event.timestamp ?? "";
  const now = new Date().toISOString();
  const body = {
    author: "user",
    invocationId: `console-${crypto.randomUUID()}`,
    // The clock of this machine may be behind that of the agent.
    timestamp: new Date(newest) > new Date(now) ? newest : now,
    content: { role: "user", parts: [{ text: said }] },
  };
  await call("POST", `${page.name}:appendEvent`, {
    query: { requestId: crypto.randomUUID() },
    body,
  });
}

// Actions on the session of a page; null stands for a line between.
export function sessionActions(page) {
  const { name, session } = page;
  const id = parts(name).sessions;
  const called = session.displayName || id;
  const update = (mask, body) =>
    call("PATCH", name, { query: { updateMask: mask }, body }).then(page.changed);
  return [
    {
      label: "Rename…",
      run: () =>
        ask({
          title: "Rename the session",
          fields: [{ name: "title", label: "Name", value: session.displayName }],
          confirm: "Rename",
          run: ({ title }) => update("displayName", { displayName: title }),
        }),
    },
    {
      label: "Labels…",
      run: () =>
        ask({
          title: "Labels of the session",
          fields: [
            {
              name: "labels",
              label: "Labels",
              type: "lines",
              value: Object.entries(session.labels ?? {})
                .map(([key, value]) => `${key}=${value}`)
                .join("\n"),
              hint: "One a line, as key=value: small letters, digits, _ and -.",
            },
          ],
          confirm: "Save",
          run: ({ labels }) => update("labels", { labels: labelsOf(labels) }),
        }),
    },
    {
      label: "Extend…",
      run: () =>
        ask({
          title: "Extend the session",
          message: [
            `It expires ${session.expireTime ? new Date(session.expireTime).toLocaleString() : "at a time that is not known yet"}.`,
          ],
          fields: [
            {
              name: "days",
              label: "Days from now",
              type: "number",
              min: 1,
              step: 1,
              value: 365,
              required: true,
            },
          ],
          confirm: "Extend",
          run: ({ days }) => update("ttl", { ttl: `${Math.round(Number(days) * DAY)}s` }),
        }),
    },
    { key: "fork", label: "Fork…", run: () => fork(page) },
    {
      label: "Export to a file",
      run: () =>
        exportSessions(
          engineOf(name),
          `user_id=${JSON.stringify(session.userId)} AND create_time="${session.createTime}"`,
          id,
        ),
    },
    { label: "Raw JSON", run: () => showJson("Session", session) },
    {
      label: "Copy the link",
      run: () => copy(`${location.href.split("#")[0]}${linkTo(name)}`, "the link"),
    },
    null,
    { label: "Purge events…", isDangerous: true, run: () => purgeEvents(page) },
    {
      label: "Delete the session…",
      isDangerous: true,
      run: () =>
        ask({
          title: `Delete ${called}?`,
          message: [
            `The session and ${session.eventCount === undefined ? "all its events" : many(session.eventCount, "event")} are gone for everybody, at once and for good. State of the user and of the app stays.`,
          ],
          confirm: "Delete the session",
          isDangerous: true,
          run: () =>
            page.ending(async () => {
              await call("DELETE", name);
              notify(`Deleted ${called}.`);
              page.navigate(linkTo(engineOf(name)));
            }),
        }),
    },
    {
      label: `Erase user ${session.userId ?? ""}…`,
      isDangerous: true,
      run: () =>
        page
          .ending(() => eraseUser(engineOf(name), session.userId))
          .then((done) => done && page.navigate("")),
    },
  ];
}

function labelsOf(lines) {
  const pairs = lines
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key, ...value] = pair.split("=");
      return [key.trim(), value.join("=").trim()];
    }),
  );
}

// Actions on one event of a page's session.
export function eventActions(page, entry) {
  const { event, id } = entry;
  const invocation = event.invocationId;
  return [
    { label: "Raw JSON", run: () => showJson("Event", parse(entry.source)) },
    {
      label: "Copy the link",
      run: () => copy(`${location.href.split("#")[0]}${linkTo(event.name)}`, "the link"),
    },
    null,
    { label: "Fork from here…", run: () => fork(page, entry) },
    {
      label: "Rewind to before this turn…",
      isDangerous: true,
      run: () =>
        ask({
          title: "Rewind to before this turn?",
          message: [
            h(
              "p",
              {},
              "The state of the session becomes what it was before invocation ",
              h("code", {}, text(invocation)),
              ". No event goes: one event is appended that says so, and agents then go on from there. State of the user and of the app stays.",
            ),
          ],
          confirm: "Rewind",
          isDangerous: true,
          run: async () => {
            await call("POST", `${page.name}:rewind`, {
              query: { requestId: crypto.randomUUID() },
              body: { beforeInvocationId: invocation },
            });
            page.changed();
            notify("The state is rewound.");
          },
        }),
    },
    {
      label: "Redact…",
      isDangerous: true,
      run: () =>
        ask({
          title: "Redact this event?",
          message: [
            "What the event says is replaced for everybody, for good. Its author, its time and what it did to the state stay.",
          ],
          fields: [{ name: "text", label: "Instead it says", type: "lines", value: REDACTED }],
          confirm: "Redact the event",
          isDangerous: true,
          run: async ({ text: instead }) => {
            const content = { role: event.content?.role || "model", parts: [{ text: instead }] };
            const changed = await call("PATCH", event.name, {
              query: { updateMask: "content,rawEvent" },
              body: { content },
            });
            page.replaced(id, changed);
          },
        }),
    },
    {
      label: "Delete the event…",
      isDangerous: true,
      run: () =>
        ask({
          title: "Delete this event?",
          message: ["The event is gone for everybody, for good. What it did to the state stays."],
          confirm: "Delete the event",
          isDangerous: true,
          run: async () => {
            await call("DELETE", event.name);
            page.replaced(id);
          },
        }),
    },
  ];
}

function fork(page, entry) {
  const { name, session } = page;
  const through = entry
    ? "up to this event, and the state as it was right after it"
    : "and the state as it is";
  return ask({
    title: entry ? "Fork from here" : "Fork the session",
    message: [
      `A new session of the same user gets all events ${through}. This session stays as it is.`,
    ],
    fields: [
      {
        name: "title",
        label: "Name",
        value: session.displayName ? `${session.displayName} (fork)` : "",
      },
    ],
    confirm: "Fork",
    run: async ({ title }) => {
      const body = {
        ...(entry ? { throughEvent: entry.event.name } : {}),
        ...(title ? { session: { displayName: title } } : {}),
      };
      // Of a large session the server copies a part at a time: the same request goes on with it.
      const query = { requestId: crypto.randomUUID() };
      let operation;
      do {
        operation = await call("POST", `${name}:fork`, { query, body });
      } while (!operation.done);
      notify("Forked.");
      page.navigate(linkTo(operation.response.name));
    },
  });
}

async function purgeEvents(page) {
  const path = `${page.name}/events:purge`;
  const asked = await ask({
    title: "Purge events",
    message: ["First you learn how many events a filter finds. Nothing is removed yet."],
    fields: [
      {
        name: "filter",
        label: "Filter",
        value: "*",
        required: true,
        hint: 'Such as event_type="THINKING", or * for all.',
      },
    ],
    confirm: "Count them",
    run: async ({ filter }) => ({
      filter,
      found: await call("POST", path, { body: { filter, force: false } }),
    }),
  });
  if (!asked) return;
  const { filter, found } = asked;
  await ask({
    title: `Purge ${many(found.purgeCount ?? 0, "event")}?`,
    message: [
      h(
        "p",
        {},
        "Events that pass ",
        h("code", {}, text(filter)),
        " are gone for everybody, for good. What they did to the state stays.",
      ),
    ],
    confirm: "Purge the events",
    isDangerous: true,
    run: async () => {
      let purged = 0;
      let answer;
      do {
        answer = await call("POST", path, {
          query: { requestId: crypto.randomUUID() },
          body: { filter, force: true },
        });
        purged += answer.purgeCount ?? 0;
      } while (answer.done === false);
      notify(`Purged ${many(purged, "event")}.`);
      await page.purged();
    },
  });
}

// Says how much a user has, and erases it once the person agrees. `engine` may be `…/-` for all.
export async function eraseUser(engine, known = "") {
  const where =
    parts(engine).reasoningEngines === "-"
      ? "in all engines"
      : `in engine ${parts(engine).reasoningEngines}`;
  const asked = await ask({
    title: "Erase a user",
    message: [`First you learn how much the user has ${where}. Nothing is removed yet.`],
    fields: [{ name: "user", label: "User", value: known, required: true }],
    confirm: "Count it",
    run: async ({ user }) => {
      const path = `${engine}/users/${spelled(user)}:erase`;
      const found = await call("POST", path, { query: { dryRun: true }, body: {} });
      return { user, path, found };
    },
  });
  if (!asked) return undefined;
  const { user, path, found } = asked;
  return ask({
    title: "Erase the user?",
    message: [
      h(
        "p",
        {},
        "Of user ",
        h("strong", {}, text(user)),
        ` ${where}, `,
        h("strong", {}, many(found.erasedSessions ?? 0, "session")),
        " with ",
        h("strong", {}, many(found.erasedEvents ?? 0, "event")),
        " and the user's state are gone for everybody, for good.",
      ),
    ],
    confirm: "Erase the user",
    isDangerous: true,
    run: async () => {
      const erased = { sessions: 0, events: 0 };
      let answer;
      do {
        answer = await call("POST", path, { body: {} });
        erased.sessions += answer.erasedSessions ?? 0;
        erased.events += answer.erasedEvents ?? 0;
      } while (answer.done === false);
      notify(`Erased ${many(erased.sessions, "session")} with ${many(erased.events, "event")}.`);
    },
  });
}

// Counts the expired sessions that are still stored, and removes them once the person agrees.
export async function purgeExpired() {
  const found = await call("POST", "sessions:purgeExpired", { query: { dryRun: true } });
  const number = found.expiredSessions ?? 0;
  if (!number) {
    notify("Nothing has expired that is still stored.");
    return undefined;
  }
  return ask({
    title: `Purge ${found.atLeast ? "at least " : ""}${many(number, "expired session")}?`,
    message: [
      `Nobody can read them any more. The oldest expired ${new Date(found.oldestExpireTime).toLocaleString()}. Their documents are removed for good.`,
    ],
    confirm: "Purge them",
    isDangerous: true,
    run: async () => {
      const purged = { sessions: 0, events: 0 };
      let answer;
      do {
        answer = await call("POST", "sessions:purgeExpired");
        purged.sessions += answer.purgedSessions;
        purged.events += answer.deletedEvents;
      } while (!answer.done);
      notify(`Purged ${many(purged.sessions, "session")} with ${many(purged.events, "event")}.`);
    },
  });
}
