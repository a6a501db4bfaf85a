// The ticker as the page sees it: one socket, one state, one series, and what a person can do.
//
// The one invariant: every change goes through the fold, and listeners hear of it at most once per
// NOTIFY_MS, so that a replay of a thousand numbers is one rendering. Used by the hooks.

import type { Address } from "./address.ts";
import { withResume } from "./address.ts";
import type { Host, Timer } from "./host.ts";
import { encode, parse, type Welcome } from "./message.ts";
import {
  type Behaviour,
  DEFAULT_BEHAVIOUR,
  ReconnectingSocket,
  type Silence,
  type SocketEvent,
} from "./reconnecting-socket.ts";
import { Series } from "./series.ts";
import {
  fold,
  INITIAL,
  isWelcomed,
  outageFrom,
  owedCommand,
  resumeOf,
  type TickerEvent,
  type TickerState,
} from "./state.ts";

const NOTIFY_MS = 16;
/** Silence for so many heartbeats is suspicious; twice as many is death. */
const STALE_HEARTBEATS = 2.5;
const MIN_STALE_MS = 1_500;
/** Patience beyond this is for servers that promise no more than that. */
const LONG_STALE_MS = 60_000;
const LONG_STALE_HEARTBEATS = 1.5;

/** How long a server that speaks so often may be silent. */
function silenceOf(heartbeatMs: number): Silence {
  const long = Math.max(LONG_STALE_MS, heartbeatMs * LONG_STALE_HEARTBEATS);
  const staleMs = Math.max(MIN_STALE_MS, Math.min(heartbeatMs * STALE_HEARTBEATS, long));
  return { staleMs, deadMs: 2 * staleMs };
}

export class TickerClient {
  readonly series = new Series();
  readonly address: Address;
  readonly #host: Host;
  readonly #socket: ReconnectingSocket | null;
  readonly #listeners = new Set<() => void>();
  #state = INITIAL;
  /** What listeners have been told. */
  #shown = INITIAL;
  #notice: Timer | null = null;

  constructor(host: Host, address: Address, behaviour: Behaviour = DEFAULT_BEHAVIOUR) {
    this.#host = host;
    this.address = address;
    this.#socket =
      address.kind === "usable"
        ? new ReconnectingSocket(
            host,
            behaviour,
            () => withResume(address.url, resumeOf(this.#state)),
            (event) => this.#heard(event),
          )
        : null;
  }

  // Arrow functions, since hooks hand them on without their object.
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): TickerState => this.#shown;

  readonly start = (): void => {
    if (this.address.kind === "unusable" && this.#state.connection.kind !== "gave-up") {
      const { given, why } = this.address;
      this.#apply({ type: "unusable", why: `${given}: ${why}` });
    }
    this.#socket?.start();
  };

  readonly stop = (): void => this.#socket?.stop();

  readonly retry = (): void => {
    if (this.#socket?.reconnect()) {
      this.#apply({ type: "retried" });
    }
  };

  readonly wake = (): void => this.#socket?.wake();

  readonly online = (): void => {
    this.#apply({ type: "network", isOnline: true });
    this.#socket?.hurry();
    this.#socket?.wake();
  };

  /** Believed for the log only: a server on this very machine is there all the same. */
  readonly offline = (): void => this.#apply({ type: "network", isOnline: false });

  readonly setPaused = (paused: boolean): void => {
    this.#apply({ type: "wanted", paused });
    this.#settle();
  };

  /** Asks for what the person wants, where the server is not about to do it anyway. */
  #settle(): void {
    const paused = owedCommand(this.#state);
    if (paused !== null && this.#socket?.send(encode(paused ? "pause" : "resume"))) {
      this.#apply({ type: "asked", paused });
    }
  }

  #heard(event: SocketEvent): void {
    if (event.type !== "message") {
      return this.#apply(event);
    }
    const message = parse(event.data);
    switch (message.type) {
      case "tick": {
        const isNew = isWelcomed(this.#state) && message.seq > this.#state.lastSeq;
        const { seq, value } = message;
        const now = this.#host.now();
        if (isNew) {
          this.#tellApplied(event.data);
        }
        const isLate = isNew && this.series.push(now, seq, value, this.#state.tickMs);
        return this.#apply({ ...message, isLate });
      }
      case "welcome":
        this.#tellApplied(event.data);
        return this.#welcomed(message);
      default:
        this.#tellApplied(event.data);
        this.#apply(message);
        return this.#settle();
    }
  }

  #tellApplied(data: unknown): void {
    if (typeof data === "string") {
      this.#host.applied?.(data);
    }
  }

  #welcomed(welcome: Welcome): void {
    const before = this.#state;
    const isSame = welcome.resumed && welcome.session === before.session;
    if (!isSame) {
      this.series.cut(this.#host.now());
    }
    this.#apply(welcome);
    if (welcome.heartbeatMs > 0) {
      this.#socket?.expect(silenceOf(welcome.heartbeatMs));
    }
    this.#settle();
  }

  #apply(event: TickerEvent): void {
    const before = this.#state;
    const at = this.#host.now();
    this.#state = fold(before, event, { at, wall: this.#host.wall() });
    this.#trace(before, this.#state, at);
    this.#notice ??= this.#host.after(NOTIFY_MS, () => this.#notify());
  }

  /** Keeps the chart's spans in step with the state. */
  #trace(before: TickerState, after: TickerState, at: number): void {
    const from = outageFrom(after);
    if (from !== null) {
      this.series.begin("outage", from);
    } else if (outageFrom(before) !== null) {
      this.series.end("outage", at);
    }
    if (after.pause.holds && !before.pause.holds) {
      this.series.begin("pause", at);
    } else if (!after.pause.holds && before.pause.holds) {
      this.series.end("pause", at);
      this.series.cut(at);
    }
  }

  #notify(): void {
    this.#notice = null;
    this.#shown = this.#state;
    for (const listener of this.#listeners) {
      listener();
    }
  }
}
