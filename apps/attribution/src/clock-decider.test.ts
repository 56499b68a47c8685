/** What time brings: a late click is found, a missing one is given up only when it can no longer come, and outages change nothing. */
import { aChange } from '@tributary/configuration';
import { aClick, aPostback } from '@tributary/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AttributionBed, NOW, PARTITION } from './attribution-bed.fixture.ts';

const WAIT_MS = 60_000;
const TICK_MS = 250;
const OTHER_RECEIPT = '019b7c40-0000-7000-8000-0000000000b2';
const THIRD_RECEIPT = '019b7c40-0000-7000-8000-0000000000b3';
const click = aClick();
const postback = aPostback({ receivedAt: NOW, occurredAt: NOW, configurationVersion: 0 });

let bed: AttributionBed;

beforeEach(async () => {
  bed = new AttributionBed();
  await bed.start();
  await bed.decide(postback);
  bed.log.show();
  bed.attribution.start();
});

afterEach(() => bed.stop());

/** Of the revisions after the first one, which is parked. */
const decidedLater = () => bed.log.decided.slice(1);
const pass = (ms: number) => bed.pass(ms);

describe('a late click', () => {
  it('attributes the conversion as its next revision, in the lane it belongs to', async () => {
    await pass(TICK_MS);
    expect(decidedLater()).toEqual([]);
    bed.log.clicks.set(click.clickId, click);
    await pass(5 * TICK_MS);
    expect(decidedLater()).toMatchObject([
      {
        revision: 2,
        match: 'attributed',
        clickId: click.clickId,
        triggerKind: 'late_click',
        triggerPartition: PARTITION,
        triggerOffset: 0,
        configurationVersion: 1,
      },
    ]);
    expect(bed.attribution.waiting).toBe(0);
    await pass(WAIT_MS);
    expect(decidedLater()).toHaveLength(1);
  });

  it.each([
    ['of another advertiser', { advertiserId: 'other' }, 'rejected', 'click_of_other_advertiser'],
    ['that is a test', { isTest: true }, 'rejected', 'test_mixed_with_live'],
    ['of an offer nobody knows', { offerId: 'gone' }, 'payable', 'offer_unknown'],
  ])('%s ends the wait without a match', async (_name, changes, state, reasonCode) => {
    bed.log.clicks.set(click.clickId, aClick(changes));
    await pass(5 * TICK_MS);
    expect(decidedLater()).toMatchObject([
      { revision: 2, match: 'unattributed', state, reasonCodes: [reasonCode] },
    ]);
    expect(bed.attribution.waiting).toBe(0);
  });

  it('received after the deadline ends the wait, and does not count', async () => {
    await pass(WAIT_MS - TICK_MS);
    bed.log.clicks.set(click.clickId, aClick({ receivedAt: NOW + WAIT_MS + 1 }));
    await pass(20 * WAIT_MS);
    expect(bed.log.decided.at(-1)).toMatchObject({
      match: 'unattributed',
      reasonCodes: ['received_too_late', 'deadline_passed'],
      triggerKind: 'deadline',
    });
    expect(bed.attribution.waiting).toBe(0);
  });

  it('waits for the postback that is being decided in the same lane', async () => {
    const load = bed.log.store.load.bind(bed.log.store);
    let finish: () => void = () => undefined;
    bed.log.store.load = async (keys) => {
      await new Promise<void>((resolve) => (finish = resolve));
      return load(keys);
    };
    const inHand = bed.decide(aPostback({ ...postback, receiptId: OTHER_RECEIPT, transactionId: 'order-2' }));
    await pass(TICK_MS);
    bed.log.clicks.set(click.clickId, click);
    await pass(5 * TICK_MS);
    expect(decidedLater()).toEqual([]);
    bed.log.store.load = load;
    finish();
    await inHand;
    await pass(TICK_MS);
    expect(decidedLater().map(({ transactionId }) => transactionId)).toEqual(['order-2', 'order-1']);
  });
});

describe('a send of the clock that arrives in part', () => {
  it('leaves nothing undone: what stands around a conversion is on record before it', async () => {
    const refund = { eventType: 'refund', originalTransactionId: 'order-1', reversalId: 'r-1' };
    await bed.decide(
      postback,
      aPostback({ ...postback, ...refund, receiptId: OTHER_RECEIPT, transactionId: 'r-1' }),
    );
    await pass(TICK_MS);
    const produce = bed.log.produce.bind(bed.log);
    bed.log.produce = async ([first]) => {
      if (first !== undefined) await produce([first]);
      return new Promise(() => undefined);
    };
    bed.log.clicks.set(click.clickId, click);
    await pass(5 * TICK_MS);
    bed.log.produce = produce;
    bed.log.show();
    const successor = bed.restart();
    const dealt = successor.assigned([{ topic: 'postback.received.v1', partition: PARTITION }]);
    await pass(TICK_MS);
    await dealt;
    successor.start();
    await pass(5 * TICK_MS);
    const latest = new Map(bed.log.decided.map(({ eventType, match }) => [eventType, match]));
    expect(latest).toEqual(
      new Map([
        ['sale', 'attributed'],
        ['refund', 'attributed'],
      ]),
    );
  });
});

