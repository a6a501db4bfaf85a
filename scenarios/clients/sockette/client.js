// npm's sockette with `ws` for the WebSocket that a browser would have, every option
// at its default: a second between dials, as many as it takes. It makes no random choice.
import { createInterface } from "node:readline";
import Sockette from "sockette";
import WS from "ws";

const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

globalThis.WebSocket = class extends WS {
  constructor(...how) {
    tell({ event: "dial" });
    super(...how);
  }
};

const socket = new Sockette(process.env.CHAOS_URL, {
  onopen: () => tell({ event: "open" }),
  onmessage: ({ data }) => tell({ event: "message", data: String(data) }),
  onclose: ({ code }) => tell({ event: "close", code }),
});

const deeds = { stop: () => socket.close(), reconnect: () => socket.reconnect() };

const orders = createInterface({ input: process.stdin });
orders.on("line", (line) => deeds[JSON.parse(line).do]?.());
orders.on("close", () => process.exit()); // the harness is gone
