/** Lifecycle signals of the service: sent with the decisions they follow from, or when their time has come; once, whatever fails. */
import type { OutgoingRecord } from '@tributary/bus';
import { aChange } from '@tributary/configuration';
import type { PostbackReceived } from '@tributary/contracts';
import { DependencyFailure } from '@tributary/runtime';
import { aClick, aPostback } from '@tributary/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Attribution } from './attribution.ts';
import { AttributionBed, NOW, PARTITION } from './attribution-bed.fixture.ts';

const OWNED = [{ topic: 'postback.received.v1' as const, partition: PARTITION }];
const HOUR_MS = 3_600_000;
const OTHER_RECEIPT = '019b7c40-0000-7000-8000-0000000000ff';
const LATE_CLICK = '019b7c0a-1c88-7000-8000-00000000000f';
const EMAIL = { emailPlain: 'a'.repeat(64) };
const ADVERTISER = { id: 'acme', name: 'Acme', currency: 'EUR', parkedForMs: 60_000 };

let bed: AttributionBed;
let nextReceipt: number;

beforeEach(async () => {
  bed = new AttributionBed();
  await bed.start();
  const click = aClick();
  bed.log.clicks.set(click.clickId, click);
  nextReceipt = 0;
});

afterEach(() => bed.stop());

async function configure(lifecycle: object): Promise<void> {
  await bed.changes.append(aChange('advertiser', { ...ADVERTISER, lifecycle }, { expectedVersion: 0 }));
  await bed.pass(1);
}

/** A sale of customer-1, unless told otherwise. */
function postback(changes: Partial<PostbackReceived> = {}): PostbackReceived {
  nextReceipt += 1;
  return aPostback({
    receiptId: `019b7c40-0000-7000-8000-${String(nextReceipt).padStart(12, '0')}`,
    transactionId: `order-${nextReceipt}`,
    customerId: 'customer-1',
    receivedAt: NOW,
    occurredAt: NOW,
    ...changes,
  });
}

async function anOwner(): Promise<Attribution> {
  const attribution = bed.restart();
  bed.log.show();
  const assigned = attribution.assigned(OWNED);
  await bed.pass(500);
  await assigned;
  attribution.start();
  return attribution;
}

const lines = () =>
  bed.log.signalled.map(
    ({ phase, signal, reasonCodes, triggerKind }) => `${phase} ${signal}: ${reasonCodes} by ${triggerKind}`,
  );
const BOUGHT = [
  'raised onboarding: first_conversion by postback',
  'raised suppression: purchased by postback',
];

/** Of a sale whose customer id came late, in the order of withdrawals and raises. */
const MOVED = [
  'withdrawn onboarding: other_customer by postback',
  'withdrawn suppression: other_customer by postback',
  ...BOUGHT,
];

describe('an advertiser that has not asked for signals', () => {
  it('has none, and nothing is looked up for them', async () => {
    await anOwner();
    await bed.decide(postback(), postback());
    await bed.pass(3 * HOUR_MS);
    expect([bed.log.decided.length, lines(), bed.log.signalQuestions]).toEqual([2, [], 0]);
  });
});

