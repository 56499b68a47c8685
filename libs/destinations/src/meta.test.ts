/** Meta by table: the exact request, what is not valid, and the outcome of each response. */
import type { OutwardConversion } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { driverOf } from './definition.fixture.ts';
import { outwardEvent, parseSettings } from './definition.ts';
import { meta } from './meta.ts';
import { SAMPLE_NOW, sampleConversion, sampleCorrection, sampleDelivery } from './sample.ts';

const DAY_MS = 86_400_000;
const TOKEN = { pixelId: '123', accessToken: 'EAAB-token' };

const { settingsOf, requestOf, bodyOf, problemsOf, outcomesOf } = driverOf(meta, TOKEN);

/** The one event of a request, parsed. */
function eventOf(changes: Partial<OutwardConversion>, raw: Readonly<Record<string, unknown>> = {}) {
  return bodyOf([sampleDelivery('Purchase', changes)], raw).data[0];
}

function withFbclid(...ids: readonly { value: string; firstSeenAt: number }[]): Partial<OutwardConversion> {
  const { click } = sampleConversion();
  return { click: click && { ...click, adPlatformIds: ids.map((id) => ({ name: 'fbclid', ...id })) } };
}

describe('settings', () => {
  it.each([
    ['a pixel id with letters', { pixelId: 'px1' }],
    ['no token', { accessToken: '' }],
    ['a version of another shape', { apiVersion: '25' }],
    ['a base URL with a path', { baseUrl: 'https://graph.facebook.com/v1' }],
    ['a base URL with credentials', { baseUrl: 'https://a@graph.facebook.com' }],
    ['a base URL that is none', { baseUrl: 'https://h:99999' }],
    ['a base URL of another scheme', { baseUrl: 'file://x' }],
    ['an unknown action source', { actionSource: 'web' }],
    ['a misspelt setting', { pixelID: '1' }],
  ])('refuse %s', (_what, raw) => {
    expect(parseSettings(meta, { ...TOKEN, ...raw }).ok).toBe(false);
  });
});

