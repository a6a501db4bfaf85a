// npm's partysocket with `ws` beneath it, set up as its README does for Node: the
// WebSocket handed in, every other option at its default. It makes no random choice.
import { createInterface } from "node:readline";
import { WebSocket } from "partysocket";
import WS from "ws";

const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

// The URL would be asked for before each dial, too, but also when none follows.
class Told extends WS {
  constructor(...how) {
    tell({ event: "dial" });
    super(...how);
  }
}

const socket = new WebSocket(process.env.CHAOS_URL, [], { WebSocket: Told });
socket.addEventListener("open", () => tell({ event: "open" }));
socket.addEventListener("message", ({ data }) => tell({ event: "message", data: String(data) }));
socket.addEventListener("close", ({ code }) => tell({ event: "close", code }));

const deeds = { stop: () => socket.close(), reconnect: () => socket.reconnect() };

const orders = createInterface({ input: process.stdin });
orders.on("line", (line) => deeds[JSON.parse(line).do]?.());
orders.on("close", () => process.exit()); // the harness is gone
