// The event log: what happened, in words, newest first.
//
// The invariant: never more than LOG_LIMIT entries; the same thing said again at once is counted, not
// added, so a server that talks nonsense cannot flush the log; an outage is one entry, which changes
// while it lasts and is not dropped until it is over. Used by the fold.

import { type Outage, outageWords } from "./outage.ts";

export type Tone = "good" | "wait" | "bad" | "note";

export interface Entry {
  readonly id: number;
  /** Milliseconds since 1970, when it last happened. */
  readonly wall: number;
  readonly tone: Tone;
  /** Of an outage that lasts: as of its latest change. */
  readonly words: string;
  readonly count: number;
  readonly outage: Outage | null;
}

type Log = readonly Entry[];

export const LOG_LIMIT = 100;

export function append(log: Log, wall: number, tone: Tone, words: string): Log {
  const [last, ...older] = log;
  if (last !== undefined && last.outage === null && last.words === words && last.tone === tone) {
    return [{ ...last, wall, count: last.count + 1 }, ...older];
  }
  return add(log, { wall, tone, words, count: 1, outage: null });
}

/** Brings the entry of an outage up to date, or begins it. */
export function record(log: Log, outage: Outage, at: number): Log {
  const entry = { tone: toneOf(outage), words: outageWords(outage, at), outage };
  if (log.some(lasts)) {
    return log.map((one) => (lasts(one) ? { ...one, ...entry } : one));
  }
  return add(log, { ...entry, wall: outage.since, count: 1 });
}

function toneOf({ cause, wasUp }: Outage): Tone {
  if (cause !== null) {
    return "bad";
  }
  return wasUp ? "wait" : "note";
}

function lasts(entry: Entry): boolean {
  return entry.outage !== null && entry.outage.until === null;
}

function add(log: Log, entry: Omit<Entry, "id">): Log {
  const id = Math.max(0, ...log.map((one) => one.id)) + 1;
  const surplus = log.length >= LOG_LIMIT ? log.findLastIndex((one) => !lasts(one)) : -1;
  return [{ ...entry, id }, ...log.filter((_, index) => index !== surplus)];
}
