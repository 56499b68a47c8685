/** TikTok by table: the exact request, what is not valid, the outcome of each response, and what Segment's client sends. */
import { hashSubject, type OutwardConversion } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { driverOf } from './definition.fixture.ts';
import { outwardEvent } from './definition.ts';
import { SAMPLE_NOW, sampleConversion, sampleCorrection, sampleDelivery } from './sample.ts';
import { segmentRequest } from './segment-client.fixture.ts';
import { tiktok } from './tiktok.ts';

const DAY_MS = 86_400_000;
const BASE = { eventSourceId: 'C123', accessToken: 'token-1' };
const OFFLINE = { eventSource: 'offline', eventSourceId: '7654321098765432109' };

const { settingsOf, requestOf, bodyOf, problemsOf, outcomesOf, parses } = driverOf(tiktok, BASE);

type Raw = Readonly<Record<string, unknown>>;

/** The one event of a request, parsed. */
function eventOf(changes: Partial<OutwardConversion>, raw: Raw = {}) {
  return bodyOf([sampleDelivery('Purchase', changes)], raw).data[0];
}

function withTtclid(...ids: readonly { value: string; firstSeenAt: number }[]): Partial<OutwardConversion> {
  const { click } = sampleConversion();
  return { click: click && { ...click, adPlatformIds: ids.map((id) => ({ name: 'ttclid', ...id })) } };
}

const denied = (adUserData: 'granted' | 'denied', adPersonalization: 'granted' | 'denied') => ({
  consent: { adUserData, adPersonalization },
});

describe('settings', () => {
  it.each([
    ['no event source id', { eventSourceId: '' }],
    ['an event source id with a slash', { eventSourceId: 'C/1' }],
    ['no token', { accessToken: '' }],
    ['a token with a line break', { accessToken: 'token\n-1' }],
    ['a version of another shape', { apiVersion: '1.3' }],
    ['a base URL with a path', { baseUrl: 'https://business-api.tiktok.com/open_api' }],
    ['an event source that is not sent', { eventSource: 'app' }],
    ['a click window of no length', { clickWindowDays: 0 }],
    ['a click window longer than TikTok offers', { clickWindowDays: 29 }],
    ['a misspelt setting', { pixelCode: 'C1' }],
  ])('refuse %s', (_what, raw) => {
    expect(parses(raw)).toBe(false);
  });
});

