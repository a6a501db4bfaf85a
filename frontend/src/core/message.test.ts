import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { encode, MESSAGE_LIMIT, parse } from "./message.ts";

interface Fixture {
  readonly server: Readonly<Record<string, string>>;
  readonly client: Readonly<Record<string, string>>;
}

const path = new URL("../../../server/fixtures/messages.json", import.meta.url);
const fixture = JSON.parse(readFileSync(path, "utf8")) as Fixture;

describe("the server's own messages", () => {
  it.each(Object.entries(fixture.server))("%s is understood", (name, text) => {
    expect(parse(text).type).toBe(name.replace(/_.*/, ""));
  });

  it("are read whole", () => {
    expect(parse(fixture.server["welcome_lost"])).toEqual({
      type: "welcome",
      session: "0123456789abcdef0123456789abcdef",
      tickMs: 1_000,
      heartbeatMs: 1_000,
      nextSeq: 101,
      paused: false,
      resumed: true,
      lost: 58,
    });
    expect(parse(fixture.server["welcome_unknown"])).toMatchObject({ lost: null, resumed: false });
    expect(parse(fixture.server["tick"])).toEqual({ type: "tick", seq: 1, value: 7 });
  });
});

it("commands are those of the server", () => {
  expect(encode("pause")).toBe(fixture.client["pause"]);
  expect(encode("resume")).toBe(fixture.client["resume"]);
});

describe("what is none of ours", () => {
  const strange: readonly [string, unknown, string][] = [
    ["nothing", "", "not JSON"],
    ["prose", "hello", "not JSON: hello"],
    ["half a message", '{"type":"tick","seq"', "not JSON"],
    ["a number", "7", "no object"],
    ["null", "null", "no object"],
    ["a list", '[{"type":"tick"}]', "no object"],
    ["no type", '{"seq":1}', "unknown type undefined"],
    ["another type", '{"type":"trade"}', 'unknown type "trade"'],
    ["a type that is no word", '{"type":{"a":1}}', 'unknown type {"a":1}'],
    ["a type of Object's", '{"type":"constructor"}', "unknown type"],
    ["binary data", new ArrayBuffer(8), "binary data"],
    ["a tick without value", '{"type":"tick","seq":1}', "a tick without"],
    ["a tick of text", '{"type":"tick","seq":"1","value":7}', "a tick without"],
    ["a tick of infinity", '{"type":"tick","seq":1,"value":1e999}', "a tick without"],
    ["a negative seq", '{"type":"tick","seq":-1,"value":7}', "a tick without"],
    ["a seq beyond counting", '{"type":"tick","seq":9007199254740992,"value":7}', "a tick without"],
    ["half a seq", '{"type":"tick","seq":1.5,"value":7}', "a tick without"],
    ["a welcome of nobody", '{"type":"welcome","session":"","next_seq":1}', "a welcome without"],
    ["a welcome to nothing", '{"type":"welcome","session":"a"}', "a welcome without"],
    ["an ack of nothing", '{"type":"ack"}', "an ack without"],
    ["a huge message", `"${"x".repeat(MESSAGE_LIMIT)}"`, "64 KiB"],
    ["a huge id", `{"type":"welcome","session":"${"a".repeat(129)}","next_seq":1}`, "a welcome"],
  ];

  it.each(strange)("%s is told in words", (_, data, words) => {
    const message = parse(data);
    expect(message).toMatchObject({ type: "strange" });
    expect("words" in message && message.words).toContain(words);
  });

  it("is quoted in part", () => {
    const message = parse("x".repeat(5_000));
    expect("words" in message && message.words.length).toBeLessThan(300);
    const error = parse(JSON.stringify({ type: "error", message: "y".repeat(5_000) }));
    expect("message" in error && error.message.length).toBeLessThan(300);
  });

  it("leaves senseless periods unsaid", () => {
    const text = '{"type":"welcome","session":"a","next_seq":1,"tick_ms":-1,"heartbeat_ms":1e300}';
    expect(parse(text)).toMatchObject({ tickMs: 0, heartbeatMs: 0 });
  });
});
