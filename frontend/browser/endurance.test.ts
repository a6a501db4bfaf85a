// An hour at ten ticks a second, told a hundred times as fast: the page's memory stays what it is,
// and a frame takes little of the processor.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { describe, expect, inject } from "vitest";
import { eventually } from "./support/eventually.ts";
import { builtPage } from "./support/pages.ts";
import { hasNoBrowser, type Stage, test } from "./support/stage.ts";

/** As many as the page keeps at most: an hour at ten a second. */
const HOUR = 36_000;

const MIB = 1024 * 1024;

/** What lives on the page's heap, in bytes. */
async function heap(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize;
}

type TraceEvent = {
  readonly name: string;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly tdur?: number;
};

/**
 * The main thread's processor time for each animation frame in which the page did something, in
 * milliseconds, ascending: script, style, layout and paint. Not the time by the clock, which on a
 * machine with other work says more about that.
 */
async function frameTimes(chrome: Browser, stage: Stage, ticks: number): Promise<number[]> {
  const categories = ["toplevel", "devtools.timeline"];
  await chrome.startTracing(stage.page, { categories });
  await stage.untilFurther(ticks);
  const trace = JSON.parse((await chrome.stopTracing()).toString()) as {
    traceEvents: TraceEvent[];
  };
  const frames = trace.traceEvents.filter(({ name }) => name === "FireAnimationFrame");
  const tasks = trace.traceEvents.filter(({ name }) => name.endsWith("RunTask"));
  const holds = (task: TraceEvent, frame: TraceEvent) =>
    task.tid === frame.tid && task.ts <= frame.ts && frame.ts <= task.ts + (task.dur ?? 0);
  return tasks
    .filter((task) => frames.some((frame) => holds(task, frame)))
    .map((task) => (task.tdur ?? task.dur ?? 0) / 1000)
    .sort((a, b) => a - b);
}

const percentile = (sorted: readonly number[], share: number) =>
  sorted[Math.floor(sorted.length * share)] ?? Number.NaN;

describe.skipIf(hasNoBrowser)("an hour at ten ticks a second, told a hundred times as fast", () => {
  test("memory is flat and frames are short", { timeout: 300_000 }, async ({ chrome, open }) => {
    const stage = await open({ ticker: builtPage, tick: "1ms" });
    const chart = stage.page.getByTestId("chart");
    const points = async () => Number(await chart.getAttribute("data-points"));
    const upTo = (ticks: number) =>
      eventually(
        `${ticks} ticks`,
        () => stage.received.length,
        (n) => n > ticks,
        200_000,
      );
    await upTo(HOUR * 1.1);
    const held = await points();
    const before = await heap(stage.page);
    const report: Record<string, number> = { "heap after an hour in MiB": before / MIB };
    for (const view of ["1 min", "10 min", "1 h"]) {
      await stage.page.getByText(view, { exact: true }).click();
      const times = await frameTimes(chrome, stage, 2000);
      expect(times.length, "frames were seen").toBeGreaterThan(50);
      report[`95th percentile of a frame in ms, ${view}`] = percentile(times, 0.95);
      expect(percentile(times, 0.95), `a frame, ${view}`).toBeLessThan(16);
    }
    await upTo(HOUR * 1.4);
    const after = await heap(stage.page);
    report["heap after 1.4 hours in MiB"] = after / MIB;
    expect(held, "an hour is kept").toBeGreaterThan(HOUR * 0.9);
    expect(await points(), "the oldest points go").toBeLessThanOrEqual(HOUR);
    expect(after - before, "growth").toBeLessThan(MIB);
    writeFileSync(
      join(inject("found").artifacts, "endurance.json"),
      `${JSON.stringify(report, null, 2)}\n`,
    );
    console.log(report);
    await stage.screenshot("page-endurance");
    expect((await stage.read()).lost).toBe(0);
    stage.expectEveryTickOnce();
  });
});