describe('what a postback leads to', () => {
  beforeEach(() => configure({}));

  it('is sent behind the decisions, with what caused it', async () => {
    const sent: string[] = [];
    const produce = bed.log.produce.bind(bed.log);
    bed.log.produce = (records) => {
      sent.push(...records.map(({ topic }) => topic));
      return produce(records);
    };
    await bed.decide(postback({ customerId: null }), postback());
    expect(lines()).toEqual(BOUGHT);
    expect(bed.log.signalled).toMatchObject(
      Array.from({ length: 2 }, () => ({
        customerId: 'customer-1',
        conversionId: bed.log.decided[1]?.conversionId,
        revision: 1,
        partnerId: 'partner-1',
        triggerPartition: PARTITION,
        triggerOffset: 1,
        signalledAt: NOW + 1,
        configurationVersion: 2,
      })),
    );
    expect(sent).toEqual([
      ...['conversion.decided.v1', 'conversion.decided.v1', 'conversion.current.v1', 'conversion.current.v1'],
      ...['lifecycle.signalled.v1', 'lifecycle.signalled.v1', 'postback.judged.v1', 'postback.judged.v1'],
    ]);
  });

  it('is not looked up for who is new', async () => {
    await bed.decide(postback(), postback({ customerId: 'customer-2' }));
    expect([lines(), bed.log.signalQuestions]).toEqual([[...BOUGHT, ...BOUGHT], 0]);
  });

  it.each<[string, (attribution: Attribution) => Promise<void>]>([
    ['before the store shows it', async () => undefined],
    [
      'when the store shows it',
      async (attribution) => {
        bed.log.show();
        attribution.start();
        await bed.pass(1_000);
      },
    ],
    ['by another owner', async () => void (await anOwner())],
  ])('is sent once: a further sale sends nothing %s', async (_, meanwhile) => {
    await bed.decide(postback());
    await meanwhile(bed.attribution);
    await bed.decide(postback());
    expect([lines(), bed.log.decided.length]).toEqual([BOUGHT, 2]);
  });

  it('is known to the next owner before it decides', async () => {
    await bed.decide(postback());
    bed.log.show();
    bed.log.areSignalsAway = true;
    const successor = bed.restart();
    let isReady = false;
    const assigned = successor.assigned(OWNED).then(() => {
      isReady = true;
    });
    await bed.pass(1_000);
    expect(isReady).toBe(false);
    bed.log.areSignalsAway = false;
    await bed.pass(500);
    await assigned;
    await bed.decide(postback());
    expect(lines()).toEqual(BOUGHT);
  });

  it('is taken back by a refund that does not name the customer', async () => {
    const sale = postback();
    await bed.decide(sale);
    await anOwner();
    const originalTransactionId = sale.transactionId;
    await bed.decide(
      postback({
        eventType: 'refund',
        customerId: null,
        clickId: null,
        originalTransactionId,
        revenueMicros: null,
      }),
    );
    expect(lines().slice(2)).toEqual([
      'withdrawn onboarding: reversed by postback',
      'withdrawn suppression: reversed by postback',
    ]);
    expect(new Set(bed.log.signalled.map(({ signalId }) => signalId)).size).toBe(2);
  });

  it('goes by the hashed identity where there is no id, and moves when the id comes', async () => {
    const sale = postback({ customerId: null, subjectHashes: EMAIL });
    await bed.decide(sale);
    await anOwner();
    expect(bed.log.signalled).toMatchObject([{ customerId: null }, { customerId: null }]);
    await bed.decide({ ...sale, receiptId: OTHER_RECEIPT, customerId: 'customer-1' });
    expect(lines()).toEqual([...BOUGHT, ...MOVED]);
    expect(new Set(bed.log.signalled.map(({ signalId }) => signalId)).size).toBe(4);
  });

  it('stays with the hashed identity as far as another sale stands there', async () => {
    const sale = postback({ customerId: null, subjectHashes: EMAIL });
    await bed.decide(sale);
    await anOwner();
    await bed.decide(postback({ customerId: null, subjectHashes: EMAIL }));
    await bed.decide({ ...sale, receiptId: OTHER_RECEIPT, customerId: 'customer-1' });
    expect(lines()).toEqual([...BOUGHT, ...BOUGHT]);
  });
});

