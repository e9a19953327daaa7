// Makes rows of the events of a session: runs, what was said, tool calls with their answers.

import { parts } from "./api.js";

const NANOSECONDS = 9;

// A timestamp as text that sorts as its time does.
function sortable(timestamp = "") {
  const [seconds, fraction = ""] = timestamp.replace(/Z$/, "").split(".");
  return `${seconds}.${fraction.padEnd(NANOSECONDS, "0")}`;
}

export function idOf(event) {
  return parts(event.name).events;
}

// The events of one session in the order of the API's lists: by timestamp, then by arrival.
export class Conversation {
  constructor() {
    this.events = [];
    this.byId = new Map();
    this.arrived = 0;
    this.revision = 0;
  }

  // Adds an event, `source` being the text of its JSON, as of a `version` of its session. An event that
  // the conversation has already stays as it is.
  add(event, source, version) {
    const id = idOf(event);
    if (this.byId.has(id)) return;
    const key = sortable(event.timestamp);
    const entry = { id, event, source, key, version, arrived: this.arrived };
    this.arrived += 1;
    this.revision += 1;
    this.byId.set(id, entry);
    let place = this.events.length;
    while (place > 0 && this.events[place - 1].key > entry.key) place -= 1;
    this.events.splice(place, 0, entry);
  }

  // Replaces what an event says, or removes the event where `event` is undefined.
  replace(id, event, source) {
    const entry = this.byId.get(id);
    if (!entry) return;
    this.revision += 1;
    if (event) {
      Object.assign(entry, { event, source, edited: (entry.edited ?? 0) + 1 });
      return;
    }
    this.byId.delete(id);
    this.events.splice(this.events.indexOf(entry), 1);
  }

  // Compares the events from the timestamp of `first` on with a list, and changes or removes those that
  // differ. `listed` has the events of the list by id; they are all that there are if `isEnd`. Only the
  // first `known` events that arrived are compared; they are then as of `version`. Returns the entries
  // that changed or went.
  compare(first, listed, { known, version, isEnd }) {
    const end = isEnd ? undefined : sortable([...listed.values()].at(-1)?.timestamp);
    const changed = [];
    for (const entry of this.events.filter((each) => each.key >= first.key && each.arrived < known)) {
      const event = listed.get(entry.id);
      // Events with the last timestamp of a page may be on the next page.
      if (!event && !isEnd && entry.key >= end) continue;
      entry.version = version;
      if (event && JSON.stringify(event) === JSON.stringify(entry.event)) continue;
      this.replace(entry.id, event, JSON.stringify(event));
      changed.push(entry);
    }
    return changed;
  }

  // The rows: a heading for each run, then a row for each event. An event of nothing but answers to
  // calls is part of the row of those calls.
  rows() {
    const rows = [];
    const calls = new Map();
    let invocation;
    this.rowOf = new Map();
    for (const entry of this.events) {
      const { event } = entry;
      if (invocation !== event.invocationId) {
        invocation = event.invocationId;
        calls.clear();
        rows.push({ kind: "run", key: `run ${entry.id}`, version: "", invocation, entry });
      }
      const answered = answersOf(event, calls);
      if (answered) {
        for (const { row, call, response } of answered) {
          row.answers.set(call, { entry, response });
          row.entries.add(entry);
          row.version += ` ${entry.id} ${entry.edited ?? 0}`;
        }
        this.rowOf.set(entry.id, answered[0].row.key);
        continue;
      }
      const row = {
        kind: "event",
        key: entry.id,
        version: `${entry.edited ?? 0}`,
        entry,
        answers: new Map(),
        entries: new Set([entry]),
      };
      for (const { functionCall } of partsOf(event)) {
        if (functionCall)
          calls.set(functionCall.id || functionCall.name, { row, call: functionCall });
      }
      rows.push(row);
      this.rowOf.set(entry.id, entry.id);
    }
    return rows;
  }

  // What events did to each key of state: key → `[{entry, value}]` in the order of the events.
  changes() {
    const changes = new Map();
    for (const entry of this.events) {
      for (const [key, value] of Object.entries(entry.event.actions?.stateDelta ?? {})) {
        if (!changes.has(key)) changes.set(key, []);
        changes.get(key).push({ entry, value });
      }
    }
    return changes;
  }
}

export function partsOf(event) {
  return event.content?.parts ?? [];
}

// The calls that an event answers, if it has nothing to show but answers to calls of this run.
function answersOf(event, calls) {
  const all = partsOf(event);
  if (!all.length || event.errorCode || event.errorMessage) return undefined;
  const answered = all.map(({ functionResponse }) => {
    const found = functionResponse && calls.get(functionResponse.id || functionResponse.name);
    return found && { ...found, response: functionResponse };
  });
  return answered.every(Boolean) ? answered : undefined;
}

// All that can be read in an event, for the search.
export function words(event) {
  const said = partsOf(event).flatMap((part) => [
    part.text,
    part.functionCall &&
      `${part.functionCall.name} ${JSON.stringify(part.functionCall.args ?? {})}`,
    part.functionResponse &&
      `${part.functionResponse.name} ${JSON.stringify(part.functionResponse.response ?? {})}`,
    part.executableCode?.code,
    part.codeExecutionResult?.output,
    part.fileData?.fileUri,
  ]);
  const { inputTranscription, outputTranscription } = event.eventMetadata ?? {};
  return [
    event.author,
    event.invocationId,
    event.errorCode,
    event.errorMessage,
    inputTranscription?.text,
    outputTranscription?.text,
    JSON.stringify(event.actions?.stateDelta ?? {}),
    ...said,
  ]
    .filter(Boolean)
    .join("\n");
}
