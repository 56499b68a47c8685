/** Pinterest's Conversions API as the sandbox plays it, over real HTTP: by hand, and by the definition that sends to it. */
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
const ACCOUNT = '549755885175';

let sandbox: StartedSandbox;
let now: number;

beforeEach(async () => {
  now = NOW;
  sandbox = await startSandbox({ clock: { now: () => now } });
});

afterEach(() => sandbox.close());

const secondsAt = (at: number) => Math.floor(at / 1_000);

const anEvent = (changes: object = {}) => ({
  event_name: 'checkout',
  action_source: 'web',
  event_time: secondsAt(now - HOUR_MS),
  event_id: 'e1',
  user_data: { em: [HASH] },
  custom_data: { value: '12.50', currency: 'EUR' },
  ...changes,
});

async function post(body: string, { path = `${ACCOUNT}/events`, authorization = 'Bearer good' } = {}) {
  const response = await fetch(`${sandbox.address}/v5/ad_accounts/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization !== '' && { authorization }) },
    body,
  });
  return { status: response.status, body: (await response.json()) as unknown };
}

const send = (...data: readonly unknown[]) => post(JSON.stringify({ data }));

const PROCESSED = { status: 'processed', error_message: '', warning_message: '' };
const failed = (words: string) => ({ status: 'failed', error_message: expect.stringContaining(words) });

describe('taking events', () => {
  it('answers for each, and records the call under the ad account', async () => {
    expect(await send(anEvent(), anEvent({ event_id: 'e2' }))).toEqual({
      status: 200,
      body: { num_events_received: 2, num_events_processed: 2, events: [PROCESSED, PROCESSED] },
    });
    expect(await sandbox.received(`?kind=pinterest&name=${ACCOUNT}`)).toMatchObject([
      { path: `/v5/ad_accounts/${ACCOUNT}/events`, accepted: true, answeredStatus: 200 },
    ]);
  });

  it.each([
    ['an event 7 days old', { event_time: secondsAt(NOW - 7 * DAY_MS) }],
    ['an event of a shop', { action_source: 'offline' }],
    ['a device', { user_data: { hashed_maids: [HASH] } }],
    [
      'a browser and its address',
      { user_data: { client_ip_address: '203.0.113.1', client_user_agent: 'UA' } },
    ],
    ['a lead without value', { event_name: 'lead', custom_data: undefined }],
  ])('takes %s', async (_name, changes) => {
    expect(await send(anEvent(changes))).toMatchObject({ status: 200, body: { num_events_processed: 1 } });
  });
});

describe('refusing', () => {
  it.each<[string, object, string]>([
    ['an event of another name', { event_name: 'Purchase' }, 'event_name'],
    ['no id', { event_id: undefined }, 'event_id'],
    ['another source', { action_source: 'website' }, 'action_source'],
    ['no time', { event_time: undefined }, 'event_time'],
    ['a time with a fraction', { event_time: 1.5 }, 'event_time'],
    ['more than 7 days', { event_time: secondsAt(NOW - 7 * DAY_MS) - 1 }, 'too old'],
    ['nobody', { user_data: { ph: [HASH], click_id: 'x', client_ip_address: '203.0.113.1' } }, 'user_data'],
    ['no user data', { user_data: undefined }, 'user_data'],
    ['an e-mail in clear', { user_data: { em: ['a@example.com'] } }, 'user_data.em'],
    ['a hash that is no list', { user_data: { em: HASH } }, 'user_data.em'],
    ['a value that is a number', { custom_data: { value: 12.5 } }, 'custom_data.value'],
    ['a value with a sign of a currency', { custom_data: { value: '$12' } }, 'custom_data.value'],
    ['no currency of ISO 4217', { custom_data: { value: '1', currency: 'EURO' } }, 'custom_data.currency'],
  ])('%s, and takes the other', async (_name, changes, words) => {
    expect(await send(anEvent(changes), anEvent({ event_id: 'e2' }))).toMatchObject({
      status: 422,
      body: {
        code: expect.any(Number),
        message: 'Not all events were successfully processed.',
        details: { num_events_received: 2, num_events_processed: 1, events: [failed(words), PROCESSED] },
      },
    });
    expect(await sandbox.summary()).toMatchObject([
      { acceptedCalls: 1, outwardEvents: 1, valueByCurrency: { EUR: '12.5' } },
    ]);
  });

  it('a call of which nothing was taken', async () => {
    expect(await send(anEvent({ event_id: undefined }))).toMatchObject({ status: 422 });
    expect(await sandbox.summary()).toMatchObject([{ calls: 1, acceptedCalls: 0, outwardEvents: 0 }]);
  });

  it.each([
    ['no JSON', 'data=[]'],
    ['no events', '{"data":[]}'],
    ['events that are none', '{"data":{}}'],
    ['more than 1000 events', JSON.stringify({ data: Array.from({ length: 1_001 }, () => anEvent()) })],
  ])('%s', async (_name, body) => {
    expect(await post(body)).toMatchObject({ status: 400, body: { code: 4_196 } });
  });

  it('a missing token, and another one than was set', async () => {
    await sandbox.behave({ kind: 'pinterest', name: ACCOUNT }, {}, '?token=right');
    const body = JSON.stringify({ data: [anEvent()] });
    for (const authorization of ['', 'Bearer ', 'Basic right', 'Bearer wrong']) {
      expect(await post(body, { authorization })).toMatchObject({ status: 401, body: { code: 2 } });
    }
    expect(await post(body, { authorization: 'Bearer right' })).toMatchObject({ status: 200 });
  });
});

describe('counting', () => {
  it('takes repeats of an event and id, and counts them once', async () => {
    await send(anEvent(), anEvent());
    now += 6 * DAY_MS;
    await send(anEvent());
    expect(await sandbox.summary()).toMatchObject([{ outwardEvents: 3, valueByCurrency: { EUR: '12.5' } }]);
  });

  it('counts repeats of a shop, which Pinterest cannot tell apart', async () => {
    const shop = anEvent({ action_source: 'offline' });
    await send(shop, shop);
    expect(await sandbox.summary()).toMatchObject([{ distinctKeys: 1, valueByCurrency: { EUR: '25' } }]);
  });

  it('tells events of another name or another account apart, and counts no tests', async () => {
    await send(anEvent(), anEvent({ event_name: 'subscribe' }));
    await post(JSON.stringify({ data: [anEvent()] }), { path: '1/events' });
    await post(JSON.stringify({ data: [anEvent()] }), { path: '2/events?test=true' });
    expect(await sandbox.summary()).toMatchObject([
      { name: ACCOUNT, valueByCurrency: { EUR: '25' } },
      { name: '1', valueByCurrency: { EUR: '12.5' } },
      { name: '2', acceptedCalls: 1, outwardEvents: 0, valueByCurrency: {} },
    ]);
  });
});

describe('the definition', () => {
  const TAKEN = { outcome: 'delivered' };
  const raw = () => ({ adAccountId: ACCOUNT, accessToken: 'right', baseUrl: sandbox.address });
  const sender = () => senderOf('pinterest', { raw: raw(), now: () => now });
  const sale = (id: string, changes: Partial<OutwardConversion> = {}) =>
    sampleDelivery('checkout', { conversionId: id, ...changes });

  it('delivers, and a repeat is counted once', async () => {
    const batch = [sale('c1'), sale('c2', { revenue: { micros: 100_000n, currency: 'USD' } })];
    expect(await sender().send(batch)).toEqual([TAKEN, TAKEN]);
    expect(await sender().send(batch.slice(0, 1))).toEqual([TAKEN]);
    expect(await sandbox.summary()).toMatchObject([
      { name: ACCOUNT, outwardEvents: 3, distinctKeys: 2, valueByCurrency: { USD: '12.44' } },
    ]);
  });

  it('learns of each event of one request how it fared', async () => {
    const batch = [
      sale('c1'),
      sale('c2', { occurredAt: now - 8 * DAY_MS }),
      sale('c3', { subjectHashes: {}, ipAddress: null }),
      sale('c4'),
    ];
    const refused = (words: string) => ({
      outcome: 'refused',
      reason: 'event_invalid',
      scope: 'event',
      detail: expect.stringContaining(words),
    });
    const outcomes = [TAKEN, refused('too old'), refused('user_data'), TAKEN];
    expect(await sender().sendAll(batch)).toEqual(outcomes);
    expect(await sandbox.summary()).toMatchObject([
      { calls: 1, distinctKeys: 2, valueByCurrency: { USD: '24.68' } },
    ]);
  });

  it.each([
    [400, { outcome: 'refused', reason: 'event_invalid', scope: 'event' }],
    [401, { outcome: 'refused', reason: 'token_invalid', scope: 'destination' }],
    [403, { outcome: 'refused', reason: 'permission_denied', scope: 'destination' }],
    [422, { outcome: 'refused', reason: 'event_invalid', scope: 'event' }],
    [429, { outcome: 'retry', reason: 'throttled' }],
    [503, { outcome: 'retry', reason: 'http_503' }],
  ])('judges a failure of %i', async (status, outcome) => {
    await sandbox.behave({ kind: 'pinterest', name: ACCOUNT }, { failNext: 1, status });
    expect(await sender().send([sale('c1')])).toMatchObject([outcome]);
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 0 }]);
  });

  it('judges another token than the right one', async () => {
    await sandbox.behave({ kind: 'pinterest', name: ACCOUNT }, {}, '?token=another');
    const refused = { outcome: 'refused', reason: 'token_invalid', scope: 'destination' };
    expect(await sender().send([sale('c1')])).toMatchObject([refused]);
  });

  it('sends tests that are counted nowhere, apart from sales', async () => {
    expect(await sender().sendAll([sale('c1', { isTest: true }), sale('c2')])).toEqual([TAKEN, TAKEN]);
    expect(await sandbox.summary()).toMatchObject([
      { calls: 2, outwardEvents: 1, valueByCurrency: { USD: '12.34' } },
    ]);
  });

  it('sends no refund: what Pinterest holds stays what was delivered, and the plan says so', async () => {
    await sender().send([sale('c1')]);
    const correction = sampleCorrection('retract', 'checkout', null, { conversionId: 'c1' });
    await expect(sender().send([correction])).rejects.toThrow('correction_not_taken');
    expect(sender().planOf(correction)).toMatchObject({ possible: false, obstacle: 'correction_not_taken' });
    expect(await sandbox.summary()).toMatchObject([{ calls: 1, valueByCurrency: { USD: '12.34' } }]);
  });
});
