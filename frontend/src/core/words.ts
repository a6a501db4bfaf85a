// Durations, counts and times of day in words. Used by whatever speaks to the person.

/** 900 ms, 2.5 s, 14 s, 3 min, 2.5 h. */
export function spell(ms: number): string {
  if (ms < 1_000) {
    return `${Math.max(0, Math.round(ms))} ms`;
  }
  if (ms < 9_950) {
    return `${(ms / 1_000).toFixed(1)} s`;
  }
  if (ms < 120_000) {
    return `${Math.round(ms / 1_000)} s`;
  }
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}

export function count(numbers: number): string {
  return numbers === 1 ? "1 number" : `${numbers.toLocaleString("en")} numbers`;
}

/** The time of day of milliseconds since 1970, as 15:13:02. */
export function clock(wall: number): string {
  return new Date(wall).toLocaleTimeString("en-GB", { hour12: false });
}

export function capitalized(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}
