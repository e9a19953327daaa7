// The box that finds words in a conversation; Enter goes from hit to hit.

import { h, many } from "./elements.js";
import { words } from "./conversation.js";

// `show(id)` brings an event into the window.
export function makeFind(conversation, show) {
  let hits = [];
  let at = -1;
  const box = h("input", {
    type: "search",
    placeholder: "Find",
    "aria-label": "Find in the conversation",
    autocomplete: "off",
    dir: "auto",
    oninput: () => ((at = -1), search()),
    onkeydown: go,
  });
  const told = h("span", { class: "muted", role: "status" });

  // Looks again: events may have come.
  function search() {
    const asked = box.value.trim().toLocaleLowerCase();
    hits = asked
      ? conversation.events.filter(({ event }) => words(event).toLocaleLowerCase().includes(asked))
      : [];
    if (at < 0) told.textContent = asked ? many(hits.length, "hit") : "";
  }

  function go(event) {
    if (event.key !== "Enter" || !hits.length) return;
    event.preventDefault();
    at = (at + (event.shiftKey ? hits.length - 1 : 1)) % hits.length;
    told.textContent = `${at + 1} of ${hits.length}`;
    show(hits[at].id);
  }

  return {
    element: h("span", { class: "find" }, box, told),
    focus: () => box.focus(),
    again: () => box.value && search(),
  };
}