describe('buildRequest', () => {
  it('sends a sale', () => {
    const delivery = sampleDelivery('Purchase');
    const { subjectHashes } = delivery.conversion;
    const request = requestOf([delivery]);
    expect({ ...request, body: JSON.parse(request.body ?? '') }).toEqual({
      method: 'POST',
      url: 'https://graph.facebook.com/v25.0/123/events',
      headers: { authorization: 'Bearer EAAB-token', 'content-type': 'application/json' },
      body: {
        data: [
          {
            event_name: 'Purchase',
            event_time: 1_767_319_445,
            event_id: delivery.deliveryId,
            action_source: 'website',
            event_source_url: 'https://shop.example/landing',
            user_data: {
              em: [subjectHashes['emailPlain']],
              ph: [subjectHashes['phoneDigits']],
              external_id: [subjectHashes['customerExternal']],
              fn: [subjectHashes['firstNameLetters']],
              ln: [subjectHashes['lastNameLetters']],
              ct: [subjectHashes['city']],
              st: [subjectHashes['state']],
              zp: [subjectHashes['postalCode']],
              country: [subjectHashes['country']],
              client_ip_address: '203.0.113.77',
              client_user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Example/1.0',
              fbc: 'fb.1.1767315845678.IwAR0AbC-dEf_123',
              fbp: 'fb.1.1767315845678.987654321',
            },
            custom_data: {
              value: 12.34,
              currency: 'USD',
              order_id: 'order-42',
              predicted_ltv: 99.5,
              num_items: 2,
              content_type: 'product',
              content_ids: ['sku-9'],
              contents: [{ id: 'sku-9', quantity: 2 }],
            },
          },
        ],
      },
    });
  });

  it('sends a batch in order, each event under its own id, to where the settings say', () => {
    const deliveries = ['Lead', 'Purchase'].map((event) => sampleDelivery(event));
    const request = requestOf(deliveries, { baseUrl: 'http://127.0.0.1:8090', apiVersion: 'v26.0' });
    expect(request.url).toBe('http://127.0.0.1:8090/v26.0/123/events');
    const { data } = JSON.parse(request.body ?? '');
    expect(data.map((event: { event_id: string }) => event.event_id)).toEqual(
      deliveries.map((d) => d.deliveryId),
    );
  });

  it.each([
    [12_340_000n, '"value":12.34,'],
    [19_990_000n, '"value":19.99,'],
    [100_000n, '"value":0.1,'],
    [9_200_000_000_000_000_000n, '"value":9200000000000,'],
    [1n, '"value":0.000001,'],
  ])('prints %i micro-units exactly', (micros, text) => {
    const revenue = { micros, currency: 'EUR' };
    expect(requestOf([sampleDelivery('Purchase', { revenue })]).body).toContain(text);
  });

  const eur = { micros: 1_000_000n, currency: 'EUR' };
  it.each<[Partial<OutwardConversion>, unknown]>([
    [{ revenue: null }, { order_id: 'order-42' }],
    [{ transactionId: null }, { value: 12.34, currency: 'USD' }],
    [{ revenue: null, transactionId: null }, undefined],
    [
      { revenue: null, transactionId: null, productId: 'sku-1' },
      { content_type: 'product', content_ids: ['sku-1'], contents: [{ id: 'sku-1' }] },
    ],
    [{ revenue: null, transactionId: null, quantity: 3 }, { num_items: 3 }],
    [
      { predictedLtv: { micros: 100_000n, currency: 'USD' } },
      { value: 12.34, currency: 'USD', order_id: 'order-42', predicted_ltv: 0.1 },
    ],
  ])('%o has custom_data %o', (changes, customData) => {
    const bare = { productId: null, quantity: null, predictedLtv: null };
    expect(eventOf({ ...bare, ...changes }).custom_data).toEqual(customData);
  });

  it('leaves out what the customer is worth in another currency: an event names only one', () => {
    expect(eventOf({ revenue: eur }).custom_data).not.toHaveProperty('predicted_ltv');
  });

  const seen = SAMPLE_NOW - DAY_MS;
  const cookie = `fb.2.${seen - 5}.AbC`;
  it.each<[string, Partial<OutwardConversion>, string | undefined]>([
    ['is built from the click', withFbclid({ value: 'AbC', firstSeenAt: seen }), `fb.1.${seen}.AbC`],
    [
      'is the latest click',
      withFbclid({ value: 'old', firstSeenAt: seen - 9 }, { value: 'new', firstSeenAt: seen }),
      `fb.1.${seen}.new`,
    ],
    [
      'is left out after 90 days',
      withFbclid({ value: 'AbC', firstSeenAt: SAMPLE_NOW - 91 * DAY_MS }),
      undefined,
    ],
    [
      'is left out when no cookie could hold it',
      withFbclid({ value: 'A b\u0000', firstSeenAt: seen }),
      undefined,
    ],
    [
      'is the cookie of the same click',
      { ...withFbclid({ value: 'AbC', firstSeenAt: seen }), extras: { fbc: cookie } },
      cookie,
    ],
    [
      'is rebuilt when the cookie holds another click',
      { ...withFbclid({ value: 'Other', firstSeenAt: seen }), extras: { fbc: cookie } },
      `fb.1.${seen}.Other`,
    ],
    ['is the cookie alone', { click: null, extras: { fbc: cookie } }, cookie],
    ['is not a cookie of another shape', { click: null, extras: { fbc: 'nonsense' } }, undefined],
    ['is nothing without a click', { click: null }, undefined],
  ])('fbc %s', (_what, changes, fbc) => {
    expect(eventOf(changes).user_data.fbc).toBe(fbc);
  });

  it.each([
    [{ fbp: 'fb.1.1767315845678.987654321' }, 'fb.1.1767315845678.987654321'],
    [{ fbp: 'GA1.2.3' }, undefined],
    [{}, undefined],
  ])('passes fbp of %o on as %s', (extras, fbp) => {
    expect(eventOf({ extras }).user_data.fbp).toBe(fbp);
  });

  const denied = (adUserData: 'granted' | 'denied', adPersonalization: 'granted' | 'denied') => ({
    consent: { adUserData, adPersonalization },
  });
  const located = { options: ['LDU'], country: 0, state: 0 };
  it.each([
    [{}, {}, undefined, {}],
    [denied('granted', 'denied'), {}, true, {}],
    [denied('denied', 'granted'), { whenConsentDenied: 'limit' }, undefined, located],
    [{}, { limitedDataUse: 'located' }, undefined, located],
    [{}, { limitedDataUse: 'california' }, undefined, { options: ['LDU'], country: 1, state: 1_000 }],
  ])('consent %o under %o: opt_out %s, data use %o', (changes, raw, optOut, use) => {
    const event = eventOf(changes, raw);
    expect(event.opt_out).toBe(optOut);
    expect({
      options: event.data_processing_options,
      country: event.data_processing_options_country,
      state: event.data_processing_options_state,
    }).toEqual({ options: undefined, country: undefined, state: undefined, ...use });
  });

  it('marks tests, and only tests, with the test event code', () => {
    const raw = { testEventCode: 'TEST1' };
    const test = requestOf([sampleDelivery('Purchase', { isTest: true })], raw);
    expect(JSON.parse(test.body ?? '').test_event_code).toBe('TEST1');
    expect(requestOf([sampleDelivery('Purchase')], raw).body).not.toContain('test_event_code');
    expect(() => requestOf([sampleDelivery('Purchase', { isTest: true })])).toThrow('meta');
  });

  it('takes no correction, and says why', () => {
    const { restate, retract } = meta.corrections(settingsOf(), 'Purchase');
    expect(restate).toEqual(retract);
    expect(retract).toMatchObject({ form: 'impossible', reason: expect.stringContaining('take back') });
    expect(() => requestOf([sampleCorrection('retract', 'Purchase')])).toThrow('correction_not_taken');
  });

  it('does not name a renewal unless the settings do', () => {
    expect(outwardEvent(meta, settingsOf(), 'renewal')).toBeNull();
    expect(outwardEvent(meta, settingsOf({ events: { renewal: 'Purchase' } }), 'renewal')).toBe('Purchase');
  });
});

