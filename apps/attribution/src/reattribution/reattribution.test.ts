/** A run over what a real attribution has put on record: the same bytes by the same rules, another model only in the rows of the run. */
import { ConfigurationFollower } from '@tributary/configuration';
import { type ConversionDecided, encodeEvent } from '@tributary/contracts';
import { attribution } from '@tributary/domain';
import type { LanePart, PlacedPostback, ScratchRow } from '@tributary/store';
import { aClick, aPostback } from '@tributary/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AttributionBed, NOW, PARTITION } from '../attribution-bed.fixture.ts';
import { reattribute } from './reattribution.ts';
import { rulesByVersion } from './rules-by-version.ts';

const RUN = '019b7d00-0000-7000-8000-000000000004';
const PERIOD = { from: NOW - 3_600_000, to: NOW + 3_600_000 };

let bed: AttributionBed;
let rows: ScratchRow[];

beforeEach(async () => {
  bed = new AttributionBed();
  rows = [];
  await bed.start();
});

afterEach(() => bed.stop());

const clickOf = (customer: number, touch: number) =>
  aClick({
    clickId: `019b7c0a-1c88-7000-8000-0000000${touch}000${customer}`,
    partnerId: `partner-${touch}`,
    customerId: `customer-${customer}`,
    clickedAt: NOW - 3_600_000 * (3 - touch),
    receivedAt: NOW - 3_600_000 * (3 - touch),
  });

const receiptOf = (n: number) => `019b7c40-0000-7000-8000-00000000000${n}`;

/** Three sales of customers who clicked twice, the click of the last not there yet, a repeat, a refund, and a sale without any click. */
const POSTBACKS = [
  ...[1, 2, 3].map((n) =>
    aPostback({
      receiptId: receiptOf(n),
      transactionId: `order-${n}`,
      customerId: `customer-${n}`,
      clickId: clickOf(n, 2).clickId,
      receivedAt: NOW,
      occurredAt: NOW,
    }),
  ),
  aPostback({
    receiptId: receiptOf(4),
    transactionId: 'order-1',
    clickId: clickOf(1, 2).clickId,
    receivedAt: NOW,
  }),
  aPostback({
    receiptId: receiptOf(5),
    transactionId: 'order-2',
    eventType: 'refund',
    clickId: null,
    revenueMicros: 900_001n,
    receivedAt: NOW,
  }),
  aPostback({
    receiptId: receiptOf(6),
    transactionId: 'order-6',
    customerId: 'nobody',
    clickId: null,
    receivedAt: NOW,
  }),
];

function show(customer: number, touch: number): void {
  const click = clickOf(customer, touch);
  bed.log.clicks.set(click.clickId, click);
}

async function decide(): Promise<void> {
  for (const customer of [1, 2]) for (const touch of [1, 2]) show(customer, touch);
  show(3, 1);
  bed.attribution.start();
  await bed.decide(...POSTBACKS);
  await bed.pass(2_000);
  show(3, 2);
  await bed.pass(120_000);
  bed.log.show();
}

/** ClickHouse as the run reads it, over the log of the bed. */
function storeOf(decided: readonly ConversionDecided[]) {
  return {
    lanes: async () => [{ lane: 'acme', partition: PARTITION, firstOffset: 0 }],
    async *postbacks(part: LanePart): AsyncGenerator<readonly PlacedPostback[]> {
      const placed = POSTBACKS.map((postback, offset) => ({
        postback,
        position: { partition: PARTITION, offset },
      }));
      yield placed.filter(({ position }) => position.offset < part.endOffset);
    },
    revisions: async () => decided,
    before: async () => [],
    counters: async () => attribution.NO_COUNTERS,
    insert: async (_run: string, inserted: readonly ScratchRow[]) => {
      rows.push(...inserted);
    },
  };
}

