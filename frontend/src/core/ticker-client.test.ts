import { beforeEach, describe, expect, it } from "vitest";
import { FakeHost } from "../testing/fake-host.ts";
import { readAddress } from "./address.ts";
import { DEFAULT_BEHAVIOUR } from "./reconnecting-socket.ts";
import { stateWord } from "./state.ts";
import { TickerClient } from "./ticker-client.ts";

let host: FakeHost;
let client: TickerClient;

const welcome = {
  type: "welcome",
  session: "0123456789abcdef",
  tick_ms: 1_000,
  heartbeat_ms: 1_000,
  next_seq: 1,
  paused: false,
  resumed: false,
  lost: 0,
};

beforeEach(() => {
  host = new FakeHost();
  client = new TickerClient(host, readAddress("http://h/?ws=ws://h:1/ws"));
  client.start();
  host.pass(0);
});

/** What a listener sees now. */
function state() {
  host.pass(16);
  return client.snapshot();
}

const words = () => state().log.map((entry) => entry.words);
const problem = () => state().problem?.words;

function greeted(more: Partial<typeof welcome> = {}) {
  host.socket.opens();
  host.socket.says({ ...welcome, ...more });
}

function ticks(...seqs: number[]) {
  for (const seq of seqs) {
    host.socket.says({ type: "tick", seq, value: seq });
  }
}

/** The connection breaks and comes back with this welcome. */
function broken(more: Record<string, unknown>) {
  host.socket.ends();
  host.pass(250);
  host.socket.opens();
  host.socket.says({ ...welcome, resumed: true, ...more });
}

describe("a session", () => {
  it("is asked for again, from the last number applied", () => {
    greeted();
    ticks(1, 2, 3);
    broken({ next_seq: 4 });
    expect(host.socket.url.search).toBe("?session=0123456789abcdef&last_seq=3");
    ticks(4, 5);
    expect(state()).toMatchObject({
      received: 5,
      lost: 0,
      welcomes: 2,
      value: 5,
      lostUnknown: false,
    });
  });

  it("has each number applied once and in order, whatever the server repeats", () => {
    greeted();
    ticks(1, 2, 3);
    broken({ next_seq: 2 });
    ticks(2, 3, 4, 4, 3, 5);
    expect(state()).toMatchObject({ received: 5, lost: 0, valueSeq: 5 });
  });

  it("counts what the server has no more, once", () => {
    greeted();
    ticks(1);
    broken({ next_seq: 101, lost: 99 });
    host.socket.ends(); // before any number came
    host.pass(1_000);
    expect(host.socket.url.searchParams.get("last_seq")).toBe("100");
    host.socket.opens();
    host.socket.says({ ...welcome, resumed: true, next_seq: 101, lost: 0 });
    ticks(101);
    expect(state()).toMatchObject({ received: 2, lost: 99 });
  });

  it("counts what got lost on the way, and does not apply it when it comes too late", () => {
    greeted();
    ticks(1, 2, 5, 4, 6);
    expect(state()).toMatchObject({ received: 4, lost: 2 });
    expect(words()).toContain("2 numbers lost on the way");
  });

  it("that the server has forgotten is replaced, and that is said", () => {
    greeted();
    ticks(1, 2, 3);
    broken({ resumed: false, session: "fedcba9876543210", next_seq: 1 });
    expect(state().replayed, "there is nothing to replay").toBeNull();
    ticks(1, 2);
    expect(state()).toMatchObject({
      received: 5,
      lost: 0,
      lostUnknown: true,
      session: "fedcba9876543210",
    });
    expect(client.series.columns.prompt, "a gap between the two").toEqual([1, 2, 3, null, 1, 2]);
    expect(words()[0]).toContain("to a new session: the server no longer knows the old one");
  });

  it("that the server refuses is not asked for again", () => {
    greeted();
    ticks(1);
    host.units = [0.6];
    host.socket.ends(4401);
    host.pass(10_000);
    expect(host.socket.url.searchParams.get("session")).toBeNull();
    host.socket.opens();
    host.socket.says({ ...welcome, session: "fedcba9876543210" });
    ticks(1);
    expect(state()).toMatchObject({ received: 2, session: "fedcba9876543210", isRefused: false });
    host.units = [0.6];
    host.socket.ends(1006);
    host.pass(10_000);
    expect(host.socket.url.searchParams.get("session")).toBe("fedcba9876543210");
  });

  it("of the same id but not resumed begins anew, as after a restart of a seeded server", () => {
    greeted();
    ticks(1, 2, 3);
    broken({ resumed: false, next_seq: 1 });
    ticks(1);
    expect(state()).toMatchObject({ received: 4, valueSeq: 1, lostUnknown: true });
  });

  it("is replayed into the outage, and how much is said once", () => {
    greeted();
    ticks(1);
    host.units = [0.6];
    host.socket.ends(1013); // comes back late
    host.pass(8_000);
    greeted({ resumed: true, next_seq: 2 });
    ticks(2, 3, 4, 5, 6, 7, 8);
    host.socket.says({ type: "heartbeat" });
    expect(words().slice(0, 2)).toEqual([
      "7 numbers missed meanwhile, now replayed",
      "Back after 8.0 s",
    ]);
    expect(client.series.columns.x).toHaveLength(8);
    expect(client.series.spans).toHaveLength(1);
    expect(client.series.spans[0]?.to).not.toBeNull();
  });
});

