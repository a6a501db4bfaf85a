import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

it("the demo is no longer than it says", () => {
  const text = readFileSync(new URL("demo.js", import.meta.url), "utf8");
  expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(20);
});
