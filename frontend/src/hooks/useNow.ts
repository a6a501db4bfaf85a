// The time, for what counts up or down on the page; stands still while nothing does.

import { useEffect, useState } from "react";

const STEP_MS = 250;

/** `performance.now()`, renewed four times a second while `isRunning`. */
export function useNow(isRunning: boolean): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    if (!isRunning) {
      return;
    }
    setNow(performance.now());
    const timer = setInterval(() => setNow(performance.now()), STEP_MS);
    return () => clearInterval(timer);
  }, [isRunning]);
  return now;
}
