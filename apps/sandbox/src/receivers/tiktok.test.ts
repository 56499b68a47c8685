/** TikTok's Events API as the sandbox plays it, over real HTTP: by hand, and by the definition that sends to it. */
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
const PIXEL = 'C123';

let sandbox: StartedSandbox;
let now: number;

beforeEach(async () => {
  now = NOW;
  sandbox = await startSandbox({ clock: { now: () => now } });
});

afterEach(() => sandbox.close());

const secondsAt = (at: number) => Math.floor(at / 1_000);

const anEvent = (changes: object = {}) => ({
  event: 'Purchase',
  event_time: secondsAt(now - HOUR_MS),
  event_id: 'e1',
  user: { email: [HASH] },
  properties: { value: 12.5, currency: 'EUR' },
  page: { url: 'https://shop.example/' },
  ...changes,
});

async function post(body: string, headers: Readonly<Record<string, string>> = { 'access-token': 'good' }) {
  const response = await fetch(`${sandbox.address}/open_api/v1.3/event/track/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const answered = (await response.json()) as { readonly code: number; readonly message: string };
  return { status: response.status, ...answered };
}

const request = (data: readonly unknown[], changes: object = {}) =>
  JSON.stringify({ event_source: 'web', event_source_id: PIXEL, data, ...changes });
const send = (...data: readonly unknown[]) => post(request(data));

describe('taking events', () => {
  it('answers 0, and records the call under the event source, whatever the slash at the end', async () => {
    expect(await send(anEvent())).toEqual({
      status: 200,
      code: 0,
      message: 'OK',
      request_id: expect.any(String),
      data: {},
    });
    await fetch(`${sandbox.address}/open_api/v1.3/event/track`, {
      method: 'POST',
      headers: { 'access-token': 'good' },
      body: request([anEvent()]),
    });
    expect(await sandbox.received(`?kind=tiktok&name=${PIXEL}`)).toMatchObject([
      { sequence: 1, path: '/open_api/v1.3/event/track/', accepted: true, answeredStatus: 200 },
      { sequence: 2, accepted: true },
    ]);
  });

  it.each([
    ['an event 7 days old', {}, { event_time: secondsAt(NOW - 7 * DAY_MS) }],
    [
      'a shop event 28 days old, without a page',
      { event_source: 'offline' },
      { event_time: secondsAt(NOW - 28 * DAY_MS), page: undefined },
    ],
    [
      'an event without person, amount and id',
      {},
      { user: undefined, properties: undefined, event_id: undefined },
    ],
    ['a hash that is no list', {}, { user: { phone: HASH } }],
  ])('takes %s', async (_name, source, changes) => {
    expect(await post(request([anEvent(changes)], source))).toMatchObject({ status: 200, code: 0 });
  });
});

describe('refusing', () => {
  it.each<[string, object, number, string]>([
    ['no event', { event: '' }, 40_002, 'Batch.0.event'],
    ['an event_id of another kind', { event_id: {} }, 40_002, 'Batch.0.event_id'],
    ['no time', { event_time: undefined }, 40_002, 'Batch.0.event_time'],
    ['a time with a fraction', { event_time: 1.5 }, 40_002, 'Batch.0.event_time'],
    ['a user that is none', { user: 'me' }, 40_002, 'Batch.0.user'],
    ['an e-mail in clear', { user: { email: ['a@example.com'] } }, 40_062, 'Batch.0.user.email'],
    ['one of two phones in clear', { user: { phone: [HASH, '+1650'] } }, 40_062, 'Batch.0.user.phone'],
    ['properties that are none', { properties: [] }, 40_002, 'Batch.0.properties'],
    ['a value as text', { properties: { value: '1' } }, 40_002, 'Batch.0.properties.value'],
    ['no currency of ISO 4217', { properties: { currency: 'EURO' } }, 40_002, 'Batch.0.properties.currency'],
    [
      'a product id that is a number',
      { properties: { contents: [{ content_id: 1 }] } },
      40_002,
      'Batch.0.properties.contents.0.content_id: Not a valid string',
    ],
    ['an event of the web without its page', { page: {} }, 40_002, 'Batch.0.page.url'],
    [
      'an event of more than 7 days',
      { event_time: secondsAt(NOW - 7 * DAY_MS) - 1 },
      40_002,
      'Batch.0.event_time',
    ],
  ])('%s', async (_name, changes, code, message) => {
    expect(await send(anEvent(changes))).toMatchObject({
      status: 200,
      code,
      message: expect.stringContaining(message),
    });
    expect(await sandbox.received()).toMatchObject([{ accepted: false, answeredStatus: 200 }]);
  });

  it('all events of a request for one wrong one, and names it', async () => {
    expect(await send(anEvent(), anEvent({ event: '' }))).toMatchObject({
      code: 40_002,
      message: expect.stringContaining('Batch.1.event'),
    });
    expect(await sandbox.summary()).toMatchObject([{ calls: 1, acceptedCalls: 0, outwardEvents: 0 }]);
  });

  it('only those that are too old, when others are not', async () => {
    const old = anEvent({ event_id: 'e2', event_time: secondsAt(NOW - 8 * DAY_MS) });
    expect(await send(anEvent(), old)).toMatchObject({ status: 200, code: 20_001 });
    expect(await sandbox.summary()).toMatchObject([
      { acceptedCalls: 1, outwardEvents: 1, valueByCurrency: { EUR: '12.5' } },
    ]);
  });

  it.each<[string, string, number]>([
    ['no JSON', 'data=[]', 40_002],
    ['a list', '[]', 40_002],
    ['no event source', JSON.stringify({ event_source_id: PIXEL, data: [{}] }), 40_002],
    ['no event source id', JSON.stringify({ event_source: 'web', data: [{}] }), 40_002],
    ['no events', request([]), 40_002],
    ['events that are no objects', request([1]), 40_002],
    ['more than 1000 events', request(Array.from({ length: 1_001 }, () => anEvent())), 40_061],
  ])('%s', async (_name, body, code) => {
    expect(await post(body)).toMatchObject({ status: 200, code });
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 0 }]);
  });

  it('a missing token, and another one than was set', async () => {
    await sandbox.behave({ kind: 'tiktok', name: PIXEL }, {}, '?token=right');
    const body = request([anEvent()]);
    expect(await post(body, {})).toMatchObject({ status: 200, code: 40_104 });
    expect(await post(body, { 'access-token': 'wrong' })).toMatchObject({ status: 200, code: 40_105 });
    expect(await post(body, { authorization: 'Bearer right' })).toMatchObject({ code: 40_104 });
    expect(await post(body, { 'access-token': 'right' })).toMatchObject({ code: 0 });
    expect(JSON.stringify(await sandbox.received())).not.toContain('right');
  });

  it('a failure that was asked for in its own words', async () => {
    for (const [status, code] of [
      [429, 40_100],
      [403, 40_001],
      [418, 40_002],
      [503, 50_000],
    ]) {
      await sandbox.behave({ kind: 'tiktok', name: PIXEL }, { failNext: 1, status: status ?? 0 });
      expect(await send(anEvent())).toMatchObject({ status, code });
    }
  });
});

describe('counting', () => {
  it('takes repeats of an event and id for 48 hours and counts them once', async () => {
    await send(anEvent(), anEvent());
    now += 48 * HOUR_MS;
    await send(anEvent());
    expect(await sandbox.summary()).toMatchObject([{ outwardEvents: 3, valueByCurrency: { EUR: '12.5' } }]);
    now += 1;
    await send(anEvent());
    expect(await sandbox.summary()).toMatchObject([{ outwardEvents: 4, valueByCurrency: { EUR: '25' } }]);
  });

  it('tells events of another name, another source or without an id apart', async () => {
    await send(anEvent(), anEvent({ event: 'Subscribe' }), anEvent({ event_id: undefined }));
    await post(request([anEvent()], { event_source_id: 'C456' }));
    expect(await sandbox.summary()).toMatchObject([
      { name: PIXEL, outwardEvents: 3, valueByCurrency: { EUR: '37.5' } },
      { name: 'C456', outwardEvents: 1, valueByCurrency: { EUR: '12.5' } },
    ]);
  });

  it('does not count tests', async () => {
    await post(request([anEvent()], { test_event_code: 'TEST1' }));
    expect(await sandbox.summary()).toMatchObject([
      { acceptedCalls: 1, outwardEvents: 0, valueByCurrency: {} },
    ]);
  });
});

describe('the definition', () => {
  const TAKEN = { outcome: 'delivered' };
  const raw = () => ({
    eventSourceId: PIXEL,
    accessToken: 'right',
    baseUrl: sandbox.address,
    testEventCode: 'TEST1',
  });
  const sender = () => senderOf('tiktok', { raw: raw(), now: () => now });
  const sale = (id: string, changes: Partial<OutwardConversion> = {}) =>
    sampleDelivery('Purchase', { conversionId: id, ...changes });

  it('delivers, and a repeat is counted once', async () => {
    const batch = [sale('c1'), sale('c2', { revenue: { micros: 100_000n, currency: 'USD' } })];
    expect(await sender().send(batch)).toEqual([TAKEN, TAKEN]);
    expect(await sender().send(batch.slice(0, 1))).toEqual([TAKEN]);
    expect(await sandbox.summary()).toMatchObject([
      { name: PIXEL, outwardEvents: 3, distinctKeys: 2, valueByCurrency: { USD: '12.44' } },
    ]);
  });

  it('gets the good ones through beside one that was taken in no request', async () => {
    const ids = ['c1', 'c2', 'c3', 'c4', 'c5'];
    const batch = ids.map((id) => sale(id, id === 'c3' ? { extras: {}, click: null } : {}));
    const outcomes = await sender().sendAll(batch);
    const refused = {
      outcome: 'refused',
      reason: 'event_invalid',
      scope: 'event',
      detail: expect.stringContaining('page.url'),
    };
    expect(outcomes).toEqual([TAKEN, TAKEN, refused, TAKEN, TAKEN]);
    expect(await sandbox.summary()).toMatchObject([{ distinctKeys: 4, valueByCurrency: { USD: '49.36' } }]);
  });

  it('gets the rest through when only some were taken, and nothing counts twice', async () => {
    const batch = ['c1', 'c2', 'c3'].map((id) =>
      sale(id, id === 'c2' ? { occurredAt: now - 8 * DAY_MS } : {}),
    );
    const outcomes = await sender().sendAll(batch);
    expect(outcomes).toMatchObject([TAKEN, { outcome: 'refused', reason: 'event_invalid' }, TAKEN]);
    expect(await sandbox.summary()).toMatchObject([{ distinctKeys: 2, valueByCurrency: { USD: '24.68' } }]);
  });

  it.each([
    [401, { outcome: 'refused', reason: 'token_invalid', scope: 'destination' }],
    [403, { outcome: 'refused', reason: 'permission_denied', scope: 'destination' }],
    [418, { outcome: 'refused', reason: 'event_invalid', scope: 'event' }],
    [429, { outcome: 'retry', reason: 'throttled' }],
    [503, { outcome: 'retry', reason: 'platform_failing' }],
  ])('judges a failure of %i', async (status, outcome) => {
    await sandbox.behave({ kind: 'tiktok', name: PIXEL }, { failNext: 1, status });
    expect(await sender().send([sale('c1')])).toMatchObject([outcome]);
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 0 }]);
  });

  it('judges another token than the right one', async () => {
    await sandbox.behave({ kind: 'tiktok', name: PIXEL }, {}, '?token=another');
    const refused = { outcome: 'refused', reason: 'token_invalid', scope: 'destination' };
    expect(await sender().send([sale('c1')])).toMatchObject([refused]);
  });

  it('sends tests that are counted nowhere, apart from sales', async () => {
    expect(await sender().sendAll([sale('c1', { isTest: true }), sale('c2')])).toEqual([TAKEN, TAKEN]);
    expect(await sandbox.summary()).toMatchObject([
      { calls: 2, outwardEvents: 1, valueByCurrency: { USD: '12.34' } },
    ]);
  });

  it('sends no refund: what TikTok holds stays what was delivered, and the plan says so', async () => {
    await sender().send([sale('c1')]);
    const correction = sampleCorrection('retract', 'Purchase', null, { conversionId: 'c1' });
    await expect(sender().send([correction])).rejects.toThrow('correction_not_taken');
    expect(sender().planOf(correction)).toMatchObject({ possible: false, obstacle: 'correction_not_taken' });
    expect(await sandbox.summary()).toMatchObject([{ calls: 1, valueByCurrency: { USD: '12.34' } }]);
  });
});
