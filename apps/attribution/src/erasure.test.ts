/** Orders to forget a person: all its conversions leave the topic of the latest, for good, and go on counting. */
import { DependencyFailure } from '@tributary/runtime';
import { aCommand, aPostback } from '@tributary/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AttributionBed, NOW } from './attribution-bed.fixture.ts';

const OURS = { customerExternal: 'c1', emailPlain: 'e1' };
const sale = aPostback({
  receiptId: '019b7d00-0000-7000-8000-000000000101',
  transactionId: 'order-1',
  receivedAt: NOW,
  subjectHashes: { customerExternal: 'c1' },
});
const renewal = {
  ...sale,
  receiptId: '019b7d00-0000-7000-8000-000000000102',
  transactionId: 'order-2',
  subjectHashes: { emailPlain: 'e1' },
};
const somebodyElses = {
  ...sale,
  receiptId: '019b7d00-0000-7000-8000-000000000103',
  transactionId: 'order-3',
  subjectHashes: { customerExternal: 'c2' },
};
const order = aCommand({
  command: 'erase',
  conversionId: null,
  expectedRevision: null,
  model: null,
  subjectHashes: OURS,
  reasonCode: 'asked_to_be_forgotten',
});

let bed: AttributionBed;

beforeEach(async () => {
  bed = new AttributionBed();
  await bed.start();
  await bed.decide(sale, renewal, somebodyElses);
});

afterEach(() => bed.stop());

/** By order id, what the topic of the latest holds of it: nothing, or the revision. */
function held(): Readonly<Record<string, number | null>> {
  const { compacted, decided } = bed.log;
  return Object.fromEntries(
    decided.map(({ conversionId, transactionId }) => [
      transactionId,
      compacted.get(conversionId)?.revision ?? null,
    ]),
  );
}

function revisions(): Readonly<Record<string, number>> {
  return Object.fromEntries(bed.log.decided.map(({ transactionId, revision }) => [transactionId, revision]));
}

describe('an erasure', () => {
  it('takes every conversion of the person out of the topic of the latest, and nobody else', async () => {
    await bed.execute([order]);
    expect(held()).toEqual({ 'order-1': null, 'order-2': null, 'order-3': 1 });
    expect(revisions()).toEqual({ 'order-1': 2, 'order-2': 2, 'order-3': 1 });
    const erased = bed.log.decided.filter(({ orders }) => orders.erasedFor !== null);
    expect(erased.map(({ reasonCodes }) => reasonCodes.at(-1))).toEqual([
      'ordered:asked_to_be_forgotten',
      'ordered:asked_to_be_forgotten',
    ]);
  });

  it('changes nothing of what counts', async () => {
    await bed.execute([order]);
    const [before, after] = bed.log.decided.filter(({ transactionId }) => transactionId === 'order-1');
    expect(after).toMatchObject({
      revenueMicros: before?.revenueMicros,
      state: before?.state,
      match: before?.match,
      customerId: before?.customerId,
    });
  });

  it('holds for whatever becomes of them later', async () => {
    await bed.execute([order]);
    const refund = {
      ...sale,
      receiptId: '019b7d00-0000-7000-8000-000000000104',
      eventType: 'refund',
      transactionId: 'refund-1',
      originalTransactionId: 'order-1',
    };
    await bed.decideBy(bed.attribution, [refund], { offset: 3 });
    expect(revisions()).toMatchObject({ 'order-1': 3 });
    expect(held()).toMatchObject({ 'order-1': null });
  });

  it('keeps what was ordered before, and its reasons', async () => {
    const [{ conversionId = '' } = {}] = bed.log.decided;
    const rejection = aCommand({
      command: 'reject',
      model: null,
      conversionId,
      expectedRevision: null,
      reasonCode: 'fraud',
    });
    await bed.execute([rejection, order]);
    const last = bed.log.decided.findLast((decided) => decided.conversionId === conversionId);
    expect(last?.orders).toMatchObject({
      ruling: 'rejected',
      erasedFor: 'ordered:asked_to_be_forgotten',
      reasonCodes: ['ordered:fraud'],
    });
    expect(last?.reasonCodes.slice(-2)).toEqual(['ordered:fraud', 'ordered:asked_to_be_forgotten']);
  });

  it('is executed to the end when its send arrived and nobody was told; given again it changes nothing', async () => {
    bed.log.failure = 'after';
    await expect(bed.execute([order])).rejects.toBeInstanceOf(DependencyFailure);
    bed.log.failure = 'none';
    for (let given = 0; given < 2; given++) {
      const again = bed.execute([order]);
      await bed.pass(500);
      bed.log.show();
      await bed.pass(500);
      await again;
    }
    expect(held()).toEqual({ 'order-1': null, 'order-2': null, 'order-3': 1 });
    expect(revisions()).toEqual({ 'order-1': 2, 'order-2': 2, 'order-3': 1 });
  });

  it.each([
    ['that names nobody', { subjectHashes: {} }],
    ['that names a form which many share', { subjectHashes: { firstName: 'f1' } }],
    ['about one conversion', { conversionId: 'c0ffee00-0000-8000-8000-000000000001' }],
  ])('%s is set aside', async (_name, changes) => {
    await bed.execute([{ ...order, ...changes }]);
    expect(bed.log.deadLetters.map(({ reasonCode }) => reasonCode)).toEqual(['order_malformed']);
    expect(held()).toEqual({ 'order-1': 1, 'order-2': 1, 'order-3': 1 });
  });

  it.each([
    ['another advertiser', { advertiserId: 'umbrella' }],
    ['tests', { isTest: true }],
  ])('of %s touches none of these', async (_name, changes) => {
    await bed.execute([{ ...order, ...changes }]);
    expect(held()).toEqual({ 'order-1': 1, 'order-2': 1, 'order-3': 1 });
  });
});
