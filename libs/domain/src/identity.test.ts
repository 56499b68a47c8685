/** Identity: which postbacks speak of the same fact, row by row of its table, and what may never tell two apart. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type IdentityFacts,
  type IdentityRules,
  identify,
  isReversal,
  STANDARD_IDENTITY_RULES,
  valueDigest,
  WITHOUT_TRANSACTION_ID,
} from './identity.ts';

const CLICK_1 = '019b7c0a-1c88-7000-8000-000000000001';
const CLICK_2 = '019b7c0a-1c88-7000-8000-000000000002';

const FACTS: IdentityFacts = {
  advertiserId: 'acme',
  lane: 'acme',
  receiptId: 'receipt-1',
  eventType: 'sale',
  transactionId: null,
  originalTransactionId: null,
  reversalId: null,
  clickId: null,
  customerId: null,
  revenueMicros: null,
  occurredAt: 1_000,
  occurredAtIsAssumed: false,
  isTest: false,
};

type Changes = Partial<IdentityFacts>;

function idOf(changes: Changes, rules: Partial<IdentityRules> = {}): string {
  return identify({ ...FACTS, ...changes }, { ...STANDARD_IDENTITY_RULES, ...rules }).conversionId;
}

const order: Changes = { transactionId: 'order-1' };
const refund: Changes = { eventType: 'refund', originalTransactionId: 'order-1' };

describe('one fact', () => {
  it.each<[string, Changes, Changes]>([
    ['the same order again', order, { ...order, receiptId: 'receipt-2' }],
    ['through another click', { ...order, clickId: CLICK_1 }, { ...order, clickId: CLICK_2 }],
    ['of another customer id', { ...order, customerId: 'a' }, { ...order, customerId: 'b' }],
    ['with another amount', { ...order, revenueMicros: 1n }, { ...order, revenueMicros: 2n }],
    ['at another time', { ...order, occurredAt: 1 }, { ...order, occurredAt: 2, occurredAtIsAssumed: true }],
    ['first_purchase and sale', { ...order, eventType: 'first_purchase' }, order],
    [
      'repeat_purchase and purchase',
      { ...order, eventType: 'repeat_purchase' },
      { ...order, eventType: 'purchase' },
    ],
    [
      'a lead, once per click',
      { eventType: 'lead', clickId: CLICK_1 },
      { eventType: 'lead', clickId: CLICK_1, receiptId: 'receipt-2', customerId: 'a' },
    ],
    [
      'a refund by its own id',
      { ...refund, reversalId: 'r-1' },
      { ...refund, reversalId: 'r-1', revenueMicros: 5n },
    ],
    [
      'a refund by amount and sent time',
      { ...refund, revenueMicros: 5n },
      { ...refund, revenueMicros: 5n, receiptId: 'receipt-2' },
    ],
    [
      'a refund without amount: one per original',
      refund,
      { ...refund, receiptId: 'receipt-2', occurredAt: 9_000 },
    ],
    [
      'a refund whose time is assumed: one per original',
      { ...refund, revenueMicros: 5n, occurredAtIsAssumed: true },
      { ...refund, revenueMicros: 6n, occurredAtIsAssumed: true, occurredAt: 9_000 },
    ],
    [
      'a refund that names its original as its transaction',
      { eventType: 'refund', transactionId: 'order-1' },
      refund,
    ],
  ])('%s', (_name, left, right) => {
    expect(idOf(left)).toBe(idOf(right));
  });

  it('is a plain repeat of its own receipt in every mode', () => {
    for (const mode of WITHOUT_TRANSACTION_ID) {
      const rules = { withoutTransactionId: { call: mode } };
      expect(idOf({ eventType: 'call' }, rules)).toBe(idOf({ eventType: 'call' }, rules));
    }
  });

  it('is told by the customer where the advertiser says once per customer', () => {
    const rules = { withoutTransactionId: { activation_completed: 'once_per_customer' } } as const;
    const facts = { eventType: 'activation_completed', customerId: 'a' };
    expect(idOf({ ...facts, clickId: CLICK_1 }, rules)).toBe(
      idOf({ ...facts, clickId: CLICK_2, receiptId: 'receipt-2' }, rules),
    );
  });
});

describe('two facts', () => {
  it.each<[string, Changes, Changes]>([
    ['two orders', order, { transactionId: 'order-2' }],
    ['two advertisers', order, { ...order, advertiserId: 'other' }],
    ['two lanes', order, { ...order, lane: 'other' }],
    ['two classes', order, { ...order, eventType: 'renewal' }],
    [
      'a renewal and its subscription',
      { ...order, eventType: 'subscription_started' },
      { ...order, eventType: 'renewal' },
    ],
    ['a test and the live order of the same number', order, { ...order, isTest: true }],
    [
      'leads whose click id is a word that many share',
      { eventType: 'lead', clickId: 'null' },
      { eventType: 'lead', clickId: 'null', receiptId: 'receipt-2' },
    ],
    ['leads of two clicks', { eventType: 'lead', clickId: CLICK_1 }, { eventType: 'lead', clickId: CLICK_2 }],
    [
      'a lead and an install of one click',
      { eventType: 'lead', clickId: CLICK_1 },
      { eventType: 'install', clickId: CLICK_1 },
    ],
    ['leads without a click', { eventType: 'lead' }, { eventType: 'lead', receiptId: 'receipt-2' }],
    ['sales without a transaction id', { clickId: CLICK_1 }, { clickId: CLICK_1, receiptId: 'receipt-2' }],
    ['two refunds of one order', { ...refund, reversalId: 'r-1' }, { ...refund, reversalId: 'r-2' }],
    ['two amounts refunded', { ...refund, revenueMicros: 5n }, { ...refund, revenueMicros: 6n }],
    [
      'two times of a refund',
      { ...refund, revenueMicros: 5n },
      { ...refund, revenueMicros: 5n, occurredAt: 2_000 },
    ],
    ['a refund and a chargeback', refund, { ...refund, eventType: 'chargeback' }],
    ['a sale and its refund', order, refund],
    ['refunds that name nothing', { eventType: 'refund' }, { eventType: 'refund', receiptId: 'receipt-2' }],
    [
      'an order and a click of the same text',
      { eventType: 'lead', transactionId: 'x' },
      { eventType: 'lead', clickId: 'x' },
    ],
  ])('%s', (_name, left, right) => {
    expect(idOf(left)).not.toBe(idOf(right));
  });

  it('are those without a customer id even where the advertiser says once per customer', () => {
    const rules = { withoutTransactionId: { call: 'once_per_customer' } } as const;
    expect(idOf({ eventType: 'call' }, rules)).not.toBe(
      idOf({ eventType: 'call', receiptId: 'receipt-2' }, rules),
    );
  });
});

describe('event classes', () => {
  it.each([
    ['first_purchase', 'purchase'],
    ['sale', 'purchase'],
    ['purchase', 'purchase'],
    ['repeat_purchase', 'purchase'],
    ['subscription_started', 'subscription'],
    ['renewal', 'renewal'],
    ['refund', 'refund'],
    ['lead', 'lead'],
  ])('%s is a %s', (eventType, eventClass) => {
    expect(identify({ ...FACTS, eventType }, STANDARD_IDENTITY_RULES).eventClass).toBe(eventClass);
  });

  it('are configurable over the standard ones', () => {
    const rules = { ...STANDARD_IDENTITY_RULES, eventClasses: { sale: 'order', deposit: 'order' } };
    expect(identify({ ...FACTS, eventType: 'sale' }, rules).eventClass).toBe('order');
    expect(idOf({ ...order, eventType: 'deposit' }, rules)).toBe(idOf(order, rules));
  });

  it.each(['constructor', 'valueof', 'hasownproperty', 'tostring', 'isprototypeof'])(
    'take %s for a type like any other',
    (eventType) => {
      const identity = identify({ ...FACTS, ...order, eventType }, STANDARD_IDENTITY_RULES);
      expect(identity.eventClass).toBe(eventType);
    },
  );
});

describe('properties', () => {
  const text = fc.string({ maxLength: 20 });
  const anyFacts: fc.Arbitrary<IdentityFacts> = fc.record({
    advertiserId: text,
    lane: text,
    receiptId: text,
    eventType: fc.constantFrom('sale', 'first_purchase', 'lead', 'renewal', 'refund', 'constructor'),
    transactionId: fc.option(text),
    originalTransactionId: fc.option(text),
    reversalId: fc.option(text),
    clickId: fc.option(text),
    customerId: fc.option(text),
    revenueMicros: fc.option(fc.bigInt({ min: 0n, max: 10n ** 18n })),
    occurredAt: fc.nat(),
    occurredAtIsAssumed: fc.boolean(),
    isTest: fc.boolean(),
  });

  it('with a transaction id, neither receipt nor click nor customer nor amount nor time matters', () => {
    fc.assert(
      fc.property(anyFacts, anyFacts, text, (left, right, transactionId) => {
        const { advertiserId, lane, isTest } = left;
        const shared = { advertiserId, lane, isTest, eventType: 'sale', transactionId };
        expect(idOf({ ...right, ...shared })).toBe(idOf({ ...left, ...shared }));
      }),
    );
  });

  it('is a UUID and the same on every replay', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { conversionId } = identify(facts, STANDARD_IDENTITY_RULES);
        expect(conversionId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(identify({ ...facts }, STANDARD_IDENTITY_RULES).conversionId).toBe(conversionId);
      }),
    );
  });
});

it.each([
  ['refund', true],
  ['chargeback', true],
  ['sale', false],
  ['constructor', false],
])('%s is a reversal: %s', (eventType, expected) => {
  expect(isReversal(eventType)).toBe(expected);
});

describe('valueDigest', () => {
  const values = { status: 'approved', revenueMicros: 1n, currency: 'EUR' };

  it('is the same for the same values', () => {
    expect(valueDigest({ ...values })).toBe(valueDigest(values));
  });

  it.each([
    ['status', { ...values, status: 'pending' }],
    ['revenue', { ...values, revenueMicros: 2n }],
    ['missing revenue', { ...values, revenueMicros: null }],
    ['currency', { ...values, currency: 'USD' }],
    ['missing currency', { ...values, currency: null }],
  ])('tells another %s', (_name, other) => {
    expect(valueDigest(other)).not.toBe(valueDigest(values));
  });
});
