/** Microsoft's Conversions API as the sandbox plays it, over real HTTP: by hand, and by the definition that sends to it. */
import { SAMPLE_NOW, sampleCorrection, sampleDelivery } from '@tributary/destinations';
import type { OutwardConversion } from '@tributary/domain';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StartedSandbox, startSandbox } from '../sandbox.fixture.ts';
import { senderOf } from '../sender.fixture.ts';

/** A whole second: the platform's times have no finer ones. */
const NOW = Math.ceil(SAMPLE_NOW / 1_000) * 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const HASH = 'a'.repeat(64);
const TAG = '187012345';
const RECEIVER = { kind: 'microsoft-uet', name: TAG } as const;

let sandbox: StartedSandbox;
let now: number;

beforeEach(async () => {
  now = NOW;
  sandbox = await startSandbox({ clock: { now: () => now } });
});

afterEach(() => sandbox.close());

const anEvent = (changes: object = {}) => ({
  eventType: 'custom',
  eventName: 'purchase',
  eventId: 'e1',
  eventTime: Math.floor((now - HOUR_MS) / 1_000),
  userData: { em: HASH },
  customData: { value: 12.5, currency: 'EUR' },
  ...changes,
});

async function post(body: string, authorization = 'Bearer good') {
  const response = await fetch(`${sandbox.address}/v1/${TAG}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization !== '' && { authorization }) },
    body,
  });
  return { status: response.status, body: await response.json() };
}

const request = (data: readonly unknown[], changes: object = { continueOnValidationError: true }) =>
  JSON.stringify({ data, ...changes });
const send = (...data: readonly unknown[]) => post(request(data));

describe('taking events', () => {
  it('answers how many it received, and records the call under the tag', async () => {
    expect(await send(anEvent(), anEvent({ eventId: 'e2' }))).toEqual({
      status: 200,
      body: { eventsReceived: 2, traceId: expect.any(String) },
    });
    expect(await sandbox.received(`?kind=microsoft-uet&name=${TAG}`)).toMatchObject([
      { path: `/v1/${TAG}/events`, accepted: true, answeredStatus: 200 },
    ]);
  });

  it.each([
    ['an event 7 days old', { eventTime: Math.floor((NOW - 7 * DAY_MS) / 1_000) }],
    ['a page', { eventType: 'pageLoad', eventName: undefined, eventSourceUrl: 'https://shop.example/' }],
    ['consent', { adStorageConsent: 'D' }],
    ['a click alone', { userData: { msclkid: '0123456789abcdef0123456789abcdef' } }],
    ['an event without amount and id', { customData: undefined, eventId: undefined }],
  ])('takes %s', async (_name, changes) => {
    expect(await send(anEvent(changes))).toMatchObject({ status: 200, body: { eventsReceived: 1 } });
  });
});

describe('refusing', () => {
  it.each<[string, object, string]>([
    ['another type', { eventType: 'purchase' }, 'eventType'],
    ['a custom event without name', { eventName: '' }, 'eventName'],
    ['a page without address', { eventType: 'pageLoad' }, 'eventSourceUrl'],
    ['no time', { eventTime: undefined }, 'eventTime'],
    ['a time in milliseconds', { eventTime: NOW + 0.5 }, 'eventTime'],
    ['an event of more than 7 days', { eventTime: Math.floor((NOW - 7 * DAY_MS) / 1_000) - 1 }, 'eventTime'],
    ['another consent', { adStorageConsent: 'granted' }, 'adStorageConsent'],
    ['nobody', { userData: { clientIpAddress: '203.0.113.1' } }, 'userData'],
    ['an e-mail in clear', { userData: { em: 'a@example.com' } }, 'userData.em'],
    ['a click that is no GUID', { userData: { msclkid: 'click-1' } }, 'userData.msclkid'],
    ['a value as text', { customData: { value: '1' } }, 'customData.value'],
    ['no currency of ISO 4217', { customData: { currency: 'EURO' } }, 'customData.currency'],
  ])('%s, by its place, and takes the others', async (_name, changes, propertyName) => {
    expect(await send(anEvent(), anEvent({ eventId: 'e2', ...changes }))).toEqual({
      status: 200,
      body: {
        eventsReceived: 1,
        error: {
          code: 'ValidationError',
          message: expect.any(String),
          details: [{ index: 1, propertyName, attemptedValue: null, errorMessage: expect.any(String) }],
        },
        traceId: expect.any(String),
      },
    });
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 1, countedEvents: 1 }]);
  });

  it('all of them when they are not to go on', async () => {
    const body = request([anEvent(), anEvent({ eventName: '' })], {});
    expect(await post(body)).toMatchObject({
      status: 400,
      body: { eventsReceived: 0, error: { code: 'ValidationError', details: [{ index: 1 }] } },
    });
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 0, countedEvents: 0 }]);
  });

  it.each<[string, string]>([
    ['no JSON', 'data=[]'],
    ['no events', request([])],
    ['more than 1,000 events', request(Array.from({ length: 1_001 }, () => anEvent()))],
    ['more than a megabyte', request([anEvent({ pageTitle: 'p'.repeat(1_000_000) })])],
  ])('%s', async (_name, body) => {
    expect(await post(body)).toMatchObject({ status: 400, body: { error: { code: 'BadRequest' } } });
  });

  it('a missing token, and another one than was set', async () => {
    await sandbox.behave(RECEIVER, {}, '?token=right');
    const body = request([anEvent()]);
    expect(await post(body, '')).toMatchObject({ status: 401, body: { error: { code: 'Unauthorized' } } });
    expect(await post(body, 'Bearer wrong')).toMatchObject({ status: 401 });
    expect(await post(body, 'Bearer right')).toMatchObject({ status: 200 });
    expect(JSON.stringify(await sandbox.received())).not.toContain('right');
  });
});

describe('counting', () => {
  it('counts repeats of a name and id once', async () => {
    await send(anEvent(), anEvent());
    now += 30 * DAY_MS;
    await send(anEvent(), anEvent({ eventName: 'submit_lead' }), anEvent({ eventId: undefined }));
    expect(await sandbox.summary()).toMatchObject([
      { outwardEvents: 5, countedEvents: 3, valueByCurrency: { EUR: '37.5' } },
    ]);
  });
});

describe('the definition', () => {
  const TAKEN = { outcome: 'delivered' };
  const sender = () =>
    senderOf('microsoft-uet', {
      raw: { tagId: TAG, apiToken: 'right', baseUrl: sandbox.address },
      now: () => now,
    });
  const sale = (id: string, changes: Partial<OutwardConversion> = {}) =>
    sampleDelivery('purchase', { conversionId: id, ...changes });

  it('delivers, and a repeat is counted once', async () => {
    const batch = [sale('c1'), sale('c2', { revenue: { micros: 100_000n, currency: 'USD' } })];
    expect(await sender().send(batch)).toEqual([TAKEN, TAKEN]);
    expect(await sender().send(batch.slice(0, 1))).toEqual([TAKEN]);
    expect(await sandbox.summary()).toMatchObject([
      { name: TAG, outwardEvents: 3, countedEvents: 2, distinctKeys: 2, valueByCurrency: { USD: '12.44' } },
    ]);
  });

  it('gets the good ones through beside bad ones in one request', async () => {
    const bad = { subjectHashes: { emailDotless: 'in clear' } };
    const batch = ['c1', 'c2', 'c3', 'c4'].map((id) => sale(id, id === 'c2' || id === 'c4' ? bad : {}));
    const refused = {
      outcome: 'refused',
      reason: 'event_invalid',
      scope: 'event',
      detail: 'userData.em: must be SHA-256',
    };
    expect(await sender().send(batch)).toEqual([TAKEN, refused, TAKEN, refused]);
    expect(await sandbox.summary()).toMatchObject([
      { calls: 1, countedEvents: 2, valueByCurrency: { USD: '24.68' } },
    ]);
  });

  it.each([
    [401, { outcome: 'refused', reason: 'token_invalid', scope: 'destination' }],
    [403, { outcome: 'refused', reason: 'permission_denied', scope: 'destination' }],
    [400, { outcome: 'refused', reason: 'event_invalid', scope: 'event' }],
    [429, { outcome: 'retry', reason: 'throttled' }],
    [503, { outcome: 'retry', reason: 'platform_failing' }],
  ])('judges a failure of %i', async (status, outcome) => {
    await sandbox.behave(RECEIVER, { failNext: 1, status });
    expect(await sender().send([sale('c1')])).toMatchObject([outcome]);
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 0 }]);
  });

  it('sends no refund: what Microsoft holds stays what was delivered, and the plan says so', async () => {
    await sender().send([sale('c1')]);
    const correction = sampleCorrection('retract', 'purchase', null, { conversionId: 'c1' });
    await expect(sender().send([correction])).rejects.toThrow('correction_not_taken');
    expect(sender().planOf(correction)).toMatchObject({ possible: false, obstacle: 'correction_not_taken' });
    expect(await sandbox.summary()).toMatchObject([{ calls: 1, valueByCurrency: { USD: '12.34' } }]);
  });
});
