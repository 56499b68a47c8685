/** Dead letters over HTTP: listed with what a replay would mean, planned, ordered as planned, and stopped. */
import { DependencyFailure } from '@tributary/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConsoleInMemory, NOW } from '../console-in-memory.fixture.ts';

const HOUR_MS = 3_600_000;
const PARTNER = {
  name: 'Partner',
  definition: 'partner-postback',
  status: 'active',
  settings: { urlTemplate: 'https://partner.example/?c={click_id}&p={payout}' },
};

interface Plan {
  readonly filter: object;
  readonly letters: number;
  readonly counts: readonly object[];
  readonly digest: string;
}

let running: ConsoleInMemory;

beforeEach(async () => {
  running = await new ConsoleInMemory().start();
  await running.putWell('destinations/partner', { document: PARTNER });
});

afterEach(() => running.stop());

async function plan(filter: object = {}): Promise<Plan> {
  const { status, body, text } = await running.post('replays/plan', { filter });
  if (status !== 200) throw new Error(text);
  return body as Plan;
}

it('lists page by page, filtered, each with what a replay would mean', async () => {
  for (let nth = 1; nth <= 5; nth += 1)
    running.replays.die(nth, NOW - nth * HOUR_MS, { partnerId: nth === 5 ? 'other' : 'mine' });
  running.replays.die(6, NOW - HOUR_MS, { mayHaveArrived: true, partnerId: 'mine' });
  const first = await running.get('dead-letters?partnerId=mine&limit=3');
  expect(first.body).toMatchObject({
    items: [{ class: 'safe', destinationId: 'partner', partnerId: 'mine', attempt: 1 }, {}, {}],
  });
  const { nextAfterId } = first.body as { nextAfterId: string };
  const second = await running.get(`dead-letters?partnerId=mine&limit=3&afterId=${nextAfterId}`);
  expect(second.body).toMatchObject({
    items: [{}, { class: 'would_double_count', risks: ['would_double_count'], reasonCode: 'timeout' }],
    nextAfterId: null,
  });
  expect((await running.get('dead-letters?reasonCode=timeout')).body).toMatchObject({ items: [{}] });
});

it('goes on over pages in which nothing fits', async () => {
  for (let nth = 1; nth <= 8; nth += 1)
    running.replays.die(nth, NOW - HOUR_MS, { partnerId: nth === 8 ? 'mine' : 'other' });
  expect((await running.get('dead-letters?partnerId=mine&limit=1')).body).toMatchObject({ items: [{}] });
});

it.each([
  ['dead-letters?limit=0', 'limit'],
  ['dead-letters?afterId=x', 'afterId'],
  ['dead-letters?from=yesterday', 'from'],
  ['dead-letters?deadLetterId=x', 'deadLetterId'],
])('refuses %s', async (path, field) => {
  expect(await running.get(path)).toMatchObject({ status: 400, body: { field } });
});

it('plans: how many of which class, with examples', async () => {
  running.replays.die(1, NOW - HOUR_MS);
  running.replays.die(2, NOW - HOUR_MS, { mayHaveArrived: true });
  const { deliveryId } = running.replays.die(3, NOW - HOUR_MS);
  running.replays.deliver(deliveryId);
  expect(await plan()).toMatchObject({
    letters: 3,
    counts: [
      { class: 'safe', count: 1 },
      { class: 'would_double_count', count: 1 },
      { class: 'already_delivered', count: 1 },
    ],
    filter: { until: new Date(NOW).toISOString() },
  });
});

describe('of an event whose name the destination has changed', () => {
  const rename = async (sale: string) => {
    const { body } = await running.get('destinations/partner');
    const document = { ...PARTNER, settings: { ...PARTNER.settings, events: { sale } } };
    await running.putWell('destinations/partner', {
      document,
      expectedVersion: (body as { version: number }).version,
    });
  };
  const counts = async () => (await plan()).counts;

  it('plans as safe what fan-out begins under the new one, and nothing else', async () => {
    const renamed = running.replays.die(1, NOW - HOUR_MS);
    const told = running.replays.die(2, NOW - HOUR_MS);
    running.replays.die(3, NOW - HOUR_MS, { mayHaveArrived: true });
    await rename('bought');
    expect(await counts()).toEqual([
      { class: 'safe', count: 2 },
      { class: 'would_double_count', count: 1 },
    ]);
    running.replays.hold(told.deliveryId, 'bought');
    expect(await counts()).toEqual([
      { class: 'safe', count: 1 },
      { class: 'would_double_count', count: 1 },
      { class: 'superseded', count: 1 },
    ]);
    const { filter, digest } = await plan();
    await running.post('replays', { filter, digest });
    await running.replayRounds(2);
    expect(running.replays.orders).toMatchObject([{ deliveryId: renamed.deliveryId }]);
  });

  it('says what may have arrived under the old one is told so only, and corrected then', async () => {
    running.replays.die(1, NOW - HOUR_MS, { mayHaveArrived: true });
    await rename('bought');
    const { body } = await running.get('dead-letters');
    expect(body).toMatchObject({ items: [{ risks: ['would_double_count', 'changed_since'] }] });
  });

  it('goes by the names of its subscriptions where they have their own', async () => {
    await running.putWell('subscriptions/own', {
      document: { destinationId: 'partner', events: { sale: 'own' } },
    });
    const at = NOW + HOUR_MS;
    const { deliveryId } = running.replays.die(1, at, { receivedAt: at });
    running.now = NOW + 2 * HOUR_MS;
    expect(await counts()).toEqual([{ class: 'safe', count: 1 }]);
    running.replays.hold(deliveryId, 'own');
    expect(await counts()).toEqual([{ class: 'superseded', count: 1 }]);
  });

  it('leaves what came before every subscription, as fan-out does', async () => {
    await running.putWell('subscriptions/late', { document: { destinationId: 'partner' } });
    running.replays.die(1, NOW - HOUR_MS);
    expect(await counts()).toEqual([{ class: 'superseded', count: 1 }]);
  });
});