describe('validate', () => {
  const anonymous = { subjectHashes: {}, click: null, extras: {}, ipAddress: null };

  it.each<[string, Partial<OutwardConversion>, Readonly<Record<string, unknown>>, string[]]>([
    ['a complete sale', {}, {}, []],
    ['seven days old', { occurredAt: SAMPLE_NOW - 7 * DAY_MS }, {}, []],
    ['older than seven days', { occurredAt: SAMPLE_NOW - 7 * DAY_MS - 1 }, {}, ['event_time too_old']],
    [
      'in a store, older than seven days',
      { occurredAt: SAMPLE_NOW - 8 * DAY_MS },
      { actionSource: 'physical_store' },
      [],
    ],
    [
      'in a store, older than 62 days',
      { occurredAt: SAMPLE_NOW - 62 * DAY_MS - 1 },
      { actionSource: 'physical_store' },
      ['event_time too_old'],
    ],
    ['a minute ahead', { occurredAt: SAMPLE_NOW + 60_000 }, {}, []],
    ['more than a minute ahead', { occurredAt: SAMPLE_NOW + 60_001 }, {}, ['event_time in_future']],
    ['nobody', anonymous, { actionSource: 'system_generated' }, ['user_data identifier_missing']],
    [
      'only a country',
      { ...anonymous, subjectHashes: { country: 'c'.repeat(64) } },
      { actionSource: 'system_generated' },
      ['user_data identifier_missing'],
    ],
    [
      'IP address and user agent',
      { ...anonymous, ipAddress: '203.0.113.1' },
      { actionSource: 'system_generated' },
      [],
    ],
    ['an fbp alone', { ...anonymous, extras: { fbp: 'fb.1.1.1' } }, { actionSource: 'chat' }, []],
    ['a sale without value', { revenue: null }, {}, ['custom_data.value field_missing']],
    [
      'a sale in no currency',
      { revenue: { micros: 1n, currency: 'ZZZ' } },
      {},
      ['custom_data.currency value_invalid'],
    ],
    [
      'a website event without page and browser',
      { click: null, userAgent: null },
      {},
      ['event_source_url field_missing', 'user_data.client_user_agent field_missing'],
    ],
    [
      'a page that is no URL',
      { extras: { event_source_url: 'shop' } },
      {},
      ['event_source_url field_missing'],
    ],
    [
      'consent denied',
      { consent: { adUserData: 'denied', adPersonalization: 'denied' } },
      {},
      ['user_data consent_denied'],
    ],
    [
      'consent denied, limited',
      { consent: { adUserData: 'denied', adPersonalization: 'denied' } },
      { whenConsentDenied: 'limit' },
      [],
    ],
    ['a test without code', { isTest: true }, {}, ['test_event_code test_not_possible']],
    ['a test with code', { isTest: true }, { testEventCode: 'TEST1' }, []],
  ])('%s', (_what, changes, raw, expected) => {
    expect(problemsOf('Purchase', changes, raw)).toEqual(expected);
  });

  it('lets a lead go without a value', () => {
    expect(problemsOf('Lead', { revenue: null })).toEqual([]);
  });
});

