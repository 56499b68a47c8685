/** Owners of a partition that follow each other: what one has in hand, what the next takes over, and whose record stands. */
import { DependencyFailure } from '@tributary/runtime';
import { aClick, aPostback } from '@tributary/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Attribution } from './attribution.ts';
import { AttributionBed, NOW, PARTITION } from './attribution-bed.fixture.ts';

const click = aClick();
const postback = aPostback({ receivedAt: NOW, configurationVersion: 0 });

let bed: AttributionBed;

beforeEach(async () => {
  bed = new AttributionBed();
  await bed.start();
});

afterEach(() => bed.stop());

/** One whose clock runs. */
function anOwner(): Attribution {
  const attribution = bed.restart();
  attribution.start();
  return attribution;
}

const owned = (...partitions: readonly number[]) =>
  partitions.map((partition) => ({ topic: 'postback.received.v1' as const, partition }));

describe('a send of which nobody knows whether it arrived', () => {
  it('is not decided differently under the same revision: what arrived is seen first', async () => {
    const attribution = anOwner();
    bed.log.failure = 'after';
    await expect(bed.decideBy(attribution, [postback])).rejects.toBeInstanceOf(DependencyFailure);
    bed.log.failure = 'none';
    bed.log.clicks.set(click.clickId, click);
    const again = bed.decideBy(attribution, [postback]);
    await bed.pass(500);
    bed.log.show();
    await bed.pass(500);
    expect(await again).toBe(1);
    expect(bed.log.judged).toHaveLength(1);
    await bed.pass(2_000);
    expect(bed.matches).toEqual([
      [1, 'parked'],
      [2, 'attributed'],
    ]);
  });

  it('by the clock is not repeated differently either', async () => {
    const attribution = anOwner();
    await bed.decideBy(attribution, [postback]);
    bed.log.show();
    bed.log.failure = 'after';
    await bed.pass(62_000);
    expect(bed.matches).toEqual([
      [1, 'parked'],
      [2, 'unattributed'],
    ]);
    bed.log.failure = 'none';
    bed.log.clicks.set(click.clickId, click);
    bed.log.show();
    await bed.pass(5_000);
    expect(bed.matches).toHaveLength(2);
    expect(attribution.waiting).toBe(0);
  });
});

describe('partitions dealt anew', () => {
  it('while an earlier deal still loads what is parked: that is not taken over', async () => {
    await bed.decideBy(anOwner(), [postback]);
    bed.log.show();
    const stored = bed.log.store.waiting.bind(bed.log.store);
    let answer: () => void = () => undefined;
    bed.log.store.waiting = async (partitions) => {
      if (partitions.includes(PARTITION)) await new Promise<void>((resolve) => (answer = resolve));
      return stored(partitions);
    };
    const attribution = anOwner();
    const first = attribution.assigned(owned(PARTITION));
    await bed.pass(200);
    await attribution.assigned(owned(7));
    answer();
    await first;
    expect(attribution.waiting).toBe(0);
  });

  it('while a postback is in hand: what it parks is waited for by its new owner alone', async () => {
    const attribution = anOwner();
    await attribution.assigned(owned(PARTITION));
    const late = bed.decideBy(attribution, [postback]);
    const dealt = attribution.assigned(owned(7));
    await late;
    bed.log.show();
    await bed.pass(200);
    await dealt;
    expect(attribution.waiting).toBe(0);
  });
});

it('asks how things stand only when what is in hand from the deal before is written', async () => {
  const attribution = anOwner();
  const write = bed.log.produce.bind(bed.log);
  let release: () => void = () => undefined;
  bed.log.produce = async (records) => {
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    return write(records);
  };
  const inHand = bed.decideBy(attribution, [postback]);
  await bed.pass(1);
  let isReady = false;
  const dealt = attribution.assigned(owned(PARTITION)).then(() => {
    isReady = true;
  });
  await bed.pass(1_000);
  expect(isReady).toBe(false);
  release();
  await inHand;
  bed.log.show();
  await bed.pass(200);
  await dealt;
  expect(isReady).toBe(true);
});

it('begins no batch of a partition that was lost while it waited', async () => {
  const lost = new AbortController();
  const late = bed.decideBy(anOwner(), [postback], { signal: lost.signal });
  lost.abort();
  await expect(late).rejects.toThrow();
  expect(bed.log.judged).toEqual([]);
});

describe('an instance the group has not heard of for long', () => {
  it('writes nothing, neither on a postback nor by the clock, until it is heard again', async () => {
    const attribution = anOwner();
    await bed.decideBy(attribution, [postback]);
    bed.log.show();
    bed.isOwner = false;
    bed.log.clicks.set(click.clickId, click);
    await bed.pass(10_000);
    const next = aPostback({ ...postback, receiptId: '019b7c40-0000-7000-8000-0000000000b2' });
    await expect(bed.decideBy(attribution, [next])).rejects.toBeInstanceOf(DependencyFailure);
    expect([bed.log.judged.length, bed.log.decided.length]).toEqual([1, 1]);
    bed.isOwner = true;
    await bed.pass(10_000);
    expect(bed.matches).toEqual([
      [1, 'parked'],
      [2, 'attributed'],
    ]);
  });
});

describe('two owners that decide the same postback', () => {
  it('agree on the record that came first: if it waits, the successor goes on waiting', async () => {
    const before = bed.restart();
    const successor = anOwner();
    bed.log.received = 1;
    await successor.assigned(owned(PARTITION));
    // The owner before writes after the successor was dealt the partition, and before it decides.
    await bed.decideBy(before, [postback]);
    bed.log.clicks.set(click.clickId, click);
    await bed.decideBy(successor, [postback]);
    expect(bed.matches).toEqual([
      [1, 'parked'],
      [1, 'attributed'],
    ]);
    bed.log.show();
    await bed.pass(3_000);
    expect(bed.matches.slice(2)).toEqual([[2, 'attributed']]);
  });

  it.each([
    ['near what was committed', 10, 1],
    ['far behind it', 100_000, 0],
  ])('are compared afterwards only where both can have it in hand: %s', async (_name, offset, compared) => {
    bed.log.received = 200_000;
    bed.committed = 5;
    const successor = anOwner();
    await successor.assigned(owned(PARTITION));
    bed.log.clicks.set(click.clickId, click);
    await bed.decideBy(successor, [postback], { offset });
    bed.log.show();
    const load = vi.spyOn(bed.log.store, 'load');
    await bed.pass(1_000);
    expect(load).toHaveBeenCalledTimes(compared);
  });
});
