/** Pinterest by table: the exact request, what is not valid, the outcome of each response, and what Segment's client sends. */
import { hashSubject, type OutwardConversion } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { driverOf } from './definition.fixture.ts';
import { outwardEvent } from './definition.ts';
import { pinterest } from './pinterest.ts';
import { SAMPLE_NOW, sampleConversion, sampleCorrection, sampleDelivery } from './sample.ts';
import { segmentRequest } from './segment-client.fixture.ts';

const DAY_MS = 86_400_000;
const BASE = { adAccountId: '549755885175', accessToken: 'pina_1' };

const { settingsOf, requestOf, bodyOf, problemsOf, outcomesOf, parses } = driverOf(pinterest, BASE);

type Raw = Readonly<Record<string, unknown>>;

/** The one event of a request, parsed. */
function eventOf(changes: Partial<OutwardConversion>, raw: Raw = {}) {
  return bodyOf([sampleDelivery('checkout', changes)], raw).data[0];
}

const denied = (adUserData: 'granted' | 'denied', adPersonalization: 'granted' | 'denied') => ({
  consent: { adUserData, adPersonalization },
});

describe('settings', () => {
  it.each([
    ['an ad account with letters', { adAccountId: 'a1' }],
    ['an ad account of more digits than there are', { adAccountId: '1'.repeat(19) }],
    ['no token', { accessToken: '' }],
    ['a version of another shape', { apiVersion: '5' }],
    ['a base URL with a path', { baseUrl: 'https://api.pinterest.com/v5' }],
    ['an unknown action source', { actionSource: 'website' }],
    ['a misspelt setting', { adAccountID: '1' }],
  ])('refuse %s', (_what, raw) => {
    expect(parses(raw)).toBe(false);
  });
});

