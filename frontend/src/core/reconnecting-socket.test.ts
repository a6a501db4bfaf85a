import { beforeEach, describe, expect, it } from "vitest";
import { FakeHost } from "../testing/fake-host.ts";
import {
  type Behaviour,
  DEFAULT_BEHAVIOUR,
  ReconnectingSocket,
  type SocketEvent,
} from "./reconnecting-socket.ts";

let host: FakeHost;
let events: SocketEvent[];

beforeEach(() => {
  host = new FakeHost();
  events = [];
});

function make(behaviour: Partial<Behaviour> = {}, address = () => "ws://example.org/ws") {
  const whole = { ...DEFAULT_BEHAVIOUR, ...behaviour };
  return new ReconnectingSocket(host, whole, address, (event) => events.push(event));
}

/** Started, dialled and open. */
function opened(behaviour: Partial<Behaviour> = {}) {
  const socket = make(behaviour);
  socket.start();
  host.pass(0);
  host.socket.opens();
  return socket;
}

const types = () => events.map((event) => event.type);
const last = () => events.at(-1);

/** Time passes up to the next dial. */
function untilDial() {
  const event = last();
  if (event?.type !== "waiting") {
    throw new Error(`not waiting but ${event?.type}`);
  }
  host.pass(event.dueAt - host.now());
}

/** Heard once a second for so long. */
function alive(ms: number) {
  for (let passed = 0; passed < ms; passed += 1_000) {
    host.pass(1_000);
    host.socket.says("{}");
  }
}

describe("dialling", () => {
  it("begins in the next task, so that a start that is stopped at once never dials", () => {
    const socket = make();
    socket.start();
    socket.stop();
    socket.start();
    expect(host.sockets).toHaveLength(0);
    host.pass(0);
    expect(host.sockets).toHaveLength(1);
    expect(types()).toEqual(["stopped", "dialling"]);
  });

  it("happens once, however often it is started", () => {
    const socket = make();
    socket.start();
    socket.start();
    host.pass(0);
    socket.start();
    host.pass(0);
    expect(host.sockets).toHaveLength(1);
  });

  it("asks for the address every time", () => {
    let dials = 0;
    const socket = make({}, () => {
      dials += 1;
      return `ws://example.org/${dials}`;
    });
    socket.start();
    host.pass(0);
    host.socket.ends();
    untilDial();
    expect(host.sockets.map((it) => it.url.pathname)).toEqual(["/1", "/2"]);
  });

  it("is bounded, and the bound doubles up to its cap", () => {
    host.units = [0, 0, 0, 0, 0];
    const socket = make({ connectTimeoutMs: 5_000, connectTimeoutCapMs: 15_000 });
    socket.start();
    host.pass(0);
    for (const limit of [5_000, 10_000, 15_000, 15_000]) {
      const dialled = host.sockets.length;
      host.pass(limit - 1);
      expect(host.sockets).toHaveLength(dialled);
      host.pass(1);
      expect(host.sockets).toHaveLength(dialled + 1);
    }
    expect(host.mostLive).toBe(1);
    expect(events).toContainEqual({
      type: "lost",
      why: { kind: "connect-timeout" },
      wasOpen: false,
    });
  });

  it("is bounded as at first again once a connection was open", () => {
    host.units = [0, 0, 0];
    const socket = make();
    socket.start();
    host.pass(0);
    host.pass(5_000); // the first dial; the second may take 10 s
    host.pass(6_000);
    host.socket.opens();
    host.socket.ends();
    host.pass(0);
    expect(host.sockets).toHaveLength(3);
    host.pass(5_000);
    expect(host.sockets).toHaveLength(4);
  });

  it("is given up at once where the address cannot be dialled at all", () => {
    host.refusal = new Error("insecure");
    const socket = make();
    socket.start();
    host.pass(60_000);
    expect(last()).toEqual({ type: "gave-up", failures: 0, why: "insecure" });
    host.refusal = null;
    socket.reconnect();
    expect(host.sockets).toHaveLength(1);
  });
});

