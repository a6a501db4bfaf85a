// Where the page connects: `?ws=` of its own address, or its own host.
//
// What comes out is an address that a WebSocket can be opened to, or words that say what is wrong
// with the one given. Used by App and by the ticker client.

export type Address =
  | { readonly kind: "usable"; readonly url: string }
  | { readonly kind: "unusable"; readonly given: string; readonly why: string };

const EXAMPLE = "ws://127.0.0.1:9000/ws";

/** `page` is the page's own address. */
export function readAddress(page: string): Address {
  const own = new URL(page);
  const given = own.searchParams.get("ws");
  if (given === null || given.trim() === "") {
    const scheme = own.protocol === "https:" ? "wss:" : "ws:";
    return { kind: "usable", url: `${scheme}//${own.host}/ws` };
  }
  return judge(given.trim());
}

function judge(given: string): Address {
  const unusable = (why: string): Address => ({ kind: "unusable", given: shorten(given), why });
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    return unusable(`that is no address; it would look like ${EXAMPLE}`);
  }
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    return unusable(`it must begin with ws:// or wss://, as in ${EXAMPLE}`);
  }
  url.hash = ""; // means nothing to a server, and an error to a WebSocket
  return { kind: "usable", url: url.href };
}

/** The number of dials after which to give up; `null` for never, and for what is no such number. */
export function readMaxAttempts(page: string): number | null {
  const given = new URL(page).searchParams.get("max_attempts");
  return given !== null && /^[1-9]\d{0,5}$/.test(given) ? Number(given) : null;
}

/** The address of the next dial, with what is needed to go on with a session. */
export function withResume(
  url: string,
  resume: { readonly session: string; readonly lastSeq: number } | null,
): string {
  if (resume === null) {
    return url;
  }
  const next = new URL(url);
  next.searchParams.set("session", resume.session);
  next.searchParams.set("last_seq", String(resume.lastSeq));
  return next.href;
}

export function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
