// The ticker's wire messages, as this page sees them.
//
// Reading never throws and never trusts: whatever is not one of ours comes out as `strange`, with
// words for the person. Held to server/fixtures/messages.json. Used by the ticker client.

export interface Welcome {
  readonly type: "welcome";
  readonly session: string;
  /** From tick to tick, in milliseconds; 0 where the server does not say. */
  readonly tickMs: number;
  /** How long the server is silent at most, in milliseconds; 0 where it does not say. */
  readonly heartbeatMs: number;
  /** The first number that will come on this connection. */
  readonly nextSeq: number;
  readonly paused: boolean;
  readonly resumed: boolean;
  /** Numbers that can no longer be had; `null` where the server cannot know. */
  readonly lost: number | null;
}

export type ServerMessage =
  | Welcome
  | { readonly type: "tick"; readonly seq: number; readonly value: number }
  | { readonly type: "paused" }
  | { readonly type: "resumed" }
  | { readonly type: "heartbeat" }
  | { readonly type: "ack"; readonly number: number }
  | { readonly type: "error"; readonly message: string };

/** Something that this page does not understand. */
export interface Strange {
  readonly type: "strange";
  readonly words: string;
}

export type Command = "pause" | "resume";

export function encode(command: Command): string {
  return JSON.stringify({ type: command });
}

/** Longer messages are not read: none of the ticker's has a hundredth of it. */
export const MESSAGE_LIMIT = 64 * 1024;
/** Longer session ids are not kept: a server may not make us carry its book. */
const SESSION_LIMIT = 128;
const WORDS_LIMIT = 200;

export function parse(data: unknown): ServerMessage | Strange {
  if (typeof data !== "string") {
    return strange("binary data, where text was expected");
  }
  if (data.length > MESSAGE_LIMIT) {
    const size = Math.round(data.length / 1024).toLocaleString("en");
    return strange(`a message of ${size} KiB, far longer than any of the ticker's; not read`);
  }
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return strange(`a message that is not JSON: ${excerpt(data)}`);
  }
  return isRecord(value) ? read(value) : strange(`a message that is no object: ${excerpt(data)}`);
}

function read(it: Readonly<Record<string, unknown>>): ServerMessage | Strange {
  const type = it["type"];
  switch (type) {
    case "welcome":
      return readWelcome(it) ?? strange("a welcome without a usable session and next_seq");
    case "tick": {
      const { seq, value } = { seq: it["seq"], value: it["value"] };
      return isCount(seq) && typeof value === "number" && Number.isFinite(value)
        ? { type, seq, value }
        : strange("a tick without a usable seq and value");
    }
    case "paused":
    case "resumed":
    case "heartbeat":
      return { type };
    case "ack": {
      const number = it["number"];
      return isCount(number) ? { type, number } : strange("an ack without a usable number");
    }
    case "error":
      return { type, message: excerpt(typeof it["message"] === "string" ? it["message"] : "") };
    default:
      return strange(`a message of unknown type ${excerpt(String(JSON.stringify(type)))}`);
  }
}

function readWelcome(it: Readonly<Record<string, unknown>>): Welcome | null {
  const session = it["session"];
  const nextSeq = it["next_seq"];
  if (typeof session !== "string" || session === "" || session.length > SESSION_LIMIT) {
    return null;
  }
  if (!isCount(nextSeq)) {
    return null;
  }
  const lost = it["lost"];
  return {
    type: "welcome",
    session,
    tickMs: period(it["tick_ms"]),
    heartbeatMs: period(it["heartbeat_ms"]),
    nextSeq,
    paused: it["paused"] === true,
    resumed: it["resumed"] === true,
    lost: isCount(lost) ? lost : null,
  };
}

/** A day: a period that somebody might wait for. */
const PERIOD_LIMIT = 86_400_000;

/** In milliseconds; 0, for "not said", where nobody would wait for it. */
function period(value: unknown): number {
  const isSensible = typeof value === "number" && value > 0 && value <= PERIOD_LIMIT;
  return isSensible ? value : 0;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function strange(words: string): Strange {
  return { type: "strange", words };
}

function excerpt(text: string): string {
  return text.length > WORDS_LIMIT ? `${text.slice(0, WORDS_LIMIT)}…` : text;
}
