// Page and WebSocket share an address: requests that open no WebSocket are answered here, from the
// true server, so that what the proxy sees are the WebSockets alone.
//
// A server that is away is stood in for by what it said last: a page that is loaded again while
// its server is down is what a browser's cache would give.

import { request } from "node:http";

/** How long the true server may take for one answer. */
const WITHIN = 10_000;

/** The largest answer. */
const MOST = 32 * 1024 * 1024;

/** Of one hop, or of an encoding that has been taken off by nobody here. */
const OWN = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade", "trailer"]);

export class OwnAddress {
  #server;
  #known = new Map();

  /** `server`: `host:port` of the true one. */
  constructor(server) {
    this.#server = server;
  }

  /** What to answer, as DevTools' Fetch wants it. */
  async answer({ url, method, headers, postData }) {
    const { pathname, search } = new URL(url);
    const path = pathname + search;
    try {
      const answer = await this.#ask(path, method, headers, postData);
      if (method === "GET" && answer.responseCode < 400) {
        this.#known.set(path, answer);
      }
      return answer;
    } catch (error) {
      const known = method === "GET" ? this.#known.get(path) : undefined;
      if (known === undefined) {
        throw error;
      }
      return known;
    }
  }

  #ask(path, method, headers, postData) {
    const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(this.#server) ?? [];
    return new Promise((resolve, reject) => {
      const asked = request({ host, port, path, method, headers, timeout: WITHIN }, (response) => {
        const parts = [];
        let size = 0;
        response.on("data", (part) => {
          parts.push(part);
          size += part.length;
          if (size > MOST) {
            asked.destroy(new Error(`more than ${MOST} bytes`));
          }
        });
        response.on("error", reject);
        response.on("end", () => resolve(answerOf(response, Buffer.concat(parts))));
      });
      asked.on("timeout", () => asked.destroy(new Error(`no answer within ${WITHIN} ms`)));
      asked.on("error", reject);
      asked.end(postData);
    });
  }
}

function answerOf(response, body) {
  const responseHeaders = [];
  for (let at = 0; at < response.rawHeaders.length; at += 2) {
    const [name, value] = response.rawHeaders.slice(at, at + 2);
    if (!OWN.has(name.toLowerCase())) {
      responseHeaders.push({ name, value });
    }
  }
  return { responseCode: response.statusCode, responseHeaders, body: body.toString("base64") };
}