describe('judge', () => {
  const error = (code: number, more: Readonly<Record<string, unknown>> = {}) =>
    JSON.stringify({ error: { message: 'words', type: 'OAuthException', code, fbtrace_id: 'x', ...more } });
  const sub = (error_subcode: number) => error(100, { error_subcode });

  const taken = { outcome: 'delivered' };
  const again = (reason: string, detail?: string) => ({
    outcome: 'retry',
    reason,
    ...(detail && { detail }),
  });
  const split = (reason: string, detail: string) => ({ ...again(reason, detail), splitBatch: true });
  const event = (reason: string, detail: string) => ({ outcome: 'refused', reason, scope: 'event', detail });
  const all = (reason: string, detail: string) => ({
    outcome: 'refused',
    reason,
    scope: 'destination',
    detail,
  });
  const redirected = { outcome: 'refused', reason: 'redirect_not_followed', scope: 'destination' };
  const unreadable = again('response_unreadable');

  it.each<[number, string, number, unknown]>([
    [200, '{"events_received":1,"messages":[],"fbtrace_id":"x"}', 1, taken],
    [200, '{"events_received":3}', 3, taken],
    [200, '{"events_received":2}', 3, split('events_not_received', 'events_received 2 of 3')],
    [200, '{"events_received":0}', 1, again('events_not_received', 'events_received 0 of 1')],
    [200, '', 1, unreadable],
    [200, '<html>', 1, unreadable],
    [200, '{"events_received":"1"}', 1, unreadable],
    [200, error(190), 1, all('token_invalid', '190: words')],
    [302, '{"events_received":1}', 1, redirected],
    [400, '<html>', 1, unreadable],
    [404, '<html>', 1, unreadable],
    [400, '{"events_received":1}', 1, unreadable],
    [503, '<html>', 1, again('http_503')],
    [401, error(190, { error_subcode: 463 }), 5, all('token_invalid', '190/463: words')],
    [403, error(200), 1, all('permission_denied', '200: words')],
    [400, sub(33), 7, all('dataset_unreachable', '100/33: words')],
    [400, sub(2_804_003), 1, event('event_too_old', '100/2804003: words')],
    [400, sub(2_804_003), 2, split('batch_refused', '100/2804003: words')],
    [400, sub(2_804_009), 1, event('event_invalid', '100/2804009: words')],
    [400, error(100, { error_user_msg: 'more' }), 1, event('event_invalid', '100: words: more')],
    [400, error(3), 1, event('event_invalid', '3: words')],
    [400, error(105), 1, event('event_invalid', '105: words')],
    [400, error(294), 1, event('event_invalid', '294: words')],
    [400, error(2_650), 1, event('event_invalid', '2650: words')],
    [400, error(1), 1, again('platform_failing', '1: words')],
    [400, error(2), 1, again('platform_failing', '2: words')],
    [400, error(341), 1, again('platform_failing', '341: words')],
    [400, error(368), 1, again('platform_failing', '368: words')],
    [400, error(5_000), 1, again('platform_failing', '5000: words')],
    [400, error(21_009), 1, again('platform_failing', '21009: words')],
    [400, error(99_999), 1, again('platform_failing', '99999: words')],
    [400, error(100, { is_transient: true }), 1, again('platform_failing', '100: words')],
    [500, error(100), 1, again('platform_failing', '100: words')],
    [400, error(4), 1, again('throttled', '4: words')],
    [400, error(17), 1, again('throttled', '17: words')],
    [400, error(80_003), 1, again('throttled', '80003: words')],
    [429, error(100), 1, again('throttled', '100: words')],
  ])('%i %s for %i', (status, body, deliveryCount, outcome) => {
    const outcomes = outcomesOf({ status, body }, deliveryCount);
    expect(outcomes).toEqual(Array.from({ length: deliveryCount }, () => outcome));
  });

  it('honours Retry-After', () => {
    expect(outcomesOf({ status: 429, headers: { 'retry-after': '60' }, body: error(4) })).toEqual([
      { ...again('throttled', '4: words'), afterMs: 60_000 },
    ]);
  });
});
