import type { ReactNode } from "react";
import type { TickerState } from "../core/state.ts";
import { spell } from "../core/words.ts";
import { useNow } from "../hooks/useNow.ts";

const SESSION_SHOWN = 8;

/** The counts. The numbers themselves stand as digits only. */
export function Facts({ state }: { readonly state: TickerState }) {
  const { received, lost, lostUnknown, session } = state;
  const now = useNow(state.outage !== null);
  return (
    <dl className="facts" aria-label="Counts of this page">
      <Fact label="Received" note={receivedNote(state)}>
        <span data-testid="received">{received}</span>
      </Fact>
      <Fact label="Lost" note={lossNote(state)} isBad={lost > 0 || lostUnknown}>
        <span data-testid="lost" data-unknown={lostUnknown || undefined}>
          {lost}
        </span>
      </Fact>
      <Fact label="Reconnects" note={outageNote(state, now)}>
        <span data-testid="reconnects">{Math.max(0, state.welcomes - 1)}</span>
      </Fact>
      {/* The id is a secret between this page and the server: a part of it tells sessions apart. */}
      <Fact label="Session" note={sessionNote(state)}>
        <span data-testid="session">{session?.slice(0, SESSION_SHOWN) ?? "–"}</span>
      </Fact>
    </dl>
  );
}

function receivedNote({ received, late }: TickerState): string {
  if (late > 0) {
    return `${late.toLocaleString("en")} of them replayed`;
  }
  return received === 0 ? "none yet" : "all as they came";
}

function outageNote({ outage, lastOutageMs, welcomes }: TickerState, now: number): string {
  if (outage?.wasUp) {
    return `${outage.cause === null ? "silent" : "down"} for ${spell(now - outage.from)}`;
  }
  if (welcomes === 0) {
    return "not connected yet";
  }
  return lastOutageMs === null ? "no outage yet" : `last outage ${spell(lastOutageMs)}`;
}

function sessionNote({ session, lostUnknown, outage }: TickerState): string {
  if (session === null) {
    return "none yet";
  }
  if (outage !== null) {
    return "unknown if it still lives";
  }
  return lostUnknown ? "a new one" : "the same so far";
}

/** What is under way during an outage, nobody here can know. */
function lossNote({ lost, lostUnknown, welcomes, outage }: TickerState): string {
  if (welcomes === 0) {
    return "none yet";
  }
  if (lostUnknown) {
    return "and some of an old session";
  }
  if (outage !== null) {
    return lost === 0 ? "unknown until it is back" : "so far; more is unknown";
  }
  return lost === 0 ? "every number came" : "gone for good";
}

interface FactProps {
  readonly label: string;
  readonly note: string;
  readonly isBad?: boolean;
  readonly children: ReactNode;
}

function Fact({ label, note, isBad = false, children }: FactProps) {
  return (
    <div className="card fact">
      <dt>{label}</dt>
      <dd data-tone={isBad ? "bad" : undefined}>
        {children}
        <small>{note}</small>
      </dd>
    </div>
  );
}
