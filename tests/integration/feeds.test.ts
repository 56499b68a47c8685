/** The feeds on a real ClickHouse: nothing is lost while they are made, changed or interrupted, and a record published again takes its first place. */
import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ensureTopics,
  KafkaConnection,
  KafkaEventProducer,
  type OutgoingRecord,
  outgoing,
} from '@tributary/bus';
import { createLogger, DependencyFailure } from '@tributary/runtime';
import { ClickhouseConnection, migrate, StoredOffsets } from '@tributary/store';
import { aClick, eventually } from '@tributary/testing';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';

const MIGRATIONS = join(import.meta.dirname, '../../migrations/clickhouse');
const FEEDS = '0003_feeds_through_streams.sql';
/** Zero byte, schema id 1, a body that ends too early. */
const POISON = Buffer.from([0, 0, 0, 0, 1, 255, 255]);

let connection: KafkaConnection;
let producer: KafkaEventProducer;
let admin: ClickhouseConnection;
const opened: ClickhouseConnection[] = [];

const settings = () => ({
  kafkaBrokers: inject('brokers').split(','),
  schemaRegistryUrl: inject('schemaRegistryUrl'),
  flushMs: 100,
  reportFlushMs: 100,
});

function connect(database: string): ClickhouseConnection {
  const url = inject('clickhouseUrl');
  const opening = new ClickhouseConnection({ url, user: 'tributary', password: 'tributary', database });
  opened.push(opening);
  return opening;
}

beforeAll(async () => {
  const logger = createLogger('feeds-test', 'silent');
  connection = new KafkaConnection({ brokers: inject('brokers').split(','), clientId: 'feeds-test', logger });
  await ensureTopics(connection, 1);
  producer = new KafkaEventProducer({ connection });
  admin = connect('default');
  // Right after its creation a topic may have no leader yet.
  await eventually(
    () =>
      producer.produce([{ topic: 'click.recorded.v1', key: 'first', value: POISON }]).then(
        () => true,
        () => false,
      ),
    (isTaken) => isTaken,
    60_000,
  );
});

afterEach(async () => {
  for (const { database } of opened.filter((each) => each !== admin)) {
    await admin.run(`DROP DATABASE IF EXISTS ${database} SYNC`);
  }
});

afterAll(async () => {
  await producer.close();
  await connection.close();
  await Promise.all(opened.map((each) => each.close()));
});

/** Runs the migrations up to their statement number `cutAt`, as a crash would leave them. */
async function migrateUntil(
  database: ClickhouseConnection,
  cutAt: number,
  folder: string,
): Promise<'cut' | 'done'> {
  let statements = 0;
  const cut = {
    database: database.database,
    rows: database.rows.bind(database),
    run: async (sql: string) => {
      if (statements++ === cutAt) throw new Error('cut');
      await database.run(sql);
    },
  };
  try {
    await migrate(admin, cut, folder, settings());
    return 'done';
  } catch (error) {
    if (error instanceof Error && error.message === 'cut') return 'cut';
    throw error;
  }
}

/** Produces, again and again while the broker is busy; the same records twice are the same facts. */
async function producedAtLast(records: readonly OutgoingRecord[]): Promise<void> {
  for (;;) {
    try {
      await producer.produce(records);
      return;
    } catch (error) {
      if (!(error instanceof DependencyFailure)) throw error;
    }
  }
}

/** Clicks and poison, one of each per turn, until stopped. */
function flow() {
  const clickIds: string[] = [];
  const poisonKeys: string[] = [];
  let isFlowing = true;
  const ended = (async () => {
    while (isFlowing) {
      const click = aClick({ clickId: randomUUID() });
      const key = randomUUID();
      await producedAtLast([
        outgoing('click.recorded.v1', click.clickId, click),
        { topic: 'click.recorded.v1', key, value: POISON },
      ]);
      clickIds.push(click.clickId);
      poisonKeys.push(key);
      await delay(5);
    }
  })();
  return {
    clickIds,
    poisonKeys,
    stop: async () => {
      isFlowing = false;
      await ended;
    },
  };
}

async function expectAllStored(
  database: ClickhouseConnection,
  { clickIds, poisonKeys }: ReturnType<typeof flow>,
) {
  const offsets = new StoredOffsets(connection, database.database);
  // The coordinator of a new group may still be on its way: Kafka then answers with an error at once.
  await eventually(
    async () => {
      try {
        await offsets.waitFor('click.recorded.v1', await offsets.endOf('click.recorded.v1'), 30_000);
        return 'stored';
      } catch (error) {
        return String(error);
      }
    },
    (outcome) => outcome === 'stored',
    50_000,
  );
  const stored = await database.rows<{ clickId: string }>('SELECT DISTINCT clickId FROM clicks');
  const shown = new Set(stored.map(({ clickId }) => clickId));
  const undecoded = await database.rows<{ key: string }>('SELECT DISTINCT key FROM undecoded_records');
  const set = new Set(undecoded.map(({ key }) => key));
  expect({
    clicks: clickIds.filter((clickId) => shown.has(clickId)).length,
    poison: poisonKeys.filter((key) => set.has(key)).length,
  }).toEqual({
    clicks: clickIds.length,
    poison: poisonKeys.length,
  });
}

