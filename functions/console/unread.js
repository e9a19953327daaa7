// Marks where a reader who is not at the end was when something came, and counts what came since.

import { button, icon, many } from "./elements.js";

export function makeUnread(list) {
  let from;
  let count = 0;
  let known = 0;
  const pill = button("", () => (list.reveal(from, "start"), seen()), {
    class: "pill",
    hidden: true,
  });

  // Looks at rows that are about to be drawn; `arrived` is how many events there have been so far.
  // What was there when the page opened is not new.
  function look(rows, arrived, { isOpening, wasAtEnd }) {
    const before = known;
    const come = before && !isOpening ? rows.filter(({ entry }) => entry.arrived >= before) : [];
    known = arrived;
    if (!come.length) return;
    if (wasAtEnd && document.visibilityState === "visible") {
      from = undefined;
      return;
    }
    // New rows at the end are where a reader goes on, rather than one that came late among the others.
    const last = rows.findLastIndex(({ entry }) => entry.arrived < before);
    if (!count) from = (rows[last + 1] ?? come[0]).key;
    count += come.filter(({ kind }) => kind === "event").length;
    pill.hidden = !count;
    pill.replaceChildren(icon("down"), many(count, "new event"));
  }

  // The mark stays, so that a reader finds where the new events began.
  function seen() {
    count = 0;
    pill.hidden = true;
  }

  return {
    element: pill,
    look,
    isFirst: (row) => row.key === from,
    scrolled: () => count && list.isAtEnd && seen(),
  };
}
