/** LinkedIn by table: the exact request, what is not valid, and the outcome of each response. */
import type { OutwardConversion } from '@tributary/domain';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { driverOf } from './definition.fixture.ts';
import { outwardEvent } from './definition.ts';
import { DAY_MS } from './event-time.ts';
import { linkedin } from './linkedin.ts';
import { SAMPLE_NOW, sampleConversion, sampleCorrection, sampleDelivery } from './sample.ts';
import { segmentRequest } from './segment-client.fixture.ts';

const RULE = '104013';
const STATIC = { accessToken: 'AQV-token', events: { sale: RULE } };
const REFRESHED = {
  accessToken: undefined,
  clientId: 'client-1',
  clientSecret: 'secret-1',
  refreshToken: 'refresh-1',
};

const { settingsOf, requestOf, bodyOf, problemsOf, outcomesOf, parses } = driverOf(linkedin, STATIC);

function eventOf(changes: Partial<OutwardConversion>, raw: Readonly<Record<string, unknown>> = {}) {
  return bodyOf([sampleDelivery(RULE, changes)], raw).elements[0];
}

function withClickIds(...ids: readonly { value: string; firstSeenAt: number }[]): Partial<OutwardConversion> {
  const { click } = sampleConversion();
  return { click: click && { ...click, adPlatformIds: ids.map((id) => ({ name: 'li_fat_id', ...id })) } };
}

describe('settings', () => {
  it.each([
    ['no token', { accessToken: undefined }],
    ['a refresh token without its app', { ...REFRESHED, clientId: undefined }],
    ['an app without a refresh token', { ...REFRESHED, refreshToken: undefined }],
    ['both kinds of token', { ...REFRESHED, accessToken: 'AQV-token' }],
    ['a version of another shape', { apiVersion: 'v2' }],
    ['a version of a month that is none', { apiVersion: '202613' }],
    ['a rule by its URN', { events: { sale: 'urn:lla:llaPartnerConversion:1' } }],
    ['a base URL with a path', { baseUrl: 'https://api.linkedin.com/rest' }],
    ['a misspelt setting', { acessToken: 'x' }],
  ])('refuse %s', (_what, raw) => {
    expect(parses(raw)).toBe(false);
  });

  it('take a refresh token in place of an access token', () => {
    expect(parses(REFRESHED)).toBe(true);
  });
});

