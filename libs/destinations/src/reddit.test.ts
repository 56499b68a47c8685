/** Reddit by table: the exact request, what is not valid, and the outcome of each response. */
import { hashIdentifier, type OutwardConversion } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { driverOf } from './definition.fixture.ts';
import { envelopeOf, outwardEvent } from './definition.ts';
import { DAY_MS, MINUTE_MS } from './event-time.ts';
import { reddit } from './reddit.ts';
import { SAMPLE_NOW, sampleConversion, sampleCorrection, sampleDelivery } from './sample.ts';
import { segmentRequest } from './segment-client.fixture.ts';

const TOKEN = { pixelId: 'a2_pixel', accessToken: 'conversion-token' };
const UUID = '1767315845678.3d9c1f2e-4444-4555-8666-a77788899900';

const { settingsOf, requestOf, bodyOf, problemsOf, outcomesOf, parses } = driverOf(reddit, TOKEN);

function eventOf(
  changes: Partial<OutwardConversion>,
  raw: Readonly<Record<string, unknown>> = {},
  name = 'PURCHASE',
) {
  return bodyOf([sampleDelivery(name, changes)], raw).data.events[0];
}

describe('settings', () => {
  it.each([
    ['a pixel id with a slash', { pixelId: 'a2/x' }],
    ['no token', { accessToken: '' }],
    ['a version of another shape', { apiVersion: '3' }],
    ['a base URL with a path', { baseUrl: 'https://ads-api.reddit.com/api' }],
    ['an action source in lower case', { actionSource: 'website' }],
    ['a test id with a space', { testId: 't2 x' }],
    ['a custom event of more than 64 characters', { events: { sale: 'n'.repeat(65) } }],
    ['a misspelt setting', { pixelID: 'a2_pixel' }],
  ])('refuse %s', (_what, raw) => {
    expect(parses(raw)).toBe(false);
  });

  it('take a custom event of 64 characters', () => {
    expect(parses({ events: { sale: 'n'.repeat(64) } })).toBe(true);
  });
});

