// What happens to a page besides faults: mounted twice, hidden, left and come back to, spoken to in
// riddles, and left alone by proxy and server.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type PreviewServer, preview } from "vite";
import { afterAll, beforeAll, describe, expect, inject } from "vitest";
import { eventually } from "./support/eventually.ts";
import { builtPage, simplePage } from "./support/pages.ts";
import { hasNoBrowser, test } from "./support/stage.ts";

describe.skipIf(hasNoBrowser)("a development build", () => {
  let served: PreviewServer;

  beforeAll(async () => {
    const root = inject("found").frontend;
    await promisify(execFile)("npm", ["run", "build:dev"], { cwd: root });
    const at = { host: "127.0.0.1", port: 0 };
    served = await preview({ root, build: { outDir: "dist-dev" }, preview: at, logLevel: "warn" });
  });

  afterAll(() => served?.close());

  test("mounts twice under StrictMode, and yet dials once", async ({ open }) => {
    const address = served.httpServer.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const stage = await open({ ticker: builtPage, from: `127.0.0.1:${port}` });
    const shown = await stage.untilFurther(20);
    expect(stage.chatter.join(), "only development builds say this").toContain("React DevTools");
    expect(stage.sockets).toHaveLength(1);
    expect(stage.journal.count("accepted")).toBe(1);
    expect(shown.reconnects).toBe(0);
    stage.expectEveryTickOnce();
  });
});

describe.skipIf(hasNoBrowser).concurrent.each([simplePage, builtPage])("$name", (ticker) => {
  test("hidden behind another tab, it comes back from a reset all the same", async ({ open }) => {
    const faults = `
      [[fault]]
      on = { attempt = "1..", phase = "open" }
      after = "7s"
      inject.reset = {}`;
    const stage = await open({ ticker, faults, asPeopleDo: true });
    await stage.untilFurther(5);
    const other = await stage.page.context().newPage();
    await other.bringToFront();
    const visibility = () => stage.page.evaluate(() => document.visibilityState);
    await eventually("hidden", visibility, (state) => state === "hidden");
    const resets = stage.journal.struck("reset");
    await stage.untilJournal("a reset", (journal) => journal.struck("reset") > resets);
    const before = stage.received.length;
    // Longer than the silence after which a connection is given up, with timers throttled.
    await eventually(
      "ticks while hidden",
      () => stage.received.length,
      (n) => n > before + 60,
    );
    expect(await visibility()).toBe("hidden");
    await stage.page.bringToFront();
    await eventually("seen", visibility, (state) => state === "visible");
    await stage.until("no connection given up but for a reset", ({ state, reconnects }) => {
      const dials = stage.journal.count("accepted") - 1;
      return state === "live" && reconnects === dials && dials === stage.journal.struck("reset");
    });
    expect((await stage.untilFurther(5)).lost).toBe(0);
    stage.expectEveryTickOnce();
  });

  test("left and come back to by the back button, it connects again", async ({ open }) => {
    const stage = await open({ ticker, asPeopleDo: true });
    await stage.page.evaluate(() => {
      addEventListener("pageshow", (event) => {
        document.documentElement.dataset.kept = String(event.persisted);
      });
    });
    const left = await stage.untilFurther(5);
    await stage.page.goto(`http://${stage.server.address}/websocket.html`);
    await stage.untilJournal("no connection left", (journal) => journal.count("closed") === 1);
    // Not until it is loaded: it is, and is not loaded again.
    await stage.page.goBack({ waitUntil: "commit" });
    const shown = await stage.until("live", ({ state, seq }) => state === "live" && seq > left.seq);
    const kept = await stage.page.evaluate(() => document.documentElement.dataset.kept);
    expect(kept, "the same page, not a new one").toBe("true");
    expect(shown).toMatchObject({ lost: 0, reconnects: 1 });
    expect(stage.journal.count("accepted")).toBe(2);
  });

  test("a proxy that is gone is waited for, and a server that forgot starts afresh", async ({
    open,
  }) => {
    const stage = await open({ ticker });
    await stage.untilFurther(20);
    await stage.proxy.stop();
    await stage.until("waiting", (shown) => shown.state === "waiting");
    await stage.proxy.start();
    const { seq } = await stage.untilFurther(5);
    stage.expectEveryTickOnce();
    await stage.server.stop();
    await stage.until("waiting", (shown) => shown.state === "waiting");
    await stage.server.start(["--seed", "2"]);
    const fresh = await stage.until(
      "numbers of a new session",
      (shown) => shown.state === "live" && shown.seq > 0 && shown.seq < seq,
    );
    expect(fresh.reconnects).toBe(2);
    await stage.screenshot(`${ticker === simplePage ? "plain" : "page"}-forgotten`);
  });

  test("messages that make no sense do it no harm", async ({ open }) => {
    const welcome = {
      ...{ type: "welcome", session: "0123456789abcdef", tick_ms: 1000, heartbeat_ms: 1000 },
      ...{ next_seq: 1, paused: false, resumed: false, lost: 0 },
    };
    const riddles = [
      "no JSON",
      "",
      "null",
      "[]",
      "7",
      '{"type":"not yet invented"}',
      '{"type":"tick","seq":"two","value":[]}',
      '{"type":"tick"}',
      '{"type":"error","message":"<img src=x onerror=alert(1)>"}',
      `"${"long ".repeat(400_000)}"`,
    ];
    const stage = await open({
      ticker,
      speak: (socket) => {
        socket.send(JSON.stringify(welcome));
        socket.send(JSON.stringify({ type: "tick", seq: 1, value: 3 }));
        for (const riddle of riddles) {
          socket.send(riddle);
        }
        socket.send(Buffer.from([0, 255, 1]));
        socket.send(JSON.stringify({ type: "tick", seq: 2, value: 8 }));
      },
    });
    const shown = await stage.until("the tick after the riddles", ({ seq }) => seq === 2);
    expect(shown).toMatchObject({ value: "8", reconnects: 0, lost: 0 });
    expect(await stage.page.locator("img").count(), "words, not HTML").toBe(0);
    await stage.screenshot(`${ticker === simplePage ? "plain" : "page"}-riddles`);
  });
});
