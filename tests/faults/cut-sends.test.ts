/** Sends that arrive in part, as they do on several brokers: whatever part stands in the log, the successor comes to the ledger of the decision core. */
import { expect, it } from 'vitest';
import { cutSends } from './attribution/cut-sends.ts';

it('decides to the end what an owner left in part', async () => {
  const { cuts, ledger } = await cutSends({ seed: 1, durationMs: 6_000, storiesPerSecond: 50 });
  console.log(`${cuts} sends cut, difference ${ledger.difference}`);
  expect(cuts).toBeGreaterThan(5);
  expect(ledger.difference, ledger.examples.join('\n')).toBe(0);
});
