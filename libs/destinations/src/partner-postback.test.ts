/** Partner postbacks by table: settings that parse or do not, the exact request, and the outcome of each response. */
import { describe, expect, it } from 'vitest';
import type { Amounts } from './correction.ts';
import {
  type OutwardDelivery,
  outwardEvent,
  overriddenSettings,
  parseSettings,
  planCorrection,
} from './definition.ts';
import { partnerPostback } from './partner-postback.ts';
import { attemptRedactor, recordRequest, settingsRedactor } from './redact.ts';
import { SAMPLE_NOW, sampleCorrection, sampleDelivery } from './sample.ts';

function settingsOf(raw: Readonly<Record<string, unknown>>) {
  const parsed = parseSettings(partnerPostback, raw);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.settings;
}

const delivery = sampleDelivery('sale');
/** 12.34 USD for the advertiser, 2.5 GBP for the partner. */
const TWO_CURRENCIES = sampleDelivery('sale', { payout: { micros: 2_500_000n, currency: 'GBP' } });

function requestOf(raw: Readonly<Record<string, unknown>>, of: OutwardDelivery = delivery) {
  return partnerPostback.buildRequest({
    deliveries: [of],
    settings: settingsOf(raw),
    accessToken: null,
    now: SAMPLE_NOW,
  });
}

describe('settings', () => {
  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['no template', {}, 'urlTemplate'],
    ['a macro in the host', { urlTemplate: 'https://{sub1}.example/' }, 'urlTemplate'],
    ['an unknown macro', { urlTemplate: 'https://p.example/?x={nope}' }, 'urlTemplate'],
    ['a secret that is not given', { urlTemplate: 'https://p.example/?x={secret:token}' }, 'secrets.token'],
    [
      'a secret of a header that is not given',
      { urlTemplate: 'https://p.example/', headers: { authorization: 'Bearer {secret:key}' } },
      'secrets.key',
    ],
    [
      'a secret of a header with blanks',
      { urlTemplate: 'https://p.example/', headers: { authorization: 'Bearer {{ secret:key }}' } },
      'headers.authorization',
    ],
    [
      'a secret of a header with a modifier',
      {
        urlTemplate: 'https://p.example/',
        headers: { authorization: 'Bearer {secret:key|raw}' },
        secrets: { key: 'abcd' },
      },
      'headers.authorization',
    ],
    ['a header of the sender', { urlTemplate: 'https://p.example/', headers: { host: 'x' } }, 'headers.host'],
    [
      'a header that breaks lines',
      { urlTemplate: 'https://p.example/', headers: { 'x-a': 'b\r\nc' } },
      'headers.x-a',
    ],
    ['another method', { urlTemplate: 'https://p.example/', method: 'PUT' }, 'method'],
    ['a state that is none', { urlTemplate: 'https://p.example/', statuses: { paid: 'x' } }, 'statuses'],
    [
      'the expected body in two forms',
      { urlTemplate: 'https://p.example/', expectedBody: 'OK', expectedReply: { body: 'OK' } },
      'expectedReply',
    ],
    [
      'a status that is no success',
      { urlTemplate: 'https://p.example/', expectedReply: { statuses: [302] } },
      'expectedReply.statuses.0',
    ],
    [
      'a pattern beyond all measure',
      { urlTemplate: 'https://p.example/', expectedReply: { body: '*a'.repeat(251) } },
      'expectedReply.body',
    ],
    ['a misspelt setting', { urlTemplate: 'https://p.example/', expectBody: 'OK' }, ''],
  ])('refuse %s', (_what, raw, path) => {
    const parsed = parseSettings(partnerPostback, raw);
    expect(parsed.ok ? [] : parsed.problems.map((problem) => problem.path)).toContain(path);
  });
});

