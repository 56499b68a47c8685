/** Google's Data Manager API as the sandbox plays it, over real HTTP: by hand, and by the definition that sends to it. */
import {
  destinationFor,
  type OutwardDelivery,
  outcomesOfAll,
  parseSettings,
  SAMPLE_NOW,
  sampleCorrection,
  sampleDelivery,
} from '@tributary/destinations';
import type { OutwardConversion } from '@tributary/domain';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StartedSandbox, startSandbox } from '../sandbox.fixture.ts';
import { type Asker, senderOf } from '../sender.fixture.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const HASH = 'a'.repeat(64);
const ACCOUNT = '1234567890';
const ACTION = '444';

let sandbox: StartedSandbox;
let now: number;

beforeEach(async () => {
  now = SAMPLE_NOW;
  sandbox = await startSandbox({ clock: { now: () => now } });
});

afterEach(() => sandbox.close());

const timeOf = (at: number) => new Date(at).toISOString();

const anEvent = (changes: object = {}) => ({
  transactionId: 't-1',
  eventTimestamp: timeOf(now - HOUR_MS),
  eventSource: 'WEB',
  conversionValue: 12.5,
  currency: 'EUR',
  adIdentifiers: { gclid: 'G' },
  ...changes,
});

const DESTINATION = {
  operatingAccount: { accountType: 'GOOGLE_ADS', accountId: ACCOUNT },
  productDestinationId: ACTION,
};

