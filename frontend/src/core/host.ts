// What the cores need of the browser, so that tests can hand them something else.
//
// Nothing in core/ reads a clock, sets a timer, draws a random number or opens a socket otherwise.

import { tellApplied } from "./under-test.ts";

/** The part of `WebSocket` that is used. */
export interface SocketLike {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** A timer that was set. */
export interface Timer {
  cancel(): void;
}

export interface Host {
  /** Milliseconds since some origin; never goes back. */
  now(): number;
  /** Milliseconds since 1970, for people to read. */
  wall(): number;
  after(ms: number, act: () => void): Timer;
  /** Uniform in [0, 1). */
  random(): number;
  /** Throws where an address cannot be dialled at all. */
  open(url: string): SocketLike;
  /** Hears of every message that was taken for new; for whoever tests the page. */
  applied?(data: string): void;
}

export const browserHost: Host = {
  applied: tellApplied,
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, act) => {
    const handle = setTimeout(act, ms);
    return { cancel: () => clearTimeout(handle) };
  },
  random: () => Math.random(),
  open: (url) => {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer"; // a Blob would have to be awaited
    return socket as SocketLike;
  },
};
