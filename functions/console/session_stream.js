// Follows the events of one session, and connects again until the session ends or the page leaves.

import { pages, stream } from "./api.js";
import { parse } from "./json.js";

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 10_000;

// Calls `take(event, source)` for each event, and `tell(state, error)` when the state changes: `on`
// while events come as they are appended, `off` while the page connects again, `hidden` while nobody
// looks, `ended` when the session is gone, `full` where the server holds no more streams, `refused`.
export async function followSession(name, leaving, { take, tell }) {
  let lastEventId = "";
  let pause = FIRST_PAUSE;
  let reading;

  // A tab that nobody sees holds no stream: each takes a thread of the server.
  const hide = () => document.visibilityState === "hidden" && reading?.abort();
  document.addEventListener("visibilitychange", hide, { signal: leaving });

  async function read() {
    reading = new AbortController();
    const signal = AbortSignal.any([leaving, reading.signal]);
    const query = { view: "FULL" };
    for await (const messages of stream(`${name}/events:watch`, { query, lastEventId, signal })) {
      pause = FIRST_PAUSE;
      tell("on");
      for (const { type, id, data } of messages) {
        if (type === "deleted") return "ended";
        lastEventId = id || lastEventId;
        take(parse(data), data);
      }
    }
    return "";
  }

  while (!leaving.aborted) {
    try {
      const end = await read();
      if (end) return tell(end);
    } catch (error) {
      if (leaving.aborted) return undefined;
      if (error.name !== "AbortError") {
        if (error.code === 404 && lastEventId) return tell("ended");
        if ([400, 401, 403, 404].includes(error.code)) return tell("refused", error);
        if (error.code === 429) return tell("full", error);
        tell("off");
        pause = Math.min(LONGEST_PAUSE, pause * 2);
      }
    }
    if (document.visibilityState === "hidden") {
      tell("hidden");
      await once("visibilitychange", leaving);
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return undefined;
}

function once(event, signal) {
  return new Promise((resolve) => {
    document.addEventListener(event, resolve, { once: true, signal });
  });
}

// Reads the list of the session's events once.
export async function readSessionEvents(name, leaving, take) {
  const query = { view: "FULL", pageSize: 1000 };
  for await (const page of pages(`${name}/events`, "sessionEvents", query, leaving)) {
    for (const event of page) take(event, JSON.stringify(event));
  }
}
