// The ticker client in a component: state by useSyncExternalStore, life by the component's own.

import { useEffect, useState, useSyncExternalStore } from "react";
import { readAddress, readMaxAttempts } from "../core/address.ts";
import { browserHost } from "../core/host.ts";
import { followPage } from "../core/page-life.ts";
import { DEFAULT_BEHAVIOUR } from "../core/reconnecting-socket.ts";
import type { TickerState } from "../core/state.ts";
import { TickerClient } from "../core/ticker-client.ts";
import { obeyHarness } from "../core/under-test.ts";

function clientOfThisPage(): TickerClient {
  const maxAttempts = readMaxAttempts(location.href);
  return new TickerClient(browserHost, readAddress(location.href), {
    ...DEFAULT_BEHAVIOUR,
    maxAttempts,
  });
}

/** The page's own client; it connects while the component is mounted. */
export function usePageTicker(): TickerClient {
  const [client] = useState(clientOfThisPage);
  useEffect(() => {
    client.start();
    return client.stop;
  }, [client]);
  useEffect(() => followPage(client), [client]);
  useEffect(() => obeyHarness(client), [client]);
  return client;
}

export function useTickerState(client: TickerClient): TickerState {
  return useSyncExternalStore(client.subscribe, client.snapshot);
}
