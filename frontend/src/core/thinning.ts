// Fewer rows for a wide window: averages with their range, where numbers are finer than pixels.
//
// The invariant: buckets begin at multiples of their width, so a scrolling chart does not flicker,
// and a gap wider than a bucket stays one; a number that merely came late makes none. Used by the chart.

import type { Columns } from "./series.ts";

/** Averages, and the lowest and highest number beside each. */
export interface Thinned extends Columns {
  readonly low: (number | null)[];
  readonly high: (number | null)[];
}

/** The first row at or after `x`. */
export function rowAt(columns: Columns, x: number): number {
  let low = 0;
  let high = columns.x.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((columns.x[middle] ?? 0) < x) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** Whether the rows from time `from` on are finer than the pixels they are drawn on. */
export function isDense(columns: Columns, from: number, pixels: number): boolean {
  return columns.x.length - rowAt(columns, from) > pixels;
}

interface Bucket {
  readonly index: number;
  sum: number;
  promptCount: number;
  lateCount: number;
  low: number;
  high: number;
}

/** The rows from time `from` on, in buckets of `bucketMs`. */
export function thin(columns: Columns, from: number, bucketMs: number): Thinned {
  const result: Thinned = { x: [], prompt: [], late: [], low: [], high: [] };
  let bucket: Bucket | null = null;
  let isBroken = false;
  for (let row = rowAt(columns, from); row < columns.x.length; row += 1) {
    const prompt = columns.prompt[row] ?? null;
    const value = prompt ?? columns.late[row] ?? null;
    if (value === null) {
      isBroken = true; // a gap; if it is wide enough, the next bucket shows it
      continue;
    }
    const index = Math.floor((columns.x[row] ?? 0) / bucketMs);
    if (bucket === null || bucket.index !== index) {
      close(result, bucket, bucketMs, isBroken ? index : null);
      isBroken = false;
      bucket = { index, sum: 0, promptCount: 0, lateCount: 0, low: value, high: value };
    }
    bucket.sum += value;
    bucket.promptCount += prompt === null ? 0 : 1;
    bucket.lateCount += prompt === null ? 1 : 0;
    bucket.low = Math.min(bucket.low, value);
    bucket.high = Math.max(bucket.high, value);
  }
  close(result, bucket, bucketMs, null);
  return result;
}

/** Writes a finished bucket; `next` is the one that follows a gap, if one does. */
function close(into: Thinned, bucket: Bucket | null, bucketMs: number, next: number | null): void {
  if (bucket === null) {
    return;
  }
  const mean = bucket.sum / (bucket.promptCount + bucket.lateCount);
  const isLate = bucket.lateCount > bucket.promptCount;
  join(into, isLate);
  write(into, bucket.index * bucketMs, mean, isLate, bucket);
  if (next !== null && next > bucket.index + 1) {
    write(into, (bucket.index + 1) * bucketMs, null, isLate, { low: null, high: null });
  }
}

/** Where averages of prompt and of late numbers meet, the line goes on. */
function join(into: Thinned, isLate: boolean): void {
  const [from, to] = isLate ? [into.prompt, into.late] : [into.late, into.prompt];
  const last = to.length - 1;
  if (last >= 0 && to[last] === null) {
    to[last] = from[last] ?? null;
  }
}

interface Range {
  readonly low: number | null;
  readonly high: number | null;
}

function write(
  into: Thinned,
  x: number,
  mean: number | null,
  isLate: boolean,
  { low, high }: Range,
): void {
  into.x.push(x);
  into.prompt.push(isLate ? null : mean);
  into.late.push(isLate ? mean : null);
  into.low.push(low);
  into.high.push(high);
}
