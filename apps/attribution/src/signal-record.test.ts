/** Signals as events: whose they are, what they are about, and how they are withdrawn. */
import { decodeEvent } from '@tributary/contracts';
import type { lifecycle } from '@tributary/domain';
import { expect, it } from 'vitest';
import { outgoingSignal, type SignalTrigger, signalRecord } from './signal-record.ts';

const CONVERSION_ID = 'c0ffee00-0000-8000-8000-000000000001';
const PERSON: lifecycle.Person = {
  subjectHashes: { emailPlain: 'a'.repeat(64) },
  country: 'DE',
  consentAdUserData: 'granted',
  consentAdPersonalization: 'denied',
};
const CONVERSION: lifecycle.CustomerConversion = {
  conversionId: CONVERSION_ID,
  revision: 2,
  eventClass: 'subscription',
  eventType: 'subscription_started',
  occurredAt: 1_000,
  state: 'payable',
  isConfirmed: true,
  offerId: 'offer',
  campaignId: 'campaign',
  partnerId: 'partner',
  productId: 'product',
  planId: 'plan',
  revenue: { micros: 49_900_000n, currency: 'EUR' },
  predictedLtvMicros: 180_000_000n,
  ...PERSON,
};
const CUSTOMER: lifecycle.Customer = {
  customerKey: '7f83b165-7ff1-8c53-b92d-c18148a1d65d',
  customerId: 'customer-7',
  advertiserId: 'acme',
  lane: 'shop',
  isTest: true,
  conversions: [CONVERSION],
};
const RAISED: lifecycle.Signal = {
  signalId: '51640000-0000-8000-8000-000000000001',
  signal: 'renewal_due',
  phase: 'raised',
  conversionId: CONVERSION_ID,
  ordinal: 2,
  occurredAt: 2_000,
  dueAt: 3_000,
  expiresAt: 4_000,
  reasonCode: 'renewal_expected',
  conversion: CONVERSION,
  person: PERSON,
};
const TRIGGER: SignalTrigger = {
  kind: 'deadline',
  partition: 4,
  offset: 1_203,
  now: 2_005,
  configurationVersion: 17,
};

it('a raised signal tells all there is to tell, under the key of its customer', () => {
  const expected = {
    signalId: RAISED.signalId,
    phase: 'raised',
    signal: 'renewal_due',
    customerKey: CUSTOMER.customerKey,
    customerId: 'customer-7',
    lane: 'shop',
    advertiserId: 'acme',
    conversionId: CONVERSION_ID,
    revision: 2,
    eventType: 'subscription_started',
    offerId: 'offer',
    campaignId: 'campaign',
    partnerId: 'partner',
    productId: 'product',
    planId: 'plan',
    ordinal: 2,
    reasonCodes: ['renewal_expected'],
    occurredAt: 2_000,
    signalledAt: 2_005,
    dueAt: 3_000,
    expiresAt: 4_000,
    triggerKind: 'deadline',
    triggerPartition: 4,
    triggerOffset: 1_203,
    revenueMicros: 49_900_000n,
    currency: 'EUR',
    predictedLtvMicros: 180_000_000n,
    subjectHashes: { emailPlain: 'a'.repeat(64) },
    country: 'DE',
    consentAdUserData: 'granted',
    consentAdPersonalization: 'denied',
    attributes: {},
    configurationVersion: 17,
    isTest: true,
  };
  const { topic, key, value } = outgoingSignal(signalRecord(CUSTOMER, RAISED, TRIGGER));
  expect([topic, key]).toEqual(['lifecycle.signalled.v1', CUSTOMER.customerKey]);
  expect(decodeEvent('lifecycle.signalled.v1', value)).toEqual({ ok: true, value: expected });
});

it('a withdrawal of what is another customer’s by now keeps its id and says nothing of the conversion', () => {
  const withdrawn: lifecycle.Signal = {
    ...RAISED,
    phase: 'withdrawn',
    reasonCode: 'other_customer',
    conversion: null,
  };
  const { value } = outgoingSignal(signalRecord({ ...CUSTOMER, conversions: [] }, withdrawn, TRIGGER));
  expect(decodeEvent('lifecycle.signalled.v1', value)).toMatchObject({
    ok: true,
    value: {
      signalId: RAISED.signalId,
      phase: 'withdrawn',
      conversionId: CONVERSION_ID,
      revision: null,
      eventType: null,
      revenueMicros: null,
      reasonCodes: ['other_customer'],
    },
  });
});
