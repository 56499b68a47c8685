/** The wire form: every event survives the round trip, and what cannot be read says why. */
import { describe, expect, it } from 'vitest';
import { decodeEvent, encodeEvent } from './codec.ts';
import type { PostbackRefused } from './generated/events.ts';

const refused: PostbackRefused = {
  refusalId: '0190b0a0-0000-7000-8000-000000000001',
  sourceId: 'demo',
  advertiserId: null,
  receivedAt: 1_790_000_000_000,
  reasonCode: 'token_invalid',
  field: 'token',
  expected: null,
  contentDigest: 'ab',
  rawCall: 'GET /postback/demo',
  configurationVersion: 7,
  isTest: false,
};

describe('wire format', () => {
  it('round-trips an event', () => {
    const wire = encodeEvent('postback.refused.v1', refused);
    expect(wire.readUInt8(0)).toBe(0);
    expect(decodeEvent('postback.refused.v1', wire)).toEqual({ ok: true, value: refused });
  });

  it('keeps money exact at both ends of 64 bits', () => {
    for (const revenueMicros of [2n ** 63n - 1n, -(2n ** 63n), 0n, null]) {
      const wire = encodeEvent('conversion.decided.v1', { ...decided, revenueMicros });
      expect(decodeEvent('conversion.decided.v1', wire)).toMatchObject({
        ok: true,
        value: { revenueMicros },
      });
    }
  });

  it('encodes an event larger than its buffer', () => {
    const rawCall = 'x'.repeat(300_000);
    const wire = encodeEvent('postback.refused.v1', { ...refused, rawCall });
    expect(decodeEvent('postback.refused.v1', wire)).toMatchObject({ ok: true, value: { rawCall } });
  });

  it('names the field of a misfit without its value', () => {
    const misfit = { ...refused, reasonCode: 3 } as unknown as PostbackRefused;
    expect(() => encodeEvent('postback.refused.v1', misfit)).toThrow(/PostbackRefused|refused.*reasonCode/);
  });

  it.each([
    ['empty_value', null],
    ['empty_value', Buffer.alloc(0)],
    ['not_wire_format', Buffer.from('{"a":1}')],
    ['unknown_schema_id', Buffer.from([0, 0x7f, 0, 0, 1, 2])],
    ['schema_of_another_topic', encodeEvent('postback.refused.v1', refused), 'click.recorded.v1'],
    ['undecodable', encodeEvent('postback.refused.v1', refused).subarray(0, 12)],
  ] as const)('says %s', (problem, value, topic = 'postback.refused.v1') => {
    expect(decodeEvent(topic, value)).toEqual({ ok: false, problem });
  });
});

const decided = {
  conversionId: '0190b0a0-0000-7000-8000-000000000001',
  revision: 1,
  lane: 'acme',
  advertiserId: 'acme',
  offerId: null,
  campaignId: null,
  partnerId: null,
  sourceId: 'demo',
  receiptId: '0190b0a0-0000-7000-8000-000000000002',
  eventType: 'sale',
  eventClass: 'purchase',
  transactionId: 't-1',
  originalConversionId: null,
  customerId: null,
  status: 'approved',
  match: 'parked',
  state: 'pending',
  reasonCodes: [],
  occurredAt: 1,
  receivedAt: 2,
  decidedAt: 3,
  parkedUntil: null,
  heldUntil: null,
  triggerKind: 'postback',
  triggerPartition: 0,
  triggerOffset: 0,
  revenueMicros: 1n,
  currency: 'EUR',
  payoutMicros: null,
  payoutCurrency: null,
  payoutRule: null,
  reversedRevenueMicros: null,
  reversedPayoutMicros: null,
  taxMicros: null,
  shippingMicros: null,
  predictedLtvMicros: null,
  exchangeRateId: null,
  isFirstOfCustomer: null,
  model: 'last_click',
  credits: [],
  candidates: [],
  clickId: null,
  clickedAt: null,
  partnerClickId: null,
  clickSubIds: {},
  adPlatformIds: [],
  landingUrl: null,
  clickUserAgent: null,
  clickCountry: null,
  clickIpCiphertext: null,
  subIds: {},
  extras: {},
  productId: null,
  planId: null,
  couponCode: null,
  subjectHashes: {},
  ipCiphertext: null,
  userAgent: null,
  country: null,
  consentAdUserData: 'unknown',
  consentAdPersonalization: 'unknown',
  valueDigest: '',
  configurationVersion: 0,
  isTest: false,
} as const;
