// The chart with its window buttons and key: one LivePlot per mount.

import { useEffect, useRef, useState } from "react";
import type { Series } from "../core/series.ts";
import type { TickerState } from "../core/state.ts";
import { isDense } from "../core/thinning.ts";
import { count } from "../core/words.ts";
import { useMedia } from "../hooks/useMedia.ts";
import { LivePlot, plotPixels, readPalette } from "./live-plot.ts";

interface Props {
  readonly series: Series;
  readonly state: TickerState;
}

const WINDOWS = [
  { words: "1 min", spoken: "last minute", ms: 60_000 },
  { words: "10 min", spoken: "last 10 minutes", ms: 600_000 },
  { words: "1 h", spoken: "last hour", ms: 3_600_000 },
] as const;

type Window = (typeof WINDOWS)[number];

export function TickerChart({ series, state }: Props) {
  const [shown, setShown] = useState<Window>(WINDOWS[0]);
  const { root, width } = usePlot(series, shown.ms);
  const outages = series.spans.filter((span) => span.kind === "outage").length;
  return (
    <section className="card chart-card" aria-labelledby="chart-title">
      <div className="chart-head">
        <h2 id="chart-title">Numbers over time</h2>
        <WindowButtons shown={shown} onShown={setShown} />
      </div>
      <div
        ref={root}
        className="chart"
        role="img"
        aria-label={summary(state, outages, shown)}
        data-testid="chart"
        data-outages={outages}
        data-points={series.columns.x.length}
      />
      <Key isDense={isDense(series.columns, performance.now() - shown.ms, plotPixels(width))} />
    </section>
  );
}

/** The plot's life: made with the element, moved once a frame, gone with the element. */
function usePlot(series: Series, windowMs: number) {
  const [width, setWidth] = useState(Number.POSITIVE_INFINITY);
  const root = useRef<HTMLDivElement>(null);
  const plot = useRef<LivePlot>(null);
  const isDark = useMedia("(prefers-color-scheme: dark)");
  const isForced = useMedia("(forced-colors: active)");
  const isCalm = useMedia("(prefers-reduced-motion: reduce)");

  useEffect(() => {
    const element = root.current;
    if (element === null) {
      return;
    }
    const made = new LivePlot(element, series, readPalette(element));
    plot.current = made;
    const observer = new ResizeObserver(() => {
      made.resize(element.clientWidth, element.clientHeight);
      setWidth(element.clientWidth);
    });
    observer.observe(element);
    let request = 0;
    const frame = () => {
      made.frame(performance.now());
      request = requestAnimationFrame(frame);
    };
    frame();
    return () => {
      cancelAnimationFrame(request);
      observer.disconnect();
      plot.current = null;
      made.destroy();
    };
  }, [series]);

  useEffect(() => {
    if (plot.current !== null) {
      plot.current.windowMs = windowMs;
      plot.current.isCalm = isCalm;
    }
  }, [windowMs, isCalm]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the style sheet follows both
  useEffect(() => {
    if (plot.current !== null && root.current !== null) {
      plot.current.palette = readPalette(root.current);
    }
  }, [isDark, isForced]);

  return { root, width };
}

interface WindowButtonsProps {
  readonly shown: Window;
  readonly onShown: (window: Window) => void;
}

function WindowButtons({ shown, onShown }: WindowButtonsProps) {
  return (
    <fieldset className="windows">
      <legend className="sr-only">Time shown</legend>
      {WINDOWS.map((window) => (
        <button
          key={window.ms}
          type="button"
          aria-pressed={window === shown}
          onClick={() => onShown(window)}
        >
          {window.words}
        </button>
      ))}
    </fieldset>
  );
}

function Key({ isDense }: { readonly isDense: boolean }) {
  return (
    <ul className="key">
      {isDense ? (
        <li data-mark="range">average, from lowest to highest</li>
      ) : (
        <li data-mark="line">as it came</li>
      )}
      <li data-mark="late">replayed</li>
      <li data-mark="outage">no connection</li>
      <li data-mark="pause">paused</li>
    </ul>
  );
}

function summary(state: TickerState, outages: number, shown: Window): string {
  const times = outages === 1 ? "1 outage" : `${outages} outages`;
  const isUnknown = state.lostUnknown || state.outage !== null;
  const losses = `${count(state.lost)} lost${isUnknown ? ", maybe more" : ""}`;
  return `Line chart of the numbers, ${shown.spoken}; ${times} so far; ${losses}`;
}
