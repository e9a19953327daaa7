// The tabs of a session's page. On a wide screen the conversation is beside the panels; on a narrow
// one it is the first of the tabs.

import { button, h } from "./elements.js";

const TABS = { talk: "Conversation", runs: "Runs", state: "State", about: "About" };
const NARROW = matchMedia("(max-width: 900px)");

// `show(key)` is called when another tab is chosen, by a person or by the width of the window.
export function makeTabs(show, signal) {
  let chosen = "talk";
  const element = h("div", {
    class: "tabs",
    role: "tablist",
    "aria-label": "Parts of the page",
    onkeydown: turn,
  });

  function draw() {
    const keys = Object.keys(TABS).filter((key) => NARROW.matches || key !== "talk");
    const current = keys.includes(chosen) ? chosen : keys[0];
    element.replaceChildren(
      ...keys.map((key) =>
        button(TABS[key], () => choose(key), {
          role: "tab",
          id: `tab-${key}`,
          "aria-selected": String(key === current),
          "aria-controls": key === "talk" ? "talk" : "panel",
          tabindex: key === current ? 0 : -1,
        }),
      ),
    );
    show(current);
  }

  function choose(key) {
    chosen = key;
    draw();
    element.querySelector(`#tab-${key}`)?.focus();
  }

  function turn(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = [...element.children];
    const place = all.findIndex((tab) => tab.tabIndex === 0);
    choose(all.at((place + step) % all.length).id.replace("tab-", ""));
  }

  NARROW.addEventListener("change", draw, { signal });
  return { element, draw, choose };
}
