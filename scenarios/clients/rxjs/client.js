// RxJS's webSocket with `ws` beneath it: subscribed to again by `retry` when it errors
// and by `repeat` when it completes, a second later each. It makes no random choice.
import { createInterface } from "node:readline";
import { repeat, retry } from "rxjs";
import { webSocket } from "rxjs/webSocket";
import WS from "ws";

const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

class WebSocketCtor extends WS {
  constructor(...how) {
    tell({ event: "dial" });
    super(...how);
  }
}

const messages = webSocket({
  url: process.env.CHAOS_URL,
  WebSocketCtor,
  deserializer: ({ data }) => String(data),
  openObserver: { next: () => tell({ event: "open" }) },
  closeObserver: { next: ({ code }) => tell({ event: "close", code }) },
}).pipe(retry({ delay: 1000 }), repeat({ delay: 1000 }));

const subscription = messages.subscribe((data) => tell({ event: "message", data }));

const orders = createInterface({ input: process.stdin });
orders.on("line", (line) => JSON.parse(line).do === "stop" && subscription.unsubscribe());
orders.on("close", () => process.exit()); // the harness is gone
