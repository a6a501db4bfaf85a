// Measures what goes over the wire of dist/, compressed as the server sends it, and fails above the
// budget.

import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const BUDGET_KIB = 120;
const dist = join(import.meta.dirname, "..", "dist");

function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".gz"))
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
  statSync(existsSync(`${file}.gz`) ? `${file}.gz` : file).size,
]);
const total = sizes.reduce((sum, [, size]) => sum + size, 0) / 1024;
for (const [name, size] of sizes) {
  console.log(`${(size / 1024).toFixed(1).padStart(7)} KiB  ${name}`);
}
console.log(`${total.toFixed(1).padStart(7)} KiB  on the wire, of ${BUDGET_KIB} KiB`);
if (total > BUDGET_KIB) {
  console.error(`the bundle is ${(total - BUDGET_KIB).toFixed(1)} KiB above its budget`);
  process.exit(1);
}
