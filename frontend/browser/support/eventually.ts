// The one way in which the tests wait: for a condition, and not for ever.

import { setTimeout as pause } from "node:timers/promises";

/** The longest wait for anything. Nothing takes nearly so long on an idle machine. */
export const PATIENCE_MS = 40_000;

/** From look to look. */
const INTERVAL_MS = 40;

/** Looks until it holds, and gives what was seen then; `what` is said when it never does. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  holds: (seen: T) => boolean,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const seen = await look();
    if (holds(seen)) {
      return seen;
    }
    if (performance.now() > end) {
      throw new Error(`waited in vain for: ${what}; last seen: ${JSON.stringify(seen)}`);
    }
    await pause(INTERVAL_MS);
  }
}
