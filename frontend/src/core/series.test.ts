import { describe, expect, it } from "vitest";
import { CAPACITY, Series, SPAN_LIMIT } from "./series.ts";

/** Numbers 1, 2, … once a second from time 1000 on. */
function steady(count: number): Series {
  const series = new Series();
  for (let seq = 1; seq <= count; seq += 1) {
    series.push(seq * 1_000, seq, seq, 1_000);
  }
  return series;
}

describe("numbers", () => {
  it("that come in time stand where they came, though not to the millisecond", () => {
    const series = new Series();
    const late = [1_000, 2_030, 2_995, 4_001].map((now, index) =>
      series.push(now, index + 1, index, 1_000),
    );
    expect(late).toEqual([false, false, false, false]);
    expect(series.columns.x).toEqual([1_000, 2_030, 2_995, 4_001]);
    expect(series.columns.late).toEqual([null, null, null, null]);
  });

  it("that come late stand where they were made, joined to what is around them", () => {
    const series = steady(2);
    series.begin("outage", 2_000);
    series.end("outage", 6_200);
    const came = [3, 4, 5, 6].map((seq) => series.push(6_200, seq, seq * 10, 1_000));
    expect(came).toEqual([true, true, true, false]);
    expect(series.columns.x).toEqual([1_000, 2_000, 3_000, 4_000, 5_000, 6_200]);
    expect(series.columns.prompt).toEqual([1, 2, null, null, 50, 60]);
    expect(series.columns.late).toEqual([null, 2, 30, 40, 50, null]);
  });

  it("that are merely delayed are not late, and those after them neither", () => {
    const series = steady(2);
    const came = [5_000, 6_000, 7_000].map((now, index) => series.push(now, 3 + index, 1, 1_000));
    expect(came).toEqual([false, false, false]);
    expect(series.columns.x.slice(-3)).toEqual([5_000, 6_000, 7_000]);
  });

  it("after a replay are late no more, even if the way has become longer", () => {
    const series = steady(2);
    series.begin("outage", 2_000);
    series.end("outage", 5_000);
    // Made at 3, 4, 5, …, and each 1.8 s on its way.
    const came = [5_800, 5_800, 6_800, 7_800].map((now, index) =>
      series.push(now, 3 + index, 1, 1_000),
    );
    expect(came).toEqual([true, true, false, false]);
  });

  it("that never came are a gap", () => {
    const series = steady(2);
    series.push(5_000, 5, 50, 1_000);
    expect(series.columns.x).toEqual([1_000, 2_000, 3_500, 5_000]);
    expect(series.columns.prompt).toEqual([1, 2, null, 50]);
    expect(series.columns.late).toEqual([null, null, null, null]);
  });

  it("after a cut have nothing to do with those before", () => {
    const series = steady(2);
    series.cut(60_000);
    expect(series.push(60_500, 3, 3, 1_000)).toBe(false);
    expect(series.columns.x).toEqual([1_000, 2_000, 60_000, 60_500]);
    expect(series.columns.prompt).toEqual([1, 2, null, 3]);
  });

  it("of a server that does not say how often it ticks are never late", () => {
    const series = new Series();
    series.push(0, 1, 1, 0);
    expect(series.push(60_000, 2, 2, 0)).toBe(false);
  });

  it("never go back in time, whatever the server says", () => {
    const series = steady(3);
    series.push(2_000, 4, 4, 1_000);
    series.push(9_000, 3, 4, 1_000);
    series.push(9_000, Number.MAX_SAFE_INTEGER, 4, 3_600_000);
    const { x } = series.columns;
    expect(x).toEqual([...x].sort((a, b) => a - b));
  });
});

describe("bounds", () => {
  it("hold for rows: columns stay equally long and keep the newest", () => {
    const series = new Series(100);
    for (let seq = 1; seq <= 1_000; seq += 1) {
      series.push(seq * 100, seq, seq, 100);
      expect(series.columns.x.length).toBeLessThanOrEqual(100);
    }
    const { x, prompt, late } = series.columns;
    expect(x.length).toBeGreaterThan(50);
    expect([prompt.length, late.length]).toEqual([x.length, x.length]);
    expect(prompt.at(-1)).toBe(1_000);
  });

  it("hold for two hours at ten a second with an outage every minute", () => {
    const series = new Series();
    for (let seq = 1; seq <= 72_000; seq += 1) {
      series.push(seq * 100, seq, seq % 10, 100);
      if (seq % 600 === 0) {
        series.begin("outage", seq * 100);
        series.end("outage", seq * 100 + 50);
      }
    }
    expect(series.columns.x.length).toBeLessThanOrEqual(CAPACITY);
    expect(series.spans.length).toBeLessThanOrEqual(SPAN_LIMIT);
  });
});

describe("spans", () => {
  it("of a kind do not overlap, and end once", () => {
    const series = new Series();
    series.begin("outage", 1);
    series.begin("outage", 2);
    series.begin("pause", 3);
    series.end("outage", 5);
    series.end("outage", 9);
    expect(series.spans).toEqual([
      { kind: "outage", from: 1, to: 5 },
      { kind: "pause", from: 3, to: null },
    ]);
  });
});
