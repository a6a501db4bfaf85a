// @vitest-environment jsdom

import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import axe from "axe-core";
import { StrictMode } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { App } from "./App.tsx";
import { FakeSocket } from "./testing/fake-host.ts";

// A canvas is what jsdom does not have, and what the browser tests are for.
vi.mock("./charts/live-plot.ts", () => ({
  readPalette: () => ({}),
  plotPixels: (width: number) => width,
  LivePlot: class {
    frame() {}
    resize() {}
    destroy() {}
  },
}));

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

let sockets: FakeSocket[];

beforeEach(() => {
  sockets = [];
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance", "Date"],
  });
  vi.stubGlobal(
    "WebSocket",
    class extends FakeSocket {
      constructor(url: string) {
        super(url);
        sockets.push(this);
      }
    },
  );
  vi.stubGlobal("matchMedia", () => ({
    matches: false,
    addEventListener: () => {},
    removeEventListener: () => {},
  }));
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe() {}
      disconnect() {}
    },
  );
  history.replaceState(null, "", "/?ws=ws://127.0.0.1:9000/ws");
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const pass = (ms: number) => act(() => vi.advanceTimersByTime(ms));
const text = (id: string) => screen.getByTestId(id).textContent;
const word = () => screen.getByTestId("state").dataset["state"];

function socket(): FakeSocket {
  const last = sockets.at(-1);
  if (last === undefined) {
    throw new Error("no socket was opened");
  }
  return last;
}

function show() {
  const page = render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
  pass(0);
  return page;
}

function says(...messages: unknown[]) {
  for (const message of messages) {
    socket().says(message);
  }
  pass(20);
}

function greet(more: Partial<typeof welcome> = {}) {
  socket().opens();
  says({ ...welcome, ...more });
}

