import { isPending, isWanted } from "../core/pause.ts";
import { stateWord, type TickerState } from "../core/state.ts";

interface Props {
  readonly state: TickerState;
  readonly onPaused: (paused: boolean) => void;
  readonly onRetry: () => void;
}

/** Pause and resume, and dialling now. Both can always be pressed, so that neither loses the focus. */
export function Controls({ state, onPaused, onRetry }: Props) {
  const paused = isWanted(state.pause);
  const word = stateWord(state);
  const isUp = word === "live" || word === "paused";
  const isUrgent = word === "waiting" || word === "gave-up" || word === "stale";
  return (
    <div className="controls">
      <button
        type="button"
        className="button"
        data-testid="pause"
        data-paused={paused}
        aria-busy={isPending(state.pause)}
        onClick={() => onPaused(!paused)}
      >
        {paused ? "Resume" : "Pause"}
      </button>
      <button
        type="button"
        className={isUrgent ? "button primary" : "button"}
        data-testid="retry"
        onClick={onRetry}
      >
        {isUp ? "Reconnect" : "Retry now"}
      </button>
    </div>
  );
}
