// The browser, in two manners.
//
// `launch` is Playwright's: each test has a context of its own, and every tab believes that it is
// seen. `launchAsPeopleDo` leaves Chromium as it comes: tabs in one window of which one is seen,
// timers of the others throttled, pages kept for the back button.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { inject } from "vitest";
import { Program } from "./program.ts";

/** Chromium's sandbox refuses to work for root. */
const isRoot = process.getuid?.() === 0;

/** 128 and SIGTERM, as shells say it. */
const TERMINATED = 143;

const FLAGS = [
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

function path(): string {
  const path = inject("found").chromium;
  if (path === null) {
    throw new Error("no Chromium; tests that need it are to be skipped");
  }
  return path;
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: path(), chromiumSandbox: !isRoot, args: FLAGS });
}

/** What it starts is ended by `closers`, the last one first. */
export async function launchAsPeopleDo(closers: (() => Promise<void>)[]): Promise<BrowserContext> {
  const profile = await mkdtemp(join(tmpdir(), "chaos-page-"));
  closers.push(() => rm(profile, { recursive: true, maxRetries: 5 }));
  const sandbox = isRoot ? ["--no-sandbox"] : [];
  const args = ["--headless", "--remote-debugging-port=0", `--user-data-dir=${profile}`];
  const { program, address } = await Program.start(
    // Chromium says where it listens on stderr.
    "/bin/sh",
    ["-c", 'exec "$@" 2>&1', "chromium", path(), ...args, ...sandbox, ...FLAGS, "about:blank"],
    /^DevTools listening on (ws:\S+)$/,
  );
  // It has been told to close, and may be at that still when the signal comes.
  closers.push(() => program.stop([TERMINATED]));
  const browser = await chromium.connectOverCDP(address, { noDefaults: true });
  closers.push(async () => {
    const session = await browser.newBrowserCDPSession();
    const gone = new Promise((resolve) => browser.once("disconnected", resolve));
    await session.send("Browser.close");
    await gone;
  });
  const context = browser.contexts()[0];
  if (context === undefined) {
    throw new Error("Chromium has no context to open tabs in");
  }
  return context;
}