describe("a loss", () => {
  it("is followed by one dial, after a delay by full jitter that grows", () => {
    const socket = make({
      reconnect: { shape: "full_jitter", baseMs: 1_000, capMs: 30_000, factor: 2 },
    });
    host.units = [0.5, 0.5, 0.999, 0];
    socket.start();
    host.pass(0);
    for (const expected of [500, 1_000, 3_996, 0]) {
      host.socket.ends();
      expect(last()).toMatchObject({ type: "waiting", delayMs: expected });
      const dialled = host.sockets.length;
      host.pass(expected);
      expect(host.sockets).toHaveLength(dialled + 1);
    }
    expect(host.mostLive).toBe(1);
  });

  it("after a short life does not start the back-off afresh, after a long one does", () => {
    const reconnect = { shape: "exponential", baseMs: 1_000, capMs: 30_000, factor: 2 } as const;
    opened({ reconnect });
    alive(4_000);
    host.socket.ends();
    expect(last()).toMatchObject({ delayMs: 1_000 });
    host.pass(1_000);
    host.socket.opens();
    host.socket.ends();
    expect(last()).toMatchObject({ delayMs: 2_000 });
    host.pass(2_000);
    host.socket.opens();
    alive(5_000);
    host.socket.ends();
    expect(last()).toMatchObject({ delayMs: 1_000 });
  });

  it("does not count the silence at its end as life", () => {
    const reconnect = { shape: "exponential", baseMs: 1_000, capMs: 30_000, factor: 2 } as const;
    opened({ reconnect });
    host.socket.ends();
    host.pass(1_000);
    host.socket.opens();
    host.pass(10_000); // dead after 10 s, of which nothing was heard
    expect(last()).toMatchObject({ type: "waiting", delayMs: 2_000 });
  });

  it.each([1000, 1001, 1005, 1006, 1011, 1012, 1014, 3000, 2999])(
    "by code %i is retried soon",
    (code) => {
      opened();
      host.socket.ends(code);
      expect(last()).toMatchObject({ type: "waiting", delayMs: 250 });
    },
  );

  it.each([1002, 1003, 1007, 1008, 1009, 1010, 1013, 4000, 4999])(
    "by code %i is retried late",
    (code) => {
      opened();
      host.socket.ends(code);
      expect(last()).toMatchObject({ type: "waiting", delayMs: 7_500 });
    },
  );

  it("ends it after the given number of attempts, until the person says otherwise", () => {
    const socket = make({ maxAttempts: 3 });
    socket.start();
    host.pass(0);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      host.socket.ends();
      host.pass(10_000);
    }
    expect(host.sockets).toHaveLength(3);
    expect(last()).toEqual({ type: "gave-up", failures: 3, why: null });
    expect(host.timerCount).toBe(0);
    socket.hurry();
    socket.wake();
    expect(host.sockets).toHaveLength(3);
    socket.reconnect();
    expect(host.sockets).toHaveLength(4);
  });

  it("never ends it by default", () => {
    const socket = make();
    socket.start();
    host.pass(0);
    for (let attempt = 0; attempt < 200; attempt += 1) {
      host.socket.ends();
      untilDial();
    }
    expect(host.sockets).toHaveLength(201);
  });
});

describe("silence", () => {
  it("is told, and then is death; the dead socket is not waited for", () => {
    opened();
    const first = host.socket;
    host.pass(4_999);
    expect(types()).not.toContain("stale");
    host.pass(1);
    expect(last()).toMatchObject({ type: "stale" });
    host.pass(5_000);
    expect(events).toContainEqual({ type: "lost", why: { kind: "silent" }, wasOpen: true });
    expect(first.closedWith).toBe(1000);
    untilDial();
    expect(host.sockets).toHaveLength(2);
  });

  it("ends with anything that is heard, JSON or not", () => {
    opened();
    host.pass(6_000);
    host.socket.says("nonsense");
    expect(types().slice(-3)).toEqual(["stale", "revived", "message"]);
    host.pass(9_999);
    expect(types()).not.toContain("lost");
    host.pass(1);
    expect(types()).toContain("lost");
  });

  it("is measured by what the server promises, on this connection only", () => {
    const socket = opened();
    socket.expect({ staleMs: 2_000, deadMs: 4_000 });
    host.pass(4_000);
    expect(types()).toContain("lost");
    untilDial();
    host.socket.opens();
    events = [];
    host.pass(9_000);
    expect(types()).toEqual(["stale"]);
  });

  it("of a page that slept is not held against the server at once", () => {
    opened();
    alive(3_000);
    host.sleep(3_600_000);
    expect(types()).not.toContain("lost");
    host.socket.says("{}"); // was queued behind the timer
    alive(60_000);
    expect(types()).not.toContain("lost");
  });

  it("of a page that slept is death within a bound, if it goes on", () => {
    opened();
    host.sleep(3_600_000);
    host.pass(5_000);
    expect(types()).toContain("lost");
  });

  it("is not forgiven again and again to a page whose every timer is late", () => {
    opened();
    host.sleep(60_000);
    host.sleep(60_000);
    expect(types()).toContain("lost");
  });

  it("is forgiven anew to a page that slept again, if something was heard between", () => {
    opened();
    for (let night = 0; night < 3; night += 1) {
      host.sleep(3_600_000);
      host.socket.says("{}");
      alive(10_000);
    }
    host.sleep(3_600_000);
    expect(types()).not.toContain("lost");
    host.pass(5_000);
    expect(types()).toContain("lost");
  });

  it("of a hidden page that still hears is no silence", () => {
    opened();
    for (let minute = 0; minute < 10; minute += 1) {
      alive(50_000);
      host.sleep(9_000); // throttled, but never without a message for long
      host.socket.says("{}");
    }
    expect(types()).not.toContain("lost");
  });
});

