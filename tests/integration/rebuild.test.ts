/** Tables rebuilt on real engines: whole again while everybody goes on, refused where records are gone, untouched after a crash. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureTopics, KafkaConnection, KafkaEventProducer, outgoing } from '@tributary/bus';
import { createLogger } from '@tributary/runtime';
import {
  ClickhouseConnection,
  hasReached,
  migrate,
  type RebuildOptions,
  type RebuildOutcome,
  StoredOffsets,
  TableRebuild,
} from '@tributary/store';
import { aClick, aDecision, aRefusal, eventually } from '@tributary/testing';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { patiently, publish } from './publish.ts';

const ROOT = join(import.meta.dirname, '../..');
const MIGRATIONS = join(ROOT, 'migrations/clickhouse');
const MICROS = 9_000_000n;

let connection: KafkaConnection;
let producer: KafkaEventProducer;
let admin: ClickhouseConnection;
let database: ClickhouseConnection;
let lines: string[];
let runs = 0;
const opened: ClickhouseConnection[] = [];

function connect<T extends ClickhouseConnection>(
  name: string,
  Type: new (...parameters: ConstructorParameters<typeof ClickhouseConnection>) => T,
): T {
  const url = inject('clickhouseUrl');
  const opening = new Type({ url, user: 'tributary', password: 'tributary', database: name });
  opened.push(opening);
  return opening;
}

beforeAll(async () => {
  const logger = createLogger('rebuild-test', 'silent');
  connection = new KafkaConnection({
    brokers: inject('brokers').split(','),
    clientId: 'rebuild-test',
    logger,
  });
  await ensureTopics(connection, 1);
  producer = new KafkaEventProducer({ connection });
  admin = connect('default', ClickhouseConnection);
});

afterEach(async () => {
  await admin.run(`DROP DATABASE IF EXISTS ${database.database} SYNC`);
});

afterAll(async () => {
  await producer.close();
  await connection.close();
  await Promise.all(opened.map((each) => each.close()));
});

async function aDatabase(name: string): Promise<void> {
  lines = [];
  database = connect(name, ClickhouseConnection);
  await migrate(admin, database, MIGRATIONS, {
    kafkaBrokers: inject('brokers').split(','),
    schemaRegistryUrl: inject('schemaRegistryUrl'),
    flushMs: 100,
    reportFlushMs: 100,
  });
}

function rebuild(
  table: string,
  options: Partial<RebuildOptions> = {},
  clickhouse = database,
): Promise<RebuildOutcome> {
  // Two runs within a second would make tables of one name.
  runs += 1;
  const startedAt = Date.UTC(2026, 0, 1) + runs * 1_000;
  const print = (line: string) => void lines.push(line);
  return new TableRebuild(clickhouse, connection).run({ table, startedAt, print, ...options });
}

async function stored(topic: string): Promise<void> {
  const offsets = new StoredOffsets(connection, database.database);
  const end = await patiently(() => offsets.endOf(topic));
  await patiently(() => offsets.waitFor(topic, end, 30_000));
}

/** Every row of a table as text, by its key. */
async function rowsOf(table: string, key: string): Promise<ReadonlyMap<string, string>> {
  const rows = await database.rows<{ id: string; row: string }>(
    `SELECT toString(${key}) AS id, hex(formatRow('RowBinary', *)) AS row FROM ${table} FINAL`,
  );
  return new Map(rows.map(({ id, row }) => [id, row]));
}

async function expectNothingLeft(): Promise<void> {
  const left = await database.rows<{ name: string }>(
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND (name LIKE '%_rebuild_%' OR comment != '')",
  );
  expect(left).toEqual([]);
  const kafka = connection.kafka.admin();
  await kafka.connect();
  const { groups } = await kafka.listGroups();
  await kafka.disconnect();
  const own = groups
    .map(({ groupId }) => groupId)
    .filter((id) => id.startsWith(`clickhouse.${database.database}.`));
  expect(own.filter((id) => id.includes('.rebuild.'))).toEqual([]);
}

const decision = (conversionId: string, revision: number, micros = MICROS) =>
  outgoing(
    'conversion.decided.v1',
    conversionId,
    aDecision({ conversionId, revision, revenueMicros: micros }),
  );

const ids = (count: number) => Array.from({ length: count }, () => randomUUID());

/** By `npm run faults -- rebuild`; the others take a minute. */
const isAtFullLength = process.env['REBUILD_AT_FULL_LENGTH'] === '1';