describe('buildRequest', () => {
  it.each<[string, OutwardDelivery, string]>([
    [
      '?cid={partner_click_id}&own={click_id}',
      delivery,
      '?cid=p-click-9&own=019b7c9a-512f-7e4d-a63c-1a7e5d3b2f1a',
    ],
    [
      '?sum={payout|decimals:2}&cents={{payout|cents}}&cur={currency}',
      delivery,
      '?sum=2.50&cents=250&cur=USD',
    ],
    ['?sum={payout}&cur={currency}', TWO_CURRENCIES, '?sum=2.5&cur=GBP'],
    ['?rev={revenue}&cur={currency}', TWO_CURRENCIES, '?rev=12.34&cur=USD'],
    [
      '?sum={payout}{payout_currency}&rev={revenue}{revenue_currency}',
      TWO_CURRENCIES,
      '?sum=2.5GBP&rev=12.34USD',
    ],
    ['?rev={revenue}&ev={event}&tx={transaction_id}', delivery, '?rev=12.34&ev=sale&tx=order-42'],
    ['?s={status}', delivery, '?s=approved'],
    ['?s={status}', sampleDelivery('sale', { state: 'reversed' }), '?s=reversed'],
    ['?t={occurred_at|unix}', delivery, '?t=1767319445'],
    ['?t={clicked_at|unix_ms}&r={received_at|date:YYYYMMDD}', delivery, '?t=1767315845678&r=20260102'],
    ['?r={revision}&e={event|upper}', delivery, '?r=1&e=SALE'],
    ['?h={customer_id|md5}', delivery, '?h=0ddc4d690dcffba915c288a68e6665de'],
    [
      '?j={payout|cents}',
      sampleDelivery('sale', { payout: { micros: 500_000_000n, currency: 'JPY' } }),
      '?j=500',
    ],
    ['?t={clicked_at|unix}&s={sub20|default:none}', sampleDelivery('sale', { click: null }), '?t=&s=none'],
    ['?a={sub1}&b={sub2}&c={sub3|default:none}', delivery, '?a=newsletter&b=banner-3&c=none'],
    [
      '?o={offer_id}&c={campaign_id}&p={partner_id}&k={customer_id}',
      delivery,
      '?o=offer-1&c=camp-1&p=partner-1&k=customer-7',
    ],
    ['?plan={extra:plan}&other={extra:other}', delivery, '?plan=gold&other='],
    ['?k={secret:token}', delivery, '?k=a%2Fb%3Dc%26d'],
    [
      '?cid={partner_click_id}&sum={payout}&cur={currency}',
      sampleDelivery('lead', { click: null, payout: null }),
      '?cid=&sum=&cur=USD',
    ],
    [
      '?cid={partner_click_id}&cur={currency}',
      sampleDelivery('lead', { click: null, payout: null, revenue: null }),
      '?cid=&cur=',
    ],
  ])('fills %s', (query, of, filled) => {
    const base = 'https://partner.example/postback';
    const request = requestOf(
      { urlTemplate: base + query, secrets: { token: 'a/b=c&d' }, statuses: { payable: 'approved' } },
      of,
    );
    expect(request).toEqual({
      method: 'GET',
      url: base + filled,
      headers: { 'idempotency-key': of.deliveryId },
      body: null,
    });
  });

  it('takes nothing from the sub-ids but sub-ids', () => {
    const { click } = delivery.conversion;
    const subIds = { sub1: 'a', payout: '999', click_id: 'forged' };
    const forged = sampleDelivery('sale', { click: click && { ...click, subIds } });
    const { url } = requestOf({ urlTemplate: 'https://p.example/?c={click_id}&p={payout}&s={sub1}' }, forged);
    expect(url).toBe('https://p.example/?c=019b7c9a-512f-7e4d-a63c-1a7e5d3b2f1a&p=2.5&s=a');
  });

  it('fills secrets into headers and hides them in the record', () => {
    const raw = {
      urlTemplate: 'https://p.example/?k={secret:token}',
      method: 'POST',
      headers: { 'x-auth': 'key {secret:token}', accept: 'text/plain' },
      secrets: { token: 'a/b=c&d' },
    };
    const request = requestOf(raw);
    expect(request.headers).toEqual({
      'x-auth': 'key a/b=c&d',
      accept: 'text/plain',
      'idempotency-key': delivery.deliveryId,
    });
    const hide = attemptRedactor(request, [delivery], settingsRedactor(partnerPostback, settingsOf(raw)));
    expect(recordRequest(request, hide)).toEqual({
      method: 'POST',
      url: 'https://p.example/?k=[redacted]',
      headers: { 'x-auth': 'key [redacted]', accept: 'text/plain', 'idempotency-key': delivery.deliveryId },
      body: null,
    });
  });
});

