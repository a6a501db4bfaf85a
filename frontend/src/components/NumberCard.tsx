// The current number, and what it is worth: how things stand, in words and colour.

import type { ReactNode } from "react";
import { spell, stateWord, type TickerState } from "../core/state.ts";
import { useNow } from "../hooks/useNow.ts";

interface Props {
  readonly state: TickerState;
  readonly children: ReactNode;
}

/** Faster than this, a flash at each number is a flicker. */
const FLASH_FROM_MS = 400;

export function NumberCard({ state, children }: Props) {
  const word = stateWord(state);
  const flashes = word === "live" && state.tickMs >= FLASH_FROM_MS;
  return (
    <section className="card number-card" aria-labelledby="number-title">
      <h2 id="number-title" className="sr-only">
        Current number
      </h2>
      <StateLine state={state} />
      <p className="number" data-testid="value" data-seq={state.valueSeq ?? undefined}>
        <span
          key={flashes ? state.valueSeq : "still"}
          className={state.value === null ? "none" : flashes ? "fresh" : undefined}
        >
          {state.value ?? "–"}
        </span>
      </p>
      <Age state={state} />
      {children}
    </section>
  );
}

function StateLine({ state }: { readonly state: TickerState }) {
  const word = stateWord(state);
  const { connection } = state;
  const now = useNow(connection.kind === "waiting");
  const seconds =
    connection.kind === "waiting" ? Math.max(0, Math.ceil((connection.dueAt - now) / 1_000)) : 0;
  return (
    <div className="state" data-testid="state" data-state={word}>
      <p className="state-word" role="status">
        <span className="dot" aria-hidden="true" />
        <span>{NAMES[word]}</span>
        {/* Not said aloud: it would be said every second. */}
        {word === "waiting" && <span aria-hidden="true">{seconds} s</span>}
      </p>
      <p className="state-why">{whyWords(state)}</p>
    </div>
  );
}

const NAMES: Readonly<Record<ReturnType<typeof stateWord>, string>> = {
  connecting: "Connecting",
  live: "Live",
  paused: "Paused",
  stale: "Stale",
  waiting: "Waiting",
  "gave-up": "Gave up",
  stopped: "Stopped",
};

function whyWords(state: TickerState): string {
  const { connection, trouble } = state;
  const after = trouble === null ? "" : `${trouble}. `;
  switch (connection.kind) {
    case "stopped":
      return "Not connected.";
    case "connecting":
      return connection.isOpen
        ? "Connected; waiting for the server’s welcome."
        : `${after}Dialling.`;
    case "live":
      return state.isPaused
        ? "The server makes no numbers until resumed."
        : "Numbers come as they are made.";
    case "stale":
      return "The connection is open, but nothing comes. This number is old.";
    case "waiting":
      return `${after}Dials again by itself.`;
    case "gave-up":
      return `${connection.why}. It will not dial again by itself.`;
  }
}

/** An old number must not look like a new one. */
function Age({ state }: { readonly state: TickerState }) {
  const isOld = state.outageFrom !== null && state.value !== null;
  const now = useNow(isOld);
  if (state.value === null) {
    return <p className="age">No number yet</p>;
  }
  const seq = `No. ${(state.valueSeq ?? 0).toLocaleString("en")}`;
  const age = isOld ? `, ${spell(Math.max(1_000, now - state.valueAt))} old` : "";
  return <p className="age">{seq + age}</p>;
}
