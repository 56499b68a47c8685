/** Google Data Manager by table: the exact requests, what is not valid, the outcome of each response, and how a token is fetched. */
import type { OutwardConversion } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { driverOf } from './definition.fixture.ts';
import { outwardEvent, planCorrection } from './definition.ts';
import { googleDataManager } from './google-data-manager.ts';
import { SAMPLE_NOW, sampleConversion, sampleCorrection, sampleDelivery } from './sample.ts';

const DAY_MS = 86_400_000;
const REFRESH = { clientId: 'client-1', clientSecret: 'secret-1', refreshToken: 'refresh-1' };
const RAW = { customerId: '1234567890', events: { sale: '444' }, ...REFRESH };

const { settingsOf, requestOf, bodyOf, problemsOf, outcomesOf, parses } = driverOf(
  googleDataManager,
  RAW,
  'token-1',
);

/** The one event of a request, parsed. */
function eventOf(changes: Partial<OutwardConversion>, raw: Readonly<Record<string, unknown>> = {}) {
  return bodyOf([sampleDelivery('444', changes)], raw).events[0];
}

function withClickIds(
  ids: Readonly<Record<string, string>>,
  firstSeenAt = SAMPLE_NOW - 1,
): Partial<OutwardConversion> {
  const { click } = sampleConversion();
  const adPlatformIds = Object.entries(ids).map(([name, value]) => ({ name, value, firstSeenAt }));
  return { click: click && { ...click, adPlatformIds } };
}

describe('settings', () => {
  it.each([
    ['an account with hyphens', { customerId: '123-456-7890' }],
    ['a manager of nine digits', { loginCustomerId: '123456789' }],
    ['no conversion action', { events: undefined }],
    ['a conversion action by its resource name', { events: { sale: 'customers/1/conversionActions/2' } }],
    ['a conversion action by its name', { events: { sale: 'purchase' } }],
    ['a part of the refresh grant', { clientSecret: undefined }],
    ['no grant', { clientId: undefined, clientSecret: undefined, refreshToken: undefined }],
    [
      'a key that is none',
      { clientId: undefined, clientSecret: undefined, refreshToken: undefined, serviceAccountKey: 'e30=' },
    ],
    ['a version of another shape', { apiVersion: '1' }],
    ['store sales', { eventSource: 'IN_STORE' }],
    ['a token URL with a path', { tokenBaseUrl: 'https://oauth2.googleapis.com/token' }],
    ['a misspelt setting', { customerID: '1234567890' }],
  ])('refuse %s', (_what, raw) => {
    expect(parses({})).toBe(true);
    expect(parses(raw)).toBe(false);
  });

  it('name the conversion action of an event type, and send no other', () => {
    expect(outwardEvent(googleDataManager, settingsOf(), 'sale')).toBe('444');
    expect(outwardEvent(googleDataManager, settingsOf(), 'lead')).toBeNull();
  });
});

