/** The registry outage in short: a few seconds of each fault, a few hundred events a second. */
import { expect, it } from 'vitest';
import { registryOutage } from './scenarios/registry-outage.ts';

it('loses no accepted event and ends with nothing undecoded', async () => {
  const { lines, difference } = await registryOutage({
    phaseMs: 4_000,
    eventsPerSecond: 200,
    log: console.log,
  });
  console.log(lines.join('\n'));
  expect(difference).toBe(0);
});
