// A stage: server, proxy with a fault, and a browser tab whose WebSocket goes through the proxy.
//
// Invariant: what a stage started is ended with its test, and a test passes only if nothing
// unexpected was on the console and every program ended well.

import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {
  Browser,
  BrowserContext,
  BrowserContextOptions,
  Page,
  WebSocketRoute,
} from "playwright-core";
import { test as base, expect, inject } from "vitest";
import { launch, launchAsPeopleDo } from "./chrome.ts";
import { eventually } from "./eventually.ts";
import { ProxyJournal } from "./journal.ts";
import { noteStates, type Shown, statesSeen, type TickerPage } from "./pages.ts";
import { type Started, startProxy, startServer } from "./program.ts";

export type Scene = {
  /** The page to open. */
  readonly ticker: TickerPage;
  /** `[[fault]]` tables; none is a wire. */
  readonly faults?: string;
  readonly tick?: string;
  /** The host and port that the page comes from, if not from the server. */
  readonly from?: string;
  readonly context?: BrowserContextOptions;
  /** In a browser as people have it, where a tab can be hidden or come back by the back button. */
  readonly asPeopleDo?: boolean;
  /** Speaks to the page's sockets in the server's place. */
  readonly speak?: (socket: WebSocketRoute) => void;
};

/** A program that can be ended and started again at the same address. */
export type Service = {
  readonly address: string;
  /** What it said when it was started last. */
  said(): readonly string[];
  stop(): Promise<void>;
  start(args?: readonly string[]): Promise<void>;
};

type Parts = Pick<Stage, "ticker" | "page" | "journal" | "server" | "proxy" | "chatter"> & {
  readonly from: string;
};

export class Stage {
  readonly ticker: TickerPage;
  readonly page: Page;
  readonly journal: ProxyJournal;
  readonly server: Service;
  readonly proxy: Service;
  readonly #from: string;
  /** What is on the console and may be. */
  readonly chatter: readonly string[];
  /** The numbers of all ticks that any socket of the page received, in order. */
  readonly received: number[] = [];
  /** The addresses of all sockets that the page opened, in order. */
  readonly sockets: string[] = [];
  constructor(parts: Parts) {
    this.ticker = parts.ticker;
    this.page = parts.page;
    this.journal = parts.journal;
    this.server = parts.server;
    this.proxy = parts.proxy;
    this.#from = parts.from;
    this.chatter = parts.chatter;
    this.page.on("websocket", (socket) => {
      this.sockets.push(socket.url());
      socket.on("framereceived", ({ payload }) => {
        const seq = /^\{"type":"tick","seq":(\d+),/.exec(String(payload))?.[1];
        if (seq !== undefined) {
          this.received.push(Number(seq));
        }
      });
    });
  }

  /** The page's address, its socket through the proxy. */
  get url(): string {
    return `http://${this.#from}${this.ticker.path}?ws=ws://${this.proxy.address}${this.ticker.socket}`;
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

  /** Presses Pause once, as a person would: a press that is lost is the page's fault. */
  async pause(): Promise<Shown> {
    await this.ticker.pause(this.page);
    return this.until("paused", (shown) => shown.state === "paused");
  }

  /** Has the proxy stall one connection, counted from 1, or release it again. */
  async strike(connection: number, act: "stall" | "release"): Promise<void> {
    const api = /^API on (\S+)$/m.exec(this.proxy.said().join("\n"))?.[1];
    const url = `${api}/chaos/v1/connections/main/${connection}/${act}`;
    const answer = await fetch(url, { method: "POST" });
    expect(answer.ok, `${act}: ${answer.status}`).toBe(true);
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
      const browser = await launch();
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
  const [scenario, journal] = [join(folder, "scenario.toml"), join(folder, "journal.jsonl")];
  writeFileSync(scenario, scene.faults ?? "");
  // So long that no server gives up what a slow machine has a test do on a stalled connection.
  const pongs = ["--pong-within", "60s"];
  const settings = ["--tick", scene.tick ?? "100ms", "--heartbeat", "500ms", ...pongs];
  const server = await serve(closers, ["--seed", "1"], (more, listen) =>
    startServer([...settings, ...more], listen),
  );
  const proxy = await serve(closers, ["--scenario", scenario], (more, listen) =>
    startProxy(server.address, ["--journal", journal, ...more], listen),
  );
  const context = await openContext(chrome, scene, closers);
  const { page, chatter } = await watchedPage(context, proxy.address, closers);
  await noteStates(page, scene.ticker.state);
  if (scene.speak !== undefined) {
    await page.routeWebSocket(/\/ws/, scene.speak);
  }
  const from = scene.from ?? server.address;
  const parts = { ticker: scene.ticker, page, server, proxy, from, chatter };
  const stage = new Stage({ ...parts, journal: new ProxyJournal(journal) });
  await page.goto(stage.url);
  return stage;
}

/** Starts a program that is stopped in the end. */
async function serve(
  closers: Closer[],
  args: readonly string[],
  start: (args: readonly string[], listen?: string) => Promise<Started>,
): Promise<Service> {
  let { program, address } = await start(args);
  closers.push(() => program.stop());
  return {
    address,
    said: () => program.said,
    stop: () => program.stop(),
    start: async (more = args) => {
      ({ program } = await start(more, address));
    },
  };
}

async function openContext(
  chrome: Browser,
  scene: Scene,
  closers: Closer[],
): Promise<BrowserContext> {
  if (scene.asPeopleDo === true) {
    return launchAsPeopleDo(closers);
  }
  const context = await chrome.newContext(scene.context ?? {});
  closers.push(() => context.close());
  return context;
}

/** A page whose console is to stay empty, but for dials through the proxy that fail. */
async function watchedPage(
  context: BrowserContext,
  proxy: string,
  closers: Closer[],
): Promise<{ page: Page; chatter: readonly string[] }> {
  const page = await context.newPage();
  const [chatter, complaints]: [string[], string[]] = [[], []];
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.stack}`));
  page.on("console", (message) => {
    const text = message.text();
    // Chromium itself says this of every dial that fails; no page can prevent it.
    const isDial = text.startsWith(`WebSocket connection to 'ws://${proxy}/`);
    const isHarmless = ["info", "log", "debug"].includes(message.type());
    (isDial || isHarmless ? chatter : complaints).push(`${message.type()}: ${text}`);
  });
  closers.push(async () => expect(complaints, "on the console").toEqual([]));
  return { page, chatter };
}
