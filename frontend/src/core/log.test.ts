import { expect, it } from "vitest";
import { append, type Entry, LOG_LIMIT } from "./log.ts";

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
