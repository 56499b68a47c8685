/** Reddit's Conversions API as the sandbox plays it, over real HTTP: by hand, and by the definition that sends to it. */
import { SAMPLE_NOW as NOW, sampleCorrection, sampleDelivery } from '@tributary/destinations';
import type { OutwardConversion } from '@tributary/domain';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StartedSandbox, startSandbox } from '../sandbox.fixture.ts';
import { senderOf } from '../sender.fixture.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const PIXEL = 'a2_pixel';

let sandbox: StartedSandbox;
let now: number;

beforeEach(async () => {
  now = NOW;
  sandbox = await startSandbox({ clock: { now: () => now } });
});

afterEach(() => sandbox.close());

const anEvent = (changes: object = {}) => ({
  event_at: now - MINUTE_MS,
  action_source: 'WEBSITE',
  type: { tracking_type: 'PURCHASE' },
  user: { email: 'a'.repeat(64) },
  metadata: { conversion_id: 'e1', value: 12.5, currency: 'EUR' },
  ...changes,
});
const named = (id: string, changes: object = {}) =>
  anEvent({ metadata: { conversion_id: id, value: 12.5, currency: 'EUR' }, ...changes });

async function post(body: string, authorization = 'Bearer good') {
  const response = await fetch(`${sandbox.address}/api/v3/pixels/${PIXEL}/conversion_events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization !== '' && { authorization }) },
    body,
  });
  return { status: response.status, body: (await response.json()) as unknown };
}

const send = (...events: readonly unknown[]) => post(JSON.stringify({ data: { events } }));
const processed = (count: number) => ({
  status: 200,
  body: { data: { message: `Successfully processed ${count} conversion events.` } },
});

describe('taking events', () => {
  it('answers how many it processed, and records the call under the pixel', async () => {
    expect(await send(named('e1'), named('e2'))).toEqual(processed(2));
    expect(await sandbox.received(`?kind=reddit&name=${PIXEL}`)).toMatchObject([
      { path: `/api/v3/pixels/${PIXEL}/conversion_events`, accepted: true, answeredStatus: 200 },
    ]);
  });

  it.each([
    ['one 7 days old', { event_at: NOW - 7 * DAY_MS }],
    ['one 5 minutes ahead', { event_at: NOW + 5 * MINUTE_MS }],
    ['one of nobody', { user: undefined, metadata: undefined }],
    ['a custom one', { type: { tracking_type: 'CUSTOM', custom_event_name: 'n'.repeat(64) } }],
    ['a uuid after its time', { user: { uuid: '1677712978045.b8f7eb7d-b357-437b-8bd3-e1c8166c7132' } }],
    ['a bare uuid', { user: { uuid: 'b8f7eb7d-b357-437b-8bd3-e1c8166c7132' } }],
  ])('takes %s', async (_what, changes) => {
    expect(await send(anEvent(changes))).toEqual(processed(1));
  });
});

describe('refusing', () => {
  it.each<[string, object, string, string]>([
    ['no time', { event_at: undefined }, 'event_at', 'milliseconds'],
    ['a time as text', { event_at: '2026-01-01' }, 'event_at', 'milliseconds'],
    ['more than 7 days old', { event_at: NOW - 7 * DAY_MS - 1 }, 'event_at', 'less than 168h0m0s old'],
    ['more than 5 minutes ahead', { event_at: NOW + 5 * MINUTE_MS + 1 }, 'event_at', 'in the future'],
    ['no action source', { action_source: undefined }, 'action_source', 'missing action_source'],
    [
      'an action source in lower case',
      { action_source: 'website' },
      'action_source',
      'invalid action_source: website',
    ],
    ['an event of v2', { type: { tracking_type: 'Purchase' } }, 'type.tracking_type', 'Purchase'],
    ['a custom one without a name', { type: { tracking_type: 'CUSTOM' } }, 'type.custom_event_name', '64'],
    ['a value as text', { metadata: { value: '1' } }, 'metadata.value', 'number'],
    ['a cookie that is no uuid', { user: { uuid: '1700000000.abcd-uuid' } }, 'user.UUID', 'RFC-4122'],
  ])('%s, by event and field', async (_what, changes, field, message) => {
    expect(await send(named('e1'), named('e2', changes))).toEqual({
      status: 400,
      body: {
        error: {
          code: 400,
          message: 'There were 1 invalid conversion events. None were processed.',
          fields: [{ field: `$.data.events[1].${field}`, message: expect.stringContaining(message) }],
        },
      },
    });
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 0, outwardEvents: 0 }]);
  });

  it('a field it does not know', async () => {
    const message = 'JSON error "unknown field" on field "test_id"';
    expect(await send(anEvent({ test_id: 't2' }))).toEqual({
      status: 400,
      body: { error: { code: 400, message } },
    });
  });

  it.each([
    ['no JSON', 'x'],
    ['no data', '{"events":[]}'],
    ['no events', '{"data":{"events":[]}}'],
    [
      'more than 1,000 events',
      JSON.stringify({ data: { events: Array.from({ length: 1_001 }, () => ({})) } }),
    ],
  ])('%s', async (_what, body) => {
    expect(await post(body)).toEqual({ status: 400, body: { error: { code: 400, message: 'Bad Request' } } });
  });

  it('no token, and another than the one that was set', async () => {
    const body = JSON.stringify({ data: { events: [anEvent()] } });
    expect(await post(body, '')).toMatchObject({ status: 401, body: { error: { reason: 'UNAUTHORIZED' } } });
    await sandbox.behave({ kind: 'reddit', name: PIXEL }, {}, '?token=right');
    expect((await post(body)).status).toBe(401);
    expect((await post(body, 'Bearer right')).status).toBe(200);
  });
});

describe('counting', () => {
  it('counts an id once within two days, by type and channel', async () => {
    await send(named('e1'), named('e1'));
    await send(named('e1', { action_source: 'APP' }));
    await send(named('e1', { type: { tracking_type: 'CUSTOM', custom_event_name: 'a' } }));
    await send(named('e1', { type: { tracking_type: 'CUSTOM', custom_event_name: 'b' } }));
    now += 2 * DAY_MS;
    await send(named('e1'));
    expect(await sandbox.summary()).toMatchObject([{ outwardEvents: 6, valueByCurrency: { EUR: '50' } }]);
    now += 1;
    await send(named('e1'));
    expect(await sandbox.summary()).toMatchObject([{ outwardEvents: 7, valueByCurrency: { EUR: '62.5' } }]);
  });

  it('counts no tests', async () => {
    expect(await post(JSON.stringify({ data: { test_id: 't2', events: [anEvent()] } }))).toEqual(
      processed(1),
    );
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 1, outwardEvents: 0 }]);
  });
});

describe('the definition', () => {
  const TAKEN = { outcome: 'delivered' };
  const raw = () => ({ pixelId: PIXEL, accessToken: 'right', baseUrl: sandbox.address, testId: 't2_test' });
  const sender = (changes: object = {}) =>
    senderOf('reddit', { raw: { ...raw(), ...changes }, now: () => now });
  const sale = (id: string, changes: Partial<OutwardConversion> = {}) =>
    sampleDelivery('PURCHASE', { conversionId: id, ...changes });

  it('delivers, and a repeat is counted once', async () => {
    const batch = [sale('c1'), sale('c2', { revenue: { micros: 100_000n, currency: 'USD' } })];
    expect(await sender().send(batch)).toEqual([TAKEN, TAKEN]);
    expect(await sender().send(batch.slice(0, 1))).toEqual([TAKEN]);
    expect(await sandbox.summary()).toMatchObject([
      { name: PIXEL, outwardEvents: 3, distinctKeys: 2, valueByCurrency: { USD: '12.44' } },
    ]);
  });

  it.each(['APP', 'PHYSICAL_STORE', 'OTHER'])(
    'delivers events of %s, and custom ones',
    async (actionSource) => {
      const trial = sampleDelivery('StartTrial', { conversionId: 'c2' });
      expect(await sender({ actionSource }).send([sale('c1'), trial])).toEqual([TAKEN, TAKEN]);
    },
  );

  it('loses only those that are named, in one more request', async () => {
    const batch = ['c1', 'c2', 'c3', 'c4'].map((id) =>
      sale(id, id === 'c3' ? { occurredAt: NOW - 8 * DAY_MS } : {}),
    );
    const refused = {
      outcome: 'refused',
      reason: 'event_invalid',
      scope: 'event',
      detail: expect.stringContaining('$.data.events[2].event_at'),
    };
    expect(await sender().sendAll(batch)).toEqual([TAKEN, TAKEN, refused, TAKEN]);
    expect(await sandbox.summary()).toMatchObject([
      { calls: 2, outwardEvents: 3, valueByCurrency: { USD: '37.02' } },
    ]);
  });

  it.each([
    [401, { outcome: 'refused', reason: 'token_invalid', scope: 'destination' }],
    [403, { outcome: 'refused', reason: 'permission_denied', scope: 'destination' }],
    [404, { outcome: 'refused', reason: 'pixel_unknown', scope: 'destination' }],
    [422, { outcome: 'refused', reason: 'event_invalid', scope: 'event' }],
    [429, { outcome: 'retry', reason: 'http_429' }],
    [500, { outcome: 'retry', reason: 'http_500' }],
  ])('judges a failure of %i', async (status, outcome) => {
    await sandbox.behave({ kind: 'reddit', name: PIXEL }, { failNext: 1, status });
    expect(await sender().send([sale('c1')])).toMatchObject([outcome]);
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 0 }]);
    expect(await sender().send([sale('c1')])).toEqual([TAKEN]);
  });

  it('sends each test alone, and they are counted nowhere', async () => {
    const batch = [sale('c1', { isTest: true }), sale('c2', { isTest: true }), sale('c3')];
    expect(await sender().sendAll(batch)).toEqual([TAKEN, TAKEN, TAKEN]);
    expect(await sandbox.summary()).toMatchObject([
      { calls: 3, outwardEvents: 1, valueByCurrency: { USD: '12.34' } },
    ]);
  });

  it('sends no refund: what Reddit holds stays what was delivered, and the plan says so', async () => {
    await sender().send([sale('c1')]);
    const correction = sampleCorrection('retract', 'PURCHASE', null, { conversionId: 'c1' });
    await expect(sender().send([correction])).rejects.toThrow('correction_not_taken');
    expect(sender().planOf(correction)).toMatchObject({ possible: false, obstacle: 'correction_not_taken' });
    expect(await sandbox.summary()).toMatchObject([{ calls: 1, valueByCurrency: { USD: '12.34' } }]);
  });
});
