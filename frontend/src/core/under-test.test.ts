import { afterEach, expect, it, vi } from "vitest";
import { obeyHarness, tellApplied } from "./under-test.ts";

afterEach(() => vi.unstubAllGlobals());

it("says nothing where nobody listens, and else what was applied", () => {
  tellApplied("a");
  const report = vi.fn();
  vi.stubGlobal("chaos", { report });
  tellApplied("b");
  expect(report.mock.calls).toEqual([[{ event: "message", data: "b" }]]);
});

it("does what it is told, and nothing that it does not know, until it is let go", () => {
  const events = new EventTarget();
  vi.stubGlobal("window", events);
  const done: string[] = [];
  const client = {
    setPaused: (paused: boolean) => done.push(`paused ${paused}`),
    retry: () => done.push("retry"),
    stop: () => done.push("stop"),
  };
  const letGo = obeyHarness(client);
  const tell = (word: string) =>
    events.dispatchEvent(new CustomEvent("chaos", { detail: { do: word } }));
  ["pause", "resume", "reconnect", "fly", "stop"].forEach(tell);
  const all = ["paused true", "paused false", "retry", "stop"];
  expect(done).toEqual(all);
  letGo();
  tell("pause");
  expect(done).toEqual(all);
});
