// Measures what a browser loads of dist/, gzipped, and fails above the budget.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET_KIB = 120;
const dist = join(import.meta.dirname, "..", "dist");

function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

let found;
try {
  found = files(dist);
} catch {
  console.error(`nothing is built in ${dist}: npm run build first`);
  process.exit(1);
}
const sizes = found.map((file) => [
  file.slice(dist.length + 1),
  gzipSync(readFileSync(file)).length,
]);
const total = sizes.reduce((sum, [, size]) => sum + size, 0) / 1024;
for (const [name, size] of sizes) {
  console.log(`${(size / 1024).toFixed(1).padStart(7)} KiB  ${name}`);
}
console.log(`${total.toFixed(1).padStart(7)} KiB  gzipped, of ${BUDGET_KIB} KiB`);
if (total > BUDGET_KIB) {
  console.error(`the bundle is ${(total - BUDGET_KIB).toFixed(1)} KiB above its budget`);
  process.exit(1);
}
