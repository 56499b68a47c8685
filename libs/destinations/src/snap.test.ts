/** Snap by table: the exact request, what is not valid, the outcome of each response, and what Segment's client sends. */
import { hashSubject, type OutwardConversion } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { driverOf } from './definition.fixture.ts';
import { outwardEvent } from './definition.ts';
import { SAMPLE_NOW, sampleConversion, sampleCorrection, sampleDelivery } from './sample.ts';
import { segmentRequest } from './segment-client.fixture.ts';
import { snap } from './snap.ts';

const DAY_MS = 86_400_000;
const PIXEL = '4a018335-717f-41dd-a66e-58eb2473aa61';
const BASE = { pixelId: PIXEL, accessToken: 'token+1' };
const OAUTH = {
  accessToken: undefined,
  clientId: 'client-1',
  clientSecret: 'secret-1',
  refreshToken: 'refresh-1',
};

const { settingsOf, requestOf, bodyOf, problemsOf, outcomesOf, parses } = driverOf(snap, BASE);

type Raw = Readonly<Record<string, unknown>>;

/** The one event of a request, parsed. */
function eventOf(changes: Partial<OutwardConversion>, raw: Raw = {}) {
  return bodyOf([sampleDelivery('PURCHASE', changes)], raw).data[0];
}

const denied = (adUserData: 'granted' | 'denied', adPersonalization: 'granted' | 'denied') => ({
  consent: { adUserData, adPersonalization },
});

describe('settings', () => {
  it.each<[string, Raw]>([
    ['no pixel', { pixelId: '' }],
    ['a pixel with a slash', { pixelId: 'p/1' }],
    ['no token at all', { accessToken: undefined }],
    ['a token and a grant', { ...OAUTH, accessToken: 'token-1' }],
    ['a token and half a grant', { clientId: 'client-1' }],
    ['a grant without its secret', { ...OAUTH, clientSecret: undefined }],
    ['a version of another shape', { apiVersion: '3' }],
    ['a base URL with a path', { baseUrl: 'https://tr.snapchat.com/v3' }],
    ['events of an app', { actionSource: 'MOBILE_APP' }],
    ['a misspelt setting', { pixelID: PIXEL }],
  ])('refuse %s', (_what, raw) => {
    expect(parses(raw)).toBe(false);
  });

  it('take a grant in place of a token', () => {
    expect(parses(OAUTH)).toBe(true);
    expect(snap.credential?.isNeeded(settingsOf())).toBe(false);
    expect(snap.credential?.isNeeded(settingsOf(OAUTH))).toBe(true);
  });
});

describe('the access token', () => {
  it('is fetched at Snap with the refresh grant', () => {
    const request = snap.credential?.buildRequest({ settings: settingsOf(OAUTH), now: SAMPLE_NOW });
    expect(request).toMatchObject({
      method: 'POST',
      url: 'https://accounts.snapchat.com/login/oauth2/access_token',
    });
    expect(Object.fromEntries(new URLSearchParams(request?.body ?? ''))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'refresh-1',
      client_id: 'client-1',
      client_secret: 'secret-1',
    });
  });

  it('lives half an hour where the reply does not say, and is renewed before', () => {
    const response = { status: 200, headers: {}, body: '{"access_token":"t"}' };
    const settings = settingsOf(OAUTH);
    expect(snap.credential?.judge({ settings, now: 0, response })).toEqual({
      outcome: 'granted',
      accessToken: 't',
      expiresAt: 29 * 60_000,
    });
  });

  it('is the one fetched where the settings hold a grant', () => {
    const { url } = driverOf(snap, { ...BASE, ...OAUTH }, 'fetched/1').requestOf([
      sampleDelivery('PURCHASE'),
    ]);
    expect(url).toBe(`https://tr.snapchat.com/v3/${PIXEL}/events?access_token=fetched%2F1`);
  });
});

