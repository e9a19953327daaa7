// The page of sessions: a table that filters, sorts and pages, and keeps up with the server.

import { call, callFull, engineOf, linkTo, pages, parts } from "./api.js";
import { isWatched } from "./attention.js";
import { ago, button, chips, count, h, icon, notify, text, time } from "./elements.js";
import { openMenu, showJson } from "./dialogs.js";
import {
  createSession,
  eraseUser,
  exportSessions,
  importSessions,
  purgeExpired,
} from "./actions.js";
import { signIn } from "./sign_in.js";

const PAGE_SIZE = 50;
const PAUSE = 4000;
const ALL = "reasoningEngines/-";
const DEFAULT_ORDER = "update_time desc";
const COLUMNS = [
  ["Session"],
  ["User"],
  ["Labels"],
  ["Engine"],
  ["Events"],
  ["Tokens"],
  ["Updated", "update_time"],
  ["Created", "create_time"],
];

// `engine` is the name of an engine, or "" for all engines of the location that the server names.
export function sessionsPage(engine, asked, navigate) {
  const parent = engine || ALL;
  const isOne = parts(parent).reasoningEngines !== "-";
  const state = {
    user: asked.get("user") ?? "",
    days: asked.get("days") ?? "",
    filter: asked.get("filter") ?? "",
    order: asked.get("order") ?? DEFAULT_ORDER,
  };
  const tokens = [""];
  const leaving = new AbortController();
  let shown = "";
  let sessions = [];
  let nextPageToken = "";
  let timer;
  let isFirst = true;

  const body = h("tbody");
  const head = h("thead", {}, h("tr"));
  const table = h(
    "table",
    { class: "sessions" },
    h("caption", { class: "hidden" }, "Sessions"),
    head,
    body,
  );
  const empty = h("div", { class: "empty", hidden: true });
  const sheet = h("div", { class: "sheet" }, table, empty);
  const fault = h("div", { class: "fault", role: "alert" });
  const pager = h("nav", { class: "pager", "aria-label": "Pages" });
  const engines = h("select", { id: "engine", onchange: chooseEngine });
  const user = h("input", {
    id: "user",
    type: "search",
    autocomplete: "off",
    dir: "auto",
    placeholder: "Anybody",
    value: state.user,
  });
  const days = h("input", {
    id: "days",
    type: "number",
    min: 1,
    step: 1,
    inputmode: "numeric",
    placeholder: "Any",
    value: state.days,
  });
  const filter = h("input", {
    id: "filter",
    type: "search",
    class: "code",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: 'labels.tier="gold" AND create_time>"2026-11-01T00:00:00Z"',
    value: state.filter,
  });

  const form = h(
    "form",
    {
      class: "filters",
      role: "search",
      onsubmit: (event) => (event.preventDefault(), apply()),
      onchange: (event) => event.target !== engines && apply(),
    },
    h("div", { class: "field" }, h("label", { for: "engine" }, "Engine"), engines),
    h("div", { class: "field" }, h("label", { for: "user" }, "User"), user),
    h("div", { class: "field days" }, h("label", { for: "days" }, "Last days"), days),
    h("div", { class: "field grow" }, h("label", { for: "filter" }, "Filter"), filter),
    h("button", { type: "submit", class: "hidden", tabindex: -1 }, "Apply"),
  );

  const element = h(
    "section",
    { class: "page list" },
    h(
      "div",
      { class: "title" },
      h(
        "h1",
        {},
        isOne ? ["Sessions of engine ", text(parts(parent).reasoningEngines)] : "Sessions",
      ),
      h(
        "div",
        { class: "buttons" },
        button([icon("plus"), "New session"], () => createSession(isOne ? parent : "", navigate)),
        button(["More", icon("open")], (event) => openMenu(event.currentTarget, menu()), {
          "aria-haspopup": "menu",
        }),
      ),
    ),
    form,
    fault,
    sheet,
    pager,
  );

  function menu() {
    return [
      isOne && { label: "Raw JSON of the engine", run: showEngine },
      {
        label: "Export these sessions",
        run: () => exportSessions(parent, query().filter, "sessions"),
      },
      {
        label: "Import sessions…",
        run: () => importSessions(parent).then((done) => done && load()),
      },
      null,
      {
        label: state.user ? `Erase user ${state.user}…` : "Erase a user…",
        isDangerous: true,
        run: () => eraseUser(parent, state.user).then((done) => done && load()),
      },
      { label: "Purge what has expired…", isDangerous: true, run: () => purgeExpired() },
    ].filter((item) => item !== false);
  }

  async function showEngine() {
    try {
      showJson("Engine", await call("GET", parent));
    } catch (error) {
      if (error.code !== 404) throw error;
      notify("Nobody has created this engine. Its sessions need none.");
    }
  }

  function chooseEngine() {
    const { user: ofUser, days: ofDays, filter: asFilter, order } = state;
    navigate(
      linkTo(found.get(engines.value)?.name ?? "", {
        user: ofUser,
        days: ofDays,
        filter: asFilter,
        order: order === DEFAULT_ORDER ? "" : order,
      }),
    );
  }

  function apply() {
    Object.assign(state, {
      user: user.value.trim(),
      days: days.value,
      filter: filter.value.trim(),
    });
    remember();
    tokens.splice(1);
    load();
  }

  // The address says what is shown, so that it can be sent to somebody.
  function remember() {
    const { order, ...others } = state;
    history.replaceState(
      null,
      "",
      linkTo(engine, { ...others, order: order === DEFAULT_ORDER ? "" : order }),
    );
  }

  function query() {
    // OR binds closer than AND in AIP-160, so that the person's own filter needs no parentheses.
    const terms = [state.filter];
    if (state.user) terms.push(`user_id=${JSON.stringify(state.user)}`);
    if (state.days)
      terms.push(`update_time>="${new Date(Date.now() - state.days * 86_400_000).toISOString()}"`);
    return { filter: terms.filter(Boolean).join(" AND "), orderBy: state.order };
  }

  async function load({ isQuiet = false } = {}) {
    clearTimeout(timer);
    const pageToken = tokens.at(-1);
    try {
      const page = await callFull(
        `${parent}/sessions`,
        { ...query(), pageSize: PAGE_SIZE, pageToken },
        leaving.signal,
      );
      fault.replaceChildren();
      sessions = page.sessions ?? [];
      nextPageToken = page.nextPageToken ?? "";
      draw();
    } catch (error) {
      if (error.name === "AbortError") return;
      explain(error);
      if (isQuiet && error.code === 0) again();
      return;
    }
    again();
  }

  function again() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (isWatched() && tokens.length === 1) load({ isQuiet: true });
      else again();
    }, PAUSE);
  }

  function explain(error) {
    sheet.hidden = !sessions.length;
    const place = /^Invalid filter at column (\d+): (.*)/.exec(error.message);
    if (place) {
      const column = Math.min(Number(place[1]), state.filter.length + 1);
      const why = place[2][0].toUpperCase() + place[2].slice(1);
      fault.replaceChildren(
        h("p", {}, why),
        h("pre", { "aria-hidden": "true" }, `${state.filter}\n${" ".repeat(column - 1)}^`),
      );
      filter.setAttribute("aria-invalid", "true");
    } else {
      fault.replaceChildren(h("p", {}, text(error.message)));
      if (error.code === 401)
        fault.append(
          button("Sign in", () => signIn().then((done) => done && location.reload()), {
            class: "primary",
          }),
        );
      if (error.code === 403 && !isOne)
        fault.append(
          h(
            "p",
            {},
            "Choose an engine: callers whose rights differ between engines read one engine at a time.",
          ),
        );
    }
  }

  function draw() {
    filter.removeAttribute("aria-invalid");
    sheet.hidden = false;
    const now = JSON.stringify(sessions);
    if (now === shown) return;
    const known = new Set(rows().map((row) => row.dataset.row));
    const focused = document.activeElement?.closest?.("tr")?.dataset.row;
    shown = now;
    drawHead();
    body.replaceChildren(
      ...sessions.map((session) => row(session, !isFirst && !known.has(session.name))),
    );
    isFirst = false;
    if (focused)
      rows()
        .find((each) => each.dataset.row === focused)
        ?.querySelector("a")
        .focus({ preventScroll: true });
    table.hidden = !sessions.length;
    empty.hidden = Boolean(sessions.length);
    if (!sessions.length) empty.replaceChildren(...nothing());
    drawPager();
    offerEngines();
  }

  function drawHead() {
    head.firstChild.replaceChildren(
      ...COLUMNS.filter(isShown).map(([name, field]) => {
        if (!field) return h("th", { scope: "col", class: kind(name) }, name);
        const [by, direction] = state.order.split(" ");
        const sorted = by === field ? (direction === "desc" ? "descending" : "ascending") : "none";
        const mark = { descending: "↓", ascending: "↑", none: "" }[sorted];
        return h(
          "th",
          { scope: "col", class: kind(name), "aria-sort": sorted },
          button(
            [name, h("span", { "aria-hidden": "true" }, ` ${mark}`)],
            () => sort(field, sorted),
            { class: "sort" },
          ),
        );
      }),
    );
  }

  function sort(field, sorted) {
    state.order = sorted === "descending" ? field : `${field} desc`;
    remember();
    tokens.splice(1);
    shown = "";
    load();
  }

  function isShown([name]) {
    return name !== "Engine" || !isOne;
  }

  function row(session, isNew) {
    const { displayName, labels = {}, userId, eventCount, usage, updateTime, createTime } = session;
    const id = parts(session.name).sessions;
    const cells = {
      Session: [
        h("a", { href: linkTo(session.name), class: "name" }, text(displayName || id)),
        displayName && h("small", { class: "id" }, id),
      ],
      User: button(text(userId), () => ((user.value = userId), apply()), {
        class: "link",
        title: "Show this user's sessions alone",
      }),
      Labels: chips(labels),
      Engine: h(
        "a",
        { href: linkTo(engineOf(session.name)) },
        parts(session.name).reasoningEngines,
      ),
      Events: count(eventCount),
      Tokens: count(usage?.totalTokenCount),
      Updated: time(updateTime, ago),
      Created: time(createTime),
    };
    return h(
      "tr",
      {
        "data-row": session.name,
        class: isNew ? "new" : "",
        onclick: (event) => open(event, session),
      },
      COLUMNS.filter(isShown).map(([name]) =>
        h("td", { class: kind(name), "data-label": name }, cells[name]),
      ),
    );
  }

  function open(event, session) {
    if (!event.target.closest("a, button") && !getSelection().toString())
      navigate(linkTo(session.name));
  }

  function nothing() {
    if (state.user || state.days || state.filter) {
      return [
        h("h2", {}, "No session passes these filters"),
        button("Show all", () => ((user.value = days.value = filter.value = ""), apply()), {
          class: "primary",
        }),
      ];
    }
    return [
      h("h2", {}, "No sessions yet"),
      h(
        "p",
        {},
        "Sessions of every agent that calls this server appear here by themselves. Try it with ",
        h("code", {}, "docs/conversation.sh"),
        ", or make one here.",
      ),
      button("New session", () => createSession(isOne ? parent : "", navigate), {
        class: "primary",
      }),
    ];
  }

  function drawPager() {
    const first = (tokens.length - 1) * PAGE_SIZE + 1;
    const range = sessions.length ? `${count(first)} to ${count(first + sessions.length - 1)}` : "";
    pager.replaceChildren(
      h("span", { role: "status" }, range),
      button([icon("left"), "Previous"], () => (tokens.pop(), load()), {
        disabled: tokens.length === 1,
      }),
      button(["Next", icon("right")], () => (tokens.push(nextPageToken), load()), {
        disabled: !nextPageToken,
      }),
    );
    pager.hidden = tokens.length === 1 && !nextPageToken;
  }

  // Engines by id: the page's address may leave out the location, which the server always names.
  const found = new Map();
  let offered = "";

  function foundEngine(name, displayName = "") {
    const id = parts(name).reasoningEngines;
    if (found.get(id)?.displayName && !displayName) return;
    found.set(id, { name, displayName, label: displayName ? `${displayName} (${id})` : id });
  }

  // Engines that were created, and those that the page's sessions live under: an engine need not exist.
  function offerEngines() {
    const { reasoningEngines: chosen } = parts(parent);
    if (isOne && !found.has(chosen)) foundEngine(engine);
    for (const { name } of sessions) foundEngine(engineOf(name));
    const options = [...found]
      .map(([id, { label }]) => [id, label])
      .sort(([, one], [, other]) => one.localeCompare(other, undefined, { numeric: true }));
    const now = JSON.stringify(options);
    if (now === offered) return;
    offered = now;
    engines.replaceChildren(
      ...[["-", "All engines"], ...options].map(([value, label]) => h("option", { value }, label)),
    );
    engines.value = chosen;
  }

  async function readEngines() {
    const path = `${engine.replace(/reasoningEngines\/.*/, "")}reasoningEngines`;
    try {
      for await (const page of pages(path, "reasoningEngines", {}, leaving.signal))
        for (const { name, displayName } of page) foundEngine(name, displayName);
    } catch {
      // A caller who may not list engines still has the engines of the sessions.
    }
    offerEngines();
  }

  function rows() {
    return [...body.rows];
  }

  function step(by) {
    const all = rows();
    const at = all.indexOf(document.activeElement?.closest("tr"));
    const next =
      at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by));
    all[next]?.querySelector("a").focus();
  }

  drawHead();
  offerEngines();

  return {
    element,
    opened: () => (load(), readEngines()),
    close: () => (clearTimeout(timer), leaving.abort()),
    keys: {
      "/": () => user.focus(),
      j: () => step(1),
      k: () => step(-1),
      g: () => rows()[0]?.querySelector("a").focus(),
      G: () => rows().at(-1)?.querySelector("a").focus(),
      Enter: () => document.activeElement?.closest("tr")?.querySelector("a").click(),
    },
  };
}

function kind(name) {
  return (
    { Events: "number", Tokens: "number", Updated: "when", Created: "when" }[name] ??
    name.toLowerCase()
  );
}
