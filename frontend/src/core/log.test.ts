import { expect, it } from "vitest";
import { append, type Entry, LOG_LIMIT, record } from "./log.ts";
import type { Outage } from "./outage.ts";

it("has the newest first, and counts what is said again at once", () => {
  let log: readonly Entry[] = [];
  for (const words of ["a", "b", "b", "b", "a"]) {
    log = append(log, 0, "note", words);
  }
  expect(log.map(({ words, count }) => [words, count])).toEqual([
    ["a", 1],
    ["b", 3],
    ["a", 1],
  ]);
});

it("is bounded, and its ids stay unique", () => {
  let log: readonly Entry[] = [];
  for (let index = 0; index < 10 * LOG_LIMIT; index += 1) {
    log = append(log, index, "bad", String(index));
  }
  expect(log).toHaveLength(LOG_LIMIT);
  expect(new Set(log.map((entry) => entry.id)).size).toBe(LOG_LIMIT);
  expect(log[0]?.words).toBe("999");
});

it("keeps an outage as one entry while it lasts, however much is said meanwhile", () => {
  const outage: Outage = {
    ...{ from: 0, since: 0, until: null, wasUp: true, attempts: 0, cause: "reset", latest: null },
  };
  let log = record([], outage, 0);
  for (let index = 0; index < 2 * LOG_LIMIT; index += 1) {
    log = append(log, index, "note", String(index));
    log = record(log, { ...outage, attempts: index }, index);
  }
  expect(log).toHaveLength(LOG_LIMIT);
  expect(log.at(-1)?.words).toMatch(/^Down 199 ms, 199 attempts, since [\d:]+: reset$/);
  log = record(log, { ...outage, until: 1_000 }, 1_000);
  expect(log.at(-1)?.words).toMatch(/^Down 1.0 s, since/);
  expect(record(log, outage, 2_000)[0]?.words, "the next one is another").toMatch(/^Down 2.0 s/);
  expect(
    append(log, 0, "note", "x").some((one) => one.outage),
    "and goes in its turn",
  ).toBe(false);
});
