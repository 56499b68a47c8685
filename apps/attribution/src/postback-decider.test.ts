/** Deciding a batch: one verdict per receipt, one first revision per identity, the same after every failure and restart. */
import { aChange, Configuration } from '@tributary/configuration';
import type { PostbackReceived } from '@tributary/contracts';
import { createLogger, DependencyFailure } from '@tributary/runtime';
import { aClick, aPostback } from '@tributary/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { InMemoryLog } from './in-memory-log.fixture.ts';
import { OwnWrites } from './own-writes.ts';
import { ParkedConversions } from './parked-conversions.ts';
import { PostbackDecider } from './postback-decider.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 6);
const OTHER_CLICK = '019b7c0a-1c88-7000-8000-00000000000f';

let log: InMemoryLog;
let parked: ParkedConversions;
let decider: PostbackDecider;
let configuration: Configuration;
let nextReceipt: number;
/** Records below may be in hand of the owner before still. */
let takenOver: number;

beforeEach(() => {
  log = new InMemoryLog();
  const click = aClick();
  log.clicks.set(click.clickId, click);
  log.clicks.set(OTHER_CLICK, aClick({ clickId: OTHER_CLICK, advertiserId: 'other' }));
  configuration = new Configuration();
  configuration.apply(
    0,
    aChange('advertiser', { id: 'acme', name: 'Acme', currency: 'EUR', parkedForMs: 60_000 }),
  );
  configuration.apply(1, aChange('offer', { id: 'acme-offer', advertiserId: 'acme', name: 'Offer' }));
  nextReceipt = 0;
  takenOver = 0;
  restart();
});

/** A new process: nothing in memory. */
function restart(): void {
  parked = new ParkedConversions();
  decider = new PostbackDecider({
    store: log.store,
    ownWrites: new OwnWrites(log.offsets),
    parked,
    producer: log,
    isDoubted: (_partition, offset) => offset < takenOver,
    clock: { now: () => NOW },
    logger: createLogger('decider-test', 'silent'),
  });
}

function postback(changes: Partial<PostbackReceived> = {}): PostbackReceived {
  nextReceipt += 1;
  return aPostback({
    receiptId: `019b7c40-0000-7000-8000-${String(nextReceipt).padStart(12, '0')}`,
    ...changes,
  });
}

function decide(...postbacks: readonly PostbackReceived[]): Promise<void> {
  const events = postbacks.map((event, offset) => ({
    topic: 'postback.received.v1' as const,
    partition: 3,
    offset,
    key: event.lane,
    writtenAt: event.receivedAt,
    headers: {},
    event,
    value: Buffer.alloc(0),
  }));
  const signal = new AbortController().signal;
  return decider.decide({ topic: 'postback.received.v1', partition: 3, events, signal }, configuration);
}

const verdicts = () => log.judged.map(({ verdict }) => verdict);

