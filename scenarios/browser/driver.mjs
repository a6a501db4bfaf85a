// A page in a Chromium of its own as a client under test: an adapter like any other, which tells
// on stdout what the page does and reads from stdin what to do to it. To start a browser and to
// load a page takes seconds, so it holds the page in its first dial, says that it is `ready`, and
// waits until it is told to `open`.
//
//   node driver.mjs --setup     finds a browser, or has one installed
//   node driver.mjs             CHAOS_PAGE in a browser; what it dials at CHAOS_SOCKET goes to
//                               CHAOS_URL
//
// Invariant: when it ends, whyever, the browser and its profile are gone with it.

import { createInterface } from "node:readline";
import { launch, setUp } from "./chromium.mjs";
import { aliases, authority } from "./sockets.mjs";
import { Tab } from "./tab.mjs";

/** How long the browser has to end in good order: less than the harness gives this program. */
const PATIENCE = 2_000;

const note = (sentence) => process.stderr.write(`${sentence}\n`);

let isEnding = false;

async function drive() {
  const { CHAOS_URL, CHAOS_PAGE, CHAOS_SOCKET, CHAOS_SERVER, CHAOS_PAGE_TELLS } = process.env;
  if (!CHAOS_URL || !CHAOS_PAGE) {
    throw new Error("CHAOS_URL and CHAOS_PAGE say what to open; `chaos run` gives them");
  }
  const proxy = authority(CHAOS_URL);
  const socket = CHAOS_SOCKET || proxy;
  const chromium = launch(flags(socket, proxy, CHAOS_PAGE));
  const end = async (code) => {
    if (!isEnding) {
      isEnding = true;
      await chromium.close(PATIENCE);
      process.exit(code);
    }
  };
  const fail = (sentence) => {
    if (!isEnding) {
      note(sentence);
      end(1);
    }
  };
  chromium.ended.then((how) => fail(`the browser ended by itself (${how}): ${chromium.said}`));
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) {
    process.on(signal, () => end(0));
  }
  const tell = (event) => isEnding || process.stdout.write(`${JSON.stringify(event)}\n`);
  const tab = new Tab(chromium.devtools, {
    ...{ page: CHAOS_PAGE, socket, server: CHAOS_SERVER || socket },
    ...{ tellsMessages: CHAOS_PAGE_TELLS !== "messages", tell, note, fail },
    // Somebody looks at it, and may dial when he likes.
    isHeld: !process.env.CHAOS_WINDOW,
  });
  const deeds = { open: () => tab.open(), ...tab.deeds(chromium) };
  const orders = createInterface({ input: process.stdin });
  // One after the other, as they were given.
  let last = tab.prepare().then(() => tell({ event: "ready" }));
  last.catch((error) => fail(error.message));
  orders.on("line", (line) => {
    const word = JSON.parse(line).do;
    const deed = () => (deeds[word] ? deeds[word]() : tab.ask(word));
    last = last.then(deed).catch((error) => isEnding || note(`${word}: ${error.message}`));
  });
  // Whoever started this is gone.
  orders.on("close", () => end(0));
}

/** Sends exactly what the page dials to the proxy, and nothing else. */
function flags(socket, proxy, page) {
  const ours = aliases(socket);
  const rules = ours.map((address) => `MAP ${address} ${proxy}`);
  const mapped = ours.includes(proxy) ? [] : [`--host-resolver-rules=${rules.join(", ")}`];
  // A page that is answered for counts as public, and may not dial this machine then.
  const isShared = ours.includes(authority(page));
  return isShared ? [...mapped, "--disable-features=LocalNetworkAccessChecks"] : mapped;
}

try {
  if (process.argv[2] === "--setup") {
    setUp();
  } else {
    await drive();
  }
} catch (error) {
  note(error.message);
  process.exit(1);
}
