/** New ids of the edge: UUIDv7, with randomness drawn in bulk, since a draw of its own for each was a twentieth of a postback. */
import { randomFillSync } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';

const RANDOM_BYTES = 16;
const pool = new Uint8Array(4_096);
let used = pool.length;

/** @param msecs the time the id carries, epoch ms. */
export function newId(msecs: number): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + RANDOM_BYTES);
  used += RANDOM_BYTES;
  return uuidv7({ msecs, random });
}