describe('a batch', () => {
  it('gets one verdict each, with where it was decided', async () => {
    await decide(postback(), postback({ transactionId: 'order-2' }));
    expect(log.judged).toMatchObject([
      { verdict: 'counted', triggerPartition: 3, triggerOffset: 0, configurationVersion: 1, judgedAt: NOW },
      { verdict: 'counted', triggerPartition: 3, triggerOffset: 1 },
    ]);
    expect(log.decided).toMatchObject([
      { match: 'attributed', transactionId: 'order-1', triggerKind: 'postback' },
      { match: 'attributed', transactionId: 'order-2' },
    ]);
  });

  it('tells duplicates and conflicts within itself, first come first', async () => {
    const [first, ...rest] = [
      postback(),
      postback(),
      postback({ revenueMicros: 1n }),
      postback({ clickId: OTHER_CLICK }),
    ];
    await decide(first ?? postback(), ...rest);
    expect(verdicts()).toEqual(['counted', 'duplicate_of', 'conflict', 'duplicate_of']);
    expect(log.decided).toHaveLength(1);
    expect(log.decided[0]?.receiptId).toBe(first?.receiptId);
    expect(new Set(log.judged.map(({ conversionId }) => conversionId)).size).toBe(1);
    expect(log.judged.map(({ reasonCode }) => reasonCode)).toEqual([null, null, 'values_differ', null]);
  });

  it('judges a receipt that comes twice once', async () => {
    const twice = postback();
    await decide(twice, twice);
    expect(verdicts()).toEqual(['counted']);
  });

  it('rejects what names the click of another advertiser, and counts the same order when it comes right', async () => {
    await decide(postback({ clickId: OTHER_CLICK }), postback());
    expect(log.judged).toMatchObject([
      { verdict: 'rejected', reasonCode: 'click_of_other_advertiser', conversionId: null, revision: null },
      { verdict: 'counted', revision: 1 },
    ]);
    expect(log.decided).toHaveLength(1);
  });

  it('counts a test and the live order of the same number apart', async () => {
    const testClick = aClick({ clickId: '019b7c0a-1c88-7000-8000-0000000000aa', isTest: true });
    log.clicks.set(testClick.clickId, testClick);
    await decide(postback({ isTest: true, clickId: testClick.clickId }), postback());
    expect(verdicts()).toEqual(['counted', 'counted']);
    expect(log.decided.map(({ isTest }) => isTest)).toEqual([true, false]);
  });

  it('parks what has no click yet, and calls its repeat a duplicate', async () => {
    const clickId = '019b7c0a-1c88-7000-8000-0000000000ff';
    await decide(postback({ clickId }), postback({ clickId }));
    expect(verdicts()).toEqual(['parked', 'duplicate_of']);
    expect(log.decided).toMatchObject([{ match: 'parked', parkedUntil: aPostback().receivedAt + 60_000 }]);
    expect(parked.size).toBe(1);
  });

  it.each([null, 'not-one-of-ours'])('does not ask the store for click id %j', async (clickId) => {
    await decide(postback({ clickId }));
    expect(log.decided).toMatchObject([{ match: 'unattributed' }]);
    expect(parked.size).toBe(0);
  });

  it('takes an event type of any name', async () => {
    await decide(postback({ eventType: 'constructor' }));
    expect(log.decided).toMatchObject([
      { eventType: 'constructor', eventClass: 'constructor', match: 'attributed' },
    ]);
  });
});

describe('the next batch', () => {
  it('knows what was decided, before and after the store shows it', async () => {
    await decide(postback());
    await decide(postback());
    log.show();
    await decide(postback({ revenueMicros: 1n }));
    expect(verdicts()).toEqual(['counted', 'duplicate_of', 'conflict']);
    expect(log.decided).toHaveLength(1);
  });

  it.each(['before', 'after'])('does not judge again what was judged %s the store shows it', async (when) => {
    const one = postback();
    await decide(one);
    if (when === 'after') {
      log.show();
      restart();
    }
    await decide(one);
    expect(verdicts()).toEqual(['counted']);
  });
});

it('does not wait for ClickHouse over the repeat of a receipt that it shows as judged', async () => {
  const one = postback();
  await decide(one);
  log.show();
  restart();
  await decide(postback({ transactionId: 'order-2' }));
  let looks = 0;
  log.offsets.endOf = async () => {
    looks += 1;
    return new Map();
  };
  await decide(one);
  expect([verdicts(), looks]).toEqual([['counted', 'counted'], 0]);
});

describe('another content under a receipt that is judged', () => {
  const NAMES = { nonceHash: 'n', idempotencyKeyHash: null };
  const first = () => postback({ ...NAMES, contentDigest: 'a', transactionId: 'order-1' });
  const again = (one: PostbackReceived, changes: Partial<PostbackReceived> = {}) => ({
    ...one,
    contentDigest: 'b',
    transactionId: 'order-2',
    ...changes,
  });

  it('is set aside whole beside the first one, and changes nothing of it', async () => {
    const one = first();
    await decide(one, again(one), again(one, { contentDigest: 'a', transactionId: 'order-1' }));
    expect(verdicts()).toEqual(['counted']);
    expect(log.decided.map(({ transactionId }) => transactionId)).toEqual(['order-1']);
    expect(log.deadLetters).toMatchObject([
      { service: 'attribution', reasonCode: 'nonce_reused', topic: 'postback.received.v1', offset: 1 },
    ]);
  });

  it.each(['in memory', 'in the store'])(
    'is known when the first one was judged before, %s',
    async (where) => {
      const one = first();
      await decide(one);
      if (where === 'in the store') {
        log.show();
        log.contents.set(one.receiptId, 'a');
        restart();
      }
      await decide(one, again(one));
      expect(verdicts()).toEqual(['counted']);
      expect(log.deadLetters).toMatchObject([{ reasonCode: 'nonce_reused', offset: 1 }]);
    },
  );

  it('is told by the key where a key named the receipt', async () => {
    const one = postback({ idempotencyKeyHash: 'k', contentDigest: 'a' });
    await decide(one, again(one));
    expect(log.deadLetters).toMatchObject([{ reasonCode: 'idempotency_key_reused' }]);
  });

  it('is one dead letter however often the batch is decided', async () => {
    const one = first();
    log.failure = 'after';
    await expect(decide(one, again(one))).rejects.toBeInstanceOf(DependencyFailure);
    log.failure = 'none';
    await decide(one, again(one));
    expect(log.deadLetters).toHaveLength(2);
    expect(new Set(log.deadLetters.map(({ deadLetterId }) => deadLetterId)).size).toBe(1);
  });

  it('is passed over while the store does not show the first one', async () => {
    const one = first();
    await decide(one);
    log.show();
    restart();
    await decide(again(one));
    expect([verdicts(), log.deadLetters]).toEqual([['counted'], []]);
  });
});

