/** Meta's Conversions API as the sandbox plays it, over real HTTP: by hand, and by the definition that sends to it. */
import { SAMPLE_NOW, sampleCorrection, sampleDelivery } from '@tributary/destinations';
import type { OutwardConversion } from '@tributary/domain';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StartedSandbox, startSandbox } from '../sandbox.fixture.ts';
import { senderOf } from '../sender.fixture.ts';

const NOW = Date.UTC(2026, 4, 1);
const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const HASH = 'a'.repeat(64);

let sandbox: StartedSandbox;
let now: number;

beforeEach(async () => {
  now = NOW;
  sandbox = await startSandbox({ clock: { now: () => now } });
});

afterEach(() => sandbox.close());

/** Seconds, as `event_time` wants them. */
const secondsAt = (at: number) => Math.floor(at / SECOND_MS);

const anEvent = (changes: object = {}) => ({
  event_name: 'Purchase',
  event_time: secondsAt(now - HOUR_MS),
  event_id: 'e1',
  action_source: 'system_generated',
  user_data: { em: [HASH] },
  custom_data: { value: 12.5, currency: 'EUR' },
  ...changes,
});

async function post(body: string, { path = 'meta/v25.0/123/events', authorization = 'Bearer good' } = {}) {
  const response = await fetch(`${sandbox.address}/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization !== '' && { authorization }) },
    body,
  });
  return { status: response.status, body: (await response.json()) as unknown };
}

const send = (...data: readonly unknown[]) => post(JSON.stringify({ data }));

/** A body whose value has exactly these digits. */
const valued = (id: string, digits: string, currency = 'EUR') =>
  post(
    `{"data":[${JSON.stringify(anEvent({ event_id: id, custom_data: { value: 'DIGITS', currency } })).replace('"DIGITS"', digits)}]}`,
  );

const refusal = (code: number, subcode?: number) => ({
  status: 400,
  body: {
    error: {
      message: expect.any(String),
      type: 'OAuthException',
      code,
      ...(subcode !== undefined && { error_subcode: subcode }),
      is_transient: false,
      error_user_title: expect.any(String),
      error_user_msg: expect.any(String),
      fbtrace_id: expect.any(String),
    },
  },
});

describe('taking events', () => {
  it('answers how many it received', async () => {
    expect(await send(anEvent(), anEvent({ event_id: 'e2' }))).toEqual({
      status: 200,
      body: { events_received: 2, messages: [], fbtrace_id: expect.any(String) },
    });
  });

  it('records the call under the dataset, at its own address and at that of the Graph API', async () => {
    const body = JSON.stringify({ data: [anEvent()], test_event_code: 'TEST1' });
    await post(body);
    await post(body, { path: 'v25.0/123/events' });

    expect(await sandbox.received('?kind=meta&name=123')).toMatchObject([
      { sequence: 1, path: '/meta/v25.0/123/events', body, accepted: true, answeredStatus: 200 },
      { sequence: 2, path: '/v25.0/123/events', body, accepted: true, answeredStatus: 200 },
    ]);
  });

  it.each([
    ['an event 7 days old', { event_time: secondsAt(NOW - 7 * DAY_MS) }],
    ['an event a minute ahead', { event_time: secondsAt(NOW + 60 * SECOND_MS) }],
    [
      'a shop event 62 days old',
      { event_time: secondsAt(NOW - 62 * DAY_MS), action_source: 'physical_store' },
    ],
    [
      'a complete website event',
      {
        action_source: 'website',
        event_source_url: 'https://shop.example/',
        user_data: { client_user_agent: 'UA', fbc: 'fb.1.1.x' },
      },
    ],
    ['a custom event without value', { event_name: 'Renewal', custom_data: undefined }],
    ['a name in full', { user_data: { fn: HASH, ln: HASH } }],
    ['a lead_id that is a number', { user_data: { lead_id: 1_234_567_890_123_456 } }],
  ])('takes %s', async (_name, changes) => {
    expect(await send(anEvent(changes))).toMatchObject({ status: 200, body: { events_received: 1 } });
  });
});

describe('refusing', () => {
  it.each([
    ['event_name missing', { event_name: undefined }, undefined],
    ['event_id empty', { event_id: '' }, undefined],
    ['event_time missing', { event_time: undefined }, undefined],
    ['event_time with a fraction', { event_time: secondsAt(NOW) - 0.5 }, undefined],
    ['event_time in milliseconds', { event_time: NOW }, undefined],
    ['an event more than a minute ahead', { event_time: secondsAt(NOW + 61 * SECOND_MS) }, undefined],
    ['an event older than 7 days', { event_time: secondsAt(NOW - 7 * DAY_MS - SECOND_MS) }, 2_804_003],
    [
      'a shop event older than 62 days',
      {
        event_time: secondsAt(NOW - 62 * DAY_MS - SECOND_MS),
        action_source: 'physical_store',
      },
      2_804_003,
    ],
    ['action_source missing', { action_source: undefined }, undefined],
    ['action_source unknown', { action_source: 'billboard' }, undefined],
    ['a website event without its page', { action_source: 'website' }, undefined],
    ['no user_data', { user_data: undefined }, 2_804_050],
    ['user_data with a browser only', { user_data: { client_user_agent: 'UA', country: HASH } }, 2_804_050],
    ['user_data with empty lists', { user_data: { em: [], ph: '' } }, 2_804_050],
    ['em in clear', { user_data: { em: 'a@example.com' } }, undefined],
    ['one ph of several in clear', { user_data: { em: HASH, ph: [HASH, '4915112345678'] } }, undefined],
    ['a hash in capitals', { user_data: { em: HASH.toUpperCase() } }, undefined],
    ['a purchase without custom_data', { custom_data: undefined }, 2_804_009],
    ['a purchase without value', { custom_data: { currency: 'EUR' } }, 2_804_009],
    ['a purchase without currency', { custom_data: { value: 1 } }, 2_804_009],
    ['a purchase in no known currency', { custom_data: { value: 1, currency: 'EURO' } }, 2_804_009],
  ])('%s', async (_name, changes, subcode) => {
    expect(await send(anEvent(changes))).toEqual(refusal(100, subcode));
    expect(await sandbox.received()).toMatchObject([{ accepted: false, answeredStatus: 400 }]);
  });

  it('all events of a request for one bad one, and names it', async () => {
    const { status, body } = await send(anEvent(), anEvent({ event_id: 'e2', event_name: '' }));

    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { error_user_msg: expect.stringContaining('data[1]') } });
    expect(await sandbox.summary()).toMatchObject([
      { calls: 1, acceptedCalls: 0, outwardEvents: 0, valueByCurrency: {} },
    ]);
  });

  it.each([
    ['no JSON', 'data=[]'],
    ['an empty body', ''],
    ['no data', '{}'],
    ['no events', '{"data":[]}'],
    ['events that are no objects', '{"data":[1]}'],
    ['a body nested too deeply to read', '['.repeat(200_000)],
    ['more than 1000 events', JSON.stringify({ data: Array.from({ length: 1_001 }, () => ({})) })],
  ])('%s', async (_name, body) => {
    expect(await post(body)).toEqual(refusal(100));
  });
});

describe('access tokens', () => {
  it('takes any that is not empty', async () => {
    for (const authorization of ['', 'Bearer', 'Bearer ', 'Basic dXNlcjpwYXNz'])
      expect(await post(JSON.stringify({ data: [anEvent()] }), { authorization })).toEqual(refusal(190));
    expect((await send(anEvent())).status).toBe(200);
  });

  it('may come in the query', async () => {
    const path = 'meta/v25.0/123/events?access_token=good';
    expect((await post(JSON.stringify({ data: [anEvent()] }), { path, authorization: '' })).status).toBe(200);
  });

  it('takes only the one that was set, until another behaviour is set', async () => {
    const body = JSON.stringify({ data: [anEvent()] });
    await sandbox.behave({ kind: 'meta', name: '123' }, {}, '?token=right');

    expect(await post(body)).toEqual(refusal(190));
    expect((await post(body, { authorization: 'Bearer right' })).status).toBe(200);
    expect((await post(body, { path: 'meta/v25.0/456/events' })).status).toBe(200);

    await sandbox.behave({ kind: 'meta', name: '123' }, {});
    expect((await post(body)).status).toBe(200);
  });

  it('are not in the record', async () => {
    const body = JSON.stringify({ data: [anEvent()] });
    await post(body, {
      path: 'meta/v25.0/123/events?access_token=s3cret&x=1',
      authorization: 'Bearer s3cret',
    });

    const calls = await sandbox.received();
    expect(calls).toMatchObject([
      {
        query: [
          ['access_token', '[redacted]'],
          ['x', '1'],
        ],
      },
    ]);
    expect(JSON.stringify(calls)).not.toContain('s3cret');
  });
});

describe('counting', () => {
  it('adds values up by their digits', async () => {
    await valued('e1', '0.1');
    await valued('e2', '0.2');
    await valued('e3', '9007199254740.993');
    await valued('e4', '9007199254740.993001');
    await valued('e5', '7.000', 'usd');
    await valued('e6', '-7.5', 'USD');

    expect(await sandbox.summary()).toEqual([
      {
        kind: 'meta',
        name: '123',
        calls: 6,
        acceptedCalls: 6,
        outwardEvents: 6,
        distinctKeys: 6,
        countedEvents: 6,
        valueByCurrency: { EUR: '18014398509482.286001', USD: '-0.5' },
        unreadableValues: 0,
      },
    ]);
  });

  it('tells of values that are no exact amounts', async () => {
    await valued('e1', '1e3');
    await valued('e2', '0.30000000000000004');

    expect(await sandbox.summary()).toMatchObject([{ valueByCurrency: {}, unreadableValues: 2 }]);
  });

  it('answers repeats like the first and counts them once for 48 hours', async () => {
    await send(anEvent(), anEvent());
    now = NOW + 48 * HOUR_MS;
    expect(await send(anEvent())).toMatchObject({ status: 200, body: { events_received: 1 } });
    expect(await sandbox.summary()).toMatchObject([
      { outwardEvents: 3, distinctKeys: 1, valueByCurrency: { EUR: '12.5' } },
    ]);

    now += 1;
    await send(anEvent());
    expect(await sandbox.summary()).toMatchObject([
      { outwardEvents: 4, distinctKeys: 1, valueByCurrency: { EUR: '25' } },
    ]);
  });

  it('tells events of another name, another dataset or without an id apart', async () => {
    await send(anEvent(), anEvent({ event_name: 'Subscribe' }));
    await send(anEvent({ event_id: undefined }), anEvent({ event_id: undefined }));
    await post(JSON.stringify({ data: [anEvent()] }), { path: 'meta/v25.0/456/events' });

    expect(await sandbox.summary()).toMatchObject([
      { name: '123', outwardEvents: 4, distinctKeys: 3, valueByCurrency: { EUR: '50' } },
      { name: '456', outwardEvents: 1, distinctKeys: 1, valueByCurrency: { EUR: '12.5' } },
    ]);
  });
});

describe('the definition', () => {
  const TAKEN = { outcome: 'delivered' };
  const raw = () => ({ pixelId: '123', accessToken: 'token-1', baseUrl: sandbox.address });
  const sender = (more: object = {}) => senderOf('meta', { raw: { ...raw(), ...more }, now: () => now });
  const sale = (id: string, changes: Partial<OutwardConversion> = {}) =>
    sampleDelivery('Purchase', { conversionId: id, ...changes });

  beforeEach(() => {
    now = SAMPLE_NOW;
  });

  it('delivers, and a repeat is counted once', async () => {
    const batch = [sale('c1'), sale('c2', { revenue: { micros: 100_000n, currency: 'USD' } })];
    expect(await sender().send(batch)).toEqual([TAKEN, TAKEN]);
    expect(await sender().send(batch.slice(0, 1))).toEqual([TAKEN]);
    expect(await sandbox.summary()).toMatchObject([
      { name: '123', outwardEvents: 3, distinctKeys: 2, valueByCurrency: { USD: '12.44' } },
    ]);
  });

  it('gets the good ones through beside one that refuses the whole request', async () => {
    const ids = ['c1', 'c2', 'c3', 'c4', 'c5'];
    const batch = ids.map((id) => sale(id, id === 'c4' ? { occurredAt: now - 8 * DAY_MS } : {}));
    const refused = { outcome: 'refused', reason: 'event_too_old', scope: 'event' };
    expect(await sender().sendAll(batch)).toMatchObject([TAKEN, TAKEN, TAKEN, refused, TAKEN]);
    expect(await sandbox.summary()).toMatchObject([{ distinctKeys: 4, valueByCurrency: { USD: '49.36' } }]);
  });

  it('is taken for a sale in a shop that was 62 days ago', async () => {
    const shop = sender({ actionSource: 'physical_store' });
    expect(await shop.send([sale('c1', { occurredAt: now - 62 * DAY_MS + 1_000 })])).toEqual([TAKEN]);
  });

  it.each([
    [401, { outcome: 'refused', reason: 'token_invalid', scope: 'destination' }],
    [403, { outcome: 'refused', reason: 'permission_denied', scope: 'destination' }],
    [418, { outcome: 'refused', reason: 'event_invalid', scope: 'event' }],
    [429, { outcome: 'retry', reason: 'throttled' }],
    [503, { outcome: 'retry', reason: 'platform_failing' }],
  ])('judges a failure of %i', async (status, outcome) => {
    await sandbox.behave({ kind: 'meta', name: '123' }, { failNext: 1, status });
    expect(await sender().send([sale('c1')])).toMatchObject([outcome]);
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 0 }]);
  });

  it('sends tests apart from sales, and Meta counts them like any other', async () => {
    const outcomes = await sender({ testEventCode: 'TEST1' }).sendAll([
      sale('c1', { isTest: true }),
      sale('c2'),
    ]);
    expect(outcomes).toEqual([TAKEN, TAKEN]);
    const calls = await sandbox.received('?kind=meta');
    expect(calls.map(({ body }) => body.includes('"test_event_code":"TEST1"'))).toEqual([true, false]);
    expect(await sandbox.summary()).toMatchObject([{ calls: 2, outwardEvents: 2 }]);
  });

  it('sends no refund: what Meta holds stays what was delivered, and the plan says so', async () => {
    await sender().send([sale('c1')]);
    const correction = sampleCorrection('retract', 'Purchase', null, { conversionId: 'c1' });
    await expect(sender().send([correction])).rejects.toThrow('correction_not_taken');
    expect(sender().planOf(correction)).toMatchObject({ possible: false, obstacle: 'correction_not_taken' });
    expect(await sandbox.summary()).toMatchObject([{ calls: 1, valueByCurrency: { USD: '12.34' } }]);
  });
});
