// npm's eventsource as its README shows.
import { createInterface } from "node:readline";
import { EventSource } from "eventsource";

const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

const source = new EventSource(process.env.CHAOS_URL, {
  fetch: (...how) => {
    tell({ event: "dial" });
    return fetch(...how);
  },
});
source.addEventListener("open", () => tell({ event: "open" }));
source.addEventListener("message", ({ data }) => {
  tell({ event: "message", session: "stream", ...JSON.parse(data) });
});
source.addEventListener("error", ({ message }) => {
  console.error(message);
  tell({ event: "close", code: 1006 });
  if (source.readyState === EventSource.CLOSED) tell({ event: "gave_up" });
});

const deeds = { stop: () => source.close() };

const orders = createInterface({ input: process.stdin });
orders.on("line", (line) => deeds[JSON.parse(line).do]?.());
orders.on("close", () => process.exit()); // the harness is gone