/** What is left of a conversion, and what the partner held of it where that is not the sample's. */
type LeftOver = Partial<Amounts> & { readonly held?: Partial<Amounts> };

describe('corrections', () => {
  const urlTemplate = 'https://p.example/new?s={payout}';
  const statusUrlTemplate =
    'https://p.example/status?c={partner_click_id}&t={conversion_id}&s={payout}&st={status}&e={event}&r={revision}';

  it.each([
    ['nowhere without a template for it', { urlTemplate }, ['impossible', 'impossible']],
    ['as another status and amount', { urlTemplate, statusUrlTemplate }, ['adjustment', 'adjustment']],
    [
      'only taken back where the template leaves out what the partner was told',
      { urlTemplate, statusUrlTemplate: 'https://p.example/?s={revenue}&st={status}' },
      ['impossible', 'adjustment'],
    ],
  ])('go %s', (_what, raw, forms) => {
    const { restate, retract } = partnerPostback.corrections(settingsOf(raw), 'sale');
    expect([restate.form, retract.form]).toEqual(forms);
  });

  it.each([
    ['restate', 's=1.03&st=payable&e=sale&r=2'],
    ['retract', 's=0&st=declined&e=sale&r=2'],
  ] as const)('%s tells what it is now, under a key of its own', (kind, told) => {
    const correction = sampleCorrection(kind, 'sale');
    const request = requestOf(
      { urlTemplate, statusUrlTemplate, statuses: { reversed: 'declined' } },
      correction,
    );
    const { conversionId } = correction.conversion;
    expect(request.url).toBe(`https://p.example/status?c=p-click-9&t=${conversionId}&${told}`);
    expect(request.headers).toEqual({ 'idempotency-key': correction.deliveryId });
    expect(correction.deliveryId).not.toBe(delivery.deliveryId);
  });

  it.each([
    ['nothing is left', {}, 's=0&r=0&cur=USD'],
    ['only the revenue is left', { revenue: { micros: 4_970_000n, currency: 'USD' } }, 's=0&r=4.97&cur=USD'],
    ['it never knew a revenue', { held: { revenue: null } }, 's=0&r=&cur=USD'],
  ])('tell zero of what the partner holds when %s', (_what, { held, ...left }: LeftOver, told) => {
    const sample = sampleCorrection('retract', 'sale');
    const { correction } = sample;
    if (correction === null) throw new Error('the sample is a correction');
    const request = requestOf(
      {
        urlTemplate: 'https://p.example/new?s={payout}&r={revenue}',
        statusUrlTemplate: 'https://p.example/status?s={payout}&r={revenue}&cur={currency}',
      },
      {
        ...sample,
        correction: {
          ...correction,
          held: { ...correction.held, ...held },
          now: { revenue: null, payout: null, ...left },
        },
      },
    );
    expect(request.url).toBe(`https://p.example/status?${told}`);
  });

  it('concern the amounts of the template', () => {
    const amounts = (template: string) => partnerPostback.amounts(settingsOf({ urlTemplate: template }));
    expect(amounts(urlTemplate)).toEqual(['payout']);
    expect(amounts('https://p.example/?r={revenue}&p={payout}')).toEqual(['revenue', 'payout']);
    expect(amounts('https://p.example/')).toEqual([]);
  });

  it('concern those too that only changes are told of', () => {
    const changing = 'https://p.example/status?r={revenue}&st={status}';
    const settings = settingsOf({ urlTemplate, statusUrlTemplate: changing });
    expect(partnerPostback.amounts(settings)).toEqual(['revenue', 'payout']);
  });

  it.each([
    ['s={payout}&r={revenue}&cur={currency}', 'currency_changed'],
    ['s={payout}&r={revenue}&cur={payout_currency}', null],
    ['s={payout}&cur={currency}', null],
  ])('are not told under the currency of the other amount: %s', (query, obstacle) => {
    const sample = sampleCorrection('restate', 'sale');
    const { correction } = sample;
    if (correction === null) throw new Error('the sample is a correction');
    const settings = settingsOf({ urlTemplate, statusUrlTemplate: `https://p.example/status?${query}` });
    const now = { ...correction.now, revenue: { micros: 4_970_000n, currency: 'GBP' } };
    const plan = planCorrection(
      partnerPostback,
      settings,
      { conversion: sample.conversion, correction: { ...correction, now } },
      SAMPLE_NOW,
    );
    expect(plan.possible ? null : plan.obstacle).toBe(obstacle);
  });

  it.each([
    [{ urlTemplate }, false],
    [{ urlTemplate: 'https://p.example/new?st={status}' }, true],
    [{ urlTemplate, statusUrlTemplate }, true],
    [{ urlTemplate, statusUrlTemplate: 'https://p.example/status?s={payout}' }, false],
  ])('of %j are sent for a change of the status alone: %s', (raw, tellsState) => {
    expect(partnerPostback.tellsState?.(settingsOf(raw))).toBe(tellsState);
  });

  it('need the secrets of their template too', () => {
    const raw = { urlTemplate, statusUrlTemplate: 'https://p.example/?k={secret:other}' };
    const parsed = parseSettings(partnerPostback, raw);
    expect(parsed.ok ? [] : parsed.problems.map(({ path }) => path)).toEqual(['secrets.other']);
  });
});

