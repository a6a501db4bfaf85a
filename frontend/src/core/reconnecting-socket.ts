// A WebSocket that comes back: when to dial, when to despair of a connection, how long to wait.
//
//            start            open
//   idle ──────────► connecting ─────► open
//                     ▲  │ closed, too late │ closed, silent
//               timer │  ▼                  │          stop, from anywhere ─► idle
//                   waiting ◄───────────────┘          reconnect ─► connecting
//                        └─► gave-up
//
// The invariants: at most one socket that was not told to close; what a socket says that is no longer
// the current one is not heard; one dial per loss. It knows nothing of the messages. client-sim's
// session machine follows the same rules. Used by the ticker client.

import { Backoff, type Policy } from "./backoff.ts";
import { meaning } from "./close-codes.ts";
import type { Host, SocketLike, Timer } from "./host.ts";

export interface Behaviour {
  readonly reconnect: Policy;
  /** The bound of one dial, upgrade included. */
  readonly connectTimeoutMs: number;
  /** Each connect timeout doubles the bound up to this: a slow way in must not be shut forever. */
  readonly connectTimeoutCapMs: number;
  /** A connection must have been heard for so long before the back-off starts again. */
  readonly minUptimeMs: number;
  /** Dials in a row without such a connection before giving up; `null` for never. */
  readonly maxAttempts: number | null;
}

/** client-sim's rules; base and cap are shorter, since somebody is looking. */
export const DEFAULT_BEHAVIOUR: Behaviour = {
  reconnect: { shape: "full_jitter", baseMs: 500, capMs: 10_000, factor: 2 },
  connectTimeoutMs: 5_000,
  connectTimeoutCapMs: 20_000,
  minUptimeMs: 5_000,
  maxAttempts: null,
};

/** How long a connection may be silent. */
export interface Silence {
  /** From here on what was heard last is old. */
  readonly staleMs: number;
  /** From here on the connection counts as dead. */
  readonly deadMs: number;
}

/** Until the server has said how often it speaks. */
export const DEFAULT_SILENCE: Silence = { staleMs: 5_000, deadMs: 10_000 };

export type Why =
  | { readonly kind: "closed"; readonly code: number; readonly reason: string }
  | { readonly kind: "connect-timeout" }
  | { readonly kind: "silent" };

export type SocketEvent =
  | { readonly type: "dialling"; readonly dial: number }
  | { readonly type: "opened" }
  | { readonly type: "message"; readonly data: unknown }
  /** Nothing was heard for a while; `heardAt` is when something last was. */
  | { readonly type: "stale"; readonly heardAt: number }
  /** Something was heard after all. */
  | { readonly type: "revived" }
  | { readonly type: "lost"; readonly why: Why; readonly wasOpen: boolean }
  | { readonly type: "waiting"; readonly dueAt: number; readonly delayMs: number }
  | { readonly type: "gave-up"; readonly failures: number; readonly why: string | null }
  | { readonly type: "stopped" };

interface Open {
  readonly kind: "open";
  readonly since: number;
  heardAt: number;
  isStale: boolean;
  /** Not dead before this, since the page itself was asleep. Granted once per silence. */
  spareUntil: number | null;
}

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "connecting"; readonly since: number }
  | Open
  | { readonly kind: "waiting"; readonly dueAt: number }
  | { readonly kind: "gave-up" };

/** The only codes that a page may close with are this and 3000 to 4999. */
const NORMAL = 1000;
/** A timer so late means that the page was throttled or the machine asleep. */
const ASLEEP_MS = 1_000;
/** A dial that takes longer than this hangs: whoever will not wait gets another one. */
const HANGING_MS = 2_000;
/** A dial that has not begun yet has no limit of its own. */
const NEXT_TASK_MS = 0;