describe('an order', () => {
  it('is on record with who, when, filter, digest and counts, and gives the orders of the plan', async () => {
    const safe = running.replays.die(1, NOW - HOUR_MS);
    running.replays.die(2, NOW - HOUR_MS, { mayHaveArrived: true });
    const { filter, digest } = await plan({ destinationId: 'partner' });
    const ordered = await running.post('replays', { filter, digest });
    expect(ordered).toMatchObject({
      status: 200,
      body: { state: 'running', digest, orderedBy: 'console_api_key' },
    });
    await running.replayRounds(1);
    running.replays.deliver(safe.deliveryId);
    await running.replayRounds(1);
    expect(running.replays.orders).toMatchObject([
      { deadLetterId: safe.deadLetterId, deliveryId: safe.deliveryId, expectedAttempt: 1, accepts: [] },
    ]);
    expect(running.replays.steps.map(({ step }) => step)).toEqual(['ordered', 'completed']);
    expect(running.replays.steps.at(-1)).toMatchObject({
      filter: '{"destinationId":"partner"}',
      until: NOW,
      planDigest: digest,
      planned: [
        { class: 'safe', count: 1 },
        { class: 'would_double_count', count: 1 },
      ],
      ordered: 1,
      passedOver: 1,
      actor: 'console_api_key',
    });
  });

  it('takes the risks that are named, and no others', async () => {
    running.replays.die(1, NOW - HOUR_MS, { mayHaveArrived: true });
    const { filter, digest } = await plan();
    expect(await running.post('replays', { filter, digest, accepts: ['already_delivered'] })).toMatchObject({
      status: 400,
      body: { field: 'accepts' },
    });
    await running.post('replays', { filter, digest, accepts: ['would_double_count'] });
    await running.replayRounds(2);
    expect(running.replays.orders).toMatchObject([{ accepts: ['would_double_count'] }]);
  });

  it('is refused where it is not what the plan has shown any more', async () => {
    const { deliveryId } = running.replays.die(1, NOW - HOUR_MS);
    const { filter, digest } = await plan();
    running.replays.deliver(deliveryId);
    expect(await running.post('replays', { filter, digest })).toMatchObject({
      status: 409,
      body: { code: 'plan_changed' },
    });
    expect(running.replays.steps).toEqual([]);
  });

  it('is taken though a letter of its plan has become a risk by the passing of time, and leaves that one', async () => {
    const document = {
      name: 'Meta',
      definition: 'meta',
      status: 'active',
      settings: { pixelId: '1', events: { sale: 'sale' } },
    };
    await running.putWell('destinations/partner', { document, secrets: { accessToken: 'EAAB' } });
    const old = running.replays.die(1, NOW - 48 * HOUR_MS + 1, { mayHaveArrived: true });
    running.replays.die(2, NOW - HOUR_MS, { mayHaveArrived: true });
    const { filter, digest, counts } = await plan();
    expect(counts).toEqual([{ class: 'safe', count: 2 }]);
    running.now += 60_000;
    expect((await plan(filter)).digest).toBe(digest);
    const ordered = await running.post('replays', { filter, digest });
    expect(ordered).toMatchObject({
      status: 200,
      body: {
        planned: [
          { class: 'safe', count: 1 },
          { class: 'would_double_count', count: 1 },
        ],
      },
    });
    await running.replayRounds(2);
    expect(running.replays.orders).toHaveLength(1);
    expect(running.replays.orders[0]?.deliveryId).not.toBe(old.deliveryId);
  });

  it('is not disturbed by what comes in after its plan', async () => {
    running.replays.die(1, NOW - HOUR_MS);
    const { filter, digest } = await plan();
    running.replays.die(2, NOW);
    running.now = NOW + HOUR_MS;
    expect(await running.post('replays', { filter, digest })).toMatchObject({ status: 200 });
  });

  it('is stopped for good', async () => {
    for (let nth = 1; nth <= 5; nth += 1) running.replays.die(nth, NOW - HOUR_MS);
    const { filter, digest } = await plan();
    const { body } = await running.post('replays', { filter, digest, ratePerSecond: 1 });
    const { runId } = body as { runId: string };
    await running.replayRounds(1);
    expect(await running.post(`replays/${runId}/stop`, {})).toMatchObject({
      status: 200,
      body: { state: 'stopped', stoppedBy: 'console_api_key' },
    });
    running.now += 60_000;
    await running.replayRounds(3);
    expect(running.replays.orders).toHaveLength(1);
    expect((await running.get(`replays/${runId}`)).body).toMatchObject({ state: 'stopped' });
    expect((await running.get('replays')).body).toMatchObject({ items: [{ runId }] });
  });

  it('is for admins', async () => {
    const key = await running.makeKey('looker', { role: 'analyst' });
    const headers = { authorization: `Bearer ${key}` };
    const order = { digest: '0'.repeat(64) };
    expect(await running.call('POST', '/api/v1/replays', order, headers)).toMatchObject({ status: 403 });
    expect(await running.call('POST', '/api/v1/replays/plan', {}, headers)).toMatchObject({ status: 200 });
  });
});

it('says so where nothing can be read', async () => {
  running.replays.failure = new DependencyFailure('clickhouse_unavailable', 'away');
  expect(await running.get('dead-letters')).toMatchObject({
    status: 503,
    body: { code: 'clickhouse_unavailable' },
  });
});
