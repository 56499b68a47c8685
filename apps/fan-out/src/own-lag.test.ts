/** The lag of this process: none at rest, and as long as the work that keeps it. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { OwnLag } from './own-lag.ts';

const lag = new OwnLag();

afterEach(() => lag.stop());

function work(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

it('rises while turns are long, and falls when they are short again', async () => {
  lag.start();
  for (let turn = 0; turn < 30; turn += 1) {
    work(60);
    await delay(0);
  }
  const busyMs = lag.ms;
  expect(busyMs).toBeGreaterThan(15);
  await expect.poll(() => lag.ms, { timeout: 20_000 }).toBeLessThan(busyMs / 2);
});
