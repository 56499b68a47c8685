/** Google Analytics 4 by table: the exact requests, what is not valid, refunds, and the outcome of each response. */
import type { OutwardConversion } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { driverOf } from './definition.fixture.ts';
import { envelopeOf, type OutwardDelivery, outwardEvent, planCorrection } from './definition.ts';
import { ga4 } from './ga4.ts';
import { SAMPLE_NOW, sampleCorrection, sampleDelivery } from './sample.ts';

const HOUR_MS = 3_600_000;
const RAW = { measurementId: 'G-ABC1234567', apiSecret: 'secret-1' };

const { settingsOf, requestOf, bodyOf, problemsOf, outcomesOf, parses } = driverOf(ga4, RAW);

/** The parameters of the one event of a request. */
function paramsOf(changes: Partial<OutwardConversion>, event = 'purchase') {
  return bodyOf([sampleDelivery(event, changes)]).events[0].params;
}

/** A correction with other amounts than the sample's. */
function corrected(
  kind: 'restate' | 'retract',
  changes: Partial<NonNullable<OutwardDelivery['correction']>>,
  conversion: Partial<OutwardConversion> = {},
): OutwardDelivery {
  const delivery = sampleCorrection(kind, 'purchase', 'refund', conversion);
  return { ...delivery, correction: delivery.correction && { ...delivery.correction, ...changes } };
}

const dollars = (units: number) => ({
  revenue: { micros: BigInt(units * 100) * 10_000n, currency: 'USD' },
  payout: null,
});

describe('settings', () => {
  it.each([
    ['the id of a property', { measurementId: '123456789' }],
    ['an id in lower case', { measurementId: 'g-abc1234567' }],
    ['no secret', { apiSecret: '' }],
    ['a base URL with a path', { baseUrl: 'https://www.google-analytics.com/mp' }],
    ['an event of 41 letters', { events: { sale: 'e'.repeat(41) } }],
    ['an event that begins with a digit', { events: { sale: '1st_sale' } }],
    ['an event with a hyphen', { events: { sale: 'first-sale' } }],
    ['a reserved event', { events: { install: 'first_open' } }],
    ['a reserved prefix', { events: { sale: 'ga_sale' } }],
    ['a refund, which is made of corrections', { events: { refund: 'refund' } }],
    ['a misspelt setting', { measurementID: 'G-ABC1234567' }],
  ])('refuse %s', (_what, raw) => {
    expect(parses({ events: { sale: 'e'.repeat(40) } })).toBe(true);
    expect(parses(raw)).toBe(false);
  });

  it('name a renewal only where somebody asks for it', () => {
    expect(outwardEvent(ga4, settingsOf(), 'renewal')).toBeNull();
    expect(outwardEvent(ga4, settingsOf({ events: { renewal: 'purchase' } }), 'renewal')).toBe('purchase');
  });
});