/** Every object of a database with the statement that made it, names of the database left out. */
async function objectsOf({ database }: ClickhouseConnection): Promise<readonly string[]> {
  const rows = await admin.rows<{ sql: string }>(
    'SELECT create_table_query AS sql FROM system.tables WHERE database = {database:String} ORDER BY name',
    { database },
  );
  return rows.map(({ sql }) => sql.replaceAll(database, ''));
}

describe('migrations', () => {
  it('cut off after any statement and run again lose nothing and end the same', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'migrations-'));
    // The feed of clicks alone, since the others are made by the same statements; in one file, so that every statement of
    // it is repeated after each cut.
    const [feed = ''] = readFileSync(join(MIGRATIONS, FEEDS), 'utf8').split('-- postback.received.v1\n');
    const tables = readFileSync(join(MIGRATIONS, '0001_tables.sql'), 'utf8');
    writeFileSync(join(folder, '0001_all.sql'), `${tables}\n${feed}`);
    const whole = connect('feeds_whole');
    await migrate(admin, whole, folder, settings());
    const expected = await objectsOf(whole);

    const database = connect('feeds_cut');
    const flowing = flow();
    let cuts = 0;
    while ((await migrateUntil(database, cuts, folder)) === 'cut') cuts++;
    await flowing.stop();
    rmSync(folder, { recursive: true });
    console.log(`${cuts} cuts, ${flowing.clickIds.length} clicks meanwhile`);
    expect(cuts).toBeGreaterThan(25);
    await expectAllStored(database, flowing);
    expect(await objectsOf(database)).toEqual(expected);
  }, 120_000);

  it('bring an installation whose queues are reading to the streams without a gap', async () => {
    const older = mkdtempSync(join(tmpdir(), 'migrations-'));
    for (const name of ['0001_tables.sql', '0002_feeds.sql'])
      cpSync(join(MIGRATIONS, name), join(older, name));
    const database = connect('feeds_upgraded');
    await migrate(admin, database, older, settings());
    rmSync(older, { recursive: true });
    const flowing = flow();
    await eventually(
      () => database.rows('SELECT 1 FROM clicks LIMIT 1'),
      (rows) => rows.length > 0,
    );
    const applied = await migrate(admin, database, MIGRATIONS, settings());
    expect(applied).not.toContain('0002_feeds.sql');
    await flowing.stop();
    expect(flowing.clickIds.length).toBeGreaterThan(20);
    await expectAllStored(database, flowing);
  });

  it('by three runners at once are applied once, and nothing is lost', async () => {
    const database = connect('feeds_raced');
    const flowing = flow();
    const runs = await Promise.all(
      [1, 2, 3].map(() => migrate(admin, connect('feeds_raced'), MIGRATIONS, settings())),
    );
    await flowing.stop();
    expect(runs.filter((files) => files.length > 0)).toHaveLength(1);
    await expectAllStored(database, flowing);
  });
});

describe('a queue', () => {
  it('waits for a topic that does not exist yet', async () => {
    const database = connect('feeds_early');
    await migrate(admin, database, MIGRATIONS, settings());
    const topic = `late.${randomUUID()}`;
    await database.run('CREATE TABLE late (text String) ENGINE = MergeTree ORDER BY text');
    await database.run(
      `CREATE TABLE late_queue (text String) ENGINE = Kafka SETTINGS kafka_broker_list = '${inject('brokers')}', kafka_topic_list = '${topic}', kafka_group_name = '${topic}', kafka_format = 'LineAsString', kafka_handle_error_mode = 'stream', kafka_flush_interval_ms = 100`,
    );
    await database.run('CREATE MATERIALIZED VIEW late_intake TO late AS SELECT text FROM late_queue');
    await delay(2_000);
    const kafka = connection.kafka.admin();
    await kafka.connect();
    await kafka.createTopics({
      topics: [{ topic, numPartitions: 1, replicationFactor: 1 }],
      waitForLeaders: true,
    });
    await kafka.disconnect();
    const raw = connection.kafka.producer();
    await raw.connect();
    await raw.send({ topic, messages: [{ value: 'here' }] });
    await raw.disconnect();
    const rows = await eventually(
      () => database.rows<{ text: string }>('SELECT text FROM late'),
      (found) => found.length > 0,
      50_000,
    );
    expect(rows).toEqual([{ text: 'here' }]);
  });
});