describe('buildRequest', () => {
  it('sends a sale', () => {
    const delivery = sampleDelivery('Purchase');
    const { subjectHashes } = delivery.conversion;
    const request = requestOf([delivery]);
    expect({ ...request, body: JSON.parse(request.body ?? '') }).toEqual({
      method: 'POST',
      url: 'https://business-api.tiktok.com/open_api/v1.3/event/track/',
      headers: { 'access-token': 'token-1', 'content-type': 'application/json' },
      body: {
        event_source: 'web',
        event_source_id: 'C123',
        data: [
          {
            event: 'Purchase',
            event_time: 1_767_319_445,
            event_id: delivery.deliveryId,
            user: {
              email: [subjectHashes['emailPlain']],
              phone: [subjectHashes['phoneE164']],
              external_id: [subjectHashes['customerExternal']],
              first_name: subjectHashes['firstName'],
              last_name: subjectHashes['lastName'],
              zip_code: subjectHashes['postalCode'],
              country: 'us',
              ttclid: 'E.C.P.example-ttclid',
              ttp: '2NdaExample.tt.1',
              ip: '203.0.113.77',
              user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Example/1.0',
            },
            properties: {
              value: 12.34,
              currency: 'USD',
              order_id: 'order-42',
              predicted_ltv: 99.5,
              num_items: 2,
              content_type: 'product',
              content_ids: ['sku-9'],
              contents: [{ content_id: 'sku-9', quantity: 2 }],
              customer_type: 'new',
            },
            page: { url: 'https://shop.example/landing' },
          },
        ],
      },
    });
  });

  it('sends of a sale in a shop only what TikTok takes of one', () => {
    const delivery = sampleDelivery('Purchase');
    const { subjectHashes } = delivery.conversion;
    expect(bodyOf([delivery], OFFLINE)).toEqual({
      event_source: 'offline',
      event_source_id: '7654321098765432109',
      data: [
        {
          event: 'Purchase',
          event_time: 1_767_319_445,
          event_id: delivery.deliveryId,
          user: { email: [subjectHashes['emailPlain']], phone: [subjectHashes['phoneE164']] },
          properties: {
            value: 12.34,
            currency: 'USD',
            order_id: 'order-42',
            predicted_ltv: 99.5,
            num_items: 2,
            content_type: 'product',
            content_ids: ['sku-9'],
            contents: [{ content_id: 'sku-9', quantity: 2 }],
          },
        },
      ],
    });
  });

  it("hashes what TikTok's reference gives as examples to what it gives", () => {
    const forms = hashSubject({
      email: ' ALICE_abc@gmail.com ',
      phone: '(+1)2133734253',
      customerId: 'user_123',
    });
    expect([forms['emailPlain'], forms['phoneE164'], forms['customerExternal']]).toEqual([
      '848a771458438fc2ec420560d769fb9b9b86851ee338ec56517baabd79d3bb4f',
      '9f7ec22d72092cd3c0b58726ed9c2d91b92e51a3f29837508fb2948bb22dd2fd',
      '80fba0ae1c48e3978e43e4efc365e14e12ea0c830ba8ba5b9a2dafc7e3f2ab8b',
    ]);
  });

  it('sends a batch in order, each event under its own id, to where the settings say', () => {
    const deliveries = ['Lead', 'Purchase'].map((event) => sampleDelivery(event));
    const request = requestOf(deliveries, { baseUrl: 'http://127.0.0.1:8090', apiVersion: 'v1.4' });
    expect(request.url).toBe('http://127.0.0.1:8090/open_api/v1.4/event/track/');
    const { data } = JSON.parse(request.body ?? '');
    expect(data.map(({ event, event_id }: Record<string, string>) => [event, event_id])).toEqual(
      deliveries.map(({ event, deliveryId }) => [event, deliveryId]),
    );
  });

  it.each([
    [12_340_000n, '"value":12.34,'],
    [100_000n, '"value":0.1,'],
    [9_200_000_000_000_000_000n, '"value":9200000000000,'],
    [1n, '"value":0.000001,'],
  ])('prints %i micro-units exactly', (micros, text) => {
    const revenue = { micros, currency: 'USD' };
    expect(requestOf([sampleDelivery('Purchase', { revenue })]).body).toContain(text);
  });

  const bare = {
    revenue: null,
    transactionId: null,
    predictedLtv: null,
    productId: null,
    quantity: null,
    isFirstOfCustomer: null,
  };
  it.each<[Partial<OutwardConversion>, unknown]>([
    [bare, {}],
    [{ ...bare, transactionId: 'o-1' }, { order_id: 'o-1' }],
    [
      { ...bare, productId: 'p-1' },
      { content_type: 'product', content_ids: ['p-1'], contents: [{ content_id: 'p-1' }] },
    ],
    [{ ...bare, quantity: 3 }, { num_items: 3 }],
    [{ ...bare, isFirstOfCustomer: false }, { customer_type: 'returning' }],
    [{ ...bare, predictedLtv: { micros: 1_000_000n, currency: 'USD' } }, {}],
    [
      {
        ...bare,
        revenue: { micros: 1_000_000n, currency: 'EUR' },
        predictedLtv: { micros: 2_000_000n, currency: 'USD' },
      },
      { value: 1, currency: 'EUR' },
    ],
  ])('%o has properties %o', (changes, properties) => {
    expect(eventOf(changes).properties).toEqual(properties);
  });

  const { occurredAt } = sampleConversion();
  it.each<[string, Partial<OutwardConversion>, Raw, string | undefined]>([
    ['is the latest click', withTtclid(at('old', 2), at('new', 1)), {}, 'new'],
    ['keeps its case', withTtclid(at('E.C.P.AbC_-', 1)), {}, 'E.C.P.AbC_-'],
    ['counts seven days', withTtclid(at('AbC', 7)), {}, 'AbC'],
    ['does not count eight', withTtclid(at('AbC', 8)), {}, undefined],
    ['counts as many days as the setting says', withTtclid(at('AbC', 8)), { clickWindowDays: 28 }, 'AbC'],
    ['is none that TikTok never made', withTtclid(at('A b\u0000', 1)), {}, undefined],
    ['is nothing without a click', { click: null }, {}, undefined],
  ])('ttclid %s', (_what, changes, raw, ttclid) => {
    expect(eventOf(changes, raw).user.ttclid).toBe(ttclid);
  });

  function at(value: string, daysBefore: number) {
    return { value, firstSeenAt: occurredAt - daysBefore * DAY_MS };
  }

  it.each<[Partial<OutwardConversion>, Raw, boolean | undefined]>([
    [{}, {}, undefined],
    [{}, { limitedDataUse: 'on' }, true],
    [denied('granted', 'denied'), {}, true],
    [denied('denied', 'granted'), { whenConsentDenied: 'limit' }, true],
    [denied('granted', 'denied'), OFFLINE, undefined],
  ])('consent %o under %o: limited_data_use %s', (changes, raw, isLimited) => {
    expect(eventOf(changes, raw).limited_data_use).toBe(isLimited);
  });

  it('marks tests, and only tests, with the test event code', () => {
    const raw = { testEventCode: 'TEST1' };
    expect(bodyOf([sampleDelivery('Purchase', { isTest: true })], raw).test_event_code).toBe('TEST1');
    expect(requestOf([sampleDelivery('Purchase')], raw).body).not.toContain('test_event_code');
    expect(() => requestOf([sampleDelivery('Purchase', { isTest: true })])).toThrow('tiktok');
  });

  it('takes no correction, and says why', () => {
    const { restate, retract } = tiktok.corrections(settingsOf(), 'Purchase');
    expect(restate).toEqual(retract);
    expect(retract).toMatchObject({ form: 'impossible', reason: expect.stringContaining('refund') });
    expect(() => requestOf([sampleCorrection('retract', 'Purchase')])).toThrow('correction_not_taken');
    expect(() => requestOf([sampleCorrection('restate', 'Purchase')])).toThrow('correction_not_taken');
  });

  it('does not name a renewal unless the settings do', () => {
    expect(outwardEvent(tiktok, settingsOf(), 'renewal')).toBeNull();
    expect(outwardEvent(tiktok, settingsOf({ events: { renewal: 'Purchase' } }), 'renewal')).toBe('Purchase');
  });
});

