// @vitest-environment jsdom

import { act, cleanup, fireEvent, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { followPage } from "../core/page-life.ts";
import { useNow } from "./useNow.ts";

const names = ["start", "stop", "wake", "online", "offline"] as const;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const see = (visibility: DocumentVisibilityState) => {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(visibility);
  fireEvent(document, new Event("visibilitychange"));
};

it.each<[string, () => unknown, string[]]>([
  ["online", () => fireEvent(window, new Event("online")), ["online"]],
  ["offline", () => fireEvent(window, new Event("offline")), ["offline"]],
  ["thawed", () => fireEvent(document, new Event("resume")), ["wake"]],
  ["seen", () => see("visible"), ["wake"]],
  ["hidden", () => see("hidden"), []],
  ["put aside", () => fireEvent(window, new Event("pagehide")), ["stop"]],
])("a page that is %s has its client told, until it goes", (_, happens, expected) => {
  const told: string[] = [];
  const client = Object.fromEntries(names.map((name) => [name, () => told.push(name)]));
  const leave = followPage(client as unknown as Parameters<typeof followPage>[0]);
  happens();
  expect(told).toEqual(expected);
  leave();
  happens();
  expect(told).toEqual(expected);
});

it("the time goes on while it counts, and no timer is left when it does not", () => {
  const { result, rerender, unmount } = renderHook(({ isRunning }) => useNow(isRunning), {
    initialProps: { isRunning: true },
  });
  const before = result.current;
  act(() => vi.advanceTimersByTime(1_000));
  expect(result.current - before).toBe(1_000);
  rerender({ isRunning: false });
  expect(vi.getTimerCount()).toBe(0);
  rerender({ isRunning: true });
  expect(vi.getTimerCount()).toBe(1);
  unmount();
  expect(vi.getTimerCount()).toBe(0);
});
