/** A batch refused as a whole: the named are refused, the rest goes again, and one alone is always the one to blame. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refuseBatch } from './batch-refusal.ts';

const bad = { outcome: 'refused', reason: 'event_invalid', scope: 'event', detail: 'words' };
const again = { outcome: 'retry', reason: 'batch_refused', detail: 'words', splitBatch: true };

describe('refuseBatch', () => {
  it.each<[number, number[], unknown[]]>([
    [1, [], [bad]],
    [1, [7], [bad]],
    [3, [], [again, again, again]],
    [3, [1], [again, bad, again]],
    [3, [0, 2, 2], [bad, again, bad]],
    [2, [0, 1], [bad, bad]],
    [2, [5], [again, again]],
  ])('of %i, %j named', (deliveryCount, named, outcomes) => {
    expect(refuseBatch({ deliveryCount, named, reason: 'event_invalid', detail: 'words' })).toEqual(outcomes);
  });

  it('judges every event, and refuses none of several but those named', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 50 }),
        fc.array(fc.integer({ min: 0, max: 60 })),
        (count, named) => {
          const outcomes = refuseBatch({ deliveryCount: count, named, reason: 'event_invalid' });
          expect(outcomes).toHaveLength(count);
          outcomes.forEach(({ outcome }, place) => {
            expect(outcome).toBe(named.includes(place) ? 'refused' : 'retry');
          });
        },
      ),
    );
  });
});