describe("Segment's client", () => {
  const { click, ...sale } = sampleConversion();
  /** In clear, as somebody would hand them to Segment; our edge makes the sample's hashes of the same. */
  const person = {
    email: ['Jane.Doe+news@gmail.com'],
    phone_number: ['+1 650 555 0100'],
    external_id: ['customer-7'],
    first_name: 'Jane',
    last_name: "O'Doe",
    address: { country: 'US', zip_code: '10001' },
  };

  async function segmentBody(payload: object) {
    const settings = { accessToken: 'token-1', pixelCode: 'C123' };
    return segmentRequest('tiktok-conversions', 'reportWebEvent', { payload, settings });
  }

  it('sends the same for the same sale, but for what it leaves empty and what only we know', async () => {
    const delivery = sampleDelivery('Purchase');
    const segment = await segmentBody({
      event: 'Purchase',
      event_id: delivery.deliveryId,
      timestamp: new Date(sale.occurredAt).toISOString(),
      ...person,
      ttclid: 'E.C.P.example-ttclid',
      ttp: sale.extras['ttp'],
      url: click?.landingUrl,
      ip: sale.ipAddress,
      user_agent: sale.userAgent,
      order_id: sale.transactionId,
      value: 12.34,
      currency: 'USD',
      content_type: 'product',
      contents: [{ content_id: sale.productId, quantity: sale.quantity }],
      test_event_code: undefined,
    });
    const request = requestOf([delivery]);
    const body = JSON.parse(request.body ?? '');
    const { user, properties, ...rest } = body.data[0];
    // Not in Segment's mapping; all three stand in TikTok's reference or in RudderStack's.
    const { predicted_ltv, num_items, content_ids, customer_type, ...shared } = properties;
    expect([predicted_ltv, num_items, content_ids, customer_type]).toEqual([99.5, 2, ['sku-9'], 'new']);
    expect(segment).toEqual({
      url: request.url,
      headers: { 'Access-Token': 'token-1', 'Content-Type': 'application/json' },
      body: {
        ...body,
        partner_name: 'Segment',
        data: [
          // An address without a city is sent as an empty text, and the flag always.
          {
            ...rest,
            user: { ...user, city: '', state: '' },
            properties: shared,
            limited_data_use: false,
          },
        ],
      },
    });
  });

  it('marks a test and a limited event in the same way', async () => {
    const raw = { testEventCode: 'TEST1', limitedDataUse: 'on' };
    const segment = await segmentBody({
      event: 'Lead',
      url: 'https://shop.example/landing',
      test_event_code: 'TEST1',
      limited_data_use: true,
    });
    const ours = bodyOf([sampleDelivery('Lead', { isTest: true })], raw);
    expect(segment.body).toMatchObject({
      test_event_code: ours.test_event_code,
      data: [{ event: 'Lead', limited_data_use: ours.data[0].limited_data_use, page: ours.data[0].page }],
    });
  });
});

