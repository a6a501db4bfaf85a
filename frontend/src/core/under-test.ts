// What the page says of itself, and what it is told, under `chaos run`, which puts a `chaos` into its
// window. Without that it reports nothing and is told nothing. See docs/guides/browser-apps.md.

import type { TickerClient } from "./ticker-client.ts";

interface Harness {
  report(event: object): void;
}

/** Tells which message was taken for new, since a browser sees only what a socket received. */
export function tellApplied(data: string): void {
  const { chaos } = globalThis as { readonly chaos?: Harness };
  chaos?.report({ event: "message", data });
}

type Obedient = Pick<TickerClient, "setPaused" | "retry" | "stop">;

/** Does what a person would, until what it returns is called. */
export function obeyHarness(client: Obedient): () => void {
  const deeds: Record<string, () => void> = {
    pause: () => client.setPaused(true),
    resume: () => client.setPaused(false),
    reconnect: client.retry,
    stop: client.stop,
  };
  const controller = new AbortController();
  const obey = (event: Event) => {
    const { detail } = event as CustomEvent<{ readonly do?: string }>;
    deeds[detail.do ?? ""]?.();
  };
  window.addEventListener("chaos", obey, { signal: controller.signal });
  return () => controller.abort();
}