describe('buildRequest', () => {
  it('sends a sale', () => {
    const delivery = sampleDelivery('444');
    const { subjectHashes } = delivery.conversion;
    const request = requestOf([delivery], { loginCustomerId: '9876543210' });
    expect({ ...request, body: JSON.parse(request.body ?? '') }).toEqual({
      method: 'POST',
      url: 'https://datamanager.googleapis.com/v1/events:ingest',
      headers: { authorization: 'Bearer token-1', 'content-type': 'application/json' },
      derivedSecrets: ['token-1'],
      body: {
        destinations: [
          {
            operatingAccount: { accountType: 'GOOGLE_ADS', accountId: '1234567890' },
            loginAccount: { accountType: 'GOOGLE_ADS', accountId: '9876543210' },
            productDestinationId: '444',
          },
        ],
        encoding: 'HEX',
        events: [
          {
            transactionId: delivery.deliveryId,
            eventTimestamp: '2026-01-02T02:04:05.678Z',
            eventSource: 'WEB',
            conversionValue: 12.34,
            currency: 'USD',
            adIdentifiers: {
              gclid: 'Cj0KCQiA-example_BwE',
              landingPageDeviceInfo: { userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Example/1.0' },
            },
            userData: {
              userIdentifiers: [
                { emailAddress: subjectHashes['emailGmail'] },
                { phoneNumber: subjectHashes['phoneE164'] },
              ],
            },
            consent: { adUserData: 'CONSENT_GRANTED', adPersonalization: 'CONSENT_GRANTED' },
          },
        ],
      },
    });
  });

  it('sends a batch in order, each event under its own id, to where the settings say', () => {
    const deliveries = ['a', 'b'].map((conversionId) => sampleDelivery('444', { conversionId }));
    const request = requestOf(deliveries, { baseUrl: 'http://127.0.0.1:8090', apiVersion: 'v2' });
    expect(request.url).toBe('http://127.0.0.1:8090/v2/events:ingest');
    const { events } = JSON.parse(request.body ?? '');
    expect(events.map((event: { transactionId: string }) => event.transactionId)).toEqual(
      deliveries.map(({ deliveryId }) => deliveryId),
    );
  });

  it('parts the conversion actions, of which one stands in a request', () => {
    expect(() => requestOf([sampleDelivery('444'), sampleDelivery('555')])).toThrow('must not share');
  });

  it('hashes an address at Gmail as Google asks: without dots and suffix', async () => {
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode('janedoe@gmail.com'));
    const { userIdentifiers } = eventOf({}).userData;
    expect(userIdentifiers[0].emailAddress).toBe(Buffer.from(digest).toString('hex'));
  });

  it.each<[string, Partial<OutwardConversion>, Readonly<Record<string, string>> | undefined]>([
    ['is the gclid first', withClickIds({ wbraid: 'w', gbraid: 'b', gclid: 'G-a_Z' }), { gclid: 'G-a_Z' }],
    ['is then the gbraid', withClickIds({ wbraid: 'w', gbraid: 'b' }), { gbraid: 'b' }],
    ['is then the wbraid', withClickIds({ wbraid: 'w' }), { wbraid: 'w' }],
    ['is none older than 90 days', withClickIds({ gclid: 'G' }, SAMPLE_NOW - 91 * DAY_MS), undefined],
    ['is none of another platform', withClickIds({ msclkid: 'M' }), undefined],
    ['is none without a click', { click: null }, undefined],
  ])('the click id %s', (_what, changes, expected) => {
    const { landingPageDeviceInfo: _device, ...ids } = eventOf(changes).adIdentifiers ?? {};
    expect(ids).toEqual(expected ?? {});
  });

  it.each<[string, Partial<OutwardConversion>, boolean]>([
    ['beside a gclid', {}, true],
    ['beside a gbraid', withClickIds({ gbraid: 'b' }), true],
    ['not beside a wbraid', withClickIds({ wbraid: 'w' }), false],
    ['not where there are none', { subjectHashes: {} }, false],
    [
      'not when consent is denied',
      { consent: { adUserData: 'denied', adPersonalization: 'granted' } },
      false,
    ],
  ])('user identifiers stand %s', (_what, changes, isThere) => {
    expect(eventOf(changes).userData !== undefined).toBe(isThere);
  });

  it.each([
    ['granted', 'denied', { adUserData: 'CONSENT_GRANTED', adPersonalization: 'CONSENT_DENIED' }],
    ['denied', 'denied', { adUserData: 'CONSENT_DENIED', adPersonalization: 'CONSENT_DENIED' }],
    ['unknown', 'granted', { adPersonalization: 'CONSENT_GRANTED' }],
    ['unknown', 'unknown', undefined],
  ] as const)('consent %s and %s is %o', (adUserData, adPersonalization, expected) => {
    expect(eventOf({ consent: { adUserData, adPersonalization } }).consent).toEqual(expected);
  });

  it.each([
    [12_340_000n, '"conversionValue":12.34,'],
    [100_000n, '"conversionValue":0.1,'],
    [9_200_000_000_000_000_000n, '"conversionValue":9200000000000,'],
    [1n, '"conversionValue":0.000001,'],
  ])('prints %i micro-units exactly', (micros, text) => {
    expect(requestOf([sampleDelivery('444', { revenue: { micros, currency: 'EUR' } })]).body).toContain(text);
  });

  it('leaves value and currency out where there are none', () => {
    expect(Object.keys(eventOf({ revenue: null }))).not.toContain('conversionValue');
    expect(Object.keys(eventOf({ revenue: null }))).not.toContain('currency');
  });

  it('has tests checked and not recorded, and only tests', () => {
    expect(bodyOf([sampleDelivery('444', { isTest: true })]).validateOnly).toBe(true);
    expect(requestOf([sampleDelivery('444')]).body).not.toContain('validateOnly');
    expect(() => requestOf([sampleDelivery('444'), sampleDelivery('444', { isTest: true })])).toThrow();
  });

  it('says where the conversion happened as the settings say', () => {
    expect(eventOf({}, { eventSource: 'PHONE' }).eventSource).toBe('PHONE');
  });
});

