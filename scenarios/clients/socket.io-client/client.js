// npm's socket.io-client as its documentation shows, with WebSockets alone: the polls
// that it begins with otherwise are many short connections, and no reconnecting one.
import { createInterface } from "node:readline";
import "./chance.js";
import { io } from "socket.io-client";

const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

tell({ event: "dial" });
const socket = io(process.env.CHAOS_URL, { transports: ["websocket"] });
socket.io.on("reconnect_attempt", () => tell({ event: "dial" }));
socket.io.on("open", () => {
  tell({ event: "open" });
  socket.io.engine.on("close", (_, why) => tell({ event: "close", code: why?.context?.code }));
});
socket.io.on("error", () => tell({ event: "close", code: 1006 }));
socket.on("tick", ({ seq, session }) => tell({ event: "message", seq, session }));

const deeds = { stop: () => socket.disconnect(), reconnect: () => socket.disconnect().connect() };

const orders = createInterface({ input: process.stdin });
orders.on("line", (line) => deeds[JSON.parse(line).do]?.());
orders.on("close", () => process.exit()); // the harness is gone
