// The current number, and what it is worth: how things stand, in words and colour.

import type { ReactNode } from "react";
import { outageWords } from "../core/outage.ts";
import { outageFrom, stateWord, type TickerState } from "../core/state.ts";
import { capitalized, spell } from "../core/words.ts";
import { useNow } from "../hooks/useNow.ts";
import { StateDiagram } from "./StateDiagram.tsx";

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
      <div>
        <p className="number" data-testid="value" data-seq={state.valueSeq ?? undefined}>
          <span
            key={flashes ? state.valueSeq : "still"}
            className={state.value === null ? "none" : flashes ? "fresh" : undefined}
          >
            {state.value ?? "–"}
          </span>
        </p>
        <Age state={state} />
      </div>
      <StateDiagram word={word} />
      {children}
    </section>
  );
}

function StateLine({ state }: { readonly state: TickerState }) {
  const word = stateWord(state);
  const { connection } = state;
  const now = useNow(state.outage !== null);
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
      <p className="state-why">{whyWords(state, now)}</p>
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

function whyWords(state: TickerState, now: number): string {
  const { connection, outage } = state;
  const after = outage === null || outage.cause === null ? "" : `${outageWords(outage, now)}. `;
  switch (connection.kind) {
    case "stopped":
      return "Not connected.";
    case "connecting":
      return connection.isOpen
        ? "Connected; waiting for the server’s welcome."
        : `${after}Connecting.`;
    case "live":
      return state.pause.holds
        ? "The server makes no numbers until resumed."
        : "Numbers come as they are made.";
    case "stale":
      return `Nothing heard for ${spell(now - connection.heardAt)}. This number is old.`;
    case "waiting":
      return `${after}Reconnecting automatically.`;
    case "gave-up":
      return `${capitalized(connection.why)}. It will not reconnect by itself.`;
  }
}

/** An old number must not look like a new one. */
function Age({ state }: { readonly state: TickerState }) {
  const isOld = outageFrom(state) !== null && state.value !== null;
  const now = useNow(isOld);
  if (state.value === null) {
    return <p className="age">No number yet</p>;
  }
  const seq = `No. ${(state.valueSeq ?? 0).toLocaleString("en")}`;
  const age = isOld ? `, ${spell(Math.max(1_000, now - state.valueAt))} old` : "";
  return <p className="age">{seq + age}</p>;
}