describe('buildRequest', () => {
  it('sends a sale', () => {
    const delivery = sampleDelivery('PURCHASE');
    const { subjectHashes } = delivery.conversion;
    const request = requestOf([delivery]);
    expect({ ...request, body: JSON.parse(request.body ?? '') }).toEqual({
      method: 'POST',
      url: 'https://ads-api.reddit.com/api/v3/pixels/a2_pixel/conversion_events',
      headers: { authorization: 'Bearer conversion-token', 'content-type': 'application/json' },
      body: {
        data: {
          events: [
            {
              click_id: '5012345678901234567',
              event_at: 1_767_319_445_678,
              event_source_url: 'https://shop.example/landing',
              action_source: 'WEBSITE',
              type: { tracking_type: 'PURCHASE' },
              user: {
                email: subjectHashes['emailDotless'],
                phone_number: subjectHashes['phoneE164'],
                external_id: hashIdentifier('customer-7'),
                ip_address: hashIdentifier('203.0.113.77'),
                user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Example/1.0',
                uuid: UUID,
              },
              metadata: {
                conversion_id: delivery.deliveryId,
                currency: 'USD',
                value: 12.34,
                item_count: 2,
                products: [{ id: 'sku-9', quantity: 2 }],
              },
            },
          ],
        },
      },
    });
  });

  it("sends the click and the person that Segment's client sends for the same conversion", async () => {
    // It speaks v2, of which `user` and `click_id` are unchanged in v3; what it calls otherwise is compared by its new name.
    const { body } = await segmentRequest('reddit-conversions-api', 'standardEvent', {
      payload: {
        event_at: new Date(SAMPLE_NOW - 3_600_000).toISOString(),
        tracking_type: 'Purchase',
        click_id: '5012345678901234567',
        products: [{ id: 'sku-9' }],
        event_metadata: { currency: 'USD', value_decimal: 12.34, item_count: 2 },
        data_processing_options: { country: 'US', modes: 'LDU' },
        user: {
          email: 'Jane.Doe+news@gmail.com',
          phone_number: '+1 650 555 0100',
          external_id: 'customer-7',
          ip_address: '203.0.113.77',
          user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Example/1.0',
          uuid: UUID,
        },
      },
      settings: { ad_account_id: 'a2_pixel', conversion_token: 'conversion-token' },
    });
    const { events } = body as { readonly events: readonly Readonly<Record<string, unknown>>[] };
    const { click_id, event_at, event_metadata, user } = events[0] ?? {};
    const sent = eventOf({}, { limitedDataUse: 'on' });
    expect(sent.click_id).toBe(click_id);
    const { phone_number, ...others } = sent.user;
    expect(others).toEqual(user);
    // Only later versions of it send a phone; 3.497.0 made this of the same number.
    expect(phone_number).toBe('1967dd8f4b44678ba10eaff05f8ceabcc7268d481f2a637b3dc75d85f3199244');
    expect(new Date(sent.event_at).toISOString()).toBe(event_at);
    const { value, item_count, currency } = sent.metadata;
    expect({ value_decimal: value, item_count, currency, products: [{ id: 'sku-9' }] }).toEqual(
      event_metadata,
    );
  });

  it('hashes as the examples of the integration guide are hashed', () => {
    const alice = 'ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976';
    const phone = 'e5b124c58580eb16bd959b8d0cac12b12c952e2ceae0203d416cff94f10b994a';
    expect(hashIdentifier('alice@example.com')).toBe(alice);
    expect(hashIdentifier('+15554441234')).toBe(phone);
    expect(eventOf({ subjectHashes: { emailDotless: alice, phoneE164: phone } }).user).toMatchObject({
      email: alice,
      phone_number: phone,
    });
  });

  it('sends a batch in order, each event under its own id, to where the settings say', () => {
    const deliveries = ['LEAD', 'PURCHASE'].map((event) => sampleDelivery(event));
    const request = requestOf(deliveries, { baseUrl: 'http://127.0.0.1:8090', apiVersion: 'v4' });
    expect(request.url).toBe('http://127.0.0.1:8090/api/v4/pixels/a2_pixel/conversion_events');
    const { events } = JSON.parse(request.body ?? '').data;
    expect(
      events.map((event: { metadata: { conversion_id: string } }) => event.metadata.conversion_id),
    ).toEqual(deliveries.map((d) => d.deliveryId));
  });

  it.each([
    ['PURCHASE', { tracking_type: 'PURCHASE' }],
    ['SIGN_UP', { tracking_type: 'SIGN_UP' }],
    ['StartTrial', { tracking_type: 'CUSTOM', custom_event_name: 'StartTrial' }],
    ['Purchase', { tracking_type: 'CUSTOM', custom_event_name: 'Purchase' }],
    ['CUSTOM', { tracking_type: 'CUSTOM', custom_event_name: 'CUSTOM' }],
  ])('sends %s as %j', (name, type) => {
    expect(eventOf({}, {}, name).type).toEqual(type);
  });

  it.each([
    [12_340_000n, '"value":12.34,'],
    [100_000n, '"value":0.1,'],
    [9_200_000_000_000_000_000n, '"value":9200000000000,'],
    [1n, '"value":0.000001,'],
  ])('prints %i micro-units exactly', (micros, text) => {
    const revenue = { micros, currency: 'EUR' };
    expect(requestOf([sampleDelivery('PURCHASE', { revenue })]).body).toContain(text);
  });

  it.each<[Partial<OutwardConversion>, object]>([
    [{ revenue: null }, { item_count: 2, products: [{ id: 'sku-9', quantity: 2 }] }],
    [{ revenue: null, quantity: null }, { products: [{ id: 'sku-9' }] }],
    [{ revenue: null, productId: null }, { item_count: 2 }],
    [
      { productId: null, quantity: null },
      { value: 12.34, currency: 'USD' },
    ],
  ])('%j has metadata %j', (changes, metadata) => {
    expect(eventOf(changes).metadata).toEqual({ conversion_id: expect.any(String), ...metadata });
  });

  it.each<[string, string | undefined, string]>([
    ['WEBSITE', 'https://shop.example/landing', 'a browser'],
    ['APP', undefined, 'a browser'],
    ['OTHER', undefined, 'a browser'],
    ['PHYSICAL_STORE', undefined, 'nothing of a browser'],
  ])('of %s has page %s and %s', (actionSource, page, told) => {
    const event = eventOf({}, { actionSource });
    expect(event.action_source).toBe(actionSource);
    expect(event.event_source_url).toBe(page);
    const all = ['email', 'phone_number', 'external_id', 'ip_address', 'user_agent', 'uuid'];
    expect(Object.keys(event.user)).toEqual(told === 'a browser' ? all : all.slice(0, 3));
    expect(event.click_id).toBe(told === 'a browser' ? '5012345678901234567' : undefined);
  });

  it.each([
    [{ rdt_uuid: UUID }, UUID],
    [{ rdt_uuid: '1700000000.abcd-uuid' }, undefined],
    [{}, undefined],
  ])('passes the uuid of %j on as %s', (extras, uuid) => {
    expect(eventOf({ extras }).user.uuid).toBe(uuid);
  });

  const consent = (adUserData: 'granted' | 'denied', adPersonalization: 'granted' | 'denied') => ({
    consent: { adUserData, adPersonalization },
  });
  const limited = { modes: ['LDU'], country: 'US' };
  it.each<[Partial<OutwardConversion>, object, unknown]>([
    [{}, {}, undefined],
    [{}, { limitedDataUse: 'on' }, limited],
    [{ country: null }, { limitedDataUse: 'on' }, { modes: ['LDU'] }],
    [consent('granted', 'denied'), {}, limited],
    [consent('denied', 'granted'), { whenConsentDenied: 'limit' }, limited],
  ])('%j under %j: data use %j', (changes, raw, options) => {
    expect(eventOf(changes, { ...raw }).user.data_processing_options).toEqual(options);
  });

  it('marks tests, and only tests, with the test id, and sends each alone', () => {
    const raw = { testId: 't2_test' };
    const test = sampleDelivery('PURCHASE', { isTest: true });
    expect(bodyOf([test], raw).data.test_id).toBe('t2_test');
    expect(requestOf([sampleDelivery('PURCHASE')], raw).body).not.toContain('test_id');
    expect(() => requestOf([test])).toThrow('reddit');
    const other = sampleDelivery('LEAD', { isTest: true });
    expect(envelopeOf(reddit, test, settingsOf(raw))).not.toBe(envelopeOf(reddit, other, settingsOf(raw)));
    expect(() => requestOf([test, other], raw)).toThrow('must not share one');
  });

  it('takes no correction, and says why', () => {
    const { restate, retract } = reddit.corrections(settingsOf(), 'PURCHASE');
    expect(restate).toEqual(retract);
    expect(retract).toMatchObject({ form: 'impossible', reason: expect.stringContaining('only be posted') });
    expect(() => requestOf([sampleCorrection('restate', 'PURCHASE')])).toThrow('correction_not_taken');
  });

  it('does not name a renewal unless the settings do', () => {
    expect(outwardEvent(reddit, settingsOf(), 'renewal')).toBeNull();
    expect(outwardEvent(reddit, settingsOf({ events: { renewal: 'Renewal' } }), 'renewal')).toBe('Renewal');
  });
});

