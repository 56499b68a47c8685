/** The signed webhook by table: the exact message, its signature by the published library, corrections, and outcomes. */
import type { OutwardConversion } from '@tributary/domain';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { driverOf } from './definition.fixture.ts';
import { outwardEvent } from './definition.ts';
import type { OutwardRequest } from './outward-request.ts';
import { SAMPLE_NOW, sampleCorrection, sampleDelivery } from './sample.ts';
import { webhook } from './webhook.ts';

const secretOf = (text: string) => `whsec_${Buffer.from(text).toString('base64')}`;
const OLD = secretOf('a secret of twenty-six by.');
const NEW = secretOf('another one of equal length');
const RAW = 'a-text-that-is-no-whsec_-but-long-enough';
const SIGNED = { url: 'https://receiver.example/hooks?shop=1', signingSecrets: { old: OLD } };

const { settingsOf, requestOf, bodyOf, problemsOf, outcomesOf, parses } = driverOf(webhook, SIGNED);

function verified(webhookOf: Webhook, { body, headers }: OutwardRequest): unknown {
  return webhookOf.verify(body ?? '', { ...headers });
}

describe('settings', () => {
  it.each([
    ['no secret', { signingSecrets: {} }],
    ['a secret that is too short', { signingSecrets: { a: secretOf('twenty-three bytes long') } }],
    ['a secret that is too long', { signingSecrets: { a: secretOf('x'.repeat(65)) } }],
    ['a text that is too short', { signingSecrets: { a: 'twenty-three_bytes_long' } }],
    ['a whsec_ that is no base64', { signingSecrets: { a: `whsec_${'*'.repeat(40)}` } }],
    ['six secrets', { signingSecrets: Object.fromEntries('abcdef'.split('').map((name) => [name, OLD])) }],
    ['a URL that is none', { url: 'receiver.example' }],
    ['a URL of another scheme', { url: 'ftp://receiver.example/' }],
    ['a URL with credentials', { url: 'https://a:b@receiver.example/' }],
    ['a URL with a fragment', { url: 'https://receiver.example/#a' }],
    ['an unknown amount', { amounts: ['tax'] }],
    ['a misspelt setting', { URL: 'https://receiver.example/' }],
  ])('refuse %s', (_what, raw) => {
    expect(parses(raw)).toBe(false);
  });

  it.each([
    ['24 bytes', secretOf('x'.repeat(24))],
    ['64 bytes', secretOf('x'.repeat(64))],
    ['a text', RAW],
  ])('take a secret of %s', (_what, secret) => {
    expect(parses({ signingSecrets: { a: secret } })).toBe(true);
  });
});