describe('validate', () => {
  const offline = (raw: Raw = {}) => ({ ...OFFLINE, ...raw });
  const at = (ageMs: number) => ({ occurredAt: SAMPLE_NOW - ageMs });

  it.each<[string, Partial<OutwardConversion>, Raw, string[]]>([
    ['a complete sale', {}, {}, []],
    ['seven days old', at(7 * DAY_MS), {}, []],
    ['older than seven days', at(7 * DAY_MS + 1), {}, ['event_time too_old']],
    ['in a shop, 28 days old', at(28 * DAY_MS), offline(), []],
    ['in a shop, older than 28 days', at(28 * DAY_MS + 1), offline(), ['event_time too_old']],
    [
      'nobody, whom TikTok asks for nowhere',
      {
        subjectHashes: {},
        click: null,
        extras: { event_source_url: 'https://s.example/' },
        ipAddress: null,
        userAgent: null,
      },
      {},
      [],
    ],
    ['without a page', { click: null }, {}, ['page.url field_missing']],
    ['in a shop, without a page', { click: null }, offline(), []],
    ['a page that is no URL', { extras: { event_source_url: 'shop' } }, {}, ['page.url field_missing']],
    ['without a value', { revenue: null }, {}, []],
    [
      'in no currency',
      { revenue: { micros: 1n, currency: 'ZZZ' } },
      {},
      ['properties.currency value_invalid'],
    ],
    [
      'in a currency that TikTok does not support',
      { revenue: { micros: 1n, currency: 'XOF' } },
      {},
      ['properties.currency value_invalid'],
    ],
    ['consent denied', denied('denied', 'denied'), {}, ['user consent_denied']],
    ['consent denied, limited', denied('denied', 'denied'), { whenConsentDenied: 'limit' }, []],
    [
      'in a shop, consent denied, which cannot be limited there',
      denied('denied', 'denied'),
      offline({ whenConsentDenied: 'limit' }),
      ['user consent_denied'],
    ],
    ['a test without code', { isTest: true }, {}, ['test_event_code test_not_possible']],
    ['a test with code', { isTest: true }, { testEventCode: 'TEST1' }, []],
  ])('%s', (_what, changes, raw, expected) => {
    expect(problemsOf('Purchase', changes, raw)).toEqual(expected);
  });

  it('takes an event of its own name from a site, not from a shop', () => {
    expect(problemsOf('Renewal')).toEqual([]);
    expect(problemsOf('Renewal', {}, offline())).toEqual(['event value_invalid']);
  });
});

