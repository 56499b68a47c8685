/** The fault scenarios of ingestion, cut short: the broker away under load, and SIGKILL with requests in flight. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { IngestionBed } from './ingestion-bed.ts';
import { ingestionKills } from './scenarios/ingestion-kills.ts';
import { spoolOutage } from './scenarios/spool-outage.ts';
import type { ScenarioResult } from './totals.ts';

/** The bound of 250 ms is for a machine that runs nothing else: `npm run faults -- ingestion`. */
const P99_BOUND_MS = 1_500;

let bed: IngestionBed;

beforeAll(async () => {
  bed = await IngestionBed.start({ log: console.log });
});

afterAll(async () => {
  await bed?.stop();
});

function expectBalanced({ lines, difference }: ScenarioResult): void {
  console.log(lines.join('\n'));
  expect(difference, lines.join('\n')).toBe(0);
}

it('loses nothing, and answers everybody, while the broker is away', async () => {
  const pace = { postbacksPerSecond: 200, redirectsPerSecond: 20 };
  expectBalanced(await spoolOutage(bed, { ...pace, outageMs: 8_000, p99BoundMs: P99_BOUND_MS }));
});

it('loses nothing that was acknowledged when it is killed with requests in flight', async () => {
  expectBalanced(
    await ingestionKills(bed, { kills: 5, seed: 1, postbacksPerSecond: 100, redirectsPerSecond: 10 }),
  );
});