describe('a failure', () => {
  it('before anything is written leaves nothing behind', async () => {
    const one = postback({ clickId: '019b7c0a-1c88-7000-8000-0000000000ff' });
    log.failure = 'before';
    await expect(decide(one)).rejects.toBeInstanceOf(DependencyFailure);
    expect(parked.size).toBe(0);
    log.failure = 'none';
    await decide(one);
    expect(verdicts()).toEqual(['parked']);
    expect(parked.size).toBe(1);
  });

  it('after everything was written repeats the same: same ids, same revision, same verdict', async () => {
    const [one, repeat] = [postback(), postback()];
    log.failure = 'after';
    await expect(decide(one, repeat)).rejects.toBeInstanceOf(DependencyFailure);
    log.failure = 'none';
    await decide(one, repeat);
    const [first, again] = log.decided;
    expect(again).toEqual(first);
    expect(log.judged.slice(2)).toEqual(log.judged.slice(0, 2));
  });

  it('after the decision alone was stored: the receipt meets its own decision and is counted', async () => {
    const [one, repeat] = [postback(), postback()];
    await decide(one, repeat);
    const whole = log;
    // Only the first record of the send has arrived.
    log = new InMemoryLog();
    log.clicks.set(aClick().clickId, aClick());
    log.store.latestDecisions = async () => whole.decided;
    restart();
    await decide(one, repeat);
    expect(log.decided).toEqual([]);
    expect(log.judged).toEqual(whole.judged);
  });

  it('of the store is an outage of the batch', async () => {
    log.isStoreAway = true;
    await expect(decide(postback())).rejects.toBeInstanceOf(DependencyFailure);
    expect(log.judged).toEqual([]);
  });
});

it('gives the identity of an advertiser that has left the configuration the standard classes', async () => {
  await decide(postback({ eventType: 'subscription_started' }));
  const removal = aChange('advertiser', { id: 'acme' }, { operation: 'remove', expectedVersion: 0 });
  expect(configuration.apply(2, removal).outcome).toBe('applied');
  await decide(postback({ eventType: 'subscription_started' }));
  expect(verdicts()).toEqual(['counted', 'duplicate_of']);
});

describe('a send of which nobody knows whether it arrived', () => {
  it('keeps the wait of a conversion whose parked decision did arrive', async () => {
    const early = postback({ clickId: '019b7c0a-1c88-7000-8000-0000000000aa' });
    log.failure = 'after';
    await expect(decide(early)).rejects.toBeInstanceOf(DependencyFailure);
    log.failure = 'none';
    log.show();
    await decide(early);
    expect(log.decided).toHaveLength(1);
    expect(parked.size).toBe(1);
  });

  it('keeps it also when the verdict shows in the store before the decision does', async () => {
    const early = postback({ clickId: '019b7c0a-1c88-7000-8000-0000000000aa' });
    await decide(early);
    restart();
    takenOver = 1;
    log.store.judgedReceipts = async (ids) => new Set(ids);
    setTimeout(() => log.show(), 20);
    await decide(early);
    expect(log.judged).toHaveLength(1);
    expect(parked.size).toBe(1);
  });

  it('keeps it also when only the decision arrived, and judges the receipt', async () => {
    const early = postback({ clickId: '019b7c0a-1c88-7000-8000-0000000000aa' });
    await decide(early);
    log.show();
    restart();
    log.store.judgedReceipts = async () => new Set<string>();
    await decide(early);
    expect(log.decided).toHaveLength(1);
    expect(verdicts()).toEqual(['parked', 'parked']);
    expect(parked.size).toBe(1);
  });
});
