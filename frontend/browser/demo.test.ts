// The core without a framework, and how what is built goes over the wire.

import { describe, expect } from "vitest";
import { demoPage } from "./support/pages.ts";
import { hasNoBrowser, test } from "./support/stage.ts";

describe.skipIf(hasNoBrowser).concurrent("the demo", () => {
  test("twenty lines come back from a reset, and pause", async ({ open }) => {
    const faults = `
      [[fault]]
      on = { attempt = 1, phase = "open" }
      after = "2s"
      inject.reset = {}`;
    const stage = await open({ ticker: demoPage, faults });
    await stage.untilJournal("the reset", (journal) => journal.struck("reset") === 1);
    await stage.untilJournal("a second dial", (journal) => journal.count("accepted") === 2);
    await stage.until("live", (shown) => shown.state === "live");
    await stage.pause();
    stage.expectEveryTickOnce();
    await stage.screenshot("demo-paused");
  });

  test("is sent compressed to a browser, as all of the page is", async ({ open }) => {
    const stage = await open({ ticker: demoPage });
    const encodings: [string, string | undefined][] = [];
    stage.page.on("response", (response) => {
      encodings.push([response.url(), response.headers()["content-encoding"]]);
    });
    await stage.page.goto(`http://${stage.server.address}/`, { waitUntil: "networkidle" });
    const scripts = encodings.filter(([url]) => /\.(js|css)$/.test(url));
    expect(scripts.length).toBeGreaterThan(1);
    expect(scripts.filter(([, encoding]) => encoding !== "gzip")).toEqual([]);
  });
});
