// The example of the guide for Playwright users, with the guide's own `chaos.mjs`, on this page.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, inject as provided } from "vitest";
import { builtPage } from "./support/pages.ts";
import { hasNoBrowser, type Stage, test } from "./support/stage.ts";

type Rule = { heal(): Promise<void> };
type Guide = {
  inject(name: string, fault: object, more?: object): Promise<Rule>;
  resetAll(): Promise<number>;
};

let folder: string;

/** The module of the guide, which speaks to this proxy. */
async function guideFor(stage: Stage): Promise<Guide> {
  const api = /^API on (\S+)$/m.exec(stage.proxy.said().join("\n"))?.[1];
  const root = join(provided("found").frontend, "..");
  const page = await readFile(join(root, "docs/guides/test-frameworks.md"), "utf8");
  const code = /<!-- example: chaos\.mjs -->\n```js\n([\s\S]*?)\n```/.exec(page)?.[1];
  expect(code, "the guide has its module").toBeDefined();
  const path = join(folder, `${stage.proxy.address.replace(":", "-")}.mjs`);
  await writeFile(path, `${code}`.replace("process.env.CHAOS_API", JSON.stringify(api)));
  return import(pathToFileURL(path).href);
}

describe.skipIf(hasNoBrowser).concurrent("as the guide has it", () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "chaos-guide-"));
  });

  afterAll(() => rm(folder, { recursive: true }));

  test("a stall in the middle of a test is noticed, and healed", async ({ open }) => {
    const stage = await open({ ticker: builtPage });
    const { inject } = await guideFor(stage);
    await stage.untilFurther(5);
    const offline = await inject("offline", { stall: {} });
    await stage.until("not live", ({ state }) => state !== "live");
    await offline.heal();
    expect((await stage.untilFurther(5)).lost).toBe(0);
  });

  test("a deploy is a reset, and answers of 503 until it is over", async ({ open }) => {
    const stage = await open({ ticker: builtPage });
    const { inject, resetAll } = await guideFor(stage);
    await stage.untilFurther(5);
    await inject("busy", { upgrade_reply: { status: 503 } }, { ttl: "3s" });
    expect(await resetAll()).toBe(1);
    await stage.untilJournal("a 503", (journal) => journal.struck("busy") > 0);
    expect((await stage.untilFurther(5)).lost).toBe(0);
  });
});
