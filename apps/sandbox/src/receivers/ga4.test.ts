/** Google Analytics 4 as the sandbox plays it, over real HTTP: by hand, and by the definition that sends to it. */
import { SAMPLE_NOW, sampleCorrection, sampleDelivery } from '@tributary/destinations';
import type { OutwardConversion } from '@tributary/domain';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StartedSandbox, startSandbox } from '../sandbox.fixture.ts';
import { senderOf } from '../sender.fixture.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const STREAM = 'G-ABC1234567';
const RECEIVER = { kind: 'ga4', name: STREAM } as const;

let sandbox: StartedSandbox;
let now: number;

beforeEach(async () => {
  now = SAMPLE_NOW;
  sandbox = await startSandbox({ clock: { now: () => now } });
});

afterEach(() => sandbox.close());

const purchase = (params: object = {}) => ({
  name: 'purchase',
  params: { delivery_id: 'd1', transaction_id: 't-1', value: 12.5, currency: 'EUR', ...params },
});
const refund = (params: object = {}) => ({
  name: 'refund',
  params: { delivery_id: 'd2', transaction_id: 't-1', value: 2.5, currency: 'EUR', ...params },
});
const request = (events: readonly unknown[], changes: object = {}) =>
  JSON.stringify({ client_id: '1.2', timestamp_micros: (now - HOUR_MS) * 1_000, events, ...changes });

async function post(body: string, { path = 'mp/collect', secret = 'good' } = {}) {
  const query = new URLSearchParams({ measurement_id: STREAM, ...(secret !== '' && { api_secret: secret }) });
  const response = await fetch(`${sandbox.address}/${path}?${query}`, { method: 'POST', body });
  return { status: response.status, body: await response.text() };
}

const send = (...events: readonly unknown[]) => post(request(events));
const SILENCE = { status: 204, body: '' };

describe('taking events', () => {
  it('says nothing, and records the call under the stream, without its secret', async () => {
    expect(await send(purchase())).toEqual(SILENCE);
    const received = await sandbox.received(`?kind=ga4&name=${STREAM}`);
    expect(received).toMatchObject([{ path: '/mp/collect', accepted: true, answeredStatus: 204 }]);
    expect(received[0]?.query).toEqual([
      ['measurement_id', STREAM],
      ['api_secret', '[redacted]'],
    ]);
  });

  it.each<[string, string]>([
    ['no JSON', 'events=[]'],
    ['no client', request([purchase()], { client_id: undefined })],
    ['no events', request([])],
    ['26 events', request(Array.from({ length: 26 }, () => purchase()))],
    ['a time in milliseconds', request([purchase()], { timestamp_micros: SAMPLE_NOW })],
    ['more than 130,000 bytes', request([purchase({ note: 'n'.repeat(130_000) })])],
  ])('says nothing to %s either, and takes it not', async (_name, body) => {
    expect(await post(body)).toEqual(SILENCE);
    expect(await sandbox.summary()).toMatchObject([{ calls: 1, acceptedCalls: 0, countedEvents: 0 }]);
  });

  it('says nothing to a wrong secret either', async () => {
    await sandbox.behave(RECEIVER, {}, '?token=right');
    const body = request([purchase()]);
    expect(await post(body, { secret: 'wrong' })).toEqual(SILENCE);
    expect(await post(body, { secret: '' })).toEqual(SILENCE);
    expect(await sandbox.summary()).toMatchObject([{ calls: 2, acceptedCalls: 0 }]);
    expect(await post(body, { secret: 'right' })).toEqual(SILENCE);
    expect(await sandbox.summary()).toMatchObject([{ calls: 3, acceptedCalls: 1 }]);
  });

  it.each<[string, object]>([
    ['a name with a hyphen', { name: 'first-sale' }],
    ['a value without currency', purchase({ currency: undefined })],
    ['a value as text', purchase({ value: '12.5' })],
    ['no currency of ISO 4217', purchase({ currency: 'EURO' })],
    ['a transaction of 101 characters', purchase({ transaction_id: 't'.repeat(101) })],
    ['a refund of no transaction', refund({ transaction_id: undefined })],
    [
      '26 parameters',
      purchase(Object.fromEntries(Array.from({ length: 22 }, (_, index) => [`p${index}`, index]))),
    ],
  ])('drops an event with %s and takes the others', async (_name, event) => {
    expect(await send(event, purchase())).toEqual(SILENCE);
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 1, countedEvents: 1 }]);
  });

  it('drops what is more than 72 hours old', async () => {
    await post(request([purchase()], { timestamp_micros: (now - 72 * HOUR_MS) * 1_000 }));
    await post(
      request([purchase({ transaction_id: 't-2' })], { timestamp_micros: (now - 72 * HOUR_MS - 1) * 1_000 }),
    );
    expect(await sandbox.summary()).toMatchObject([{ countedEvents: 1 }]);
  });

  it('says what is wrong where one asks, and counts nothing of it', async () => {
    const ask = async (...events: readonly unknown[]) => {
      const { status, body } = await post(request(events), { path: 'debug/mp/collect', secret: '' });
      return { status, ...JSON.parse(body) };
    };
    expect(await ask(purchase())).toEqual({ status: 200, validationMessages: [] });
    expect(await ask(purchase({ currency: 'X' }))).toEqual({
      status: 200,
      validationMessages: [
        {
          fieldPath: 'events.params.currency',
          validationCode: 'VALUE_INVALID',
          description: expect.any(String),
        },
      ],
    });
    expect(await sandbox.summary()).toMatchObject([{ calls: 2, acceptedCalls: 1, countedEvents: 0 }]);
  });

  it('fails as it was asked to, without a word', async () => {
    await sandbox.behave(RECEIVER, { failNext: 1, status: 503 });
    expect(await send(purchase())).toEqual({ status: 503, body: '' });
  });
});