describe('buildRequest', () => {
  it('sends a purchase', () => {
    const delivery = sampleDelivery('purchase', {
      extras: { ga_client_id: 'GA1.1.123456789.1767315845', ga_session_id: '1767315800' },
    });
    const request = requestOf([delivery]);
    expect({ ...request, body: JSON.parse(request.body ?? '') }).toEqual({
      method: 'POST',
      url: 'https://www.google-analytics.com/mp/collect?measurement_id=G-ABC1234567&api_secret=secret-1',
      headers: { 'content-type': 'application/json' },
      body: {
        client_id: '123456789.1767315845',
        timestamp_micros: 1_767_319_445_678_000,
        consent: { ad_user_data: 'GRANTED', ad_personalization: 'GRANTED' },
        events: [
          {
            name: 'purchase',
            params: {
              delivery_id: delivery.deliveryId,
              session_id: '1767315800',
              engagement_time_msec: 1,
              value: 12.34,
              currency: 'USD',
              transaction_id: 'order-42',
              tax: 1.97,
              shipping: 0.99,
              coupon: 'SPRING',
              items: [{ item_id: 'sku-9', quantity: 2 }],
            },
          },
        ],
      },
    });
  });

  it('sends other events without what belongs to purchases', () => {
    const delivery = sampleDelivery('generate_lead');
    expect(bodyOf([delivery]).events).toEqual([
      { name: 'generate_lead', params: { delivery_id: delivery.deliveryId, value: 12.34, currency: 'USD' } },
    ]);
  });

  it('goes where the settings say, and with its secret encoded', () => {
    const { url } = requestOf([sampleDelivery('purchase')], {
      baseUrl: 'https://region1.google-analytics.com',
      apiSecret: 'a&b=c/d+',
    });
    expect(url.startsWith('https://region1.google-analytics.com/mp/collect?')).toBe(true);
    expect(new URL(url).searchParams.get('api_secret')).toBe('a&b=c/d+');
  });

  it('checks tests at the validation server, which records nothing', () => {
    const path = (isTest: boolean) =>
      new URL(requestOf([sampleDelivery('purchase', { isTest })]).url).pathname;
    expect(path(true)).toBe('/debug/mp/collect');
    expect(path(false)).toBe('/mp/collect');
  });

  it.each([
    ['GA1.1.123.456', '123.456'],
    ['GA1.2.123.456', '123.456'],
    ['123.456', '123.456'],
    ['GA1.1.123', undefined],
    ['fb.1.123.456', undefined],
    ['', undefined],
  ])('makes of the cookie %s the client %s', (cookie, client) => {
    expect(bodyOf([sampleDelivery('purchase', { extras: { ga_client_id: cookie } })]).client_id).toBe(client);
  });

  it.each<[string, Partial<OutwardConversion>, Readonly<Record<string, unknown>>]>([
    ['no value', { revenue: null }, { value: undefined, currency: undefined }],
    ['an exact value', { revenue: { micros: 1n, currency: 'EUR' } }, { value: 0.000001, currency: 'EUR' }],
    ['no tax and shipping', { tax: null, shipping: null }, { tax: undefined, shipping: undefined }],
    ['no coupon', { couponCode: null }, { coupon: undefined }],
    ['a coupon too long to be collected', { couponCode: 'c'.repeat(101) }, { coupon: undefined }],
    ['no product', { productId: null }, { items: undefined }],
    ['a product without quantity', { quantity: null }, { items: [{ item_id: 'sku-9' }] }],
    ['no session', { extras: {} }, { session_id: undefined, engagement_time_msec: undefined }],
    [
      'a session by its cookie',
      { extras: { ga_session_id: 'GS1.1.1767315800.1.0' } },
      { session_id: '1767315800' },
    ],
    [
      'a session by its newer cookie',
      { extras: { ga_session_id: 'GS2.1.s1767315800$o28$g0' } },
      { session_id: '1767315800' },
    ],
    [
      'a session by a part of it',
      { extras: { ga_session_id: 's1767315800$o28' } },
      { session_id: '1767315800' },
    ],
    ['a session of another shape', { extras: { ga_session_id: 'GS1.1.x' } }, { session_id: undefined }],
  ])('with %s', (_what, changes, expected) => {
    const params = paramsOf(changes);
    for (const [name, value] of Object.entries(expected)) expect(params[name]).toEqual(value);
  });

  it.each([null, '', ' '])('names a purchase without transaction %j by its delivery', (transactionId) => {
    const delivery = sampleDelivery('purchase', { transactionId });
    expect(bodyOf([delivery]).events[0].params.transaction_id).toBe(delivery.deliveryId);
  });

  it.each([
    ['granted', 'denied', { ad_user_data: 'GRANTED', ad_personalization: 'DENIED' }],
    ['denied', 'unknown', { ad_user_data: 'DENIED' }],
    ['unknown', 'unknown', undefined],
  ] as const)('consent %s and %s is %o', (adUserData, adPersonalization, expected) => {
    const consent = { adUserData, adPersonalization };
    expect(bodyOf([sampleDelivery('purchase', { consent })]).consent).toEqual(expected);
  });

  it.each<[string, Partial<OutwardConversion>]>([
    ['another client', { extras: { ga_client_id: '1.2' } }],
    ['another time', { occurredAt: SAMPLE_NOW - 1 }],
    ['another consent', { consent: { adUserData: 'granted', adPersonalization: 'denied' } }],
  ])('parts %s', (_what, changes) => {
    const keys = [{}, changes].map((each) => envelopeOf(ga4, sampleDelivery('purchase', each), settingsOf()));
    expect(new Set(keys).size).toBe(2);
  });

  it('sends events of one client and time together, in order', () => {
    const deliveries = ['generate_lead', 'purchase'].map((event) => sampleDelivery(event));
    expect(bodyOf(deliveries).events.map(({ name }: { name: string }) => name)).toEqual([
      'generate_lead',
      'purchase',
    ]);
  });
});

