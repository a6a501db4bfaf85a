// npm's graphql-ws as its README and its recipes show: it tries as often as it takes,
// whatever the reason, and ends a connection whose pong is late.
import { createInterface } from "node:readline";
import "./chance.js";
import { createClient } from "graphql-ws";
import WS from "ws";

const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

let socket;
let late;
const client = createClient({
  url: process.env.CHAOS_URL,
  webSocketImpl: WS,
  retryAttempts: Infinity,
  shouldRetry: () => true,
  keepAlive: 1000,
  on: {
    connecting: () => tell({ event: "dial" }),
    opened: (opened) => {
      socket = opened;
      tell({ event: "open" });
    },
    // The recipe "client usage with ping/pong timeout and latency metrics".
    ping: (isReceived) => {
      if (!isReceived) {
        late = setTimeout(() => client.terminate(), 2000);
      }
    },
    pong: (isReceived) => {
      if (isReceived) clearTimeout(late);
    },
    closed: ({ code }) => {
      clearTimeout(late);
      tell({ event: "close", code });
    },
  },
});
const end = client.subscribe(
  { query: "subscription { tick { seq session } }" },
  {
    next: ({ data: { tick } }) => tell({ event: "message", ...tick }),
    error: () => tell({ event: "gave_up" }),
    complete: () => {},
  },
);

const deeds = { stop: () => end() };

const orders = createInterface({ input: process.stdin });
orders.on("line", (line) => deeds[JSON.parse(line).do]?.());
orders.on("close", () => process.exit()); // the harness is gone
