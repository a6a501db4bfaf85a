import type { TickerState } from "../core/state.ts";

/** What the server or the address has wrong. The region stays, so that screen readers notice it. */
export function Problem({ problem }: Pick<TickerState, "problem">) {
  return (
    <div className="problem-region" role="alert">
      {problem !== null && (
        <p className="problem" data-testid="problem">
          {problem.words}
        </p>
      )}
    </div>
  );
}
