/** X by table: the exact request and its signature, what is not valid, and the outcome of each response. */
import { createHmac } from 'node:crypto';
import type { OutwardConversion } from '@tributary/domain';
import fc from 'fast-check';
import OAuth from 'oauth-1.0a';
import { describe, expect, it } from 'vitest';
import { driverOf } from './definition.fixture.ts';
import { outwardEvent, parseSettings } from './definition.ts';
import { DAY_MS } from './event-time.ts';
import { SAMPLE_NOW, sampleConversion, sampleCorrection, sampleDelivery } from './sample.ts';
import { x } from './x.ts';

const EVENT = 'tw-oka17-ol288';
const KEYS = {
  consumerKey: 'key-1',
  consumerSecret: 'secret-1',
  accessToken: '7588892-token',
  accessTokenSecret: 'token-secret-1',
};
const OAUTH = { pixelId: 'oka17', ...KEYS, events: { sale: EVENT } };
const NO_KEYS = {
  consumerKey: undefined,
  consumerSecret: undefined,
  accessToken: undefined,
  accessTokenSecret: undefined,
};

const { settingsOf, requestOf, bodyOf, problemsOf, outcomesOf, parses } = driverOf(x, OAUTH);

function conversionOf(changes: Partial<OutwardConversion>) {
  return bodyOf([sampleDelivery(EVENT, changes)]).conversions[0];
}

/** The parts of an OAuth header as they stand there; their order has no meaning. */
function partsOf(header = ''): string[] {
  return header.replace('OAuth ', '').split(', ').toSorted();
}

/** The parameters of an OAuth header, decoded. */
function oauthParameters(header = ''): Record<string, string> {
  const pairs = [...header.matchAll(/(\w+)="([^"]*)"/g)];
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, decodeURIComponent(value)]));
}

describe('settings', () => {
  it.each([
    ['no keys', NO_KEYS],
    ['keys of which one is missing', { accessTokenSecret: undefined }],
    ['keys and a pixel token', { pixelToken: 'pixel-token' }],
    ['a pixel id in capitals', { pixelId: 'OKA17' }],
    ['an event by a name', { events: { sale: 'Purchase!' } }],
    ['a version of another shape', { apiVersion: 'v12' }],
    ['a base URL with a path', { baseUrl: 'https://ads-api.x.com/12' }],
    ['a misspelt setting', { consumerkey: 'x' }],
  ])('refuse %s', (_what, raw) => {
    expect(parses(raw)).toBe(false);
  });

  it.each([
    ['an event id without its pixel', { events: { sale: 'ol288' } }],
    ['a pixel token alone', { ...NO_KEYS, pixelToken: 'pixel-token' }],
  ])('take %s', (_what, raw) => {
    expect(parses(raw)).toBe(true);
  });
});