export class ReconnectingSocket {
  readonly #host: Host;
  readonly #behaviour: Behaviour;
  /** Asked before every dial, so that an address is never frozen. */
  readonly #address: () => string;
  readonly #tell: (event: SocketEvent) => void;
  readonly #backoff: Backoff;
  #state: State = { kind: "idle" };
  #socket: SocketLike | null = null;
  #timer: Timer | null = null;
  #silence = DEFAULT_SILENCE;
  #dials = 0;
  /** Connect timeouts since a connection was last open. */
  #timeouts = 0;
  /** Dials since then that hung and were replaced because somebody would not wait. */
  #replaced = 0;

  constructor(
    host: Host,
    behaviour: Behaviour,
    address: () => string,
    tell: (event: SocketEvent) => void,
  ) {
    this.#host = host;
    this.#behaviour = behaviour;
    this.#address = address;
    this.#tell = tell;
    this.#backoff = new Backoff(behaviour.reconnect, behaviour.minUptimeMs);
  }

  get isOpen(): boolean {
    return this.#state.kind === "open";
  }

  /** Dials in the next task: a start that is stopped at once (StrictMode) never dials. */
  start(): void {
    if (this.#state.kind !== "idle") {
      return;
    }
    this.#state = { kind: "connecting", since: this.#host.now() };
    this.#arm(NEXT_TASK_MS, () => this.#dial());
  }

  /** Nothing but the close follows; `start` begins anew. */
  stop(): void {
    if (this.#state.kind === "idle") {
      return;
    }
    this.#drop();
    this.#backoff.restart();
    this.#state = { kind: "idle" };
    this.#tell({ type: "stopped" });
  }

  /** The user will not wait: dials, or says true where a dial that has just begun goes on. */
  reconnect(): boolean {
    this.#backoff.restart();
    if (this.#state.kind === "connecting") {
      return !this.#replacesHanging();
    }
    if (this.#state.kind !== "idle") {
      this.#drop();
      this.#dial();
    }
    return false;
  }

  /** The network is said to be back: comes soon, but not in step with all others. */
  hurry(): void {
    if (this.#replacesHanging() || this.#state.kind !== "waiting") {
      return;
    }
    const delayMs = this.#host.random() * this.#behaviour.reconnect.baseMs;
    if (this.#host.now() + delayMs < this.#state.dueAt) {
      this.#wait(delayMs);
    }
  }

