// Every page for everybody: axe finds nothing serious, in light and dark, on a desk and on a small
// telephone, connected and not; and a keyboard is enough.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { describe, expect } from "vitest";
import { builtPage, demoPage, echoPage, simplePage, type TickerPage } from "./support/pages.ts";
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

describe.skipIf(hasNoBrowser).concurrent("the page", () => {
  test("in forced colours hides no mark, and shows which window is selected", async ({ open }) => {
    const context = { viewport: DESK, forcedColors: "active", reducedMotion: "reduce" } as const;
    const stage = await open({ ticker: builtPage, context });
    await stage.untilFurther(5);
    await stage.screenshot("page-forced");
    const marks = [".dot", ".log .words", ".key [data-mark=line]", ".key [data-mark=outage]"];
    for (const mark of [...marks, ".windows [aria-pressed=true]"]) {
      expect(await isSeen(stage.page, mark), `${mark} is seen`).toBe(true);
    }
  });

  test("with letters twice as large and a long address has nothing beside it", async ({ open }) => {
    const stage = await open({ ticker: builtPage, context: { viewport: TELEPHONE } });
    await stage.page.evaluate(() => {
      document.documentElement.style.fontSize = "32px";
    });
    await stage.untilFurther(5);
    await expectNothingBeside(stage.page);
    await stage.screenshot("page-large-letters");
    await stage.page.goto(`${stage.url}${encodeURIComponent(`?${"long".repeat(500)}`)}`);
    await stage.untilFurther(5);
    await expectNothingBeside(stage.page);
    const { height } = (await stage.page.locator(".masthead").boundingBox()) ?? { height: 1_000 };
    expect(height, "an address does not fill the screen").toBeLessThan(200);
  });

  test("in reduced motion draws the chart once a second, whatever comes", async ({ open }) => {
    const context = { viewport: DESK, reducedMotion: "reduce" } as const;
    const stage = await open({ ticker: builtPage, context });
    await stage.untilFurther(5);
    await stage.page.evaluate(countDrawings);
    await stage.untilFurther(50);
    const drawn = await stage.page.evaluate(
      () => (globalThis as unknown as { drawn: Drawn }).drawn,
    );
    const seconds = ((await stage.page.evaluate(() => performance.now())) - drawn.since) / 1_000;
    expect(drawn.count).toBeGreaterThan(1);
    // Another size is drawn at once, when it is set and with the next frame: that is no motion.
    expect(drawn.count).toBeLessThanOrEqual(seconds + 1 + 2 * drawn.resized);
  });
});

interface Drawn {
  readonly count: number;
  readonly resized: number;
  readonly since: number;
}

/** Counts how often a canvas is cleared for a new drawing, and how often the chart has another size. */
function countDrawings(): void {
  const drawn = { count: 0, resized: 0, since: performance.now() };
  Object.assign(globalThis, { drawn });
  const canvas = document.querySelector("canvas");
  if (canvas !== null) {
    drawn.resized -= 1; // it is told of the size that there is
    new ResizeObserver(() => {
      drawn.resized += 1;
    }).observe(canvas);
  }
  const { clearRect } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...rect) {
    drawn.count += 1;
    clearRect.apply(this, rect);
  };
}

/** Whether the element, or the mark before it, has another background or border than what is behind. */
function isSeen(page: Page, selector: string): Promise<boolean> {
  return page.evaluate((selector) => {
    const element = document.querySelector(selector);
    if (element === null) {
      return false;
    }
    const behind = getComputedStyle(document.body).backgroundColor;
    const styles = [getComputedStyle(element), getComputedStyle(element, "::before")];
    return styles.some(({ backgroundColor, borderTopWidth, borderTopColor }) => {
      const isFilled = !["rgba(0, 0, 0, 0)", behind].includes(backgroundColor);
      return isFilled || (borderTopWidth !== "0px" && borderTopColor !== behind);
    });
  }, selector);
}

describe.skipIf(hasNoBrowser).concurrent.each([echoPage, demoPage])("$name", (ticker) => {
  test("connected, on a desk and on a telephone", async ({ open }) => {
    const stage = await open({ ticker, context: { viewport: DESK } });
    await stage.until("connected", ({ state }) => state === "open" || state === "live");
    await expectNothingSerious(stage, name(ticker, "desk"));
    await stage.page.setViewportSize(TELEPHONE);
    await expectNothingSerious(stage, name(ticker, "telephone"));
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
