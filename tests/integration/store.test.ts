/** The store on a real ClickHouse that reads the topics itself: every event comes back as it was written, and the first of an id wins. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { ensureTopics, KafkaConnection, KafkaEventProducer, outgoing } from '@tributary/bus';
import { type DeliveryAttempted, encodeEvent } from '@tributary/contracts';
import { attribution } from '@tributary/domain';
import { createLogger } from '@tributary/runtime';
import {
  ClickhouseConnection,
  DeliveryStore,
  FactsStore,
  migrate,
  StoredOffsets,
  UndecodedStore,
} from '@tributary/store';
import { aClick, aDecision, eventually } from '@tributary/testing';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';

const DATABASE = 'store_test';
const HELD_BY = randomUUID();
const MIGRATIONS = join(import.meta.dirname, '../../migrations/clickhouse');

let connection: KafkaConnection;
let producer: KafkaEventProducer;
let clickhouse: ClickhouseConnection;
let offsets: StoredOffsets;

const settings = () => ({
  kafkaBrokers: inject('brokers').split(','),
  schemaRegistryUrl: inject('schemaRegistryUrl'),
  flushMs: 100,
  reportFlushMs: 100,
});

function connect(database: string): ClickhouseConnection {
  return new ClickhouseConnection({
    url: inject('clickhouseUrl'),
    user: 'tributary',
    password: 'tributary',
    database,
  });
}

beforeAll(async () => {
  const logger = createLogger('store-test', 'silent');
  connection = new KafkaConnection({ brokers: inject('brokers').split(','), clientId: 'store-test', logger });
  await ensureTopics(connection, 1);
  producer = new KafkaEventProducer({ connection });
  const admin = connect('default');
  clickhouse = connect(DATABASE);
  expect(await migrate(admin, clickhouse, MIGRATIONS, settings())).not.toEqual([]);
  expect(await migrate(admin, clickhouse, MIGRATIONS, settings())).toEqual([]);
  await admin.close();
  offsets = new StoredOffsets(connection, DATABASE);
});

afterAll(async () => {
  await producer.close();
  await connection.close();
  await clickhouse.close();
});

async function stored(
  topic: 'postback.received.v1' | 'click.recorded.v1' | 'conversion.decided.v1' | 'delivery.attempted.v1',
): Promise<void> {
  await offsets.waitFor(topic, await offsets.endOf(topic), 20_000);
}

it('gives a click back as it was recorded, bytes and all', async () => {
  const click = aClick({ clickId: randomUUID(), costMicros: -(2n ** 62n), costCurrency: 'EUR' });
  await producer.produce([outgoing('click.recorded.v1', click.clickId, click)]);
  await stored('click.recorded.v1');
  const [found, ...others] = await new FactsStore(clickhouse).clicksById([click.clickId, randomUUID()]);
  expect(others).toEqual([]);
  expect(click).toMatchObject(found ?? {});
});

it('finds a click among more ids than one request holds', async () => {
  const click = aClick({ clickId: randomUUID() });
  await producer.produce([outgoing('click.recorded.v1', click.clickId, click)]);
  await stored('click.recorded.v1');
  const ids = [...Array.from({ length: 10_000 }, () => randomUUID()), click.clickId];
  const found = await new FactsStore(clickhouse).clicksById(ids);
  expect(found.map(({ clickId }) => clickId)).toEqual([click.clickId]);
});

it('shows the latest revision of a conversion, and of one revision the first in the log', async () => {
  const conversionId = randomUUID();
  const revisions = [
    aDecision({ conversionId, revision: 1, match: 'parked' }),
    aDecision({ conversionId, revision: 2, revenueMicros: 1n }),
    aDecision({ conversionId, revision: 2, revenueMicros: 2n }),
    aDecision({ conversionId, revision: 1, match: 'unattributed' }),
  ];
  for (const decision of revisions) {
    await producer.produce([outgoing('conversion.decided.v1', conversionId, decision)]);
  }
  await stored('conversion.decided.v1');
  const keys = { ...attribution.NO_KEYS, conversion: new Set([conversionId]) };
  expect((await new FactsStore(clickhouse).load(keys)).conversions).toEqual([revisions[1]]);
  const rows = await clickhouse.rows<{ revision: number }>(
    'SELECT revision FROM decisions FINAL WHERE conversionId = {conversionId:UUID} ORDER BY revision',
    { conversionId },
  );
  expect(rows.map(({ revision }) => revision)).toEqual([1, 2]);
});

it('knows what is held of a conversion: the latest attempt, ended over intended, and the revision that told it', async () => {
  const decision = aDecision({ conversionId: randomUUID(), revision: 2 });
  const { conversionId } = decision;
  for (const each of [decision, { ...decision, revision: 1 }])
    await producer.produce([outgoing('conversion.decided.v1', conversionId, each)]);
  const facts = [
    { attempt: 1, phase: 'intended', outcome: null },
    { attempt: 1, phase: 'ended', outcome: 'retry' },
    { attempt: 2, phase: 'intended', outcome: null },
  ] as const;
  const attempts = facts.map((fact) => anAttempt(conversionId, fact.attempt, fact.phase, fact.outcome));
  for (const attempt of attempts)
    await producer.produce([outgoing('delivery.attempted.v1', conversionId, attempt)]);
  await stored('delivery.attempted.v1');
  await stored('conversion.decided.v1');
  const store = new DeliveryStore(clickhouse);
  expect(await store.holdingsOf([conversionId])).toEqual([
    {
      holdingId: conversionId,
      conversionId,
      destinationId: 'd',
      event: 'Lead',
      deliveryId: conversionId,
      kind: 'restate',
      revision: 2,
      attempt: 2,
      tries: 2,
      phase: 'intended',
      outcome: null,
      nextAttemptAt: null,
      requestId: attempts.at(-1)?.requestId,
      startedAt: attempts.at(-1)?.startedAt,
      heldBy: HELD_BY,
      mayHaveArrived: true,
      repeatedFor: 0,
      eventRevision: 1,
      told: {
        amounts: { revenue: { micros: -(2n ** 62n), currency: 'EUR' }, payout: null },
        state: 'payable',
      },
      held: { amounts: { revenue: null, payout: { micros: 7n, currency: 'USD' } }, state: 'pending' },
    },
  ]);
  expect(await store.newestRevisions([conversionId, randomUUID()])).toEqual(new Map([[conversionId, 2]]));
  expect(await store.decidedRevision(conversionId, 2)).toEqual(decision);
  expect(await store.decidedRevision(conversionId, 3)).toBeUndefined();
});

it('lists who holds a wrong number until it is put right', async () => {
  const conversionId = randomUUID();
  const wrong = () =>
    clickhouse.rows(
      'SELECT reasonCode, heldPayoutMicros FROM wrong_holdings WHERE conversionId = {conversionId:UUID}',
      {
        conversionId,
      },
    );
  const write = async (attempt: number, outcome: 'refused' | 'delivered') => {
    await producer.produce([
      outgoing('delivery.attempted.v1', conversionId, anAttempt(conversionId, attempt, 'ended', outcome)),
    ]);
    await stored('delivery.attempted.v1');
  };
  await write(1, 'refused');
  expect(await wrong()).toEqual([{ reasonCode: 'correction_not_taken', heldPayoutMicros: '7' }]);
  await write(2, 'delivered');
  expect(await wrong()).toEqual([]);
});

it('shows a rehearsal under a name of its own: delivered to nobody, wrong where it should have put something right', async () => {
  const [event, correction] = [randomUUID(), randomUUID()];
  const rehearsed = (id: string, changes: Partial<DeliveryAttempted['holdings'][number]>) => {
    const attempted = anAttempt(id, 1, 'ended', null);
    const holdings = attempted.holdings.map((each) => ({ ...each, outcome: 'rehearsed', ...changes }));
    return outgoing('delivery.attempted.v1', id, { ...attempted, holdings });
  };
  await producer.produce([
    rehearsed(event, { heldState: null, mayHaveArrived: false }),
    rehearsed(correction, {}),
    outgoing('delivery.attempted.v1', event, anAttempt(randomUUID(), 1, 'intended', null)),
  ]);
  await stored('delivery.attempted.v1');
  const ids = { ids: [event, correction] };
  expect(
    await clickhouse.rows('SELECT outcome FROM deliveries FINAL WHERE deliveryId IN {ids:Array(UUID)}', ids),
  ).toEqual([{ outcome: 'rehearsed' }, { outcome: 'rehearsed' }]);
  expect(
    await clickhouse.rows(
      'SELECT conversionId FROM wrong_holdings WHERE conversionId IN {ids:Array(UUID)}',
      ids,
    ),
  ).toEqual([{ conversionId: correction }]);
});

it('lists what a guard holds until it goes', async () => {
  const id = randomUUID();
  const held = () =>
    clickhouse.rows('SELECT reasonCode FROM held_deliveries WHERE conversionId = {id:UUID}', { id });
  const attempted = anAttempt(id, 1, 'ended', 'retry');
  const holdings = attempted.holdings.map((each) => ({ ...each, reasonCode: 'guard_value' }));
  await producer.produce([outgoing('delivery.attempted.v1', id, { ...attempted, holdings })]);
  await stored('delivery.attempted.v1');
  expect(await held()).toEqual([{ reasonCode: 'guard_value' }]);
  await producer.produce([outgoing('delivery.attempted.v1', id, anAttempt(id, 2, 'ended', 'delivered'))]);
  await stored('delivery.attempted.v1');
  expect(await held()).toEqual([]);
});

it('keeps a record it cannot decode with its bytes and goes on with the next', async () => {
  const click = aClick({ clickId: randomUUID() });
  const poison = Buffer.from([0, 0, 0, 0, 1, 255, 255]);
  await producer.produce([{ topic: 'click.recorded.v1', key: click.clickId, value: poison }]);
  await producer.produce([outgoing('click.recorded.v1', click.clickId, click)]);
  await stored('click.recorded.v1');
  const rows = await eventually(
    () =>
      clickhouse.rows<{ value: string }>(
        "SELECT hex(value) AS value FROM undecoded_records WHERE topic = 'click.recorded.v1'",
      ),
    (found) => found.length > 0,
  );
  expect(rows.map(({ value }) => value.toLowerCase())).toContain(poison.toString('hex'));
  expect(await new UndecodedStore(clickhouse).count()).toBeGreaterThan(0);
  expect(await new FactsStore(clickhouse).clicksById([click.clickId])).toHaveLength(1);
});

it('holds nobody up over a record that is none of ours, only over one that could be', async () => {
  const key = randomUUID();
  const garbage = Buffer.from('no event');
  const foreign = Buffer.from([0, 255, 255, 255, 249, 1]);
  const broken = encodeEvent('delivery.attempted.v1', anAttempt(key, 1, 'intended', null)).subarray(0, 9);
  const produce = async (value: Buffer) =>
    (await producer.produce([{ topic: 'delivery.attempted.v1', key, value }]))[0];
  const undecoded = new UndecodedStore(clickhouse, { learn: async () => 'unknown' });
  const firstOpen = async () =>
    undecoded.firstOpen('delivery.attempted.v1', await offsets.readOf('delivery.attempted.v1'));
  const isOpen = (value: Buffer) =>
    eventually(
      () =>
        clickhouse.rows('SELECT 1 FROM open_undecoded_records WHERE hex(value) = upper({value:String})', {
          value: value.toString('hex'),
        }),
      (rows) => rows.length > 0,
    );
  await produce(garbage);
  await produce(foreign);
  await Promise.all([isOpen(garbage), isOpen(foreign)]);
  expect(await firstOpen()).toEqual(new Map());
  const position = await produce(broken);
  await isOpen(broken);
  expect(await firstOpen()).toEqual(new Map([[position?.partition, position?.offset]]));
});

it('counts a record published again as open until ClickHouse has committed the repeat', async () => {
  const topic = 'click.recorded.v1';
  const bytes = encodeEvent(topic, aClick()).toString('hex');
  // Of a partition that the topic does not have, so that no other test's record stands there.
  const place = `'${topic}', 40, 700`;
  await clickhouse.run(
    `INSERT INTO undecoded_records (topic, recordPartition, recordOffset, value, seenAt) VALUES (${place}, unhex('${bytes}'), now64(3))`,
  );
  await clickhouse.run(`INSERT INTO republished_records VALUES (${place}, 40, 900, now64(3))`);
  const firstOpen = async (committed: number) =>
    (await new UndecodedStore(clickhouse).firstOpen(topic, new Map([[40, committed]]))).get(40);
  expect(await firstOpen(900)).toBe(700);
  expect(await firstOpen(-1)).toBe(700);
  expect(await firstOpen(901)).toBeUndefined();
});

function anAttempt(
  deliveryId: string,
  attempt: number,
  phase: 'intended' | 'ended',
  outcome: 'retry' | 'refused' | 'delivered' | null,
) {
  return {
    requestId: randomUUID(),
    phase,
    destinationId: 'd',
    definition: 'meta',
    definitionVersion: 'v25.0',
    advertiserId: 'acme',
    deliveries: [
      {
        deliveryId,
        conversionId: deliveryId,
        revision: 1,
        outwardEvent: 'Lead',
        attempt,
        outcome,
        reasonCode: null,
        contentDigest: '',
        nextAttemptAt: null,
      },
    ],
    method: 'POST',
    url: 'https://example.test/',
    requestHeaders: {},
    requestBody: null,
    responseStatus: null,
    responseHeaders: {},
    responseBody: null,
    errorCode: null,
    startedAt: 1,
    endedAt: null,
    durationMs: null,
    configurationVersion: 0,
    isTest: false,
    holdings: [
      {
        holdingId: deliveryId,
        conversionId: deliveryId,
        event: 'Lead',
        deliveryId,
        kind: 'restate',
        revision: 2,
        attempt,
        tries: attempt,
        outcome,
        reasonCode: outcome === 'refused' ? 'correction_not_taken' : null,
        nextAttemptAt: null,
        mayHaveArrived: true,
        repeatedFor: 0,
        eventRevision: 1,
        heldBy: HELD_BY,
        toldState: 'payable',
        toldRevenueMicros: -(2n ** 62n),
        toldRevenueCurrency: 'EUR',
        toldPayoutMicros: null,
        toldPayoutCurrency: null,
        heldState: 'pending',
        heldRevenueMicros: null,
        heldRevenueCurrency: null,
        heldPayoutMicros: 7n,
        heldPayoutCurrency: 'USD',
      },
    ],
  };
}
