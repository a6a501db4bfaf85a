// Both ticker pages through the real proxy: each comes back from what is done to its connection,
// and shows every number once.

import { describe, expect } from "vitest";
import { eventually } from "./support/eventually.ts";
import { builtPage, simplePage } from "./support/pages.ts";
import { hasNoBrowser, test } from "./support/stage.ts";

describe.skipIf(hasNoBrowser).concurrent.each([simplePage, builtPage])("$name", (ticker) => {
  const picture = (name: string) => `${ticker === simplePage ? "plain" : "page"}-${name}`;

  test("numbers flow", async ({ open }) => {
    const stage = await open({ ticker });
    const shown = await stage.untilFurther(10);
    expect(Number(shown.value)).toBeGreaterThanOrEqual(1);
    expect(Number(shown.value)).toBeLessThanOrEqual(10);
    expect(shown).toMatchObject({ lost: 0, reconnects: 0 });
    expect(stage.sockets).toHaveLength(1);
    stage.expectEveryTickOnce();
    await stage.screenshot(picture("live"));
  });

  test("a reset is followed by a new connection that goes on where the old one was", async ({
    open,
  }) => {
    const faults = `
      [[fault]]
      on = { attempt = 1, phase = "open" }
      after = "2s"
      inject.reset = {}`;
    const stage = await open({ ticker, faults });
    await stage.until("the second connection", (shown) => shown.reconnects === 1);
    const shown = await stage.untilFurther(10);
    expect(stage.journal.struck("reset")).toBe(1);
    expect(shown).toMatchObject({ lost: 0, reconnects: 1 });
    expect(stage.sockets[1]).toMatch(/[?&]session=\w+/);
    stage.expectEveryTickOnce();
  });

  test("a connection that falls silent is given up, though it stays open", async ({ open }) => {
    const faults = `
      [[fault]]
      on = { attempt = 1, phase = "open" }
      after = "2s"
      inject.stall = {}`;
    const stage = await open({ ticker, faults });
    await stage.until("the second connection", (shown) => shown.reconnects === 1);
    const shown = await stage.untilFurther(10);
    expect(stage.journal.struck("stall")).toBe(1);
    expect(stage.journal.count("healed"), "the wire was never mended").toBe(0);
    expect(shown).toMatchObject({ lost: 0, reconnects: 1 });
    stage.expectEveryTickOnce();
  });

  test("a server that refuses is dialled until it is back", async ({ open }) => {
    const faults = `
      [[fault]]
      at = "2s"
      inject.reset = {}
      [[fault]]
      at = "2s"
      for = "4s"
      inject.refuse = {}`;
    const stage = await open({ ticker, faults });
    await stage.until("waiting for the next dial", (shown) => shown.state === "waiting");
    await stage.screenshot(picture("waiting"));
    await stage.until("the second connection", (shown) => shown.reconnects === 1);
    const shown = await stage.untilFurther(10);
    expect(stage.journal.struck("refuse")).toBe(1);
    expect(stage.sockets.length, "some dials were refused").toBeGreaterThan(2);
    expect(shown.lost).toBe(0);
    stage.expectEveryTickOnce();
  });

  test("an outage of 10 s is seen and survived, and what was missed is replayed", async ({
    open,
  }) => {
    const faults = `
      [[fault]]
      at = "8s"
      for = "10s"
      inject.stall = {}`;
    const stage = await open({ ticker, faults });
    await stage.untilFurther(5);
    await stage.screenshot(picture("outage-1-before"));
    const during = await stage.until("no longer live", (shown) => shown.state !== "live");
    await stage.screenshot(picture("outage-2-noticed"));
    // Between two dials a page may wait for a moment only, too short to be seen.
    await stage.untilJournal("a dial in vain", (journal) => journal.count("accepted") > 1);
    await stage.screenshot(picture("outage-3-during"));
    expect(stage.journal.dialsBefore("healed"), "noticed while it lasts").toBeGreaterThan(1);
    await stage.until("back", (shown) => shown.state === "live" && shown.seq > during.seq);
    const shown = await stage.untilFurther(20);
    await stage.screenshot(picture("outage-4-after"));
    expect(shown.lost).toBe(0);
    // Ten seconds at ten ticks a second.
    expect(shown.seq).toBeGreaterThan(during.seq + 80);
    if (ticker === builtPage) {
      const states = ["connecting", "live", "stale", "connecting", "live"];
      expect((await stage.statesSeen()).join()).toMatch(new RegExp(`^${states.join(".*")}$`));
      expect(await stage.page.getByTestId("chart").getAttribute("data-outages")).toBe("1");
    }
    stage.expectEveryTickOnce();
  });

  test("a pause outlives the connection it was asked on", async ({ open }) => {
    // Again and again, so that it does not matter how long the pressing takes.
    const faults = `
      [[fault]]
      on = { attempt = "1..", phase = "open" }
      after = "5s"
      inject.reset = {}`;
    const stage = await open({ ticker, faults });
    await stage.untilFurther(5);
    const paused = await stage.pause();
    const resets = stage.journal.struck("reset");
    await stage.untilJournal("a reset", (journal) => journal.struck("reset") > resets);
    const back = await stage.until(
      "paused on a new connection",
      (shown) => shown.state === "paused" && shown.reconnects > resets,
    );
    expect(back.seq).toBe(paused.seq);
    await stage.screenshot(picture("paused"));
    await ticker.resume(stage.page);
    await stage.untilFurther(5);
    stage.expectEveryTickOnce();
  });
});

describe.skipIf(hasNoBrowser).concurrent("the last wish wins", () => {
  test("over two others within a round trip", async ({ open }) => {
    const faults = `
      [[fault]]
      on = { attempt = 1, phase = "open" }
      after = "1s"
      inject.latency = { delay = "2s", direction = "upstream" }`;
    const stage = await open({ ticker: builtPage, faults });
    await stage.untilJournal("the delay", (journal) => journal.struck("latency") === 1);
    await stage.untilFurther(5);
    for (let press = 0; press < 3; press += 1) {
      await stage.page.getByTestId("pause").click();
    }
    const states = async () => (await stage.statesSeen()).join();
    await eventually("each answer", states, (seen) => seen.endsWith("live,paused,live,paused"));
    await eventually(
      "the server agrees",
      () => stage.page.getByTestId("pause").getAttribute("aria-busy"),
      (busy) => busy === "false",
    );
    expect((await stage.read()).state).toBe("paused");
  });
});