async function run(
  change?: attribution.TermsChange,
  decided: readonly ConversionDecided[] = bed.log.decided,
) {
  const follower = new ConfigurationFollower(bed.changes);
  await follower.start();
  const summary = await reattribute({
    store: storeOf(decided),
    facts: bed.log.store,
    inForce: rulesByVersion(follower.current),
    other: change === undefined ? null : { change, linksPersons: false },
    period: PERIOD,
    decidedUntil: new Map([[PARTITION, POSTBACKS.length]]),
    runId: RUN,
    configurationVersion: 1,
    asOf: NOW + 130_000,
  });
  await follower.stop();
  return summary;
}

function latest(): ReadonlyMap<string, ConversionDecided> {
  return new Map(bed.log.decided.map((each) => [each.conversionId, each]));
}

it('by the same rules: every latest revision to the byte, decidedAt too', async () => {
  await decide();
  expect(await run()).toMatchObject({ conversions: 5, byteEqual: 5, changed: 0, orders: 0, notReplayed: 0 });
  expect([...latest().values()].map(({ triggerKind }) => triggerKind)).toEqual(
    expect.arrayContaining(['postback', 'late_click', 'deadline']),
  );
  for (const { conversionId, record, liveRevision } of rows) {
    const live = latest().get(conversionId);
    if (live === undefined) throw new Error('not on record');
    expect(record).toEqual(encodeEvent('conversion.decided.v1', live));
    expect(liveRevision).toBe(live.revision);
  }
});

it('by another model: credits change in the rows, orders for all but the refund, which follows', async () => {
  await decide();
  const written = bed.log.decided.length;
  const summary = await run((terms) => ({ ...terms, model: 'linear' }));
  expect(summary).toMatchObject({
    conversions: 5,
    changed: 4,
    moved: 4,
    unbalanced: 0,
    orders: 3,
    ordersOtherwise: 0,
  });
  expect(summary.byKind).toMatchObject({ credits: 4, match: 0 });
  expect(bed.log.decided).toHaveLength(written);
  const ordered = rows.flatMap(({ order }) =>
    order === null ? [] : [attribution.termsIn(order.terms).model],
  );
  expect(ordered).toEqual(['linear', 'linear', 'linear']);
});

it('postbacks that attribution has not decided yet are not replayed', async () => {
  await decide();
  const follower = new ConfigurationFollower(bed.changes);
  await follower.start();
  const summary = await reattribute({
    store: storeOf([]),
    facts: bed.log.store,
    inForce: rulesByVersion(follower.current),
    other: null,
    period: PERIOD,
    decidedUntil: new Map(),
    runId: RUN,
    configurationVersion: 1,
    asOf: NOW,
  });
  expect(summary).toMatchObject({ lanes: 1, postbacks: 0, conversions: 0 });
});

/** As if a person had changed what is on record. */
function tamperedWith(transactionId: string): readonly ConversionDecided[] {
  return bed.log.decided.map((decided) =>
    decided.transactionId === transactionId && decided.eventType === 'sale'
      ? { ...decided, payoutRule: 'by hand' }
      : decided,
  );
}

it('what the same rules decide otherwise is neither compared nor ordered', async () => {
  await decide();
  const decided = tamperedWith('order-3');
  expect(await run(undefined, decided)).toMatchObject({
    conversions: 5,
    byteEqual: 4,
    refused: 0,
    orders: 0,
  });
  rows = [];
  const summary = await run((terms) => ({ ...terms, model: 'linear' }), decided);
  expect(summary).toMatchObject({ conversions: 5, byteEqual: 4, refused: 1, compared: 4, orders: 2 });
  const refused = decided.find(({ transactionId }) => transactionId === 'order-3');
  expect(rows.map(({ conversionId }) => conversionId)).not.toContain(refused?.conversionId);
});

it('without other rules nothing is ordered, whatever the difference', async () => {
  await decide();
  const decided = bed.log.decided.map((each) => ({ ...each, state: 'rejected' as const }));
  const summary = await run(undefined, decided);
  expect(summary.changed).toBeGreaterThan(0);
  expect(summary.orders).toBe(0);
});
