// Every page for everybody: axe finds nothing serious, in light and dark, on a desk and on a small
// telephone, connected and not; and a keyboard is enough.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { describe, expect } from "vitest";
import { builtPage, echoPage, simplePage, type TickerPage } from "./support/pages.ts";
import { hasNoBrowser, type Stage, test } from "./support/stage.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const DESK = { width: 1280, height: 800 };
const TELEPHONE = { width: 360, height: 740 };

/** What axe holds for serious or worse, as one line each. */
async function serious(page: Page): Promise<string[]> {
  // Not as a script of the page: its policy would not let that run.
  await page.evaluate(AXE);
  const results = await page.evaluate(() => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<AxeResults> } };
    return axe.run();
  });
  expect(results.passes.length, "axe has looked at something").toBeGreaterThan(5);
  return results.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}

async function expectNothingSerious(stage: Stage, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await stage.page.emulateMedia({ colorScheme });
    await stage.screenshot(`${name}-${colorScheme}`);
    expect(await serious(stage.page), `${name} in ${colorScheme}`).toEqual([]);
  }
}

async function expectNothingBeside(page: Page): Promise<void> {
  const width = await page.evaluate(() => document.scrollingElement?.scrollWidth);
  expect(width, "nothing to scroll sideways").toBeLessThanOrEqual(TELEPHONE.width);
}

const name = (ticker: TickerPage, size: string) =>
  `${ticker.path.replace(/^\/|\.html$/g, "") || "page"}-${size}`;

describe.skipIf(hasNoBrowser).concurrent.each([simplePage, builtPage])("$name", (ticker) => {
  // Without motion, so that what axe sees is not half-way between two colours.
  const reducedMotion = "reduce" as const;

  test("connected, on a desk and on a telephone", async ({ open }) => {
    const stage = await open({ ticker, context: { viewport: DESK, reducedMotion } });
    await stage.untilFurther(5);
    await expectNothingSerious(stage, name(ticker, "desk"));
    await stage.page.setViewportSize(TELEPHONE);
    await expectNothingSerious(stage, name(ticker, "telephone"));
    await expectNothingBeside(stage.page);
  });

  test("paused, and with no connection, on a telephone", async ({ open }) => {
    const stage = await open({ ticker, context: { viewport: TELEPHONE, reducedMotion } });
    await stage.untilFurther(2);
    await stage.pause();
    await expectNothingSerious(stage, name(ticker, "telephone-paused"));
    await stage.proxy.stop();
    await stage.until("no connection", (shown) => shown.state === "waiting");
    await expectNothingSerious(stage, name(ticker, "telephone-waiting"));
    await expectNothingBeside(stage.page);
  });

  test("a keyboard is enough to pause and to go on", async ({ open }) => {
    const stage = await open({ ticker });
    await stage.untilFurther(2);
    await pressWithKeyboard(stage.page, "Pause");
    await stage.until("paused", (shown) => shown.state === "paused");
    await pressWithKeyboard(stage.page, "Resume");
    await stage.untilFurther(2);
  });
});

describe.skipIf(hasNoBrowser)("the echo page", () => {
  test("connected, on a desk and on a telephone", async ({ open }) => {
    const stage = await open({ ticker: echoPage, context: { viewport: DESK } });
    await stage.until("connected", (shown) => shown.state === "open");
    await expectNothingSerious(stage, name(echoPage, "desk"));
    await stage.page.setViewportSize(TELEPHONE);
    await expectNothingSerious(stage, name(echoPage, "telephone"));
    await expectNothingBeside(stage.page);
  });
});

/** Goes from control to control, as Tab does, and presses the one of that name. */
async function pressWithKeyboard(page: Page, label: string): Promise<void> {
  for (let presses = 0; presses < 30; presses += 1) {
    if ((await page.evaluate(() => document.activeElement?.textContent)) === label) {
      await page.keyboard.press("Space");
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not come by ${label}`);
}
