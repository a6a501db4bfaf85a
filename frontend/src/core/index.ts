// The core's front door, for pages without a framework. See demo.js.

import { readAddress } from "./address.ts";
import { browserHost } from "./host.ts";
import { TickerClient } from "./ticker-client.ts";

export { followPage } from "./page-life.ts";
export { isWanted } from "./pause.ts";
export { stateWord } from "./state.ts";

/** The client of a page at this address, which names the server as `?ws=` or is its own. */
export function openTicker(page: string): TickerClient {
  return new TickerClient(browserHost, readAddress(page));
}