describe('events and tests', () => {
  it('sends every event type under its own name unless the settings rename it', () => {
    const settings = settingsOf({ urlTemplate: 'https://p.example/', events: { first_purchase: 'ftd' } });
    expect(outwardEvent(partnerPostback, settings, 'first_purchase')).toBe('ftd');
    expect(outwardEvent(partnerPostback, settings, 'refund')).toBe('refund');
  });

  it('is never sent for a test conversion', () => {
    const settings = settingsOf({ urlTemplate: 'https://p.example/' });
    const { conversion } = sampleDelivery('sale', { isTest: true });
    const problems = partnerPostback.validate({ conversion, event: 'sale', settings, now: SAMPLE_NOW });
    expect(problems.map(({ code }) => code)).toEqual(['test_not_possible']);
  });

  it.each([
    ['?p={payout}&r={revenue}&c={currency}', TWO_CURRENCIES, ['value_invalid']],
    ['?p={payout}&r={revenue}&c={currency}', delivery, []],
    ['?p={payout}&c={currency}', TWO_CURRENCIES, []],
    ['?p={payout}&pc={payout_currency}&r={revenue}&rc={revenue_currency}', TWO_CURRENCIES, []],
  ])('names no amount by the currency of the other: %s', (query, { conversion }, codes) => {
    const settings = settingsOf({ urlTemplate: `https://p.example/${query}` });
    const problems = partnerPostback.validate({ conversion, event: 'sale', settings, now: SAMPLE_NOW });
    expect(problems.map(({ code }) => code)).toEqual(codes);
  });
});