describe('a send that arrives in part', () => {
  beforeEach(() => configure({}));

  /** The next send stops before the first record of the topic. */
  function cutBefore(topic: string): void {
    const produce = bed.log.produce.bind(bed.log);
    bed.log.produce = async (records: readonly OutgoingRecord[]) => {
      bed.log.produce = produce;
      await produce(
        records.slice(
          0,
          records.findIndex((record) => record.topic === topic),
        ),
      );
      throw new DependencyFailure('kafka_deadline', 'too late');
    };
  }

  it.each(['lifecycle.signalled.v1', 'postback.judged.v1'])(
    'before %s: the owner itself sends the rest, once',
    async (topic) => {
      await anOwner();
      cutBefore(topic);
      const sale = postback();
      await expect(bed.decide(sale)).rejects.toBeInstanceOf(DependencyFailure);
      const again = bed.decide(sale);
      bed.log.show();
      await bed.pass(2_000);
      await again;
      bed.log.show();
      await bed.pass(2_000);
      expect([lines(), bed.log.decided.length]).toEqual([BOUGHT, 1]);
    },
  );

  it.each(['lifecycle.signalled.v1', 'postback.judged.v1'])(
    'before %s, and its sender crashes: the next owner sends the rest when the postback comes again',
    async (topic) => {
      await anOwner();
      cutBefore(topic);
      const sale = postback();
      await expect(bed.decide(sale)).rejects.toBeInstanceOf(DependencyFailure);
      await bed.attribution.stop();
      bed.log.received = 1;
      await anOwner();
      await bed.decide(sale);
      await bed.decide(sale);
      expect([lines(), bed.log.decided.length]).toEqual([BOUGHT, 1]);
    },
  );

  it('the customer that a conversion named before is found by the next owner too', async () => {
    const anonymous = postback({ customerId: null, subjectHashes: EMAIL });
    await bed.decide(anonymous);
    await anOwner();
    cutBefore('lifecycle.signalled.v1');
    const named = { ...anonymous, receiptId: OTHER_RECEIPT, customerId: 'customer-1' };
    await expect(bed.decide(named)).rejects.toBeInstanceOf(DependencyFailure);
    await bed.attribution.stop();
    bed.log.received = 1;
    await anOwner();
    await bed.decide(named);
    expect(lines().slice(2).toSorted()).toEqual(MOVED.toSorted());
  });

  it('by the clock is completed by the clock', async () => {
    await anOwner();
    // Behind the first list, which would find the customer too.
    await bed.pass(2_000);
    await bed.decide(postback({ clickId: LATE_CLICK }));
    bed.log.show();
    expect(lines()).toEqual(BOUGHT);
    cutBefore('lifecycle.signalled.v1');
    bed.log.clicks.set(LATE_CLICK, aClick({ clickId: LATE_CLICK, advertiserId: 'other' }));
    await bed.pass(2_000);
    bed.log.show();
    await bed.pass(5_000);
    expect(bed.matches.length).toBe(2);
    expect(lines().slice(2)).toEqual([
      'withdrawn onboarding: rejected by deadline',
      'withdrawn suppression: rejected by deadline',
    ]);
  });

  it('of an owner that is none any more is completed by its successor, when the decision shows', async () => {
    const before = bed.restart();
    await anOwner();
    const successor = bed.attribution;
    const sale = postback();
    bed.log.received = 1;
    const assigned = successor.assigned(OWNED);
    await bed.pass(500);
    await assigned;
    const produce = bed.log.produce.bind(bed.log);
    bed.log.produce = (records) => produce(records.filter(({ topic }) => topic !== 'lifecycle.signalled.v1'));
    await bed.decideBy(before, [sale]);
    bed.log.produce = produce;
    bed.log.show();
    bed.log.areDecisionsAway = true;
    const again = bed.decideBy(successor, [sale]);
    await bed.pass(1_000);
    bed.log.areDecisionsAway = false;
    await bed.pass(1_000);
    await again;
    expect([lines(), bed.log.decided.length]).toEqual([BOUGHT, 1]);
  });
});

