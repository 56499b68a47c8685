/** Microsoft's Conversions API by table: the exact request, what is not valid, and the outcome of each event of each response. */
import type { OutwardConversion } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { driverOf } from './definition.fixture.ts';
import { outwardEvent } from './definition.ts';
import { microsoftUet } from './microsoft-uet.ts';
import { SAMPLE_NOW, sampleConversion, sampleCorrection, sampleDelivery } from './sample.ts';

const DAY_MS = 86_400_000;
const MSCLKID = '0123456789abcdef0123456789abcdef';

const { settingsOf, requestOf, bodyOf, problemsOf, outcomesOf, parses } = driverOf(microsoftUet, {
  tagId: '187012345',
  apiToken: 'token-1',
});

/** The one event of a request, parsed. */
function eventOf(changes: Partial<OutwardConversion>) {
  return bodyOf([sampleDelivery('purchase', changes)]).data[0];
}

function withMsclkid(value: string, firstSeenAt = SAMPLE_NOW - 1): Partial<OutwardConversion> {
  const { click } = sampleConversion();
  return { click: click && { ...click, adPlatformIds: [{ name: 'msclkid', value, firstSeenAt }] } };
}

const denied = { consent: { adUserData: 'denied', adPersonalization: 'denied' } } as const;

describe('settings', () => {
  it.each([
    ['a tag with letters', { tagId: 'uet-1' }],
    ['no token', { apiToken: '' }],
    ['a version of another shape', { apiVersion: '1' }],
    ['a base URL with a path', { baseUrl: 'https://capi.uet.microsoft.com/v1' }],
    ['a misspelt setting', { tagID: '1' }],
  ])('refuse %s', (_what, raw) => {
    expect(parses(raw)).toBe(false);
  });

  it('name the goals other than a purchase', () => {
    expect(outwardEvent(microsoftUet, settingsOf(), 'lead')).toBeNull();
    expect(outwardEvent(microsoftUet, settingsOf({ events: { lead: 'submit_lead' } }), 'lead')).toBe(
      'submit_lead',
    );
    expect(outwardEvent(microsoftUet, settingsOf(), 'sale')).toBe('purchase');
  });
});

describe('buildRequest', () => {
  it('sends a sale', () => {
    const delivery = sampleDelivery('purchase', { extras: { uetvid: 'b1f6c0d0e8aa11eeb1d2c3e4f5a6b7c8' } });
    const { subjectHashes } = delivery.conversion;
    const request = requestOf([delivery]);
    expect({ ...request, body: JSON.parse(request.body ?? '') }).toEqual({
      method: 'POST',
      url: 'https://capi.uet.microsoft.com/v1/187012345/events',
      headers: { authorization: 'Bearer token-1', 'content-type': 'application/json' },
      body: {
        data: [
          {
            eventType: 'custom',
            eventName: 'purchase',
            eventId: delivery.deliveryId,
            eventTime: 1_767_319_445,
            eventSourceUrl: 'https://shop.example/landing',
            adStorageConsent: 'G',
            userData: {
              msclkid: MSCLKID,
              anonymousId: 'b1f6c0d0e8aa11eeb1d2c3e4f5a6b7c8',
              em: subjectHashes['emailDotless'],
              ph: subjectHashes['phoneE164'],
              externalId: subjectHashes['customerExternal'],
              clientIpAddress: '203.0.113.77',
              clientUserAgent: 'Mozilla/5.0 (X11; Linux x86_64) Example/1.0',
            },
            customData: {
              value: 12.34,
              currency: 'USD',
              transactionId: 'order-42',
              itemIds: ['sku-9'],
              items: [{ id: 'sku-9', quantity: 2 }],
            },
          },
        ],
        continueOnValidationError: true,
      },
    });
  });

  it('sends a batch in order, each event under its own id, to where the settings say', () => {
    const deliveries = ['purchase', 'submit_lead'].map((event) => sampleDelivery(event));
    const request = requestOf(deliveries, { baseUrl: 'http://127.0.0.1:8090', apiVersion: 'v2' });
    expect(request.url).toBe('http://127.0.0.1:8090/v2/187012345/events');
    const { data } = JSON.parse(request.body ?? '');
    expect(data.map(({ eventId }: { eventId: string }) => eventId)).toEqual(
      deliveries.map((d) => d.deliveryId),
    );
  });

  it.each<[string, Partial<OutwardConversion>, string | undefined]>([
    [
      'is sent as it was caught',
      withMsclkid('DD4AFCCCB1C94CAD9544DD7E50060000'),
      'DD4AFCCCB1C94CAD9544DD7E50060000',
    ],
    [
      'may have hyphens',
      withMsclkid('dd4afccc-b1c9-4cad-9544-dd7e50060000'),
      'dd4afccc-b1c9-4cad-9544-dd7e50060000',
    ],
    ['is left out when it is no GUID', withMsclkid('click-1'), undefined],
    ['is left out after 90 days', withMsclkid(MSCLKID, SAMPLE_NOW - 91 * DAY_MS), undefined],
    ['is nothing without a click', { click: null }, undefined],
  ])('msclkid %s', (_what, changes, expected) => {
    expect(eventOf(changes).userData.msclkid).toBe(expected);
  });

  it.each([
    ['granted', 'G'],
    ['denied', 'D'],
    ['unknown', undefined],
  ] as const)('consent %s is %s', (adUserData, expected) => {
    expect(eventOf({ consent: { adUserData, adPersonalization: 'granted' } }).adStorageConsent).toBe(
      expected,
    );
  });

  it('leaves out who and where the person is when consent is denied', () => {
    expect(Object.keys(eventOf(denied).userData)).toEqual(['msclkid', 'clientUserAgent']);
  });

  it.each<[string, Partial<OutwardConversion>, Readonly<Record<string, unknown>>]>([
    ['without revenue', { revenue: null }, { value: undefined, currency: undefined }],
    ['exactly', { revenue: { micros: 1n, currency: 'EUR' } }, { value: 0.000001, currency: 'EUR' }],
    ['without transaction', { transactionId: null }, { transactionId: undefined }],
    ['without product', { productId: null }, { items: undefined, itemIds: undefined }],
    ['without quantity', { quantity: null }, { items: [{ id: 'sku-9' }] }],
  ])('tells a sale %s', (_what, changes, expected) => {
    const { customData } = eventOf(changes);
    for (const [name, value] of Object.entries(expected)) expect(customData[name]).toEqual(value);
  });

  it('sends no test, for it would count', () => {
    expect(() => requestOf([sampleDelivery('purchase', { isTest: true })])).toThrow('test conversion');
  });

  it('takes no correction, and says why', () => {
    const { restate, retract } = microsoftUet.corrections(settingsOf(), 'purchase');
    expect(restate).toEqual(retract);
    expect(retract).toMatchObject({
      form: 'impossible',
      reason: expect.stringContaining('Campaign Management'),
    });
    expect(() => requestOf([sampleCorrection('retract', 'purchase')])).toThrow('correction_not_taken');
  });
});