describe('validate', () => {
  const nobody = { subjectHashes: {}, customerId: null, click: null, extras: {} };
  const denied = { consent: { adUserData: 'denied', adPersonalization: 'denied' } } as const;
  const { click } = sampleConversion();
  it.each<[string, Partial<OutwardConversion>, Readonly<Record<string, unknown>>, string[]]>([
    ['a complete sale', {}, {}, []],
    ['seven days old', { occurredAt: SAMPLE_NOW - 7 * DAY_MS }, {}, []],
    ['older than seven days', { occurredAt: SAMPLE_NOW - 7 * DAY_MS - 1 }, {}, ['event_at too_old']],
    ['five minutes ahead', { occurredAt: SAMPLE_NOW + 5 * MINUTE_MS }, {}, []],
    [
      'more than five minutes ahead',
      { occurredAt: SAMPLE_NOW + 5 * MINUTE_MS + 1 },
      {},
      ['event_at in_future'],
    ],
    ['address and browser alone', nobody, {}, ['user identifier_missing']],
    ['a click alone', { ...nobody, click }, {}, []],
    ['an e-mail alone', { ...nobody, subjectHashes: { emailDotless: 'e'.repeat(64) } }, {}, []],
    [
      'another form of the e-mail',
      { ...nobody, subjectHashes: { emailPlain: 'e'.repeat(64) } },
      {},
      ['user identifier_missing'],
    ],
    ['a phone alone', { ...nobody, subjectHashes: { phoneE164: 'f'.repeat(64) } }, {}, []],
    ['a customer alone', { ...nobody, customerId: 'c' }, {}, []],
    ['a blank customer', { ...nobody, customerId: ' ' }, {}, ['user identifier_missing']],
    ['a uuid alone', { ...nobody, extras: { rdt_uuid: UUID } }, {}, []],
    [
      'a click in a shop',
      { ...nobody, click },
      { actionSource: 'PHYSICAL_STORE' },
      ['user identifier_missing'],
    ],
    ['without a value', { revenue: null }, {}, []],
    ['in no currency', { revenue: { micros: 1n, currency: 'ZZZ' } }, {}, ['metadata.currency value_invalid']],
    ['consent denied', denied, {}, ['user consent_denied']],
    ['consent denied, limited', denied, { whenConsentDenied: 'limit' }, []],
    ['a test without id', { isTest: true }, {}, ['test_id test_not_possible']],
    ['a test with id', { isTest: true }, { testId: 't2_test' }, []],
  ])('%s', (_what, changes, raw, expected) => {
    expect(problemsOf('PURCHASE', changes, raw)).toEqual(expected);
  });
});

