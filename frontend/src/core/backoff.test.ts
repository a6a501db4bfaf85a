import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Backoff, bounds, delay, lateDelay, type Policy, type Shape } from "./backoff.ts";

interface Vector {
  readonly policy: Shape;
  readonly base_ms: number;
  readonly cap_ms: number;
  readonly factor: number;
  readonly units: readonly number[];
  readonly delays_us: readonly number[];
}

const fixture = new URL("../../../client-sim/fixtures/backoff.json", import.meta.url);
const { vectors } = JSON.parse(readFileSync(fixture, "utf8")) as { readonly vectors: Vector[] };

const SHAPES: readonly Shape[] = [
  "fixed",
  "exponential",
  "equal_jitter",
  "full_jitter",
  "decorrelated_jitter",
  "rfc6455",
];

function policyOf({ policy, base_ms, cap_ms, factor }: Vector): Policy {
  return { shape: policy, baseMs: base_ms, capMs: cap_ms, factor };
}

describe("the vectors of client-sim", () => {
  it("cover every shape", () => {
    expect(new Set(vectors.map((it) => it.policy))).toEqual(new Set(SHAPES));
  });

  it.each(vectors)("$policy from $base_ms ms to $cap_ms ms", (vector) => {
    const policy = policyOf(vector);
    let previous: number | null = null;
    vector.units.forEach((unit, attempt) => {
      previous = delay(policy, attempt, previous, unit);
      const off = Math.abs(previous * 1_000 - (vector.delays_us[attempt] ?? Number.NaN));
      expect(off, `retry ${attempt}`).toBeLessThanOrEqual(1.001); // a microsecond, by floats
    });
  });

  it.each(vectors)("hold for the counter too: $policy from $base_ms ms", (vector) => {
    const backoff = new Backoff(policyOf(vector), 5_000);
    vector.units.forEach((unit, attempt) => {
      const off = Math.abs(backoff.next(unit) * 1_000 - (vector.delays_us[attempt] ?? Number.NaN));
      expect(off, `retry ${attempt}`).toBeLessThanOrEqual(1.001);
    });
  });
});

describe("delays", () => {
  const attempts = [0, 1, 5, 40, 1_023, 1_024, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER];

  it.each(SHAPES)("of %s stay in bounds for any attempt", (shape) => {
    for (const factor of [1, 2, 100, 0, Number.POSITIVE_INFINITY]) {
      const policy: Policy = { shape, baseMs: 100, capMs: 5_000, factor };
      for (const attempt of attempts) {
        for (const unit of [0, 0.5, 1]) {
          const [low, high] = bounds(policy, attempt, 400);
          const it = delay(policy, attempt, 400, unit);
          expect(it).toBeGreaterThanOrEqual(low);
          expect(it).toBeLessThanOrEqual(high);
          expect(high).toBeLessThanOrEqual(5_000);
        }
      }
    }
  });

  it("of nothing are nothing, not NaN", () => {
    const policy: Policy = { shape: "full_jitter", baseMs: 0, capMs: 5_000, factor: 2 };
    expect(delay(policy, 5_000, null, 0.5)).toBe(0);
  });

  it("that are late lie in the upper half of the cap", () => {
    const policy: Policy = { shape: "full_jitter", baseMs: 100, capMs: 5_000, factor: 2 };
    expect(lateDelay(policy, 0)).toBe(2_500);
    expect(lateDelay(policy, 1)).toBe(5_000);
  });
});

describe("the counter", () => {
  const policy: Policy = { shape: "exponential", baseMs: 1_000, capMs: 30_000, factor: 2 };

  it("is not brought down by a server that accepts and drops", () => {
    const backoff = new Backoff(policy, 5_000);
    const delays = [50, 50, 50, 4_999].map((uptime) => {
      backoff.ended(uptime);
      return backoff.next(0);
    });
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(backoff.failures).toBe(4);
  });

  it("starts afresh after the minimum uptime", () => {
    const backoff = new Backoff(policy, 5_000);
    backoff.ended(null);
    backoff.next(0);
    backoff.ended(5_000);
    expect(backoff.failures).toBe(0);
    expect(backoff.next(0)).toBe(1_000);
  });

  it("keeps its distance when told to", () => {
    const backoff = new Backoff(policy, 5_000);
    expect(backoff.next(0.5, true)).toBe(22_500);
    expect(backoff.next(0.5)).toBe(2_000); // and counts as one retry
  });
});