describe('corrections', () => {
  const adjusted = (kind: 'restate' | 'retract', changes: Partial<OutwardConversion> = {}) => {
    const delivery = sampleCorrection(kind, '444', null, changes);
    return { delivery, event: bodyOf([delivery]).events[0] };
  };

  it('restates an event by the same event with the new value', () => {
    const { delivery, event } = adjusted('restate');
    const [original] = bodyOf([sampleDelivery('444')]).events;
    expect(event).toEqual({
      ...original,
      transactionId: delivery.correction?.deliveredAs.deliveryId,
      conversionValue: 4.97,
      lastUpdatedTimestamp: '2026-01-02T02:54:05.678Z',
    });
    expect(event.transactionId).toBe(original.transactionId);
  });

  it('takes an event back by a value of nothing', () => {
    expect(adjusted('retract').event).toMatchObject({ conversionValue: 0, currency: 'USD' });
  });

  it('takes an event without a value back all the same: Google gave it the standard value', () => {
    const delivery = sampleCorrection('retract', '444', null, { revenue: null });
    const { correction } = delivery;
    const bare = {
      ...delivery,
      correction: correction && { ...correction, now: { revenue: null, payout: null } },
    };
    const [event] = bodyOf([bare]).events;
    expect(event.conversionValue).toBe(0);
    expect(Object.keys(event)).not.toContain('currency');
  });

  it('may raise a value and change its currency', () => {
    const delivery = sampleCorrection('restate', '444');
    const raised = {
      ...delivery,
      correction: delivery.correction && {
        ...delivery.correction,
        now: { revenue: { micros: 99_000_000n, currency: 'EUR' }, payout: null },
      },
    };
    expect(bodyOf([raised]).events[0]).toMatchObject({ conversionValue: 99, currency: 'EUR' });
  });

  it('goes by itself, for it must not share a request with events', () => {
    expect(() => requestOf([sampleDelivery('444'), sampleCorrection('restate', '444')])).toThrow(
      'must not share',
    );
  });

  it.each([
    [54 * DAY_MS, true],
    [54 * DAY_MS + 1, false],
  ])('of a conversion %i ms old is possible: %s', (ageMs, isPossible) => {
    const delivery = sampleCorrection('restate', '444', null, { occurredAt: SAMPLE_NOW - ageMs });
    const { conversion, correction } = delivery;
    if (correction === null) throw new Error('a sample correction has one');
    const plan = planCorrection(googleDataManager, settingsOf(), { conversion, correction }, SAMPLE_NOW);
    expect(plan.possible).toBe(isPossible);
  });
});

describe('validate', () => {
  const anonymous = { subjectHashes: {}, click: null };
  const denied = { consent: { adUserData: 'denied', adPersonalization: 'denied' } } as const;

  it.each<[string, Partial<OutwardConversion>, Readonly<Record<string, unknown>>, string[]]>([
    ['a complete sale', {}, {}, []],
    ['a sale without value', { revenue: null }, {}, []],
    ['90 days old', { ...withClickIds({}), occurredAt: SAMPLE_NOW - 90 * DAY_MS }, {}, []],
    [
      'older than 90 days',
      { ...withClickIds({}), occurredAt: SAMPLE_NOW - 90 * DAY_MS - 1 },
      {},
      ['eventTimestamp too_old'],
    ],
    [
      'a click that has grown too old since the conversion',
      { ...withClickIds({ gclid: 'G' }, SAMPLE_NOW - 91 * DAY_MS), occurredAt: SAMPLE_NOW - 10 * DAY_MS },
      {},
      ['adIdentifiers.gclid too_old'],
    ],
    ['nobody', anonymous, {}, ['adIdentifiers identifier_missing']],
    ['an e-mail alone', { ...anonymous, subjectHashes: { emailGmail: 'a'.repeat(64) } }, {}, []],
    [
      'a name alone',
      { ...anonymous, subjectHashes: { firstName: 'a'.repeat(64) } },
      {},
      ['adIdentifiers identifier_missing'],
    ],
    ['a wbraid alone', { ...withClickIds({ wbraid: 'w' }), subjectHashes: {} }, {}, []],
    ['a sale in no currency', { revenue: { micros: 1n, currency: 'ZZZ' } }, {}, ['currency value_invalid']],
    ['consent denied', denied, {}, ['consent.adUserData consent_denied']],
    ['consent denied, limited', denied, { whenConsentDenied: 'limit' }, []],
    [
      'consent denied, limited, without a click',
      { ...denied, click: null },
      { whenConsentDenied: 'limit' },
      ['adIdentifiers identifier_missing'],
    ],
    ['a test', { isTest: true }, {}, []],
  ])('%s', (_what, changes, raw, expected) => {
    expect(problemsOf('444', changes, raw)).toEqual(expected);
  });
});