describe('a conversion without a click id', () => {
  const renewal = aPostback({
    ...postback,
    receiptId: OTHER_RECEIPT,
    eventType: 'renewal',
    transactionId: 'renewal-1',
    clickId: null,
    customerId: 'customer-1',
  });

  it('goes to the click that brought the customer, once every click is visible that was there before it', async () => {
    bed.log.clicks.set(click.clickId, click);
    await pass(5 * TICK_MS);
    await bed.decide(
      aPostback({ ...postback, receiptId: THIRD_RECEIPT, transactionId: 'first', customerId: 'customer-1' }),
    );
    bed.log.clicksEnd = 10;
    bed.log.clicksStored = 9;
    await bed.decide(renewal);
    await pass(20 * TICK_MS);
    const revisions = () => bed.log.decided.filter(({ transactionId }) => transactionId === 'renewal-1');
    expect(revisions()).toMatchObject([{ match: 'parked', reasonCodes: ['awaits_clicks'] }]);
    bed.log.clicksStored = 10;
    await pass(2 * TICK_MS);
    expect(revisions()).toMatchObject([
      { revision: 1 },
      { revision: 2, match: 'attributed', matchedBy: 'customer', clickId: click.clickId },
    ]);
  });

  it('of an unknown customer is given up at its deadline', async () => {
    await bed.decide(renewal);
    await pass(WAIT_MS + 2 * TICK_MS);
    const last = bed.log.decided.findLast(({ transactionId }) => transactionId === 'renewal-1');
    expect(last).toMatchObject({
      match: 'unattributed',
      reasonCodes: ['click_id_missing', 'deadline_passed'],
      triggerKind: 'deadline',
    });
  });
});

describe('a conversion that is held for a condition', () => {
  const trial = aPostback({
    ...postback,
    receiptId: OTHER_RECEIPT,
    eventType: 'trial_start',
    transactionId: 'trial-1',
    customerId: 'customer-1',
  });
  const revisions = () => bed.log.decided.filter(({ transactionId }) => transactionId === 'trial-1');

  beforeEach(async () => {
    await bed.changes.append(
      aChange(
        'offer',
        {
          id: 'acme-offer',
          advertiserId: 'acme',
          name: 'Offer',
          conditions: [{ eventType: 'trial_start', until: 'activation_completed', withinMs: 30_000 }],
        },
        { expectedVersion: 1 },
      ),
    );
    bed.log.clicks.set(click.clickId, click);
    await pass(TICK_MS);
    await bed.decide(trial);
    expect(revisions()).toMatchObject([{ state: 'held', reasonCodes: ['awaits_condition'] }]);
  });

  it('expires when the clock and the lane have passed the deadline', async () => {
    bed.log.received = 1;
    await pass(30_000 + 2 * TICK_MS);
    expect(revisions().slice(1)).toMatchObject([
      { revision: 2, state: 'rejected', reasonCodes: ['condition_expired'], triggerKind: 'deadline' },
    ]);
  });

  it('does not expire while postbacks of before the deadline may be unread', async () => {
    bed.log.received = 2;
    await pass(2 * WAIT_MS);
    expect(revisions()).toHaveLength(1);
    bed.log.received = 1;
    await pass(2 * TICK_MS);
    expect(revisions()).toHaveLength(2);
  });

  it('is released by what it waits for', async () => {
    await bed.decide(
      aPostback({
        ...postback,
        receiptId: THIRD_RECEIPT,
        eventType: 'activation_completed',
        transactionId: 'activation-1',
        clickId: null,
        customerId: 'customer-1',
      }),
    );
    expect(revisions().slice(1)).toMatchObject([{ revision: 2, state: 'payable', triggerKind: 'release' }]);
  });
});

it('gives places under a cap by the log, whichever was looked at last', async () => {
  await bed.changes.append(
    aChange(
      'offer',
      {
        id: 'acme-offer',
        advertiserId: 'acme',
        name: 'Offer',
        payouts: [{ kind: 'percent', eventType: 'sale', percent: '10' }],
        caps: [{ id: 'two', period: 'total', count: 2 }],
      },
      { expectedVersion: 1 },
    ),
  );
  const orders = ['order-2', 'order-3', 'order-4'];
  for (const [index, transactionId] of orders.entries())
    await bed.decideBy(
      bed.attribution,
      [aPostback({ ...postback, receiptId: `019b7c40-0000-7000-8000-0000000000c${index}`, transactionId })],
      { offset: 10 - index },
    );
  bed.log.clicks.set(click.clickId, click);
  await pass(10 * TICK_MS);
  const paid = bed.log.decided.filter(({ payoutMicros }) => payoutMicros !== null);
  expect(paid.map(({ transactionId }) => transactionId)).toEqual(['order-1', 'order-4']);
});

