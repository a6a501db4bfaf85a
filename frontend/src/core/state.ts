// What the page knows, and how each event changes it: a pure fold.
//
// The invariants: each number of a session is applied once and in order; what the person wants
// (paused or not) outlives the connection; an outage is one entry of the log and keeps its cause. Used
// by the ticker client, which does what follows.

import { meaning } from "./close-codes.ts";
import { append, type Entry, record, type Tone } from "./log.ts";
import type { ServerMessage, Strange, Welcome } from "./message.ts";
import { failed, type Outage } from "./outage.ts";
import {
  ask,
  hear,
  lose,
  owed,
  type Pause,
  UNASKED,
  welcome as welcomePause,
  wish,
} from "./pause.ts";
import type { SocketEvent, Why } from "./reconnecting-socket.ts";
import { count, spell } from "./words.ts";

export type Connection =
  | { readonly kind: "stopped" }
  | { readonly kind: "connecting"; readonly isOpen: boolean }
  | { readonly kind: "live" }
  | { readonly kind: "stale"; readonly heardAt: number }
  | { readonly kind: "waiting"; readonly dueAt: number }
  | { readonly kind: "gave-up"; readonly why: string };

/** The word of the page's `data-state`. */
export type StateWord = Connection["kind"] | "paused";

export interface TickerState {
  readonly connection: Connection;
  readonly session: string | null;
  /** The server no longer knows the session, and has refused it: it is not asked for again. */
  readonly isRefused: boolean;
  /** The highest number applied, or known to be lost, of the session. */
  readonly lastSeq: number;
  readonly value: number | null;
  readonly valueSeq: number | null;
  /** When the value came. */
  readonly valueAt: number;
  readonly tickMs: number;
  readonly received: number;
  readonly lost: number;
  /** A session was lost, and with it nobody knows how many numbers. */
  readonly lostUnknown: boolean;
  readonly welcomes: number;
  readonly pause: Pause;
  /** Numbers that came late, of those received. */
  readonly late: number;
  /** How long the last outage was, in milliseconds; `null` before the first. */
  readonly lastOutageMs: number | null;
  /** What lasts for as long as there is no live connection. */
  readonly outage: Outage | null;
  /** Numbers that came late since the last welcome; `null` once that has been said. */
  readonly replayed: number | null;
  readonly problem: { readonly words: string; readonly at: number } | null;
  readonly log: readonly Entry[];
}

export const INITIAL: TickerState = {
  connection: { kind: "connecting", isOpen: false }, // as it will be in a moment
  session: null,
  isRefused: false,
  lastSeq: 0,
  value: null,
  valueSeq: null,
  valueAt: 0,
  tickMs: 0,
  received: 0,
  lost: 0,
  lostUnknown: false,
  welcomes: 0,
  pause: UNASKED,
  late: 0,
  lastOutageMs: null,
  outage: null,
  replayed: null,
  problem: null,
  log: [],
};

/** A number as it came, with whether it was made well before. */
export interface Tick {
  readonly type: "tick";
  readonly seq: number;
  readonly value: number;
  readonly isLate: boolean;
}

export type TickerEvent =
  | Exclude<SocketEvent, { type: "message" }>
  | Exclude<ServerMessage, { type: "tick" }>
  | Tick
  | Strange
  /** The person pressed. */
  | { readonly type: "wanted"; readonly paused: boolean }
  /** A command was sent. */
  | { readonly type: "asked"; readonly paused: boolean }
  /** The user will not wait, but the dial under way has just begun. */
  | { readonly type: "retried" }
  | { readonly type: "network"; readonly isOnline: boolean }
  | { readonly type: "unusable"; readonly why: string };

/** When it happened: by the host's clock, and for people. */
export interface Stamp {
  readonly at: number;
  readonly wall: number;
}

/** A complaint is shown for at least so long. */
const PROBLEM_MS = 10_000;

export function stateWord(state: TickerState): StateWord {
  return state.connection.kind === "live" && state.pause.holds ? "paused" : state.connection.kind;
}

/** How to go on with the session on a new connection. */
export function resumeOf(state: TickerState): { session: string; lastSeq: number } | null {
  return state.session === null || state.isRefused
    ? null
    : { session: state.session, lastSeq: state.lastSeq };
}

/** The ticker's close code for a session that it does not know. */
const UNKNOWN_SESSION = 4401;

function isRefusal(why: Why): boolean {
  return why.kind === "closed" && why.code === UNKNOWN_SESSION;
}

/** What is to be said to the server, after its welcome, so that the person's wish holds. */
export function owedCommand(state: TickerState): boolean | null {
  return isWelcomed(state) ? owed(state.pause) : null;
}

/** Since when a connection that was there is lost; `null` while there is one, and before the first. */
export function outageFrom({ outage }: TickerState): number | null {
  return outage?.wasUp ? outage.from : null;
}

