// A Chromium of its own for one client: found, started in a profile that nobody else has, and ended.
//
// Invariant: the profile is removed when this program is gone, however it ended: a shell that
// outlives it only waits for that. The browser stays in this program's process group.

import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { DevTools } from "./devtools.mjs";

const FLAGS = [
  "--remote-debugging-pipe",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-breakpad",
  "--disable-crash-reporter",
  "--disable-extensions",
  "--mute-audio",
  // One machine for all of them: their pages are small.
  "--renderer-process-limit=2",
];

/** Where the setup wrote down what it found. */
const FOUND = join(import.meta.dirname, "browser.txt");

/** Finds a browser, or has one installed where that is possible, and keeps its path. */
export function setUp() {
  const script = join(import.meta.dirname, "chromium.sh");
  const { stdout } = spawnSync("sh", [script, "--install"], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  const path = (stdout ?? "").trim();
  if (path === "") {
    throw new Error(
      "no Chromium or Chrome was found that starts; install one, or set CHROMIUM=/path/to/it",
    );
  }
  writeFileSync(FOUND, path);
}

function found() {
  if (process.env.CHROMIUM) {
    return process.env.CHROMIUM;
  }
  try {
    const path = readFileSync(FOUND, "utf8");
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    // It has been removed since, or nobody has set this up.
  }
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const folders = (process.env.PATH ?? "").split(delimiter);
  for (const path of names.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not there.
    }
  }
  throw new Error("no Chromium or Chrome was found; install one, or set CHROMIUM=/path/to/it");
}

/** No connection on suspicion: each would be taken for an attempt of the page's. */
const PREFERENCES = { net: { network_prediction_options: 2 } };

/** Removes the profile once nobody holds its stdin any more, which is when this program has ended. */
const JANITOR = `cat >/dev/null; for pause in 0 0.2 0.5 1 2; do
  sleep $pause; rm -rf -- "$1" && [ ! -e "$1" ] && exit
done 2>/dev/null`;

function profile() {
  // Short, for Chromium has a socket in it, whose path has a bound.
  const own = process.hrtime.bigint().toString(36);
  const folder = join(tmpdir(), `chaos-browser-${process.pid}-${own}`);
  // First whoever removes it, so that there is no moment without it.
  const how = { detached: true, stdio: ["pipe", "ignore", "ignore"] };
  spawn("sh", ["-c", JANITOR, "sh", folder], how).unref();
  mkdirSync(join(folder, "Default"), { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, "Default", "Preferences"), JSON.stringify(PREFERENCES));
  return folder;
}

/** Starts one, with these flags besides. */
export function launch(flags) {
  // Somebody wants to see it.
  const shown = process.env.CHAOS_WINDOW ? [] : ["--headless"];
  // Its sandbox refuses to work for root.
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const folder = profile();
  const args = [...FLAGS, ...shown, ...sandbox, ...flags, `--user-data-dir=${folder}`, "about:blank"];
  // What it puts beside its profile is to go with it.
  const env = { ...process.env, TMPDIR: folder };
  const stdio = ["ignore", "ignore", "pipe", "pipe", "pipe"];
  const child = spawn(found(), args, { stdio, env });
  return new Chromium(child);
}

class Chromium {
  #child;
  #said = "";
  devtools;
  /** How it ended; a promise. */
  ended;

  constructor(child) {
    this.#child = child;
    this.devtools = new DevTools(child.stdio[3], child.stdio[4]);
    child.stderr.on("data", (chunk) => {
      this.#said = (this.#said + chunk).slice(-2000);
    });
    this.ended = new Promise((resolve) => {
      child.on("error", (error) => resolve(`it did not start: ${error.message}`));
      child.on("exit", (code, signal) => resolve(code === null ? `signal ${signal}` : `exit ${code}`));
    });
  }

  /** The end of what it said, on one line. */
  get said() {
    return this.#said.trim().split("\n").slice(-2).join(" ⏎ ");
  }

  /** Stops or continues all its processes, as a machine does that falls asleep and wakes up. */
  async signal(name) {
    this.pids ??= (await this.devtools.send("SystemInfo.getProcessInfo")).processInfo.map(
      ({ id }) => id,
    );
    for (const pid of this.pids) {
      try {
        process.kill(pid, name);
      } catch {
        // It has ended since.
      }
    }
    if (name === "SIGCONT") {
      this.pids = undefined;
    }
  }

  /** Ends it, within `patience` ms in good order. */
  async close(patience) {
    const late = setTimeout(() => this.#child.kill("SIGKILL"), patience);
    await this.signal("SIGCONT").catch(() => {});
    this.devtools.send("Browser.close").catch(() => {});
    await this.ended;
    clearTimeout(late);
  }
}