describe('the deadline', () => {
  it('is not the end while ClickHouse has not stored every click that was in the log by then', async () => {
    bed.log.clicksEnd = 10;
    bed.log.clicksStored = 9;
    await pass(WAIT_MS + 60_000);
    expect([decidedLater(), bed.attribution.waiting]).toEqual([[], 1]);
    bed.log.clicksStored = 10;
    await pass(2 * TICK_MS);
    expect(decidedLater()).toMatchObject([
      {
        revision: 2,
        match: 'unattributed',
        reasonCodes: ['click_not_found', 'deadline_passed'],
        triggerKind: 'deadline',
        parkedUntil: null,
      },
    ]);
    expect(bed.attribution.waiting).toBe(0);
  });

  it('takes a click that was in the log by then and shows only now', async () => {
    bed.log.clicksEnd = 10;
    bed.log.clicksStored = 9;
    await pass(WAIT_MS + 10_000);
    bed.log.clicks.set(click.clickId, click);
    bed.log.clicksStored = 10;
    await pass(2 * TICK_MS);
    expect(decidedLater()).toMatchObject([{ match: 'attributed', triggerKind: 'late_click' }]);
  });

  it('does not wait for clicks that came after it', async () => {
    bed.log.clicksEnd = 10;
    bed.log.clicksStored = 9;
    await pass(WAIT_MS + TICK_MS);
    bed.log.clicksEnd = 1_000;
    bed.log.clicksStored = 10;
    await pass(2 * TICK_MS);
    expect(decidedLater()).toMatchObject([{ match: 'unattributed' }]);
  });

  it('is never before its time', async () => {
    await pass(WAIT_MS - TICK_MS);
    expect(decidedLater()).toEqual([]);
  });
});

describe('an outage', () => {
  it('of the store changes nothing', async () => {
    bed.log.isStoreAway = true;
    await pass(WAIT_MS + 60_000);
    expect([decidedLater(), bed.attribution.waiting]).toEqual([[], 1]);
    bed.log.isStoreAway = false;
    bed.log.clicks.set(click.clickId, click);
    await pass(2 * TICK_MS);
    expect(decidedLater()).toMatchObject([{ match: 'attributed' }]);
  });

  it('of Kafka leaves the conversion parked, and it is decided when Kafka is back', async () => {
    bed.log.clicks.set(click.clickId, click);
    bed.log.failure = 'before';
    await pass(60_000);
    expect([decidedLater(), bed.attribution.waiting]).toEqual([[], 1]);
    bed.log.failure = 'none';
    await pass(5 * 60_000 + TICK_MS);
    expect(decidedLater()).toMatchObject([{ revision: 2, match: 'attributed' }]);
  });
});

describe('the others', () => {
  it('are looked at although a partition before them cannot be decided', async () => {
    bed.log.failure = 'after';
    const stuck = aPostback({ ...postback, receiptId: OTHER_RECEIPT, transactionId: 'order-2' });
    await bed.decideBy(bed.attribution, [stuck], { partition: 2 }).catch(() => undefined);
    bed.log.failure = 'none';
    // What was written last does not show, so partition 2 is not decided.
    bed.log.clicks.set(click.clickId, click);
    await pass(5 * TICK_MS);
    const attributed = () =>
      bed.log.decided.filter(({ match }) => match === 'attributed').map(({ transactionId }) => transactionId);
    expect(attributed()).toEqual(['order-1']);
    const again = bed.decideBy(bed.attribution, [stuck], { partition: 2 });
    bed.log.show();
    await pass(10 * TICK_MS);
    await again;
    expect(attributed()).toEqual(['order-1', 'order-2']);
  });
});

it('does not pile up looks behind one that hangs', async () => {
  bed.log.clicksEnd = 10;
  await pass(WAIT_MS + TICK_MS);
  let looks = 0;
  let release: () => void = () => undefined;
  bed.log.store.clicksById = async () => {
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
  bed.log.store.clicksById = () => new Promise(() => undefined);
  await pass(TICK_MS);
  let isEnded = false;
  void bed.attribution.stop().then(() => {
    isEnded = true;
  });
  await pass(2_000);
  expect(isEnded).toBe(true);
});

it('ends when told', async () => {
  await bed.attribution.stop();
  bed.log.clicks.set(click.clickId, click);
  await pass(WAIT_MS);
  expect(decidedLater()).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});