async function post(body: string, authorization = 'Bearer good') {
  const response = await fetch(`${sandbox.address}/v1/events:ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization !== '' && { authorization }) },
    body,
  });
  return { status: response.status, body: (await response.json()) as { readonly requestId: string } };
}

const request = (events: readonly unknown[], changes: object = {}) =>
  JSON.stringify({ destinations: [DESTINATION], encoding: 'HEX', events, ...changes });
const send = (...events: readonly unknown[]) => post(request(events));

async function statusOf(requestId: string, authorization = 'Bearer good') {
  const response = await fetch(`${sandbox.address}/v1/requestStatus:retrieve?requestId=${requestId}`, {
    headers: { authorization },
  });
  return { status: response.status, body: await response.json() };
}

const refusal = (reason: string, field: string) => ({
  status: 400,
  body: {
    error: {
      code: 400,
      message: expect.any(String),
      status: 'INVALID_ARGUMENT',
      details: [
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'datamanager.googleapis.com' },
        {
          '@type': 'type.googleapis.com/google.rpc.BadRequest',
          fieldViolations: [{ field, reason, description: expect.any(String) }],
        },
      ],
    },
  },
});

describe('taking events', () => {
  it('answers with the id of the request, and records the call under the account', async () => {
    expect(await send(anEvent())).toEqual({
      status: 200,
      body: { requestId: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) },
    });
    expect(await sandbox.received(`?kind=google-data-manager&name=${ACCOUNT}`)).toMatchObject([
      { path: '/v1/events:ingest', accepted: true, answeredStatus: 200 },
    ]);
  });

  it.each([
    [
      'user identifiers alone',
      { adIdentifiers: undefined, userData: { userIdentifiers: [{ emailAddress: HASH }] } },
    ],
    ['an event without value', { conversionValue: undefined, currency: undefined }],
    ['a time of another zone', { eventTimestamp: '2026-01-02T03:04:05+02:00' }],
    ['consent', { consent: { adUserData: 'CONSENT_GRANTED' } }],
  ])('takes %s', async (_name, changes) => {
    expect(await send(anEvent(changes))).toMatchObject({ status: 200 });
  });
});

describe('refusing', () => {
  it.each<[string, object, string, string]>([
    ['a field of no message', { value: 1 }, 'INVALID_ARGUMENT', 'events[0].value'],
    ['a transaction of digits', { transactionId: '42' }, 'INVALID_ARGUMENT', 'events[0].transaction_id'],
    ['no time', { eventTimestamp: undefined }, 'REQUIRED_FIELD_MISSING', 'events[0].event_timestamp'],
    ['a time of seconds', { eventTimestamp: 1_767_319_445 }, 'INVALID_FORMAT', 'events[0].eventTimestamp'],
    [
      'a time without zone',
      { eventTimestamp: '2026-01-02T03:04:05' },
      'INVALID_FORMAT',
      'events[0].eventTimestamp',
    ],
    ['no source', { eventSource: undefined }, 'REQUIRED_FIELD_MISSING', 'events[0].event_source'],
    ['an unknown source', { eventSource: 'EMAIL' }, 'INVALID_ENUM_VALUE', 'events[0].event_source'],
    ['a value as text', { conversionValue: '1' }, 'INVALID_NUMBER_FORMAT', 'events[0].conversion_value'],
    ['no currency of ISO 4217', { currency: 'EURO' }, 'INVALID_CURRENCY_CODE', 'events[0].currency'],
    ['nobody', { adIdentifiers: {} }, 'NO_IDENTIFIERS_PROVIDED', 'events[0]'],
    [
      'two clicks',
      { adIdentifiers: { gclid: 'G', wbraid: 'W' } },
      'INVALID_ARGUMENT',
      'events[0].ad_identifiers',
    ],
    [
      'an address in clear',
      { userData: { userIdentifiers: [{ emailAddress: 'a@example.com' }] } },
      'INVALID_SHA256_FORMAT',
      'events[0].user_data.user_identifiers[0]',
    ],
    [
      'no user identifier',
      { userData: { userIdentifiers: [] } },
      'REQUIRED_FIELD_MISSING',
      'events[0].user_data.user_identifiers',
    ],
    [
      'eleven user identifiers',
      { userData: { userIdentifiers: Array.from({ length: 11 }, () => ({ emailAddress: HASH })) } },
      'TOO_MANY_USER_IDENTIFIERS',
      'events[0].user_data.user_identifiers',
    ],
    [
      'a consent of another word',
      { consent: { adUserData: 'GRANTED' } },
      'INVALID_ENUM_VALUE',
      'events[0].consent',
    ],
  ])('%s', async (_name, changes, reason, field) => {
    expect(await send(anEvent(changes))).toEqual(refusal(reason, field));
    expect(await sandbox.received()).toMatchObject([{ accepted: false, answeredStatus: 400 }]);
  });

  it('all events of a request for one wrong one, and names it', async () => {
    expect(await send(anEvent(), anEvent({ eventSource: 'X' }))).toEqual(
      refusal('INVALID_ENUM_VALUE', 'events[1].event_source'),
    );
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 0, countedEvents: 0 }]);
  });

  const account = (accountId: string) => ({ operatingAccount: { accountType: 'GOOGLE_ADS', accountId } });
  it.each<[string, object, string, string]>([
    ['no destination', { destinations: [] }, 'REQUIRED_FIELD_MISSING', 'destinations'],
    [
      'eleven destinations',
      { destinations: Array.from({ length: 11 }, () => DESTINATION) },
      'TOO_MANY_DESTINATIONS',
      'destinations',
    ],
    [
      'an account with hyphens',
      { destinations: [{ ...DESTINATION, ...account('123-456-7890') }] },
      'INVALID_DESTINATION',
      'destinations[0].operating_account',
    ],
    [
      'a conversion action by its name',
      { destinations: [{ ...DESTINATION, productDestinationId: 'sale' }] },
      'INVALID_CONVERSION_ACTION_ID',
      'destinations[0].product_destination_id',
    ],
    ['no events', { events: [] }, 'REQUIRED_FIELD_MISSING', 'events'],
    ['a field of no message', { dryRun: true }, 'INVALID_ARGUMENT', 'dryRun'],
    [
      'hashes without their encoding',
      {
        encoding: undefined,
        events: [{ ...anEventOf('t'), userData: { userIdentifiers: [{ emailAddress: HASH }] } }],
      },
      'REQUIRED_FIELD_MISSING',
      'encoding',
    ],
  ])('%s', async (_name, changes, reason, field) => {
    expect(await post(request([anEvent()], changes))).toEqual(refusal(reason, field));
  });

  it('more than 2,000 events', async () => {
    const events = Array.from({ length: 2_001 }, (_, index) => anEvent({ transactionId: `t-${index}` }));
    expect(await post(request(events))).toEqual(refusal('TOO_MANY_EVENTS', 'events'));
  });

  it('no JSON, a missing token, and another one than was set', async () => {
    expect(await post('events=[]')).toMatchObject({ status: 400 });
    await sandbox.behave({ kind: 'google-data-manager', name: ACCOUNT }, {}, '?token=right');
    const body = request([anEvent()]);
    expect(await post(body, '')).toMatchObject({
      status: 401,
      body: { error: { status: 'UNAUTHENTICATED' } },
    });
    expect(await post(body, 'Bearer wrong')).toMatchObject({ status: 401 });
    expect(await post(body, 'Bearer right')).toMatchObject({ status: 200 });
    expect(JSON.stringify(await sandbox.received())).not.toContain('right');
  });

  it('a failure that was asked for in its own words', async () => {
    for (const [status, code] of [
      [403, 'PERMISSION_DENIED'],
      [418, 'INVALID_ARGUMENT'],
      [429, 'RESOURCE_EXHAUSTED'],
      [500, 'INTERNAL'],
      [503, 'UNAVAILABLE'],
    ] as const) {
      await sandbox.behave({ kind: 'google-data-manager', name: ACCOUNT }, { failNext: 1, status });
      expect(await send(anEvent())).toMatchObject({
        status,
        body: { error: { code: status, status: code } },
      });
    }
  });
});

/** An event of a fixed time, for tables that are made before the clock is. */
function anEventOf(transactionId: string) {
  return {
    transactionId,
    eventTimestamp: timeOf(SAMPLE_NOW),
    eventSource: 'WEB',
    adIdentifiers: { gclid: 'G' },
  };
}

describe('counting', () => {
  it('takes a transaction sent again for an adjustment of its value, whenever it comes', async () => {
    await send(anEvent(), anEvent({ transactionId: 't-2' }));
    now += 30 * DAY_MS;
    await send(anEvent({ conversionValue: 4 }));
    expect(await sandbox.summary()).toMatchObject([
      { outwardEvents: 3, countedEvents: 2, distinctKeys: 2, valueByCurrency: { EUR: '16.5' } },
    ]);
  });

  it('takes a transaction that it does not know for a new conversion', async () => {
    await send(anEvent({ transactionId: 'never-seen', conversionValue: 0 }));
    expect(await sandbox.summary()).toMatchObject([{ countedEvents: 1, valueByCurrency: { EUR: '0' } }]);
  });

  it('tells conversion actions and accounts apart', async () => {
    await send(anEvent());
    await post(request([anEvent()], { destinations: [{ ...DESTINATION, productDestinationId: '555' }] }));
    const other = { accountType: 'GOOGLE_ADS', accountId: '5555555555' };
    await post(request([anEvent()], { destinations: [{ ...DESTINATION, operatingAccount: other }] }));
    expect(await sandbox.summary()).toMatchObject([
      { name: ACCOUNT, countedEvents: 2, valueByCurrency: { EUR: '25' } },
      { name: '5555555555', countedEvents: 1 },
    ]);
  });

  it('drops what is too old or without consent after it was accepted, and says so in the status', async () => {
    const old = anEvent({ transactionId: 't-old', eventTimestamp: timeOf(NINETY_DAYS_AGO - 1) });
    const denied = anEvent({ transactionId: 't-no', consent: { adUserData: 'CONSENT_DENIED' } });
    const { status, body } = await send(anEvent(), old, denied);
    expect(status).toBe(200);
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 1, countedEvents: 1, distinctKeys: 1 }]);
    expect(await statusOf(body.requestId)).toMatchObject({
      body: { requestStatusPerDestination: [{ destination: DESTINATION, requestStatus: 'PROCESSING' }] },
    });
    now += 1_000;
    expect(await statusOf(body.requestId)).toEqual({
      status: 200,
      body: {
        requestStatusPerDestination: [
          {
            destination: DESTINATION,
            requestStatus: 'PARTIAL_SUCCESS',
            errorInfo: {
              errorCounts: [
                { recordCount: '1', reason: 'PROCESSING_ERROR_REASON_EVENT_TOO_OLD' },
                { recordCount: '1', reason: 'PROCESSING_ERROR_REASON_DENIED_CONSENT' },
              ],
            },
            eventsIngestionStatus: { recordCount: '3' },
          },
        ],
      },
    });
  });

  it('says in the status when all or none were dropped, and knows no other request', async () => {
    const [good, bad] = [
      await send(anEvent()),
      await send(anEvent({ eventTimestamp: timeOf(NINETY_DAYS_AGO - 1) })),
    ];
    now += 1_000;
    const first = async (id: string) =>
      ((await statusOf(id)).body as { requestStatusPerDestination: readonly object[] })
        .requestStatusPerDestination[0];
    expect(await first(good.body.requestId)).toMatchObject({ requestStatus: 'SUCCESS' });
    expect(await first(bad.body.requestId)).toMatchObject({ requestStatus: 'FAILED' });
    expect(await statusOf('126365e1-16d0-4c81-9de9-f362711e250a')).toEqual(
      refusal('INVALID_REQUEST_ID', 'request_id'),
    );
  });

  it('tells the status to nobody without a right token', async () => {
    const { body } = await send(anEvent());
    expect(await statusOf(body.requestId, '')).toMatchObject({ status: 401 });
    await sandbox.behave({ kind: 'google-data-manager', name: ACCOUNT }, {}, '?token=right');
    expect(await statusOf(body.requestId)).toMatchObject({ status: 401 });
    expect(await statusOf(body.requestId, 'Bearer right')).toMatchObject({ status: 200 });
  });

  it('does not count tests', async () => {
    const { status, body } = await post(request([anEvent()], { validateOnly: true }));
    expect(status).toBe(200);
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 1, countedEvents: 0 }]);
    expect(await statusOf(body.requestId)).toMatchObject({ status: 400 });
  });
});

const NINETY_DAYS_AGO = SAMPLE_NOW - 90 * DAY_MS;

describe('the definition', () => {
  const TAKEN = { outcome: 'delivered' };
  const raw = () => ({
    customerId: ACCOUNT,
    events: { sale: ACTION, lead: '555' },
    clientId: 'client-1',
    clientSecret: 'secret-1',
    refreshToken: 'refresh-1',
    baseUrl: sandbox.address,
    tokenBaseUrl: sandbox.address,
  });
  const sender = (accessToken = 'token-1') =>
    senderOf('google-data-manager', { raw: raw(), now: () => now, accessToken });
  const sale = (id: string, changes: Partial<OutwardConversion> = {}) =>
    sampleDelivery(ACTION, { conversionId: id, ...changes });
  const dollars = (units: number) => ({ micros: BigInt(units * 100) * 10_000n, currency: 'USD' });

  it('delivers, and a repeat is counted once', async () => {
    const batch = [sale('c1'), sale('c2', { revenue: { micros: 100_000n, currency: 'USD' } })];
    expect(await sender().send(batch)).toEqual([TAKEN, TAKEN]);
    expect(await sender().send(batch.slice(0, 1))).toEqual([TAKEN]);
    expect(await sandbox.summary()).toMatchObject([
      {
        name: ACCOUNT,
        outwardEvents: 3,
        countedEvents: 2,
        distinctKeys: 2,
        valueByCurrency: { USD: '12.44' },
      },
    ]);
  });

  it('gets the good ones through beside one that refuses the whole request', async () => {
    const bad = { click: null, subjectHashes: { emailGmail: 'in clear' } };
    const batch = ['c1', 'c2', 'c3', 'c4', 'c5'].map((id) => sale(id, id === 'c3' ? bad : {}));
    const refused = {
      outcome: 'refused',
      reason: 'event_invalid',
      scope: 'event',
      detail: expect.stringContaining('INVALID_SHA256_FORMAT'),
    };
    expect(await sender().sendAll(batch)).toEqual([TAKEN, TAKEN, refused, TAKEN, TAKEN]);
    expect(await sandbox.summary()).toMatchObject([{ countedEvents: 4, valueByCurrency: { USD: '49.36' } }]);
  });

  it('names in the first answer which one is to blame', async () => {
    const batch = ['c1', 'c2'].map((id) =>
      sale(id, id === 'c2' ? { subjectHashes: { phoneE164: '1' } } : {}),
    );
    expect(await sender().send(batch)).toMatchObject([
      { outcome: 'retry', reason: 'batch_refused' },
      { outcome: 'refused', reason: 'event_invalid' },
    ]);
  });

  it('leaves the right sum after each step: sold, lowered, refunded', async () => {
    await sender().send([sale('c1'), sale('c2')]);
    const step = (kind: 'restate' | 'retract'): OutwardDelivery =>
      sampleCorrection(kind, ACTION, null, { conversionId: 'c1' });
    expect(await sandbox.summary()).toMatchObject([{ countedEvents: 2, valueByCurrency: { USD: '24.68' } }]);
    expect(await sender().send([step('restate')])).toEqual([TAKEN]);
    expect(await sandbox.summary()).toMatchObject([{ countedEvents: 2, valueByCurrency: { USD: '17.31' } }]);
    expect(await sender().send([step('restate')])).toEqual([TAKEN]);
    expect(await sandbox.summary()).toMatchObject([{ countedEvents: 2, valueByCurrency: { USD: '17.31' } }]);
    expect(await sender().send([step('retract')])).toEqual([TAKEN]);
    expect(await sandbox.summary()).toMatchObject([{ countedEvents: 2, valueByCurrency: { USD: '12.34' } }]);
  });

  it('raises a value and takes back one that had none', async () => {
    await sender().send([sale('c1'), sale('c2', { revenue: null })]);
    const raised = sampleCorrection('restate', ACTION, null, { conversionId: 'c1' });
    const now2 = { revenue: dollars(20), payout: null };
    await sender().send([
      { ...raised, correction: raised.correction && { ...raised.correction, now: now2 } },
    ]);
    await sender().send([sampleCorrection('retract', ACTION, null, { conversionId: 'c2', revenue: null })]);
    expect(await sandbox.summary()).toMatchObject([{ countedEvents: 2, valueByCurrency: { USD: '20' } }]);
  });

  it.each([
    [401, { outcome: 'retry', reason: 'token_expired' }],
    [403, { outcome: 'refused', reason: 'permission_denied', scope: 'destination' }],
    [400, { outcome: 'refused', reason: 'event_invalid', scope: 'event' }],
    [404, { outcome: 'refused', reason: 'destination_invalid', scope: 'destination' }],
    [429, { outcome: 'retry', reason: 'throttled' }],
    [503, { outcome: 'retry', reason: 'platform_failing' }],
  ])('judges a failure of %i', async (status, outcome) => {
    await sandbox.behave({ kind: 'google-data-manager', name: ACCOUNT }, { failNext: 1, status });
    expect(await sender().send([sale('c1')])).toMatchObject([outcome]);
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 0 }]);
  });

  it('sends tests that are counted nowhere, apart from sales', async () => {
    expect(await sender().sendAll([sale('c1', { isTest: true }), sale('c2')])).toEqual([TAKEN, TAKEN]);
    expect(await sandbox.summary()).toMatchObject([
      { calls: 2, countedEvents: 1, valueByCurrency: { USD: '12.34' } },
    ]);
  });

  it('learns later what became of accepted events: first nothing, then all or how many', async () => {
    const old = (id: string) => sale(id, { occurredAt: now - 91 * DAY_MS });
    const batches = {
      counted: await sender().ask([sale('c1'), sale('c2')]),
      dropped: await sender().ask([old('c3'), old('c4')]),
      both: await sender().ask([sale('c5'), old('c6'), old('c7')]),
      test: await sender().ask([sale('c8', { isTest: true })]),
    };
    expect(batches.test).toBeNull();
    expect(await batches.counted?.()).toEqual({ answer: 'pending', reason: 'processing' });
    now += 1_000;
    const outcomesOf = async (ask: Asker | null) => {
      const answer = await ask?.();
      return answer?.answer === 'settled' ? outcomesOfAll(answer.groups) : answer;
    };
    const tooOld = { outcome: 'refused', reason: 'event_too_old', scope: 'event', detail: 'EVENT_TOO_OLD' };
    expect(await outcomesOf(batches.counted)).toEqual([TAKEN, TAKEN]);
    expect(await outcomesOf(batches.dropped)).toEqual([tooOld, tooOld]);
    expect(await outcomesOf(batches.both)).toBeNull();
    expect(await batches.both?.()).toEqual({
      answer: 'settled',
      groups: [
        { count: 2, outcome: tooOld },
        { count: 1, outcome: TAKEN },
      ],
    });
    expect(await sandbox.summary()).toMatchObject([{ countedEvents: 3, valueByCurrency: { USD: '37.02' } }]);
  });

  it('parts the conversion actions of one batch', async () => {
    expect(await sender().sendAll([sale('c1'), sampleDelivery('555', { conversionId: 'c1' })])).toEqual([
      TAKEN,
      TAKEN,
    ]);
    expect(await sandbox.summary()).toMatchObject([{ calls: 2, countedEvents: 2 }]);
  });

  async function tokenFor(changes: object) {
    const definition = destinationFor('google-data-manager');
    if (definition?.credential == null) throw new Error('it fetches tokens');
    const parsed = parseSettings(definition, { ...raw(), ...changes });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    const { settings } = parsed;
    const { url, method, headers, body } = definition.credential.buildRequest({ settings, now });
    const response = await fetch(url, { method, headers, body });
    return definition.credential.judge({
      response: { status: response.status, headers: {}, body: await response.text() },
      settings,
      now,
    });
  }

  it('fetches a token that is taken, and another one after it is taken no more', async () => {
    const token = await tokenFor({});
    expect(token).toEqual({
      outcome: 'granted',
      accessToken: 'sandbox-refresh-1',
      expiresAt: now + 3_539_000,
    });
    await sandbox.behave({ kind: 'google-data-manager', name: ACCOUNT }, {}, '?token=sandbox-refresh-1');
    expect(await sender('stale').send([sale('c1')])).toMatchObject([{ reason: 'token_expired' }]);
    expect(await sender('sandbox-refresh-1').send([sale('c1')])).toEqual([TAKEN]);
    expect(JSON.stringify(await sandbox.received())).not.toContain('refresh-1');
  });

  it('is told of a grant that was withdrawn', async () => {
    expect(await tokenFor({ refreshToken: 'revoked' })).toEqual({
      outcome: 'refused',
      reason: 'token_invalid_grant',
    });
  });
});