describe('counting', () => {
  it('knows a purchase by its transaction for good, whoever sent it', async () => {
    await send(purchase(), purchase({ delivery_id: 'of the page' }));
    now += 30 * DAY_MS;
    await send(purchase({ delivery_id: 'later' }));
    expect(await sandbox.summary()).toMatchObject([
      { outwardEvents: 3, countedEvents: 1, valueByCurrency: { EUR: '12.5' } },
    ]);
  });

  it('takes each refund away, and counts it as no purchase', async () => {
    await send(purchase());
    await send(refund());
    await send(refund({ delivery_id: 'd3', value: 10 }));
    expect(await sandbox.summary()).toMatchObject([
      { outwardEvents: 3, countedEvents: 1, distinctKeys: 3, valueByCurrency: { EUR: '0' } },
    ]);
  });

  it('knows no other event again', async () => {
    const lead = { name: 'generate_lead', params: { delivery_id: 'd1', value: 1, currency: 'EUR' } };
    await send(lead, lead, purchase({ transaction_id: '' }), purchase({ transaction_id: undefined }));
    expect(await sandbox.summary()).toMatchObject([{ countedEvents: 4, valueByCurrency: { EUR: '27' } }]);
  });
});

describe('the definition', () => {
  const TAKEN = { outcome: 'delivered' };
  const sender = (apiSecret = 'right') =>
    senderOf('ga4', {
      raw: { measurementId: STREAM, apiSecret, baseUrl: sandbox.address },
      now: () => now,
    });
  const sale = (id: string, changes: Partial<OutwardConversion> = {}) =>
    sampleDelivery('purchase', { conversionId: id, transactionId: `order-${id}`, ...changes });
  const correction = (kind: 'restate' | 'retract', id: string) =>
    sampleCorrection(kind, 'purchase', 'refund', { conversionId: id, transactionId: `order-${id}` });

  it('delivers, and a repeat is counted once', async () => {
    const batch = [sale('c1'), sale('c2', { revenue: { micros: 100_000n, currency: 'USD' } })];
    expect(await sender().send(batch)).toEqual([TAKEN, TAKEN]);
    expect(await sender().send(batch.slice(0, 1))).toEqual([TAKEN]);
    expect(await sandbox.summary()).toMatchObject([
      {
        name: STREAM,
        outwardEvents: 3,
        countedEvents: 2,
        distinctKeys: 2,
        valueByCurrency: { USD: '12.44' },
      },
    ]);
  });

  it.each([
    ['lowered', 'restate', '17.31'],
    ['refunded', 'retract', '12.34'],
  ] as const)('leaves the right sum when one of two sales is %s', async (_what, kind, sum) => {
    await sender().send([sale('c1'), sale('c2')]);
    expect(await sender().send([correction(kind, 'c1')])).toEqual([TAKEN]);
    expect(await sandbox.summary()).toMatchObject([{ countedEvents: 2, valueByCurrency: { USD: sum } }]);
  });

  it('refunds the rest of what was lowered', async () => {
    await sender().send([sale('c1')]);
    await sender().send([correction('restate', 'c1')]);
    const rest = correction('retract', 'c1');
    const held = { revenue: { micros: 4_970_000n, currency: 'USD' }, payout: null };
    await sender().send([{ ...rest, correction: rest.correction && { ...rest.correction, held } }]);
    expect(await sandbox.summary()).toMatchObject([{ countedEvents: 1, valueByCurrency: { USD: '0' } }]);
  });

  it('refunds a sale of last month, as long as the decision is young', async () => {
    await sender().send([sale('c1')]);
    now += 30 * DAY_MS;
    const late = correction('retract', 'c1');
    const today = { ...late, correction: late.correction && { ...late.correction, correctedAt: now } };
    expect(sender().planOf(today)).toMatchObject({ possible: true });
    expect(sender().planOf(late)).toMatchObject({ possible: false, obstacle: 'correction_too_old' });
    await sender().send([today]);
    expect(await sandbox.summary()).toMatchObject([{ valueByCurrency: { USD: '0' } }]);
  });

  it('cannot know that its secret is wrong', async () => {
    await sandbox.behave(RECEIVER, {}, '?token=right');
    expect(await sender('wrong').send([sale('c1')])).toEqual([TAKEN]);
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 0 }]);
  });

  it('learns of a test what is wrong with it, and it is counted nowhere', async () => {
    const good = sale('c1', { isTest: true });
    const bad = sale('c2', { isTest: true, revenue: { micros: 1n, currency: 'XXZ' } });
    expect(await sender().send([good])).toEqual([TAKEN]);
    expect(await sender().send([bad])).toEqual([
      {
        outcome: 'refused',
        reason: 'event_invalid',
        scope: 'event',
        detail: 'VALUE_INVALID at events.params.currency',
      },
    ]);
    expect(await sender().sendAll([good, bad])).toMatchObject([TAKEN, { reason: 'event_invalid' }]);
    expect(await sandbox.summary()).toMatchObject([{ countedEvents: 0 }]);
  });

  it.each([
    [403, { outcome: 'refused', reason: 'http_403', scope: 'destination' }],
    [429, { outcome: 'retry', reason: 'http_429' }],
    [503, { outcome: 'retry', reason: 'http_503' }],
  ])('judges a failure of %i', async (status, outcome) => {
    await sandbox.behave(RECEIVER, { failNext: 1, status });
    expect(await sender().send([sale('c1')])).toEqual([outcome]);
  });
});