describe('judge', () => {
  const code = (number: number) =>
    JSON.stringify({ code: number, message: 'words', request_id: 'x', data: {} });
  const detail = (number: number) => `${number}: words`;

  const taken = { outcome: 'delivered' };
  const again = (reason: string, number: number) => ({ outcome: 'retry', reason, detail: detail(number) });
  const split = (reason: string, number: number) => ({ ...again(reason, number), splitBatch: true });
  const event = (reason: string, number: number) => ({
    outcome: 'refused',
    reason,
    scope: 'event',
    detail: detail(number),
  });
  const all = (reason: string, number: number) => ({ ...event(reason, number), scope: 'destination' });
  const unreadable = { outcome: 'retry', reason: 'response_unreadable' };

  it.each<[number, string, number, unknown]>([
    [200, code(0), 1, taken],
    [200, code(0), 3, taken],
    [200, '{"code":0}', 1, taken],
    [500, code(0), 1, again('platform_failing', 0)],
    [404, code(0), 1, { ...unreadable, detail: detail(0) }],
    [200, code(40_050), 2, taken],
    [200, code(20_001), 3, split('partly_taken', 20_001)],
    [200, code(20_001), 1, again('partly_taken', 20_001)],
    [200, code(40_100), 1, again('throttled', 40_100)],
    [200, code(40_132), 1, again('throttled', 40_132)],
    [429, code(40_000), 1, again('throttled', 40_000)],
    [200, code(40_202), 4, again('platform_failing', 40_202)],
    [200, code(50_000), 1, again('platform_failing', 50_000)],
    [200, code(50_002), 1, again('platform_failing', 50_002)],
    [200, code(51_010), 1, again('platform_failing', 51_010)],
    [200, code(51_012), 1, again('platform_failing', 51_012)],
    [200, code(20_002), 1, again('platform_failing', 20_002)],
    [200, code(-1), 1, again('platform_failing', -1)],
    [503, code(40_002), 1, again('platform_failing', 40_002)],
    [200, code(40_102), 5, all('token_invalid', 40_102)],
    [200, code(40_104), 1, all('token_invalid', 40_104)],
    [401, code(40_105), 1, all('token_invalid', 40_105)],
    [200, code(40_001), 2, all('permission_denied', 40_001)],
    [200, code(40_003), 1, all('permission_denied', 40_003)],
    [200, code(40_118), 1, all('permission_denied', 40_118)],
    [200, code(40_125), 1, all('permission_denied', 40_125)],
    [200, code(40_130), 1, all('permission_denied', 40_130)],
    [200, code(40_002), 2, split('batch_refused', 40_002)],
    [200, code(40_002), 1, event('event_invalid', 40_002)],
    [200, code(40_000), 1, event('event_invalid', 40_000)],
    [200, code(40_061), 9, split('batch_refused', 40_061)],
    [200, code(40_061), 1, event('event_invalid', 40_061)],
    [200, code(40_062), 2, split('batch_refused', 40_062)],
    [200, code(40_062), 1, event('identifier_unhashed', 40_062)],
    [200, code(40_999), 1, event('event_invalid', 40_999)],
    [200, '{"code":"0"}', 1, unreadable],
    [200, '<html>', 1, unreadable],
    [200, '', 1, unreadable],
    [404, '<html>', 1, unreadable],
    [502, '<html>', 1, { outcome: 'retry', reason: 'http_502' }],
    [302, code(0), 1, { outcome: 'refused', reason: 'redirect_not_followed', scope: 'destination' }],
  ])('%i %s for %i', (status, body, deliveryCount, outcome) => {
    const outcomes = outcomesOf({ status, body }, deliveryCount);
    expect(outcomes).toEqual(Array.from({ length: deliveryCount }, () => outcome));
  });

  it('honours Retry-After', () => {
    const headers = { 'retry-after': '60' };
    expect(outcomesOf({ status: 200, headers, body: code(40_100) })).toEqual([
      { ...again('throttled', 40_100), afterMs: 60_000 },
    ]);
  });
});