describe('buildRequest', () => {
  it('sends a sale', () => {
    const delivery = sampleDelivery(RULE);
    const request = requestOf([delivery]);
    expect({ ...request, body: JSON.parse(request.body ?? '') }).toEqual({
      method: 'POST',
      url: 'https://api.linkedin.com/rest/conversionEvents',
      headers: {
        authorization: 'Bearer AQV-token',
        'content-type': 'application/json',
        'linkedin-version': '202604',
        'x-restli-protocol-version': '2.0.0',
        'x-restli-method': 'BATCH_CREATE',
      },
      body: {
        elements: [
          {
            conversion: 'urn:lla:llaPartnerConversion:104013',
            conversionHappenedAt: 1_767_319_445_678,
            conversionValue: { currencyCode: 'USD', amount: '12.34' },
            eventId: delivery.deliveryId,
            user: {
              userIds: [
                { idType: 'SHA256_EMAIL', idValue: delivery.conversion.subjectHashes['emailPlain'] },
                {
                  idType: 'LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID',
                  idValue: '3f1c9f0e-1111-4222-8333-944455566677',
                },
              ],
            },
          },
        ],
      },
    });
  });

  it('sends a batch in order, each event under its own id, to where and by the version that the settings say', () => {
    const deliveries = ['a', 'b'].map((conversionId) => sampleDelivery(RULE, { conversionId }));
    const request = requestOf(deliveries, { baseUrl: 'http://127.0.0.1:8090', apiVersion: '202701' });
    expect(request.url).toBe('http://127.0.0.1:8090/rest/conversionEvents');
    expect(request.headers['linkedin-version']).toBe('202701');
    const { elements } = JSON.parse(request.body ?? '');
    expect(elements.map((event: { eventId: string }) => event.eventId)).toEqual(
      deliveries.map((d) => d.deliveryId),
    );
  });

  it('carries one rule in a request', () => {
    expect(() => requestOf([sampleDelivery('1'), sampleDelivery('2')])).toThrow('must not share one');
  });

  it('sends the access token that was fetched', () => {
    const { requestOf: fetched } = driverOf(linkedin, { ...STATIC, ...REFRESHED }, 'fetched-token');
    const request = fetched([sampleDelivery(RULE)]);
    expect(request.headers['authorization']).toBe('Bearer fetched-token');
    expect(request.derivedSecrets).toEqual(['fetched-token']);
  });

  it.each([
    [12_340_000n, 'USD', '12.34'],
    [20_000_000n, 'EUR', '20.00'],
    [500_000_000n, 'JPY', '500'],
    [1n, 'USD', '0.000001'],
    [9_200_000_000_000_000_000n, 'USD', '9200000000000.00'],
  ])('tells %i micro-units of %s as the text %s', (micros, currency, amount) => {
    expect(eventOf({ revenue: { micros, currency } }).conversionValue).toEqual({
      currencyCode: currency,
      amount,
    });
  });

  it('leaves out a value there is not', () => {
    expect(eventOf({ revenue: null })).not.toHaveProperty('conversionValue');
  });

  const email = { subjectHashes: { emailPlain: 'e'.repeat(64) } };
  it.each<[string, Partial<OutwardConversion>, string[]]>([
    ['e-mail and click', {}, ['SHA256_EMAIL', 'LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID']],
    ['e-mail alone', { ...email, click: null }, ['SHA256_EMAIL']],
    ['click alone', { subjectHashes: {} }, ['LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID']],
    [
      'a phone, which LinkedIn does not take',
      { subjectHashes: { phoneE164: 'f'.repeat(64) }, click: null },
      [],
    ],
  ])('names a person by %s', (_what, changes, types) => {
    expect(eventOf(changes).user.userIds.map(({ idType }: { idType: string }) => idType)).toEqual(types);
  });

  it('names the latest click, as it came', () => {
    const clicks = withClickIds({ value: 'Old', firstSeenAt: 1 }, { value: 'NeW_1', firstSeenAt: 2 });
    expect(eventOf(clicks).user.userIds[1].idValue).toBe('NeW_1');
  });

  it.each<[boolean, string | null, unknown]>([
    [false, 'customer-7', undefined],
    [true, 'customer-7', ['customer-7']],
    [true, null, undefined],
  ])('with sendCustomerId %s, %s is sent as %j', (sendCustomerId, customerId, externalIds) => {
    expect(eventOf({ customerId }, { sendCustomerId }).user.externalIds).toEqual(externalIds);
  });

  it('takes no correction, and says why', () => {
    const { restate, retract } = linkedin.corrections(settingsOf(), RULE);
    expect(restate).toEqual(retract);
    expect(retract).toMatchObject({ form: 'impossible', reason: expect.stringContaining('only be created') });
    expect(() => requestOf([sampleCorrection('retract', RULE)])).toThrow('correction_not_taken');
  });

  it('sends nothing that no rule is named for', () => {
    expect(outwardEvent(linkedin, settingsOf(), 'sale')).toBe(RULE);
    expect(outwardEvent(linkedin, settingsOf(), 'lead')).toBeNull();
  });
});

