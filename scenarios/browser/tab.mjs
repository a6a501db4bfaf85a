// The one tab of a client: opens the page, has DevTools tell what it does, and does to it what is
// asked for.
//
// Invariant: whatever keeps the page from being a client (it does not load, it crashes, it never
// dials) ends it with a sentence, through `fail`.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { OwnAddress } from "./own_address.mjs";
import { aliases, authority, Sockets } from "./sockets.mjs";

const INJECTED = readFileSync(join(import.meta.dirname, "injected.js"), "utf8");

/** How long a page has for its first dial, from when it is opened. */
const DIAL_WITHIN = 20_000;

/** Where the tab is while the page is left. */
const ELSEWHERE = "about:blank";

export class Tab {
  #devtools;
  #session;
  #scene;
  #sockets;
  #own;
  /** Resolved with the first dial. */
  #dialling = resolvers();
  /** What was noted once, and is not worth a second line. */
  #noted = new Set();

  /** `scene`: page, socket, server, tellsMessages, isHeld, tell, note, fail. */
  constructor(devtools, scene) {
    this.#devtools = devtools;
    this.#scene = scene;
    const ours = aliases(scene.socket);
    this.#sockets = new Sockets(ours, scene.tellsMessages, scene.tell);
    if (ours.includes(authority(scene.page))) {
      this.#own = new OwnAddress(scene.server);
    }
    devtools.listen((method, params, session) => this.#heard(method, params, session));
  }

  /** Opens the page, up to its first dial, in which it is held. */
  async prepare() {
    const ours = JSON.stringify(aliases(this.#scene.socket));
    const source = INJECTED.replace('["{ours}"]', ours);
    const { targetInfos } = await this.#devtools.send("Target.getTargets");
    const { targetId } = targetInfos.find(({ type }) => type === "page");
    const how = { targetId, flatten: true };
    this.#session = (await this.#devtools.send("Target.attachToTarget", how)).sessionId;
    await this.#watch(this.#session);
    await this.#send("Page.enable");
    await this.#send("Inspector.enable");
    await this.#send("Runtime.enable");
    await this.#send("Runtime.addBinding", { name: "__chaosTell" });
    await this.#send("Page.addScriptToEvaluateOnNewDocument", { source });
    if (this.#own !== undefined) {
      const patterns = [{ urlPattern: `http://${new URL(this.#scene.page).host}/*` }];
      await this.#send("Fetch.enable", { patterns });
    }
    if (this.#scene.isHeld) {
      await this.#send("Debugger.enable");
    }
    const { errorText } = await this.#send("Page.navigate", { url: this.#scene.page });
    if (errorText !== undefined) {
      this.#scene.fail(`the page ${this.#scene.page} does not load: ${errorText}`);
    }
    if (!this.#scene.isHeld) {
      return;
    }
    const late = setTimeout(() => this.#ensureDialled(), DIAL_WITHIN);
    await this.#dialling.promise;
    clearTimeout(late);
  }

  /** Lets it dial. */
  async open() {
    // Where it is not held, since it dials in a worker, there is nothing to be let go.
    await this.#send("Debugger.resume").catch(() => {});
    await this.#send("Debugger.disable");
  }

  #send(method, params) {
    return this.#devtools.send(method, params, this.#session);
  }

  /** Frames of other sites and workers are targets of their own. */
  async #watch(session) {
    const send = (method, params) => this.#devtools.send(method, params, session);
    await send("Network.enable", {});
    const how = { autoAttach: true, waitForDebuggerOnStart: true, flatten: true };
    await send("Target.setAutoAttach", how);
    await send("Network.setBypassServiceWorker", { bypass: true }).catch(() => {});
  }

  async #attached({ sessionId, targetInfo }) {
    if (targetInfo.type === "service_worker") {
      this.#noteOnce("the page has a service worker; requests are made past it here");
    }
    await this.#watch(sessionId).catch(() => {});
    await this.#devtools.send("Runtime.runIfWaitingForDebugger", {}, sessionId).catch(() => {});
  }

  #heard(method, params, session) {
    const key = `${session} ${params.requestId}`;
    switch (method) {
      case "Network.webSocketCreated":
        return this.#dialled(key, params.url);
      case "Network.webSocketHandshakeResponseReceived":
        return params.response.status === 101 && this.#sockets.opened(key);
      case "Network.webSocketFrameReceived":
        return params.response.opcode < 8 && this.#sockets.message(key);
      case "Network.webSocketClosed":
        return this.#sockets.ended(key);
      case "Network.responseReceived":
        return this.#answered(params, session);
      case "Debugger.paused":
        return this.#dialling.resolve();
      case "Runtime.bindingCalled":
        return this.#said(`${session} ${params.executionContextId}`, params.payload);
      case "Fetch.requestPaused":
        return this.#answer(params);
      case "Target.attachedToTarget":
        return session !== undefined && this.#attached(params);
      case "Page.javascriptDialogOpening":
        return this.#dismiss(params);
      case "Runtime.executionContextsCleared":
        // Another page takes its place.
        return session === this.#session && this.#sockets.allEnded();
      case "Inspector.targetCrashed":
        return session === this.#session && this.#scene.fail("the page's tab crashed");
      default:
        return undefined;
    }
  }

