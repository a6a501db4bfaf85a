// The two ticker pages, read the same way: the simple one and the one built with React.
//
// Invariant: only what a person could see is read, never the insides of a script.

import type { Page } from "playwright-core";

/** What a page shows at one moment. */
export type Shown = {
  readonly state: string;
  readonly words: string;
  readonly value: string;
  /** The number of the latest tick; 0 before the first. */
  readonly seq: number;
  readonly lost: number;
  /** Connections after the first. */
  readonly reconnects: number;
};

export type TickerPage = {
  readonly name: string;
  readonly path: string;
  /** The element that has `data-state`. */
  readonly state: string;
  /** The path of its WebSocket. */
  readonly socket: string;
  read(page: Page): Promise<Shown>;
  pause(page: Page): Promise<void>;
  resume(page: Page): Promise<void>;
};

export const simplePage: TickerPage = {
  name: "the simple page",
  path: "/plain.html",
  state: "#ticker",
  socket: "/ws",
  read: (page) =>
    page.evaluate(() => {
      const text = (id: string) => document.getElementById(id)?.textContent ?? "";
      const digits = (id: string) => Number(text(id).replace("–", "0"));
      return {
        state: document.getElementById("ticker")?.dataset.state ?? "none",
        words: text("state"),
        value: text("number"),
        seq: digits("seq"),
        lost: digits("lost"),
        reconnects: Math.max(0, digits("connections") - 1),
      };
    }),
  pause: (page) => press(page, "pause"),
  resume: (page) => press(page, "resume"),
};

/**
 * Presses a button of the simple page once, at the first moment at which that can be: without a
 * connection it is disabled, and a click of the mouse may fall just there.
 */
async function press(page: Page, id: string): Promise<void> {
  await page.waitForFunction((id) => {
    const button = document.getElementById(id);
    if (!(button instanceof HTMLButtonElement) || button.disabled) {
      return false;
    }
    button.click();
    return true;
  }, id);
}

export const builtPage: TickerPage = {
  name: "the page",
  path: "/",
  state: "[data-testid=state]",
  socket: "/ws",
  read: (page) =>
    page.evaluate(() => {
      const part = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`);
      const text = (id: string) => part(id)?.textContent ?? "";
      return {
        state: part("state")?.dataset.state ?? "none",
        words: text("state"),
        value: text("value"),
        seq: Number(part("value")?.dataset.seq ?? 0),
        lost: Number(text("lost")),
        reconnects: Number(text("reconnects")),
      };
    }),
  pause: (page) => page.getByRole("button", { name: "Pause" }).click(),
  resume: (page) => page.getByRole("button", { name: "Resume" }).click(),
};

/** The core without a framework shows its state, its number and its latest event. */
export const demoPage: TickerPage = {
  name: "the demo",
  path: "/demo.html",
  state: "#ticker",
  socket: "/ws",
  read: (page) =>
    page.evaluate(() => ({
      state: document.getElementById("ticker")?.dataset.state ?? "none",
      words: document.getElementById("event")?.textContent ?? "",
      value: document.getElementById("number")?.textContent ?? "",
      ...{ seq: 0, lost: 0, reconnects: 0 },
    })),
  pause: (page) => page.getByRole("button", { name: "Pause" }).click(),
  resume: (page) => page.getByRole("button", { name: "Resume" }).click(),
};

/** The echo page has a state and no numbers. */
export const echoPage: TickerPage = {
  name: "the echo page",
  path: "/websocket.html",
  state: "#echo",
  socket: "/echo",
  read: (page) =>
    page.evaluate(() => ({
      state: document.getElementById("echo")?.dataset.state ?? "none",
      words: document.getElementById("state")?.textContent ?? "",
      ...{ value: "", seq: 0, lost: 0, reconnects: 0 },
    })),
  pause: () => Promise.reject(new Error("nothing to pause")),
  resume: () => Promise.reject(new Error("nothing to resume")),
};

/** Notes every state that the page shows, however short, from its first moment on. */
export async function noteStates(page: Page, selector: string): Promise<void> {
  await page.addInitScript((selector: string) => {
    const seen: string[] = [];
    Object.assign(globalThis, { statesSeen: seen });
    const note = () => {
      const state = document.querySelector<HTMLElement>(selector)?.dataset.state;
      if (state !== undefined && seen.at(-1) !== state) {
        seen.push(state);
      }
    };
    const watched = { subtree: true, childList: true, attributeFilter: ["data-state"] };
    new MutationObserver(note).observe(document, watched);
  }, selector);
}

export function statesSeen(page: Page): Promise<string[]> {
  return page.evaluate(() => (globalThis as unknown as { statesSeen: string[] }).statesSeen);
}
