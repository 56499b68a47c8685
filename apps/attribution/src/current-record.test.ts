/** A conversion as it stands: the latest revision, keyed by its id, without what only attribution reads. */
import { decodeEvent } from '@tributary/contracts';
import { aDecision } from '@tributary/testing';
import { expect, it } from 'vitest';
import { currentRecord, currentRecords } from './current-record.ts';

const OTHER_ID = 'c0ffee00-0000-8000-8000-000000000002';

function decoded({ value }: { readonly value: Buffer }) {
  const event = decodeEvent('conversion.current.v1', value);
  if (!event.ok) throw new Error('not a conversion');
  return event.value;
}

it('is the decided record in all but the ledger', () => {
  const decided = aDecision({ revision: 3, state: 'reversed', reversedRevenueMicros: 49_900_000n });
  const firstTold = '019b7c40-0000-7000-8000-000000000009';
  const { ledger, ...rest } = currentRecord({
    ...decided,
    ledger: { ...decided.ledger, firstCurrency: 'USD', furtherReceiptIds: [firstTold] },
  });
  const { ledger: _, ...expected } = decided;
  expect(rest).toEqual(expected);
  expect(ledger).toMatchObject({
    firstCurrency: null,
    furtherReceiptIds: [],
    contributions: [],
    updates: [],
  });
});

it('goes out once for each conversion, as the last of the revisions', () => {
  const records = currentRecords([
    aDecision({ revision: 1, state: 'held' }),
    aDecision({ conversionId: OTHER_ID }),
    aDecision({ revision: 2, state: 'payable' }),
  ]);
  expect(records.map(({ topic, key }) => [topic, key])).toEqual([
    ['conversion.current.v1', aDecision().conversionId],
    ['conversion.current.v1', OTHER_ID],
  ]);
  expect(records.map(decoded)).toMatchObject([
    { revision: 2, state: 'payable' },
    { conversionId: OTHER_ID, revision: 1 },
  ]);
});

it('of nothing is nothing', () => {
  expect(currentRecords([])).toEqual([]);
});
