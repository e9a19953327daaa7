// Makes elements. Text is always text: nothing here, or elsewhere, parses HTML.

// Returns an element. Properties are attributes, `on…` are listeners; false and undefined are left
// out. Children are elements, texts, or lists of both.
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children
      .flat(Infinity)
      .filter((child) => child !== undefined && child !== null && child !== false),
  );
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  braces: "M6 2.5C3.8 2.5 5.2 7 3 8c2.2 1 .8 5.5 3 5.5M10 2.5c2.2 0 .8 4.5 3 5.5-2.2 1-.8 5.5-3 5.5",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  right: "M6 3.5L10.5 8 6 12.5",
  left: "M10 3.5L5.5 8 10 12.5",
  down: "M8 3v9.5M4 8.5l4 4 4-4",
  open: "M4 6.5l4 4 4-4",
  plus: "M8 3v10M3 8h10",
  theme: "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.8 10.8L14 14",
  send: "M2.5 8L13.5 3 9.5 13.5 7.8 9z",
};

// Returns a small drawing that screen readers pass over.
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export function button(label, onclick, properties = {}) {
  return h("button", { type: "button", onclick, ...properties }, label);
}

// A button that shows a drawing alone; its label is its name and its tip.
export function iconButton(name, label, onclick, properties = {}) {
  return button(icon(name), onclick, {
    class: "quiet square",
    "aria-label": label,
    title: label,
    ...properties,
  });
}

// Text of a resource; its own letters decide the direction in which it runs.
export function text(value, properties = {}) {
  return h("bdi", { dir: "auto", ...properties }, String(value));
}

// Labels, each in a frame of its own.
export function chips(labels = {}) {
  return Object.entries(labels).map(([key, value]) =>
    h("span", { class: "chip" }, text(value ? `${key}: ${value}` : key)),
  );
}

const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const AGO = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });

// A time of the API in the reader's zone. The tip has the exact one, as the API spells it.
export function time(value, format = moment) {
  if (!value) return "";
  const date = new Date(value);
  if (Number.isNaN(date.valueOf())) return text(value);
  return h("time", { datetime: value, title: `${EXACT.format(date)}\n${value}` }, format(date));
}

// Returns the clock of today, and the day of another time.
export function moment(date) {
  const now = new Date();
  if (date.toDateString() === now.toDateString()) return CLOCK.format(date);
  return `${date.getFullYear() === now.getFullYear() ? DAY.format(date) : DATE.format(date)}, ${CLOCK.format(date)}`;
}

const UNITS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

export function ago(date) {
  const seconds = (date - Date.now()) / 1000;
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return AGO.format(Math.round(seconds / length), unit);
}

// Returns a duration in the two largest units that it has.
export function duration(milliseconds) {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  if (seconds < 86_400)
    return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `${Math.round(seconds / 86_400)} days`;
}

const COUNT = new Intl.NumberFormat();

export function count(value) {
  return value === undefined ? "" : COUNT.format(value);
}

// Returns "1 event" or "2 events".
export function many(value, noun) {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

// Says something in passing, at the lower edge of the page; an error stays until it is closed.
export function notify(message, { isError = false } = {}) {
  const notice = h(
    "div",
    { class: isError ? "notice error" : "notice" },
    h("p", {}, text(message)),
    iconButton("close", "Close", () => notice.remove()),
  );
  document.querySelector(".notices").append(notice);
  if (!isError) setTimeout(() => notice.remove(), 6000);
}

// Copies text, and says so.
export async function copy(value, what) {
  try {
    await navigator.clipboard.writeText(value);
    notify(`Copied ${what}.`);
  } catch {
    notify(`The browser did not let the console copy ${what}.`, { isError: true });
  }
}

export function download(name, blob) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