describe('buildRequest', () => {
  it('sends a sale', () => {
    const delivery = sampleDelivery(EVENT);
    const { subjectHashes } = delivery.conversion;
    const { headers, derivedSecrets, ...request } = requestOf([delivery]);
    expect({ ...request, body: JSON.parse(request.body ?? '') }).toEqual({
      method: 'POST',
      url: 'https://ads-api.x.com/12/measurement/conversions/oka17',
      body: {
        conversions: [
          {
            conversion_time: '2026-01-02T02:04:05.678Z',
            event_id: 'tw-oka17-ol288',
            identifiers: [
              { twclid: '2-example_twclid' },
              { hashed_email: subjectHashes['emailPlain'] },
              { hashed_phone_number: subjectHashes['phoneE164'] },
              {
                ip_address: '203.0.113.77',
                user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Example/1.0',
              },
            ],
            value: '12.34',
            price_currency: 'USD',
            number_items: 2,
            conversion_id: delivery.deliveryId,
            contents: [{ content_id: 'sku-9', num_items: 2 }],
          },
        ],
      },
    });
    expect(headers).toEqual({
      authorization: expect.stringMatching(/^OAuth /),
      'content-type': 'application/json',
    });
  });

  it('sends a batch in order, each conversion under its own id, to where the settings say', () => {
    const deliveries = ['a', 'b'].map((conversionId) => sampleDelivery(EVENT, { conversionId }));
    const request = requestOf(deliveries, { baseUrl: 'http://127.0.0.1:8090', apiVersion: '13' });
    expect(request.url).toBe('http://127.0.0.1:8090/13/measurement/conversions/oka17');
    const { conversions } = JSON.parse(request.body ?? '');
    expect(conversions.map((each: { conversion_id: string }) => each.conversion_id)).toEqual(
      deliveries.map((d) => d.deliveryId),
    );
  });

  it('carries one event id in a request', () => {
    expect(() => requestOf([sampleDelivery('ol287'), sampleDelivery('ol288')])).toThrow('must not share one');
  });

  it.each([
    [20_000_000n, 'USD', '20.00'],
    [500_000_000n, 'JPY', '500'],
    [1n, 'USD', '0.000001'],
  ])('tells %i micro-units of %s as the text %s', (micros, currency, value) => {
    expect(conversionOf({ revenue: { micros, currency } })).toMatchObject({
      value,
      price_currency: currency,
    });
  });

  it('leaves out a value there is not', () => {
    const conversion = conversionOf({ revenue: null });
    expect(conversion).not.toHaveProperty('value');
    expect(conversion).not.toHaveProperty('price_currency');
  });

  it.each<[Partial<OutwardConversion>, unknown, unknown]>([
    [{ quantity: 0 }, undefined, [{ content_id: 'sku-9' }]],
    [{ quantity: null }, undefined, [{ content_id: 'sku-9' }]],
    [{ productId: null }, 2, undefined],
  ])('%j has number_items %s and contents %j', (changes, items, contents) => {
    const conversion = conversionOf(changes);
    expect(conversion.number_items).toBe(items);
    expect(conversion.contents).toEqual(contents);
  });

  const browser = { user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Example/1.0' };
  it.each<[string, Partial<OutwardConversion>, unknown]>([
    ['IPv4', {}, { ip_address: '203.0.113.77', ...browser }],
    ['IPv6', { ipAddress: '2001:db8::77' }, browser],
    ['no address', { ipAddress: null }, browser],
    ['no browser', { userAgent: null, click: null }, { ip_address: '203.0.113.77' }],
  ])('names the browser with %s', (_what, changes, expected) => {
    expect(conversionOf(changes).identifiers.at(-1)).toEqual(expected);
  });

  it('names nothing of a browser there is not', () => {
    const { identifiers } = conversionOf({ ipAddress: null, userAgent: null, click: null });
    expect(identifiers.map((each: object) => Object.keys(each)[0])).toEqual([
      'hashed_email',
      'hashed_phone_number',
    ]);
  });

  it('takes no correction, and says why', () => {
    const { restate, retract } = x.corrections(settingsOf(), EVENT);
    expect(restate).toEqual(retract);
    expect(retract).toMatchObject({ form: 'impossible', reason: expect.stringContaining('only be posted') });
    expect(() => requestOf([sampleCorrection('retract', EVENT)])).toThrow('correction_not_taken');
  });

  it('sends nothing that no event id is named for', () => {
    expect(outwardEvent(x, settingsOf(), 'sale')).toBe(EVENT);
    expect(outwardEvent(x, settingsOf(), 'lead')).toBeNull();
  });
});

describe('authorization', () => {
  it('is the pixel token where it is set', () => {
    const { headers } = requestOf([sampleDelivery(EVENT)], { ...NO_KEYS, pixelToken: 'pixel-token' });
    expect(headers).toEqual({ 'x-pixel-token': 'pixel-token', 'content-type': 'application/json' });
  });

  it('carries the parameters of OAuth 1.0a, once and in no query', () => {
    const { authorization } = requestOf([sampleDelivery(EVENT)]).headers;
    expect(oauthParameters(authorization)).toEqual({
      oauth_consumer_key: 'key-1',
      oauth_nonce: expect.stringMatching(/^[0-9a-f]{32}$/),
      oauth_signature: expect.any(String),
      oauth_signature_method: 'HMAC-SHA1',
      oauth_timestamp: '1767323045',
      oauth_token: '7588892-token',
      oauth_version: '1.0',
    });
  });

  it('signs as the package oauth-1.0a does, whatever the keys hold', () => {
    const printable = fc.stringMatching(/^[\x21-\x7e]{4,40}$/);
    fc.assert(
      fc.property(
        printable,
        printable,
        printable,
        printable,
        (consumerKey, consumerSecret, token, tokenSecret) => {
          const keys = { consumerKey, consumerSecret, accessToken: token, accessTokenSecret: tokenSecret };
          const { url, headers } = requestOf([sampleDelivery(EVENT)], keys);
          const { oauth_nonce, oauth_timestamp, ...sent } = oauthParameters(headers['authorization']);
          const client = new OAuth({
            consumer: { key: consumerKey, secret: consumerSecret },
            signature_method: 'HMAC-SHA1',
            hash_function: (base, key) => createHmac('sha1', key).update(base).digest('base64'),
          });
          client.getNonce = () => oauth_nonce ?? '';
          client.getTimeStamp = () => Number(oauth_timestamp);
          const signed = client.authorize({ url, method: 'POST' }, { key: token, secret: tokenSecret });
          expect(signed).toEqual({ ...sent, oauth_nonce, oauth_timestamp: Number(oauth_timestamp) });
          expect(partsOf(client.toHeader(signed).Authorization)).toEqual(partsOf(headers['authorization']));
        },
      ),
    );
  });

  it('signs the address that is called, however the setting spells it', () => {
    const spelt = ['https://ads-api.x.com', 'https://ADS-API.X.COM:443'].map((baseUrl) =>
      oauthParameters(requestOf([sampleDelivery(EVENT)], { baseUrl }).headers['authorization']),
    );
    expect(spelt[0]).toEqual(spelt[1]);
  });

  it('has another nonce for another attempt and for other deliveries', () => {
    const [one, other] = ['a', 'b'].map((conversionId) => sampleDelivery(EVENT, { conversionId }));
    if (one === undefined || other === undefined) throw new Error('two deliveries');
    const settings = settingsOf();
    const nonces = [
      { deliveries: [one], now: SAMPLE_NOW },
      { deliveries: [one], now: SAMPLE_NOW + 1 },
      { deliveries: [other], now: SAMPLE_NOW },
      { deliveries: [one, other], now: SAMPLE_NOW },
    ].map((input) => {
      const { headers } = x.buildRequest({ ...input, settings, accessToken: null });
      return oauthParameters(headers['authorization'])['oauth_nonce'];
    });
    expect(new Set(nonces).size).toBe(nonces.length);
  });

  it('is hidden in records', () => {
    const { headers, derivedSecrets } = requestOf([sampleDelivery(EVENT)]);
    expect(derivedSecrets).toEqual([oauthParameters(headers['authorization'])['oauth_signature']]);
  });
});

describe('validate', () => {
  const nobody = { subjectHashes: {}, click: null };
  const denied = { adUserData: 'denied', adPersonalization: 'denied' } as const;
  it.each<[string, Partial<OutwardConversion>, string[]]>([
    ['a complete sale', {}, []],
    ['a year old', { occurredAt: SAMPLE_NOW - 365 * DAY_MS }, []],
    ['address and browser alone', nobody, ['identifiers identifier_missing']],
    ['a click alone', { ...nobody, click: sampleConversion().click }, []],
    ['an e-mail alone', { ...nobody, subjectHashes: { emailPlain: 'e'.repeat(64) } }, []],
    ['a phone alone', { ...nobody, subjectHashes: { phoneE164: 'f'.repeat(64) } }, []],
    [
      'another form of the phone',
      { ...nobody, subjectHashes: { phoneDigits: 'f'.repeat(64) } },
      ['identifiers identifier_missing'],
    ],
    ['without a value', { revenue: null }, []],
    ['in no currency', { revenue: { micros: 1n, currency: 'ZZZ' } }, ['price_currency value_invalid']],
    ['consent denied', { consent: denied }, ['identifiers consent_denied']],
    ['a test', { isTest: true }, ['conversion_id test_not_possible']],
  ])('%s', (_what, changes, expected) => {
    expect(problemsOf(EVENT, changes)).toEqual(expected);
  });
});

describe('judge', () => {
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
  const unreadable = again('response_unreadable');

  const processed = (count: number) =>
    JSON.stringify({
      request: { params: { account_id: '18ce552mlaq' } },
      data: { conversions_processed: count, debug_id: 'ff02e052-36e4-47d6-bdf0-6d8986446562' },
    });
  const errors = (...list: { code?: string; message?: string; parameter?: string }[]) =>
    JSON.stringify({ errors: list, request: { params: { account_id: '18ce552mlaq' } } });
  const noOne = {
    code: 'INVALID_PARAMETER',
    message: 'At least one user identifier must be provided',
    parameter: '',
  };
  const hash = {
    code: 'INVALID_PARAMETER',
    message: 'hashed_email (abc) is not a valid SHA-256 hash',
    parameter: 'hashed_email',
  };
  const foreign = {
    code: 'NOT_FOUND',
    message: 'event_id (abc) does not belong to provided account',
    parameter: 'event_id',
  };
  const told = ({ code, message }: { code: string; message: string }) => `${code}: ${message}`;

  it.each<[number, string, number, unknown]>([
    [200, processed(1), 1, { outcome: 'delivered' }],
    [200, processed(500), 500, { outcome: 'delivered' }],
    [200, processed(2), 3, split('events_not_received', 'conversions_processed 2 of 3')],
    [200, processed(0), 1, again('events_not_received', 'conversions_processed 0 of 1')],
    [200, '', 1, unreadable],
    [200, errors(noOne), 1, unreadable],
    [400, errors(noOne), 1, event('event_invalid', told(noOne))],
    [400, errors(noOne, hash), 1, event('event_invalid', `${told(noOne)}; ${told(hash)}`)],
    [400, errors(hash), 2, split('batch_refused', told(hash))],
    [400, '', 2, split('batch_refused')],
    [400, '<html>', 2, unreadable],
    [413, '', 2, split('batch_refused')],
    [
      401,
      errors({ code: 'UNAUTHORIZED_ACCESS', message: 'no' }),
      2,
      all('token_invalid', 'UNAUTHORIZED_ACCESS: no'),
    ],
    [
      403,
      errors({ code: 'UNAUTHORIZED_CLIENT_APPLICATION' }),
      1,
      all('permission_denied', 'UNAUTHORIZED_CLIENT_APPLICATION'),
    ],
    [404, errors(foreign), 2, event('event_unknown', told(foreign))],
    [404, errors({ code: 'ROUTE_NOT_FOUND', message: 'no' }), 1, all('pixel_unknown', 'ROUTE_NOT_FOUND: no')],
    [404, '', 1, all('pixel_unknown')],
    [404, '<html>', 1, unreadable],
    [423, errors({ code: 'LOCK_ACQUISITION_TIMEOUT' }), 1, again('http_423', 'LOCK_ACQUISITION_TIMEOUT')],
    [429, errors({ code: 'TOO_MANY_REQUESTS' }), 1, again('http_429', 'TOO_MANY_REQUESTS')],
    [500, errors({ code: 'INTERNAL_ERROR' }), 1, again('http_500', 'INTERNAL_ERROR')],
    [503, '<html>', 1, again('http_503')],
    [302, processed(1), 1, all('redirect_not_followed')],
  ])('%i %s for %i', (status, body, deliveryCount, outcome) => {
    const outcomes = outcomesOf({ status, body }, deliveryCount);
    expect(outcomes).toEqual(Array.from({ length: deliveryCount }, () => outcome));
  });

  const inOneMinute = String(Math.ceil(SAMPLE_NOW / 1_000) + 60);
  const oneMinuteMs = Number(inOneMinute) * 1_000 - SAMPLE_NOW;
  it.each<[number, Record<string, string>, number | undefined]>([
    [429, { 'retry-after': '60' }, 60_000],
    [429, { 'x-rate-limit-reset': inOneMinute }, oneMinuteMs],
    [429, { 'x-account-rate-limit-reset': inOneMinute, 'x-rate-limit-reset': '9999999999' }, oneMinuteMs],
    [429, { 'x-rate-limit-reset': '1' }, 0],
    [429, { 'x-rate-limit-reset': 'soon' }, undefined],
    [503, { 'x-rate-limit-reset': inOneMinute }, undefined],
    [423, { 'retry-after': '60' }, 60_000],
  ])('%i with %j waits %s ms', (status, headers, afterMs) => {
    const [outcome] = outcomesOf({ status, headers });
    expect(outcome).toEqual({ ...again(`http_${status}`), ...(afterMs !== undefined && { afterMs }) });
  });
});

describe('example settings', () => {
  it('parse', () => {
    expect(parseSettings(x, x.exampleSettings).ok).toBe(true);
  });
});
