/** Owners of a partition that follow each other: what one has in hand, what the next takes over, and whose record stands. */
import { outgoing } from '@tributary/bus';
import { aChange, ConfigurationFollower, InMemoryConfigurationLog } from '@tributary/configuration';
import type { ConversionDecided, PostbackReceived } from '@tributary/contracts';
import { createLogger, DependencyFailure } from '@tributary/runtime';
import { aClick, aPostback } from '@tributary/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Attribution } from './attribution.ts';
import { InMemoryLog } from './in-memory-log.fixture.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 6);
const PARTITION = 3;
const click = aClick();

let log: InMemoryLog;
let parkedInStore: (partitions: readonly number[]) => Promise<readonly ConversionDecided[]>;
let isOwner: boolean;
let follower: ConfigurationFollower;
const running: Attribution[] = [];

beforeEach(async () => {
  vi.useFakeTimers({ now: NOW });
  log = new InMemoryLog();
  parkedInStore = async () => [];
  isOwner = true;
  const changes = new InMemoryConfigurationLog();
  await changes.append(aChange('offer', { id: 'acme-offer', advertiserId: 'acme', name: 'Offer' }));
  await changes.append(
    aChange('advertiser', { id: 'acme', name: 'Acme', currency: 'EUR', parkedForMs: 3_600_000 }),
  );
  follower = new ConfigurationFollower(changes);
  await follower.start();
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((attribution) => attribution.stop()));
  vi.useRealTimers();
});

function anOwner(): Attribution {
  const attribution = new Attribution({
    follower,
    store: { ...log.store, parkedDecisions: (partitions) => parkedInStore(partitions) },
    offsets: log.offsets,
    producer: log,
    isOwner: () => isOwner,
    clock: { now: () => Date.now() },
    logger: createLogger('attribution-test', 'silent'),
  });
  attribution.start();
  running.push(attribution);
  return attribution;
}

const owned = (...partitions: readonly number[]) =>
  partitions.map((partition) => ({ topic: 'postback.received.v1' as const, partition }));

function decide(
  attribution: Attribution,
  event: PostbackReceived,
  signal = new AbortController().signal,
): Promise<number> {
  const incoming = {
    topic: 'postback.received.v1' as const,
    partition: PARTITION,
    offset: 0,
    key: event.lane,
    writtenAt: event.receivedAt,
    headers: {},
    event,
    value: Buffer.alloc(0),
  };
  return attribution.decide({
    topic: 'postback.received.v1',
    partition: PARTITION,
    events: [incoming],
    signal,
  });
}

const postback = aPostback({ configurationVersion: 0 });
const matches = () => log.decided.map(({ revision, match }) => [revision, match]);

/** What an owner that sees no click writes. */
async function parkedDecision(): Promise<ConversionDecided> {
  await decide(anOwner(), postback);
  const [decision] = log.decided;
  if (decision === undefined) throw new Error('nothing was decided');
  return decision;
}

describe('a send of which nobody knows whether it arrived', () => {
  it('is not decided differently under the same revision: what arrived is seen first', async () => {
    const attribution = anOwner();
    log.failure = 'after';
    await expect(decide(attribution, postback)).rejects.toBeInstanceOf(DependencyFailure);
    log.failure = 'none';
    log.clicks.set(click.clickId, click);
    const again = decide(attribution, postback);
    await vi.advanceTimersByTimeAsync(500);
    log.show();
    await vi.advanceTimersByTimeAsync(500);
    expect(await again).toBe(1);
    expect(log.judged).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(matches()).toEqual([
      [1, 'parked'],
      [2, 'attributed'],
    ]);
  });

  it('by the clock is not repeated differently either', async () => {
    const attribution = anOwner();
    await decide(attribution, postback);
    log.show();
    log.failure = 'after';
    await vi.advanceTimersByTimeAsync(3_602_000);
    expect(matches()).toEqual([
      [1, 'parked'],
      [2, 'unattributed'],
    ]);
    log.failure = 'none';
    log.clicks.set(click.clickId, click);
    log.show();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(matches()).toHaveLength(2);
    expect(attribution.parked).toBe(0);
  });
});

describe('partitions dealt anew', () => {
  it('while an earlier deal still loads what is parked: that is not taken over', async () => {
    const decision = await parkedDecision();
    log.show();
    let answer: (decisions: readonly ConversionDecided[]) => void = () => undefined;
    parkedInStore = (partitions) =>
      partitions.includes(PARTITION) ? new Promise((resolve) => (answer = resolve)) : Promise.resolve([]);
    const attribution = anOwner();
    const first = attribution.assigned(owned(PARTITION));
    await vi.advanceTimersByTimeAsync(200);
    await attribution.assigned(owned(7));
    answer([decision]);
    await first;
    expect(attribution.parked).toBe(0);
  });

  it('while a postback is in hand: what it parks is waited for by its new owner alone', async () => {
    const attribution = anOwner();
    await attribution.assigned(owned(PARTITION));
    const late = decide(attribution, postback);
    const dealt = attribution.assigned(owned(7));
    await late;
    log.show();
    await vi.advanceTimersByTimeAsync(200);
    await dealt;
    expect(attribution.parked).toBe(0);
  });
});

it('asks how things stand only when what is in hand from the deal before is written', async () => {
  const attribution = anOwner();
  const write = log.produce.bind(log);
  let release: () => void = () => undefined;
  log.produce = async (records) => {
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    return write(records);
  };
  const inHand = decide(attribution, postback);
  await vi.advanceTimersByTimeAsync(1);
  let isReady = false;
  const dealt = attribution.assigned(owned(PARTITION)).then(() => {
    isReady = true;
  });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(isReady).toBe(false);
  release();
  await inHand;
  log.show();
  await vi.advanceTimersByTimeAsync(200);
  await dealt;
  expect(isReady).toBe(true);
});

it('begins no batch of a partition that was lost while it waited', async () => {
  const lost = new AbortController();
  const late = decide(anOwner(), postback, lost.signal);
  lost.abort();
  await expect(late).rejects.toThrow();
  expect(log.judged).toEqual([]);
});

describe('an instance the group has not heard of for long', () => {
  it('writes nothing, neither on a postback nor by the clock, until it is heard again', async () => {
    const attribution = anOwner();
    await decide(attribution, postback);
    log.show();
    isOwner = false;
    log.clicks.set(click.clickId, click);
    await vi.advanceTimersByTimeAsync(10_000);
    const next = aPostback({ ...postback, receiptId: '019b7c40-0000-7000-8000-0000000000b2' });
    await expect(decide(attribution, next)).rejects.toBeInstanceOf(DependencyFailure);
    expect([log.judged.length, log.decided.length]).toEqual([1, 1]);
    isOwner = true;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(matches()).toEqual([
      [1, 'parked'],
      [2, 'attributed'],
    ]);
  });
});

describe('two owners that decide the same postback', () => {
  it('agree on the record that came first: if it waits, the successor goes on waiting', async () => {
    const decision = await parkedDecision();
    // The owner before wrote after the successor was dealt the partition, and before it decided.
    log = new InMemoryLog();
    const successor = anOwner();
    log.received = 1;
    await successor.assigned(owned(PARTITION));
    await log.produce([outgoing('conversion.decided.v1', decision.conversionId, decision)]);
    log.clicks.set(click.clickId, click);
    await decide(successor, postback);
    expect(matches()).toEqual([
      [1, 'parked'],
      [1, 'attributed'],
    ]);
    log.show();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(matches().slice(2)).toEqual([[2, 'attributed']]);
  });
});
