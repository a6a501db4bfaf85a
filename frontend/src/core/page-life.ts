// What happens to the page itself: hidden and shown, frozen, kept for the back button, on- and offline.
//
// A page kept for the back button holds no connection (it could not read it); every other change is
// only a reason to look at the clock. Used by the hooks and by the demo.

import type { TickerClient } from "./ticker-client.ts";

type Life = Pick<TickerClient, "start" | "stop" | "wake" | "online" | "offline">;

/** Tells the client what happens to this page, until what it returns is called. */
export function followPage(client: Life): () => void {
  const controller = new AbortController();
  const on = (target: EventTarget, name: string, act: (event: Event) => void) =>
    target.addEventListener(name, act, { signal: controller.signal });
  on(window, "online", client.online);
  on(window, "offline", client.offline);
  on(window, "pagehide", client.stop);
  on(window, "pageshow", (event) => {
    if (event instanceof PageTransitionEvent && event.persisted) {
      client.start();
    }
  });
  on(document, "resume", client.wake);
  on(document, "visibilitychange", () => {
    if (document.visibilityState === "visible") {
      client.wake();
    }
  });
  return () => controller.abort();
}
