/** A run carried out: at its rate, not far ahead of fan-out, taken over after a crash, each letter ordered under one id. */
import { aChange, ConfigurationFollower, InMemoryConfigurationLog } from '@tributary/configuration';
import type { ReplayRecorded } from '@tributary/contracts';
import { REPLAY_ORDER_LIFE_MS } from '@tributary/domain';
import { createLogger, DependencyFailure, Encryption } from '@tributary/runtime';
import { beforeEach, expect, it } from 'vitest';
import { SECRETS_KEYS } from '../console-in-memory.fixture.ts';
import { LetterAppraiser } from './appraised-letters.ts';
import { ReplayRunner } from './replay-runner.ts';
import { ReplaysInMemory } from './replays-in-memory.fixture.ts';

const NOW = Date.UTC(2026, 0, 3);
const PARTNER = {
  id: 'partner',
  name: 'Partner',
  definition: 'partner-postback',
  status: 'active',
  settings: { urlTemplate: 'https://partner.example/?c={click_id}&p={payout}' },
};

let now: number;
let replays: ReplaysInMemory;
let follower: ConfigurationFollower;

beforeEach(async () => {
  now = NOW;
  replays = new ReplaysInMemory();
  const log = new InMemoryConfigurationLog();
  await log.append(aChange('destination', PARTNER));
  follower = new ConfigurationFollower(log);
  await follower.start();
});

function aRunner(instanceId = 'one'): ReplayRunner {
  const clock = { now: () => now };
  const encryption = new Encryption(SECRETS_KEYS);
  return new ReplayRunner({
    ...replays,
    appraiser: new LetterAppraiser({ ...replays, follower, encryption, clock }),
    instanceId,
    configurationVersion: () => follower.current.version,
    clock,
    logger: createLogger('replay-runner-test', 'silent'),
  });
}

function order(letters: number, changes: Partial<ReplayRecorded> = {}): void {
  for (let nth = 1; nth <= letters; nth += 1) replays.die(nth, NOW - 3_600_000);
  replays.steps.push({
    runId: '019b7d00-0000-7000-8000-000000000005',
    sequence: 0,
    step: 'ordered',
    filter: '{}',
    until: NOW,
    accepts: [],
    planDigest: '00',
    planned: [],
    ratePerSecond: 10,
    afterId: null,
    ordered: 0,
    passedOver: 0,
    recordedAt: NOW,
    actor: 'key-1',
    instanceId: 'one',
    configurationVersion: 0,
    ...changes,
  });
}

async function rounds(runner: ReplayRunner, count: number): Promise<void> {
  for (let round = 0; round < count; round += 1) {
    await runner.round();
    now += 1_000;
  }
}

const steps = () => replays.steps.map(({ step }) => step);

/** Fan-out sends whatever is ordered and still counts. */
function deliverAll(): void {
  for (const { deliveryId, issuedAt } of replays.orders) {
    const hasLapsed = now - issuedAt > REPLAY_ORDER_LIFE_MS;
    if (!hasLapsed && replays.held.get(deliveryId)?.outcome !== 'delivered') replays.deliver(deliveryId);
  }
}

it('goes at the rate', async () => {
  order(45);
  const runner = aRunner();
  const given: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    await rounds(runner, 1);
    deliverAll();
    given.push(replays.orders.length);
  }
  expect(given).toEqual([10, 20, 30, 40, 45, 45]);
  expect(steps().at(-1)).toBe('completed');
});

it('that cannot go on holds up no other', async () => {
  order(5);
  order(0, { runId: '019b7d00-0000-7000-8000-000000000006', filter: '{"ofALaterRelease":1}' });
  const runner = aRunner();
  await expect(runner.round()).rejects.toThrow('019b7d00-0000-7000-8000-000000000006');
  expect(replays.orders).toHaveLength(5);
});

it('is over only once every order of it can be read', async () => {
  order(5);
  replays.isShown = false;
  const runner = aRunner();
  await rounds(runner, 1);
  deliverAll();
  for (let round = 0; round < 3; round += 1) {
    await expect(runner.round()).rejects.toMatchObject({ code: 'clickhouse_behind' });
    expect(steps()).toEqual(['ordered']);
  }
  replays.isShown = true;
  await rounds(runner, 1);
  expect(steps()).toEqual(['ordered', 'completed']);
  expect(replays.orders).toHaveLength(5);
});

it('waits when fan-out does not follow, and goes on when it does', async () => {
  order(200);
  const runner = aRunner();
  await rounds(runner, 30);
  expect(replays.orders).toHaveLength(100);
  deliverAll();
  await rounds(runner, 2);
  expect(replays.orders).toHaveLength(120);
});

it('is not over while fan-out has not begun with all of it, and orders again what has lapsed', async () => {
  order(5);
  const runner = aRunner();
  for (let lapsed = 1; lapsed <= 3; lapsed += 1) {
    await rounds(runner, 3);
    expect(replays.orders).toHaveLength(5 * lapsed);
    expect(steps()).not.toContain('completed');
    now += REPLAY_ORDER_LIFE_MS + 60_000;
  }
  await rounds(runner, 1);
  deliverAll();
  await rounds(runner, 1);
  expect(replays.steps.at(-1)).toMatchObject({ step: 'completed', ordered: 5, passedOver: 0 });
  expect(new Set(replays.orders.map(({ commandId }) => commandId)).size).toBe(5);
});

