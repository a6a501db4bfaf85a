// npm's reconnecting-websocket with `ws` beneath it, set up as its README does for Node:
// the WebSocket handed in, every other option at its default.
import "./chance.js";
import { createInterface } from "node:readline";
import ReconnectingWebSocket from "reconnecting-websocket";
import WS from "ws";

const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

// The URL would be asked for before each dial, too, but also when none follows.
class WebSocket extends WS {
  constructor(...how) {
    tell({ event: "dial" });
    super(...how);
  }
}

const socket = new ReconnectingWebSocket(process.env.CHAOS_URL, [], { WebSocket });
socket.addEventListener("open", () => tell({ event: "open" }));
socket.addEventListener("message", ({ data }) => tell({ event: "message", data: String(data) }));
socket.addEventListener("close", ({ code }) => tell({ event: "close", code }));

const deeds = { stop: () => socket.close(), reconnect: () => socket.reconnect() };

const orders = createInterface({ input: process.stdin });
orders.on("line", (line) => deeds[JSON.parse(line).do]?.());
orders.on("close", () => process.exit()); // the harness is gone