describe('a damaged table', () => {
  it('is whole again, while a producer writes and whoever reads finds all that is stored', async () => {
    await aDatabase('rebuild_live');
    const old = ids(3_000);
    for (const revision of [1, 2])
      await publish(
        producer,
        old.map((id) => decision(id, revision)),
      );
    await stored('conversion.decided.v1');
    const whole = await rowsOf('conversions', 'conversionId');
    const [deleted, altered] = [old.slice(0, 500), old.slice(500, 900)];
    const listed = (some: readonly string[]) => some.map((id) => `'${id}'`).join(', ');
    await database.run(
      `ALTER TABLE conversions DELETE WHERE conversionId IN (${listed(deleted)}) SETTINGS mutations_sync = 2`,
    );
    await database.run(
      `ALTER TABLE conversions UPDATE revenueMicros = 1 WHERE conversionId IN (${listed(altered)}) SETTINGS mutations_sync = 2`,
    );

    const flowing = flow(old.slice(900));
    await eventually(
      () => flowing.written.length,
      (count) => count >= 80,
    );
    const tables = await new TableRebuild(database, connection).tables();
    expect(tables).toEqual(expect.arrayContaining(['clicks', 'conversions', 'decisions', 'deliveries']));
    expect(tables).not.toContain('undecoded_records');
    const outcome = await rebuild('conversions');
    const during = flowing.written.length;
    await eventually(
      () => flowing.written.length,
      (count) => count >= during + 80,
    );
    await flowing.stop();
    console.log(lines.join('\n'), `\n${flowing.written.length} written, each looked up`);
    expect(outcome).toMatchObject({
      kind: 'rebuilt',
      comparison: {
        missing: 500,
        changed: 400,
        vanishing: 0,
        changedColumns: [{ column: 'revenueMicros', rows: 400 }],
      },
    });
    expect(flowing.unseen).toEqual([]);

    await stored('conversion.decided.v1');
    const after = await rowsOf('conversions', 'conversionId');
    const touched = new Set(flowing.written);
    const differing = [...whole].filter(([id, row]) => !touched.has(id) && after.get(id) !== row);
    expect(differing).toEqual([]);
    expect(after.size).toBe(new Set([...whole.keys(), ...touched]).size);
    await expectNothingLeft();

    expect(outcome.kind === 'rebuilt' && (await rowsOf(outcome.keptAs, 'conversionId')).size).toBeGreaterThan(
      0,
    );
    const dropped = await new TableRebuild(database, connection).dropKept('conversions');
    expect(dropped).toEqual([outcome.kind === 'rebuilt' && outcome.keptAs]);
  }, 180_000);

  it('is whole again where it keeps bytes, and where keys are made of a part of the record', async () => {
    await aDatabase('rebuild_lookups');
    const some = ids(100);
    await publish(
      producer,
      some.map((id) => decision(id, 1)),
    );
    await stored('conversion.decided.v1');
    for (const [table, key] of [
      ['decision_records', '(conversionId, recordPartition, recordOffset)'],
      ['conversion_keys', '(keyHash, conversionId)'],
      ['conversion_revisions', 'conversionId'],
    ] as const) {
      const whole = await rowsOf(table, key);
      const listed = some.slice(0, 50).map((id) => `'${id}'`);
      await database.run(
        `ALTER TABLE ${table} DELETE WHERE conversionId IN (${listed.join(', ')}) SETTINGS mutations_sync = 2`,
      );
      expect(await rebuild(table)).toMatchObject({
        kind: 'rebuilt',
        comparison: { changed: 0, vanishing: 0 },
      });
      expect(await rowsOf(table, key)).toEqual(whole);
      await expectNothingLeft();
    }
  }, 120_000);

  /** New conversions and new revisions of `known`; each is looked up as soon as its record counts as stored. */
  function flow(known: readonly string[]) {
    const written: string[] = [];
    const unseen: string[] = [];
    let isFlowing = true;
    const offsets = new StoredOffsets(connection, database.database);
    const ended = (async () => {
      for (let turn = 0; isFlowing; turn++) {
        const turnIds = [...ids(20), ...known.slice(0, 20)];
        const revision = 3 + turn;
        const places = await patiently(() => producer.produce(turnIds.map((id) => decision(id, revision))));
        const end = new Map(places.map(({ partition, offset }) => [partition, offset + 1]));
        while (!hasReached(await patiently(() => offsets.storedOf('conversion.decided.v1')), end))
          await delay(10);
        const found = await database.rows<{ id: string }>(
          'SELECT conversionId AS id FROM conversions FINAL WHERE conversionId IN {turnIds:Array(UUID)} AND revision = {revision:Int32}',
          { turnIds, revision },
        );
        if (found.length !== turnIds.length) unseen.push(...turnIds);
        written.push(...turnIds);
      }
    })();
    return {
      written,
      unseen,
      stop: async () => {
        isFlowing = false;
        await ended;
      },
    };
  }

  it.runIf(isAtFullLength)(
    'is left alone when it has rows that the topic has not, unless their loss is accepted',
    async () => {
      await aDatabase('rebuild_foreign');
      await publish(
        producer,
        ids(10).map((clickId) => outgoing('click.recorded.v1', clickId, aClick({ clickId }))),
      );
      await stored('click.recorded.v1');
      const foreign = randomUUID();
      await database.run(
        `INSERT INTO clicks SELECT * REPLACE ('${foreign}' AS clickId) FROM clicks FINAL LIMIT 1`,
      );
      const before = await rowsOf('clicks', 'clickId');
      expect(await rebuild('clicks')).toMatchObject({ kind: 'refused', code: 'rows_missing' });
      expect(await rowsOf('clicks', 'clickId')).toEqual(before);
      await expectNothingLeft();
      expect(await rebuild('clicks', { isLossAccepted: true })).toMatchObject({
        kind: 'rebuilt',
        comparison: { missing: 0, changed: 0, vanishing: 1 },
      });
      expect([...(await rowsOf('clicks', 'clickId')).keys()]).not.toContain(foreign);
    },
    120_000,
  );
});

