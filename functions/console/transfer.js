// Exports sessions to a file, and imports such a file.

import { ApiError, call, send } from "./api.js";
import { download, many, notify } from "./elements.js";
import { ask } from "./dialogs.js";

const MOST_BYTES = 4 * 2 ** 20;

// Reads the whole export, page by page, and hands it to the browser as a file.
export async function exportSessions(engine, filter, name) {
  const texts = [];
  let pageToken = "";
  let end;
  do {
    const answer = await send("GET", `${engine}:export`, { query: { filter, pageToken } });
    const lines = (await answer.text()).split("\n").filter(Boolean);
    const last = JSON.parse(lines.pop() ?? "{}");
    pageToken = last.nextPageToken ?? "";
    end = last.end;
    if (!end && !pageToken) throw new ApiError("The export was cut off. Try it again, please.");
    texts.push(...lines.map((line) => `${line}\n`));
    if (end) texts.push(`${JSON.stringify(last)}\n`);
  } while (pageToken);
  download(`${name}.ndjson`, new Blob(texts, { type: "application/x-ndjson" }));
  notify(`Exported ${many(end.sessions ?? 0, "session")} with ${many(end.events ?? 0, "event")}.`);
}

// Sends a file's lines, as many at a time as the server takes.
export function importSessions(engine) {
  return ask({
    title: "Import sessions",
    message: [
      "Sessions of the file come back under their own ids. What is there already stays as it is, and is reported where it differs.",
    ],
    fields: [
      { name: "file", label: "File", type: "file", accept: ".ndjson,.jsonl", required: true },
    ],
    confirm: "Import",
    run: async ({ file }) => {
      const sum = { importedSessions: 0, importedEvents: 0, skipped: 0, conflicts: [] };
      for (const body of portions(await file.text())) {
        const answer = await call("POST", `${engine}:import`, {
          body,
          type: "application/x-ndjson",
        });
        for (const key of ["importedSessions", "importedEvents", "skipped"])
          sum[key] += answer[key] ?? 0;
        sum.conflicts.push(...(answer.conflicts ?? []));
      }
      notify(
        `Imported ${many(sum.importedSessions, "session")} with ${many(sum.importedEvents, "event")}; ${sum.skipped} were there already.`,
      );
      if (sum.conflicts.length)
        notify(`Left as they are, because they differ: ${sum.conflicts.join(", ")}.`, {
          isError: true,
        });
    },
  });
}

function* portions(text) {
  let lines = [];
  let size = 0;
  for (const line of text.split("\n").filter(Boolean)) {
    const bytes = 3 * line.length;
    if (lines.length && size + bytes > MOST_BYTES) {
      yield `${lines.join("\n")}\n`;
      lines = [];
      size = 0;
    }
    lines.push(line);
    size += bytes;
  }
  if (lines.length) yield `${lines.join("\n")}\n`;
}
