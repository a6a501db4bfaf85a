// The page: what stands where.

import { useEffect } from "react";
import { TickerChart } from "./charts/TickerChart.tsx";
import { Controls } from "./components/Controls.tsx";
import { EventLog } from "./components/EventLog.tsx";
import { Facts } from "./components/Facts.tsx";
import { Masthead } from "./components/Masthead.tsx";
import { NumberCard } from "./components/NumberCard.tsx";
import { Problem } from "./components/Problem.tsx";
import { stateWord, type TickerState } from "./core/state.ts";
import { usePageTicker, useTickerState } from "./hooks/useTicker.ts";

export function App() {
  const client = usePageTicker();
  const state = useTickerState(client);
  useTitle(state);
  return (
    <div className="page" data-state={stateWord(state)}>
      <Masthead address={client.address} />
      <main>
        <Problem problem={state.problem} />
        <div className="top">
          <NumberCard state={state}>
            <Controls state={state} onPaused={client.setPaused} onRetry={client.retry} />
          </NumberCard>
          <Facts state={state} />
        </div>
        <div className="bottom">
          <TickerChart series={client.series} state={state} />
          <EventLog log={state.log} />
        </div>
      </main>
      <footer className="foot">
        <a href="/demo.html">The same core in twenty lines</a>
        <a href="/plain.html">The same in plain JavaScript</a>
        <a href="/websocket.html">Echo</a>
      </footer>
    </div>
  );
}

/** A tab in the background tells how things stand, too. */
function useTitle(state: TickerState): void {
  const word = stateWord(state);
  const title = word === "live" ? `${state.value ?? "–"} · Ticker` : `${word} · Ticker`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}
