import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ask,
  hear,
  isPending,
  isWanted,
  lose,
  owed,
  type Pause,
  UNASKED,
  welcome,
  wish,
} from "./pause.ts";

type Said =
  | { readonly type: "welcome"; readonly paused: boolean; readonly isSame: boolean }
  | { readonly type: "changed"; readonly paused: boolean };

/** A connection as both ends have it: what is on its way, and whether the server still has it. */
interface Wire {
  readonly up: boolean[];
  readonly down: Said[];
}

/** A server as ours: a change is said to all its connections, an answer to the one that asked. */
class World {
  pause: Pause = UNASKED;
  sent = 0;
  isPaused = false;
  lastPress: boolean | null = null;
  readonly wires: Wire[] = [];
  #current: Wire | null = null;
  #isWelcomed = false;
  #isSame = true;

  press(paused: boolean): void {
    this.lastPress = paused;
    this.pause = wish(this.pause, paused);
    this.#settle();
  }

  connect(): void {
    this.lose();
    this.#current = { up: [], down: [] };
    this.#current.down.push({ type: "welcome", paused: this.isPaused, isSame: this.#isSame });
    this.wires.push(this.#current);
    this.#isSame = true;
  }

  /** The page gives the connection up; what is on its way may yet arrive. */
  lose(): void {
    this.pause = lose(this.pause);
    this.#current = null;
    this.#isWelcomed = false;
  }

  /** A connection is cut for both ends, and what was on its way is lost. */
  cut(index: number): void {
    const wire = this.#wire(index);
    this.wires.splice(0, this.wires.length, ...this.wires.filter((one) => one !== wire));
    if (wire === this.#current) {
      this.lose();
    }
  }

  /** The server starts anew and knows nothing of what was. */
  restart(): void {
    this.wires.splice(0);
    this.lose();
    this.isPaused = false;
    this.#isSame = false;
  }

  somebodyElse(paused: boolean): void {
    this.#change(paused);
  }

  arriveUp(index: number): void {
    const wire = this.#wire(index);
    const paused = wire?.up.shift();
    if (wire === undefined || paused === undefined) {
      return;
    }
    if (!this.#change(paused)) {
      wire.down.push({ type: "changed", paused });
    }
  }

  arriveDown(): void {
    const said = this.#current?.down.shift();
    if (said === undefined) {
      return;
    }
    if (said.type === "welcome") {
      this.#isWelcomed = true;
      this.pause = welcome(this.pause, said.paused, said.isSame);
    } else {
      [this.pause] = hear(this.pause, said.paused);
    }
    this.#settle();
  }

  /** Everything heals, in the order that `picks` draw, until nothing is on its way. */
  heal(picks: readonly number[]): void {
    if (this.#current === null) {
      this.connect();
    }
    for (let step = 0; step < 1_000; step += 1) {
      const busy = this.wires.flatMap((wire, index) => (wire.up.length > 0 ? [index] : []));
      const pick = picks[step % Math.max(1, picks.length)] ?? 0;
      const isDown = (this.#current?.down.length ?? 0) > 0;
      if (busy.length === 0 && !isDown) {
        return;
      }
      if (isDown && (busy.length === 0 || pick % 3 === 0)) {
        this.arriveDown();
      } else {
        this.arriveUp(busy[pick % busy.length] ?? 0);
      }
    }
    throw new Error("it never ends");
  }

  #wire(index: number): Wire | undefined {
    return this.wires[index % Math.max(1, this.wires.length)];
  }

  #change(paused: boolean): boolean {
    const isChange = this.isPaused !== paused;
    this.isPaused = paused;
    for (const wire of isChange ? this.wires : []) {
      wire.down.push({ type: "changed", paused });
    }
    return isChange;
  }

  #settle(): void {
    const command = this.#isWelcomed ? owed(this.pause) : null;
    if (command !== null) {
      this.pause = ask(this.pause, command);
      this.#current?.up.push(command);
      this.sent += 1;
    }
  }
}

type Step =
  | { readonly do: "press" | "somebody"; readonly paused: boolean }
  | { readonly do: "up" | "cut"; readonly index: number }
  | { readonly do: "down" | "lose" | "connect" | "restart" };

function take(world: World, step: Step): void {
  switch (step.do) {
    case "press":
      return world.press(step.paused);
    case "somebody":
      return world.somebodyElse(step.paused);
    case "up":
      return world.arriveUp(step.index);
    case "cut":
      return world.cut(step.index);
    case "down":
      return world.arriveDown();
    case "lose":
      return world.lose();
    case "connect":
      return world.connect();
    case "restart":
      return world.restart();
  }
}