describe("pause", () => {
  it("is asked of the server, and holds when it says so", () => {
    greeted();
    client.setPaused(true);
    expect(host.socket.sent).toEqual(['{"type":"pause"}']);
    expect(stateWord(state())).toBe("live");
    host.socket.says({ type: "paused" });
    expect(stateWord(state())).toBe("paused");
  });

  it("survives a reconnect of its session without being asked for again", () => {
    greeted();
    client.setPaused(true);
    host.socket.says({ type: "paused" });
    broken({ paused: true });
    expect(host.socket.sent).toEqual([]);
    expect(stateWord(state())).toBe("paused");
  });

  it("is asked for again where a new session does not know of it, once", () => {
    greeted();
    client.setPaused(true);
    host.socket.says({ type: "paused" });
    broken({ resumed: false, session: "other", paused: false });
    expect(host.socket.sent).toEqual(['{"type":"pause"}']);
  });

  it("wished for while there is no connection is asked for after the welcome", () => {
    greeted();
    host.socket.ends();
    client.setPaused(true);
    host.pass(250);
    host.socket.opens();
    expect(host.socket.sent).toEqual([]);
    host.socket.says({ ...welcome, resumed: true });
    expect(host.socket.sent).toEqual(['{"type":"pause"}']);
  });

  it("wished for before the welcome would cross it, and waits for it", () => {
    host.socket.opens();
    client.setPaused(true);
    expect(host.socket.sent).toEqual([]);
    expect(words()[0]).toBe("Pause will be asked for once connected");
    host.socket.says(welcome);
    expect(host.socket.sent).toEqual(['{"type":"pause"}']);
    expect(words()[0]).toBe("Pause asked for");
  });

  it("wished for and taken back meanwhile is not asked for", () => {
    greeted();
    host.socket.ends();
    client.setPaused(true);
    client.setPaused(false);
    host.pass(250);
    greeted({ resumed: true });
    expect(host.socket.sent).toEqual([]);
  });

  it("whose command was lost with the connection is asked for again", () => {
    greeted();
    client.setPaused(true);
    broken({ paused: false });
    expect(host.socket.sent).toEqual(['{"type":"pause"}']);
  });

  it("by somebody else on the session is what holds, and is not undone", () => {
    greeted();
    client.setPaused(false);
    host.socket.says({ type: "resumed" });
    host.socket.says({ type: "paused" });
    broken({ paused: true });
    expect(host.socket.sent).toEqual([]);
    expect(words()).toContain("Paused by somebody else");
  });

  it("whose command arrives late does not overtake the person", () => {
    greeted();
    client.setPaused(true); // and then nothing comes through
    host.pass(10_000);
    host.socket.opens();
    client.setPaused(false);
    host.socket.says({ ...welcome, resumed: true });
    expect(host.socket.sent).toEqual([]);
    host.socket.says({ type: "paused" }); // the first connection has healed
    expect(host.socket.sent).toEqual(['{"type":"resume"}']);
    expect(words().slice(0, 2)).toEqual(["Resume asked for", "Paused, as was asked earlier"]);
    host.socket.says({ type: "resumed" });
    expect(state().pause).toMatchObject({ wanted: false, holds: false, asked: [] });
  });

  it("of three presses within a round trip is the third", () => {
    greeted();
    client.setPaused(true);
    client.setPaused(false);
    client.setPaused(true);
    host.socket.says({ type: "paused" });
    host.socket.says({ type: "resumed" });
    expect(words()[0]).toBe("Resumed");
    expect(state().pause.wanted).toBe(true);
    broken({ paused: false }); // before the third was answered
    expect(host.socket.sent).toEqual(['{"type":"pause"}']);
  });

  it("said before the welcome is not believed", () => {
    client.setPaused(true);
    host.socket.opens();
    host.socket.says({ type: "resumed" });
    expect(problem()).toContain("before its welcome");
    greeted();
    expect(host.socket.sent).toEqual(['{"type":"pause"}']);
  });

  it("is shaded, and makes nothing late", () => {
    greeted();
    ticks(1);
    host.socket.says({ type: "paused" });
    for (let second = 0; second < 4; second += 1) {
      host.pass(1_000);
      host.socket.says({ type: "heartbeat" });
    }
    host.socket.says({ type: "resumed" });
    host.pass(1_000);
    ticks(2);
    expect(state()).toMatchObject({ received: 2, late: 0, lost: 0 });
    expect(client.series.spans.map((span) => span.kind)).toEqual(["pause"]);
    expect(client.series.columns.prompt).toEqual([1, null, 2]);
  });
});

