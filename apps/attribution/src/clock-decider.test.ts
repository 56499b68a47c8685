/** Rematching: a late click is found, a missing one is given up only when it can no longer come, and outages change nothing. */
import { outgoing } from '@tributary/bus';
import { aChange, Configuration } from '@tributary/configuration';
import type { ConversionDecided } from '@tributary/contracts';
import { createLogger, DependencyFailure } from '@tributary/runtime';
import { aClick, aDecision } from '@tributary/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DecisionLanes } from './decision-lanes.ts';
import { InMemoryLog } from './in-memory-log.fixture.ts';
import { OwnWrites } from './own-writes.ts';
import { ParkedConversions } from './parked-conversions.ts';
import { Rematcher } from './rematcher.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const HOUR_MS = 3_600_000;
const TICK_MS = 1_000;
const click = aClick();

const waiting: ConversionDecided = aDecision({
  match: 'parked',
  receivedAt: NOW,
  occurredAt: NOW,
  parkedUntil: NOW + HOUR_MS,
  reasonCodes: ['click_not_found'],
  triggerPartition: 3,
  clickId: null,
  candidates: [
    {
      clickId: click.clickId,
      campaignId: null,
      clickedAt: null,
      outcome: 'missing',
      reasonCode: 'click_not_found',
    },
  ],
});

let log: InMemoryLog;
let parked: ParkedConversions;
let lanes: DecisionLanes;
let rematcher: Rematcher;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
  log = new InMemoryLog();
  parked = new ParkedConversions();
  const ownWrites = new OwnWrites(log.offsets);
  lanes = new DecisionLanes(ownWrites);
  const configuration = new Configuration();
  configuration.apply(0, aChange('offer', { id: 'acme-offer', advertiserId: 'acme', name: 'Offer' }));
  rematcher = new Rematcher({
    store: log.store,
    offsets: log.offsets,
    ownWrites,
    parked,
    lanes,
    producer: log,
    configuration: () => configuration,
    positionOf: (partition) => partition * 100,
    clock: { now: () => Date.now() },
    logger: createLogger('rematcher-test', 'silent'),
  });
  parked.add(waiting);
  rematcher.start();
});

