// What each WebSocket close code means for the next dial, and in words: the declared table.
//
// No code is final, 1000 included: this end did not want the connection to end. Codes that blame this
// client, or ask for distance, are retried near the cap of the policy, as client-sim does. Used by
// the reconnecting socket and by the event log.

/** `soon`: as after any loss. `late`: near the cap of the policy. */
export type Comeback = "soon" | "late";

interface Meaning {
  readonly comeback: Comeback;
  readonly words: string;
}

const TABLE: ReadonlyMap<number, Meaning> = new Map([
  [1000, { comeback: "soon", words: "the server closed the connection" }],
  [1001, { comeback: "soon", words: "the server is going away" }],
  [1002, { comeback: "late", words: "the server saw a protocol error" }],
  [1003, { comeback: "late", words: "the server takes no such data" }],
  [1005, { comeback: "soon", words: "the server closed the connection and gave no reason" }],
  [1006, { comeback: "soon", words: "the connection broke off" }],
  [1007, { comeback: "late", words: "the server could not read what it was sent" }],
  [1008, { comeback: "late", words: "the server refuses this client" }],
  [1009, { comeback: "late", words: "the server found a message too long" }],
  [1010, { comeback: "late", words: "the server lacks an extension" }],
  [1011, { comeback: "soon", words: "the server met an error of its own" }],
  [1012, { comeback: "soon", words: "the server is restarting" }],
  [1013, { comeback: "late", words: "the server is overloaded and asks to retry later" }],
  [1014, { comeback: "soon", words: "a gateway could not reach the server" }],
  [1015, { comeback: "soon", words: "the secure connection could not be set up" }],
]);

/** What a code means; one that is in no table is retried as any loss is. */
export function meaning(code: number): Meaning {
  const known = TABLE.get(code);
  if (known !== undefined) {
    return known;
  }
  // RFC 6455 §7.4.2: an application's own.
  const comeback = code >= 4000 && code <= 4999 ? "late" : "soon";
  return { comeback, words: "the server closed the connection" };
}
