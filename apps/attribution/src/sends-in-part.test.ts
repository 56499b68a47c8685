/** A send that arrives in part: whoever decides after it comes to what the whole send would have been. */
import { type Outgoing, partitionOf } from '@tributary/bus';
import { aChange } from '@tributary/configuration';
import type { AttributionCommanded, ConversionDecided, PostbackReceived } from '@tributary/contracts';
import { DependencyFailure } from '@tributary/runtime';
import { aClick, aCommand, aDecision, aPostback } from '@tributary/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AttributionBed, NOW, PARTITION } from './attribution-bed.fixture.ts';

const TOPIC = 'postback.received.v1' as const;
const click = aClick();

let bed: AttributionBed;

beforeEach(async () => {
  bed = new AttributionBed();
  await bed.start();
  bed.log.clicks.set(click.clickId, click);
});

afterEach(() => bed.stop());

function sale(number: number, changes: Partial<PostbackReceived> = {}): PostbackReceived {
  const receiptId = `019b7c40-0000-7000-8000-${String(number).padStart(12, '0')}`;
  return aPostback({ receiptId, transactionId: `order-${number}`, receivedAt: NOW, ...changes });
}

/** Of everything that is sent from now on only these records arrive, and nobody is told. @returns the end of it. */
function cut(arrives: (record: Outgoing, index: number) => boolean): () => void {
  const produce = bed.log.produce.bind(bed.log);
  let sent = 0;
  bed.log.produce = async (records) => {
    const first = sent;
    sent += records.length;
    const arriving = records.filter((record, index) => arrives(record, first + index));
    const positions = await produce(arriving);
    if (arriving.length < records.length) throw new DependencyFailure('kafka_deadline', 'too late');
    return positions;
  };
  return () => {
    bed.log.produce = produce;
  };
}

/** Another process that owns the partition, once the store shows all there is. */
async function succeed(partition = PARTITION): Promise<void> {
  bed.log.show();
  const successor = bed.restart();
  const dealt = successor.assigned([{ topic: TOPIC, partition }]);
  await bed.pass(500);
  await dealt;
}

/** What stands of each conversion: of one revision the first record, of all the latest. */
function standing(): readonly ConversionDecided[] {
  const latest = new Map<string, ConversionDecided>();
  for (const decided of bed.log.decided) {
    const known = latest.get(decided.conversionId);
    if (known === undefined || known.revision < decided.revision) latest.set(decided.conversionId, decided);
  }
  return [...latest.values()];
}

/** Of each conversion the last record, as compaction leaves it. */
function expectCurrentToHoldWhatStands(): void {
  const last = new Map(bed.log.current.map((record) => [record.conversionId, record]));
  expect(last).toEqual(new Map(standing().map((record) => [record.conversionId, record])));
}

function byOrder<V>(of: (decided: ConversionDecided) => V): Readonly<Record<string, V>> {
  return Object.fromEntries(standing().map((decided) => [decided.transactionId, of(decided)]));
}

describe('places that follow the log', () => {
  const sales = [sale(1), sale(2), sale(3)];
  /** Which records of the three sales arrive: every choice but all and none. */
  const PARTS = [[1], [2], [3], [1, 2], [1, 3], [2, 3]];

  const change = (terms: object) =>
    bed.changes.append(
      aChange(
        'offer',
        { id: 'acme-offer', advertiserId: 'acme', name: 'Offer', payoutCurrency: 'EUR', ...terms },
        { expectedVersion: 1 },
      ),
    );

  async function decideAfterPart(part: readonly number[]): Promise<void> {
    const end = cut(({ topic }, index) => topic === 'conversion.decided.v1' && part.includes(index + 1));
    await expect(bed.decide(...sales)).rejects.toBeInstanceOf(DependencyFailure);
    end();
    await succeed();
    await bed.decide(...sales, sale(4));
  }

  it.each(PARTS.map((part) => [part]))('numbers of tiers, when %j arrive', async (part) => {
    await change({
      payouts: [
        {
          eventType: 'sale',
          kind: 'count_tiers',
          tiers: [
            { from: 1, amount: '1' },
            { from: 3, amount: '3' },
          ],
        },
      ],
    });
    await decideAfterPart(part);
    expect(byOrder(({ tierPlaces }) => tierPlaces[0]?.position)).toEqual({
      'order-1': 0,
      'order-2': 1,
      'order-3': 2,
      'order-4': 3,
    });
    expect(byOrder(({ payoutMicros }) => payoutMicros)).toEqual({
      'order-1': 1_000_000n,
      'order-2': 1_000_000n,
      'order-3': 3_000_000n,
      'order-4': 3_000_000n,
    });
  });

  it.each(PARTS.map((part) => [part]))('places under a cap, when %j arrive', async (part) => {
    await change({
      payouts: [{ eventType: 'sale', kind: 'fixed', amount: '1', currency: 'EUR' }],
      caps: [{ id: 'number', isPerPartner: false, period: 'total', count: 2 }],
    });
    await decideAfterPart(part);
    expect(byOrder(({ capPlaces }) => capPlaces[0]?.isGranted)).toEqual({
      'order-1': true,
      'order-2': true,
      'order-3': false,
      'order-4': false,
    });
  });
});

