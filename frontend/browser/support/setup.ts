// Once before all tests: what they need is found, or it is said what is missing.
//
// Without a browser the tests are skipped, each by its name. Without the programs they fail: those
// can always be built.

import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { TestProject } from "vitest/node";

export type Found = {
  /** The browser's path; `null` where there is none. */
  readonly chromium: string | null;
  /** Where the programs are. */
  readonly programs: string;
  /** Where screenshots go. */
  readonly artifacts: string;
  /** The frontend's own folder. */
  readonly frontend: string;
};

declare module "vitest" {
  export interface ProvidedContext {
    found: Found;
  }
}

const frontend = resolve(import.meta.dirname, "../..");
const target = resolve(frontend, "..", process.env.CARGO_TARGET_DIR ?? "target");

export function setup(project: TestProject): void {
  const script = resolve(frontend, "browser/chromium.sh");
  const stdio = ["ignore", "pipe", "inherit"] as const;
  const chromium = execFileSync(script, { stdio: [...stdio], encoding: "utf8" }).trim() || null;
  const programs = resolve(target, "debug");
  const artifacts = resolve(target, "browser");
  if (chromium !== null) {
    requireBuilt(programs);
  }
  mkdirSync(artifacts, { recursive: true });
  project.provide("found", { chromium, programs, artifacts, frontend });
}

function requireBuilt(programs: string): void {
  for (const name of ["ticker-server", "chaos-proxy"]) {
    try {
      accessSync(resolve(programs, name), constants.X_OK);
    } catch {
      throw new Error(`${programs} has no ${name}: cargo build --workspace`);
    }
  }
  if (!existsSync(resolve(frontend, "dist/index.html"))) {
    throw new Error("the page is not built: npm run build, and then the server again");
  }
}
