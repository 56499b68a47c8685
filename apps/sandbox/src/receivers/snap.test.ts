/** Snap's Conversions API as the sandbox plays it, over real HTTP: by hand, and by the definition that sends to it. */
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
const PIXEL = '4a018335-717f';

let sandbox: StartedSandbox;
let now: number;

beforeEach(async () => {
  now = NOW;
  sandbox = await startSandbox({ clock: { now: () => now } });
});

afterEach(() => sandbox.close());

const secondsAt = (at: number) => Math.floor(at / 1_000);

const anEvent = (changes: object = {}) => ({
  event_name: 'PURCHASE',
  event_time: secondsAt(now - HOUR_MS),
  event_id: 'e1',
  action_source: 'WEB',
  event_source_url: 'https://shop.example/',
  user_data: { em: [HASH] },
  custom_data: { value: 12.5, currency: 'EUR' },
  ...changes,
});

async function post(body: string, path = `${PIXEL}/events?access_token=good`) {
  const response = await fetch(`${sandbox.address}/v3/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  return { status: response.status, body: (await response.json()) as unknown };
}

const send = (...data: readonly unknown[]) => post(JSON.stringify({ data }));

const VALID = { status: 200, body: { status: 'VALID', reason: 'Events have been processed successfully.' } };

describe('taking events', () => {
  it('says so, and records the call under the pixel without its token', async () => {
    expect(await send(anEvent(), anEvent({ event_id: 'e2' }))).toEqual(VALID);
    const calls = await sandbox.received(`?kind=snap&name=${PIXEL}`);
    expect(calls).toMatchObject([
      {
        path: `/v3/${PIXEL}/events`,
        query: [['access_token', '[redacted]']],
        accepted: true,
        answeredStatus: 200,
      },
    ]);
    expect(JSON.stringify(calls)).not.toContain('good');
  });

  it.each([
    ['an event 7 days old', { event_time: secondsAt(NOW - 7 * DAY_MS) }],
    [
      'a shop event 37 days old, without a page',
      { action_source: 'OFFLINE', event_time: secondsAt(NOW - 37 * DAY_MS), event_source_url: undefined },
    ],
    ['the source as the SDK writes it', { action_source: 'website' }],
    ['a hash that is no list', { user_data: { ph: HASH } }],
    [
      'a browser and its address',
      { user_data: { client_ip_address: '203.0.113.1', client_user_agent: 'UA' } },
    ],
    ['a device', { user_data: { madid: 'x' } }],
    ['a value as text', { custom_data: { value: '12.5', currency: 'EUR' } }],
    ['a sign-up without value', { event_name: 'SIGN_UP', custom_data: undefined }],
  ])('takes %s', async (_name, changes) => {
    expect(await send(anEvent(changes))).toEqual(VALID);
  });
});

describe('refusing', () => {
  it.each<[string, object, string]>([
    ['no name', { event_name: '' }, 'event_name'],
    ['an id of another kind', { event_id: {} }, 'event_id'],
    ['no time', { event_time: undefined }, 'event_time'],
    ['a time with a fraction', { event_time: 1.5 }, 'event_time'],
    ['more than 7 days', { event_time: secondsAt(NOW - 7 * DAY_MS) - 1 }, 'too old'],
    ['another source', { action_source: 'SHOP' }, 'action_source'],
    ['the web without a page', { event_source_url: '' }, 'event_source_url'],
    ['nobody', { user_data: { client_ip_address: '203.0.113.1', sc_click_id: 'x' } }, 'user_data'],
    ['no user data', { user_data: undefined }, 'user_data'],
    ['an e-mail in clear', { user_data: { em: ['a@example.com'] } }, 'user_data.em'],
    ['a purchase without value', { custom_data: { currency: 'EUR' } }, 'value'],
    ['a purchase in no currency', { custom_data: { value: 1, currency: 'EURO' } }, 'currency'],
  ])('%s, inside a 200', async (_name, changes, words) => {
    expect(await send(anEvent(changes))).toEqual({
      status: 200,
      body: {
        status: 'INVALID',
        reason: expect.stringContaining(words),
        event: 0,
        errors: { codes: [expect.any(String)], error_msgs: [expect.stringContaining(words)] },
      },
    });
    expect(await sandbox.received()).toMatchObject([{ accepted: false, answeredStatus: 200 }]);
  });

  it('all events of a request for one wrong one, and names it', async () => {
    expect(await send(anEvent(), anEvent({ event_name: '' }))).toMatchObject({
      body: { status: 'INVALID', event: 1 },
    });
    expect(await sandbox.summary()).toMatchObject([{ calls: 1, acceptedCalls: 0, outwardEvents: 0 }]);
  });

  it.each([
    ['no JSON', 'data=[]'],
    ['no events', '{"data":[]}'],
    ['events that are none', '{"data":{}}'],
    ['more than 2000 events', JSON.stringify({ data: Array.from({ length: 2_001 }, () => anEvent()) })],
  ])('%s', async (_name, body) => {
    expect(await post(body)).toMatchObject({ status: 400, body: { status: 'INVALID' } });
  });

  it('a missing token, and another one than was set', async () => {
    await sandbox.behave({ kind: 'snap', name: PIXEL }, {}, '?token=right');
    const body = JSON.stringify({ data: [anEvent()] });
    for (const query of ['', '?access_token=', '?access_token=wrong']) {
      expect(await post(body, `${PIXEL}/events${query}`)).toMatchObject({ status: 401 });
    }
    expect(await post(body, `${PIXEL}/events?access_token=right`)).toEqual(VALID);
  });
});

describe('validating', () => {
  it('answers for each event, and counts none', async () => {
    const data = [anEvent(), anEvent({ event_name: '' })];
    expect(await post(JSON.stringify({ data }), `${PIXEL}/events/validate?access_token=good`)).toMatchObject({
      status: 200,
      body: {
        status: 'INVALID',
        test_event: true,
        event_logs: [
          { event: 0, status: 'VALID', warnings: [] },
          { event: 1, status: 'INVALID', errors: { codes: ['MISSING_FIELD'] } },
        ],
      },
    });
    await post(JSON.stringify({ data: [anEvent()], test_event_code: 'TEST1' }));
    expect(await sandbox.summary()).toMatchObject([{ calls: 2, outwardEvents: 0, valueByCurrency: {} }]);
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

  it('knows a purchase by its order for 30 days', async () => {
    const order = { custom_data: { value: 12.5, currency: 'EUR', order_id: 'o-1' } };
    await send(anEvent(order), anEvent({ ...order, event_id: 'e2' }));
    now += 30 * DAY_MS;
    await send(anEvent({ ...order, event_id: 'e3' }), anEvent({ event_id: 'e4' }));
    expect(await sandbox.summary()).toMatchObject([{ distinctKeys: 4, valueByCurrency: { EUR: '25' } }]);
    now += 1;
    await send(anEvent({ ...order, event_id: 'e5' }));
    expect(await sandbox.summary()).toMatchObject([{ valueByCurrency: { EUR: '37.5' } }]);
  });

  it('tells events of another name, another pixel or without an id apart', async () => {
    await send(anEvent(), anEvent({ event_name: 'SUBSCRIBE' }), anEvent({ event_id: undefined }));
    await post(JSON.stringify({ data: [anEvent()] }), 'other/events?access_token=good');
    expect(await sandbox.summary()).toMatchObject([
      { name: PIXEL, outwardEvents: 3, valueByCurrency: { EUR: '37.5' } },
      { name: 'other', outwardEvents: 1, valueByCurrency: { EUR: '12.5' } },
    ]);
  });
});

describe('the definition', () => {
  const TAKEN = { outcome: 'delivered' };
  const raw = () => ({ pixelId: PIXEL, accessToken: 'right/1', baseUrl: sandbox.address });
  const sender = () => senderOf('snap', { raw: raw(), now: () => now });
  const sale = (id: string, changes: Partial<OutwardConversion> = {}) =>
    sampleDelivery('PURCHASE', { conversionId: id, transactionId: `order-${id}`, ...changes });

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
    const batch = ids.map((id) => sale(id, id === 'c4' ? { occurredAt: now - 8 * DAY_MS } : {}));
    const refused = {
      outcome: 'refused',
      reason: 'event_invalid',
      detail: expect.stringContaining('too old'),
    };
    expect(await sender().sendAll(batch)).toMatchObject([TAKEN, TAKEN, TAKEN, refused, TAKEN]);
    expect(await sandbox.summary()).toMatchObject([{ distinctKeys: 4, valueByCurrency: { USD: '49.36' } }]);
  });

  it.each([
    [401, { outcome: 'refused', reason: 'token_invalid', scope: 'destination' }],
    [403, { outcome: 'refused', reason: 'permission_denied', scope: 'destination' }],
    [418, { outcome: 'refused', reason: 'event_invalid', scope: 'event' }],
    [429, { outcome: 'retry', reason: 'http_429' }],
    [503, { outcome: 'retry', reason: 'http_503' }],
  ])('judges a failure of %i', async (status, outcome) => {
    await sandbox.behave({ kind: 'snap', name: PIXEL }, { failNext: 1, status });
    expect(await sender().send([sale('c1')])).toMatchObject([outcome]);
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 0 }]);
  });

  it('asks for another access token when the fetched one is taken no more', async () => {
    await sandbox.behave({ kind: 'snap', name: PIXEL }, {}, '?token=fresh');
    const grant = { clientId: 'c', clientSecret: 'secret', refreshToken: 'refresh' };
    const given = { raw: { ...raw(), accessToken: undefined, ...grant }, now: () => now };
    const [stale, fresh] = ['stale', 'fresh'].map((accessToken) =>
      senderOf('snap', { ...given, accessToken }),
    );
    expect(await stale?.send([sale('c1')])).toMatchObject([{ outcome: 'retry', reason: 'token_expired' }]);
    expect(await fresh?.send([sale('c1')])).toEqual([TAKEN]);
  });

  it('sends tests that are counted nowhere, apart from sales, and learns of each how it fared', async () => {
    const outcomes = await sender().sendAll([
      sale('c1', { isTest: true }),
      sale('c2', { isTest: true, extras: {}, click: null }),
      sale('c3'),
    ]);
    expect(outcomes).toMatchObject([TAKEN, { outcome: 'refused', reason: 'event_invalid' }, TAKEN]);
    expect(await sandbox.summary()).toMatchObject([
      { calls: 2, outwardEvents: 1, valueByCurrency: { USD: '12.34' } },
    ]);
  });

  it('sends no refund: what Snap holds stays what was delivered, and the plan says so', async () => {
    await sender().send([sale('c1')]);
    const correction = sampleCorrection('retract', 'PURCHASE', null, { conversionId: 'c1' });
    await expect(sender().send([correction])).rejects.toThrow('correction_not_taken');
    expect(sender().planOf(correction)).toMatchObject({ possible: false, obstacle: 'correction_not_taken' });
    expect(await sandbox.summary()).toMatchObject([{ calls: 1, valueByCurrency: { USD: '12.34' } }]);
  });
});