describe("the page", () => {
  it("dials once though StrictMode mounts twice, and hangs up when it goes", () => {
    const page = show();
    expect(sockets).toHaveLength(1);
    page.unmount();
    expect(socket().closedWith).toBe(1000);
    pass(60_000);
    expect(sockets).toHaveLength(1);
  });

  it("shows the number, the session in part, and the counts", () => {
    show();
    expect([text("value"), text("session"), word()]).toEqual(["–", "–", "connecting"]);
    greet();
    says({ type: "tick", seq: 1, value: 7 }, { type: "tick", seq: 4, value: 3 });
    expect(text("value")).toBe("3");
    expect(screen.getByTestId("value").dataset["seq"]).toBe("4");
    expect([text("received"), text("lost"), text("reconnects")]).toEqual(["2", "2", "0"]);
    expect(text("session")).toBe("01234567");
    expect(word()).toBe("live");
    expect(document.title).toBe("3 · Ticker");
  });

  it("says what happens in an outage, and retries when told to", () => {
    show();
    greet();
    says({ type: "tick", seq: 1, value: 7 });
    socket().ends(1013);
    pass(20);
    expect(word()).toBe("waiting");
    expect(text("state")).toContain("overloaded");
    expect(text("state")).toMatch(/Waiting\d+ s/);
    fireEvent.click(screen.getByRole("button", { name: "Retry now" }));
    pass(20);
    expect(sockets).toHaveLength(2);
    greet({ resumed: true, next_seq: 2 });
    expect([word(), text("reconnects")]).toEqual(["live", "1"]);
    expect(screen.getByTestId("chart").dataset["outages"]).toBe("1");
    expect(screen.getByRole("button", { name: "Reconnect" })).toBeTruthy();
  });

  it("tells an outage in one line that lives, with its cause, and calls unknown what is", () => {
    show();
    greet();
    says({ type: "tick", seq: 1, value: 7 });
    expect(text("log")).toContain("Connected");
    socket().ends(1006);
    for (let second = 0; second < 300; second += 1) {
      pass(1_000);
      if (socket().isLive) {
        socket().ends();
      }
    }
    const lines = screen.getByTestId("log").querySelectorAll("li");
    expect(lines).toHaveLength(3);
    const line =
      /^Down 5 min, \d\d attempts, since [\d:]{8}: the connection broke off \(1006\); at last: refused or unreachable$/;
    expect(lines[0]?.querySelector(".words")?.textContent).toMatch(line);
    expect(text("state")).toContain("Down 5 min");
    const facts = screen.getByLabelText("Counts of this page").textContent;
    expect(facts).toContain("unknown until it is back");
    expect(facts).toContain("down for 5 min");
    expect(facts).toContain("unknown if it still lives");
    expect(facts).not.toMatch(/no outage yet|every number came|the same so far/);
    expect(screen.getByTestId("chart").getAttribute("aria-label")).toContain("maybe more");
  });

  it("draws the states, the current one and the way to it marked", () => {
    show();
    const drawn = () => {
      const diagram = screen.getByTestId("diagram");
      const nodes = [...diagram.querySelectorAll<SVGElement>("[data-current]")];
      const edges = diagram.querySelectorAll("[data-taken]").length;
      return [...nodes.map((node) => node.dataset["node"]), edges];
    };
    expect(drawn()).toEqual(["connecting", 0]);
    greet();
    expect(drawn()).toEqual(["live", 1]);
    socket().ends();
    pass(20);
    expect(drawn()).toEqual(["waiting", 1]);
  });

  it("shows a long address in part, and all of it to whoever asks", () => {
    const address = `ws://127.0.0.1:9000/ws?${"long".repeat(100)}`;
    history.replaceState(null, "", `/?ws=${encodeURIComponent(address)}`);
    show();
    const shown = screen.getByTitle(address);
    expect(shown.textContent).toBe(`${address.slice(0, 120)}…`);
  });

  it("counts an outage on between its events", () => {
    show();
    greet();
    says({ type: "tick", seq: 1, value: 7 });
    pass(1_500 + 1_500); // silent
    expect(word()).toBe("stale");
    const words = () => screen.getByTestId("log").querySelector("li .words")?.textContent;
    expect(words()).toMatch(/^Nothing heard for 3.0 s/);
    pass(1_000);
    expect(words()).toMatch(/^Nothing heard for 4.0 s/);
    expect(text("state")).toContain("Nothing heard for 4.0 s");
  });

  it("counts the wait down in sight, but not aloud", () => {
    show();
    socket().ends(1013);
    pass(20);
    const before = Number(/(\d+) s/.exec(text("state") ?? "")?.[1]);
    pass(2_000);
    const after = Number(/(\d+) s/.exec(text("state") ?? "")?.[1]);
    expect(before - after).toBe(2);
    const status = screen.getByRole("status");
    expect(status.querySelector("[aria-hidden=true]:last-child")?.textContent).toMatch(/\d+ s/);
  });

  it("pauses and resumes", () => {
    show();
    greet();
    fireEvent.click(screen.getByRole("button", { name: "Pause" }));
    pass(20);
    expect(socket().sent).toEqual(['{"type":"pause"}']);
    expect(screen.getByTestId("pause").getAttribute("aria-busy")).toBe("true");
    says({ type: "paused" });
    expect(word()).toBe("paused");
    fireEvent.click(screen.getByRole("button", { name: "Resume" }));
    says({ type: "resumed" });
    expect([word(), text("pause")]).toEqual(["live", "Pause"]);
  });

  it("says in words what the server has wrong, and what its own address has", () => {
    const page = show();
    greet();
    says("<b>not JSON</b>");
    expect(screen.getByRole("alert").textContent).toContain("not JSON: <b>not JSON</b>");
    expect(screen.getByTestId("log").textContent).toContain("not JSON");
    page.unmount();
    history.replaceState(null, "", "/?ws=http://127.0.0.1/");
    show();
    pass(20);
    expect(sockets).toHaveLength(1);
    expect(word()).toBe("gave-up");
    expect(text("problem")).toContain("must begin with ws://");
  });

  it("hangs up when it is put aside for the back button, and goes on when it is back", () => {
    show();
    greet();
    says({ type: "tick", seq: 1, value: 7 });
    fireEvent(window, new Event("pagehide"));
    pass(20);
    expect([word(), socket().closedWith]).toEqual(["stopped", 1000]);
    fireEvent(window, new PageTransitionEvent("pageshow", { persisted: false }));
    pass(20);
    expect(sockets).toHaveLength(1);
    fireEvent(window, new PageTransitionEvent("pageshow", { persisted: true }));
    pass(20);
    expect(sockets).toHaveLength(2);
    expect(socket().url.searchParams.get("last_seq")).toBe("1");
  });

  it("notes on- and offline, and comes back sooner", () => {
    show();
    socket().ends(1013);
    fireEvent(window, new Event("offline"));
    fireEvent(window, new Event("online"));
    pass(20);
    expect(text("log")).toContain("online again");
    pass(500);
    expect(sockets).toHaveLength(2);
  });

  it.each(["live", "waiting", "a problem"])("has nothing that axe finds when %s", async (when) => {
    const page = show();
    greet();
    says({ type: "tick", seq: 1, value: 7 });
    if (when === "waiting") {
      socket().ends(1013);
    } else if (when === "a problem") {
      says("nonsense");
    }
    pass(20);
    vi.useRealTimers();
    // Contrast needs pixels; the browser tests have them.
    const found = await axe.run(page.container, {
      rules: { "color-contrast": { enabled: false } },
    });
    expect(found.violations.map((it) => `${it.id}: ${it.nodes[0]?.html}`)).toEqual([]);
  });
});