describe('what the time brings', () => {
  const trial = () => postback({ eventType: 'trial_start', revenueMicros: null, currency: null });
  const MISSED = 'raised activation_missed: not_activated by deadline';
  const missed = () => lines().slice(1);

  it.each([
    ['within the hours ahead', HOUR_MS],
    ['that a later list finds', 5 * HOUR_MS],
  ])('is sent at its instant, %s', async (_, activationWithinMs) => {
    await configure({ activationWithinMs });
    await anOwner();
    await bed.decide(trial());
    bed.log.show();
    await bed.pass(activationWithinMs - 2_000);
    expect(missed()).toEqual([]);
    await bed.pass(3_500);
    expect(missed()).toEqual([MISSED]);
    expect(bed.log.signalled[1]).toMatchObject({
      occurredAt: NOW + activationWithinMs,
      triggerPartition: PARTITION,
      triggerOffset: 0,
    });
    bed.log.show();
    await bed.pass(2 * HOUR_MS);
    expect(missed()).toEqual([MISSED]);
  });

  it('is not sent when it was forestalled', async () => {
    await configure({ activationWithinMs: HOUR_MS });
    await anOwner();
    await bed.decide(trial());
    await bed.pass(HOUR_MS / 2);
    const at = NOW + 1_000;
    await bed.decide(postback({ eventType: 'activation_completed', occurredAt: at, receivedAt: at }));
    await bed.pass(HOUR_MS);
    expect(missed()).toEqual(['raised activation: activated by postback']);
  });

  it('while nobody owned the partition is sent by the next owner', async () => {
    await configure({ activationWithinMs: HOUR_MS });
    await bed.decide(trial());
    await bed.pass(30 * HOUR_MS);
    await anOwner();
    await bed.pass(2_000);
    expect(missed()).toEqual([MISSED]);
  });

  it('to a partition that was dealt away is left to its owner', async () => {
    await configure({ activationWithinMs: HOUR_MS });
    const attribution = await anOwner();
    await bed.decide(trial());
    bed.log.show();
    await attribution.assigned([{ topic: 'postback.received.v1', partition: 7 }]);
    await bed.pass(3 * HOUR_MS);
    expect(missed()).toEqual([]);
  });

  it('during an outage is sent after it', async () => {
    await configure({ activationWithinMs: HOUR_MS });
    await anOwner();
    await bed.decide(trial());
    bed.log.show();
    bed.log.isStoreAway = true;
    await bed.pass(2 * HOUR_MS);
    expect(missed()).toEqual([]);
    bed.log.isStoreAway = false;
    bed.log.failure = 'after';
    await bed.pass(1_500);
    bed.log.failure = 'none';
    bed.log.show();
    await bed.pass(60_000);
    expect(missed()).toEqual([MISSED]);
  });

  it('is left to the next owner also when its postback was in hand', async () => {
    await configure({ activationWithinMs: HOUR_MS });
    const attribution = await anOwner();
    const late = bed.decide(trial());
    const dealt = attribution.assigned([{ topic: 'postback.received.v1', partition: 7 }]);
    await late;
    bed.log.show();
    await bed.pass(500);
    await dealt;
    await bed.pass(2 * HOUR_MS);
    expect(missed()).toEqual([]);
  });

  it('is listed each hour, for two hours, so that each instant is in two lists', async () => {
    await configure({});
    await anOwner();
    await bed.pass(2 * HOUR_MS + 30_000);
    const hours = bed.log.listed.map((window) => window.map((at) => Math.round((at - NOW) / 60_000) / 60));
    expect(hours).toEqual([
      [-1 / 6, 2],
      [1, 3],
      [2, 4],
    ]);
  });

  it('is not sent for what the advertiser no longer asks for', async () => {
    await configure({ activationWithinMs: HOUR_MS });
    await anOwner();
    await bed.decide(trial());
    await bed.changes.append(aChange('advertiser', ADVERTISER, { expectedVersion: 2 }));
    await bed.pass(2 * HOUR_MS);
    expect(missed()).toEqual([]);
  });
});
