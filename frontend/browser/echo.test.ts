// The echo page, whose socket goes through the proxy too.

import { describe, expect } from "vitest";
import { eventually } from "./support/eventually.ts";
import { echoPage } from "./support/pages.ts";
import { hasNoBrowser, type Stage, test } from "./support/stage.ts";

function lines(stage: Stage): Promise<string[]> {
  return stage.page.getByRole("log").getByRole("listitem").allTextContents();
}

async function say(stage: Stage, words: string): Promise<void> {
  await stage.page.getByLabel("Message", { exact: true }).fill(words);
  await stage.page.getByRole("button", { name: "Send" }).click();
}

describe.skipIf(hasNoBrowser).concurrent("the echo page", () => {
  test("what is said comes back as it was said", async ({ open }) => {
    const stage = await open({ ticker: echoPage });
    await stage.until("connected", (shown) => shown.state === "open");
    for (const words of ["one", "<b>two</b> & grüße 🎈"]) {
      await say(stage, words);
      const answered = (all: string[]) => all.at(-1) === `← ${words}`;
      await eventually(`the echo of ${words}`, () => lines(stage), answered);
    }
    expect(await lines(stage)).toHaveLength(4);
    await stage.screenshot("echo-said");
    await stage.page.getByRole("button", { name: "Disconnect" }).click();
    await stage.until("disconnected", (shown) => shown.state === "closed");
    expect((await lines(stage)).at(-1)).toBe("closed (1000)");
  });

  test("a reset is said, and the next connection is a button away", async ({ open }) => {
    const faults = `
      [[fault]]
      on = { attempt = 1, phase = "open" }
      after = "1s"
      inject.reset = {}`;
    const stage = await open({ ticker: echoPage, faults });
    const reset = (all: string[]) => all.at(-1) === "closed (1006)";
    await eventually("the end of the connection", () => lines(stage), reset);
    await stage.page.getByRole("button", { name: "Connect", exact: true }).click();
    await stage.until("connected again", (shown) => shown.state === "open");
    await say(stage, "still here");
    await eventually(
      "the echo",
      () => lines(stage),
      (all) => all.at(-1) === "← still here",
    );
  });
});