describe('buildRequest', () => {
  it('sends a sale', () => {
    const delivery = sampleDelivery('checkout');
    const { subjectHashes } = delivery.conversion;
    const request = requestOf([delivery]);
    expect({ ...request, body: JSON.parse(request.body ?? '') }).toEqual({
      method: 'POST',
      url: 'https://api.pinterest.com/v5/ad_accounts/549755885175/events',
      headers: { authorization: 'Bearer pina_1', 'content-type': 'application/json' },
      body: {
        data: [
          {
            event_name: 'checkout',
            action_source: 'web',
            event_time: 1_767_319_445,
            event_id: delivery.deliveryId,
            event_source_url: 'https://shop.example/landing',
            user_data: {
              em: [subjectHashes['emailPlain']],
              ph: [subjectHashes['phoneDigits']],
              external_id: [subjectHashes['customerExternal']],
              fn: [subjectHashes['firstName']],
              ln: [subjectHashes['lastName']],
              ct: [subjectHashes['city']],
              st: [subjectHashes['state']],
              country: [subjectHashes['country']],
              client_ip_address: '203.0.113.77',
              client_user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Example/1.0',
              click_id: 'dj0yJnU9example',
            },
            custom_data: {
              value: '12.34',
              currency: 'USD',
              order_id: 'order-42',
              predicted_ltv: '99.50',
              num_items: 2,
              content_ids: ['sku-9'],
              contents: [{ id: 'sku-9', quantity: 2 }],
            },
          },
        ],
      },
    });
  });

  it('sends a batch in order, each event under its own id, to where the settings say', () => {
    const deliveries = ['lead', 'checkout'].map((event) => sampleDelivery(event));
    const raw = { baseUrl: 'http://127.0.0.1:8090', apiVersion: 'v6', actionSource: 'offline' };
    const request = requestOf(deliveries, raw);
    expect(request.url).toBe('http://127.0.0.1:8090/v6/ad_accounts/549755885175/events');
    const { data } = JSON.parse(request.body ?? '');
    expect(
      data.map((event: Record<string, string>) => [
        event['event_name'],
        event['event_id'],
        event['action_source'],
      ]),
    ).toEqual(deliveries.map(({ event, deliveryId }) => [event, deliveryId, 'offline']));
  });

  it.each([
    [12_340_000n, 'USD', '12.34'],
    [20_000_000n, 'USD', '20.00'],
    [500_000_000n, 'JPY', '500'],
    [9_200_000_000_000_000_000n, 'USD', '9200000000000.00'],
    [1n, 'USD', '0.000001'],
  ])('prints %i micro-units of %s as the text %s', (micros, currency, text) => {
    expect(eventOf({ revenue: { micros, currency } }).custom_data.value).toBe(text);
  });

  const bare = { revenue: null, transactionId: null, predictedLtv: null, productId: null, quantity: null };
  it.each<[Partial<OutwardConversion>, unknown]>([
    [bare, {}],
    [{ ...bare, transactionId: 'o-1' }, { order_id: 'o-1' }],
    [
      { ...bare, productId: 'p-1' },
      { content_ids: ['p-1'], contents: [{ id: 'p-1' }] },
    ],
    [{ ...bare, quantity: 3 }, { num_items: 3 }],
    [{ ...bare, predictedLtv: { micros: 1_000_000n, currency: 'USD' } }, {}],
  ])('%o has custom_data %o', (changes, customData) => {
    expect(eventOf(changes).custom_data).toEqual(customData);
  });

  const { click } = sampleConversion();
  const clicks = (...values: readonly string[]) => ({
    click: click && {
      ...click,
      adPlatformIds: values.map((value, index) => ({
        name: 'epik',
        value,
        firstSeenAt: SAMPLE_NOW - 40 * DAY_MS + index,
      })),
    },
  });
  it.each<[string, Partial<OutwardConversion>, string | undefined]>([
    ['is the latest click, however old', clicks('old', 'dj0y_New-1'), 'dj0y_New-1'],
    ['is none that Pinterest never made', clicks('a b'), undefined],
    ['is nothing without a click', { click: null }, undefined],
  ])('click_id %s', (_what, changes, id) => {
    expect(eventOf(changes).user_data.click_id).toBe(id);
  });

  it.each<[Partial<OutwardConversion>, Raw, boolean | undefined, string | undefined]>([
    [{}, {}, undefined, undefined],
    [{}, { limitedDataProcessing: 'on' }, undefined, 'LDP'],
    [denied('granted', 'denied'), {}, undefined, 'LDP'],
    [denied('denied', 'granted'), { whenConsentDenied: 'limit' }, true, 'LDP'],
  ])('consent %o under %o: opt_out %s, opt_out_type %s', (changes, raw, optOut, type) => {
    const event = eventOf(changes, raw);
    expect([event.opt_out, event.custom_data.opt_out_type]).toEqual([optOut, type]);
  });

  it('marks tests, and only tests, in the URL', () => {
    const url = 'https://api.pinterest.com/v5/ad_accounts/549755885175/events';
    expect(requestOf([sampleDelivery('checkout', { isTest: true })]).url).toBe(`${url}?test=true`);
    expect(requestOf([sampleDelivery('checkout')]).url).toBe(url);
  });

  it('takes no correction, and says why', () => {
    const { restate, retract } = pinterest.corrections(settingsOf(), 'checkout');
    expect(restate).toEqual(retract);
    expect(retract).toMatchObject({ form: 'impossible', reason: expect.stringContaining('refund') });
    expect(() => requestOf([sampleCorrection('retract', 'checkout')])).toThrow('correction_not_taken');
    expect(() => requestOf([sampleCorrection('restate', 'checkout')])).toThrow('correction_not_taken');
  });

  it('does not name a renewal unless the settings do', () => {
    expect(outwardEvent(pinterest, settingsOf(), 'renewal')).toBeNull();
    expect(outwardEvent(pinterest, settingsOf({ events: { renewal: 'checkout' } }), 'renewal')).toBe(
      'checkout',
    );
  });
});