describe("an outage", () => {
  it("is one line, which keeps its cause however many dials fail", () => {
    greeted();
    host.units = Array.from({ length: 200 }, () => 0.9);
    host.socket.ends(1011);
    for (let dial = 0; dial < 40; dial += 1) {
      const { connection } = state();
      host.pass(connection.kind === "waiting" ? connection.dueAt - host.now() : 0);
      host.socket.ends();
    }
    expect(words()).toHaveLength(3);
    expect(words()[0]).toMatch(
      /^Down 5 min, 40 attempts, since [\d:]{8}: the server met an error of its own \(1011\); at last: refused or unreachable$/,
    );
    host.pass(10_000);
    greeted({ resumed: true });
    expect(words()[0]).toMatch(/^Back after 6 min$/);
    expect(words()[1]).toMatch(/^Down 6 min, 41 attempts, /);
    expect(state().outage).toBeNull();
  });

  it("that was silence first begins with what was heard last", () => {
    greeted();
    host.pass(2_500);
    expect(words()[0]).toMatch(/^Nothing heard for 2.5 s, since 0?/);
    host.socket.says({ type: "heartbeat" });
    expect(words().slice(0, 2)).toEqual([
      "Heard from the server again",
      expect.stringMatching(/^Nothing heard for 2.5 s/),
    ]);
    host.pass(5_000);
    expect(words()[0]).toMatch(/^Down 5.0 s, since .*: the connection went silent$/);
  });

  it("asked for says so, and so does one of a page put aside", () => {
    greeted();
    client.retry();
    expect(words()[0]).toMatch(/^Down .* 1 attempt, .*: left for a new connection, as asked$/);
    greeted({ resumed: true });
    client.stop();
    expect(words()[0]).toMatch(/: the page was put aside$/);
    expect(state().lastOutageMs).not.toBeNull();
  });

  it("before the first connection is none, but is told", () => {
    expect(words()).toEqual(["Connecting"]);
    host.socket.ends();
    host.pass(1_000);
    host.socket.ends();
    expect(words()).toHaveLength(1);
    expect(words()[0]).toMatch(/^Not connected for 1.0 s, 2 attempts, .*: refused/);
    host.pass(1_000);
    greeted();
    expect(words()[0]).toBe("Connected");
    expect(state()).toMatchObject({ lastOutageMs: null });
    expect(client.series.spans).toEqual([]);
  });

  it("whose dial hangs is ended by Retry and by online; a young dial is let be, and that is said", () => {
    host.pass(1_000);
    client.retry();
    expect(words()[0]).toBe("Retry: the attempt that has just begun goes on");
    host.pass(1_000);
    client.retry();
    expect(host.sockets).toHaveLength(2);
    host.pass(4_000);
    client.online();
    expect(host.sockets).toHaveLength(3);
    expect(host.mostLive).toBe(1);
  });
});

