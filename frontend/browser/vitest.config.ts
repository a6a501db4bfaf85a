import { defineConfig } from "vitest/config";

/** The tests in a real browser: of what is built, not of what is being written. */
// biome-ignore lint/style/noDefaultExport: Vitest reads the default export
export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: ["*.test.ts"],
    environment: "node",
    globalSetup: ["support/setup.ts"],
    // The names of what is skipped are to be seen, not their number alone.
    reporters: ["verbose"],
    // Each file has a browser of its own.
    maxWorkers: 2,
    testTimeout: 90_000,
    hookTimeout: 30_000,
  },
});
