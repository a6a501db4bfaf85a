import { expect, it } from "vitest";
import { failed, type Outage, outageWords } from "./outage.ts";
import { clock } from "./words.ts";

const SINCE = Date.UTC(2024, 0, 1, 15, 13, 2);

const begun: Outage = {
  ...{ from: 1_000, since: SINCE, until: null, wasUp: true },
  ...{ attempts: 0, cause: null, latest: null },
};

const words = (more: Partial<Outage>, now = 301_000) => outageWords({ ...begun, ...more }, now);

it.each([
  [{}, "Nothing heard for 5 min, since AT"],
  [{ cause: "reset" }, "Down 5 min, since AT: reset"],
  [{ cause: "reset", attempts: 1 }, "Down 5 min, 1 attempt, since AT: reset"],
  [{ cause: "reset", attempts: 57 }, "Down 5 min, 57 attempts, since AT: reset"],
  [
    { cause: "reset", attempts: 57, latest: "refused" },
    "Down 5 min, 57 attempts, since AT: reset; at last: refused",
  ],
  [{ cause: "reset", until: 3_000 }, "Down 2.0 s, since AT: reset"],
  [{ wasUp: false, attempts: 1 }, "Connecting"],
  [
    { wasUp: false, attempts: 2, cause: "refused" },
    "Not connected for 5 min, 2 attempts, since AT: refused",
  ],
])("%j is told as %s", (more, expected) => {
  expect(words(more)).toBe(expected.replace("AT", clock(SINCE)));
});

it("keeps its cause, and knows the latest failure beside it", () => {
  const reset = failed(begun, "reset");
  const refused = failed(failed(reset, "too late"), "refused");
  expect([refused.cause, refused.latest]).toEqual(["reset", "refused"]);
  expect(failed(refused, "reset").latest).toBeNull();
});
