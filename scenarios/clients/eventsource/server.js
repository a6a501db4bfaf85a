// An event stream that counts, and goes on after Last-Event-ID.
import { createServer } from "node:http";

const server = createServer((request, response) => {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  let seq = Number(request.headers["last-event-id"] ?? 0);
  const timer = setInterval(() => {
    seq += 1;
    response.write(`id: ${seq}\ndata: {"seq":${seq}}\n\n`);
  }, Number(process.env.CHAOS_TICK_MS));
  response.on("close", () => clearInterval(timer));
});
server.listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => process.exit());
