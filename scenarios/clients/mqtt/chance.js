// Math.random from the run's seed and the client's name: a run can be repeated,
// and no two clients choose the same. Imported before the library, which draws its
// shortest delay once, when it is loaded.
import { createHash } from "node:crypto";

const { CHAOS_SEED = "1", CHAOS_CLIENT = "c1" } = process.env;
let drawn = 0;

Math.random = () => {
  const hash = createHash("sha256").update(`${CHAOS_SEED} ${CHAOS_CLIENT} ${drawn++}`).digest();
  return hash.readUInt32BE() / 2 ** 32;
};
