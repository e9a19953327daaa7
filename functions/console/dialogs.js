// Dialogs, menus and the drawer of raw JSON.

import { button, copy, h, iconButton, text } from "./elements.js";
import { pretty } from "./json.js";

let numbers = 0;

function show(dialog) {
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  return dialog;
}

// Asks in a dialog, and calls `run` with the values of the fields once the person agrees. The dialog
// stays and says why if `run` fails. Resolves to what `run` returns, or undefined after "Cancel".
export function ask({ title, message = [], fields = [], confirm, isDangerous = false, run }) {
  return new Promise((resolve) => {
    numbers += 1;
    const id = `dialog-${numbers}`;
    const inputs = fields.map((field) => labelled(field, id));
    const fault = h("p", { class: "fault", role: "alert" });
    const agree = h(
      "button",
      { type: "submit", class: isDangerous ? "danger" : "primary" },
      confirm,
    );
    let result;
    const form = h(
      "form",
      {
        onsubmit: async (event) => {
          event.preventDefault();
          fault.textContent = "";
          agree.disabled = true;
          try {
            result =
              (await run(Object.fromEntries(inputs.map(({ name, read }) => [name, read()])))) ??
              true;
            dialog.close();
          } catch (error) {
            fault.textContent = error.message;
          } finally {
            agree.disabled = false;
          }
        },
      },
      h("h2", { id }, title),
      message.map((line) => (typeof line === "string" ? h("p", {}, line) : line)),
      inputs.map(({ element }) => element),
      fault,
      h(
        "div",
        { class: "buttons" },
        button("Cancel", () => dialog.close()),
        agree,
      ),
    );
    const dialog = h("dialog", { "aria-labelledby": id, onclose: () => resolve(result) }, form);
    show(dialog);
    // A dangerous dialog opens on "Cancel".
    (
      inputs[0]?.input ??
      form.querySelector(isDangerous ? ".buttons button" : ".buttons button[type=submit]")
    ).focus();
  });
}

// A field is `{name, label, value?, type?, hint?, placeholder?, required?, options?}`.
function labelled({ name, label, value = "", type = "text", hint, options, ...properties }, id) {
  const own = `${id}-${name}`;
  const described = hint ? { "aria-describedby": `${own}-hint` } : {};
  let input;
  if (options) {
    input = h(
      "select",
      { id: own, ...described },
      options.map(([option, shown]) => h("option", { value: option }, shown)),
    );
    input.value = value;
  } else if (type === "lines") {
    input = h("textarea", { id: own, rows: 4, dir: "auto", value, ...described, ...properties });
  } else {
    input = h("input", {
      id: own,
      type,
      dir: type === "text" ? "auto" : false,
      autocomplete: "off",
      value: type === "file" ? undefined : value,
      ...described,
      ...properties,
    });
  }
  const element = h(
    "div",
    { class: "field" },
    h("label", { for: own }, label),
    input,
    hint && h("small", { id: `${own}-hint` }, hint),
  );
  return { name, element, input, read: () => (type === "file" ? input.files[0] : input.value) };
}

// Shows something that has no question.
export function tell(title, ...content) {
  numbers += 1;
  const id = `dialog-${numbers}`;
  const dialog = h(
    "dialog",
    { "aria-labelledby": id },
    h(
      "div",
      { class: "heading" },
      h("h2", { id }, title),
      iconButton("close", "Close", () => dialog.close()),
    ),
    content,
  );
  return show(dialog);
}

// Shows the JSON of something in a drawer, to read and to copy.
export function showJson(title, value, ...actions) {
  numbers += 1;
  const id = `dialog-${numbers}`;
  const shown = pretty(value);
  const dialog = h(
    "dialog",
    { class: "drawer", "aria-labelledby": id },
    h(
      "div",
      { class: "heading" },
      h("h2", { id }, title),
      button("Copy", () => copy(shown, "the JSON")),
      iconButton("close", "Close", () => dialog.close()),
    ),
    actions.length ? h("div", { class: "actions" }, actions) : undefined,
    h("pre", { class: "json", tabindex: 0 }, text(shown, { dir: "ltr" })),
  );
  return show(dialog);
}

// Opens a menu at a button. An item is `{label, run, isDangerous?}`, or null for a line between.
export function openMenu(anchor, items) {
  const menu = h("div", { class: "menu", role: "menu", popover: "auto" });
  const entries = items.filter(Boolean).map((item) =>
    button(item.label, () => (menu.hidePopover(), item.run()), {
      role: "menuitem",
      tabindex: -1,
      class: item.isDangerous ? "danger" : "",
    }),
  );
  let at = 0;
  menu.append(...items.map((item) => (item ? entries[at++] : h("hr", { role: "separator" }))));
  menu.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Tab") menu.hidePopover();
    if (!step) return;
    event.preventDefault();
    const place = entries.indexOf(document.activeElement);
    entries.at((place + step) % entries.length).focus();
  });
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    menu.remove();
    if (document.activeElement === document.body) anchor.focus();
  });
  (anchor.closest("dialog") ?? document.querySelector("main")).append(menu);
  menu.showPopover();
  const box = anchor.getBoundingClientRect();
  const left = Math.min(box.left, innerWidth - menu.offsetWidth - 8);
  const below = box.bottom + 4;
  const top =
    below + menu.offsetHeight > innerHeight ? Math.max(8, box.top - menu.offsetHeight - 4) : below;
  Object.assign(menu.style, { left: `${Math.max(8, left)}px`, top: `${top}px` });
  entries[0].focus();
}

const KEYS = [
  ["/", "Search"],
  ["j", "The next row"],
  ["k", "The row before"],
  ["Enter", "Open the row"],
  ["g", "The first row"],
  ["G", "The last row"],
  ["u", "Up, to the list"],
  ["Esc", "Leave a field or a dialog"],
  ["?", "These keys"],
];

export function showKeys() {
  tell(
    "Keys",
    h(
      "dl",
      { class: "keys" },
      KEYS.map(([key, meaning]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, meaning)]),
    ),
  );
}
