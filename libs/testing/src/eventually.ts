/** Waits for something that becomes true on its own. */
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 25;

/** The first value of `read` that satisfies `isDone`. @throws Error with the last value after `boundMs`. */
export async function eventually<T>(
  read: () => Promise<T> | T,
  isDone: (value: T) => boolean,
  boundMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + boundMs;
  for (;;) {
    const value = await read();
    if (isDone(value)) return value;
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(value)} after ${boundMs} ms`);
    await delay(POLL_MS);
  }
}
