/** Two ClickHouse servers as two shards: the rendered migrations spread rows by id, and a repeat through the other host counts once. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureTopics, KafkaConnection, KafkaEventProducer, outgoing } from '@tributary/bus';
import { type EmbeddedClickhouse, findFreePorts, startEmbeddedClickhouse } from '@tributary/engines';
import { createLogger } from '@tributary/runtime';
import { ClickhouseConnection, migrateHosts, StoredOffsets, UndecodedStore } from '@tributary/store';
import { aClick, aDecision, eventually } from '@tributary/testing';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';

const MIGRATIONS = join(import.meta.dirname, '../../migrations/clickhouse');
const DATABASE = 'cluster_test';
const PASSWORD = 'p&<ss>';
const CLUSTER = 'shards';

const home = mkdtempSync(join(tmpdir(), 'tributary-cluster-'));
const servers: EmbeddedClickhouse[] = [];
const hosts: { admin: ClickhouseConnection; database: ClickhouseConnection }[] = [];
let connection: KafkaConnection;
let producer: KafkaEventProducer;
let offsets: StoredOffsets;

const settings = () => ({
  kafkaBrokers: inject('brokers').split(','),
  schemaRegistryUrl: inject('schemaRegistryUrl'),
  flushMs: 100,
  reportFlushMs: 100,
  cluster: { name: CLUSTER, isReplicated: false },
});

beforeAll(async () => {
  const [http1 = 0, http2 = 0, ...shardTcpPorts] = await findFreePorts(4);
  const start = (httpPort: number, index: number) =>
    startEmbeddedClickhouse({
      home: join(home, String(index)),
      httpPort,
      tcpPort: shardTcpPorts[index] ?? 0,
      password: PASSWORD,
      analystPassword: PASSWORD,
      cluster: { name: CLUSTER, shardTcpPorts },
    });
  servers.push(...(await Promise.all([http1, http2].map(start))));
  for (const { url } of servers) {
    const connect = (database: string) =>
      new ClickhouseConnection({ url, user: 'tributary', password: PASSWORD, database });
    hosts.push({ admin: connect('default'), database: connect(DATABASE) });
  }
  const logger = createLogger('cluster-test', 'silent');
  connection = new KafkaConnection({ brokers: inject('brokers').split(','), clientId: 'cluster', logger });
  await ensureTopics(connection, 1);
  producer = new KafkaEventProducer({ connection });
  offsets = new StoredOffsets(connection, DATABASE);
  expect(await migrateHosts(hosts, MIGRATIONS, settings())).not.toEqual([]);
  expect(await migrateHosts(hosts, MIGRATIONS, settings())).toEqual([]);
});

afterAll(async () => {
  await producer?.close();
  await connection?.close();
  for (const { admin, database } of hosts) await Promise.all([admin.close(), database.close()]);
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(home, { recursive: true, force: true });
});

async function stored(topic: string): Promise<void> {
  // Leaders of new topics and the coordinator of a new group may still be on their way.
  await eventually(
    async () => {
      try {
        await offsets.waitFor(topic, await offsets.endOf(topic), 30_000);
        return 'stored';
      } catch (error) {
        return String(error);
      }
    },
    (outcome) => outcome === 'stored',
    50_000,
  );
}

/** Rows under a table's own name, host by host, in the order of the shards. */
function onEach<Row>(sql: string, parameters: Readonly<Record<string, unknown>> = {}) {
  return Promise.all(hosts.map(({ database }) => database.rows<Row>(sql, parameters)));
}

it('spreads rows by their id, whichever host read them, and shows all of them on both', async () => {
  const clickIds = Array.from({ length: 200 }, () => randomUUID());
  await producer.produce(
    clickIds.map((clickId) => outgoing('click.recorded.v1', clickId, aClick({ clickId }))),
  );
  await stored('click.recorded.v1');
  const where = 'WHERE clickId IN (SELECT arrayJoin({clickIds:Array(UUID)}))';
  const local = await onEach<{ shard: number; n: string }>(
    `SELECT toUInt8(cityHash64(clickId) % 2) AS shard, count() AS n FROM clicks_local FINAL ${where} GROUP BY shard`,
    { clickIds },
  );
  expect(local.map((rows) => rows.map(({ shard }) => shard))).toEqual([[0], [1]]);
  const all = await onEach<{ n: string }>(`SELECT count() AS n FROM clicks FINAL ${where}`, { clickIds });
  expect(all).toEqual([[{ n: '200' }], [{ n: '200' }]]);
  // Both hosts read the topic: the group deals its partitions between them.
  const readers = await onEach<{ n: string }>(
    "SELECT count() AS n FROM system.kafka_consumers WHERE table = 'clicks_queue' AND notEmpty(assignments.partition_id)",
  );
  expect(readers).toEqual([[{ n: '1' }], [{ n: '1' }]]);
});

it('counts an id once that is redelivered through the other host', async () => {
  const conversionId = randomUUID();
  const decision = aDecision({ conversionId });
  await producer.produce([outgoing('conversion.decided.v1', conversionId, decision)]);
  await stored('conversion.decided.v1');
  // What a rebalance between write and commit does: the other host writes the same row again.
  for (const { database } of hosts) {
    await database.run(
      `INSERT INTO conversions SELECT * FROM conversions WHERE conversionId = '${conversionId}' SETTINGS distributed_foreground_insert = 1`,
    );
  }
  const raw = await onEach<{ n: string }>(
    'SELECT count() AS n FROM conversions WHERE conversionId = {conversionId:UUID}',
    { conversionId },
  );
  expect(raw.map(([row]) => Number(row?.n))).not.toEqual([1, 1]);
  const final = await onEach<{ n: string }>(
    'SELECT count() AS n FROM conversions FINAL WHERE conversionId = {conversionId:UUID}',
    { conversionId },
  );
  expect(final).toEqual([[{ n: '1' }], [{ n: '1' }]]);
});

it('has stored on every shard what it has committed', async () => {
  for (let turn = 0; turn < 20; turn++) {
    const clickIds = Array.from({ length: 20 }, () => randomUUID());
    await producer.produce(
      clickIds.map((clickId) => outgoing('click.recorded.v1', clickId, aClick({ clickId }))),
    );
    await stored('click.recorded.v1');
    const [rows] = await onEach<{ n: string }>(
      'SELECT count() AS n FROM clicks FINAL WHERE clickId IN (SELECT arrayJoin({clickIds:Array(UUID)}))',
      { clickIds },
    );
    expect(rows).toEqual([{ n: '20' }]);
  }
});

it('keeps undecoded records where every host finds them', async () => {
  const key = randomUUID();
  const [{ partition, offset } = { partition: 0, offset: 0 }] = await producer.produce([
    { topic: 'click.recorded.v1', key, value: Buffer.from('not avro') },
  ]);
  const found = await Promise.all(
    hosts.map(({ database }) =>
      eventually(
        () => new UndecodedStore(database).open({ topic: 'click.recorded.v1', partition, offset }, 1),
        (records) => records.some((record) => record.key.toString() === key),
      ),
    ),
  );
  const ofKey = found.map((records) => records.filter((record) => record.key.toString() === key).length);
  expect(ofKey).toEqual([1, 1]);
});