describe('judge', () => {
  const taken = { outcome: 'delivered' };
  const again = (reason: string, detail?: string) => ({
    outcome: 'retry',
    reason,
    ...(detail && { detail }),
  });
  const split = (reason: string, detail?: string) => ({ ...again(reason, detail), splitBatch: true });
  const event = (detail?: string) => ({
    outcome: 'refused',
    reason: 'event_invalid',
    scope: 'event',
    ...(detail && { detail }),
  });
  const all = (reason: string, detail?: string) => ({
    outcome: 'refused',
    reason,
    scope: 'destination',
    ...(detail && { detail }),
  });
  const unreadable = again('response_unreadable');

  const processed = (count: number) =>
    JSON.stringify({ data: { message: `Successfully processed ${count} conversion events.` } });
  const error = (message: string, ...fields: { field: string; message: string }[]) =>
    JSON.stringify({ error: { code: 400, message, ...(fields.length > 0 && { fields }) } });

  const none = 'There were 1 invalid conversion events. None were processed.';
  const uuid = {
    field: '$.data.events[1].user.UUID',
    message: 'user.UUID: invalid UUID: UUID must be RFC-4122 compliant',
  };
  const source = {
    field: '$.data.events[0].action_source',
    message: 'action_source: invalid action_source: website',
  };
  const words = (...faults: { field: string; message: string }[]) =>
    [none, ...faults.map(({ field, message }) => `${field}: ${message}`)].join(' ');

  it.each<[number, string, unknown[]]>([
    [200, processed(1), [taken]],
    [200, processed(3), [taken, taken, taken]],
    [
      200,
      processed(1),
      [1, 2].map(() => split('events_not_received', 'Successfully processed 1 conversion events.')),
    ],
    [200, processed(0), [again('events_not_received', 'Successfully processed 0 conversion events.')]],
    [200, '{"data":{"message":"OK"}}', [unreadable]],
    [200, '', [unreadable]],
    [200, JSON.stringify({ message: 'Successfully processed 1 conversion events.' }), [taken]],
    [200, JSON.stringify({ message: none }), [event(none)]],
    [200, JSON.stringify({ data: { message: none } }), [1, 2].map(() => split('batch_refused', none))],
    [400, '<html>', [unreadable, unreadable]],
    [404, '<html>', [unreadable]],
    [200, error(none, source), [unreadable]],
    [400, error(none, uuid), [split('batch_refused', words(uuid)), event(words(uuid))]],
    [400, error(none, source), [event(words(source))]],
    [
      400,
      error(none, source, uuid),
      [event(words(source, uuid)), event(words(source, uuid)), split('batch_refused', words(source, uuid))],
    ],
    [
      400,
      error('JSON error "unknown field" on field "x"'),
      [1, 2].map(() => split('batch_refused', 'JSON error "unknown field" on field "x"')),
    ],
    [400, error('missing action_source'), [event('missing action_source')]],
    [400, 'Bad Request', [split('batch_refused'), split('batch_refused')]],
    [422, '', [event()]],
    [413, '', [split('batch_refused'), split('batch_refused')]],
    [
      401,
      '{"success":false,"error":{"reason":"UNAUTHORIZED","explanation":"words"}}',
      [all('token_invalid', 'words')],
    ],
    [401, 'Authorization Required', [all('token_invalid')]],
    [
      403,
      error("You're not authorized to post conversions to Pixel ID a2_x."),
      [all('permission_denied', "You're not authorized to post conversions to Pixel ID a2_x.")],
    ],
    [404, '', [all('pixel_unknown')]],
    [
      429,
      error('Too many requests/events within timeframe.'),
      [again('http_429', 'Too many requests/events within timeframe.')],
    ],
    [
      500,
      error('The service is currently unavailable.'),
      [again('http_500', 'The service is currently unavailable.')],
    ],
    [503, '<html>', [again('http_503')]],
    [302, processed(1), [all('redirect_not_followed')]],
  ])('%i %s', (status, body, outcomes) => {
    expect(outcomesOf({ status, body }, outcomes.length)).toEqual(outcomes);
  });

  it('honours Retry-After', () => {
    const outcomes = outcomesOf({ status: 429, headers: { 'retry-after': '60' } });
    expect(outcomes).toEqual([{ ...again('http_429'), afterMs: 60_000 }]);
  });
});