describe('validate', () => {
  const anonymous = { subjectHashes: {}, click: null, extras: {} };

  it.each<[string, Partial<OutwardConversion>, Readonly<Record<string, unknown>>, string[]]>([
    ['a complete sale', {}, {}, []],
    ['a sale without value', { revenue: null }, {}, []],
    ['seven days old', { occurredAt: SAMPLE_NOW - 7 * DAY_MS }, {}, []],
    ['older than seven days', { occurredAt: SAMPLE_NOW - 7 * DAY_MS - 1 }, {}, ['eventTime too_old']],
    ['nobody, though with address and browser', anonymous, {}, ['userData identifier_missing']],
    ['an msclkid alone', { ...anonymous, ...withMsclkid(MSCLKID) }, {}, []],
    ['a cookie alone', { ...anonymous, extras: { uetvid: MSCLKID } }, {}, []],
    ['a phone number alone', { ...anonymous, subjectHashes: { phoneE164: 'a'.repeat(64) } }, {}, []],
    ['a customer alone', { ...anonymous, subjectHashes: { customerExternal: 'a'.repeat(64) } }, {}, []],
    [
      'a sale in no currency',
      { revenue: { micros: 1n, currency: 'ZZZ' } },
      {},
      ['customData.currency value_invalid'],
    ],
    ['consent denied', denied, {}, ['adStorageConsent consent_denied']],
    ['consent denied, limited', denied, { whenConsentDenied: 'limit' }, []],
    [
      'consent denied, limited, without click and cookie',
      { ...denied, click: null, extras: {} },
      { whenConsentDenied: 'limit' },
      ['userData identifier_missing'],
    ],
    ['a test', { isTest: true }, {}, ['data test_not_possible']],
  ])('%s', (_what, changes, raw, expected) => {
    expect(problemsOf('purchase', changes, raw)).toEqual(expected);
  });
});

