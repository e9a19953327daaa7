// Reads events again that are on the page. The stream tells of new events alone; a change or a
// removal of an event moves the updateTime of its session, which says no more.

import { pages } from "./api.js";
import { isWatched } from "./attention.js";
import { idOf } from "./conversation.js";

const PAUSE = 4000;
const SETTLED = 300;
const FEW = 50;
const MANY = 1000;

// Keeps the entries that `near()` returns up to date: those near the window. Every few seconds, while
// somebody looks at a page that `isLive()`, `ask()` reads the session, and `version()` then names its
// version. `changed(entries)` gets those that changed or went.
export function makeChecks(name, conversation, { near, ask, version, isLive, changed, signal }) {
  let reading = Promise.resolve();
  let settling;

  async function check() {
    if (!isWatched() || !isLive()) return;
    await ask();
    if (isLive()) await read(near, FEW);
  }

  // One after the other: two would compare the same events.
  function read(wanted, pageSize) {
    reading = reading.catch(() => undefined).then(() => readOnce(wanted, pageSize));
    return reading;
  }

  async function readOnce(wanted, pageSize) {
    const how = { wanted, version: version(), pageSize, signal };
    const found = await readAgain(name, conversation, how);
    if (!found.length) return;
    changed(found);
    // Other rows have come near.
    soon();
  }

  function soon() {
    clearTimeout(settling);
    settling = setTimeout(() => isLive() && quietly(() => read(near, FEW)), SETTLED);
  }

  // The next check asks again. What keeps the page from its session for good, the stream tells.
  function quietly(work) {
    work().catch(() => undefined);
  }

  const timer = setInterval(() => quietly(check), PAUSE);
  signal.addEventListener("abort", () => (clearInterval(timer), clearTimeout(settling)));
  return { soon, all: () => read(() => conversation.events, MANY) };
}

// Brings to `version` each of the entries that `wanted()` returns, with those behind them in the list
// as far as a page goes. Returns the entries that changed or went.
async function readAgain(name, conversation, { wanted, version, pageSize, signal }) {
  const changed = [];
  for (;;) {
    const first = wanted().find((entry) => entry.version !== version);
    if (!first) return changed;
    // What arrives from now on may be missing in the list.
    const known = conversation.arrived;
    const listed = new Map();
    const filter = `timestamp>="${first.event.timestamp}"`;
    const query = { view: "FULL", pageSize, filter };
    const list = pages(`${name}/events`, "sessionEvents", query, signal);
    while (conversation.byId.has(first.id) && first.version !== version) {
      const { value: page = [], done: isEnd } = await list.next();
      for (const event of page) listed.set(idOf(event), event);
      changed.push(...conversation.compare(first, listed, { known, version, isEnd }));
    }
  }
}
