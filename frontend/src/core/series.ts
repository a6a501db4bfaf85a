// The chart's data: numbers over time in columns, and the spans in which there were none.
//
// The invariant: x never goes back, and there are never more than `capacity` rows and SPAN_LIMIT
// spans, whatever comes. A row whose y are both null is a gap: a number that is lost. Times are
// milliseconds of the host's clock. Used by the ticker client and by the chart.

export type SpanKind = "outage" | "pause";

export interface Span {
  readonly kind: SpanKind;
  readonly from: number;
  /** `null` while it lasts. */
  to: number | null;
}

/** Columns for uPlot. A number is in `prompt` or in `late`; where the two meet it is in both. */
export interface Columns {
  readonly x: number[];
  /** Numbers as they came. */
  readonly prompt: (number | null)[];
  /** Numbers that came after an outage, at the time at which they were made. */
  readonly late: (number | null)[];
}

/** An hour at ten numbers a second. */
export const CAPACITY = 36_000;
export const SPAN_LIMIT = 200;
/** Rows are dropped by so many at a time: dropping one costs as much. */
const SLACK = 1_024;
/** Later than this share of a tick, and a replayed number belongs to an earlier moment than now. */
const LATE_SHARE = 0.5;
/** Numbers further apart than this share of a tick come at their own pace: the replay is over. */
const PACE_SHARE = 0.5;

export class Series {
  readonly columns: Columns = { x: [], prompt: [], late: [] };
  readonly spans: Span[] = [];
  readonly #capacity: number;
  /** Where the last number was put; `null` where the next one tells nothing by its distance. */
  #anchor: { readonly seq: number; readonly at: number } | null = null;
  /** After an outage, until its numbers are here: when the last one came, `null` before the first. */
  #replay: { cameAt: number | null } | null = null;
  #revision = 0;

  constructor(capacity: number = CAPACITY) {
    this.#capacity = capacity;
  }

  /** Changes whenever anything else does. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * Adds number `seq`, which came at `now`. Says whether it was late: after an outage, a replayed
   * number is put where it was made, so that the outage is filled in, not heaped up at its end.
   */
  push(now: number, seq: number, value: number, tickMs: number): boolean {
    const anchor = this.#anchor;
    const missing = anchor === null ? 0 : seq - anchor.seq - 1;
    const madeAt = anchor === null ? now : anchor.at + (seq - anchor.seq) * tickMs;
    const isLate = this.#isReplay(now, tickMs) && now - madeAt > tickMs * LATE_SHARE;
    this.#replay = isLate ? { cameAt: now } : null;
    const at = Math.max(isLate ? madeAt : now, this.columns.x.at(-1) ?? 0);
    if (anchor !== null && missing > 0) {
      this.#row((anchor.at + at) / 2, null, null);
    }
    this.#join(isLate);
    this.#row(at, isLate ? null : value, isLate ? value : null);
    this.#anchor = { seq, at };
    return isLate;
  }

  /** Whether a number that comes now may be one of a replay; a mere delay is none, however long. */
  #isReplay(now: number, tickMs: number): boolean {
    if (this.#replay === null || tickMs === 0) {
      return false;
    }
    const { cameAt } = this.#replay;
    return cameAt === null || now - cameAt < tickMs * PACE_SHARE;
  }

  /** A number follows that has nothing to do with the one before: another session, or a pause. */
  cut(now: number): void {
    this.#anchor = null;
    this.#replay = null;
    if (this.columns.x.length > 0) {
      this.#row(Math.max(now, this.columns.x.at(-1) ?? 0), null, null);
    }
  }

  /** Begins a span of this kind unless one is open. */
  begin(kind: SpanKind, from: number): void {
    if (this.#open(kind) === undefined) {
      this.spans.push({ kind, from, to: null });
      this.spans.splice(0, this.spans.length - SPAN_LIMIT);
      this.#revision += 1;
    }
  }

  /** Ends the span of this kind, if one is open. */
  end(kind: SpanKind, to: number): void {
    const span = this.#open(kind);
    if (span !== undefined) {
      span.to = Math.max(to, span.from);
      this.#replay = kind === "outage" ? { cameAt: null } : this.#replay;
      this.#revision += 1;
    }
  }

  #open(kind: SpanKind): Span | undefined {
    return this.spans.findLast((span) => span.kind === kind && span.to === null);
  }

  /** Where prompt and late numbers meet, the line goes on from the last one. */
  #join(isLate: boolean): void {
    const { prompt, late } = this.columns;
    const [from, to] = isLate ? [prompt, late] : [late, prompt];
    const last = to.length - 1;
    if (last >= 0 && to[last] === null) {
      to[last] = from[last] ?? null;
    }
  }

  #row(x: number, prompt: number | null, late: number | null): void {
    const columns = this.columns;
    columns.x.push(x);
    columns.prompt.push(prompt);
    columns.late.push(late);
    this.#revision += 1;
    if (columns.x.length > this.#capacity) {
      const surplus = Math.min(SLACK, Math.ceil(this.#capacity / 4));
      columns.x.splice(0, surplus);
      columns.prompt.splice(0, surplus);
      columns.late.splice(0, surplus);
    }
  }
}
