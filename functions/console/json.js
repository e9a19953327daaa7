// Reads and shows JSON; numbers stay exactly as the server wrote them.

import { h, text } from "./elements.js";

const LONG = /\d{16}|\d[eE]/;

// A number that a double cannot hold becomes a JSON.rawJSON, which is written as it was read.
function exact(key, value, context) {
  return typeof value === "number" && String(value) !== context.source
    ? JSON.rawJSON(context.source)
    : value;
}

export function parse(source) {
  return JSON.parse(source, JSON.rawJSON && LONG.test(source) ? exact : undefined);
}

export function pretty(value) {
  return JSON.stringify(value, null, 2);
}

function isExact(value) {
  return Boolean(JSON.isRawJSON?.(value));
}

// Returns the start of a value's JSON, in one line.
export function preview(value, length = 80) {
  const whole = JSON.stringify(value) ?? "";
  return whole.length > length ? `${whole.slice(0, length - 1)}…` : whole;
}

const FIRST = 200;

// Returns an object's members, each as a tree; any other value as a tree of its own.
export function trees(value) {
  const isObject = value !== null && typeof value === "object" && !isExact(value);
  if (!isObject || Array.isArray(value) || !Object.keys(value).length) return tree(value);
  const details = tree(value);
  return [...details.lastChild.childNodes];
}

// Returns a value as a tree that opens and closes. A level shows its first 200 members.
export function tree(value, key, { open = 1 } = {}) {
  const label = key === undefined ? [] : [h("span", { class: "key" }, text(key)), ": "];
  if (value === null || typeof value !== "object" || isExact(value)) {
    const kind = value === null ? "null" : typeof value === "object" ? "number" : typeof value;
    return h(
      "div",
      { class: "leaf" },
      label,
      h("span", { class: `value ${kind}` }, text(JSON.stringify(value))),
    );
  }
  const members = Object.entries(value);
  const brackets = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (!members.length)
    return h("div", { class: "leaf" }, label, h("span", { class: "value" }, brackets.join("")));
  const inside = h("div", { class: "members" });
  let shown = 0;
  const more = () => {
    const next = members.slice(shown, shown + FIRST);
    shown += next.length;
    inside.append(...next.map(([name, each]) => tree(each, name, { open: open - 1 })));
    if (shown < members.length) {
      const rest = h(
        "button",
        { type: "button", class: "link", onclick: () => (rest.remove(), more()) },
        `${members.length - shown} more`,
      );
      inside.append(rest);
    }
  };
  const details = h(
    "details",
    {
      // A closed level costs nothing until somebody opens it.
      ontoggle: () => details.open && !shown && more(),
    },
    h(
      "summary",
      {},
      label,
      h("span", { class: "value count" }, `${brackets[0]}${members.length}${brackets[1]}`),
      " ",
      h("span", { class: "glance" }, text(preview(value, 60))),
    ),
    inside,
  );
  if (open > 0) {
    more();
    details.open = true;
  }
  return details;
}