describe("an old socket", () => {
  it("is told to close, and nothing of this page hangs on it any more", () => {
    const socket = opened();
    const { socket: first } = host;
    socket.reconnect();
    expect(first.closedWith).toBe(1000);
    expect([first.onopen, first.onmessage, first.onclose]).toEqual([null, null, null]);
  });

  it("has no say any more", () => {
    opened();
    const first = host.socket;
    const { onopen, onmessage, onclose } = first; // as an event that was already queued
    host.pass(10_000);
    untilDial();
    host.socket.opens();
    events = [];
    onopen?.();
    onmessage?.({ data: "{}" });
    onclose?.({ code: 1006, reason: "" });
    first.ends();
    expect(events).toEqual([]);
    alive(60_000);
    expect(host.sockets).toHaveLength(2);
    expect(host.mostLive).toBe(1);
  });
});

describe("stop", () => {
  it.each(["while dialling", "while open", "while waiting"])("is final %s", (when) => {
    const socket = make();
    socket.start();
    host.pass(0);
    if (when !== "while dialling") {
      host.socket.opens();
    }
    if (when === "while waiting") {
      host.socket.ends();
    }
    socket.stop();
    expect(last()).toEqual({ type: "stopped" });
    expect(host.timerCount).toBe(0);
    host.socket.opens();
    host.socket.ends();
    socket.wake();
    socket.hurry();
    socket.reconnect();
    host.pass(600_000);
    expect(last()).toEqual({ type: "stopped" });
    expect(host.sockets).toHaveLength(1);
    expect(host.sockets.filter((it) => it.isLive)).toHaveLength(0);
  });
});

describe("stop and start", () => {
  it("begin with the shortest delay again", () => {
    const reconnect = { shape: "exponential", baseMs: 1_000, capMs: 30_000, factor: 2 } as const;
    const socket = make({ reconnect });
    socket.start();
    host.pass(0);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      host.socket.ends();
      untilDial();
    }
    socket.stop();
    socket.start();
    host.pass(0);
    host.socket.ends();
    expect(last()).toMatchObject({ type: "waiting", delayMs: 1_000 });
  });
});