describe('a postback', () => {
  const RECORDS = 5;
  const refund = sale(2, {
    eventType: 'refund',
    transactionId: 'refund-1',
    originalTransactionId: 'order-1',
    reversalId: 'refund-1',
  });

  /** Of the refund, the sale, both once more for the topic of the latest, and the verdict: every choice. */
  const PARTS = Array.from({ length: 2 ** RECORDS }, (_, part) =>
    Array.from({ length: RECORDS }, (_index, index) => index).filter((index) => (part >> index) % 2 === 1),
  );

  beforeEach(async () => {
    await succeed();
    await bed.decide(sale(1));
    bed.log.received = 2;
  });

  function expectWhole(): void {
    expect(byOrder(({ state, revision }) => `${state} ${revision}`)).toEqual({
      'order-1': 'reversed 2',
      'refund-1': 'payable 1',
    });
    expect(bed.verdicts).toEqual(['counted', 'counted']);
    expectCurrentToHoldWhatStands();
  }

  const decideRefund = () => bed.decideBy(bed.attribution, [refund], { offset: 1 });

  it.each(PARTS.map((part) => [part]))(
    'of which records %j arrive is decided to the end by a successor',
    async (part) => {
      const end = cut((_record, index) => part.includes(index));
      await decideRefund().catch(() => undefined);
      end();
      bed.committed = 1;
      await succeed();
      await decideRefund();
      expectWhole();
    },
  );

  it.each(PARTS.map((part) => [part]))(
    'of which records %j arrive is decided to the end by its owner',
    async (part) => {
      const end = cut((_record, index) => part.includes(index));
      await decideRefund().catch(() => undefined);
      end();
      const again = decideRefund();
      bed.log.show();
      await bed.pass(500);
      await again;
      expectWhole();
    },
  );
});

describe('an order', () => {
  const refund = sale(2, {
    eventType: 'refund',
    transactionId: 'refund-1',
    originalTransactionId: 'order-1',
    reversalId: 'refund-1',
  });

  function execute(...orders: readonly AttributionCommanded[]): Promise<unknown> {
    const topic = 'attribution.commanded.v1' as const;
    const place = { topic, partition: PARTITION, headers: {}, writtenAt: NOW, value: Buffer.alloc(0) };
    const events = orders.map((event, offset) => ({ ...place, offset, key: event.lane, event }));
    const { signal } = new AbortController();
    return bed.attribution.execute({ topic, partition: PARTITION, events, signal });
  }

  function rejectingThat({ conversionId, revision }: ConversionDecided): AttributionCommanded {
    return aCommand({ command: 'reject', model: null, conversionId, expectedRevision: revision });
  }

  function expectExecuted(): void {
    const states = byOrder(({ state, revision }) => `${state} ${revision}`);
    expect(states).toEqual({ 'order-1': 'rejected 3', 'refund-1': 'rejected 2' });
    expectCurrentToHoldWhatStands();
  }

  /** The refund and its copy for the topic of the latest in one send, the sale and its copy in the next. */
  const COUNTS = [0, 1, 2, 3];

  async function executeAfterPart(
    count: number,
    ...alongside: readonly AttributionCommanded[]
  ): Promise<void> {
    const sold = standing().find(({ eventType }) => eventType === 'sale') ?? aDecision();
    const orders = [rejectingThat(sold), ...alongside];
    const end = cut((_record, index) => index < count);
    await expect(execute(...orders)).rejects.toBeInstanceOf(DependencyFailure);
    end();
    await succeed();
    await execute(...orders);
    expectExecuted();
    await execute(...orders);
    expectExecuted();
  }

  beforeEach(() => bed.decide(sale(1), refund));

  it.each(COUNTS)('of which %i records arrive is executed to the end when it comes again', (count) =>
    executeAfterPart(count),
  );

  it.each(COUNTS)('of which %i records arrive, beside a void one about what stands around it', (count) => {
    const refunded = standing().find(({ eventType }) => eventType === 'refund') ?? aDecision();
    return executeAfterPart(count, { ...rejectingThat(refunded), expectedRevision: 7 });
  });
});

describe('a late click of a person', () => {
  const partition = partitionOf(TOPIC, 'acme');
  const late = aClick({ clickId: '019b7c0a-1c88-7000-8000-0000000000c1', customerId: 'shown-late' });
  const customer = { customerId: 'customer-1', occurredAtIsAssumed: false };
  const first = sale(1, { ...customer, clickId: late.clickId });
  const second = sale(2, { ...customer, occurredAt: NOW + 1 });
  const renewal = sale(3, { ...customer, clickId: null, eventType: 'renewal', occurredAt: NOW + 2 });

  it.each([0, 1, 2, 3])('of whose send %i records arrive is decided to the end', async (count) => {
    await bed.changes.append(
      aChange('source', {
        id: 'acme-backend',
        advertiserId: 'acme',
        name: 'Backend',
        tokenHashes: ['0'.repeat(64)],
      }),
    );
    await bed.changes.append(
      aChange(
        'offer',
        { id: 'acme-offer', advertiserId: 'acme', name: 'Offer', matchesHashedIdentity: true },
        { expectedVersion: 1 },
      ),
    );
    await succeed(partition);
    const owner = bed.attribution;
    owner.start();
    await bed.decideBy(owner, [first, second, renewal], { partition });
    bed.log.show();
    // By now the clock looks for named clicks every five minutes only.
    await bed.pass(31_000);
    expect(byOrder(({ clickId }) => clickId)).toEqual({
      'order-1': null,
      'order-2': click.clickId,
      'order-3': click.clickId,
    });
    const end = cut((_record, index) => index < count);
    bed.log.clicks.set(late.clickId, late);
    await bed.pass(1_000);
    const stopped = owner.stop();
    await bed.pass(3_000);
    await stopped;
    end();
    await succeed(partition);
    bed.attribution.start();
    await bed.pass(5_000);
    expect(byOrder(({ clickId }) => clickId)).toEqual({
      'order-1': late.clickId,
      'order-2': click.clickId,
      'order-3': late.clickId,
    });
  });
});