describe("silence", () => {
  it.each([
    ["half a second", 500, 1_500],
    ["a second", 1_000, 2_500],
    ["forty seconds", 40_000, 60_000],
    ["three minutes", 180_000, 270_000],
    ["an hour", 3_600_000, 5_400_000],
    ["a day", 86_400_000, 129_600_000],
  ])("of a server that speaks every %s is judged by that", (_, heartbeat, stale) => {
    greeted({ heartbeat_ms: heartbeat });
    host.pass(stale - 1);
    expect(stateWord(state())).toBe("live");
    host.pass(1);
    expect(stateWord(state())).toBe("stale");
    host.pass(stale - 100);
    expect(stateWord(state())).toBe("stale");
    host.pass(100);
    expect(stateWord(state())).toBe("waiting");
  });

  it("is ended by an overdue dial as soon as the browser says it is online", () => {
    greeted();
    host.socket.ends(1013);
    host.freeze(60_000);
    client.online();
    expect(host.sockets).toHaveLength(2);
  });
});

describe("the state in a word", () => {
  it("is connecting until the welcome, then live", () => {
    expect(stateWord(state())).toBe("connecting");
    host.socket.opens();
    expect(stateWord(state())).toBe("connecting");
    host.socket.says(welcome);
    expect(stateWord(state())).toBe("live");
  });

  it("is stale within two and a half heartbeats of silence, then waiting, with the outage from the silence on", () => {
    greeted();
    const heardAt = host.now();
    host.pass(2_500);
    expect(stateWord(state())).toBe("stale");
    host.pass(2_500);
    expect(stateWord(state())).toBe("waiting");
    expect(client.series.spans).toEqual([{ kind: "outage", from: heardAt, to: null }]);
  });

  it("is live again if the silence ends by itself", () => {
    greeted();
    host.pass(3_000);
    host.socket.says({ type: "heartbeat" });
    expect(stateWord(state())).toBe("live");
    expect(client.series.spans[0]?.to).not.toBeNull();
    expect(host.sockets).toHaveLength(1);
  });

  it("is stopped while the page is kept for the back button, and the session goes on after it", () => {
    greeted();
    ticks(1, 2);
    client.stop();
    expect(stateWord(state())).toBe("stopped");
    expect(host.socket.closedWith).toBe(1000);
    client.start();
    host.pass(0);
    expect(host.socket.url.searchParams.get("last_seq")).toBe("2");
  });
});

