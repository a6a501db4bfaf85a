// @vitest-environment jsdom

import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Series } from "../core/series.ts";
import { INITIAL } from "../core/state.ts";
import { TickerChart } from "./TickerChart.tsx";

// A canvas is what jsdom does not have: what the chart is told is noted instead.
const told = vi.hoisted(() => ({ notes: [] as string[], theme: "light" }));
vi.mock("./live-plot.ts", () => ({
  readPalette: () => told.theme,
  plotPixels: (width: number) => width,
  LivePlot: class {
    constructor(_root: Element, _series: unknown, palette: string) {
      told.notes.push(`made ${palette}`);
    }
    set palette(palette: string) {
      told.notes.push(palette);
    }
    set windowMs(ms: number) {
      told.notes.push(`${ms} ms`);
    }
    set isCalm(isCalm: boolean) {
      told.notes.push(isCalm ? "calm" : "moving");
    }
    resize(width: number) {
      told.notes.push(`${width} px`);
    }
    frame() {}
    destroy() {
      told.notes.push("destroyed");
    }
  },
}));

let media: Map<string, { matches: boolean; changed: Set<() => void> }>;
let resized: (() => void)[];

function query(name: string) {
  const known = media.get(name) ?? { matches: false, changed: new Set() };
  media.set(name, known);
  return known;
}

/** The person's wish of this kind changes. */
function change(name: string, matches: boolean) {
  const known = query(name);
  known.matches = matches;
  act(() => {
    for (const changed of known.changed) {
      changed();
    }
  });
}

beforeEach(() => {
  media = new Map();
  resized = [];
  told.notes = [];
  told.theme = "light";
  vi.stubGlobal("matchMedia", (name: string) => ({
    matches: query(name).matches,
    addEventListener: (_: string, changed: () => void) => query(name).changed.add(changed),
    removeEventListener: (_: string, changed: () => void) => query(name).changed.delete(changed),
  }));
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(changed: () => void) {
        resized.push(changed);
      }
      observe() {}
      disconnect() {}
    },
  );
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

it.each([
  ["dark", "(prefers-color-scheme: dark)"],
  ["the system's", "(forced-colors: active)"],
])("its colours follow, when they become %s", (theme, name) => {
  render(<TickerChart series={new Series()} state={INITIAL} />);
  told.notes = [];
  told.theme = theme;
  change(name, true);
  expect(told.notes).toEqual([theme]);
});

it("it keeps still for whoever asks for it", () => {
  render(<TickerChart series={new Series()} state={INITIAL} />);
  expect(told.notes).toContain("moving");
  told.notes = [];
  change("(prefers-reduced-motion: reduce)", true);
  expect(told.notes).toContain("calm");
});

it("its window is the one that was pressed, and it goes with its element", () => {
  const { unmount } = render(<TickerChart series={new Series()} state={INITIAL} />);
  fireEvent.click(screen.getByText("10 min"));
  expect(told.notes.at(-2)).toBe("600000 ms");
  unmount();
  expect(told.notes.at(-1)).toBe("destroyed");
  expect([...media.values()].every(({ changed }) => changed.size === 0)).toBe(true);
});

it("it says that it shows averages where numbers are finer than its pixels", () => {
  const series = new Series();
  for (let seq = 1; seq <= 600; seq += 1) {
    series.push(performance.now(), seq, 5, 100);
  }
  render(<TickerChart series={series} state={INITIAL} />);
  const chart = screen.getByTestId("chart");
  const key = (width: number) => {
    vi.spyOn(chart, "clientWidth", "get").mockReturnValue(width);
    act(() => resized.at(-1)?.());
    return screen.getByText(/average|as it came/).textContent;
  };
  expect(key(1_000)).toBe("as it came");
  expect(key(310)).toContain("average");
});
