// A broker over WebSockets that counts.
import { Aedes } from "aedes";
import { createWebSocketStream, WebSocketServer } from "ws";

const broker = await Aedes.createBroker();
const server = new WebSocketServer({ port: Number(process.env.PORT), handleProtocols: () => "mqtt" });
server.on("connection", (socket, request) => {
  const stream = createWebSocketStream(socket);
  stream.on("error", () => {});
  broker.handle(stream, request);
});
let seq = 0;
setInterval(() => {
  seq += 1;
  broker.publish({ topic: "ticks", payload: JSON.stringify({ seq }) }, () => {});
}, Number(process.env.CHAOS_TICK_MS));
process.on("SIGTERM", () => process.exit());