describe('buildRequest', () => {
  it('sends a sale', () => {
    const delivery = sampleDelivery('PURCHASE');
    const { subjectHashes } = delivery.conversion;
    const request = requestOf([delivery]);
    expect({ ...request, body: JSON.parse(request.body ?? '') }).toEqual({
      method: 'POST',
      url: `https://tr.snapchat.com/v3/${PIXEL}/events?access_token=token%2B1`,
      headers: { 'content-type': 'application/json' },
      body: {
        data: [
          {
            event_name: 'PURCHASE',
            event_time: 1_767_319_445,
            event_id: delivery.deliveryId,
            action_source: 'WEB',
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
              sc_click_id: 'example-ScCid-0001',
              sc_cookie1: '7c1b0f2e-2222-4333-8444-a55566677788',
            },
            custom_data: {
              value: 12.34,
              currency: 'USD',
              order_id: 'order-42',
              predicted_ltv: 99.5,
              num_items: 2,
              content_ids: ['sku-9'],
              contents: [{ id: 'sku-9', quantity: '2' }],
            },
          },
        ],
      },
    });
  });

  it("hashes what Snap's documentation gives as examples to what it gives", () => {
    const forms = hashSubject({
      email: 'Person@Example.com',
      phone: '+44 844 412 4653',
      firstName: 'John',
    });
    expect([forms['emailPlain'], forms['phoneDigits'], forms['firstNameLetters']]).toEqual([
      '542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345',
      'dc008fda46e2e64002cf2f82a4906236282d431c4f75e5b60bfe79fc48546383',
      '96d9632f363564cc3032521409cf22a852f2032eec099ed5967c0d000cec607a',
    ]);
    expect(hashSubject({ firstName: 'Raphaël' })['firstNameLetters']).toBe(
      'e74bb89e718fe1e19c422a48382870399f8bf7ca8dfa008739e75b0be76627b7',
    );
  });

  it('sends a batch in order, each event under its own id, to where the settings say', () => {
    const deliveries = ['SIGN_UP', 'PURCHASE'].map((event) => sampleDelivery(event));
    const request = requestOf(deliveries, { baseUrl: 'http://127.0.0.1:8090', apiVersion: 'v4' });
    expect(request.url).toBe(`http://127.0.0.1:8090/v4/${PIXEL}/events?access_token=token%2B1`);
    const { data } = JSON.parse(request.body ?? '');
    expect(data.map((event: Record<string, string>) => [event['event_name'], event['event_id']])).toEqual(
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
    expect(requestOf([sampleDelivery('PURCHASE', { revenue })]).body).toContain(text);
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
        name: 'ScCid',
        value,
        firstSeenAt: SAMPLE_NOW - 40 * DAY_MS + index,
      })),
    },
  });
  it.each<[string, Partial<OutwardConversion>, string | undefined]>([
    ['is the latest click, however old', clicks('old', 'New-1'), 'New-1'],
    ['is none that Snap never made', clicks('a b'), undefined],
    ['is nothing without a click', { click: null }, undefined],
  ])('sc_click_id %s', (_what, changes, id) => {
    expect(eventOf(changes).user_data.sc_click_id).toBe(id);
  });

  it.each([
    [{ scid: 'abc-1' }, 'abc-1'],
    [{ scid: 'a b' }, undefined],
    [{}, undefined],
  ])('passes scid of %o on as %s', (extras, cookie) => {
    expect(eventOf({ extras }).user_data.sc_cookie1).toBe(cookie);
  });

  it.each<[Partial<OutwardConversion>, Raw, readonly string[] | undefined]>([
    [{}, {}, undefined],
    [{}, { limitedDataUse: 'on' }, ['LMU']],
    [{}, { limitedDataUse: 'on', limitedDataUseOption: 'LDU' }, ['LDU']],
    [denied('granted', 'denied'), {}, ['LMU']],
    [denied('denied', 'granted'), { whenConsentDenied: 'limit' }, ['LMU']],
  ])('consent %o under %o: data_processing_options %s', (changes, raw, options) => {
    expect(eventOf(changes, raw).data_processing_options).toEqual(options);
  });

  it('sends tests, and only tests, where events are validated and not counted', () => {
    expect(requestOf([sampleDelivery('PURCHASE', { isTest: true })]).url).toContain('/events/validate?');
    expect(requestOf([sampleDelivery('PURCHASE')]).url).not.toContain('validate');
  });

  it('takes no correction, and says why', () => {
    const { restate, retract } = snap.corrections(settingsOf(), 'PURCHASE');
    expect(restate).toEqual(retract);
    expect(retract).toMatchObject({ form: 'impossible', reason: expect.stringContaining('refund') });
    expect(() => requestOf([sampleCorrection('retract', 'PURCHASE')])).toThrow('correction_not_taken');
    expect(() => requestOf([sampleCorrection('restate', 'PURCHASE')])).toThrow('correction_not_taken');
  });

  it('does not name a renewal unless the settings do', () => {
    expect(outwardEvent(snap, settingsOf(), 'renewal')).toBeNull();
    expect(outwardEvent(snap, settingsOf({ events: { renewal: 'PURCHASE' } }), 'renewal')).toBe('PURCHASE');
  });
});

