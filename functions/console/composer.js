// The box in which a person writes a message as the user of a session.

import { h, icon } from "./elements.js";

const TALLEST = 200;

// `say(text)` sends the message; if it fails, the text stays in the box.
export function makeComposer(say) {
  const box = h("textarea", {
    rows: 1,
    dir: "auto",
    placeholder: "Say something as the user",
    "aria-label": "A message of the user",
    onkeydown: pressed,
    oninput: grow,
  });

  async function send() {
    const said = box.value.trim();
    if (!said) return;
    box.disabled = true;
    try {
      await say(said);
      box.value = "";
      grow();
    } finally {
      box.disabled = false;
      box.focus();
    }
  }

  function pressed(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  }

  function grow() {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight + 2, TALLEST)}px`;
  }

  return h(
    "form",
    { class: "composer", onsubmit: (event) => (event.preventDefault(), send()) },
    box,
    h(
      "button",
      { type: "submit", class: "primary square", "aria-label": "Send", title: "Send" },
      icon("send"),
    ),
  );
}
