/** Deciding a batch: one verdict per receipt, one first revision per identity, the same after every failure and restart. */
import { aChange } from '@tributary/configuration';
import type { PostbackReceived } from '@tributary/contracts';
import { DependencyFailure } from '@tributary/runtime';
import { aClick, aPostback } from '@tributary/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AttributionBed, NOW, PARTITION } from './attribution-bed.fixture.ts';

const OWNED = [{ topic: 'postback.received.v1' as const, partition: PARTITION }];
const OTHER_CLICK = '019b7c0a-1c88-7000-8000-00000000000f';
const UNSEEN_CLICK = '019b7c0a-1c88-7000-8000-0000000000ff';

let bed: AttributionBed;
let nextReceipt: number;

beforeEach(async () => {
  bed = new AttributionBed();
  await bed.start();
  const click = aClick();
  bed.log.clicks.set(click.clickId, click);
  bed.log.clicks.set(OTHER_CLICK, aClick({ clickId: OTHER_CLICK, advertiserId: 'other' }));
  nextReceipt = 0;
});

afterEach(() => bed.stop());

function postback(changes: Partial<PostbackReceived> = {}): PostbackReceived {
  nextReceipt += 1;
  return aPostback({
    receiptId: `019b7c40-0000-7000-8000-${String(nextReceipt).padStart(12, '0')}`,
    ...changes,
  });
}

const decide = (...postbacks: readonly PostbackReceived[]) => bed.decide(...postbacks);
const verdicts = () => bed.verdicts;

