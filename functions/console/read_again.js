// Reads events again that the page shows already. The stream sends new events only. A change or a
// removal of an event moves the updateTime of its session, which does not name the event.

import { pages } from "./api.js";
import { isWatched } from "./attention.js";
import { idOf } from "./conversation.js";

const PAUSE = 4000;
const SETTLED = 300;
const FEW = 50;
const MANY = 1000;

// Keeps the entries near the window up to date; `near()` returns these. Every few seconds, while a person
// looks at the page and it `isLive()`, `ask()` reads the session, whose version `version()` then returns.
// `changed(entries)` gets the entries that changed or went.
export function makeChecks(name, conversation, { near, ask, version, isLive, changed, signal }) {
  let reading = Promise.resolve();
  let settling;

  async function check() {
    if (!isWatched() || !isLive()) return;
    await ask();
    if (isLive()) await read(near, FEW);
  }

  // Reads wait for each other: two at once would compare the same events.
  function read(wanted, pageSize) {
    reading = reading.catch(() => undefined).then(() => readOnce(wanted, pageSize));
    return reading;
  }

  async function readOnce(wanted, pageSize) {
    const how = { wanted, version: version(), pageSize, signal };
    const found = await readAgain(name, conversation, how);
    if (!found.length) return;
    changed(found);
    // The change may have moved other rows near the window.
    soon();
  }

  function soon() {
    clearTimeout(settling);
    settling = setTimeout(() => isLive() && quietly(() => read(near, FEW)), SETTLED);
  }

  // After an error the next check asks again. The stream shows errors that last.
  function quietly(work) {
    work().catch(() => undefined);
  }

  const timer = setInterval(() => quietly(check), PAUSE);
  signal.addEventListener("abort", () => (clearInterval(timer), clearTimeout(settling)));
  return { soon, all: () => read(() => conversation.events, MANY) };
}

// Brings each of the entries that `wanted()` returns to `version`, and with them the others of the same
// pages of the list. Returns the entries that changed or went.
async function readAgain(name, conversation, { wanted, version, pageSize, signal }) {
  const changed = [];
  for (;;) {
    const first = wanted().find((entry) => entry.version !== version);
    if (!first) return changed;
    // The list may lack events that arrive from now on.
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