  /** Dials anew where the dial under way hangs. Each time more patience: the way in may be slow. */
  #replacesHanging(): boolean {
    const patience = HANGING_MS * 2 ** this.#replaced;
    if (this.#state.kind !== "connecting" || this.#host.now() - this.#state.since < patience) {
      return false;
    }
    this.#replaced += 1;
    this.#drop();
    this.#dial();
    return true;
  }

  /** The page may have been asleep: whatever fell due meanwhile is looked at now. */
  wake(): void {
    const now = this.#host.now();
    if (this.#state.kind === "open") {
      this.#look(true);
    } else if (this.#state.kind === "waiting" && now >= this.#state.dueAt) {
      this.#dial();
    }
  }

  /** Whether it could be handed to an open connection; nothing is kept for later. */
  send(text: string): boolean {
    if (this.#state.kind !== "open" || this.#socket === null) {
      return false;
    }
    this.#socket.send(text);
    return true;
  }

  /** How long this connection may be silent from now on. The next one begins with the default. */
  expect(silence: Silence): void {
    this.#silence = silence;
    if (this.#state.kind === "open") {
      this.#look(false);
    }
  }

  #dial(): void {
    this.#dials += 1;
    this.#silence = DEFAULT_SILENCE;
    const limit = this.#connectLimit();
    this.#state = { kind: "connecting", since: this.#host.now() };
    this.#tell({ type: "dialling", dial: this.#dials });
    try {
      this.#attach(this.#host.open(this.#address()));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return this.#giveUp(why); // it would be the same every time
    }
    this.#arm(limit, () => {
      this.#timeouts += 1;
      this.#lose({ kind: "connect-timeout" });
    });
  }

  #connectLimit(): number {
    const { connectTimeoutMs: first, connectTimeoutCapMs: cap } = this.#behaviour;
    return Math.max(first, Math.min(cap, first * 2 ** this.#timeouts));
  }

  #attach(socket: SocketLike): void {
    this.#socket = socket;
    // Handlers are taken off when a socket is dropped; one that was already queued finds it is not ours.
    const ifCurrent = (act: () => void) => {
      if (this.#socket === socket) {
        act();
      }
    };
    socket.onopen = () => ifCurrent(() => this.#opened());
    socket.onmessage = ({ data }) => ifCurrent(() => this.#message(data));
    socket.onclose = ({ code, reason }) =>
      ifCurrent(() => this.#lose({ kind: "closed", code, reason }));
  }

  #opened(): void {
    const now = this.#host.now();
    this.#timeouts = 0;
    this.#replaced = 0;
    this.#state = { kind: "open", since: now, heardAt: now, isStale: false, spareUntil: null };
    this.#tell({ type: "opened" });
    this.#look(false);
  }

  #message(data: unknown): void {
    if (this.#state.kind !== "open") {
      return;
    }
    this.#state.heardAt = this.#host.now();
    this.#state.spareUntil = null;
    if (this.#state.isStale) {
      this.#state.isStale = false;
      this.#tell({ type: "revived" });
      this.#look(false);
    }
    this.#tell({ type: "message", data });
  }

  /** Judges the silence of the open connection, and sets the timer for the next look. */
  #look(wasAsleep: boolean): void {
    if (this.#state.kind !== "open") {
      return;
    }
    const open = this.#state;
    const now = this.#host.now();
    const { staleMs, deadMs } = this.#silence;
    const staleAt = open.heardAt + staleMs;
    if (wasAsleep && now >= open.heardAt + deadMs) {
      // What came meanwhile may be queued behind this very task.
      open.spareUntil ??= now + staleMs;
    }
    const deadAt = Math.max(open.heardAt + deadMs, open.spareUntil ?? 0);
    if (now >= deadAt) {
      return this.#lose({ kind: "silent" });
    }
    if (now >= staleAt && !open.isStale) {
      open.isStale = true;
      this.#tell({ type: "stale", heardAt: open.heardAt });
    }
    const dueAt = open.isStale ? deadAt : staleAt;
    this.#arm(dueAt - now, () => this.#look(this.#host.now() - dueAt > ASLEEP_MS));
  }

  /** The current dial is over, whoever ended it. */
  #lose(why: Why): void {
    // Silence at the end is no uptime.
    const uptime = this.#state.kind === "open" ? this.#state.heardAt - this.#state.since : null;
    this.#drop();
    this.#backoff.ended(uptime);
    this.#tell({ type: "lost", why, wasOpen: uptime !== null });
    const { maxAttempts } = this.#behaviour;
    if (maxAttempts !== null && this.#backoff.failures >= maxAttempts) {
      return this.#giveUp(null);
    }
    const isLate = why.kind === "closed" && meaning(why.code).comeback === "late";
    this.#wait(this.#backoff.next(this.#host.random(), isLate));
  }

  #wait(delayMs: number): void {
    const dueAt = this.#host.now() + delayMs;
    this.#state = { kind: "waiting", dueAt };
    this.#arm(delayMs, () => this.#dial());
    this.#tell({ type: "waiting", dueAt, delayMs });
  }

  #giveUp(why: string | null): void {
    this.#drop();
    this.#state = { kind: "gave-up" };
    this.#tell({ type: "gave-up", failures: this.#backoff.failures, why });
  }

  /** Lets go of the socket without waiting for its answer: a silent peer would give none. */
  #drop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const socket = this.#socket;
    this.#socket = null;
    if (socket !== null) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(NORMAL);
    }
  }

  #arm(ms: number, act: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#host.after(ms, act);
  }
}