describe('judge', () => {
  const info = (reason: string, metadata = {}) => ({
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason,
    domain: 'datamanager.googleapis.com',
    metadata,
  });
  const violations = (...fields: readonly string[]) => ({
    '@type': 'type.googleapis.com/google.rpc.BadRequest',
    fieldViolations: fields.map((field) => ({ field, description: 'words', reason: 'INVALID_FORMAT' })),
  });
  const error = (code: number, status: string, ...details: readonly object[]) =>
    JSON.stringify({ error: { code, message: 'words', status, details } });

  const taken = { outcome: 'delivered' };
  const again = (reason: string, detail?: string) => ({
    outcome: 'retry',
    reason,
    ...(detail && { detail }),
  });
  const split = (detail: string) => ({ ...again('batch_refused', detail), splitBatch: true });
  const event = (reason: string, detail: string) => ({ outcome: 'refused', reason, scope: 'event', detail });
  const all = (reason: string, detail: string) => ({
    outcome: 'refused',
    reason,
    scope: 'destination',
    detail,
  });
  const unreadable = again('response_unreadable');
  const id = '{"requestId":"126365e1-16d0-4c81-9de9-f362711e250a"}';

  it.each<[number, string, number, unknown]>([
    [200, id, 1, taken],
    [200, id, 2_000, taken],
    [200, '{"requestId":"r","fieldWarnings":[{"fieldPath":"events[0].currency"}]}', 1, taken],
    [200, '{}', 1, unreadable],
    [200, '{"requestId":""}', 1, unreadable],
    [200, '', 1, unreadable],
    [200, '<html>', 1, unreadable],
    [302, id, 1, { outcome: 'refused', reason: 'redirect_not_followed', scope: 'destination' }],
    [400, id, 1, unreadable],
    [404, '<html>', 3, unreadable],
    [404, error(404, 'NOT_FOUND'), 2, all('destination_invalid', 'NOT_FOUND: words')],
    [413, error(413, 'INVALID_ARGUMENT'), 2, split('INVALID_ARGUMENT: words')],
    [503, '<html>', 1, again('http_503')],
    [429, '<html>', 1, again('http_429')],
    [401, '', 2, again('token_expired')],
    [401, error(401, 'UNAUTHENTICATED'), 2, again('token_expired', 'UNAUTHENTICATED: words')],
    [403, error(403, 'PERMISSION_DENIED'), 2, all('permission_denied', 'PERMISSION_DENIED: words')],
    [
      403,
      error(403, 'PERMISSION_DENIED', info('ACCESS_TOKEN_SCOPE_INSUFFICIENT')),
      1,
      all('permission_denied', 'PERMISSION_DENIED, ACCESS_TOKEN_SCOPE_INSUFFICIENT: words'),
    ],
    [429, error(429, 'RESOURCE_EXHAUSTED'), 2, again('throttled', 'RESOURCE_EXHAUSTED: words')],
    [500, error(500, 'INTERNAL'), 2, again('platform_failing', 'INTERNAL: words')],
    [503, error(503, 'UNAVAILABLE'), 1, again('platform_failing', 'UNAVAILABLE: words')],
    [504, error(504, 'DEADLINE_EXCEEDED'), 1, again('platform_failing', 'DEADLINE_EXCEEDED: words')],
    [
      400,
      error(400, 'INVALID_ARGUMENT', info('INTERNAL_ERROR')),
      1,
      again('platform_failing', 'INVALID_ARGUMENT, INTERNAL_ERROR: words'),
    ],
    [400, error(400, 'INVALID_ARGUMENT'), 1, event('event_invalid', 'INVALID_ARGUMENT: words')],
    [400, error(400, 'INVALID_ARGUMENT'), 2, split('INVALID_ARGUMENT: words')],
    [
      400,
      error(400, 'INVALID_ARGUMENT', info('TOO_MANY_EVENTS')),
      2_000,
      split('INVALID_ARGUMENT, TOO_MANY_EVENTS: words'),
    ],
    [
      400,
      error(400, 'INVALID_ARGUMENT', info('EVENT_TIME_INVALID')),
      1,
      event('event_too_old', 'INVALID_ARGUMENT, EVENT_TIME_INVALID: words'),
    ],
    [
      400,
      error(400, 'INVALID_ARGUMENT', info('NO_IDENTIFIERS_PROVIDED')),
      1,
      event('event_invalid', 'INVALID_ARGUMENT, NO_IDENTIFIERS_PROVIDED: words'),
    ],
    [
      400,
      error(400, 'INVALID_ARGUMENT', violations('events[0].currency')),
      1,
      event('event_invalid', 'INVALID_ARGUMENT, INVALID_FORMAT: words: INVALID_FORMAT at events[0].currency'),
    ],
    [
      400,
      error(400, 'INVALID_ARGUMENT', violations('destinations[0].product_destination_id')),
      2,
      all(
        'destination_invalid',
        'INVALID_ARGUMENT, INVALID_FORMAT: words: INVALID_FORMAT at destinations[0].product_destination_id',
      ),
    ],
    [400, '{"error":{"code":400}}', 1, event('event_invalid', '')],
  ])('%i %s for %i', (status, body, deliveryCount, outcome) => {
    const outcomes = outcomesOf({ status, body }, deliveryCount);
    expect(outcomes).toEqual(Array.from({ length: deliveryCount }, () => outcome));
  });

  it.each([
    'NOT_ALLOWLISTED',
    'TERMS_AND_CONDITIONS_NOT_SIGNED',
    'DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED',
    'DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS',
    'DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS',
    'OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH',
    'EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED',
  ])('%s concerns the account', (reason) => {
    const body = error(400, 'INVALID_ARGUMENT', info(reason));
    expect(outcomesOf({ status: 400, body }, 2)).toEqual(
      [1, 2].map(() => all('permission_denied', `INVALID_ARGUMENT, ${reason}: words`)),
    );
  });

  it.each([
    'INVALID_DESTINATION',
    'INVALID_CONVERSION_ACTION_ID',
    'INVALID_CONVERSION_ACTION_TYPE',
    'DESTINATION_ACCOUNT_TYPE_MISMATCH',
    'EVENT_SOURCE_AND_DESTINATION_MISMATCH',
  ])('%s concerns the conversion action', (reason) => {
    const body = error(400, 'INVALID_ARGUMENT', info(reason));
    expect(outcomesOf({ status: 400, body }, 1)).toEqual([
      all('destination_invalid', `INVALID_ARGUMENT, ${reason}: words`),
    ]);
  });

  it.each([
    ['events[1].event_timestamp', [1]],
    ['events.events[2].user_data.user_identifiers', [2]],
    ['events[9]', []],
    ['ad_events[1]', []],
  ])('a violation at %s is of the events %j of three', (field, named) => {
    const body = error(400, 'INVALID_ARGUMENT', violations(field));
    const outcomes = outcomesOf({ status: 400, body }, 3);
    expect(outcomes.flatMap(({ outcome }, place) => (outcome === 'refused' ? [place] : []))).toEqual(named);
    expect(outcomes.filter(({ outcome }) => outcome === 'retry')).toHaveLength(3 - named.length);
  });

  it('answers adjustments alike', () => {
    const body = error(400, 'INVALID_ARGUMENT');
    expect(outcomesOf({ status: 200, body: id }, 1, { isAdjustment: true })).toEqual([taken]);
    expect(outcomesOf({ status: 400, body }, 1, { isAdjustment: true })).toEqual(
      outcomesOf({ status: 400, body }),
    );
  });

  it('honours Retry-After', () => {
    const response = {
      status: 429,
      headers: { 'retry-after': '60' },
      body: error(429, 'RESOURCE_EXHAUSTED'),
    };
    expect(outcomesOf(response)).toMatchObject([{ reason: 'throttled', afterMs: 60_000 }]);
  });

  it('tells a few of many faults', () => {
    const many = violations(...Array.from({ length: 2_000 }, (_, place) => `events[${place}].currency`));
    const [first] = outcomesOf({ status: 400, body: error(400, 'INVALID_ARGUMENT', many) }, 2_000);
    expect(first).toMatchObject({
      outcome: 'refused',
      detail: expect.stringMatching(/events\[2\]\.currency$/),
    });
  });

  it('does not repeat what a description quotes of the event', () => {
    const quoting = {
      '@type': 'x',
      fieldViolations: [{ field: 'events[0]', description: 'jane@example.org' }],
    };
    expect(JSON.stringify(outcomesOf({ status: 400, body: error(400, 'X', quoting) }))).not.toContain('jane');
  });
});