/** Whether the current connection has been welcomed. */
export function isWelcomed(state: TickerState): boolean {
  return state.connection.kind === "live" || state.connection.kind === "stale";
}

export function fold(state: TickerState, event: TickerEvent, stamp: Stamp): TickerState {
  const next = step(state, event, stamp);
  if (next.outage === state.outage) {
    return next;
  }
  const ended = state.outage && { ...state.outage, until: stamp.at };
  const outage = next.outage ?? ended;
  return outage === null ? next : { ...next, log: record(next.log, outage, stamp.at) };
}

function step(state: TickerState, event: TickerEvent, stamp: Stamp): TickerState {
  const log = (tone: Tone, words: string) => append(state.log, stamp.wall, tone, words);
  switch (event.type) {
    case "dialling":
      return dialling(state, stamp);
    case "opened":
      return { ...state, connection: { kind: "connecting", isOpen: true } };
    case "stale":
      return silent(state, event.heardAt, stamp);
    case "revived":
      return state.connection.kind === "stale"
        ? { ...state, ...back(state, stamp.at), log: log("good", "Heard from the server again") }
        : state;
    case "lost":
      return {
        ...lost(state, lossWords(state, event.why, event.wasOpen), stamp),
        isRefused: state.isRefused || isRefusal(event.why),
      };
    case "waiting":
      return { ...state, connection: { kind: "waiting", dueAt: event.dueAt } };
    case "gave-up": {
      const attempts = event.failures === 1 ? "1 attempt" : `${event.failures} attempts in a row`;
      const latest = state.outage?.latest ?? state.outage?.cause;
      const why = event.why ?? `${attempts} failed; at last: ${latest}`;
      const connection = { kind: "gave-up", why } as const;
      return { ...state, connection, log: log("bad", `Gave up: ${why}`) };
    }
    case "unusable": {
      const words = `Cannot connect: ${event.why}`;
      const connection = { kind: "gave-up", why: "There is no usable address" } as const;
      const problem = { words, at: stamp.at };
      return { ...state, connection, problem, log: log("bad", words) };
    }
    case "stopped":
      return { ...down(state, "the page was put aside", stamp), connection: { kind: "stopped" } };
    case "welcome":
      return welcomed(state, event, stamp);
    case "tick":
      return tick(state, event, stamp);
    case "paused":
    case "resumed":
      return acknowledged(state, event.type === "paused", stamp);
    case "heartbeat":
    case "ack":
      return state.replayed === null ? state : summed(state, stamp);
    case "error":
      return complained(state, `The server says: ${event.message || "error"}`, stamp);
    case "strange":
      return complained(state, `The server sent ${event.words}`, stamp);
    case "wanted": {
      const pause = wish(state.pause, event.paused);
      const words = `${pauseWord(event.paused)} will be asked for once connected`;
      return { ...state, pause, log: isWelcomed(state) ? state.log : log("note", words) };
    }
    case "asked": {
      const pause = ask(state.pause, event.paused);
      return { ...state, pause, log: log("note", `${pauseWord(event.paused)} asked for`) };
    }
    case "retried":
      return { ...state, log: log("note", "Retry: the attempt that has just begun goes on") };
    case "network":
      return event.isOnline
        ? { ...state, log: log("note", "The browser says it is online again") }
        : { ...state, log: log("wait", "The browser says it is offline") };
    default:
      return unreachable(event);
  }
}

function pauseWord(paused: boolean): string {
  return paused ? "Pause" : "Resume";
}

function dialling(state: TickerState, stamp: Stamp): TickerState {
  const connection = { kind: "connecting", isOpen: false } as const;
  const next = down(state, "left for a new connection, as asked", stamp);
  const outage = next.outage ?? beginning(stamp.at, stamp.wall, { wasUp: false, cause: null });
  return { ...next, connection, outage: { ...outage, attempts: outage.attempts + 1 } };
}

/** The connection is there, but nothing comes: an outage may have begun when something last did. */
function silent(state: TickerState, heardAt: number, stamp: Stamp): TickerState {
  if (state.connection.kind !== "live") {
    return state;
  }
  const since = stamp.wall - (stamp.at - heardAt);
  const outage = beginning(heardAt, since, { wasUp: true, cause: null });
  return { ...state, connection: { kind: "stale", heardAt }, outage };
}

/** A connection is lost, or a dial has failed. */
function lost(state: TickerState, why: string, stamp: Stamp): TickerState {
  const next = down(state, why, stamp);
  return { ...next, outage: next.outage && failed(next.outage, why) };
}

/** There is no live connection from now on; if there was one, this ended it. */
function down(state: TickerState, cause: string, { at, wall }: Stamp): TickerState {
  const pause = lose(state.pause);
  if (!isWelcomed(state)) {
    return { ...state, pause };
  }
  const outage =
    state.outage === null
      ? beginning(at, wall, { wasUp: true, cause })
      : failed(state.outage, cause);
  return { ...state, pause, outage };
}