describe("bad input", () => {
  it.each([
    ["not JSON", "<html>", "The server sent a message that is not JSON: <html>"],
    ["an unknown type", '{"type":"trade"}', 'The server sent a message of unknown type "trade"'],
    ["a huge message", `"${"x".repeat(1_000_000)}"`, "977 KiB"],
    ["a complaint", '{"type":"error","message":"not a command"}', "The server says: not a command"],
  ])("%s is said in words, and the page lives on", (_, text, expected) => {
    greeted();
    ticks(1);
    host.socket.says(text);
    expect(problem()).toContain(expected);
    ticks(2);
    expect(state()).toMatchObject({ received: 2, value: 2 });
    expect(stateWord(state())).toBe("live");
  });

  it("is forgotten with the next welcome", () => {
    greeted();
    host.socket.says("nonsense");
    broken({});
    expect(state().problem).toBeNull();
  });

  it("is forgotten after a while of good numbers", () => {
    greeted();
    host.socket.says("nonsense");
    for (let seq = 1; seq <= 12; seq += 1) {
      host.pass(1_000);
      ticks(seq);
    }
    expect(state().problem).toBeNull();
  });

  it("by the thousand is one line of the log", () => {
    greeted();
    for (let index = 0; index < 5_000; index += 1) {
      host.socket.says("nonsense");
    }
    expect(state().log[0]).toMatchObject({ count: 5_000 });
    expect(state().log.length).toBeLessThan(5);
  });

  it("of a server that speaks before its welcome changes no count", () => {
    host.socket.opens();
    ticks(1, 2);
    expect(state()).toMatchObject({ received: 0, lost: 0, value: null });
    expect(problem()).toContain("before its welcome");
  });

  it("of a server that is no ticker is said", () => {
    host.socket.opens();
    host.pass(10_000);
    expect(words()[0]).toMatch(
      /^Not connected for 10 s, 1 attempt, since [\d:]{8}: the server never said its welcome, so it may be no ticker$/,
    );
  });

  it("of nobody there ends in words too, where an end was asked for", () => {
    host = new FakeHost();
    const address = readAddress("http://h/");
    const impatient = new TickerClient(host, address, { ...DEFAULT_BEHAVIOUR, maxAttempts: 1 });
    impatient.start();
    host.pass(0);
    host.socket.ends();
    host.pass(16);
    expect(impatient.snapshot().log[0]?.words).toBe(
      "Gave up: 1 attempt failed; at last: refused or unreachable",
    );
  });

  it("of an address that is none is said, and nothing is dialled", () => {
    host = new FakeHost();
    const unusable = new TickerClient(host, readAddress("http://h/?ws=http://x"));
    unusable.start();
    unusable.stop();
    unusable.start();
    unusable.retry();
    unusable.setPaused(true);
    host.pass(60_000);
    expect(host.sockets).toHaveLength(0);
    expect(stateWord(unusable.snapshot())).toBe("gave-up");
    expect(unusable.snapshot().problem?.words).toContain("must begin with ws://");
  });

  it("a close with a reason is told with it", () => {
    greeted();
    host.socket.ends(1008, "no tickets");
    expect(words()[0]).toMatch(/: the server refuses this client \(1008\): “no tickets”$/);
  });
});

describe("listeners", () => {
  it("hear of a replay of a thousand numbers once", () => {
    let calls = 0;
    client.subscribe(() => {
      calls += 1;
    });
    greeted();
    ticks(...Array.from({ length: 1_000 }, (_, index) => index + 1));
    host.pass(16);
    expect(calls).toBe(1);
    expect(client.snapshot().received).toBe(1_000);
  });

  it("that left hear nothing", () => {
    let calls = 0;
    const leave = client.subscribe(() => {
      calls += 1;
    });
    leave();
    greeted();
    host.pass(1_000);
    expect(calls).toBe(0);
  });
});

it("two hours at ten numbers a second, with an outage a minute, hold what they must and no more", () => {
  greeted({ tick_ms: 100 });
  let seq = 0;
  for (let minute = 0; minute < 120; minute += 1) {
    for (let tick = 0; tick < 600; tick += 1) {
      host.pass(100);
      seq += 1;
      ticks(seq);
    }
    broken({ tick_ms: 100, next_seq: seq + 1 });
  }
  expect(state()).toMatchObject({ received: 72_000, lost: 0, welcomes: 121 });
  expect(client.series.columns.x.length).toBeLessThanOrEqual(36_000);
  expect(client.series.spans.length).toBeLessThanOrEqual(200);
  expect(state().log.length).toBeLessThanOrEqual(100);
  expect(host.timerCount).toBeLessThanOrEqual(2);
  expect(host.mostLive).toBe(1);
});
