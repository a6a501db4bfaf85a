// A stage: server, proxy with a fault, and a browser tab whose WebSocket goes through the proxy.
//
// Invariant: what a stage started is ended with its test, and a test passes only if nothing
// unexpected was on the console and every program ended well.

import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { test as base, expect, inject } from "vitest";
import { eventually } from "./eventually.ts";
import { ProxyJournal } from "./journal.ts";
import { noteStates, type Shown, statesSeen, type TickerPage } from "./pages.ts";
import { type Program, startProxy, startServer } from "./program.ts";

const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What Playwright turns off and people have: throttled timers, pages kept for the back button. */
const AS_PEOPLE_HAVE_IT = [
  "--disable-back-forward-cache",
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
];

export type Scene = {
  /** The page to open. */
  readonly ticker: TickerPage;
  /** `[[fault]]` tables; none is a wire. */
  readonly faults?: string;
  readonly tick?: string;
  /** Where the page comes from, if not from the server. */
  readonly from?: string;
  readonly context?: BrowserContextOptions;
};

export class Stage {
  readonly ticker: TickerPage;
  readonly page: Page;
  readonly journal: ProxyJournal;
  readonly server: string;
  /** The proxy's address; and the program, to be stopped and started again. */
  readonly proxy: string;
  /** The numbers of all ticks that any socket of the page received, in order. */
  readonly received: number[] = [];
  /** The addresses of all sockets that the page opened, in order. */
  readonly sockets: string[] = [];
  /** How many of the page's sockets are open or opening. */
  live = 0;
  /** The most there were at once. */
  mostLive = 0;

  constructor(parts: Pick<Stage, "ticker" | "page" | "journal" | "server" | "proxy">) {
    this.ticker = parts.ticker;
    this.page = parts.page;
    this.journal = parts.journal;
    this.server = parts.server;
    this.proxy = parts.proxy;
    this.page.on("websocket", (socket) => {
      if (!socket.url().includes("/ws")) {
        return;
      }
      this.sockets.push(socket.url());
      this.live += 1;
      this.mostLive = Math.max(this.mostLive, this.live);
      socket.on("close", () => {
        this.live -= 1;
      });
      socket.on("framereceived", ({ payload }) => {
        const message = JSON.parse(String(payload)) as { type: string; seq: number };
        if (message.type === "tick") {
          this.received.push(message.seq);
        }
      });
    });
  }

  /** The page's address, its socket through the proxy. */
  get url(): string {
    return `http://${this.server}${this.ticker.path}?ws=ws://${this.proxy}/ws`;
  }

  read(): Promise<Shown> {
    return this.ticker.read(this.page);
  }

  /** Waits until the page shows what is asked for, and gives it. */
  until(what: string, holds: (shown: Shown) => boolean): Promise<Shown> {
    return eventually(what, () => this.read(), holds);
  }

  /** Waits until the page is live and has come `count` ticks further. */
  async untilFurther(count: number): Promise<Shown> {
    const { seq } = await this.read();
    return this.until(
      `live and ${count} ticks after ${seq}`,
      (shown) => shown.state === "live" && shown.seq >= seq + count,
    );
  }

  /** Waits until the proxy's journal holds what is asked for. */
  async untilJournal(what: string, holds: (journal: ProxyJournal) => boolean): Promise<void> {
    await eventually(what, () => holds(this.journal), Boolean);
  }

  statesSeen(): Promise<string[]> {
    return statesSeen(this.page);
  }

  /** Every number came, and each one once: nothing lost, doubled or out of order. */
  expectEveryTickOnce(): void {
    const all = Array.from(this.received, (_, index) => index + 1);
    expect(this.received).toEqual(all);
  }

  async screenshot(name: string): Promise<void> {
    const path = join(inject("found").artifacts, `${name}.png`);
    await this.page.screenshot({ path, fullPage: true });
  }
}

type Closer = () => Promise<void>;

type Fixtures = {
  chrome: Browser;
  open: (scene: Scene) => Promise<Stage>;
};

/** A test with a browser; skipped, by its name, where there is none. */
export const test = base.extend<Fixtures>({
  chrome: [
    // biome-ignore lint/correctness/noEmptyPattern: Vitest reads what a fixture needs from its parameter
    async ({}, use) => {
      const path = inject("found").chromium;
      if (path === null) {
        throw new Error("no Chromium; such tests are to be skipped");
      }
      const browser = await chromium.launch({
        executablePath: path,
        chromiumSandbox: process.getuid?.() !== 0,
        args: FLAGS,
        ignoreDefaultArgs: AS_PEOPLE_HAVE_IT,
      });
      await use(browser);
      await browser.close();
    },
    { scope: "file" },
  ],
  open: async ({ chrome, task }, use) => {
    const closers: Closer[] = [];
    await use((scene) => openStage(chrome, scene, closers));
    const failures: unknown[] = [];
    for (const close of closers.reverse()) {
      await close().catch((error: unknown) => failures.push(error));
    }
    // The test's own failure says more than what follows from it.
    if (failures.length > 0 && task.result?.state !== "fail") {
      throw failures[0];
    }
  },
});

/** Without a browser, tests are skipped by their names. */
export const hasNoBrowser = inject("found").chromium === null;

async function openStage(chrome: Browser, scene: Scene, closers: Closer[]): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "chaos-page-"));
  closers.push(() => rm(folder, { recursive: true }));
  const server = await kept(
    startServer(["--tick", scene.tick ?? "100ms", "--heartbeat", "500ms", "--seed", "1"]),
    closers,
  );
  const scenario = join(folder, "scenario.toml");
  const journal = join(folder, "journal.jsonl");
  writeFileSync(scenario, scene.faults ?? "");
  const proxy = await kept(
    startProxy(server, ["--scenario", scenario, "--journal", journal]),
    closers,
  );
  const context = await chrome.newContext(scene.context ?? {});
  closers.push(() => context.close());
  const page = await watchedPage(context, proxy, closers);
  await noteStates(page, scene.ticker.state);
  const parts = { ticker: scene.ticker, page, server, proxy };
  const stage = new Stage({ ...parts, journal: new ProxyJournal(journal) });
  await page.goto(scene.from ?? stage.url);
  return stage;
}

/** Gives a program's address, and stops it in the end. */
async function kept(
  starting: Promise<{ program: Program; address: string }>,
  closers: Closer[],
): Promise<string> {
  const { program, address } = await starting;
  closers.push(() => program.stop());
  return address;
}

/** A page whose console is to stay empty, but for dials through the proxy that fail. */
async function watchedPage(
  context: BrowserContext,
  proxy: string,
  closers: Closer[],
): Promise<Page> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.stack}`));
  page.on("console", (message) => {
    const text = message.text();
    // Chromium itself says this of every dial that fails; no page can prevent it.
    const isDial = text.startsWith(`WebSocket connection to 'ws://${proxy}/ws`);
    const isHarmless = ["info", "log", "debug"].includes(message.type());
    if (!isDial && !isHarmless) {
      complaints.push(`${message.type()}: ${text}`);
    }
  });
  closers.push(async () => expect(complaints, "on the console").toEqual([]));
  return page;
}