describe('a batch', () => {
  it('gets one verdict each, with where it was decided', async () => {
    await decide(postback(), postback({ transactionId: 'order-2' }));
    expect(bed.log.judged).toMatchObject([
      { verdict: 'counted', triggerPartition: 3, triggerOffset: 0, configurationVersion: 1, judgedAt: NOW },
      { verdict: 'counted', triggerPartition: 3, triggerOffset: 1 },
    ]);
    expect(bed.log.decided).toMatchObject([
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
    expect(verdicts()).toEqual(['counted', 'duplicate_of', 'conflict', 'rejected']);
    expect(bed.log.decided).toHaveLength(1);
    expect(bed.log.decided[0]?.receiptId).toBe(first?.receiptId);
    const [{ conversionId } = { conversionId: null }] = bed.log.decided;
    expect(bed.log.judged).toMatchObject([
      { conversionId, reasonCode: null },
      { conversionId, reasonCode: null },
      { conversionId, reasonCode: 'values_differ' },
      { conversionId: null, reasonCode: 'click_of_other_advertiser' },
    ]);
  });

  it('judges a receipt that comes twice once', async () => {
    const twice = postback();
    await decide(twice, twice);
    expect(verdicts()).toEqual(['counted']);
  });

  it('rejects what names the click of another advertiser, and counts the same order when it comes right', async () => {
    await decide(postback({ clickId: OTHER_CLICK }), postback());
    expect(bed.log.judged).toMatchObject([
      { verdict: 'rejected', reasonCode: 'click_of_other_advertiser', conversionId: null, revision: null },
      { verdict: 'counted', revision: 1 },
    ]);
    expect(bed.log.decided).toHaveLength(1);
  });

  it('counts a test and the live order of the same number apart', async () => {
    const testClick = aClick({ clickId: '019b7c0a-1c88-7000-8000-0000000000aa', isTest: true });
    bed.log.clicks.set(testClick.clickId, testClick);
    await decide(postback({ isTest: true, clickId: testClick.clickId }), postback());
    expect(verdicts()).toEqual(['counted', 'counted']);
    expect(bed.log.decided.map(({ isTest }) => isTest)).toEqual([true, false]);
  });

  it('parks what has no click yet, and calls its repeat a duplicate', async () => {
    const clickId = UNSEEN_CLICK;
    await decide(postback({ clickId }), postback({ clickId }));
    expect(verdicts()).toEqual(['parked', 'duplicate_of']);
    expect(bed.log.decided).toMatchObject([
      { match: 'parked', parkedUntil: aPostback().receivedAt + 60_000 },
    ]);
    expect(bed.attribution.waiting).toBe(1);
  });

  it.each([null, 'not-one-of-ours'])('does not ask the store for click id %j', async (clickId) => {
    await decide(postback({ clickId }));
    expect(bed.log.decided).toMatchObject([{ match: 'unattributed' }]);
    expect(bed.attribution.waiting).toBe(0);
  });

  it('takes an event type of any name', async () => {
    await decide(postback({ eventType: 'constructor' }));
    expect(bed.log.decided).toMatchObject([
      { eventType: 'constructor', eventClass: 'constructor', match: 'attributed' },
    ]);
  });
});

describe('the next batch', () => {
  it('knows what was decided, before and after the store shows it', async () => {
    await decide(postback());
    await decide(postback());
    bed.log.show();
    await decide(postback({ revenueMicros: 1n }));
    expect(verdicts()).toEqual(['counted', 'duplicate_of', 'conflict']);
    expect(bed.log.decided).toHaveLength(1);
  });

  it.each(['before', 'after'])('does not judge again what was judged %s the store shows it', async (when) => {
    const one = postback();
    await decide(one);
    if (when === 'after') {
      bed.log.show();
      bed.log.received = 1;
      await bed.restart().assigned(OWNED);
    }
    await decide(one);
    expect(verdicts()).toEqual(['counted']);
  });
});

it('does not wait for ClickHouse over the repeat of a receipt that it shows as judged', async () => {
  const one = postback({ nonceHash: 'n' });
  await decide(one);
  bed.log.show();
  bed.restart();
  await decide(postback({ transactionId: 'order-2' }));
  let looks = 0;
  bed.log.offsets.endOf = async () => {
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
    expect(bed.log.decided.map(({ transactionId }) => transactionId)).toEqual(['order-1']);
    expect(bed.log.deadLetters).toMatchObject([
      { service: 'attribution', reasonCode: 'nonce_reused', topic: 'postback.received.v1', offset: 1 },
    ]);
  });

  it.each(['in memory', 'in the store'])(
    'is known when the first one was judged before, %s',
    async (where) => {
      const one = first();
      await decide(one);
      if (where === 'in the store') {
        bed.log.show();
        bed.log.contents.set(one.receiptId, 'a');
        bed.restart();
      }
      await decide(one, again(one));
      expect(verdicts()).toEqual(['counted']);
      expect(bed.log.deadLetters).toMatchObject([{ reasonCode: 'nonce_reused', offset: 1 }]);
    },
  );

  it('is told by the key where a key named the receipt', async () => {
    const one = postback({ idempotencyKeyHash: 'k', contentDigest: 'a' });
    await decide(one, again(one));
    expect(bed.log.deadLetters).toMatchObject([{ reasonCode: 'idempotency_key_reused' }]);
  });

  it('is one dead letter however often the batch is decided', async () => {
    const one = first();
    bed.log.failure = 'after';
    await expect(decide(one, again(one))).rejects.toBeInstanceOf(DependencyFailure);
    bed.log.failure = 'none';
    bed.log.show();
    bed.log.contents.set(one.receiptId, 'a');
    await decide(one, again(one));
    expect(bed.log.deadLetters).toHaveLength(2);
    expect(new Set(bed.log.deadLetters.map(({ deadLetterId }) => deadLetterId)).size).toBe(1);
  });

  it('is passed over while the store does not show the first one', async () => {
    const one = first();
    await decide(one);
    bed.log.show();
    bed.restart();
    await decide(again(one));
    expect([verdicts(), bed.log.deadLetters]).toEqual([['counted'], []]);
  });
});

describe('a failure', () => {
  it('before anything is written leaves nothing behind', async () => {
    const one = postback({ clickId: UNSEEN_CLICK });
    bed.log.failure = 'before';
    await expect(decide(one)).rejects.toBeInstanceOf(DependencyFailure);
    expect(bed.attribution.waiting).toBe(0);
    bed.log.failure = 'none';
    await decide(one);
    expect(verdicts()).toEqual(['parked']);
    expect(bed.attribution.waiting).toBe(1);
  });

  it('after everything was written is seen before the batch is decided again, and nothing is repeated', async () => {
    const [one, repeat] = [postback(), postback()];
    bed.log.failure = 'after';
    await expect(decide(one, repeat)).rejects.toBeInstanceOf(DependencyFailure);
    bed.log.failure = 'none';
    bed.log.show();
    await decide(one, repeat);
    expect(bed.log.decided).toHaveLength(1);
    expect(verdicts()).toEqual(['counted', 'duplicate_of']);
  });

  it('after the decision alone was stored: the receipt meets its own decision and is counted', async () => {
    const [one, repeat] = [postback(), postback()];
    await decide(one, repeat);
    // Only the first record of the send has arrived.
    const { decided, judged } = bed.log;
    bed.log.areVerdictsAway = true;
    bed.log.show();
    bed.restart();
    await decide(one, repeat);
    expect(bed.log.decided).toEqual(decided);
    expect(bed.log.judged.slice(2)).toEqual(judged);
  });

  it('of the store is an outage of the batch', async () => {
    bed.log.isStoreAway = true;
    await expect(decide(postback())).rejects.toBeInstanceOf(DependencyFailure);
    expect(bed.log.judged).toEqual([]);
  });
});

it('gives the identity of an advertiser that has left the configuration the standard classes', async () => {
  await decide(postback({ eventType: 'subscription_started' }));
  await bed.changes.append(
    aChange('advertiser', { id: 'acme' }, { operation: 'remove', expectedVersion: 0 }),
  );
  await decide(postback({ eventType: 'subscription_started' }));
  expect(verdicts()).toEqual(['counted', 'duplicate_of']);
});

describe('a send of which nobody knows whether it arrived', () => {
  it('keeps the wait of a conversion whose parked decision did arrive', async () => {
    const early = postback({ clickId: '019b7c0a-1c88-7000-8000-0000000000aa' });
    bed.log.failure = 'after';
    await expect(decide(early)).rejects.toBeInstanceOf(DependencyFailure);
    bed.log.failure = 'none';
    bed.log.show();
    await decide(early);
    expect(bed.log.decided).toHaveLength(1);
    expect(bed.attribution.waiting).toBe(1);
  });

  it('keeps it also when the verdict shows in the store before the decision does', async () => {
    const early = postback({ clickId: '019b7c0a-1c88-7000-8000-0000000000aa' });
    const before = bed.attribution;
    bed.log.received = 1;
    await bed.restart().assigned(OWNED);
    await bed.decideBy(before, [early]);
    bed.log.areDecisionsAway = true;
    bed.log.show();
    const again = decide(early);
    await bed.pass(200);
    bed.log.areDecisionsAway = false;
    await bed.pass(200);
    await again;
    expect(bed.log.judged).toHaveLength(1);
    expect(bed.attribution.waiting).toBe(1);
  });

  it('keeps it also when only the decision arrived, and judges the receipt', async () => {
    const early = postback({ clickId: '019b7c0a-1c88-7000-8000-0000000000aa' });
    await decide(early);
    bed.log.show();
    bed.restart();
    bed.log.areVerdictsAway = true;
    await decide(early);
    expect(bed.log.decided).toHaveLength(1);
    expect(verdicts()).toEqual(['parked', 'parked']);
    expect(bed.attribution.waiting).toBe(1);
  });
});
