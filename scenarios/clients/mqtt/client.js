// npm's mqtt over WebSockets as its README shows, but for `keepalive`, which is a
// minute by default.
import { createInterface } from "node:readline";
import "./chance.js";
import mqtt from "mqtt";
import WS from "ws";

const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

const client = mqtt.connect(process.env.CHAOS_URL, {
  keepalive: 2,
  createWebsocket: (url, protocols, options) => {
    tell({ event: "dial" });
    const socket = new WS(url, protocols, options.wsOptions);
    socket.on("open", () => tell({ event: "open" }));
    socket.on("close", (code) => tell({ event: "close", code }));
    return socket;
  },
});
client.on("connect", () => client.subscribe("ticks"));
client.on("message", (_, payload) => tell({ event: "message", data: String(payload) }));
client.on("error", (error) => console.error(error.message));

const deeds = { stop: () => client.end(), reconnect: () => client.reconnect() };

const orders = createInterface({ input: process.stdin });
orders.on("line", (line) => deeds[JSON.parse(line).do]?.());
orders.on("close", () => process.exit()); // the harness is gone
