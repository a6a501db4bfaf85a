import type { ReactNode } from "react";
import type { TickerState } from "../core/state.ts";

const SESSION_SHOWN = 8;

/** The counts. Numbers stand as digits only. */
export function Facts({ state }: { readonly state: TickerState }) {
  const hasLoss = state.lost > 0 || state.lostUnknown;
  return (
    <dl className="card facts" aria-label="Counts of this page">
      <Fact name="received" label="Received">
        {state.received}
      </Fact>
      <Fact
        name="lost"
        label="Lost"
        tone={hasLoss ? "bad" : undefined}
        isOpenEnded={state.lostUnknown}
      >
        {state.lost}
      </Fact>
      <Fact name="reconnects" label="Reconnects">
        {Math.max(0, state.welcomes - 1)}
      </Fact>
      {/* The id is a secret between this page and the server: a part of it tells sessions apart. */}
      <Fact name="session" label="Session">
        {state.session?.slice(0, SESSION_SHOWN) ?? "–"}
      </Fact>
    </dl>
  );
}

interface FactProps {
  readonly name: string;
  readonly label: string;
  readonly tone?: "bad" | undefined;
  readonly isOpenEnded?: boolean;
  readonly children: ReactNode;
}

function Fact({ name, label, tone, isOpenEnded = false, children }: FactProps) {
  return (
    <div className="fact">
      <dt>{label}</dt>
      <dd data-tone={tone}>
        <span data-testid={name} data-unknown={isOpenEnded || undefined}>
          {children}
        </span>
        {isOpenEnded && <small>and some of a session that was lost</small>}
      </dd>
    </div>
  );
}
