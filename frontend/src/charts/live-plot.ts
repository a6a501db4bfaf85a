// The chart on its canvas: a window of time whose right edge is now.
//
// It draws when something has moved by half a pixel and not otherwise, so a wide window costs little
// however many numbers it holds. Free of React; used by TickerChart.

import uPlot from "uplot";
import { type Series, SPAN_LIMIT, type Span } from "../core/series.ts";
import { isDense, thin } from "../core/thinning.ts";
import { spell } from "../core/words.ts";

export interface Palette {
  readonly line: string;
  readonly late: string;
  readonly fill: string;
  readonly fillEnd: string;
  /** From the lowest to the highest, where the line is an average. */
  readonly range: string;
  readonly grid: string;
  readonly text: string;
  readonly outage: string;
  readonly outageText: string;
  readonly pause: string;
}

/** The colours that the style sheet has for the chart at present, as a canvas takes them. */
export function readPalette(element: Element): Palette {
  // A canvas knows neither mixtures nor the system's colours; what is computed for an element is plain.
  const probe = element.appendChild(document.createElement("span"));
  probe.style.setProperty("forced-color-adjust", "none");
  const color = (name: string) => {
    probe.style.color = `var(--chart-${name})`;
    return getComputedStyle(probe).color;
  };
  const palette = {
    line: color("line"),
    late: color("late"),
    fill: color("fill"),
    fillEnd: color("fill-end"),
    range: color("range"),
    grid: color("grid"),
    text: color("text"),
    outage: color("outage"),
    outageText: color("outage-text"),
    pause: color("pause"),
  };
  probe.remove();
  return palette;
}

/** The width of an average, where there are too many numbers. */
const BUCKET_PX = 3;
/** What stands in the columns of the range while every number has its own step. */
const NONE: (number | null)[] = [];
const LOWEST = 0;
const HIGHEST = 10;
/** Room above the highest number, for the words on an outage. */
const HEADROOM = 0.15;
/** With reduced motion the chart moves once a second, whatever comes. */
const CALM_MS = 1_000;
const MAX_STEP_MS = 1_000;
const TEN_MINUTES_MS = 600_000;
/** What the words at a mark of the time take at least, with room beside them. */
const MARK_PX = 64;
/** At the usual size of letters; all that has letters in it grows with them. */
const FONT_PX = 11;
const VALUES_PX = 34;
const TIMES_PX = 28;
const RIGHT_PX = 16;

/** How much larger than usual the person has letters. */
function fontScale(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16 || 1;
}

/** The width that is left for the line in a chart so wide. */
export function plotPixels(width: number): number {
  return Math.max(1, width - (VALUES_PX + RIGHT_PX) * fontScale());
}

export class LivePlot {
  readonly #scale = fontScale();
  readonly #series: Series;
  readonly #plot: uPlot;
  #palette: Palette;
  #windowMs = 60_000;
  #isCalm = false;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #isThinned = false;

  constructor(root: HTMLElement, series: Series, palette: Palette) {
    this.#series = series;
    this.#palette = palette;
    this.#plot = new uPlot(this.#options(root), [[], [], [], [], []], root);
  }

  set palette(palette: Palette) {
    this.#palette = palette;
    this.#drawnAt = Number.NEGATIVE_INFINITY;
  }

  set windowMs(windowMs: number) {
    this.#windowMs = windowMs;
    this.#drawnAt = Number.NEGATIVE_INFINITY;
  }

  set isCalm(isCalm: boolean) {
    this.#isCalm = isCalm;
  }

  resize(width: number, height: number): void {
    this.#plot.setSize({ width, height });
    this.#drawnAt = Number.NEGATIVE_INFINITY;
  }