describe("Segment's client", () => {
  it('sends the same for the same sale, but for the time, the lists and names of its own', async () => {
    // Without punctuation: Segment leaves it in a name, and Snap's documentation has it removed.
    const delivery = sampleDelivery('PURCHASE', {
      subjectHashes: hashSubject({
        email: 'Jane.Doe+news@gmail.com',
        phone: '+1 650 555 0100',
        customerId: 'customer-7',
        firstName: 'Jane',
        lastName: 'Doe',
        city: 'New York',
        state: 'NY',
        postalCode: '10001',
        country: 'US',
      }),
    });
    const { conversion } = delivery;
    const segment = await segmentRequest('snap-conversions-api', 'reportConversionEvent', {
      settings: { pixel_id: PIXEL },
      auth: { accessToken: 'token%2B1' },
      payload: {
        event_name: 'PURCHASE',
        event_id: delivery.deliveryId,
        event_time: new Date(conversion.occurredAt).toISOString(),
        action_source: 'website',
        event_source_url: conversion.click?.landingUrl,
        data_processing_options: true,
        user_data: {
          email: 'Jane.Doe+news@gmail.com',
          phone: '+1 650 555 0100',
          externalId: ['customer-7'],
          firstName: 'Jane',
          lastName: 'Doe',
          city: 'New York',
          state: 'New York',
          zip: '10001',
          country: 'United States',
          client_ip_address: conversion.ipAddress,
          client_user_agent: conversion.userAgent,
          sc_click_id: 'example-ScCid-0001',
          sc_cookie1: conversion.extras['scid'],
        },
        custom_data: { value: 12.34, currency: 'USD', order_id: 'order-42', num_items: 2 },
        products: [{ item_id: 'sku-9' }],
      },
    });
    const request = requestOf([delivery], { limitedDataUse: 'on', limitedDataUseOption: 'LDU' });
    const [event] = JSON.parse(request.body ?? '').data;
    const { user_data: user, custom_data: custom } = event;
    // Segment has no such fields; both stand in Snap's reference.
    const { predicted_ltv, contents, ...shared } = custom;
    expect([predicted_ltv, contents]).toEqual([99.5, [{ id: 'sku-9', quantity: '2' }]]);
    expect(segment.url).toBe(request.url);
    expect(segment.body).toEqual({
      data: [
        {
          ...event,
          integration: 'segment',
          // Snap's documentation has seconds, and WEB.
          event_time: conversion.occurredAt,
          action_source: 'website',
          // A text where Snap takes a text or a list of them.
          user_data: {
            ...user,
            ...Object.fromEntries(
              ['fn', 'ln', 'ct', 'st', 'zp', 'country'].map((name) => [name, user[name][0]]),
            ),
          },
          custom_data: { ...shared, brands: [''], content_category: [''] },
        },
      ],
    });
  });
});

describe('validate', () => {
  const anonymous = { subjectHashes: {}, ipAddress: null };
  const offline = { actionSource: 'OFFLINE' };
  const at = (ageMs: number) => ({ occurredAt: SAMPLE_NOW - ageMs });

  it.each<[string, Partial<OutwardConversion>, Raw, string[]]>([
    ['a complete sale', {}, {}, []],
    ['seven days old', at(7 * DAY_MS), {}, []],
    ['older than seven days', at(7 * DAY_MS + 1), {}, ['event_time too_old']],
    ['in a shop, 37 days old', at(37 * DAY_MS), offline, []],
    ['in a shop, older than 37 days', at(37 * DAY_MS + 1), offline, ['event_time too_old']],
    ['a click and a cookie alone', anonymous, {}, ['user_data identifier_missing']],
    [
      'an external id alone',
      { ...anonymous, subjectHashes: hashSubject({ customerId: 'c' }) },
      {},
      ['user_data identifier_missing'],
    ],
    ['a phone alone', { ...anonymous, subjectHashes: hashSubject({ phone: '+16505550100' }) }, {}, []],
    ['IP address and user agent', { subjectHashes: {} }, {}, []],
    [
      'an IP address without a user agent',
      { subjectHashes: {}, userAgent: null, click: null },
      offline,
      ['user_data identifier_missing'],
    ],
    ['a sale without value', { revenue: null }, {}, ['custom_data.value field_missing']],
    [
      'a sale in no currency',
      { revenue: { micros: 1n, currency: 'ZZZ' } },
      {},
      ['custom_data.currency value_invalid'],
    ],
    ['without a page', { click: null }, {}, ['event_source_url field_missing']],
    ['in a shop, without a page', { click: null }, offline, []],
    ['consent denied', denied('denied', 'denied'), {}, ['user_data consent_denied']],
    ['consent denied, limited', denied('denied', 'denied'), { whenConsentDenied: 'limit' }, []],
    ['a test', { isTest: true }, {}, []],
  ])('%s', (_what, changes, raw, expected) => {
    expect(problemsOf('PURCHASE', changes, raw)).toEqual(expected);
  });

  it('lets a sign-up go without a value', () => {
    expect(problemsOf('SIGN_UP', { revenue: null })).toEqual([]);
  });
});

