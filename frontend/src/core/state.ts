// What the page knows, and how each event changes it: a pure fold.
//
// The invariants: each number of a session is applied once and in order; what the person wants
// (paused or not) outlives the connection. Used by the ticker client, which does what follows.

import { meaning } from "./close-codes.ts";
import { append, type Entry, type Tone } from "./log.ts";
import type { ServerMessage, Strange, Welcome } from "./message.ts";
import type { SocketEvent, Why } from "./reconnecting-socket.ts";

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
  /** Why the last connection or dial ended, in words; `null` once there is a connection again. */
  readonly trouble: string | null;
  readonly session: string | null;
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
  /** What the server has said last. */
  readonly isPaused: boolean;
  /** What the person wants; `null` before they wanted anything. */
  readonly wanted: boolean | null;
  /** A command is out on this connection and not yet acknowledged. */
  readonly isAsked: boolean;
  /** Numbers that came late, of those received. */
  readonly late: number;
  /** How long the last outage was, in milliseconds; `null` before the first. */
  readonly lastOutageMs: number | null;
  /** Since when there has been no live connection; `null` while there is, and before the first. */
  readonly outageFrom: number | null;
  /** Numbers that came late since the last welcome; `null` once that has been said. */
  readonly replayed: number | null;
  readonly problem: { readonly words: string; readonly at: number } | null;
  readonly log: readonly Entry[];
}

export const INITIAL: TickerState = {
  connection: { kind: "connecting", isOpen: false }, // as it will be in a moment
  trouble: null,
  session: null,
  lastSeq: 0,
  value: null,
  valueSeq: null,
  valueAt: 0,
  tickMs: 0,
  received: 0,
  lost: 0,
  lostUnknown: false,
  welcomes: 0,
  isPaused: false,
  wanted: null,
  isAsked: false,
  late: 0,
  lastOutageMs: null,
  outageFrom: null,
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
  | { readonly type: "wanted"; readonly paused: boolean; readonly isSent: boolean }
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
  return state.connection.kind === "live" && state.isPaused ? "paused" : state.connection.kind;
}

/** How to go on with the session on a new connection. */
export function resumeOf(state: TickerState): { session: string; lastSeq: number } | null {
  return state.session === null ? null : { session: state.session, lastSeq: state.lastSeq };
}

/** What is to be said to the server, after its welcome, so that the person's wish holds. */
export function owedCommand(state: TickerState): boolean | null {
  return state.wanted !== null && state.wanted !== state.isPaused ? state.wanted : null;
}

/** Whether the current connection has been welcomed. */
export function isWelcomed(state: TickerState): boolean {
  return state.connection.kind === "live" || state.connection.kind === "stale";
}

export function fold(state: TickerState, event: TickerEvent, stamp: Stamp): TickerState {
  const log = (tone: Tone, words: string) => append(state.log, stamp.wall, tone, words);
  switch (event.type) {
    case "dialling": {
      const connection = { kind: "connecting", isOpen: false } as const;
      const words = event.dial === 1 ? "Connecting" : `Connecting, attempt ${event.dial}`;
      return { ...down(state, stamp.at), connection, log: log("note", words) };
    }
    case "opened":
      return { ...state, connection: { kind: "connecting", isOpen: true } };
    case "stale": {
      if (state.connection.kind !== "live") {
        return state;
      }
      const { heardAt } = event;
      const outage = { connection: { kind: "stale", heardAt }, outageFrom: heardAt } as const;
      const seconds = spell(stamp.at - heardAt);
      return { ...state, ...outage, log: log("wait", `Nothing heard for ${seconds}`) };
    }
    case "revived":
      return state.connection.kind === "stale"
        ? { ...state, ...back(state, stamp.at), log: log("good", "Heard from the server again") }
        : state;
    case "lost":
      // Said in the log together with what follows from it.
      return { ...down(state, stamp.at), trouble: lossWords(state, event.why, event.wasOpen) };
    case "waiting": {
      const connection = { kind: "waiting", dueAt: event.dueAt } as const;
      const words = `${state.trouble ?? "Not connected"}; again in ${spell(event.delayMs)}`;
      return { ...state, connection, log: log("bad", words) };
    }
    case "gave-up": {
      const attempts = event.failures === 1 ? "1 attempt" : `${event.failures} attempts in a row`;
      const why = event.why ?? `${attempts} failed; at last: ${state.trouble}`;
      const connection = { kind: "gave-up", why } as const;
      return { ...down(state, stamp.at), connection, log: log("bad", `Gave up: ${why}`) };
    }
    case "unusable": {
      const words = `Cannot connect: ${event.why}`;
      const connection = { kind: "gave-up", why: "There is no usable address" } as const;
      const problem = { words, at: stamp.at };
      return { ...state, connection, problem, log: log("bad", words) };
    }
    case "stopped":
      return { ...down(state, stamp.at), connection: { kind: "stopped" } };
    case "welcome":
      return welcomed(state, event, stamp);
    case "tick":
      return tick(state, event, stamp);
    case "paused":
    case "resumed":
      return acknowledged(state, event.type === "paused", stamp);
    case "heartbeat":
      return state.replayed === null ? state : summed(state, stamp);
    case "error":
      return complained(state, `The server says: ${event.message || "error"}`, stamp);
    case "strange":
      return complained(state, `The server sent ${event.words}`, stamp);
    case "wanted": {
      const words = event.paused ? "Pause" : "Resume";
      const rest = event.isSent ? "asked for" : "will be asked for once connected";
      const { paused, isSent } = event;
      return { ...state, wanted: paused, isAsked: isSent, log: log("note", `${words} ${rest}`) };
    }
    case "network":
      return event.isOnline
        ? { ...state, log: log("note", "The browser says it is online again") }
        : { ...state, log: log("wait", "The browser says it is offline") };
    default:
      return unreachable(event);
  }
}

