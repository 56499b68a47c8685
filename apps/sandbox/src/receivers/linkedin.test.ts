/** LinkedIn's Conversions API as the sandbox plays it, over real HTTP: by hand, and by the definition that sends to it. */
import { SAMPLE_NOW as NOW, sampleCorrection, sampleDelivery } from '@tributary/destinations';
import type { OutwardConversion } from '@tributary/domain';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StartedSandbox, startSandbox } from '../sandbox.fixture.ts';
import { senderOf } from '../sender.fixture.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const HASH = 'a'.repeat(64);
const RULE = '104013';
const VERSION = '202511';

let sandbox: StartedSandbox;
let now: number;

beforeEach(async () => {
  now = NOW;
  sandbox = await startSandbox({ clock: { now: () => now } });
});

afterEach(() => sandbox.close());

const HEADERS = {
  'content-type': 'application/json',
  authorization: 'Bearer good',
  'linkedin-version': VERSION,
  'x-restli-protocol-version': '2.0.0',
  'x-restli-method': 'BATCH_CREATE',
};

const anEvent = (changes: object = {}) => ({
  conversion: `urn:lla:llaPartnerConversion:${RULE}`,
  conversionHappenedAt: now - HOUR_MS,
  conversionValue: { currencyCode: 'EUR', amount: '12.5' },
  eventId: 'e1',
  user: { userIds: [{ idType: 'SHA256_EMAIL', idValue: HASH }] },
  ...changes,
});

async function post(body: string, changes: Readonly<Record<string, string | undefined>> = {}) {
  const headers = Object.entries({ ...HEADERS, ...changes }).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  );
  const response = await fetch(`${sandbox.address}/rest/conversionEvents`, { method: 'POST', headers, body });
  return { status: response.status, text: await response.text() };
}

async function send(...elements: readonly unknown[]) {
  const { status, text } = await post(JSON.stringify({ elements }));
  return { status, body: JSON.parse(text) as { readonly message?: string } };
}

describe('taking events', () => {
  it('answers 201 for each of a batch, and records the call under the rule', async () => {
    expect(await send(anEvent(), anEvent({ eventId: 'e2' }))).toEqual({
      status: 200,
      body: { elements: [{ status: 201 }, { status: 201 }] },
    });
    expect(await sandbox.received(`?kind=linkedin&name=${RULE}`)).toMatchObject([
      { path: '/rest/conversionEvents', accepted: true, answeredStatus: 200 },
    ]);
  });

  it('answers 201 and nothing else to a single one', async () => {
    const single = await post(JSON.stringify(anEvent()), { 'x-restli-method': undefined });
    expect(single).toEqual({ status: 201, text: '' });
    expect(await sandbox.summary()).toMatchObject([{ outwardEvents: 1, valueByCurrency: { EUR: '12.5' } }]);
  });

  it.each([
    ['one 90 days old', { conversionHappenedAt: NOW - 90 * DAY_MS }],
    ['one of this moment', { conversionHappenedAt: NOW }],
    ['one without value and id', { conversionValue: undefined, eventId: undefined }],
    ['one in a currency of its own', { conversionValue: { currencyCode: 'XXL', amount: '1' } }],
    ['one of nobody', { user: { userIds: [] } }],
  ])('takes %s', async (_what, changes) => {
    expect((await send(anEvent(changes))).status).toBe(200);
  });
});