describe("Segment's client", () => {
  it('sends the same for the same sale, but for the postal code and what only we know', async () => {
    const delivery = sampleDelivery('checkout');
    const { conversion } = delivery;
    const segment = await segmentRequest('pinterest-conversions', 'reportConversionEvent', {
      settings: { ad_account_id: '549755885175', conversion_token: 'pina_1' },
      payload: {
        event_name: 'checkout',
        action_source: 'web',
        event_time: new Date(conversion.occurredAt).toISOString(),
        event_id: delivery.deliveryId,
        event_source_url: conversion.click?.landingUrl,
        opt_out: true,
        user_data: {
          email: ['Jane.Doe+news@gmail.com'],
          phone: ['+1 650 555 0100'],
          external_id: ['customer-7'],
          first_name: ['Jane'],
          last_name: ["O'Doe"],
          city: ['New York'],
          state: ['NY'],
          country: ['US'],
          zip: ['10001'],
          client_ip_address: conversion.ipAddress,
          client_user_agent: conversion.userAgent,
          click_id: 'dj0yJnU9example',
        },
        custom_data: {
          value: 12.34,
          currency: 'USD',
          order_id: 'order-42',
          num_items: 2,
          content_ids: ['sku-9'],
          contents: [{ id: 'sku-9', quantity: 2 }],
          opt_out_type: 'LDP',
        },
      },
    });
    const limited = { ...delivery, conversion: { ...conversion, ...denied('denied', 'granted') } };
    const request = requestOf([limited]);
    const [event] = JSON.parse(request.body ?? '').data;
    const { predicted_ltv, ...custom } = event.custom_data;
    // Segment's mapping has no such field; Pinterest's description has.
    expect(predicted_ltv).toBe('99.50');
    const { zp, ...user } = (segment.body as { data: [{ user_data: Record<string, unknown> }] }).data[0]
      .user_data;
    expect(zp).toEqual([hashSubject({ postalCode: '10001' })['postalCode']]);
    expect(user).toEqual(event.user_data);
    expect(segment).toMatchObject({
      url: request.url,
      headers: { Authorization: request.headers['authorization'] },
      body: {
        data: [{ ...event, partner_name: 'ss-segment', user_data: event.user_data, custom_data: custom }],
      },
    });
    expect(Object.keys((segment.body as { data: [object] }).data[0]).toSorted()).toEqual(
      [...Object.keys(event), 'partner_name'].toSorted(),
    );
  });
});

describe('validate', () => {
  const anonymous = { subjectHashes: {}, ipAddress: null };
  const at = (ageMs: number) => ({ occurredAt: SAMPLE_NOW - ageMs });

  it.each<[string, Partial<OutwardConversion>, Raw, string[]]>([
    ['a complete sale', {}, {}, []],
    ['seven days old', at(7 * DAY_MS), {}, []],
    ['older than seven days', at(7 * DAY_MS + 1), {}, ['event_time too_old']],
    ['a click alone', anonymous, {}, ['user_data identifier_missing']],
    [
      'a phone alone',
      { ...anonymous, subjectHashes: hashSubject({ phone: '+16505550100' }) },
      {},
      ['user_data identifier_missing'],
    ],
    ['an e-mail alone', { ...anonymous, subjectHashes: hashSubject({ email: 'a@b.example' }) }, {}, []],
    ['IP address and user agent', { subjectHashes: {} }, {}, []],
    ['without a value', { revenue: null }, {}, []],
    [
      'in no currency',
      { revenue: { micros: 1n, currency: 'ZZZ' } },
      {},
      ['custom_data.currency value_invalid'],
    ],
    ['without a page', { click: null }, {}, []],
    ['consent denied', denied('denied', 'denied'), {}, ['user_data consent_denied']],
    ['consent denied, limited', denied('denied', 'denied'), { whenConsentDenied: 'limit' }, []],
    ['a test', { isTest: true }, {}, []],
  ])('%s', (_what, changes, raw, expected) => {
    expect(problemsOf('checkout', changes, raw)).toEqual(expected);
  });

  it('takes no event of a name that Pinterest does not have', () => {
    expect(problemsOf('Purchase')).toEqual(['event_name value_invalid']);
    expect(problemsOf('custom')).toEqual([]);
  });
});