afterEach(async () => {
  const stopped = rematcher.stop();
  await pass(2_000);
  await stopped;
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('a late click', () => {
  it('attributes the conversion as its next revision, in the lane it belongs to', async () => {
    await pass(TICK_MS);
    expect(log.decided).toEqual([]);
    log.clicks.set(click.clickId, click);
    await pass(5 * TICK_MS);
    expect(log.decided).toMatchObject([
      {
        conversionId: waiting.conversionId,
        revision: 2,
        match: 'attributed',
        clickId: click.clickId,
        triggerKind: 'late_click',
        triggerPartition: 3,
        triggerOffset: 300,
        configurationVersion: 0,
      },
    ]);
    expect(parked.size).toBe(0);
    await pass(HOUR_MS);
    expect(log.decided).toHaveLength(1);
  });

  it.each([
    ['of another advertiser', { advertiserId: 'other' }],
    ['that is a test', { isTest: true }],
    ['of an offer nobody knows', { offerId: 'gone' }],
  ])('%s is none: the wait goes on to its end', async (_name, changes) => {
    log.clicks.set(click.clickId, aClick(changes));
    await pass(60_000);
    expect([log.decided, parked.size]).toEqual([[], 1]);
    await pass(HOUR_MS);
    expect(log.decided).toMatchObject([
      { revision: 2, match: 'unattributed', reasonCodes: ['deadline_passed'] },
    ]);
  });

  it('waits for the postback that is being decided in the same lane', async () => {
    log.clicks.set(click.clickId, click);
    let finish: () => void = () => undefined;
    void lanes.run(
      3,
      () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    );
    await pass(5 * TICK_MS);
    expect(log.decided).toEqual([]);
    parked.remove(waiting.conversionId);
    finish();
    await pass(TICK_MS);
    expect(log.decided).toEqual([]);
  });
});

describe('the deadline', () => {
  it('is not the end while ClickHouse has not stored every click that was in the log by then', async () => {
    log.clicksEnd = 10;
    log.clicksStored = 9;
    await pass(HOUR_MS + 60_000);
    expect([log.decided, parked.size]).toEqual([[], 1]);
    log.clicksStored = 10;
    await pass(2 * TICK_MS);
    expect(log.decided).toMatchObject([
      {
        revision: 2,
        match: 'unattributed',
        reasonCodes: ['deadline_passed'],
        triggerKind: 'deadline',
        parkedUntil: null,
      },
    ]);
    expect(parked.size).toBe(0);
  });

  it('takes a click that was in the log by then and shows only now', async () => {
    log.clicksEnd = 10;
    log.clicksStored = 9;
    await pass(HOUR_MS + 10_000);
    log.clicks.set(click.clickId, click);
    log.clicksStored = 10;
    await pass(2 * TICK_MS);
    expect(log.decided).toMatchObject([{ match: 'attributed', triggerKind: 'late_click' }]);
  });

  it('does not wait for clicks that came after it', async () => {
    log.clicksEnd = 10;
    log.clicksStored = 9;
    await pass(HOUR_MS + TICK_MS);
    log.clicksEnd = 1_000;
    log.clicksStored = 10;
    await pass(2 * TICK_MS);
    expect(log.decided).toMatchObject([{ match: 'unattributed' }]);
  });

  it('is never before its time', async () => {
    await pass(HOUR_MS - TICK_MS);
    expect(log.decided).toEqual([]);
  });
});

describe('an outage', () => {
  it('of the store changes nothing', async () => {
    log.isStoreAway = true;
    await pass(HOUR_MS + 60_000);
    expect([log.decided, parked.size]).toEqual([[], 1]);
    log.isStoreAway = false;
    log.clicks.set(click.clickId, click);
    await pass(2 * TICK_MS);
    expect(log.decided).toMatchObject([{ match: 'attributed' }]);
  });

  it('of Kafka leaves the conversion parked, and it is decided when Kafka is back', async () => {
    log.clicks.set(click.clickId, click);
    log.failure = 'before';
    await pass(60_000);
    expect([log.decided, parked.size]).toEqual([[], 1]);
    log.failure = 'none';
    await pass(5 * 60_000 + TICK_MS);
    expect(log.decided).toMatchObject([{ revision: 2, match: 'attributed' }]);
  });
});

describe('the others', () => {
  it('are looked at although many before them wait for a watermark that stands still', async () => {
    log.clicksEnd = 10;
    log.clicksStored = 9;
    parked.remove(waiting.conversionId);
    for (let number = 0; number < 5_000; number++)
      parked.add({ ...waiting, conversionId: `stuck-${number}`, candidates: [], parkedUntil: NOW });
    parked.add(waiting);
    log.clicks.set(click.clickId, click);
    await pass(3 * TICK_MS);
    expect(log.decided).toMatchObject([{ conversionId: waiting.conversionId, match: 'attributed' }]);
  });

  it('are looked at although a partition before them cannot be decided', async () => {
    const failing = { ...waiting, conversionId: 'failing', triggerPartition: 2 };
    parked.remove(waiting.conversionId);
    parked.add(failing);
    parked.add(waiting);
    await lanes
      .run(2, () => Promise.reject(new DependencyFailure('kafka_deadline', 'too late')))
      .catch(() => undefined);
    // What was written last does not show, so partition 2 is not decided.
    await log.produce([outgoing('click.recorded.v1', click.clickId, click)]);
    log.clicks.set(click.clickId, click);
    await pass(5 * TICK_MS);
    expect(log.decided).toMatchObject([{ conversionId: waiting.conversionId, match: 'attributed' }]);
    log.show();
    await pass(5 * TICK_MS);
    expect(log.decided).toMatchObject([{}, { conversionId: 'failing', match: 'attributed' }]);
  });
});

it('does not pile up looks behind one that hangs', async () => {
  log.clicksEnd = 10;
  await pass(HOUR_MS + TICK_MS);
  let looks = 0;
  let release: () => void = () => undefined;
  log.store.clicksById = async () => {
    looks += 1;
    if (looks === 1) {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    }
    return [];
  };
  await pass(30 * TICK_MS);
  expect(looks).toBe(1);
  release();
  await pass(1);
  expect(looks).toBe(1);
  await pass(2 * TICK_MS);
  expect(looks).toBe(3);
});

it('ends in bounded time also while a look hangs', async () => {
  log.store.clicksById = () => new Promise(() => undefined);
  await pass(TICK_MS);
  let isEnded = false;
  void rematcher.stop().then(() => {
    isEnded = true;
  });
  await pass(2_000);
  expect(isEnded).toBe(true);
});

it('ends when told', async () => {
  await rematcher.stop();
  log.clicks.set(click.clickId, click);
  await pass(HOUR_MS);
  expect(log.decided).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});