describe('refusing', () => {
  it.each<[string, object, string]>([
    [
      'a field it does not know',
      { currency: 'EUR' },
      '/currency :: unrecognized field found but not allowed',
    ],
    ['no rule', { conversion: undefined }, '/conversion :: field is required but not found'],
    ['another URN', { conversion: 'urn:lla:llaConversionRule:1' }, '/conversion :: Invalid Urn format.'],
    ['no time', { conversionHappenedAt: undefined }, '/conversionHappenedAt :: field is required'],
    ['a time as text', { conversionHappenedAt: '2026-01-01' }, '/conversionHappenedAt :: cannot be coerced'],
    [
      'an amount as number',
      { conversionValue: { currencyCode: 'EUR', amount: 19.9 } },
      '/conversionValue/amount :: 19.9 cannot be coerced to String',
    ],
    [
      'no currency',
      { conversionValue: { amount: '1' } },
      '/conversionValue/currencyCode :: field is required',
    ],
    ['no user', { user: undefined }, '/user :: field is required'],
    ['no user ids', { user: {} }, '/user/userIds :: field is required'],
    [
      'an id of another type',
      { user: { userIds: [{ idType: 'PHONE', idValue: 'x' }] } },
      '/user/userIds/0/idType :: "PHONE" is not an enum symbol',
    ],
  ])('%s, by its place', async (_what, changes, message) => {
    expect(await send(anEvent(), anEvent(changes))).toEqual({
      status: 422,
      body: { status: 422, message: expect.stringContaining(`Index: 1, ERROR :: ${message}`) },
    });
    expect(await sandbox.summary()).toMatchObject([{ calls: 1, acceptedCalls: 0, outwardEvents: 0 }]);
  });

  it('every fault of a single one, without a place', async () => {
    const single = await post(JSON.stringify(anEvent({ eventId: 1, user: undefined })), {
      'x-restli-method': undefined,
    });
    expect(single.status).toBe(422);
    const { message } = JSON.parse(single.text) as { readonly message: string };
    expect(message.split('\n')).toEqual([
      'ERROR :: /eventId :: 1 cannot be coerced to String',
      'ERROR :: /user :: field is required but not found and has no default value',
      '',
    ]);
  });

  it('times out of the 90 days, by their indices', async () => {
    const old = anEvent({ conversionHappenedAt: NOW - 90 * DAY_MS - 1 });
    const ahead = anEvent({ conversionHappenedAt: NOW + 1 });
    expect(await send(old, anEvent(), ahead)).toEqual({
      status: 400,
      body: {
        status: 400,
        message:
          'Conversion time should be within 90 days and not exceed current time, indices [0, 2] (0-indexed).',
      },
    });
  });

  it.each<[string, Readonly<Record<string, string | undefined>>, number, string | undefined]>([
    ['no version', { 'linkedin-version': undefined }, 400, 'VERSION_MISSING'],
    ['a version that has ended', { 'linkedin-version': '202412' }, 426, 'NONEXISTENT_VERSION'],
    ['a version that is none', { 'linkedin-version': 'v2' }, 426, 'NONEXISTENT_VERSION'],
    ['another protocol', { 'x-restli-protocol-version': '1.0.0' }, 400, undefined],
    ['no token', { authorization: undefined }, 401, 'INVALID_ACCESS_TOKEN'],
  ])('%s', async (_what, headers, status, code) => {
    const answered = await post(JSON.stringify({ elements: [anEvent()] }), headers);
    expect(answered.status).toBe(status);
    expect(JSON.parse(answered.text)).toMatchObject({ status, ...(code !== undefined && { code }) });
  });

  it.each([
    ['no JSON', 'x'],
    ['no events', '{"elements":[]}'],
    ['events that are no objects', '{"elements":[1]}'],
    ['more than 5,000 events', JSON.stringify({ elements: Array.from({ length: 5_001 }, () => ({})) })],
  ])('%s', async (_what, body) => {
    expect((await post(body)).status).toBe(400);
  });
});

describe('counting', () => {
  it('counts an event id once, for ever', async () => {
    await send(anEvent(), anEvent());
    now += 80 * DAY_MS;
    await send(anEvent(), anEvent({ eventId: 'e2' }));
    expect(await sandbox.summary()).toMatchObject([
      { outwardEvents: 4, distinctKeys: 2, valueByCurrency: { EUR: '25' } },
    ]);
  });
});

