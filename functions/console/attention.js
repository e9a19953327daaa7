// Whether somebody looks at the page: asking the server again costs reads, and nobody would see them.

const ATTENTION = 10 * 60_000;

let lastInput = Date.now();
for (const kind of ["pointerdown", "keydown", "pointermove", "visibilitychange"]) {
  addEventListener(kind, () => (lastInput = Date.now()), { passive: true, capture: true });
}

// Returns whether the tab is visible and was used in the last ten minutes.
export function isWatched() {
  return document.visibilityState === "visible" && Date.now() - lastInput < ATTENTION;
}