describe.runIf(isAtFullLength)('a record that cannot be decoded', () => {
  it('stops a rebuild only when it could be decoded before', async () => {
    await aDatabase('rebuild_undecoded');
    const key = randomUUID();
    // Zero byte, schema id 1, a body that ends too early.
    await publish(producer, [
      { topic: 'postback.judged.v1', key, value: Buffer.from([0, 0, 0, 0, 1, 255, 255]) },
    ]);
    await stored('postback.judged.v1');
    const undecoded = () => database.rows<{ key: string }>('SELECT key FROM undecoded_records');
    expect((await undecoded()).map((row) => row.key)).toContain(key);
    const outcome = await rebuild('receipts');
    expect(outcome).toMatchObject({ kind: 'rebuilt', comparison: { missing: 0, vanishing: 0 } });
    // As though the first reading had decoded it.
    await database.run('TRUNCATE TABLE undecoded_records');
    expect(await rebuild('receipts')).toMatchObject({ kind: 'refused', code: 'undecoded' });
    expect(await undecoded()).toEqual([]);
    await expectNothingLeft();
  }, 120_000);
});

describe('a topic that no longer reaches back to its start', () => {
  it('is refused, and with the raw table in its place the table is whole again', async () => {
    await aDatabase('rebuild_truncated');
    const refusal = () => {
      const refusalId = randomUUID();
      return outgoing('postback.refused.v1', refusalId, aRefusal({ refusalId }));
    };
    await publish(producer, Array.from({ length: 200 }, refusal));
    await stored('postback.refused.v1');
    const end = await patiently(() => connection.endOffsets('postback.refused.v1'));
    const removed = [...end].filter(([, offset]) => offset > 0);
    await publish(producer, Array.from({ length: 200 }, refusal));
    await stored('postback.refused.v1');
    const whole = await rowsOf('refused_postbacks', 'refusalId');
    const kafka = connection.kafka.admin();
    await kafka.connect();
    // This client knows of a topic's partitions only after it was asked about them.
    await kafka.fetchTopicOffsets('postback.refused.v1');
    await kafka.deleteTopicRecords({
      topic: 'postback.refused.v1',
      partitions: removed.map(([partition, offset]) => ({ partition, offset: String(offset) })),
    });
    await kafka.disconnect();
    expect(await rebuild('refused_postbacks')).toMatchObject({ kind: 'refused', code: 'topic_truncated' });
    await expectNothingLeft();

    const lost = removed.map(
      ([partition, offset]) => `(recordPartition = ${partition} AND recordOffset < ${offset})`,
    );
    await database.run(
      `ALTER TABLE refused_postbacks DELETE WHERE NOT (${lost.join(' OR ')}) SETTINGS mutations_sync = 2`,
    );
    const outcome = await rebuild('refused_postbacks', { isFedFromTable: true });
    console.log(lines.join('\n'));
    expect(outcome).toMatchObject({
      kind: 'rebuilt',
      comparison: { missing: 200, changed: 0, vanishing: 0 },
    });
    expect(await rowsOf('refused_postbacks', 'refusalId')).toEqual(whole);
    await expectNothingLeft();
  }, 120_000);
});