describe('the definition', () => {
  const TAKEN = { outcome: 'delivered' };
  const raw = () => ({
    accessToken: 'right',
    apiVersion: VERSION,
    baseUrl: sandbox.address,
    events: { sale: RULE },
  });
  const sender = (changes: object = {}) =>
    senderOf('linkedin', { raw: { ...raw(), ...changes }, now: () => now });
  const sale = (id: string, changes: Partial<OutwardConversion> = {}) =>
    sampleDelivery(RULE, { conversionId: id, ...changes });
  const late = { occurredAt: NOW - 91 * DAY_MS };

  it('delivers, and a repeat is counted once', async () => {
    const batch = [sale('c1'), sale('c2', { revenue: { micros: 100_000n, currency: 'USD' } })];
    expect(await sender({ sendCustomerId: true }).send(batch)).toEqual([TAKEN, TAKEN]);
    expect(await sender().send(batch.slice(0, 1))).toEqual([TAKEN]);
    expect(await sandbox.summary()).toMatchObject([
      { name: RULE, outwardEvents: 3, distinctKeys: 2, valueByCurrency: { USD: '12.44' } },
    ]);
  });

  it('loses only those that are named, in one more request', async () => {
    const batch = ['c1', 'c2', 'c3', 'c4'].map((id) => sale(id, id === 'c2' || id === 'c4' ? late : {}));
    const refused = {
      outcome: 'refused',
      reason: 'event_invalid',
      scope: 'event',
      detail: expect.stringContaining('indices [1, 3]'),
    };
    expect(await sender().sendAll(batch)).toEqual([TAKEN, refused, TAKEN, refused]);
    expect(await sandbox.summary()).toMatchObject([
      { calls: 2, outwardEvents: 2, valueByCurrency: { USD: '24.68' } },
    ]);
  });

  it('sends another rule in a request of its own', async () => {
    const other = sampleDelivery('104012', { conversionId: 'c2' });
    expect(await sender().sendAll([sale('c1'), other])).toEqual([TAKEN, TAKEN]);
    expect(await sandbox.summary()).toMatchObject([
      { name: RULE, calls: 1 },
      { name: '104012', calls: 1 },
    ]);
  });

  it.each([
    [401, { outcome: 'refused', reason: 'token_invalid', scope: 'destination' }],
    [403, { outcome: 'refused', reason: 'permission_denied', scope: 'destination' }],
    [422, { outcome: 'refused', reason: 'event_invalid', scope: 'event' }],
    [423, { outcome: 'retry', reason: 'http_423' }],
    [426, { outcome: 'refused', reason: 'version_retired', scope: 'destination' }],
    [429, { outcome: 'retry', reason: 'http_429' }],
    [503, { outcome: 'retry', reason: 'http_503' }],
  ])('judges a failure of %i', async (status, outcome) => {
    await sandbox.behave({ kind: 'linkedin', name: RULE }, { failNext: 1, status });
    expect(await sender().send([sale('c1')])).toMatchObject([outcome]);
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 0 }]);
    expect(await sender().send([sale('c1')])).toEqual([TAKEN]);
  });

  it('fetches another access token when the one it fetched is taken no more', async () => {
    await sandbox.behave({ kind: 'linkedin', name: RULE }, {}, '?token=second');
    const refreshed = {
      ...raw(),
      accessToken: undefined,
      clientId: 'c',
      clientSecret: 'secret',
      refreshToken: 'refresh',
    };
    const sends = (accessToken: string) =>
      senderOf('linkedin', { raw: refreshed, now: () => now, accessToken }).send([sale('c1')]);
    expect(await sends('first')).toMatchObject([{ outcome: 'retry', reason: 'token_expired' }]);
    expect(await sends('second')).toEqual([TAKEN]);
  });

  it('is told that its version has ended', async () => {
    expect(await sender({ apiVersion: '202401' }).send([sale('c1')])).toMatchObject([
      { outcome: 'refused', reason: 'version_retired', scope: 'destination' },
    ]);
  });

  it('sends no refund: what LinkedIn holds stays what was delivered, and the plan says so', async () => {
    await sender().send([sale('c1')]);
    const correction = sampleCorrection('retract', RULE, null, { conversionId: 'c1' });
    await expect(sender().send([correction])).rejects.toThrow('correction_not_taken');
    expect(sender().planOf(correction)).toMatchObject({ possible: false, obstacle: 'correction_not_taken' });
    expect(await sandbox.summary()).toMatchObject([{ calls: 1, valueByCurrency: { USD: '12.34' } }]);
  });
});
