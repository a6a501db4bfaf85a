// The connection's states as a drawing, the current one filled and the way to it marked.
//
// What it shows is said in words beside it; so it is not read aloud.

import { useRef } from "react";
import type { StateWord } from "../core/state.ts";

interface Node {
  readonly word: StateWord;
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

const [WIDTH, HEIGHT] = [96, 26];

const NODES: readonly Node[] = [
  { word: "stopped", name: "Stopped", x: 44, y: 20 },
  { word: "connecting", name: "Connecting", x: 170, y: 20 },
  { word: "live", name: "Live", x: 296, y: 20 },
  { word: "gave-up", name: "Gave up", x: 44, y: 104 },
  { word: "waiting", name: "Waiting", x: 170, y: 104 },
  { word: "stale", name: "Stale", x: 296, y: 104 },
  { word: "paused", name: "Paused", x: 296, y: 62 },
];

interface Edge {
  readonly from: StateWord;
  readonly to: StateWord;
  readonly path: string;
}

/** The ordinary ways; that every state leads to `stopped` is left out. */
const EDGES: readonly Edge[] = [
  { from: "stopped", to: "connecting", path: "M92 20H118" },
  { from: "connecting", to: "live", path: "M218 16H244" },
  { from: "live", to: "connecting", path: "M248 25H222" },
  { from: "connecting", to: "gave-up", path: "M130 33L68 88" },
  { from: "gave-up", to: "connecting", path: "M80 91L138 37" },
  { from: "connecting", to: "waiting", path: "M158 33V87" },
  { from: "waiting", to: "connecting", path: "M182 91V37" },
  { from: "stale", to: "waiting", path: "M248 104H222" },
  { from: "live", to: "paused", path: "M288 33V45" },
  { from: "paused", to: "live", path: "M304 49V37" },
  { from: "live", to: "waiting", path: "M266 33L206 89" },
  { from: "live", to: "stale", path: "M344 27C358 50 358 74 347 95" },
  { from: "stale", to: "live", path: "M335 91C348 70 348 54 338 38" },
];

export function StateDiagram({ word }: { readonly word: StateWord }) {
  const from = usePrevious(word);
  return (
    <svg
      className="diagram"
      viewBox="-6 0 362 124"
      aria-hidden="true"
      data-testid="diagram"
      data-state={word}
    >
      <defs>
        <marker
          id="arrow"
          viewBox="0 0 6 6"
          refX="5"
          refY="3"
          markerWidth="5"
          markerHeight="5"
          orient="auto"
        >
          <path d="M0 0L6 3L0 6Z" />
        </marker>
      </defs>
      {EDGES.map((edge) => (
        <path
          key={`${edge.from} ${edge.to}`}
          className="edge"
          d={edge.path}
          markerEnd="url(#arrow)"
          data-taken={(edge.from === from && edge.to === word) || undefined}
        />
      ))}
      {NODES.map((node) => (
        <g
          key={node.word}
          className="node"
          data-node={node.word}
          data-current={node.word === word || undefined}
        >
          <rect
            x={node.x - WIDTH / 2}
            y={node.y - HEIGHT / 2}
            width={WIDTH}
            height={HEIGHT}
            rx={HEIGHT / 2}
          />
          <text x={node.x} y={node.y}>
            {node.name}
          </text>
        </g>
      ))}
    </svg>
  );
}

/** The word before this one. */
function usePrevious(word: StateWord): StateWord | null {
  const words = useRef<{ now: StateWord; before: StateWord | null }>({ now: word, before: null });
  if (words.current.now !== word) {
    words.current = { now: word, before: words.current.now };
  }
  return words.current.before;
}