/** There is no live connection from now on, if there was one. */
function down(state: TickerState, at: number): TickerState {
  const outageFrom = state.outageFrom ?? (isWelcomed(state) ? at : null);
  return { ...state, outageFrom, isAsked: false };
}

/** There is a live connection from now on. */
function back(state: TickerState, at: number): Partial<TickerState> {
  const { outageFrom } = state;
  return {
    connection: { kind: "live" },
    outageFrom: null,
    lastOutageMs: outageFrom === null ? state.lastOutageMs : at - outageFrom,
    replayed: state.replayed ?? 0,
  };
}

function lossWords(state: TickerState, why: Why, wasOpen: boolean): string {
  switch (why.kind) {
    case "connect-timeout":
      return "No answer in time";
    case "silent":
      return isWelcomed(state)
        ? "The connection went silent"
        : "The server never said its welcome, so it may be no ticker";
    case "closed": {
      if (!wasOpen) {
        return "No connection: refused, or nobody there";
      }
      const said = why.reason === "" ? "" : `: “${why.reason}”`;
      const { words } = meaning(why.code);
      return `${words.charAt(0).toUpperCase()}${words.slice(1)} (${why.code})${said}`;
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
    trouble: null,
    session,
    lastSeq: isSame ? Math.max(state.lastSeq, before) : before,
    tickMs,
    lost: state.lost + missing,
    lostUnknown: state.lostUnknown || !(isSame || isFirst),
    welcomes: state.welcomes + 1,
    isPaused: paused,
    replayed: isSame ? 0 : null,
    problem: null,
    log: append(state.log, stamp.wall, tone, words),
  };
}

function welcomeWords(state: TickerState, isSame: boolean, missing: number, at: number): string {
  if (state.session === null) {
    return "Connected";
  }
  const away = state.outageFrom === null ? "" : ` after ${spell(at - state.outageFrom)}`;
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

/** Where nothing was asked, somebody else on this session did it, and that is what holds now. */
function acknowledged(state: TickerState, paused: boolean, stamp: Stamp): TickerState {
  const isOurs = state.isAsked && state.wanted === paused;
  const isForeign = !state.isAsked && state.isPaused !== paused;
  const words = `${paused ? "Paused" : "Resumed"}${isForeign ? " by somebody else" : ""}`;
  const isNews = state.isPaused !== paused;
  return {
    ...state,
    isPaused: paused,
    isAsked: state.isAsked && !isOurs,
    wanted: isForeign ? paused : state.wanted,
    log: isNews ? append(state.log, stamp.wall, "good", words) : state.log,
  };
}

function complained(state: TickerState, words: string, stamp: Stamp): TickerState {
  const problem = { words, at: stamp.at };
  return { ...state, problem, log: append(state.log, stamp.wall, "bad", words) };
}

/** 900 ms, 2.5 s, 14 s, 3 min. */
export function spell(ms: number): string {
  if (ms < 1_000) {
    return `${Math.max(0, Math.round(ms))} ms`;
  }
  if (ms < 9_950) {
    return `${(ms / 1_000).toFixed(1)} s`;
  }
  return ms < 120_000 ? `${Math.round(ms / 1_000)} s` : `${Math.round(ms / 60_000)} min`;
}

function count(numbers: number): string {
  return numbers === 1 ? "1 number" : `${numbers.toLocaleString("en")} numbers`;
}

function unreachable(event: never): never {
  throw new Error(`no such event: ${JSON.stringify(event)}`);
}
