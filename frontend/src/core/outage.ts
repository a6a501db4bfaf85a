// One outage: since when, how many attempts, and what began it, in one line however long it lasts.
//
// The one invariant: the cause is what ended the connection, and no later failure replaces it. Used by
// the fold and by what shows its state.

import { clock, spell } from "./words.ts";

export interface Outage {
  /** By the host's clock. */
  readonly from: number;
  /** The same moment in milliseconds since 1970. */
  readonly since: number;
  /** `null` while it lasts. */
  readonly until: number | null;
  /** A connection was lost; else there has been none yet. */
  readonly wasUp: boolean;
  /** Dials since. */
  readonly attempts: number;
  /** What ended the connection, or the first dial; `null` while nothing has ended. */
  readonly cause: string | null;
  /** Why the latest dial failed, where that is something else. */
  readonly latest: string | null;
}

/** Something has ended: the connection, or a dial. */
export function failed(outage: Outage, why: string): Outage {
  return outage.cause === null
    ? { ...outage, cause: why }
    : { ...outage, latest: why === outage.cause ? null : why };
}

export function outageWords(outage: Outage, now: number): string {
  const { cause, attempts, latest } = outage;
  const long = spell((outage.until ?? now) - outage.from);
  const since = `since ${clock(outage.since)}`;
  if (cause === null) {
    return outage.wasUp ? `Nothing heard for ${long}, ${since}` : "Connecting";
  }
  const verb = outage.wasUp ? "Down" : "Not connected for";
  const dials = attempts === 1 ? "1 attempt" : `${attempts.toLocaleString("en")} attempts`;
  const last = latest === null ? "" : `; at last: ${latest}`;
  return `${verb} ${long}, ${attempts === 0 ? "" : `${dials}, `}${since}: ${cause}${last}`;
}
