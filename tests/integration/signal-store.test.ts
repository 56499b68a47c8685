/** Lifecycle signals on a real ClickHouse that reads the topics: what was sent, and which conversions may lead to one when. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { ensureTopics, KafkaConnection, KafkaEventProducer, outgoing } from '@tributary/bus';
import type { ConversionDecided } from '@tributary/contracts';
import { lifecycle } from '@tributary/domain';
import { createLogger } from '@tributary/runtime';
import { ClickhouseConnection, migrate, SignalStore, StoredOffsets } from '@tributary/store';
import { aDecision, aSignal } from '@tributary/testing';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { patiently, publish } from './publish.ts';

const MIGRATIONS = join(import.meta.dirname, '../../migrations/clickhouse');
const HOUR_MS = 3_600_000;

let connection: KafkaConnection;
let producer: KafkaEventProducer;
let admin: ClickhouseConnection;
let clickhouse: ClickhouseConnection;
let store: SignalStore;

function connect(database: string): ClickhouseConnection {
  const url = inject('clickhouseUrl');
  return new ClickhouseConnection({ url, user: 'tributary', password: 'tributary', database });
}

beforeAll(async () => {
  const logger = createLogger('signals-test', 'silent');
  const brokers = inject('brokers').split(',');
  connection = new KafkaConnection({ brokers, clientId: 'signals-test', logger });
  await ensureTopics(connection, 1);
  producer = new KafkaEventProducer({ connection });
  admin = connect('default');
  clickhouse = connect('signals_test');
  await migrate(admin, clickhouse, MIGRATIONS, {
    kafkaBrokers: brokers,
    schemaRegistryUrl: inject('schemaRegistryUrl'),
    flushMs: 100,
    reportFlushMs: 100,
  });
  store = new SignalStore(clickhouse);
});

afterAll(async () => {
  await producer.close();
  await connection.close();
  for (const each of [admin, clickhouse]) await each.close();
});

async function stored(topic: 'lifecycle.signalled.v1' | 'conversion.decided.v1'): Promise<void> {
  const offsets = new StoredOffsets(connection, clickhouse.database);
  await patiently(async () => offsets.waitFor(topic, await offsets.endOf(topic), 30_000));
}

async function decided(...decisions: readonly ConversionDecided[]): Promise<void> {
  const records = decisions.map((each) => outgoing('conversion.decided.v1', each.conversionId, each));
  await publish(producer, records);
  await stored('conversion.decided.v1');
}

it('finds of the signals asked for those that were sent, as they were sent last', async () => {
  const raised = aSignal({ signalId: randomUUID(), ordinal: 2, dueAt: null, expiresAt: 1_770_519_845_123 });
  const again = aSignal({ signalId: randomUUID(), conversionId: null });
  for (const signal of [raised, again, { ...again, phase: 'withdrawn' as const }])
    await publish(producer, [outgoing('lifecycle.signalled.v1', signal.customerKey, signal)]);
  await stored('lifecycle.signalled.v1');
  const found = await store.sent([raised.signalId, again.signalId, randomUUID()]);
  const { signalId, signal, phase, conversionId, ordinal, occurredAt, dueAt, expiresAt } = raised;
  expect(new Map(found.map((each) => [each.signalId, each]))).toEqual(
    new Map([
      [signalId, { signalId, signal, phase, conversionId, ordinal, occurredAt, dueAt, expiresAt }],
      [
        again.signalId,
        expect.objectContaining({ phase: 'withdrawn', conversionId: null, dueAt: again.dueAt }),
      ],
    ]),
  );
});

describe('possible occasions', () => {
  const rules: lifecycle.LifecycleRules = {
    ...lifecycle.STANDARD_LIFECYCLE_RULES,
    renewalPeriodsByPlan: { annual: { months: 12 }, weekly: { days: 7 } },
    activationWithinMs: 5 * HOUR_MS + 1,
  };
  const advertiserId = randomUUID();
  const decidedAt = Date.UTC(2030, 0, 1);
  const day = (text: string) => Date.parse(`${text}T23:59:59.999Z`);
  const conversions = [
    ...['2028-01-29', '2028-01-31', '2028-02-29', '2027-08-31', '2027-12-31', '2027-06-15'].flatMap((date) =>
      [null, 'annual', 'weekly'].map((planId) => ({ eventClass: 'renewal', occurredAt: day(date), planId })),
    ),
    { eventClass: 'trial_start', occurredAt: day('2028-03-26'), planId: null },
    { eventClass: 'purchase', occurredAt: day('2028-03-26'), planId: null },
    // Of the future when it was decided.
    { eventClass: 'lead', occurredAt: decidedAt + HOUR_MS, planId: null },
  ].map((each) => ({ ...each, conversionId: randomUUID() }));
  const ask = (from: number, until: number, partition = 4, ids: readonly string[] = [advertiserId]) =>
    store.possibleOccasions({
      advertiserIds: ids,
      from: new Map([
        [9, Number.MAX_SAFE_INTEGER],
        [partition, from],
      ]),
      until,
      delays: lifecycle.delaysOf(rules),
    });

  beforeAll(() =>
    decided(
      ...conversions.map((each) => aDecision({ ...each, advertiserId, decidedAt, triggerPartition: 4 })),
    ),
  );

  it.each(conversions)('$eventClass of $planId is found at each of its instants', async (conversion) => {
    const { occurredAt, conversionId } = conversion;
    const instants = lifecycle
      .instantsOf(conversion, rules)
      .filter((at) => at > occurredAt || occurredAt > decidedAt);
    expect(instants.length).toBeGreaterThan(0);
    for (const at of instants) {
      const found = await ask(at, at + 1);
      expect(found).toContainEqual({ ...conversion, partition: 4, advertiserId });
      const after = await ask(at + 1, at + 2);
      expect(after.map((each) => each.conversionId)).not.toContain(conversionId);
    }
  });

  it('are of the partitions and advertisers asked about', async () => {
    const always = [0, 2 * decidedAt] as const;
    expect((await ask(...always)).length).toBe(conversions.length);
    expect(await ask(...always, 5)).toEqual([]);
    expect(await ask(...always, 4, ['other'])).toEqual([]);
  });

  it('are not those that were looked at when they were decided', async () => {
    const found = await ask(day('2028-03-26'), day('2028-03-26') + 1);
    const classes = found.map(({ eventClass }) => eventClass);
    expect(classes).not.toContain('trial_start');
    expect(classes).not.toContain('purchase');
  });
});

it('tells when a partition was last decided in', async () => {
  const at = (decidedAt: number, triggerPartition: number) =>
    aDecision({ conversionId: randomUUID(), decidedAt, triggerPartition });
  await decided(at(1_000, 17), at(3_000, 17), at(2_000, 17), at(5_000, 18));
  expect(await store.lastDecidedAt([17, 19])).toEqual(new Map([[17, 3_000]]));
});