describe('credential', () => {
  const { credential } = googleDataManager;

  it('refreshes at the token endpoint', () => {
    const settings = settingsOf({ tokenBaseUrl: 'http://127.0.0.1:8090' });
    expect(credential?.isNeeded(settings)).toBe(true);
    expect(credential?.buildRequest({ settings, now: SAMPLE_NOW })).toMatchObject({
      url: 'http://127.0.0.1:8090/token',
      body: 'grant_type=refresh_token&refresh_token=refresh-1&client_id=client-1&client_secret=secret-1',
    });
  });
});

describe('the follow-up', () => {
  const { followUp } = googleDataManager;
  if (followUp === undefined) throw new Error('a follow-up was expected');
  const settled = (...groups: readonly (readonly [number, unknown])[]) => ({
    answer: 'settled',
    groups: groups.map(([count, outcome]) => ({ count, outcome })),
  });
  const taken = { outcome: 'delivered' };
  const refusal = (reason: string, detail?: string, scope = 'event') => ({
    outcome: 'refused',
    reason,
    scope,
    ...(detail && { detail }),
  });
  const failing = { outcome: 'retry', reason: 'platform_failing', detail: 'INTERNAL_ERROR' };

  const status = (requestStatus: string, errorCounts?: readonly (readonly [unknown, string])[]) =>
    JSON.stringify({
      requestStatusPerDestination: [
        {
          destination: { productDestinationId: '444' },
          requestStatus,
          ...(errorCounts && {
            errorInfo: {
              errorCounts: errorCounts.map(([recordCount, reason]) => ({
                recordCount,
                reason: `PROCESSING_ERROR_REASON_${reason}`,
              })),
            },
          }),
          eventsIngestionStatus: { recordCount: '3' },
        },
      ],
    });
  const error = (code: number, text: string) =>
    JSON.stringify({ error: { code, status: text, message: 'words' } });
  const answerTo = (
    response: { status?: number; headers?: Readonly<Record<string, string>>; body?: string },
    more: { deliveryCount?: number; isAdjustment?: boolean } = {},
  ) =>
    followUp.judge({
      response: { status: 200, headers: {}, body: '', ...response },
      deliveryCount: 3,
      isAdjustment: false,
      settings: settingsOf(),
      now: SAMPLE_NOW,
      ...more,
    });

  it('asks by the id of the accepted request, with a token', () => {
    const ask = (raw = {}) =>
      followUp.buildRequest({
        requestId: 'a/b c',
        settings: settingsOf(raw),
        accessToken: 'token-1',
        now: SAMPLE_NOW,
      });
    expect(ask()).toEqual({
      method: 'GET',
      url: 'https://datamanager.googleapis.com/v1/requestStatus:retrieve?requestId=a%2Fb%20c',
      headers: { authorization: 'Bearer token-1' },
      body: null,
      derivedSecrets: ['token-1'],
    });
    expect(ask({ baseUrl: 'http://127.0.0.1:8090', apiVersion: 'v2' }).url).toMatch(
      /^http:\/\/127\.0\.0\.1:8090\/v2\/requestStatus/,
    );
  });

  it.each([
    ['of an accepted request', 200, '{"requestId":"r-1"}', false, 'r-1'],
    ['of a test there is none', 200, '{"requestId":"r-1"}', true, null],
    ['of a refusal there is none', 400, '{"requestId":"r-1"}', false, null],
    ['of another answer there is none', 200, '{"requestId":""}', false, null],
    ['is printable', 200, '{"requestId":"r\\ud800"}', false, null],
  ])('the id %s', (_what, code, body, isTest, expected) => {
    expect(followUp.requestIdOf({ response: { status: code, headers: {}, body }, isTest })).toBe(expected);
  });

  it.each<[string, string, unknown]>([
    ['all counted', status('SUCCESS'), settled([3, taken])],
    [
      'all too old',
      status('FAILED', [['3', 'EVENT_TOO_OLD']]),
      settled([3, refusal('event_too_old', 'EVENT_TOO_OLD')]),
    ],
    [
      'dropped for several reasons',
      status('FAILED', [
        ['1', 'NO_CONSENT'],
        ['2', 'INVALID_GCLID'],
      ]),
      settled([1, refusal('consent_missing', 'NO_CONSENT')], [2, refusal('event_invalid', 'INVALID_GCLID')]),
    ],
    ['dropped without counts', status('FAILED'), settled([3, refusal('event_invalid')])],
    [
      'dropped, with more faults than events',
      status('FAILED', [
        ['3', 'INVALID_GCLID'],
        ['2', 'INVALID_FORMAT'],
      ]),
      settled([
        3,
        refusal(
          'event_invalid',
          'PROCESSING_ERROR_REASON_INVALID_GCLID, PROCESSING_ERROR_REASON_INVALID_FORMAT',
        ),
      ]),
    ],
    [
      'dropped for one reason, counted otherwise than we do',
      status('FAILED', [['5', 'EVENT_TOO_OLD']]),
      settled([3, refusal('event_too_old', 'EVENT_TOO_OLD')]),
    ],
    [
      'some dropped, some failed at Google, some counted already',
      status('PARTIAL_SUCCESS', [
        [1, 'INTERNAL_ERROR'],
        [1, 'DUPLICATE_TRANSACTION_ID'],
      ]),
      settled([1, failing], [1, taken], [1, taken]),
    ],
    [
      'terms that nobody signed',
      status('FAILED', [['3', 'DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED']]),
      settled([
        3,
        refusal(
          'permission_denied',
          'DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED',
          'destination',
        ),
      ]),
    ],
    [
      'some dropped, and nobody says how many',
      status('PARTIAL_SUCCESS'),
      { answer: 'untold', reason: 'counts_missing' },
    ],
    [
      'more dropped than there were',
      status('PARTIAL_SUCCESS', [['4', 'INVALID_GCLID']]),
      { answer: 'untold', reason: 'counts_missing' },
    ],
    ['not done', status('PROCESSING'), { answer: 'pending', reason: 'processing' }],
    ['a status nobody knows', status('REQUEST_STATUS_UNKNOWN'), { answer: 'pending', reason: 'processing' }],
    ['no status', '{"requestStatusPerDestination":[]}', { answer: 'pending', reason: 'response_unreadable' }],
  ])('%s', (_what, body, expected) => {
    expect(answerTo({ body })).toEqual(expected);
  });

  it('takes a duplicate for counted, but not when it was to adjust', () => {
    const body = status('FAILED', [['3', 'DUPLICATE_GCLID']]);
    expect(answerTo({ body })).toEqual(settled([3, taken]));
    expect(answerTo({ body }, { isAdjustment: true })).toEqual(
      settled([3, refusal('adjustment_not_taken', 'DUPLICATE_GCLID')]),
    );
  });

  it.each<[number, string, unknown]>([
    [401, '', { answer: 'pending', reason: 'token_expired' }],
    [
      400,
      error(401, 'UNAUTHENTICATED'),
      { answer: 'pending', reason: 'token_expired', detail: 'UNAUTHENTICATED: words' },
    ],
    [
      429,
      error(429, 'RESOURCE_EXHAUSTED'),
      { answer: 'pending', reason: 'platform_failing', detail: 'RESOURCE_EXHAUSTED: words', afterMs: 60_000 },
    ],
    [503, '<html>', { answer: 'pending', reason: 'http_503', afterMs: 60_000 }],
    [302, status('SUCCESS'), { answer: 'untold', reason: 'redirect_not_followed' }],
    [
      400,
      error(400, 'INVALID_ARGUMENT'),
      { answer: 'untold', reason: 'request_status_refused', detail: 'INVALID_ARGUMENT: words' },
    ],
    [
      403,
      error(403, 'PERMISSION_DENIED'),
      { answer: 'untold', reason: 'request_status_refused', detail: 'PERMISSION_DENIED: words' },
    ],
  ])('%i %s', (code, body, expected) => {
    expect(answerTo({ status: code, headers: { 'retry-after': '60' }, body })).toEqual(expected);
  });
});