describe('buildRequest', () => {
  it('sends a sale', () => {
    const delivery = sampleDelivery('sale');
    const request = requestOf([delivery]);
    expect({ ...request, body: JSON.parse(request.body ?? '') }).toEqual({
      method: 'POST',
      url: 'https://receiver.example/hooks?shop=1',
      headers: {
        'content-type': 'application/json',
        'webhook-id': delivery.deliveryId,
        'webhook-timestamp': '1767323045',
        'webhook-signature': expect.stringMatching(/^v1,[A-Za-z0-9+/]{43}=$/),
      },
      body: {
        type: 'conversion.created',
        timestamp: '2026-01-02T02:04:05.678Z',
        data: {
          deliveryId: delivery.deliveryId,
          correctsDeliveryId: null,
          event: 'sale',
          eventType: 'sale',
          conversionId: '0b7c9a51-2f4e-8d63-9c1a-7e5d3b2f1a90',
          match: 'attributed',
          state: 'payable',
          revision: 1,
          occurredAt: '2026-01-02T02:04:05.678Z',
          revenue: { amount: '12.34', currency: 'USD' },
          payout: { amount: '2.50', currency: 'USD' },
          transactionId: 'order-42',
          originalConversionId: null,
          originalTransactionId: null,
          customerId: 'customer-7',
          isFirstOfCustomer: true,
          advertiserId: 'adv-1',
          offerId: 'offer-1',
          campaignId: 'camp-1',
          partnerId: 'partner-1',
          sourceId: 'source-1',
          productId: 'sku-9',
          planId: 'plan-gold',
          couponCode: 'SPRING',
          quantity: 2,
          country: 'US',
          subIds: { sub1: 'from-postback' },
          click: {
            clickId: '019b7c9a-512f-7e4d-a63c-1a7e5d3b2f1a',
            clickedAt: '2026-01-02T01:04:05.678Z',
            partnerClickId: 'p-click-9',
            subIds: { sub1: 'newsletter', sub2: 'banner-3' },
            adPlatformIds: expect.arrayContaining([{ name: 'twclid', value: '2-example_twclid' }]),
          },
          consent: { adUserData: 'granted', adPersonalization: 'granted' },
          extras: expect.objectContaining({ plan: 'gold' }),
          isTest: false,
        },
      },
    });
  });

  it('tells nothing of the person but ids', () => {
    const { conversion } = sampleDelivery('sale');
    const body = requestOf([sampleDelivery('sale')]).body ?? '';
    for (const told of [
      ...Object.values(conversion.subjectHashes),
      conversion.ipAddress,
      conversion.userAgent,
    ]) {
      expect(body).not.toContain(told);
    }
    expect(body).not.toContain('shop.example/landing');
  });

  it.each<[string[], string[]]>([
    [
      ['revenue', 'payout'],
      ['revenue', 'payout'],
    ],
    [['payout'], ['payout']],
    [[], []],
  ])('with amounts %j tells %j', (amounts, told) => {
    const { data } = bodyOf([sampleDelivery('sale')], { amounts });
    expect(['revenue', 'payout'].filter((name) => name in data)).toEqual(told);
    expect(webhook.amounts(settingsOf({ amounts }))).toEqual(amounts);
  });

  const original = { originalConversionId: 'c-1', originalTransactionId: 't-1' };
  it.each<[string, Partial<OutwardConversion>, object]>([
    ['no revenue', { revenue: null }, { revenue: null }],
    [
      'the least amount',
      { payout: { micros: 1n, currency: 'EUR' } },
      { payout: { amount: '0.000001', currency: 'EUR' } },
    ],
    ['no click', { click: null }, { click: null }],
    ['a test', { isTest: true }, { isTest: true }],
    ['what a refund takes back', original, original],
  ])('tells %s', (_what, changes, data) => {
    expect(bodyOf([sampleDelivery('sale', changes)]).data).toMatchObject(data);
  });

  it('sends every event type under our name, or what the settings call it', () => {
    expect(outwardEvent(webhook, settingsOf(), 'renewal')).toBe('renewal');
    expect(outwardEvent(webhook, settingsOf({ events: { renewal: 'rebill' } }), 'renewal')).toBe('rebill');
    expect(bodyOf([sampleDelivery('rebill')]).data).toMatchObject({ event: 'rebill', eventType: 'sale' });
  });
});