describe('corrections', () => {
  it('takes a purchase back by a refund of all it is worth, under its transaction', () => {
    const delivery = sampleCorrection('retract', 'purchase', 'refund');
    expect(bodyOf([delivery])).toEqual({
      client_id: '123456789.1767315845',
      timestamp_micros: 1_767_322_445_678_000,
      consent: { ad_user_data: 'GRANTED', ad_personalization: 'GRANTED' },
      events: [
        {
          name: 'refund',
          params: {
            delivery_id: delivery.deliveryId,
            value: 12.34,
            currency: 'USD',
            transaction_id: 'order-42',
          },
        },
      ],
    });
  });

  it.each([
    ['what it went down by', corrected('restate', {}), 7.37],
    ['what is left of it', corrected('retract', { held: dollars(5), now: dollars(0) }), 5],
    [
      'all of what it is worth no more',
      corrected('retract', { held: dollars(5), now: { revenue: null, payout: null } }),
      5,
    ],
  ])('refunds %s', (_what, delivery, value) => {
    expect(bodyOf([delivery]).events[0].params.value).toBe(value);
  });

  it('refunds a purchase without value by its transaction alone', () => {
    const nothing = { revenue: null, payout: null };
    const { params } = bodyOf([corrected('retract', { held: nothing, now: nothing })]).events[0];
    expect(Object.keys(params)).toEqual(['delivery_id', 'transaction_id']);
  });

  it('names a purchase without transaction as it was named', () => {
    const delivery = corrected('retract', {}, { transactionId: null });
    const { params } = bodyOf([delivery]).events[0];
    expect(params.transaction_id).toBe(delivery.correction?.deliveredAs.deliveryId);
    expect(params.transaction_id).not.toBe(params.delivery_id);
  });

  const planOf = (delivery: OutwardDelivery, now = SAMPLE_NOW) => {
    const { conversion, correction } = delivery;
    if (correction === null) throw new Error('a sample correction has one');
    return planCorrection(ga4, settingsOf(), { conversion, correction }, now);
  };

  it.each([
    ['of a purchase', corrected('retract', {}), { possible: true, event: 'refund' }],
    ['of a purchase of last year', corrected('retract', {}, { occurredAt: 0 }), { possible: true }],
    ['of a lead', sampleCorrection('retract', 'generate_lead'), { obstacle: 'correction_not_taken' }],
    ['to more than it was', corrected('restate', { now: dollars(13) }), { obstacle: 'amount_raised' }],
    [
      'to another currency',
      corrected('restate', { now: { revenue: { micros: 1n, currency: 'EUR' }, payout: null } }),
      { obstacle: 'currency_changed' },
    ],
    [
      'decided more than 72 hours ago',
      corrected('retract', { correctedAt: SAMPLE_NOW - 72 * HOUR_MS - 1 }),
      { obstacle: 'correction_too_old' },
    ],
    [
      'decided 72 hours ago',
      corrected('retract', { correctedAt: SAMPLE_NOW - 72 * HOUR_MS }),
      { possible: true },
    ],
  ])('is planned %s', (_what, delivery, plan) => {
    expect(planOf(delivery)).toMatchObject(plan);
  });
});