describe('judge', () => {
  const plain = { urlTemplate: 'https://p.example/' };
  const strict = { ...plain, expectedBody: 'success=true' };
  const exact = {
    ...plain,
    expectedReply: { statuses: [200], body: '{*"status":*"ok"*}', refusal: '*"status":*"rejected"*' },
  };
  const missing = { outcome: 'retry', reason: 'expected_body_missing' };

  it.each([
    [plain, { status: 200, headers: {}, body: '' }, { outcome: 'delivered' }],
    [plain, { status: 204, headers: {}, body: '' }, { outcome: 'delivered' }],
    [strict, { status: 200, headers: {}, body: 'x; success=true;' }, { outcome: 'delivered' }],
    [
      strict,
      { status: 200, headers: {}, body: 'success=false; err_msg=…;' },
      { outcome: 'retry', reason: 'expected_body_missing' },
    ],
    [strict, { status: 200, headers: {}, body: '' }, { outcome: 'retry', reason: 'expected_body_missing' }],
    [exact, { status: 200, headers: {}, body: ' {"status": "ok", "id": 7}\n' }, { outcome: 'delivered' }],
    [exact, { status: 200, headers: {}, body: '<html>{"status": "ok"}' }, missing],
    [exact, { status: 200, headers: {}, body: '' }, missing],
    [
      exact,
      { status: 202, headers: {}, body: '{"status": "ok"}' },
      { outcome: 'retry', reason: 'expected_status_missing' },
    ],
    [
      exact,
      { status: 200, headers: {}, body: '{"status": "rejected"}' },
      { outcome: 'refused', reason: 'reply_refuses', scope: 'event' },
    ],
    [
      exact,
      { status: 503, headers: {}, body: '{"status": "rejected"}' },
      { outcome: 'retry', reason: 'http_503' },
    ],
    [strict, { status: 500, headers: {}, body: 'success=true' }, { outcome: 'retry', reason: 'http_500' }],
    [
      plain,
      { status: 429, headers: { 'retry-after': '30' }, body: '' },
      { outcome: 'retry', reason: 'http_429', afterMs: 30_000 },
    ],
    [
      plain,
      { status: 404, headers: {}, body: '' },
      { outcome: 'refused', reason: 'http_404', scope: 'event' },
    ],
    [
      plain,
      { status: 410, headers: {}, body: '' },
      { outcome: 'refused', reason: 'http_410', scope: 'destination' },
    ],
    [
      plain,
      { status: 302, headers: { location: 'https://x.example/' }, body: '' },
      { outcome: 'refused', reason: 'redirect_not_followed', scope: 'destination' },
    ],
  ])('%o answers %o: %o', (raw, response, outcome) => {
    const outcomes = partnerPostback.judge({
      response,
      deliveryCount: 1,
      isAdjustment: false,
      settings: settingsOf(raw),
      now: SAMPLE_NOW,
    });
    expect(outcomes).toEqual([outcome]);
  });
});

describe('overrides and reviews', () => {
  const raw = {
    urlTemplate: 'https://p.example/',
    statusUrlTemplate: 'https://p.example/status',
    method: 'POST',
    expectedBody: 'OK',
  };

  it.each([
    [
      { urlTemplate: 'https://q.example/' },
      { urlTemplate: 'https://q.example/', method: 'POST', expectedBody: 'OK' },
    ],
    [
      { expectedReply: { body: '1' } },
      {
        urlTemplate: raw.urlTemplate,
        statusUrlTemplate: raw.statusUrlTemplate,
        method: 'POST',
        expectedReply: { body: '1' },
      },
    ],
    [
      { expectedBody: '1', method: 'GET' },
      { ...raw, expectedBody: '1', method: 'GET' },
    ],
    [{}, raw],
    [{ statuses: {} }, null],
    [{ constructor: 'x' }, null],
  ])('%o in place of the settings', (override, whole) => {
    expect(overriddenSettings(partnerPostback, raw, override)).toEqual(whole);
  });

  it('review the template as one for postbacks, by the preset of the network', () => {
    const settings = settingsOf({ urlTemplate: 'http://a.mgid.com/postback?e={event}&r={payout|cents}' });
    expect(partnerPostback.review?.(settings)).toMatchObject([
      { path: 'urlTemplate', code: 'click_id_missing', severity: 'error', position: 0 },
      { path: 'urlTemplate', code: 'not_https', severity: 'warning', position: 0 },
      { path: 'urlTemplate', code: 'wrong_unit', severity: 'error', position: 39 },
    ]);
  });

  it('review the template for changes as one of a conversion that the partner knows', () => {
    const settings = settingsOf({
      urlTemplate: 'https://p.example/new?c={partner_click_id}',
      statusUrlTemplate: 'https://p.example/status?tx={conversion_id}&st={status}',
    });
    expect(partnerPostback.review?.(settings)).toEqual([]);
  });
});
