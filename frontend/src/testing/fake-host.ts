// A host whose time is moved manually and whose sockets are played by the test.

import type { Host, SocketLike, Timer } from "../core/host.ts";

export class FakeSocket implements SocketLike {
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null;
  readonly sent: string[] = [];
  closedWith: number | null = null;
  isOver = false;

  readonly url: URL;

  constructor(url: string) {
    this.url = new URL(url);
  }

  /** Neither told to close nor ended by the server. */
  get isLive(): boolean {
    return this.closedWith === null && !this.isOver;
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(code?: number): void {
    this.closedWith = code ?? 1005;
  }

  opens(): void {
    this.onopen?.();
  }

  says(message: unknown): void {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }

  ends(code = 1006, reason = ""): void {
    this.isOver = true;
    this.onclose?.({ code, reason });
  }
}

interface Due {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

export class FakeHost implements Host {
  readonly sockets: FakeSocket[] = [];
  /** What the next draws are; 0.5 when there are none left. */
  units: number[] = [];
  /** What `open` throws, if anything. */
  refusal: Error | null = null;
  /** The most sockets that were live at once. */
  mostLive = 0;
  #now = 1_000;
  #order = 0;
  #timers: Due[] = [];

  now(): number {
    return this.#now;
  }

  wall(): number {
    return Date.UTC(2024, 0, 1) + this.#now;
  }

  random(): number {
    return this.units.shift() ?? 0.5;
  }

  after(ms: number, act: () => void): Timer {
    this.#order += 1;
    const due: Due = { at: this.#now + Math.max(0, ms), order: this.#order, act };
    this.#timers.push(due);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== due);
      },
    };
  }

  open(url: string): SocketLike {
    if (this.refusal !== null) {
      throw this.refusal;
    }
    const socket = new FakeSocket(url);
    this.sockets.push(socket);
    this.mostLive = Math.max(this.mostLive, this.sockets.filter((it) => it.isLive).length);
    return socket;
  }

  get timerCount(): number {
    return this.#timers.length;
  }

  /** The socket opened last. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) {
      throw new Error("no socket was opened");
    }
    return socket;
  }

  /** Time passes, and what falls due happens at its time. */
  pass(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#run(next, next.at);
    }
    this.#now = end;
  }

  /** The machine sleeps: time passes, and only then does what fell due happen, all late. */
  sleep(ms: number): void {
    const end = this.#now + ms;
    this.#now = end;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#run(next, end);
    }
  }

  /** The page is frozen: time passes, and nothing happens, not even late. */
  freeze(ms: number): void {
    this.#now += ms;
  }

  #next(end: number): Due | undefined {
    return this.#timers
      .filter((due) => due.at <= end)
      .sort((a, b) => a.at - b.at || a.order - b.order)[0];
  }

  #run(due: Due, now: number): void {
    this.#timers = this.#timers.filter((other) => other !== due);
    this.#now = Math.max(this.#now, now);
    due.act();
  }
}
