// What DevTools and the injected script tell of a page's WebSockets, made into one story: each
// dial, its opening, its messages and its end, numbered by dial.
//
// Invariant: each socket is told to dial once and to end once; of a socket that goes elsewhere
// nothing is told.

/** How long the close code may take to come after the end was seen. */
const CODE_WITHIN = 100;

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** `host:port`, with the port that the scheme has by itself. */
export function authority(url) {
  const { hostname, port, protocol } = new URL(url);
  const secure = protocol === "wss:" || protocol === "https:";
  return `${hostname}:${port || (secure ? 443 : 80)}`;
}

/** All ways to say this address: of this machine there are three. */
export function aliases(address) {
  const [, host, port] = /^(.*):(\d+)$/.exec(address) ?? [];
  return LOOPBACK.includes(host) ? LOOPBACK.map((name) => `${name}:${port}`) : [address];
}

export class Sockets {
  #ours;
  #tell;
  #tellsMessages;
  #dials = 0;
  /** By DevTools' id. */
  #open = new Map();
  /** Those of which the script has not yet said that it saw them being made. */
  #unpaired = [];
  /** By the script's id, with that of its page. */
  #paired = new Map();
  /** Other addresses that were dialled. */
  elsewhere = new Set();

  /** `ours`: `host:port` of what counts. */
  constructor(ours, tellsMessages, tell) {
    this.#ours = new Set(ours);
    this.#tellsMessages = tellsMessages;
    this.#tell = tell;
  }

  /** Whether this dial counts. */
  created(key, url) {
    if (!this.#ours.has(authority(url)) || !url.startsWith("ws:")) {
      this.elsewhere.add(url);
      return false;
    }
    this.#dials += 1;
    const socket = { key, url, dial: this.#dials, hasEnded: false };
    this.#open.set(key, socket);
    this.#unpaired.push(socket);
    this.#tell({ event: "dial" });
    return true;
  }

  opened(key) {
    const dial = this.#open.get(key)?.dial;
    if (dial !== undefined) {
      this.#tell({ event: "open", dial });
    }
  }

  message(key) {
    const dial = this.#open.get(key)?.dial;
    if (dial !== undefined && this.#tellsMessages) {
      this.#tell({ event: "message", dial });
    }
  }

  /** The end, as DevTools see it: the close code is about to come, if it comes. */
  ended(key) {
    const socket = this.#open.get(key);
    if (socket !== undefined) {
      setTimeout(() => this.#end(socket), CODE_WITHIN);
    }
  }

  /** A page is gone, with all its sockets. */
  allEnded() {
    for (const socket of this.#open.values()) {
      setTimeout(() => this.#end(socket), CODE_WITHIN);
    }
  }

  /** The script saw one being made: the last one of this address, for it says so at once. */
  madeBy(page, id, url) {
    const index = this.#unpaired.findLastIndex((socket) => socket.url === url);
    if (index >= 0) {
      const [socket] = this.#unpaired.splice(index, 1);
      this.#paired.set(`${page} ${id}`, socket);
    }
  }

  closedBy(page, id, code) {
    const socket = this.#paired.get(`${page} ${id}`);
    this.#paired.delete(`${page} ${id}`);
    if (socket !== undefined) {
      this.#end(socket, code);
    }
  }

  #end(socket, code) {
    if (!socket.hasEnded) {
      socket.hasEnded = true;
      this.#open.delete(socket.key);
      this.#unpaired = this.#unpaired.filter((other) => other !== socket);
      this.#tell({ event: "close", dial: socket.dial, code });
    }
  }
}
