// The event log: what happened, in words, newest first.
//
// The invariant: never more than LOG_LIMIT entries; the same thing said again at once is counted, not
// added, so a server that talks nonsense cannot flush the log. Used by the fold.

export type Tone = "good" | "wait" | "bad" | "note";

export interface Entry {
  readonly id: number;
  /** Milliseconds since 1970, when it last happened. */
  readonly wall: number;
  readonly tone: Tone;
  readonly words: string;
  readonly count: number;
}

export const LOG_LIMIT = 100;

export function append(
  log: readonly Entry[],
  wall: number,
  tone: Tone,
  words: string,
): readonly Entry[] {
  const [last, ...older] = log;
  if (last !== undefined && last.words === words && last.tone === tone) {
    return [{ ...last, wall, count: last.count + 1 }, ...older];
  }
  const entry: Entry = { id: (last?.id ?? 0) + 1, wall, tone, words, count: 1 };
  return [entry, ...log.slice(0, LOG_LIMIT - 1)];
}