describe('validate', () => {
  const denied = { consent: { adUserData: 'denied', adPersonalization: 'denied' } } as const;

  it.each<[string, Partial<OutwardConversion>, Readonly<Record<string, unknown>>, string[]]>([
    ['a complete sale', {}, {}, []],
    ['a sale without value', { revenue: null }, {}, []],
    ['72 hours old', { occurredAt: SAMPLE_NOW - 72 * HOUR_MS }, {}, []],
    ['older than 72 hours', { occurredAt: SAMPLE_NOW - 72 * HOUR_MS - 1 }, {}, ['timestamp_micros too_old']],
    ['no client', { extras: {} }, {}, ['client_id identifier_missing']],
    ['a transaction of 100 characters', { transactionId: 't'.repeat(100) }, {}, []],
    ['a longer transaction', { transactionId: 't'.repeat(101) }, {}, ['transaction_id value_invalid']],
    ['a sale in no currency', { revenue: { micros: 1n, currency: 'ZZZ' } }, {}, ['currency value_invalid']],
    ['consent denied', denied, {}, ['consent.ad_user_data consent_denied']],
    ['consent denied, limited', denied, { whenConsentDenied: 'limit' }, []],
    ['a test', { isTest: true }, {}, []],
  ])('%s', (_what, changes, raw, expected) => {
    expect(problemsOf('purchase', changes, raw)).toEqual(expected);
  });

  it('lets a lead have any transaction, for it is not sent', () => {
    expect(problemsOf('generate_lead', { transactionId: 't'.repeat(101) })).toEqual([]);
  });
});

describe('judge', () => {
  const taken = { outcome: 'delivered' };
  const again = (reason: string) => ({ outcome: 'retry', reason });
  const refused = (reason: string, scope: string) => ({ outcome: 'refused', reason, scope });
  const message = (fieldPath: string) => ({
    fieldPath,
    description: 'jane@example.org',
    validationCode: 'VALUE_INVALID',
  });
  const faults = JSON.stringify({
    validationMessages: [message('events'), { validationCode: 'NAME_INVALID' }],
  });
  const detail = 'VALUE_INVALID at events; NAME_INVALID';

  it.each<[number, string, number, unknown]>([
    [204, '', 1, taken],
    [204, '', 25, taken],
    [200, '', 1, taken],
    [200, 'GIF89a', 1, taken],
    [200, '{"validationMessages":[]}', 1, taken],
    [200, faults, 1, { ...refused('event_invalid', 'event'), detail }],
    [200, faults, 2, { ...again('batch_refused'), detail, splitBatch: true }],
    [302, '', 1, refused('redirect_not_followed', 'destination')],
    [403, '', 2, refused('http_403', 'destination')],
    [413, '', 1, refused('http_413', 'event')],
    [429, '', 1, again('http_429')],
    [500, '', 2, again('http_500')],
    [503, faults, 1, again('http_503')],
  ])('%i %s for %i', (status, body, deliveryCount, outcome) => {
    const outcomes = outcomesOf({ status, body }, deliveryCount);
    expect(outcomes).toEqual(Array.from({ length: deliveryCount }, () => outcome));
  });

  it('tells a few of many faults', () => {
    const validationMessages = Array.from({ length: 25 }, (_, index) => message(`events.params.p${index}`));
    const [first] = outcomesOf({ status: 200, body: JSON.stringify({ validationMessages }) });
    expect(first).toMatchObject({ outcome: 'refused', detail: expect.stringMatching(/p2$/) });
  });

  it('honours Retry-After', () => {
    expect(outcomesOf({ status: 503, headers: { 'retry-after': '60' } })).toEqual([
      { ...again('http_503'), afterMs: 60_000 },
    ]);
  });
});
