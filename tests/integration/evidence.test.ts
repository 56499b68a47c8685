/** The evidence of a conversion on a real ClickHouse: through the topics and back, each fact once, and nothing of other conversions. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import {
  ensureTopics,
  KafkaConnection,
  KafkaEventProducer,
  type OutgoingRecord,
  outgoing,
} from '@tributary/bus';
import type { ConversionDecided } from '@tributary/contracts';
import { createLogger } from '@tributary/runtime';
import {
  ClickhouseConnection,
  type ConversionEvidence,
  EvidenceStore,
  migrate,
  StoredOffsets,
} from '@tributary/store';
import { aPostback } from '@tributary/testing';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import {
  REFUND_EVIDENCE,
  REFUND_ID,
  SALE_EVIDENCE,
  SALE_ID,
} from '../../apps/console/src/explain/evidence.fixture.ts';
import { publish } from './publish.ts';

const DATABASE = 'evidence_test';
const MIGRATIONS = join(import.meta.dirname, '../../migrations/clickhouse');
const TOPICS = [
  'click.recorded.v1',
  'postback.received.v1',
  'postback.judged.v1',
  'conversion.decided.v1',
  'delivery.attempted.v1',
  'configuration.changed.v1',
] as const;
const OTHER_ID = 'c0ffee00-0000-8000-8000-0000000000b1';
const OTHER_RECEIPT = '019b7c40-0000-7000-8000-0000000000b1';

let connection: KafkaConnection;
let producer: KafkaEventProducer;
let clickhouse: ClickhouseConnection;
let store: EvidenceStore;

function connect(database: string): ClickhouseConnection {
  return new ClickhouseConnection({
    url: inject('clickhouseUrl'),
    user: 'tributary',
    password: 'tributary',
    database,
  });
}

function decided(decision: ConversionDecided): OutgoingRecord {
  return outgoing('conversion.decided.v1', decision.conversionId, decision);
}

function recordsOf({ revisions, postbacks, clicks, attempts }: ConversionEvidence): OutgoingRecord[] {
  return [
    ...clicks.map((click) => outgoing('click.recorded.v1', click.clickId, click)),
    ...postbacks.flatMap(({ judged, postback }) => [
      ...(postback === null ? [] : [outgoing('postback.received.v1', 'acme', postback)]),
      outgoing('postback.judged.v1', judged.receiptId, judged),
    ]),
    ...revisions.map(decided),
    ...attempts.map((attempt) => outgoing('delivery.attempted.v1', SALE_ID, attempt)),
  ];
}

/** Rows of another conversion of the same lane, click and request. */
function ofAnother(): OutgoingRecord[] {
  const [{ judged }] = SALE_EVIDENCE.postbacks as [(typeof SALE_EVIDENCE.postbacks)[number]];
  return [
    decided({ ...SALE_EVIDENCE.revisions[0], conversionId: OTHER_ID }),
    outgoing('postback.received.v1', 'acme', aPostback({ receiptId: OTHER_RECEIPT })),
    outgoing('postback.judged.v1', OTHER_RECEIPT, {
      ...judged,
      receiptId: OTHER_RECEIPT,
      conversionId: OTHER_ID,
    }),
  ];
}

beforeAll(async () => {
  const logger = createLogger('evidence-test', 'silent');
  const brokers = inject('brokers').split(',');
  connection = new KafkaConnection({ brokers, clientId: 'evidence-test', logger });
  await ensureTopics(connection, 1);
  producer = new KafkaEventProducer({ connection });
  const admin = connect('default');
  clickhouse = connect(DATABASE);
  await migrate(admin, clickhouse, MIGRATIONS, {
    kafkaBrokers: brokers,
    schemaRegistryUrl: inject('schemaRegistryUrl'),
    flushMs: 100,
    reportFlushMs: 100,
  });
  await admin.close();
  store = new EvidenceStore(clickhouse);
  const records = [SALE_EVIDENCE, REFUND_EVIDENCE].flatMap(recordsOf);
  // The log hands everything out a second time, as after a crash.
  await publish(producer, [...records, ...ofAnother(), ...records]);
  await stored();
});

async function stored(): Promise<void> {
  const offsets = new StoredOffsets(connection, DATABASE);
  for (const topic of TOPICS) await offsets.waitFor(topic, await offsets.endOf(topic), 30_000);
}

afterAll(async () => {
  await producer.close();
  await connection.close();
  await clickhouse.close();
});

function byId(evidence: ConversionEvidence | null) {
  return evidence === null
    ? null
    : { ...evidence, clicks: evidence.clicks.toSorted((a, b) => (a.clickId < b.clickId ? -1 : 1)) };
}

it('gives a sale back with its repeats, its refund and its deliveries', async () => {
  expect(byId(await store.evidenceOf(SALE_ID))).toEqual(SALE_EVIDENCE);
});

it('gives a refund back with its original as it stands', async () => {
  expect(byId(await store.evidenceOf(REFUND_ID))).toEqual(REFUND_EVIDENCE);
});

it('knows a verdict whose postback has left', async () => {
  const [first] = SALE_EVIDENCE.postbacks;
  await clickhouse.run(
    `ALTER TABLE postbacks DELETE WHERE receiptId = '${OTHER_RECEIPT}' SETTINGS mutations_sync = 2`,
  );
  expect((await store.evidenceOf(OTHER_ID))?.postbacks).toEqual([
    {
      judged: { ...first?.judged, receiptId: OTHER_RECEIPT, conversionId: OTHER_ID },
      postback: null,
    },
  ]);
});

it('goes by the first verdict on a receipt that was judged twice', async () => {
  const [{ judged: verdict }] = SALE_EVIDENCE.postbacks as [(typeof SALE_EVIDENCE.postbacks)[number]];
  const [first = '', second = '', receiptId = ''] = Array.from({ length: 3 }, () => randomUUID());
  for (const conversionId of [first, second]) {
    const judged = { ...verdict, receiptId, conversionId };
    await publish(producer, [
      decided({ ...SALE_EVIDENCE.revisions[0], conversionId }),
      outgoing('postback.judged.v1', receiptId, judged),
    ]);
    // Each in a part of its own, which nothing has merged yet.
    await stored();
  }
  expect((await store.evidenceOf(first))?.postbacks.map(({ judged }) => judged.receiptId)).toEqual([
    receiptId,
  ]);
  expect((await store.evidenceOf(second))?.postbacks).toEqual([]);
});

it('knows nothing of what does not exist', async () => {
  expect(await store.evidenceOf('c0ffee00-0000-8000-8000-00000000dead')).toBeNull();
});

it('names the changes at places of the configuration log', async () => {
  const changeId = 'c4a09e00-0000-7000-8000-000000000001';
  await clickhouse.run(
    `INSERT INTO configuration_changes (changeId, entityType, entityId, operation, effectiveFrom, recordedAt, actor, recordOffset, recordVersion)
     VALUES ('${changeId}', 'offer', 'acme-offer', 'put', '1970-01-01 00:00:01.500', '1970-01-01 00:00:01', 'bootstrap', 900001, 1)`,
  );
  expect(await store.changesAt([900_001, 900_002])).toEqual([
    {
      changeId,
      entityType: 'offer',
      entityId: 'acme-offer',
      version: 900_001,
      effectiveFrom: 1_500,
      recordedAt: 1_000,
      actor: 'bootstrap',
    },
  ]);
  expect(await store.changesAt([])).toEqual([]);
});