describe('a record that is published again', () => {
  it('closes the undecoded one and counts at its first place', async () => {
    const database = connect('feeds_again');
    await migrate(admin, database, MIGRATIONS, settings());
    const clickId = randomUUID();
    const first = aClick({ clickId, partnerClickId: 'first' });
    const second = aClick({ clickId, partnerClickId: 'second' });
    // The first record of the click came while the registry was away; another one under its id was decoded.
    const [undecoded] = await producer.produce([{ topic: 'click.recorded.v1', key: clickId, value: POISON }]);
    await producer.produce([outgoing('click.recorded.v1', clickId, second)]);
    const place = { partition: undecoded?.partition, offset: undecoded?.offset };
    const open = () =>
      database.rows<{ n: string }>(
        'SELECT count() AS n FROM open_undecoded_records WHERE recordPartition = {partition:UInt16} AND recordOffset = {offset:UInt64}',
        place,
      );
    await eventually(open, ([row]) => row?.n === '1', 20_000);

    const headers = { 'tributary-republished-from': `${place.partition}/${place.offset}` };
    await producer.produce([{ topic: 'click.recorded.v1', key: clickId, value: POISON, headers }]);
    await producer.produce([
      {
        ...outgoing('click.recorded.v1', clickId, second),
        headers: { 'tributary-republished-from': 'nowhere' },
      },
    ]);
    const offsets = new StoredOffsets(connection, database.database);
    await eventually(
      async () => (await offsets.readOf('click.recorded.v1')).get(place.partition ?? 0),
      (next) => next !== undefined && next >= (place.offset ?? 0) + 4,
      20_000,
    );
    expect(await open()).toEqual([{ n: '1' }]);

    await producer.produce([{ ...outgoing('click.recorded.v1', clickId, first), headers }]);
    await eventually(open, ([row]) => row?.n === '0', 20_000);
    // The views of a stream write one after the other, in an order of their own.
    const rows = await eventually(
      () =>
        database.rows<{ partnerClickId: string; recordPartition: number; recordOffset: string }>(
          'SELECT partnerClickId, recordPartition, toInt64(recordOffset) AS recordOffset FROM clicks FINAL WHERE clickId = {clickId:UUID}',
          { clickId },
        ),
      ([row]) => row?.partnerClickId === 'first',
      20_000,
    );
    expect(rows).toEqual([
      {
        partnerClickId: 'first',
        recordPartition: place.partition,
        recordOffset: String(place.offset),
      },
    ]);
  });

  it('is closed as well by a dead letter of its place', async () => {
    const database = connect('feeds_dead');
    await migrate(admin, database, MIGRATIONS, settings());
    const key = randomUUID();
    const [undecoded] = await producer.produce([{ topic: 'click.recorded.v1', key, value: POISON }]);
    const open = () =>
      database.rows<{ n: string }>(
        'SELECT count() AS n FROM open_undecoded_records WHERE key = {key:String}',
        { key },
      );
    await eventually(open, ([row]) => row?.n === '1', 20_000);
    await producer.produce([
      outgoing('dead-letter.v1', key, {
        deadLetterId: randomUUID(),
        kind: 'record',
        service: 'console',
        reasonCode: 'undecodable',
        detail: null,
        topic: 'click.recorded.v1',
        partition: undecoded?.partition ?? 0,
        offset: undecoded?.offset ?? 0,
        key: Buffer.from(key),
        value: POISON,
        headers: {},
        conversionId: null,
        deliveryId: null,
        destinationId: null,
        attempts: null,
        deadLetteredAt: 1,
      }),
    ]);
    await eventually(open, ([row]) => row?.n === '0', 20_000);
  });
});

describe('the configuration', () => {
  it('shows analysts no digest of a token, in new rows and in old ones', async () => {
    const older = mkdtempSync(join(tmpdir(), 'migrations-'));
    for (const name of ['0001_tables.sql', '0002_feeds.sql'])
      cpSync(join(MIGRATIONS, name), join(older, name));
    const database = connect('feeds_hashes');
    await migrate(admin, database, older, settings());
    rmSync(older, { recursive: true });
    const change = async () => {
      const changeId = randomUUID();
      const document = JSON.stringify({ tokenHashes: ['a'.repeat(64), `${'0F'.repeat(32)}`], name: 'kept' });
      await producer.produce([
        outgoing('configuration.changed.v1', 'source:x', {
          changeId,
          entityType: 'partner',
          entityId: 'x',
          operation: 'put',
          expectedVersion: -1,
          document,
          secrets: {},
          effectiveFrom: 1,
          recordedAt: 1,
          actor: 'test',
        }),
      ]);
      return changeId;
    };
    const documentOf = async (changeId: string) => {
      const rows = await database.rows<{ document: string }>(
        'SELECT document FROM configuration_changes FINAL WHERE changeId = {changeId:UUID}',
        { changeId },
      );
      return rows[0]?.document;
    };
    const old = await change();
    await eventually(
      () => documentOf(old),
      (document) => document !== undefined,
      20_000,
    );
    expect(await documentOf(old)).toContain('a'.repeat(64));
    await migrate(admin, database, MIGRATIONS, settings());
    const recent = await change();
    await eventually(
      () => documentOf(recent),
      (document) => document !== undefined,
      20_000,
    );
    for (const changeId of [old, recent])
      expect(await documentOf(changeId)).toBe('{"tokenHashes":["(hash)","(hash)"],"name":"kept"}');
  });
});
