/** Contributions as names: which receipt gave which detail is told again from the fields of the record. */
import type { attribution } from '@tributary/domain';
import { aDecision } from '@tributary/testing';
import { expect, it } from 'vitest';
import { contributionIn, namesIn } from './contribution-names.ts';

const RECORD = aDecision({
  productId: 'sku-9',
  quantity: 0,
  country: 'DE',
  subIds: { sub1: 'a', sub2: 'b' },
  extras: { store: 'berlin' },
  subjectHashes: { emailPlain: 'of the report', phoneDigits: 'of the click alone' },
});

const NOTHING: attribution.ReportDetails = {
  predictedLtvMicros: null,
  productId: null,
  planId: null,
  couponCode: null,
  quantity: null,
  ipCiphertext: null,
  userAgent: null,
  country: null,
  subIds: {},
  extras: {},
  subjectHashes: {},
};

const NETWORK: attribution.Contribution = {
  occurredAt: 1,
  receiptId: RECORD.receiptId,
  details: {
    ...NOTHING,
    productId: 'sku-9',
    quantity: 0,
    subIds: { sub2: 'b' },
    extras: { store: 'berlin' },
  },
};
const PROCESSOR: attribution.Contribution = {
  occurredAt: 2,
  receiptId: '019b7c40-0000-7000-8000-000000000009',
  details: {
    ...NOTHING,
    country: 'DE',
    subIds: { sub1: 'a' },
    subjectHashes: { emailPlain: 'of the report' },
  },
};

it.each([
  ['the first report', NETWORK],
  ['a further one', PROCESSOR],
])('%s gave what it gave and no more', (_name, contribution) => {
  expect(contributionIn(RECORD, namesIn(contribution, RECORD.receiptId))).toEqual(contribution);
});

it('names no receipt twice and no value at all', () => {
  expect(namesIn(NETWORK, RECORD.receiptId)).toEqual({
    occurredAt: 1,
    receiptId: null,
    details: ['productId', 'quantity'],
    subIds: ['sub2'],
    extras: ['store'],
    subjectHashes: [],
  });
});
