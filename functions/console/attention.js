// Tells whether a person looks at the page. If not, the page asks the server for nothing: reads cost money.

const ATTENTION = 10 * 60_000;

let lastInput = Date.now();
for (const kind of ["pointerdown", "keydown", "pointermove", "visibilitychange"]) {
  addEventListener(kind, () => (lastInput = Date.now()), { passive: true, capture: true });
}

// Returns whether the tab is visible and was used in the last ten minutes.
export function isWatched() {
  return document.visibilityState === "visible" && Date.now() - lastInput < ATTENTION;
}