describe("a dial that hangs", () => {
  /** Dialled, and nothing comes for so long. */
  function hanging(ms: number, behaviour: Partial<Behaviour> = {}) {
    const socket = make(behaviour);
    socket.start();
    host.pass(0);
    host.pass(ms);
    return socket;
  }

  it.each(["reconnect", "hurry"] as const)("is replaced by %s", (act) => {
    const socket = hanging(2_000);
    expect(socket[act]()).toBeFalsy();
    expect(host.sockets.map((it) => it.closedWith)).toEqual([1000, null]);
    host.socket.opens();
    expect(socket.isOpen).toBe(true);
    expect(host.mostLive).toBe(1);
    alive(60_000);
    expect(host.sockets).toHaveLength(2);
  });

  it.each(["reconnect", "hurry"] as const)("is no young one, which %s leaves alone", (act) => {
    const socket = hanging(1_999);
    socket[act]();
    expect(host.sockets).toHaveLength(1);
    expect(host.socket.isLive).toBe(true);
  });

  it("is given more time each time, so that impatience does not shut a slow way in", () => {
    const socket = hanging(2_000, { connectTimeoutMs: 60_000 });
    let presses = 0;
    for (; host.sockets.length < 4; presses += 1) {
      socket.reconnect();
      host.pass(500);
    }
    expect(presses, "after 2, 4 and 8 s").toBe(1 + 8 + 16);
    host.socket.opens();
    host.socket.ends();
    untilDial();
    host.pass(2_000);
    socket.reconnect();
    expect(host.sockets, "after 2 s again").toHaveLength(6);
  });

  it("that is replaced has the whole time a dial has", () => {
    const socket = hanging(4_000);
    socket.reconnect();
    host.pass(4_999);
    expect(types()).not.toContain("lost");
    host.pass(1);
    expect(types()).toContain("lost");
  });
});

describe("reconnect", () => {
  it("while waiting dials once, at once, and starts the back-off afresh", () => {
    const socket = make({
      reconnect: { shape: "exponential", baseMs: 1_000, capMs: 30_000, factor: 2 },
    });
    socket.start();
    host.pass(0);
    for (let attempt = 0; attempt < 4; attempt += 1) {
      host.socket.ends();
      host.pass(30_000);
    }
    host.socket.ends();
    const dialled = host.sockets.length;
    socket.reconnect();
    expect(host.sockets).toHaveLength(dialled + 1);
    host.pass(4_000);
    expect(host.sockets).toHaveLength(dialled + 1);
    host.socket.ends();
    expect(last()).toMatchObject({ type: "waiting", delayMs: 1_000 });
  });

  it("while dialling leaves the attempt alone, and says so", () => {
    const socket = make();
    socket.start();
    host.pass(0);
    expect(socket.reconnect()).toBe(true);
    host.pass(1_000);
    expect(host.sockets).toHaveLength(1);
    expect(host.socket.isLive).toBe(true);
  });

  it("while open leaves the old connection for a new one", () => {
    const socket = opened();
    socket.reconnect();
    expect(host.sockets.map((it) => it.closedWith)).toEqual([1000, null]);
    expect(host.mostLive).toBe(1);
  });
});

describe("the page's own life", () => {
  it("online brings the next dial forward, with jitter, and only one", () => {
    const socket = make({
      reconnect: { shape: "exponential", baseMs: 1_000, capMs: 30_000, factor: 2 },
    });
    socket.start();
    host.pass(0);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      host.socket.ends();
      host.pass(attempt === 4 ? 1_000 : 30_000);
    }
    const dialled = host.sockets.length;
    host.units = [0.25];
    socket.hurry();
    expect(last()).toMatchObject({ type: "waiting", delayMs: 250 });
    host.pass(250);
    expect(host.sockets).toHaveLength(dialled + 1);
  });

  it("online never puts a dial off", () => {
    const socket = opened();
    host.units = [0.1, 0.9];
    host.socket.ends();
    socket.hurry();
    host.pass(50);
    expect(host.sockets).toHaveLength(2);
  });

  it("waking up makes an overdue dial, and none before it is due", () => {
    const socket = opened();
    host.socket.ends(1013);
    host.freeze(7_499);
    socket.wake();
    expect(host.sockets).toHaveLength(1);
    host.freeze(1);
    socket.wake();
    expect(host.sockets).toHaveLength(2);
    host.pass(1_000);
    expect(host.sockets).toHaveLength(2);
  });

  it("waking up over a long silence asks for a sign of life within a bound", () => {
    const socket = opened();
    host.sleep(20_000);
    socket.wake();
    expect(types()).not.toContain("lost");
    host.pass(5_000);
    expect(types()).toContain("lost");
  });
});

describe("sending", () => {
  it("is for open connections only, and keeps nothing for later", () => {
    const socket = make();
    expect(socket.send("a")).toBe(false);
    socket.start();
    host.pass(0);
    expect(socket.send("b")).toBe(false);
    host.socket.opens();
    expect(socket.send("c")).toBe(true);
    expect(host.socket.sent).toEqual(["c"]);
    host.socket.ends();
    expect(socket.send("d")).toBe(false);
  });
});