function beginning(from: number, since: number, known: Pick<Outage, "wasUp" | "cause">): Outage {
  return { from, since, ...known, until: null, attempts: 0, latest: null };
}

/** There is a live connection from now on. */
function back(state: TickerState, at: number): Partial<TickerState> {
  const from = outageFrom(state);
  return {
    connection: { kind: "live" },
    outage: null,
    lastOutageMs: from === null ? state.lastOutageMs : at - from,
    replayed: state.replayed ?? 0,
  };
}

function lossWords(state: TickerState, why: Why, wasOpen: boolean): string {
  switch (why.kind) {
    case "connect-timeout":
      return "no answer in time";
    case "silent":
      return isWelcomed(state)
        ? "the connection went silent"
        : "the server never said its welcome, so it may be no ticker";
    case "closed": {
      if (!wasOpen) {
        return "refused or unreachable";
      }
      const said = why.reason === "" ? "" : `: “${why.reason}”`;
      return `${meaning(why.code).words} (${why.code})${said}`;
    }
  }
}

function welcomed(state: TickerState, welcome: Welcome, stamp: Stamp): TickerState {
  const { session, nextSeq, tickMs, paused } = welcome;
  const isSame = welcome.resumed && session === state.session;
  const isFirst = state.session === null;
  const before = Math.max(0, nextSeq - 1);
  const missing = isSame ? Math.max(0, before - state.lastSeq) : 0;
  const words = welcomeWords(state, isSame, missing, stamp.at);
  const tone = isFirst || (isSame && missing === 0) ? "good" : "wait";
  return {
    ...state,
    ...back(state, stamp.at),
    session,
    isRefused: false,
    lastSeq: isSame ? Math.max(state.lastSeq, before) : before,
    tickMs,
    lost: state.lost + missing,
    lostUnknown: state.lostUnknown || !(isSame || isFirst),
    welcomes: state.welcomes + 1,
    pause: welcomePause(state.pause, paused, isSame),
    replayed: isSame ? 0 : null,
    problem: null,
    log: append(state.log, stamp.wall, tone, words),
  };
}

function welcomeWords(state: TickerState, isSame: boolean, missing: number, at: number): string {
  if (state.session === null) {
    return "Connected";
  }
  const from = outageFrom(state);
  const away = from === null ? "" : ` after ${spell(at - from)}`;
  if (!isSame) {
    return `Connected${away} to a new session: the server no longer knows the old one`;
  }
  return missing === 0 ? `Back${away}` : `Back${away}; ${count(missing)} lost`;
}

function tick(state: TickerState, { seq, value, isLate }: Tick, stamp: Stamp): TickerState {
  if (!isWelcomed(state)) {
    return complained(state, "The server sent a number before its welcome; not counted", stamp);
  }
  if (seq <= state.lastSeq) {
    return state; // applied already, or given up as lost
  }
  const missing = seq - state.lastSeq - 1;
  const isDone = state.problem !== null && stamp.at - state.problem.at > PROBLEM_MS;
  const next: TickerState = {
    ...state,
    lastSeq: seq,
    value,
    valueSeq: seq,
    valueAt: stamp.at,
    received: state.received + 1,
    late: state.late + (isLate ? 1 : 0),
    lost: state.lost + missing,
    problem: isDone ? null : state.problem,
    replayed: state.replayed !== null && isLate ? state.replayed + 1 : state.replayed,
    log:
      missing === 0
        ? state.log
        : append(state.log, stamp.wall, "bad", `${count(missing)} lost on the way`),
  };
  return isLate ? next : summed(next, stamp);
}

/** The replay is over: says how much it brought. */
function summed(state: TickerState, stamp: Stamp): TickerState {
  const { replayed } = state;
  if (replayed === null) {
    return state;
  }
  const words = `${count(replayed)} missed meanwhile, now replayed`;
  const log = replayed === 0 ? state.log : append(state.log, stamp.wall, "good", words);
  return { ...state, replayed: null, log };
}

function acknowledged(state: TickerState, paused: boolean, stamp: Stamp): TickerState {
  if (!isWelcomed(state)) {
    return complained(state, "The server answered before its welcome; not believed", stamp);
  }
  const [pause, by] = hear(state.pause, paused);
  const rest = {
    us: "",
    "our past": ", as was asked earlier",
    "somebody else": " by somebody else",
  };
  const words = `${paused ? "Paused" : "Resumed"}${rest[by]}`;
  const isNews = state.pause.holds !== paused;
  return {
    ...state,
    pause,
    log: isNews ? append(state.log, stamp.wall, "good", words) : state.log,
  };
}

function complained(state: TickerState, words: string, stamp: Stamp): TickerState {
  const problem = { words, at: stamp.at };
  return { ...state, problem, log: append(state.log, stamp.wall, "bad", words) };
}

function unreachable(event: never): never {
  throw new Error(`no such event: ${JSON.stringify(event)}`);
}