it('has no more than ten seconds of its rate count at once, however long a breaker is open', async () => {
  order(300);
  const runner = aRunner();
  for (let minute = 0; minute < 60; minute += 1) {
    await rounds(runner, 12);
    now += 48_000;
    const counting = replays.orders.filter(({ issuedAt }) => now - issuedAt <= REPLAY_ORDER_LIFE_MS);
    expect(counting.length).toBeLessThanOrEqual(100);
  }
  for (let round = 0; round < 120; round += 1) {
    await rounds(runner, 1);
    deliverAll();
  }
  expect(steps().at(-1)).toBe('completed');
  expect([...replays.held.values()].every(({ outcome }) => outcome === 'delivered')).toBe(true);
});

it('after a crash looks again at what was ordered before it', async () => {
  order(100);
  await rounds(aRunner(), 7);
  now += REPLAY_ORDER_LIFE_MS + 60_000;
  const second = aRunner('two');
  for (let round = 0; round < 12; round += 1) {
    await rounds(second, 1);
    deliverAll();
  }
  expect(steps().at(-1)).toBe('completed');
  expect([...replays.held.values()].every(({ outcome }) => outcome === 'delivered')).toBe(true);
});

it('leaves a run that another console has taken over meanwhile', async () => {
  order(1_000);
  const [first, second] = [aRunner(), aRunner('two')];
  await rounds(first, 7);
  deliverAll();
  now += 20_000;
  await second.round();
  const before = replays.orders.length;
  for (let round = 0; round < 10; round += 1) {
    now += 1_000;
    await first.round();
    await second.round();
    deliverAll();
  }
  expect(replays.orders.length - before).toBe(100);
});

it('of two that take it over at once one goes on', async () => {
  order(1_000, { instanceId: 'gone' });
  const both = [aRunner(), aRunner('two')];
  now += 20_000;
  const stored = replays.runs.unfinished;
  // Neither sees the other's step at first.
  const shown = await stored();
  replays.runs.unfinished = async () => shown;
  for (const runner of both) await runner.round();
  replays.runs.unfinished = stored;
  deliverAll();
  const before = replays.orders.length;
  for (let round = 0; round < 10; round += 1) {
    now += 1_000;
    for (const runner of both) await runner.round();
    deliverAll();
  }
  expect(replays.orders.length - before).toBe(100);
});

it('after a crash goes on where the log knows of it, orders a few again under the same ids, and leaves none out', async () => {
  order(100);
  const first = aRunner();
  await rounds(first, 7);
  expect(steps()).toContain('progressed');
  const before = replays.orders.length;
  const told = replays.steps.at(-1)?.ordered ?? 0;
  expect(told).toBeLessThan(before);
  const second = aRunner('two');
  await rounds(second, 1);
  expect(replays.orders).toHaveLength(before);
  now += 20_000;
  for (let round = 0; round < 12; round += 1) {
    await rounds(second, 1);
    deliverAll();
  }
  expect(steps().at(-1)).toBe('completed');
  const ids = replays.orders.map(({ commandId }) => commandId);
  expect(new Set(ids).size).toBe(100);
  expect(ids.length).toBeLessThanOrEqual(100 + before - told);
});

it('does not order again what was delivered meanwhile', async () => {
  order(30);
  const runner = aRunner();
  await rounds(runner, 1);
  for (const { deliveryId } of replays.dead.slice(10)) replays.deliver(deliveryId);
  deliverAll();
  await rounds(runner, 4);
  expect(replays.orders).toHaveLength(10);
  expect(replays.steps.at(-1)).toMatchObject({ step: 'completed', ordered: 10, passedOver: 20 });
});

it('passes over what is not to be ordered without using up its rate', async () => {
  order(0, { ratePerSecond: 1 });
  for (let nth = 1; nth <= 10; nth += 1) replays.die(nth, NOW - 3_600_000, { mayHaveArrived: nth < 10 });
  await rounds(aRunner(), 1);
  expect(replays.orders).toMatchObject([{ deadLetterId: replays.dead[9]?.deadLetterId }]);
});

it('repeats what it could not write', async () => {
  order(10);
  const runner = aRunner();
  replays.failure = new DependencyFailure('kafka_unavailable', 'away');
  await expect(runner.round()).rejects.toBeInstanceOf(DependencyFailure);
  replays.failure = null;
  await rounds(runner, 3);
  expect(replays.orders).toHaveLength(10);
});

it('leaves a run that was stopped elsewhere', async () => {
  order(100);
  const runner = aRunner();
  await rounds(runner, 1);
  const [ordered] = replays.steps;
  if (ordered !== undefined) replays.steps.push({ ...ordered, sequence: 1, step: 'stopped' });
  deliverAll();
  await rounds(runner, 5);
  expect(replays.orders).toHaveLength(10);
});
