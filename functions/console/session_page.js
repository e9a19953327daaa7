// The page of one session: its conversation, live, and what is known of it beside.

import { callFull, engineOf, linkTo, pages, parts } from "./api.js";
import { appendMessage, eventActions, sessionActions } from "./actions.js";
import { makeComposer } from "./composer.js";
import { Conversation, idOf } from "./conversation.js";
import { openMenu, showJson } from "./dialogs.js";
import { button, chips, h, icon, iconButton, many, text } from "./elements.js";
import { eventRow, runRow } from "./event_view.js";
import { makeFind } from "./find.js";
import { parse } from "./json.js";
import { makeChecks } from "./read_again.js";
import { followSession, readSessionEvents } from "./session_stream.js";
import { aboutPanel, runsPanel, statePanel } from "./side_panels.js";
import { signIn } from "./sign_in.js";
import { makeTabs } from "./tabs.js";
import { makeUnread } from "./unread.js";
import { WindowedList } from "./windowed_list.js";

const SETTLED = 300;
const REFRESH = 500;
const FRAME = 16;
const OPENING = 250;
const LONGEST_FILTER = 4000;

// `name` is that of the session, or of one of its events, which the page then shows first.
export function sessionPage(name, navigate) {
  const sessionName = name.replace(/\/events\/.*/, "");
  const leaving = new AbortController();
  const conversation = new Conversation();
  const context = { opened: new Set(), changes: () => changes, openMenu: openEventMenu };

  let session = { name: sessionName };
  const runs = new Map();
  let runsRead = 0;
  let rows = [];
  let changes = new Map();
  let wanted = parts(name).events;
  let hasSettled = false;
  let firstVersion;
  let summaries = 0;
  let touched = new Set();
  let drawing;
  let refreshing;
  let tab = "runs";

  const list = new WindowedList({
    label: "Conversation",
    estimate: (row) => (row.kind === "run" ? 52 : 96),
    render: (row) =>
      row.kind === "run"
        ? runRow({ ...row, run: runs.get(row.invocation) })
        : eventRow(row, context),
    onscroll: scrolled,
  });

  const title = h("h1");
  const subtitle = h("p", { class: "subtitle" });
  const live = h("span", { class: "live", role: "status" });
  const unread = makeUnread(list);
  const fault = h("div", { class: "fault", role: "alert" });
  const blank = h("div", { class: "empty", hidden: true });
  const panel = h("div", { class: "panel", role: "tabpanel", tabindex: 0, id: "panel" });
  const tabs = makeTabs(showTab, leaving.signal);
  const find = makeFind(conversation, showHit);
  const composer = makeComposer(say);

  const element = h(
    "section",
    { class: "page session", "data-tab": "talk" },
    h(
      "div",
      { class: "title" },
      h("div", { class: "names" }, title, subtitle),
      h(
        "div",
        { class: "buttons" },
        live,
        find.element,
        button("Fork", () => act("fork")),
        iconButton(
          "more",
          "Actions on the session",
          (event) => openMenu(event.currentTarget, actions()),
          { "aria-haspopup": "menu" },
        ),
      ),
    ),
    fault,
    h(
      "div",
      { class: "columns" },
      tabs.element,
      h("div", { class: "talk", id: "talk" }, list.element, blank, unread.element, composer),
      panel,
    ),
  );

  // -- The stream

  function follow() {
    setLive("loading", "Reading");
    return followSession(sessionName, leaving.signal, { take, tell });
  }

  function tell(state, error) {
    const say = {
      on: () => (hasSettled ? setLive("on", "Live") : settle()),
      off: () => setLive("off", "Reconnecting"),
      hidden: () => setLive("off", "Paused"),
      ended,
      full: () => readOnce(error),
      refused: () => explain(error),
    };
    return say[state]();
  }

  // Where the server holds no more streams, the page reads the list once, and says so.
  async function readOnce(error) {
    setLive("off", "Not live");
    await readSessionEvents(sessionName, leaving.signal, take);
    settle();
    fault.replaceChildren(
      h("p", {}, text(error.message), " The page does not follow the session."),
      button("Try again", () => (fault.replaceChildren(), follow())),
    );
  }

  function ended() {
    setLive("off", "Ended");
    settle();
    const what = "The session is gone: it was deleted, or it has expired.";
    fault.replaceChildren(h("p", {}, `${what} What was read of it stays here until you leave.`));
  }

  function explain(error) {
    setLive("off", "Not live");
    if (!conversation.events.length) list.element.hidden = composer.hidden = true;
    fault.replaceChildren(h("p", {}, text(error.message)));
    if (error.code === 401)
      fault.append(
        button("Sign in", () => signIn().then((done) => done && location.reload()), {
          class: "primary",
        }),
      );
  }

  function setLive(kind, label) {
    if (live.dataset.kind === kind && live.textContent === label) return;
    live.dataset.kind = kind;
    live.textContent = label;
  }

  let settling;

  // The stream tells no end of what was there: a moment without an event is that end.
  function settle() {
    clearTimeout(settling);
    settling = setTimeout(() => {
      hasSettled = true;
      if (live.dataset.kind === "loading") setLive("on", "Live");
      draw();
      if (wanted && !conversation.byId.has(wanted)) {
        fault.replaceChildren(h("p", {}, "The event of this address is not in the session."));
      }
      readSession();
      readRuns();
    }, SETTLED);
  }

  function take(event, source) {
    if (conversation.byId.has(idOf(event))) return;
    conversation.add(event, source, firstVersion);
    touched.add(event.invocationId);
    if (!hasSettled) settle();
    else {
      if (event.rawEvent?.actions?.compaction) summaries += 1;
      refresh();
    }
    // Drawing ten thousand rows at each frame would take longer than reading them.
    drawing ??= setTimeout(draw, hasSettled || !rows.length ? FRAME : OPENING);
  }

  function refresh() {
    clearTimeout(refreshing);
    refreshing = setTimeout(() => (readSession(), readRuns()), REFRESH);
  }

  // -- What is beside the events

  // While the session is removed, nothing asks for it: each answer would be an error.
  let isEnding = false;

  async function ending(work) {
    isEnding = true;
    try {
      return await work();
    } finally {
      isEnding = false;
      if (!leaving.signal.aborted) refresh();
    }
  }

  async function readSession() {
    if (isEnding) return;
    try {
      const changed = await callFull(sessionName, {}, leaving.signal, session.etag);
      if (!changed) return;
      session = changed;
      drawSession();
    } catch (error) {
      // The stream shows errors that last.
      if (error.name !== "AbortError" && ![401, 403, 404].includes(error.code)) throw error;
    }
  }

  async function readRuns() {
    if (isEnding) return;
    const ids = [...touched];
    touched = new Set();
    const terms = ids.map((id) => `invocation_id=${JSON.stringify(id)}`).join(" OR ");
    const filter = runs.size && terms.length <= LONGEST_FILTER ? terms : "";
    if (runs.size && !ids.length) return;
    const gone = new Set(filter ? ids : runs.keys());
    try {
      for await (const page of pages(`${sessionName}/runs`, "runs", { filter }, leaving.signal)) {
        for (const run of page) {
          runs.set(run.invocationId, run);
          gone.delete(run.invocationId);
        }
      }
      for (const id of gone) runs.delete(id);
      runsRead += 1;
    } catch (error) {
      if (error.name !== "AbortError" && error.code !== 404) throw error;
    }
    draw();
  }

  // -- Changes by other clients

  const checks = makeChecks(sessionName, conversation, {
    near: () =>
      rows
        .filter((row) => row.kind === "event" && list.mounted.has(row.key))
        .flatMap((row) => [...row.entries])
        .filter((entry) => conversation.byId.has(entry.id)),
    ask: readSession,
    version,
    isLive: () => live.dataset.kind === "on" && !isEnding,
    changed: (entries) => {
      for (const { event } of entries) touched.add(event.invocationId);
      draw();
      readRuns();
    },
    signal: leaving.signal,
  });

  // A compaction does not move the updateTime, but its summary arrives as an event.
  function version() {
    return session.updateTime && `${session.updateTime} ${summaries}`;
  }

  // -- Drawing

  function draw() {
    clearTimeout(drawing);
    drawing = undefined;
    const wasAtEnd = list.isAtEnd;
    rows = conversation.rows();
    changes = conversation.changes();
    unread.update(rows, conversation.arrived, { isOpening: !hasSettled, wasAtEnd });
    const numbers = new Map();
    for (const row of rows) {
      row.isNew = unread.isFirst(row);
      if (row.isNew) row.version += " new";
      if (row.kind !== "run") continue;
      if (!numbers.has(row.invocation)) numbers.set(row.invocation, numbers.size + 1);
      row.number = numbers.get(row.invocation);
      const run = runs.get(row.invocation);
      row.version += `${row.number} ${run?.state} ${run?.endTime}`;
    }
    list.set(rows, { follow: hasSettled });
    blank.hidden = Boolean(rows.length) || !hasSettled;
    if (!blank.hidden)
      blank.replaceChildren(
        h("h2", {}, "Nothing was said yet"),
        h("p", {}, "Events show here as agents append them. You can speak first, below."),
      );
    if (wanted && conversation.byId.has(wanted)) go(wanted, true);
    find.again();
    drawPanel();
  }

  function scrolled() {
    unread.scrolled();
    checks.soon();
  }

  function drawSession() {
    const { displayName, labels = {}, userId, eventCount, usage } = session;
    const id = parts(sessionName).sessions;
    title.replaceChildren(text(displayName || id));
    document.title = `${displayName || id} · Sessions`;
    subtitle.replaceChildren(
      ...[
        userId && h("span", {}, "User ", h("strong", {}, text(userId))),
        eventCount !== undefined && h("span", {}, many(eventCount, "event")),
        usage?.totalTokenCount !== undefined && h("span", {}, many(usage.totalTokenCount, "token")),
        h("span", {}, chips(labels)),
      ].filter(Boolean),
    );
    drawPanel();
  }

  let drawn = "";

  function showTab(key) {
    tab = key;
    element.dataset.tab = key;
    drawPanel();
  }

  function drawPanel() {
    const shown = tab;
    if (shown === "talk") return;
    const newest = { runs: runsRead, state: conversation.revision, about: 0 }[shown];
    const version = `${shown} ${newest} ${shown === "runs" ? "" : JSON.stringify(session)}`;
    if (version === drawn) return;
    drawn = version;
    const content = {
      runs: () => runsPanel([...runs.values()], goToRun),
      state: () => statePanel(session.sessionState, changes, (id) => go(id, true)),
      about: () => aboutPanel(session, actions()),
    }[shown]();
    panel.replaceChildren(...[content].flat());
    panel.setAttribute("aria-labelledby", `tab-${shown}`);
  }

  // -- Moving

  function go(id, isWanted = false) {
    const key = conversation.rowOf?.get(id) ?? id;
    if (isWanted) wanted = undefined;
    // On a narrow screen, the conversation is another tab.
    if (list.element.offsetParent === null) tabs.choose("talk");
    const row = list.reveal(key, "start");
    if (!row) return;
    row.focus({ preventScroll: true });
    row.classList.add("found");
    setTimeout(() => row.classList.remove("found"), 2000);
  }

  function goToRun(invocation) {
    const row = rows.find((each) => each.kind === "run" && each.invocation === invocation);
    if (row) go(row.key);
  }

  function step(by) {
    const events = rows.filter((row) => row.kind === "event");
    const current = document.activeElement?.closest("[data-row]")?.dataset.row;
    const at = events.findIndex((row) => row.key === current);
    const next =
      at < 0
        ? (events.find((row) => row.key === list.firstVisible) ?? events[0])
        : events[Math.min(events.length - 1, Math.max(0, at + by))];
    if (next) list.reveal(next.key)?.focus({ preventScroll: true });
  }

  function edge(place) {
    const events = rows.filter((row) => row.kind === "event");
    if (!events.length) return;
    if (place < 0) list.toEnd();
    list.reveal(events.at(place).key)?.focus({ preventScroll: true });
  }

  function showHit(id) {
    const row = list.reveal(conversation.rowOf.get(id), "start");
    for (const each of list.mounted.values()) each.element.classList.remove("found");
    row?.classList.add("found");
  }

  // -- Acting

  const page = {
    ending,
    get name() {
      return sessionName;
    },
    get session() {
      return session;
    },
    conversation,
    navigate,
    changed: () => (draw(), readSession(), readRuns()),
    replaced: (id, event) => {
      touched.add(conversation.byId.get(id)?.event.invocationId);
      conversation.replace(id, event, event && JSON.stringify(event));
      draw();
      refresh();
    },
    purged: async () => {
      await readSession();
      await checks.all();
    },
  };

  function actions() {
    return sessionActions(page);
  }

  function act(key) {
    actions()
      .find((action) => action?.key === key)
      .run();
  }

  function openEventMenu(anchor, entry) {
    openMenu(anchor, eventActions(page, entry));
  }

  async function say(said) {
    await appendMessage(page, said);
    list.toEnd();
  }

  function openRow() {
    const key = document.activeElement?.closest("[data-row]")?.dataset.row;
    const row = rows.find((each) => each.key === key);
    if (row) showJson("Event", parse(row.entry.source));
  }

  drawSession();
  tabs.draw();

  return {
    element,
    opened: async () => {
      // The page reads the session first, so no event of the stream is older than this version.
      try {
        await readSession();
      } finally {
        firstVersion = version();
        follow();
      }
    },
    close: () => leaving.abort(),
    // Another event of the same session needs no other page.
    stays: (other) => {
      if (other.replace(/\/events\/.*/, "") !== sessionName) return false;
      wanted = parts(other).events;
      if (wanted) draw();
      return true;
    },
    keys: {
      "/": () => find.focus(),
      j: () => step(1),
      k: () => step(-1),
      g: () => edge(0),
      G: () => edge(-1),
      Enter: openRow,
      u: () => navigate(linkTo(engineOf(sessionName))),
    },
  };
}