  /** Called once a frame; whether it drew. */
  frame(now: number): boolean {
    if (now - this.#drawnAt < this.#stepMs()) {
      return false;
    }
    this.#drawnAt = now;
    this.#plot.batch(() => {
      this.#plot.setData(this.#data(now - this.#windowMs), false);
      this.#plot.setScale("x", { min: now - this.#windowMs, max: now });
    });
    return true;
  }

  destroy(): void {
    this.#plot.destroy();
  }

  #stepMs(): number {
    const pixels = Math.max(1, this.#plot.bbox.width);
    return this.#isCalm ? CALM_MS : Math.min(MAX_STEP_MS, this.#windowMs / pixels / 2);
  }

  #data(from: number): uPlot.AlignedData {
    const { columns } = this.#series;
    const pixels = plotPixels(this.#plot.width);
    this.#isThinned = isDense(columns, from, pixels);
    if (!this.#isThinned) {
      return [columns.x, columns.prompt, columns.late, NONE, NONE];
    }
    const { x, prompt, late, low, high } = thin(
      columns,
      from,
      (this.#windowMs / pixels) * BUCKET_PX,
    );
    return [x, prompt, late, low, high];
  }

  #options(root: HTMLElement): uPlot.Options {
    return {
      width: Math.max(1, root.clientWidth),
      height: Math.max(1, root.clientHeight),
      padding: [8, RIGHT_PX * this.#scale, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, auto: false },
        y: { range: (_, low, high) => valueRange(low, high) },
      },
      axes: [this.#timeAxis(), this.#valueAxis()],
      series: [
        {},
        {
          stroke: () => this.#palette.line,
          fill: (plot) => (this.#isThinned ? "transparent" : this.#fill(plot)),
          width: 2,
          paths: this.#paths,
          points: { show: false },
        },
        {
          stroke: () => this.#palette.late,
          width: 2,
          dash: [5, 3],
          paths: this.#paths,
          points: { show: false },
        },
        { width: 0, paths: this.#paths, points: { show: false } },
        { width: 0, paths: this.#paths, points: { show: false } },
      ],
      bands: [{ series: [4, 3], fill: () => this.#palette.range }],
      hooks: {
        drawClear: [(plot) => this.#drawSpans(plot)],
        draw: [(plot) => this.#drawHead(plot)],
      },
    };
  }

  readonly #paths: uPlot.Series.PathBuilder = (plot, index, from, to) => {
    const build = this.#isThinned ? linear : stepped;
    return build?.(plot, index, from, to) ?? null;
  };

  #fill(plot: uPlot): CanvasGradient | string {
    const { top, height } = plot.bbox;
    if (!(height > 0)) {
      return "transparent";
    }
    const gradient = plot.ctx.createLinearGradient(0, top, 0, top + height);
    gradient.addColorStop(0, this.#palette.fill);
    gradient.addColorStop(1, this.#palette.fillEnd);
    return gradient;
  }

  #timeAxis(): uPlot.Axis {
    return {
      ...this.#axis(),
      size: TIMES_PX * this.#scale,
      // The marks stand still while the line moves under them.
      splits: (plot, _axis, min, max) => {
        const most = this.#windowMs === TEN_MINUTES_MS ? 5 : 6; // so that marks are round
        const room = plotPixels(plot.width) / (MARK_PX * this.#scale);
        const parts = [most, Math.floor(most / 2)].find((parts) => parts <= room) ?? 1;
        return Array.from({ length: parts + 1 }, (_, part) => min + ((max - min) * part) / parts);
      },
      values: (plot, splits) => {
        const { max } = plot.scales["x"] ?? {};
        return splits.map((split) => agoWords((max ?? split) - split));
      },
    };
  }

  #valueAxis(): uPlot.Axis {
    return {
      ...this.#axis(),
      size: VALUES_PX * this.#scale,
      space: 36 * this.#scale,
      incrs: [1, 2, 5, 10, 20, 50, 100, 500, 1_000, 10_000, 100_000, 1_000_000],
    };
  }

  #axis(): uPlot.Axis {
    const text = () => this.#palette.text;
    const grid = { stroke: () => this.#palette.grid, width: 1 };
    const font = this.#font(1);
    return { stroke: text, font, gap: 6, grid, ticks: { show: false } };
  }

  #font(ratio: number): string {
    return `${FONT_PX * this.#scale * ratio}px system-ui, sans-serif`;
  }

  #drawSpans(plot: uPlot): void {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const span of this.#series.spans.slice(-SPAN_LIMIT)) {
      this.#drawSpan(plot, span);
    }
    ctx.restore();
  }

  #drawSpan(plot: uPlot, span: Span): void {
    const { ctx, bbox } = plot;
    const end = span.to ?? this.#drawnAt;
    // What is in view, so that its words are, too.
    const left = Math.max(bbox.left, plot.valToPos(span.from, "x", true));
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(end, "x", true));
    if (right < left) {
      return;
    }
    const width = Math.max(right - left, uPlot.pxRatio);
    const isOutage = span.kind === "outage";
    ctx.fillStyle = isOutage ? this.#palette.outage : this.#palette.pause;
    ctx.fillRect(left, bbox.top, width, bbox.height);
    ctx.fillStyle = isOutage ? this.#palette.outageText : this.#palette.text;
    if (isOutage) {
      ctx.fillRect(left, bbox.top, width, 2 * uPlot.pxRatio);
    }
    const words = isOutage ? spell(end - span.from) : "paused";
    ctx.font = this.#font(uPlot.pxRatio);
    ctx.textBaseline = "top";
    ctx.textAlign = "center";
    if (ctx.measureText(words).width + 6 * uPlot.pxRatio < width) {
      ctx.fillText(words, left + width / 2, bbox.top + 6 * uPlot.pxRatio);
    }
  }

  /** The current number: holds until now, and has a dot where it came. */
  #drawHead(plot: uPlot): void {
    const { x, prompt, late } = this.#series.columns;
    const last = x.length - 1;
    const at = x[last];
    const value = prompt[last] ?? late[last];
    if (at === undefined || value === null || value === undefined) {
      return;
    }
    const { ctx, bbox } = plot;
    const left = plot.valToPos(at, "x", true);
    const right = bbox.left + bbox.width;
    const y = plot.valToPos(value, "y", true);
    const isBroken = this.#series.spans.some((span) => span.to === null);
    if (left < bbox.left || left > right) {
      return;
    }
    ctx.save();
    ctx.fillStyle = ctx.strokeStyle =
      prompt[last] === null ? this.#palette.late : this.#palette.line;
    if (!isBroken && !this.#isThinned) {
      ctx.lineWidth = 2 * uPlot.pxRatio;
      ctx.beginPath();
      ctx.moveTo(left, y);
      ctx.lineTo(right, y);
      ctx.stroke();
    }
    ctx.beginPath();
    ctx.arc(isBroken ? left : right, y, 4 * uPlot.pxRatio, 0, 2 * Math.PI);
    ctx.fill();
    ctx.restore();
  }
}

const stepped = uPlot.paths.stepped?.({ align: 1 });
const linear = uPlot.paths.linear?.();

function valueRange(low: number | null, high: number | null): [number, number] {
  const bottom = Math.min(LOWEST, low ?? LOWEST);
  const top = Math.max(HIGHEST, high ?? HIGHEST);
  return [bottom, top + (top - bottom) * HEADROOM];
}

function agoWords(ms: number): string {
  if (ms < 500) {
    return "now";
  }
  const seconds = Math.round(ms / 1_000);
  return seconds < 120 ? `−${seconds} s` : `−${Math.round(seconds / 60)} min`;
}