describe('judge', () => {
  const processed = { status: 'processed', error_message: '', warning_message: '' };
  const failed = { status: 'failed', error_message: 'words', warning_message: null };
  const report = (...events: readonly object[]) => ({
    num_events_received: events.length,
    num_events_processed: events.filter((event) => event === processed).length,
    events,
  });
  const error = (code: number, details?: object) => ({ code, message: 'words', ...(details && { details }) });

  const taken = { outcome: 'delivered' };
  const bad = { outcome: 'refused', reason: 'event_invalid', scope: 'event', detail: 'words' };
  const again = (reason: string, detail?: string) => ({
    outcome: 'retry',
    reason,
    ...(detail && { detail }),
  });
  const split = (reason: string, detail?: string) => ({ ...again(reason, detail), splitBatch: true });
  const event = (reason: string, detail?: string) => ({
    outcome: 'refused',
    reason,
    scope: 'event',
    ...(detail && { detail }),
  });
  const all = (reason: string, detail?: string) => ({ ...event(reason, detail), scope: 'destination' });

  it.each<[number, unknown, readonly unknown[]]>([
    [200, report(processed), [taken]],
    [200, report(processed, failed, processed), [taken, bad, taken]],
    [200, report(failed, failed), [bad, bad]],
    [200, { events: [{ status: 'processed' }] }, [taken]],
    [200, { events: [{ status: 'failed' }] }, [event('event_invalid')]],
    [422, report(failed, processed), [bad, taken]],
    [422, error(1, report(failed, processed)), [bad, taken]],
    [400, report(processed), [event('http_400')]],
    [500, report(processed), [again('http_500')]],
  ])('%i %o', (status, body, outcomes) => {
    expect(outcomesOf({ status, body: JSON.stringify(body) }, outcomes.length)).toEqual(outcomes);
  });

  it.each<[number, unknown, number, unknown]>([
    [200, report(processed), 2, split('events_not_received', '1 answers for 2 events')],
    [200, report(processed, processed), 1, again('events_not_received', '2 answers for 1 events')],
    [200, { events: [{ status: 'queued' }] }, 1, again('response_unreadable')],
    [200, {}, 1, again('response_unreadable')],
    [422, error(1), 2, split('batch_refused', '1: words')],
    [422, error(1), 1, event('event_invalid', '1: words')],
    [422, error(1, { reason: 'words' }), 1, event('event_invalid', '1: words')],
    [422, error(1, report(failed)), 2, split('batch_refused', '1: words')],
    [400, error(4_196), 2, split('batch_refused', '4196: words')],
    [400, error(4_196), 1, event('event_invalid', '4196: words')],
    [400, 'no body of theirs', 2, split('batch_refused')],
    [404, 'no body of theirs', 1, event('http_404')],
    [401, error(2), 3, all('token_invalid', '2: words')],
    [401, 'no body of theirs', 1, all('token_invalid')],
    [400, error(2), 1, all('token_invalid', '2: words')],
    [403, error(29), 2, all('permission_denied', '29: words')],
    [403, 'no body of theirs', 1, all('permission_denied')],
    [400, error(29), 1, all('permission_denied', '29: words')],
    [429, error(8), 2, again('throttled', '8: words')],
    [429, 'no body of theirs', 1, again('throttled')],
    [400, error(8), 1, again('throttled', '8: words')],
    [503, error(4_197), 1, again('http_503', '4197: words')],
    [500, error(0), 1, again('http_500', '0: words')],
    [302, report(processed), 1, all('redirect_not_followed')],
  ])('%i %o for %i', (status, body, deliveryCount, outcome) => {
    const outcomes = outcomesOf({ status, body: JSON.stringify(body) }, deliveryCount);
    expect(outcomes).toEqual(Array.from({ length: deliveryCount }, () => outcome));
  });

  it('takes a text that is no JSON for no answer', () => {
    expect(outcomesOf({ status: 200, body: '<html>' })).toEqual([again('response_unreadable')]);
    expect(outcomesOf({ status: 422, body: '<html>' })).toEqual([event('http_422')]);
  });

  it('honours Retry-After', () => {
    const headers = { 'retry-after': '60' };
    expect(outcomesOf({ status: 429, headers, body: JSON.stringify(error(8)) })).toEqual([
      { ...again('throttled', '8: words'), afterMs: 60_000 },
    ]);
    expect(outcomesOf({ status: 503, headers })).toEqual([{ ...again('http_503'), afterMs: 60_000 }]);
  });
});
