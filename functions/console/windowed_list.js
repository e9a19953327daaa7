// A long list of which only the rows near the window are in the document.
//
// Rows have any height: the list estimates it until it has measured it. What a reader looks at stays
// where it is when rows come, grow or go.

import { h } from "./elements.js";

const BEYOND = 800;
const NEAR_END = 48;

export class WindowedList {
  // `render(row)` returns a row's element, `estimate(row)` its likely height in pixels. A row is
  // `{key, version}`; another version of the same key is rendered again.
  constructor({ label, render, estimate, onscroll }) {
    this.render = render;
    this.estimate = estimate;
    this.onscroll = onscroll;
    this.rows = [];
    this.places = new Map();
    this.heights = new Map();
    this.tops = [0];
    this.mounted = new Map();
    this.following = false;
    this.canvas = h("div", { class: "canvas", role: "feed", "aria-label": label });
    this.element = h(
      "div",
      {
        class: "scroller",
        tabindex: 0,
        "aria-label": label,
        role: "region",
        onscroll: () => this.#scrolled(),
      },
      this.canvas,
    );
    this.sizes = new ResizeObserver((entries) => this.#measured(entries));
    this.sizes.observe(this.element);
  }

  // Replaces the rows; at the end of the list it stays at the end if `follow` is true.
  set(rows, { follow = false } = {}) {
    const stick = follow && this.isAtEnd;
    this.following = follow;
    const anchor = this.#anchor();
    this.rows = rows;
    this.places = new Map(rows.map((row, place) => [row.key, place]));
    this.#layOut();
    if (stick) this.element.scrollTop = this.tops.at(-1);
    else this.#restore(anchor);
    this.#paint();
    if (stick) this.toEnd();
  }

  get isAtEnd() {
    const { scrollTop, clientHeight } = this.element;
    return scrollTop + clientHeight >= this.tops.at(-1) - NEAR_END;
  }

  toEnd() {
    this.target = undefined;
    this.element.scrollTop = this.tops.at(-1);
    this.#paint();
    this.element.scrollTop = this.tops.at(-1);
  }

  // Brings a row into the window and returns its element, or undefined without such a row.
  reveal(key, block = "nearest") {
    const place = this.places.get(key);
    if (place === undefined) return undefined;
    // The heights above it are estimates: the row is brought back while they are measured.
    for (let round = 0; round < 3; round += 1) {
      this.#bring(place, block);
      this.#paint();
      this.#measureMounted();
    }
    return this.mounted.get(key)?.element;
  }

  // The key of the first row that is wholly in the window.
  get firstVisible() {
    const top = this.element.scrollTop;
    let place = this.#at(top);
    if (this.tops[place] < top && place + 1 < this.rows.length) place += 1;
    return this.rows[place]?.key;
  }

  #bring(place, block) {
    const { scrollTop, clientHeight } = this.element;
    const [top, bottom] = [this.tops[place], this.tops[place + 1]];
    if (block === "start") this.element.scrollTop = top - 16;
    else if (top < scrollTop + 8) this.element.scrollTop = top - 16;
    else if (bottom > scrollTop + clientHeight - 8)
      this.element.scrollTop = Math.min(top - 16, bottom - clientHeight + 16);
  }

  #layOut() {
    const tops = new Array(this.rows.length + 1);
    tops[0] = 0;
    for (let place = 0; place < this.rows.length; place += 1) {
      const row = this.rows[place];
      tops[place + 1] = tops[place] + (this.heights.get(row.key) ?? this.estimate(row));
    }
    this.tops = tops;
    this.canvas.style.height = `${tops.at(-1)}px`;
  }

  // The place of the row at a height, by halving.
  #at(height) {
    let low = 0;
    let high = this.rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.tops[middle] <= height) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // What is at the upper edge of the window: a row, and how far the edge is inside it.
  #anchor() {
    if (!this.rows.length || this.element.scrollTop === 0) return undefined;
    const place = this.#at(this.element.scrollTop);
    return { key: this.rows[place].key, offset: this.element.scrollTop - this.tops[place] };
  }

  #restore(anchor) {
    const place = anchor && this.places.get(anchor.key);
    if (place !== undefined) {
      const top = this.tops[place] + anchor.offset;
      if (Math.abs(top - this.element.scrollTop) >= 1) this.element.scrollTop = top;
    }
  }

  #scrolled() {
    this.#paint();
    this.onscroll?.();
  }

  #paint() {
    const { scrollTop, clientHeight } = this.element;
    const first = this.#at(Math.max(0, scrollTop - BEYOND));
    const last = this.rows.length ? this.#at(scrollTop + clientHeight + BEYOND) : -1;
    const wanted = new Map();
    for (let place = first; place <= last; place += 1) wanted.set(this.rows[place].key, place);
    // A row that has the focus stays, so that keys go on to work.
    const focused = document.activeElement?.closest?.("[data-row]")?.dataset.row;
    if (this.mounted.has(focused) && this.places.has(focused))
      wanted.set(focused, this.places.get(focused));
    for (const [key, mounted] of this.mounted) {
      if (!wanted.has(key)) this.#unmount(key, mounted);
    }
    for (const [key, place] of wanted) this.#mount(key, place);
    this.#order();
    // A row that was drawn again is another element.
    if (focused && document.activeElement === document.body)
      this.mounted.get(focused)?.element.focus({ preventScroll: true });
  }

  #mount(key, place) {
    const row = this.rows[place];
    let mounted = this.mounted.get(key);
    if (mounted && mounted.version !== row.version) {
      this.#unmount(key, mounted);
      mounted = undefined;
    }
    mounted ??= this.#add(row);
    const { element } = mounted;
    element.style.transform = `translateY(${this.tops[place]}px)`;
    element.setAttribute("aria-posinset", place + 1);
    element.setAttribute("aria-setsize", this.rows.length);
    mounted.place = place;
  }

  #add(row) {
    const element = this.render(row);
    element.classList.add("row");
    element.dataset.row = row.key;
    const mounted = { element, version: row.version };
    this.mounted.set(row.key, mounted);
    this.canvas.append(element);
    this.sizes.observe(element);
    return mounted;
  }

  #unmount(key, { element }) {
    this.sizes.unobserve(element);
    element.remove();
    this.mounted.delete(key);
  }

  // Keeps the document in the order of the list, which is the order of reading aloud and of Tab.
  // Only rows that are new move: an element that moves loses the focus.
  #order() {
    const sorted = [...this.mounted.values()].sort((one, other) => one.place - other.place);
    let next = this.canvas.firstChild;
    for (const { element } of sorted) {
      if (element === next) next = next.nextSibling;
      else this.canvas.insertBefore(element, next);
    }
  }

  #measureMounted() {
    let changed = false;
    for (const [key, { element }] of this.mounted)
      changed = this.#keep(key, element.offsetHeight) || changed;
    if (changed) this.#layOut();
    return changed;
  }

  #keep(key, height) {
    if (!height || this.heights.get(key) === height) return false;
    this.heights.set(key, height);
    return true;
  }

  #measured(entries) {
    const stick = this.isAtEnd && this.rows.length > 0 && this.following;
    const anchor = this.#anchor();
    let changed = false;
    for (const { target } of entries) {
      if (target !== this.element)
        changed = this.#keep(target.dataset.row, target.offsetHeight) || changed;
    }
    if (changed) {
      this.#layOut();
      if (stick) this.element.scrollTop = this.tops.at(-1);
      else this.#restore(anchor);
    }
    this.#paint();
    if (changed && stick) this.element.scrollTop = this.tops.at(-1);
  }
}