const index = fc.nat({ max: 5 });
const paused = fc.boolean();
const press = fc.record({ do: fc.constant("press" as const), paused });
const wire = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("up" as const), index }) },
  { weight: 4, arbitrary: fc.constant({ do: "down" as const }) },
  { weight: 2, arbitrary: fc.constant({ do: "connect" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "lose" as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const), index }) },
  { weight: 1, arbitrary: fc.constant({ do: "restart" as const }) },
);
const somebody = fc.record({ do: fc.constant("somebody" as const), paused });
const picks = fc.array(fc.nat({ max: 100 }), { minLength: 1, maxLength: 30 });
const count = (steps: readonly Step[], what: Step["do"]) =>
  steps.filter((step) => step.do === what).length;

describe("whatever is pressed, lost, restarted and heals late", () => {
  const steps = fc.array(
    fc.oneof({ weight: 2, arbitrary: press }, { weight: 5, arbitrary: wire }),
    {
      maxLength: 60,
    },
  );

  it("the last wish wins, and both ends agree", () => {
    fc.assert(
      fc.property(steps, picks, (steps, picks) => {
        const world = new World();
        for (const step of steps) {
          take(world, step);
        }
        world.heal(picks);
        if (world.lastPress !== null) {
          expect(world.isPaused).toBe(world.lastPress);
        }
        expect(world.pause.holds).toBe(world.isPaused);
        expect(isWanted(world.pause)).toBe(world.isPaused);
        expect(isPending(world.pause)).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });

  it("nothing is said but what is wished, and not again and again", () => {
    fc.assert(
      fc.property(steps, picks, (steps, picks) => {
        const world = new World();
        for (const step of steps) {
          take(world, step);
        }
        world.heal(picks);
        const welcomes = count(steps, "connect") + 1;
        expect(world.sent).toBeLessThanOrEqual((count(steps, "press") + welcomes) * 2);
        expect(world.lastPress === null && world.sent > 0).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });
});

it("somebody else on the session is not fought: it ends, and both ends agree", () => {
  const steps = fc.array(fc.oneof(press, somebody, { weight: 5, arbitrary: wire }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, picks, (steps, picks) => {
      const world = new World();
      for (const step of steps) {
        take(world, step);
      }
      world.heal(picks);
      expect(world.pause.holds).toBe(world.isPaused);
      expect(isPending(world.pause)).toBe(false);
    }),
    { numRuns: 2_000 },
  );
});

describe("who it was", () => {
  const asked = (...commands: boolean[]) =>
    commands.reduce((pause, paused) => ask(wish(pause, paused), paused), UNASKED);

  it("is us, where it answers what was asked here", () => {
    const [pause, by] = hear(asked(true), true);
    expect([by, pause.wanted, pause.asked]).toEqual(["us", true, []]);
  });

  it("is our past, once for each command that went down with its connection", () => {
    const lost = wish(lose(asked(true)), false);
    const [once, first] = hear(lost, true);
    expect([first, once.wanted, owed(once)]).toEqual(["our past", false, false]);
    const [, again] = hear(hear(once, false)[0], true);
    expect(again).toBe("somebody else");
  });

  it("is somebody else, where nothing explains it; that holds", () => {
    const [pause, by] = hear(wish(UNASKED, false), true);
    expect([by, pause.wanted, owed(pause)]).toEqual(["somebody else", true, null]);
  });

  it("is somebody else, but not the last word, where an answer is to come", () => {
    const [pause, by] = hear(asked(true), false);
    expect([by, pause.wanted, pause.asked]).toEqual(["somebody else", true, [true]]);
  });

  it("cannot be the past of another session", () => {
    const pause = welcome(lose(asked(true)), false, false);
    expect(hear(welcome(lose(asked(true)), false, true), true)[1]).toBe("our past");
    expect(hear(pause, true)[1]).toBe("somebody else");
  });
});

describe("what is owed", () => {
  it("is nothing before the person wanted anything", () => {
    expect(owed(welcome(UNASKED, true, true))).toBeNull();
  });

  it("is judged by what was asked last, not by what holds yet", () => {
    const pressed = ask(wish(UNASKED, true), true);
    expect(owed(pressed)).toBeNull();
    expect(owed(wish(pressed, false))).toBe(false);
  });
});