describe('judge', () => {
  const at = (index: number, more = {}) => ({
    index,
    propertyName: 'userData.em',
    attemptedValue: 'jane@example.org',
    errorMessage: 'is not SHA-256',
    ...more,
  });
  const answer = (
    eventsReceived: number | undefined,
    details?: readonly object[],
    code = 'ValidationError',
  ) =>
    JSON.stringify({
      ...(eventsReceived === undefined ? {} : { eventsReceived }),
      ...(details === undefined ? {} : { error: { code, message: 'words', details } }),
      traceId: 'trace-1',
    });
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
  const bad = event('userData.em: is not SHA-256');
  const whole = 'ValidationError: words: userData.em: is not SHA-256';

  it.each<[string, number, string, readonly unknown[]]>([
    ['takes one', 200, answer(1), [taken]],
    ['takes all', 200, answer(3), [taken, taken, taken]],
    ['takes all but the one named, not counted', 200, answer(2, [at(1)]), [taken, bad, taken]],
    ['takes all but the one named, counted', 200, answer(3, [at(1)]), [taken, bad, taken]],
    ['refuses the only one', 200, answer(0, [at(0)]), [bad]],
    ['refuses both', 200, answer(0, [at(0), at(1)]), [bad, bad]],
    [
      'says each fault of an event',
      200,
      answer(1, [at(0), at(0, { propertyName: 'eventName', errorMessage: null, errorCode: 'Required' })]),
      [event('userData.em: is not SHA-256; eventName: Required'), taken],
    ],
    ['takes an event with a warning', 200, answer(2, [at(1, { isWarning: true })]), [taken, taken]],
    ['takes none of another place', 200, answer(1, [at(7)]), [taken]],
    [
      'lost some',
      200,
      answer(1),
      [
        split('events_not_received', 'eventsReceived 1 of 2'),
        split('events_not_received', 'eventsReceived 1 of 2'),
      ],
    ],
    ['lost the only one', 200, answer(0), [again('events_not_received', 'eventsReceived 0 of 1')]],
    ['says nothing', 200, '', [again('response_unreadable')]],
    ['says something else', 200, '{"status":"ok"}', [again('response_unreadable')]],
    ['says a number as text', 200, '{"eventsReceived":"1"}', [again('response_unreadable')]],
    ['redirects', 302, answer(1), [{ ...all('redirect_not_followed') }]],
    [
      'refuses the batch and names one',
      400,
      answer(0, [at(1)]),
      [split('batch_refused', whole), event(whole)],
    ],
    [
      'refuses the batch',
      400,
      answer(0, []),
      [split('batch_refused', 'ValidationError: words'), split('batch_refused', 'ValidationError: words')],
    ],
    ['refuses one alone', 400, answer(0, []), [event('ValidationError: words')]],
    ['refuses without a word', 400, '<html>', [again('response_unreadable')]],
    ['finds fault with one', 422, answer(undefined, [at(1)]), [split('batch_refused', whole), event(whole)]],
    ['finds it too large', 413, '<html>', [split('batch_refused'), split('batch_refused')]],
    ['finds one alone too large', 413, '', [event()]],
    ['has no such page', 404, '<html>', [again('response_unreadable')]],
    ['knows no such tag', 404, answer(undefined, [], 'NotFound'), [all('tag_unknown', 'NotFound: words')]],
    ['is not asked at all', 403, '<html>', [again('response_unreadable')]],
    ['knows no token', 401, '', [all('token_invalid'), all('token_invalid')]],
    [
      'knows no token, in words',
      200,
      answer(undefined, [], 'Unauthorized'),
      [all('token_invalid', 'Unauthorized: words')],
    ],
    ['forbids', 403, answer(undefined, [], 'Forbidden'), [all('permission_denied', 'Forbidden: words')]],
    ['is throttling', 429, '', [again('throttled')]],
    [
      'is failing',
      500,
      answer(undefined, [], 'InternalError'),
      [again('platform_failing', 'InternalError: words')],
    ],
    ['is away', 503, '<html>', [again('http_503')]],
  ])('%s', (_what, status, body, outcomes) => {
    expect(outcomesOf({ status, body }, outcomes.length)).toEqual(outcomes);
  });

  it('tells a few of many faults', () => {
    const many = Array.from({ length: 1_000 }, (_, index) => at(index, { propertyName: `p${index}` }));
    const [first] = outcomesOf({ status: 400, body: answer(0, many) }, 1_000);
    expect(first).toMatchObject({ outcome: 'refused', detail: expect.stringMatching(/p2: is not SHA-256$/) });
  });

  it('does not repeat what was sent', () => {
    const outcomes = [200, 400].map((status) => outcomesOf({ status, body: answer(0, [at(0)]) }, 1));
    expect(JSON.stringify(outcomes)).not.toContain('jane');
  });

  it('honours Retry-After', () => {
    expect(outcomesOf({ status: 429, headers: { 'retry-after': '60' } })).toEqual([
      { ...again('throttled'), afterMs: 60_000 },
    ]);
  });
});