describe('signature', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: SAMPLE_NOW, toFake: ['Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is one that the published library verifies', () => {
    const request = requestOf([sampleDelivery('sale')]);
    expect(verified(new Webhook(OLD), request)).toEqual(JSON.parse(request.body ?? ''));
  });

  it('is verified by each active secret while they rotate, and by no other', () => {
    const request = requestOf([sampleDelivery('sale')], { signingSecrets: { old: OLD, new: NEW } });
    expect(request.headers['webhook-signature']?.split(' ')).toHaveLength(2);
    for (const secret of [OLD, NEW]) expect(verified(new Webhook(secret), request)).toBeTruthy();
    expect(() => verified(new Webhook(secretOf('a third one nobody was told')), request)).toThrow(
      'No matching signature',
    );
    const after = requestOf([sampleDelivery('sale')], { signingSecrets: { new: NEW } });
    expect(() => verified(new Webhook(OLD), after)).toThrow('No matching signature');
  });

  it('takes a text for its own bytes, as the library does', () => {
    const request = requestOf([sampleDelivery('sale')], { signingSecrets: { raw: RAW } });
    expect(verified(new Webhook(RAW, { format: 'raw' }), request)).toBeTruthy();
  });

  it('covers id, time and body', () => {
    const request = requestOf([sampleDelivery('sale')]);
    const { body, headers } = request;
    const changed: readonly OutwardRequest[] = [
      { ...request, body: (body ?? '').replace('12.34', '99.34') },
      { ...request, headers: { ...headers, 'webhook-id': 'another' } },
      { ...request, headers: { ...headers, 'webhook-timestamp': '1767323046' } },
    ];
    for (const each of changed)
      expect(() => verified(new Webhook(OLD), each)).toThrow('No matching signature');
  });

  it('covers letters of every script', () => {
    const request = requestOf([sampleDelivery('sale', { couponCode: 'Größe-鯨-\u{1f40b}' })]);
    expect(verified(new Webhook(OLD), request)).toMatchObject({ data: { couponCode: 'Größe-鯨-\u{1f40b}' } });
  });

  it('is of the attempt: the id stays, the time is new', () => {
    const [first, second] = [SAMPLE_NOW, SAMPLE_NOW + 36_000].map((now) =>
      webhook.buildRequest({
        deliveries: [sampleDelivery('sale')],
        settings: settingsOf(),
        accessToken: null,
        now,
      }),
    );
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(second?.body).toBe(first?.body);
    expect(second?.headers['webhook-timestamp']).toBe('1767323081');
    expect(second?.headers['webhook-signature']).not.toBe(first?.headers['webhook-signature']);
  });
});

describe('corrections', () => {
  it.each([
    ['restate', 'conversion.restated', 'payable', '4.97', '1.03'],
    ['retract', 'conversion.retracted', 'reversed', '0.00', '0.00'],
  ] as const)('%s is told as %s with the amounts of now', (kind, type, state, revenue, payout) => {
    const delivery = sampleCorrection(kind, 'sale');
    const message = bodyOf([delivery]);
    expect(message).toMatchObject({
      type,
      timestamp: '2026-01-02T02:54:05.678Z',
      data: {
        deliveryId: delivery.deliveryId,
        correctsDeliveryId: sampleDelivery('sale').deliveryId,
        conversionId: delivery.conversion.conversionId,
        state,
        revenue: { amount: revenue, currency: 'USD' },
        payout: { amount: payout, currency: 'USD' },
      },
    });
    expect(requestOf([delivery]).headers['webhook-id']).toBe(delivery.deliveryId);
  });

  it('are taken of every event, in both directions and for ever', () => {
    for (const form of Object.values(webhook.corrections(settingsOf(), 'sale'))) {
      expect(form).toMatchObject({
        form: 'adjustment',
        tells: 'new_total',
        direction: 'any',
        maxAgeMs: null,
      });
    }
  });
});

describe('validate', () => {
  it.each<[string, Partial<OutwardConversion>]>([
    ['a sale', {}],
    ['a test', { isTest: true }],
    ['an old one of nobody', { occurredAt: 0, subjectHashes: {}, click: null }],
    ['consent denied, which is told', { consent: { adUserData: 'denied', adPersonalization: 'denied' } }],
  ])('takes %s', (_what, changes) => {
    expect(problemsOf('sale', changes)).toEqual([]);
  });
});

describe('judge', () => {
  it.each<[number, object]>([
    [200, { outcome: 'delivered' }],
    [204, { outcome: 'delivered' }],
    [302, { outcome: 'refused', reason: 'redirect_not_followed', scope: 'destination' }],
    [400, { outcome: 'refused', reason: 'http_400', scope: 'event' }],
    [401, { outcome: 'refused', reason: 'http_401', scope: 'destination' }],
    [410, { outcome: 'refused', reason: 'receiver_gone', scope: 'destination' }],
    [429, { outcome: 'retry', reason: 'http_429' }],
    [500, { outcome: 'retry', reason: 'http_500' }],
  ])('%i', (status, outcome) => {
    expect(outcomesOf({ status })).toEqual([outcome]);
  });

  it('honours Retry-After', () => {
    expect(outcomesOf({ status: 503, headers: { 'retry-after': '60' } })).toEqual([
      { outcome: 'retry', reason: 'http_503', afterMs: 60_000 },
    ]);
  });
});
