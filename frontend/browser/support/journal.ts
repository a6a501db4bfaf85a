// What the proxy did, from its journal: so that a test knows that its fault has struck.

import { readFileSync } from "node:fs";

export type ProxyEvent = {
  readonly event: string;
  readonly rule?: string;
  readonly client?: string;
};

export class ProxyJournal {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** All events so far; the proxy writes whole lines. */
  events(): ProxyEvent[] {
    const lines = readFileSync(this.#path, "utf8").split("\n");
    return lines.slice(1, -1).map((line) => JSON.parse(line) as ProxyEvent);
  }

  count(event: string): number {
    return this.events().filter((one) => one.event === event).length;
  }

  /**
   * How many dials the proxy had met before the first event of this name, or so far: in the
   * proxy's order, so that it does not matter when a busy machine lets a test look.
   */
  dialsBefore(event: string): number {
    const events = this.events();
    const first = events.findIndex((one) => one.event === event);
    const before = first === -1 ? events : events.slice(0, first);
    return before.filter((one) => one.event === "accepted").length;
  }

  /** How many connections a rule has struck, its listener included. */
  struck(rule: string): number {
    return this.events().filter((one) => one.event === "struck" && one.rule === rule).length;
  }
}
