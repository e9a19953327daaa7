// Marks the first new row for a reader who is not at the end of a conversation, and counts new events.

import { button, icon, many } from "./elements.js";

export function makeUnread(list) {
  let from;
  let count = 0;
  let known = 0;
  const pill = button("", () => (list.reveal(from, "start"), seen()), {
    class: "pill",
    hidden: true,
  });

  // Finds new rows before they are drawn; `arrived` is the number of events so far. Rows that the page
  // shows while it opens are not new.
  function update(rows, arrived, { isOpening, wasAtEnd }) {
    const before = known;
    const come = before && !isOpening ? rows.filter(({ entry }) => entry.arrived >= before) : [];
    known = arrived;
    if (!come.length) return;
    if (wasAtEnd && document.visibilityState === "visible") {
      from = undefined;
      return;
    }
    // A reader goes on at the new rows of the end. A late event may stand among older rows.
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
    update,
    isFirst: (row) => row.key === from,
    scrolled: () => count && list.isAtEnd && seen(),
  };
}
