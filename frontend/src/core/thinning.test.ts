import { describe, expect, it } from "vitest";
import { Series } from "./series.ts";
import { isDense, rowAt, thin } from "./thinning.ts";

/** Numbers 1 to 10 over and over, ten a second from time 0 on. */
function tenASecond(seconds: number): Series {
  const series = new Series();
  for (let index = 0; index < seconds * 10; index += 1) {
    series.push(index * 100, index + 1, 1 + (index % 10), 100);
  }
  return series;
}

it("finds the first row at or after a time", () => {
  const { columns } = tenASecond(1);
  expect([-1, 0, 50, 100, 900, 901].map((x) => rowAt(columns, x))).toEqual([0, 0, 1, 1, 9, 10]);
});

it("is dense where there are more rows than pixels", () => {
  const { columns } = tenASecond(60);
  expect([600, 599].map((pixels) => isDense(columns, 0, pixels))).toEqual([false, true]);
  expect(isDense(columns, 30_000, 310), "only what is in the window counts").toBe(false);
});

describe("a wide window", () => {
  it("shows averages with their range", () => {
    const thinned = thin(tenASecond(3).columns, 0, 1_000);
    expect(thinned.x).toEqual([0, 1_000, 2_000]);
    expect(thinned.prompt).toEqual([5.5, 5.5, 5.5]);
    expect(thinned.low).toEqual([1, 1, 1]);
    expect(thinned.high).toEqual([10, 10, 10]);
  });

  it("has the same buckets wherever it begins", () => {
    const { columns } = tenASecond(10);
    const later = thin(columns, 3_000, 1_000);
    expect(later.x).toEqual(thin(columns, 0, 1_000).x.slice(3));
    expect(thin(columns, 3_040, 1_000).x).toEqual(later.x);
  });

  it("keeps a gap that is wider than a bucket", () => {
    const series = tenASecond(2);
    series.push(6_000, 61, 5, 100);
    const { x, prompt } = thin(series.columns, 0, 1_000);
    expect(x).toEqual([0, 1_000, 2_000, 6_000]);
    expect(prompt).toEqual([5.5, 5.5, null, 5]);
  });

  it("has no gap where a number merely came late", () => {
    const series = tenASecond(2);
    series.push(6_000, 21, 5, 100);
    expect(thin(series.columns, 0, 1_000).prompt).toEqual([5.5, 5.5, 5]);
  });

  it("tells replayed numbers from others, and joins the two", () => {
    const series = tenASecond(1);
    series.begin("outage", 1_000);
    series.end("outage", 2_950);
    for (let index = 10; index < 30; index += 1) {
      series.push(2_950, index + 1, 4, 100);
    }
    const { prompt, late } = thin(series.columns, 0, 1_000);
    expect(prompt).toEqual([5.5, null, null]);
    expect(late).toEqual([5.5, 4, 4]);
  });

  it("of nothing is nothing", () => {
    expect(thin(new Series().columns, 0, 1_000).x).toEqual([]);
  });
});
