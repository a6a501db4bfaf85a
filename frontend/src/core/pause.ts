// Pause and resume: what the person wants, what the server does, and what is still on its way.
//
//   press ──► owed ──► asked ──► answered
//              ▲          │ its connection is lost
//              │          ▼
//              └────── adrift: may still reach the server, late
//
// The one invariant: the last wish wins. A command of a lost connection that reaches the server late
// undoes what was asked for since, and the server says so on the new one; the wish is then said again,
// as client-sim does. What none of the page's own commands explains was somebody else on the session,
// and holds: two pages that insisted would never end. Used by the fold.

export interface Pause {
  /** What the person wants; `null` before they wanted anything. */
  readonly wanted: boolean | null;
  /** What the server has said last. */
  readonly holds: boolean;
  /** What was asked for on this connection and is not answered, oldest first. */
  readonly asked: readonly boolean[];
  /** How many unanswered commands went down with their connections. */
  readonly adrift: Adrift;
}

interface Adrift {
  readonly pauses: number;
  readonly resumes: number;
}

const NONE: Adrift = { pauses: 0, resumes: 0 };

export const UNASKED: Pause = { wanted: null, holds: false, asked: [], adrift: NONE };

/** Who brought about what the server says. */
export type By = "us" | "our past" | "somebody else";

/** The person presses. */
export function wish(pause: Pause, paused: boolean): Pause {
  return { ...pause, wanted: paused };
}

/** What is to be asked of a server that has said its welcome; `null` for nothing. */
export function owed(pause: Pause): boolean | null {
  const expected = pause.asked.at(-1) ?? pause.holds;
  return pause.wanted !== null && pause.wanted !== expected ? pause.wanted : null;
}

/** A command was sent on the current connection. */
export function ask(pause: Pause, paused: boolean): Pause {
  return { ...pause, asked: [...pause.asked, paused] };
}

/** The current connection is lost; whether its commands arrived is unknown. */
export function lose(pause: Pause): Pause {
  if (pause.asked.length === 0) {
    return pause;
  }
  const pauses = pause.asked.filter((paused) => paused).length;
  const adrift = {
    pauses: pause.adrift.pauses + pauses,
    resumes: pause.adrift.resumes + pause.asked.length - pauses,
  };
  return { ...pause, asked: [], adrift };
}

/** A welcome says how things stand. What is adrift cannot reach a new session. */
export function welcome(pause: Pause, paused: boolean, isSameSession: boolean): Pause {
  return { ...pause, holds: paused, adrift: isSameSession ? pause.adrift : NONE };
}

/** The server says that it paused or resumed, and who had it do so. */
export function hear(pause: Pause, paused: boolean): readonly [Pause, By] {
  const said = { ...pause, holds: paused };
  if (pause.asked[0] === paused) {
    return [{ ...said, asked: pause.asked.slice(1) }, "us"];
  }
  const kind = paused ? "pauses" : "resumes";
  if (pause.adrift[kind] > 0) {
    const adrift = { ...pause.adrift, [kind]: pause.adrift[kind] - 1 };
    return [{ ...said, adrift }, "our past"];
  }
  // What is said again is no news; so nobody has the last word over an answer that is to come.
  return [pause.holds === paused ? said : { ...said, wanted: paused }, "somebody else"];
}

/** What the person wants, as far as they said; else what is. */
export function isWanted(pause: Pause): boolean {
  return pause.wanted ?? pause.holds;
}

/** Whether the server has not yet agreed. */
export function isPending(pause: Pause): boolean {
  return pause.asked.length > 0 || isWanted(pause) !== pause.holds;
}
