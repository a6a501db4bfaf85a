// A Vite plugin: beside every file of the build its gzip, so that a server can send it as it is.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

/** Smaller files gain nothing that would be noticed. */
const LEAST_BYTES = 512;

export function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    writeBundle({ dir }) {
      for (const entry of readdirSync(dir ?? ".", { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        if (!entry.isFile() || path.endsWith(".gz")) {
          continue;
        }
        const bytes = readFileSync(path);
        if (bytes.length >= LEAST_BYTES) {
          writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
        }
      }
    },
  };
}
