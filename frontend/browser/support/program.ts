// A program of ours as a child process, which ends with its test whatever happens.
//
// Invariant: the program does not outlive this process. Between the two is a shell that reads a
// pipe: when the pipe ends, because the test is done or because this process was killed, the shell
// ends the program by its id.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { basename, resolve } from "node:path";
import { createInterface } from "node:readline";
import { inject } from "vitest";

const GUARD = `
"$@" < /dev/null & child=$!
exec > /dev/null
read -r _
kill "$child" 2> /dev/null
wait "$child"`;

/** How long a program may take to say where it listens, and how long to end. */
const PATIENCE_MS = 15_000;

export type Started = {
  readonly program: Program;
  readonly address: string;
};

export class Program {
  readonly #name: string;
  readonly #guard: ChildProcess;
  /** What it said before it announced its address. */
  readonly said: string[] = [];
  #stderr = "";

  private constructor(name: string, guard: ChildProcess) {
    this.#name = name;
    this.#guard = guard;
    guard.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
  }

  /** Starts it, and gives the address that it announces: what `announced` finds in its output. */
  static async start(path: string, args: readonly string[], announced: RegExp): Promise<Started> {
    // Its own group, so that as a last resort all of it can be killed.
    const guard = spawn("/bin/sh", ["-c", GUARD, "guard", path, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
      env: { ...process.env, CHAOS_SEED: undefined, NO_COLOR: "1" },
    });
    const program = new Program(basename(path), guard);
    const address = await program.#announcement(announced).catch(async (error: unknown) => {
      await program.stop().catch(() => undefined);
      throw error;
    });
    return { program, address };
  }

  async #announcement(announced: RegExp): Promise<string> {
    const lines = createInterface({ input: this.#guard.stdout ?? missing("stdout") });
    const late = setTimeout(() => lines.close(), PATIENCE_MS);
    try {
      for await (const line of lines) {
        const address = announced.exec(line)?.[1];
        if (address !== undefined) {
          return address;
        }
        this.said.push(line);
      }
    } finally {
      clearTimeout(late);
      this.#guard.stdout?.resume();
    }
    throw new Error(`${this.#name} did not say where it listens: ${this.#stderr}`);
  }

  /** Ends it as Ctrl-C would, and takes nothing but a clean end, or what else is `allowed`. */
  async stop(allowed: readonly number[] = []): Promise<void> {
    if (this.#guard.exitCode === null && this.#guard.signalCode === null) {
      const ended = once(this.#guard, "exit", { signal: AbortSignal.timeout(PATIENCE_MS) });
      this.#guard.stdin?.end();
      await ended.catch(() => this.#kill());
    }
    const code = this.#guard.exitCode;
    const isClean = code === 0 || (code !== null && allowed.includes(code));
    if (!isClean || this.#stderr.includes("panicked")) {
      throw new Error(`${this.#name} ended with ${code}: ${this.#stderr}`);
    }
  }

  #kill(): void {
    if (this.#guard.pid !== undefined) {
      process.kill(-this.#guard.pid, "SIGKILL");
    }
  }
}

function ours(name: string): string {
  return resolve(inject("found").programs, name);
}

function missing(what: string): never {
  throw new Error(`a child without ${what}`);
}

/** The ticker server, on a free port or on the one given. */
export function startServer(args: readonly string[], listen = "127.0.0.1:0"): Promise<Started> {
  const all = ["--listen", listen, ...args];
  return Program.start(ours("ticker-server"), all, /http:\/\/(127\.0\.0\.1:\d+)\//);
}

/** The proxy before `upstream`, on a free port or on the one given. */
export function startProxy(
  upstream: string,
  args: readonly string[],
  listen = "127.0.0.1:0",
): Promise<Started> {
  const all = ["--listen", listen, "--api", "127.0.0.1:0", "--upstream", upstream, ...args];
  return Program.start(ours("chaos-proxy"), all, /^listening on (127\.0\.0\.1:\d+),/);
}