describe("Segment's client", () => {
  beforeEach(() => {
    // It refuses what is older than 90 days by its own clock.
    vi.useFakeTimers({ now: SAMPLE_NOW, toFake: ['Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('sends the same for the same conversion, but for the batch around it', async () => {
    const delivery = sampleDelivery(RULE);
    const { headers, body } = await segmentRequest('linkedin-conversions', 'streamConversion', {
      payload: {
        email: 'Jane.Doe+news@gmail.com',
        linkedInUUID: '3f1c9f0e-1111-4222-8333-944455566677',
        conversionHappenedAt: String(delivery.conversion.occurredAt),
        conversionValue: { currencyCode: 'USD', amount: '12.34' },
        eventId: delivery.deliveryId,
      },
      settings: {},
      auth: { accessToken: 'AQV-token' },
      hookOutputs: { onMappingSave: { outputs: { id: RULE } } },
    });
    const raw = { apiVersion: '202411' };
    const request = requestOf([delivery], raw);
    expect(bodyOf([delivery], raw)).toEqual({ elements: [body] });
    const { 'content-type': _type, 'x-restli-method': method, ...sent } = request.headers;
    const segment = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
    expect(sent).toEqual(Object.fromEntries(segment));
    expect(method).toBe('BATCH_CREATE');
  });
});

describe('credential', () => {
  const { credential } = linkedin;

  it('refreshes with the app of the settings', () => {
    const { settingsOf: refreshed } = driverOf(linkedin, { ...STATIC, ...REFRESHED });
    expect(credential?.isNeeded(refreshed())).toBe(true);
    expect(credential?.buildRequest({ settings: refreshed(), now: SAMPLE_NOW })).toMatchObject({
      method: 'POST',
      url: 'https://www.linkedin.com/oauth/v2/accessToken',
      body: 'grant_type=refresh_token&refresh_token=refresh-1&client_id=client-1&client_secret=secret-1',
    });
  });

  it('is not needed with an access token', () => {
    expect(credential?.isNeeded(settingsOf())).toBe(false);
  });
});

describe('validate', () => {
  const denied = { adUserData: 'denied', adPersonalization: 'denied' } as const;
  it.each<[string, Partial<OutwardConversion>, string[]]>([
    ['a complete sale', {}, []],
    ['ninety days old', { occurredAt: SAMPLE_NOW - 90 * DAY_MS }, []],
    [
      'older than ninety days',
      { occurredAt: SAMPLE_NOW - 90 * DAY_MS - 1 },
      ['conversionHappenedAt too_old'],
    ],
    ['of this moment', { occurredAt: SAMPLE_NOW }, []],
    ['a minute ahead', { occurredAt: SAMPLE_NOW + 60_000 }, []],
    ['further ahead', { occurredAt: SAMPLE_NOW + 60_001 }, ['conversionHappenedAt in_future']],
    ['nobody', { subjectHashes: {}, click: null }, ['user.userIds identifier_missing']],
    [
      'a phone alone',
      { subjectHashes: { phoneE164: 'f'.repeat(64) }, click: null },
      ['user.userIds identifier_missing'],
    ],
    ['a click alone', { subjectHashes: {} }, []],
    ['without a value', { revenue: null }, []],
    [
      'in no currency',
      { revenue: { micros: 1n, currency: 'ZZZ' } },
      ['conversionValue.currencyCode value_invalid'],
    ],
    ['consent denied', { consent: denied }, ['user consent_denied']],
    ['personalised ads denied', { consent: { ...denied, adUserData: 'granted' } }, []],
    ['a test', { isTest: true }, ['conversion test_not_possible']],
  ])('%s', (_what, changes, expected) => {
    expect(problemsOf(RULE, changes)).toEqual(expected);
  });
});

describe('judge', () => {
  const taken = { outcome: 'delivered' };
  const again = (reason: string, detail?: string) => ({
    outcome: 'retry',
    reason,
    ...(detail && { detail }),
  });
  const split = (detail?: string) => ({ ...again('batch_refused', detail), splitBatch: true });
  const event = (reason: string, detail?: string) => ({
    outcome: 'refused',
    reason,
    scope: 'event',
    ...(detail && { detail }),
  });
  const all = (reason: string, detail?: string) => ({ ...event(reason, detail), scope: 'destination' });
  const elements = (...statuses: number[]) =>
    JSON.stringify({ elements: statuses.map((status) => ({ status })) });
  const error = (message: string, code?: string) => JSON.stringify({ status: 400, code, message });

  const method =
    "Incorrect conversions information provided. Conversion's method should be CONVERSIONS_API, indices [0] (0-indexed)";
  const late =
    'Conversion time should be within 90 days and not exceed current time, indices [0, 2] (0-indexed).';
  const missing =
    'Index: 1, ERROR :: /conversionValue/amount :: field is required but not found and has no default value\nERROR :: /user/userInfo/firstName :: field is required but not found and has no default value\n';
  const typed = 'ERROR :: /conversionValue/amount :: 19.9 cannot be coerced to String';
  const revoked = 'The token used in the request has been revoked by the user';
  const unreadable = again('response_unreadable');

  it.each<[number, string, unknown[]]>([
    [200, elements(201), [taken]],
    [201, elements(201, 201), [taken, taken]],
    [200, elements(201, 500, 400), [taken, again('http_500'), event('http_400')]],
    [200, elements(200), [unreadable]],
    [200, elements(201), [unreadable, unreadable]],
    [201, '', [unreadable]],
    [200, '<html>', [unreadable]],
    [400, error(method), [event('event_invalid', method)]],
    [400, error(method), [event('event_invalid', method), split(method)]],
    [400, error(late), [event('event_invalid', late), split(late), event('event_invalid', late)]],
    [400, error('Bad'), [split('Bad'), split('Bad')]],
    [400, error('Bad'), [event('event_invalid', 'Bad')]],
    [400, '', [event('event_invalid')]],
    [400, '<html>', [unreadable, unreadable]],
    [403, '<html>', [unreadable]],
    [422, error(missing), [split(missing), event('event_invalid', missing)]],
    [422, error(typed), [event('event_invalid', typed)]],
    [413, '<html>', [split(), split()]],
    [
      400,
      error('A version must be present.', 'VERSION_MISSING'),
      [all('version_retired', 'VERSION_MISSING: A version must be present.')],
    ],
    [
      426,
      error('Requested version is not active', 'NONEXISTENT_VERSION'),
      [all('version_retired', 'NONEXISTENT_VERSION: Requested version is not active')],
    ],
    [401, error(revoked, 'REVOKED_ACCESS_TOKEN'), [all('token_invalid', `REVOKED_ACCESS_TOKEN: ${revoked}`)]],
    [
      401,
      error('Invalid access token', 'INVALID_ACCESS_TOKEN'),
      [all('token_invalid', 'INVALID_ACCESS_TOKEN: Invalid access token')],
    ],
    [403, error('No ad accounts found'), [all('permission_denied', 'No ad accounts found')]],
    [404, error('gone'), [event('http_404', 'gone')]],
    [423, '', [again('http_423')]],
    [429, error('slow'), [again('http_429', 'slow')]],
    [500, '<html>', [again('http_500')]],
    [503, error('later'), [again('http_503', 'later')]],
    [302, elements(201), [all('redirect_not_followed')]],
  ])('%i %s', (status, body, outcomes) => {
    expect(outcomesOf({ status, body }, outcomes.length)).toEqual(outcomes);
  });

  it.each([
    ['INVALID_ACCESS_TOKEN', again('token_expired', 'INVALID_ACCESS_TOKEN: words')],
    ['REVOKED_ACCESS_TOKEN', all('token_invalid', 'REVOKED_ACCESS_TOKEN: words')],
  ])('fetches another access token after %s, if that can help', (code, outcome) => {
    const { outcomesOf: refreshed } = driverOf(linkedin, { ...STATIC, ...REFRESHED });
    expect(refreshed({ status: 401, body: error('words', code) })).toEqual([outcome]);
  });

  it('honours Retry-After', () => {
    for (const status of [423, 429]) {
      const outcomes = outcomesOf({ status, headers: { 'retry-after': '60' } });
      expect(outcomes).toEqual([{ ...again(`http_${status}`), afterMs: 60_000 }]);
    }
  });
});
