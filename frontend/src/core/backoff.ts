// How long to wait before a retry.
//
// A delay depends on the policy, the attempt, the delay before it and one random number, and on
// nothing else. The formulas are client-sim's, and both are held to client-sim/fixtures/backoff.json.
// All times are milliseconds, rounded to whole microseconds. Used by the reconnecting socket.

/**
 * With n = 0 for the first retry, u uniform in [0, 1) and ceiling(n) = min(cap, base × factorⁿ):
 * - `fixed`: base
 * - `exponential`: ceiling(n)
 * - `equal_jitter`: ceiling(n) ÷ 2 × (1 + u)
 * - `full_jitter`: ceiling(n) × u
 * - `decorrelated_jitter`: min(cap, base + u × (factor × previous − base))
 * - `rfc6455`: base × u at first (§7.2.3), then ceiling(n)
 */
export type Shape =
  | "fixed"
  | "exponential"
  | "equal_jitter"
  | "full_jitter"
  | "decorrelated_jitter"
  | "rfc6455";

export interface Policy {
  readonly shape: Shape;
  readonly baseMs: number;
  readonly capMs: number;
  readonly factor: number;
}

/** The shortest and the longest delay before retry number `attempt`, from 0. */
export function bounds(
  policy: Policy,
  attempt: number,
  previousMs: number | null,
): readonly [number, number] {
  const base = Math.min(policy.baseMs, policy.capMs);
  const top = ceiling(policy, attempt);
  switch (policy.shape) {
    case "fixed":
      return [base, base];
    case "exponential":
      return [top, top];
    case "equal_jitter":
      return [top / 2, top];
    case "full_jitter":
      return [0, top];
    case "decorrelated_jitter": {
      const high = wholeMicros(Math.max(previousMs ?? base, base) * growth(policy));
      return [base, clamp(high, base, policy.capMs)];
    }
    case "rfc6455":
      return attempt === 0 ? [0, top] : [top, top];
  }
}

/** The delay before retry number `attempt` for a `unit` drawn from [0, 1). */
export function delay(
  policy: Policy,
  attempt: number,
  previousMs: number | null,
  unit: number,
): number {
  const [low, high] = bounds(policy, attempt, previousMs);
  return clamp(wholeMicros(low + (high - low) * unit), low, high);
}

/** A delay near the cap, for when the server has said that coming back soon is unwelcome. */
export function lateDelay(policy: Policy, unit: number): number {
  return clamp(wholeMicros((policy.capMs / 2) * (1 + unit)), policy.capMs / 2, policy.capMs);
}

/** min(cap, base × factorⁿ), without overflow for any n. */
function ceiling(policy: Policy, attempt: number): number {
  const base = Math.min(policy.baseMs, policy.capMs);
  if (base === 0) {
    return 0; // 0 × ∞ is not a number
  }
  const grown = base * growth(policy) ** attempt;
  return grown < policy.capMs ? clamp(wholeMicros(grown), base, policy.capMs) : policy.capMs;
}

function growth(policy: Policy): number {
  return Math.max(policy.factor, 1);
}

function wholeMicros(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/**
 * Where a client stands in its policy. Only a connection that stayed up for the minimum uptime takes
 * it back to the start: a server that accepts and then drops is not stable, however often it does so.
 */
export class Backoff {
  readonly #policy: Policy;
  readonly #minUptimeMs: number;
  #retries = 0;
  #failures = 0;
  #previousMs: number | null = null;

  constructor(policy: Policy, minUptimeMs: number) {
    this.#policy = policy;
    this.#minUptimeMs = minUptimeMs;
  }

  /** Dials in a row that led to no stable connection. */
  get failures(): number {
    return this.#failures;
  }

  /** A dial is over; `uptimeMs` is how long it was open and heard of, `null` if it never opened. */
  ended(uptimeMs: number | null): void {
    if (uptimeMs !== null && uptimeMs >= this.#minUptimeMs) {
      this.restart();
    } else {
      this.#failures += 1;
    }
  }

  /** The delay before the next dial; `late` where the server asked for distance. */
  next(unit: number, late = false): number {
    const ordinary = delay(this.#policy, this.#retries, this.#previousMs, unit);
    this.#retries += 1;
    this.#previousMs = ordinary;
    return late ? Math.max(ordinary, lateDelay(this.#policy, unit)) : ordinary;
  }

  restart(): void {
    this.#retries = 0;
    this.#failures = 0;
    this.#previousMs = null;
  }
}