  #dialled(key, url) {
    if (this.#sockets.created(key, url)) {
      this.#dialling.resolve();
      return;
    }
    if (url.startsWith("wss:") && aliases(this.#scene.socket).includes(authority(url))) {
      this.#scene.fail(
        `the page dials ${url}, and TLS is passed through and not spoken here; let it dial ws:// for the test`,
      );
    }
  }

  /** The page is an error of its server's. */
  #answered({ type, frameId, response }, session) {
    const isPage = type === "Document" && session === this.#session;
    if (isPage && response.status >= 400 && (this.#frame ??= frameId) === frameId) {
      const { page } = this.#scene;
      this.#scene.fail(`the page ${page} does not load: its server answers with ${response.status}`);
    }
  }

  #frame;

  #said(page, payload) {
    const said = JSON.parse(payload);
    if (said.created !== undefined) {
      this.#sockets.madeBy(page, said.created, said.url);
    } else if (said.closed !== undefined) {
      this.#sockets.closedBy(page, said.closed, said.code);
    } else if (said.report !== null && typeof said.report === "object") {
      this.#scene.tell(said.report);
    }
  }

  async #answer({ requestId, request }) {
    try {
      const answer = await this.#own.answer(request);
      await this.#send("Fetch.fulfillRequest", { requestId, ...answer });
    } catch (error) {
      this.#noteOnce(`${request.method} ${request.url} could not be fetched: ${error.message}`);
      const failed = { requestId, errorReason: "ConnectionRefused" };
      await this.#send("Fetch.failRequest", failed).catch(() => {});
    }
  }

  /** Whoever leaves a page is let go; all other dialogs are refused. */
  #dismiss({ type, message }) {
    if (type !== "beforeunload") {
      this.#noteOnce(`the page opened a dialog (${type}), which was dismissed: ${message}`);
    }
    const accept = type === "beforeunload";
    this.#send("Page.handleJavaScriptDialog", { accept }).catch(() => {});
  }

  #noteOnce(sentence) {
    const isNew = !this.#noted.has(sentence) && this.#noted.size < 100;
    if (isNew) {
      this.#noted.add(sentence);
      this.#scene.note(sentence);
    }
  }

  #ensureDialled() {
    const { page, socket } = this.#scene;
    const others = [...this.#sockets.elsewhere].slice(0, 3);
    const instead = others.length > 0 ? `it dials ${others.join(", ")}` : "it opens no WebSocket";
    const within = `${DIAL_WITHIN / 1000} s`;
    this.#scene.fail(`the page ${page} did not dial ${socket} within ${within}: ${instead}`);
  }

  /** Everything that can be done to a page, by its word. */
  deeds(chromium) {
    const send = (method, params) => this.#send(method, params);
    const network = (offline) => ({
      ...{ offline, latency: 0 },
      ...{ downloadThroughput: -1, uploadThroughput: -1 },
    });
    return {
      hide: () => this.#hide(),
      show: () => send("Page.bringToFront"),
      remount: () => send("Page.reload"),
      offline: () => send("Network.emulateNetworkConditions", network(true)),
      online: () => send("Network.emulateNetworkConditions", network(false)),
      freeze: () => send("Page.setWebLifecycleState", { state: "frozen" }),
      thaw: () => send("Page.setWebLifecycleState", { state: "active" }),
      leave: () => send("Page.navigate", { url: ELSEWHERE }),
      back: () => this.#back(),
      sleep: () => chromium.signal("SIGSTOP"),
      wake: () => chromium.signal("SIGCONT"),
    };
  }

  /** Behind another tab. */
  async #hide() {
    const { targetId } = await this.#devtools.send("Target.createTarget", { url: "about:blank" });
    await this.#devtools.send("Target.activateTarget", { targetId });
  }

  async #back() {
    const { currentIndex, entries } = await this.#send("Page.getNavigationHistory");
    const entry = entries[currentIndex - 1];
    if (entry !== undefined) {
      await this.#send("Page.navigateToHistoryEntry", { entryId: entry.id });
    }
  }

  /** What only the page itself can do is told to it, as an event. */
  ask(word) {
    const detail = JSON.stringify({ do: word });
    const expression = `dispatchEvent(new CustomEvent("chaos", { detail: ${detail} }))`;
    return this.#send("Runtime.evaluate", { expression });
  }
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function resolvers() {
  let resolve;
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