describe.runIf(isAtFullLength)('a run that does not come to its end', () => {
  /** Fails at one statement, before or after ClickHouse has carried it out. */
  class Failing extends ClickhouseConnection {
    at: RegExp = /^$/;
    isAfter = false;

    override async run(sql: string): Promise<void> {
      const isIt = this.at.test(sql);
      if (isIt && !this.isAfter) throw new Error('cut');
      await super.run(sql);
      if (isIt) throw new Error('cut');
    }
  }

  async function clicksStored() {
    await publish(
      producer,
      ids(20).map((clickId) => outgoing('click.recorded.v1', clickId, aClick({ clickId }))),
    );
    await stored('click.recorded.v1');
    return rowsOf('clicks', 'clickId');
  }

  it('removes what it has made, wherever it fails', async () => {
    await aDatabase('rebuild_cut');
    const before = await clicksStored();
    const failing = connect(database.database, Failing);
    const uuid = () =>
      database.rows("SELECT uuid FROM system.tables WHERE database = currentDatabase() AND name = 'clicks'");
    const live = await uuid();
    for (const at of [/^CREATE TABLE \S+_queue/, /_join_1 TO/, /^INSERT INTO \S+_differences/, /^EXCHANGE/]) {
      failing.at = at;
      // Something to be told apart, so that rows are looked at.
      await database.run(
        'ALTER TABLE clicks DELETE WHERE clickId = (SELECT min(clickId) FROM clicks) SETTINGS mutations_sync = 2',
      );
      await expect(rebuild('clicks', {}, failing), String(at)).rejects.toThrow('cut');
      expect(await uuid()).toEqual(live);
      await expectNothingLeft();
    }
    failing.isAfter = true;
    await expect(rebuild('clicks', {}, failing)).rejects.toThrow('cut');
    await expectNothingLeft();
    // The exchange was carried out and its answer lost: then the rebuilt table stands, and the other is kept.
    expect(await uuid()).not.toEqual(live);
    expect(await rowsOf('clicks', 'clickId')).toEqual(before);
    expect((await new TableRebuild(database, connection).dropKept('clicks')).length).toBe(1);
    const more = await clicksStored();
    expect(more.size).toBe(before.size + 20);
  }, 180_000);

  it('is broken off by a signal, and refused beside another', async () => {
    await aDatabase('rebuild_signal');
    const before = await clicksStored();
    const controller = new AbortController();
    const print = (line: string) => {
      if (line.startsWith('reading')) setTimeout(() => controller.abort(), 300);
    };
    const first = rebuild('clicks', { print, signal: controller.signal });
    await delay(500);
    await expect(rebuild('clicks')).rejects.toThrow('held by another');
    expect(await first).toMatchObject({ kind: 'refused', code: 'interrupted' });
    expect(await rowsOf('clicks', 'clickId')).toEqual(before);
    await expectNothingLeft();
  }, 120_000);

  it('may be killed: the live table goes on, and the next run removes what was left', async () => {
    await aDatabase('rebuild_killed');
    const before = await clicksStored();
    const child = spawn(process.execPath, [join(ROOT, 'apps/cli/dist/main.js'), 'rebuild', 'clicks'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        KAFKA_BROKERS: inject('brokers'),
        CLICKHOUSE_URL: inject('clickhouseUrl'),
        CLICKHOUSE_USER: 'tributary',
        CLICKHOUSE_PASSWORD: 'tributary',
        CLICKHOUSE_DATABASE: database.database,
        LOG_LEVEL: 'silent',
      },
    });
    child.stdout.on('data', (text: Buffer) => {
      if (text.toString().includes('reading')) setTimeout(() => child.kill('SIGKILL'), 200);
    });
    await new Promise((resolve) => child.once('exit', resolve));
    expect(child.signalCode).toBe('SIGKILL');
    const left = await database.rows(
      "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'clicks_rebuild_%'",
    );
    expect(left.length).toBeGreaterThan(5);
    expect(await rowsOf('clicks', 'clickId')).toEqual(before);
    expect((await clicksStored()).size).toBe(before.size + 20);

    const next = await eventually(
      () => rebuild('clicks').catch((error: unknown) => String(error)),
      (outcome) => typeof outcome !== 'string',
    );
    expect(next).toMatchObject({ kind: 'rebuilt', comparison: { missing: 0, changed: 0, vanishing: 0 } });
    await expectNothingLeft();
  }, 120_000);
});