describe('judge', () => {
  const valid = '{"status":"VALID","reason":"Events have been processed successfully."}';
  const invalid =
    '{"status":"INVALID","reason":"words","event":1,"errors":{"codes":["E1"],"error_msgs":["more"]}}';
  const WORDS = 'E1: words: more';

  const taken = { outcome: 'delivered' };
  const again = (reason: string) => ({ outcome: 'retry', reason });
  const split = (detail?: string) => ({
    ...again('batch_refused'),
    splitBatch: true,
    ...(detail !== undefined && { detail }),
  });
  const event = (reason: string, detail?: string) => ({
    outcome: 'refused',
    reason,
    scope: 'event',
    ...(detail !== undefined && { detail }),
  });
  const all = (reason: string, detail?: string) => ({ ...event(reason, detail), scope: 'destination' });

  it.each<[number, string, number, unknown]>([
    [200, valid, 1, taken],
    [202, valid, 3, taken],
    [200, '{"status":"VALID"}', 1, taken],
    [200, invalid, 1, event('event_invalid', WORDS)],
    [200, invalid, 2, split(WORDS)],
    [400, invalid, 1, event('event_invalid', WORDS)],
    [400, invalid, 2, split(WORDS)],
    [400, valid, 1, event('event_invalid', 'Events have been processed successfully.')],
    [200, '{"status":"INVALID"}', 1, event('event_invalid')],
    [200, '{"status":"INVALID","reason":null,"errors":null}', 1, event('event_invalid')],
    [400, '<html>', 1, event('http_400')],
    [400, '<html>', 2, split()],
    [404, '', 1, event('http_404')],
    [401, '', 2, all('token_invalid')],
    [401, invalid, 1, all('token_invalid', WORDS)],
    [403, invalid, 1, all('permission_denied', WORDS)],
    [429, invalid, 1, again('http_429')],
    [503, valid, 1, again('http_503')],
    [408, '', 1, again('http_408')],
    [200, '<html>', 1, again('response_unreadable')],
    [200, '{"status":"OK"}', 1, again('response_unreadable')],
    [200, '', 1, again('response_unreadable')],
    [307, valid, 1, all('redirect_not_followed')],
  ])('%i %s for %i', (status, body, deliveryCount, outcome) => {
    const outcomes = outcomesOf({ status, body }, deliveryCount);
    expect(outcomes).toEqual(Array.from({ length: deliveryCount }, () => outcome));
  });

  it('asks for another access token where one is fetched', () => {
    expect(outcomesOf({ status: 401, body: '' }, 2, { raw: OAUTH })).toEqual([
      again('token_expired'),
      again('token_expired'),
    ]);
  });

  it('judges each test by its own entry', () => {
    const logs = (status: 'VALID' | 'INVALID', ...entries: readonly object[]) =>
      JSON.stringify({ status, test_event: true, event_logs: entries });
    const bad = { event: 1, status: 'INVALID', errors: { codes: ['E2'] }, warnings: [] };
    const good = { event: 0, status: 'VALID' };
    const refusal = event('event_invalid', 'E2');
    expect(outcomesOf({ status: 200, body: logs('INVALID', good, bad) }, 2)).toEqual([taken, refusal]);
    expect(outcomesOf({ status: 200, body: logs('VALID', bad) }, 2)).toEqual([taken, refusal]);
    expect(outcomesOf({ status: 200, body: logs('INVALID', bad) }, 2)).toEqual([split(), refusal]);
  });

  it('honours Retry-After', () => {
    expect(outcomesOf({ status: 429, headers: { 'retry-after': '60' } })).toEqual([
      { ...again('http_429'), afterMs: 60_000 },
    ]);
  });
});
