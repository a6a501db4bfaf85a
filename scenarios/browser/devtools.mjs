// Chromium's DevTools protocol over a pipe: JSON objects with a NUL behind each, on two descriptors.
//
// Invariant: every command is answered, or fails when the browser is gone. Nobody else can reach
// the browser this way, and no port is taken.

export class DevTools {
  #write;
  #next = 1;
  #waiting = new Map();
  #listeners = [];
  #rest = [];

  /** Of the pipes to the browser and from it. */
  constructor(write, read) {
    this.#write = write;
    read.on("data", (chunk) => this.#read(chunk));
    read.on("close", () => this.#gone());
    // A browser that is gone is seen by the end of what it says.
    write.on("error", () => {});
  }

  /** Has every event told, with the session that it is of. */
  listen(listener) {
    this.#listeners.push(listener);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { method, resolve, reject });
      this.#write.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  #read(chunk) {
    let from = 0;
    for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, from)) {
      this.#rest.push(chunk.subarray(from, end));
      this.#heard(JSON.parse(Buffer.concat(this.#rest).toString()));
      this.#rest = [];
      from = end + 1;
    }
    this.#rest.push(chunk.subarray(from));
  }

  #heard(message) {
    if (message.id === undefined) {
      for (const listener of this.#listeners) {
        listener(message.method, message.params ?? {}, message.sessionId);
      }
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error === undefined) {
      waiting?.resolve(message.result);
    } else {
      waiting?.reject(new Error(`${waiting.method}: ${message.error.message}`));
    }
  }

  #gone() {
    for (const { method, reject } of this.#waiting.values()) {
      reject(new Error(`${method}: the browser is gone`));
    }
    this.#waiting.clear();
  }
}
