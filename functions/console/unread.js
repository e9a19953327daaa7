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
    const come = known && !isOpening ? rows.filter(({ entry }) => entry.arrived >= known) : [];
    known = arrived;
    if (!come.length) return;
    if (wasAtEnd && document.visibilityState === "visible") {
      from = undefined;
      return;
    }
    if (!count) from = come[0].key;
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
