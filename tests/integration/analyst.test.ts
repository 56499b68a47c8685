/** The analyst: every documented query runs as this user on data with known answers, and every limit and prohibition holds. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { ensureTopics, KafkaConnection, KafkaEventProducer } from '@tributary/bus';
import { ANALYST_TABLES } from '@tributary/engines';
import { createLogger } from '@tributary/runtime';
import { ClickhouseConnection, migrate, StoredOffsets } from '@tributary/store';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ADVERTISER, HUGE_MICROS, publishAnalystData } from './analyst-data.ts';
import { patiently } from './publish.ts';
import { PYTHON, runPython } from './python.ts';

const REPOSITORY = join(import.meta.dirname, '../..');
/** The one whose tables the user is given. */
const DATABASE = 'tributary';
const PASSWORD = 'tributary';
const FED = [
  'click.recorded.v1',
  'postback.received.v1',
  'postback.refused.v1',
  'postback.judged.v1',
  'conversion.decided.v1',
  'delivery.attempted.v1',
] as const;

let service: ClickhouseConnection;
let analyst: ClickHouseClient;

beforeAll(async () => {
  const logger = createLogger('analyst-test', 'silent');
  const brokers = inject('brokers').split(',');
  const connection = new KafkaConnection({ brokers, clientId: 'analyst-test', logger });
  await ensureTopics(connection, 1);
  const shared = { url: inject('clickhouseUrl'), user: 'tributary', password: PASSWORD };
  const admin = new ClickhouseConnection({ ...shared, database: 'default' });
  service = new ClickhouseConnection({ ...shared, database: DATABASE });
  await migrate(admin, service, join(REPOSITORY, 'migrations/clickhouse'), {
    kafkaBrokers: brokers,
    schemaRegistryUrl: inject('schemaRegistryUrl'),
    flushMs: 100,
    reportFlushMs: 100,
  });
  await admin.close();
  const producer = new KafkaEventProducer({ connection });
  await publishAnalystData(producer);
  await producer.close();
  await allStored(new StoredOffsets(connection, DATABASE));
  await connection.close();
  analyst = clientOf('analyst');
});

afterAll(async () => {
  await analyst?.close();
  await service?.close();
});

async function allStored(offsets: StoredOffsets): Promise<void> {
  for (const topic of FED)
    await patiently(async () => offsets.waitFor(topic, await offsets.endOf(topic), 30_000));
}

function clientOf(username: string): ClickHouseClient {
  return createClient({
    url: inject('clickhouseUrl'),
    username,
    password: PASSWORD,
    database: DATABASE,
    log: { level: ClickHouseLogLevel.OFF },
    compression: { request: true, response: true },
    clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
  });
}

async function rows(query: string, parameters: Record<string, unknown> = {}): Promise<unknown[]> {
  const result = await analyst.query({ query, query_params: parameters, format: 'JSONEachRow' });
  return result.json();
}

/** SQL of the fenced blocks of a page, by the name in their first line. */
function queriesOf(page: string): Map<string, string> {
  const text = readFileSync(join(REPOSITORY, page), 'utf8');
  const blocks = [...text.matchAll(/^```sql\n(?:-- ([\w-]+)\n)?(.*?)^```$/gms)];
  return new Map(blocks.map(([, name, sql = ''], index) => [name ?? `query ${index + 1}`, sql]));
}

/** SQL that the README's shell examples send to ClickHouse. */
function shellQueriesOf(page: string): Map<string, string> {
  const text = readFileSync(join(REPOSITORY, page), 'utf8');
  const blocks = [...text.matchAll(/user=analyst[^\n]*-d "\n(.*?)"$/gms)];
  return new Map(
    blocks.map(([, sql = ''], index) => [`shell query ${index + 1}`, sql.replace(/FORMAT \w+\s*$/, '')]),
  );
}

const DOCUMENTED = new Map([
  ...queriesOf('docs/analysts.md'),
  ...queriesOf('README.md'),
  ...shellQueriesOf('README.md'),
]);

function documented(name: string): Promise<unknown[]> {
  return rows(DOCUMENTED.get(name) ?? `there is no query ${name}`);
}

describe('every documented query', () => {
  it('is found', () => {
    expect(queriesOf('docs/analysts.md').size).toBeGreaterThan(10);
    expect(shellQueriesOf('README.md').size).toBeGreaterThan(0);
  });

  it.each([...DOCUMENTED])('%s answers with rows', async (_name, sql) => {
    if (sql.includes('configuration_changes')) await expect(rows(sql)).resolves.toBeInstanceOf(Array);
    else expect(await rows(sql)).not.toEqual([]);
  });
});

describe('the answers on known data', () => {
  it('match rate, without test traffic', async () => {
    expect(await documented('match-rate')).toEqual([
      { eventType: 'lead', conversions: '1', attributed: '0', waiting: '1', matchRate: null },
      { eventType: 'refund', conversions: '1', attributed: '1', waiting: '0', matchRate: 1 },
      { eventType: 'sale', conversions: '6', attributed: '5', waiting: '0', matchRate: 0.8333 },
    ]);
  });

  it('verdicts and duplicates by reason', async () => {
    expect(await documented('verdicts')).toEqual([
      { verdict: 'counted', reasonCode: null, postbacks: '6', share: 0.8571 },
      { verdict: 'duplicate_of', reasonCode: 'same_transaction', postbacks: '1', share: 0.1429 },
    ]);
  });

  it('refusals', async () => {
    expect(await documented('refusals')).toMatchObject([
      { reasonCode: 'token_invalid', field: 'token', calls: '2' },
      { reasonCode: 'amount_malformed', field: 'revenue', calls: '1' },
    ]);
  });

  it('time from postback to decision', async () => {
    expect(await documented('decision-latency')).toEqual([{ decisions: '8', p50Ms: '50', p95Ms: '80' }]);
  });

  it('what partners earn and bring, to the micro-unit and beyond 64 bits', async () => {
    const huge = String(2n * HUGE_MICROS);
    expect(await documented('partners')).toEqual([
      {
        partnerId: 'p-huge',
        currency: 'IDR',
        clicks: '2',
        conversions: '2',
        revenueMicros: huge,
        payoutMicros: '2000000',
        revenue: expect.anything(),
        payout: expect.anything(),
        conversionRate: 1,
        cpa: 1,
        epc: 1,
        roas: expect.any(Number),
        margin: 1,
      },
      {
        partnerId: 'p-one',
        currency: 'EUR',
        clicks: '10',
        conversions: '2',
        revenueMicros: '120000000',
        payoutMicros: '36000000',
        revenue: 120,
        payout: 36,
        conversionRate: 0.2,
        cpa: 18,
        epc: 3.6,
        roas: 3.2432,
        margin: 0.7,
      },
    ]);
  });

  it('time from click to conversion', async () => {
    expect(await documented('click-to-conversion')).toEqual([
      { eventType: 'refund', conversions: '1', p50Seconds: '600', p95Seconds: '600' },
      { eventType: 'sale', conversions: '5', p50Seconds: '180', p95Seconds: '300' },
    ]);
  });

  it('refunds', async () => {
    expect(await documented('refunds')).toEqual([
      {
        partnerId: 'p-one',
        currency: 'EUR',
        refunds: '1',
        refundedMicros: '-30000000',
        grossMicros: '150000000',
        refundRate: 0.2,
      },
    ]);
  });

  it('deliveries by destination and outcome', async () => {
    expect(await documented('deliveries')).toEqual([
      { destinationId: 'partner', outcome: 'delivered', deliveries: '1', attempts: 2, exampleReason: null },
    ]);
  });

  it('one conversion with every step from its click to its delivery', async () => {
    const steps = (await documented('one-conversion')) as { step: string; detail: string }[];
    expect(steps.map(({ step, detail }) => `${step}: ${detail}`)).toEqual([
      'click: campaign summer, partner p-one',
      'postback: acme-backend: sale, approved',
      'verdict: counted',
      'decision: revision 1: attributed, payable',
      'attempt: partner attempt 1 intended',
      'attempt: partner attempt 1 ended: retry',
      'attempt: partner attempt 2 intended',
      'attempt: partner attempt 2 ended: delivered',
      'postback: acme-backend: sale, approved',
      'verdict: duplicate_of, same_transaction',
    ]);
  });
});

describe('the analyst changes nothing', () => {
  it.each([
    'INSERT INTO clicks (campaignId) VALUES (1)',
    'ALTER TABLE clicks ADD COLUMN mine String',
    'ALTER TABLE clicks DELETE WHERE 1',
    'DELETE FROM clicks WHERE 1',
    'TRUNCATE TABLE clicks',
    'OPTIMIZE TABLE clicks FINAL',
    'DROP TABLE clicks',
    'CREATE TABLE mine (a Int8) ENGINE = Memory',
    'CREATE TEMPORARY TABLE mine (a Int8)',
    'CREATE VIEW mine AS SELECT 1',
    'CREATE DATABASE mine',
    'CREATE USER mine',
    'GRANT SELECT ON *.* TO analyst',
    'SYSTEM STOP MERGES clicks',
    "KILL QUERY WHERE user = 'tributary'",
    'DETACH TABLE clicks_queue',
  ])('%s', async (query) => {
    await expect(analyst.command({ query })).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:164|497)$/),
    });
  });
});

describe('the analyst cannot read', () => {
  it.each([
    'SELECT name, auth_params FROM system.users',
    'SHOW CREATE USER tributary',
    'SELECT query FROM system.processes',
    'SELECT * FROM system.kafka_consumers',
    "SELECT * FROM file('users.xml', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1/', 'LineAsString')",
    "SELECT * FROM remote('127.0.0.1', 'tributary', 'clicks', 'tributary', 'tributary')",
    "SELECT * FROM executable('id', 'LineAsString', 'x String')",
  ])('%s', async (query) => {
    await expect(rows(query)).rejects.toMatchObject({ code: '497' });
  });

  it('any table but those it is given, and no queue, whose records would be taken away', async () => {
    const tables = await service.rows<{ name: string; engine: string }>(
      'SELECT name, engine FROM system.tables WHERE database = currentDatabase()',
    );
    const closed = tables.filter(({ name }) => !Object.hasOwn(ANALYST_TABLES, name));
    expect(closed.map(({ engine }) => engine)).toContain('Kafka');
    for (const { name } of closed) {
      const query = `SELECT count() FROM ${name} SETTINGS stream_like_engine_allow_direct_select = 1`;
      await expect(rows(query), name).rejects.toThrow();
      await expect(rows(`SELECT * FROM ${name} LIMIT 1`), name).rejects.toMatchObject({ code: '497' });
    }
  });

  it('what says more of a person than analysis needs', async () => {
    const tables = await service.rows<{ name: string }>(
      'SELECT name FROM system.tables WHERE database = currentDatabase()',
    );
    const existing = new Set(tables.map(({ name }) => name));
    for (const [table, hidden] of Object.entries(ANALYST_TABLES)) {
      for (const column of hidden.filter(() => existing.has(table))) {
        await expect(rows(`SELECT ${column} FROM ${table} LIMIT 1`), column).rejects.toMatchObject({
          code: '497',
        });
        await expect(
          rows(`SELECT count() FROM ${table} WHERE toString(${column}) != ''`),
        ).rejects.toMatchObject({
          code: '497',
        });
      }
    }
  });

  it('documents that hold the hashes of credentials, while the services read all', async () => {
    const count = 'SELECT entityType, count() AS changes FROM configuration_changes GROUP BY entityType';
    const insert = (entityType: string) =>
      service.run(
        `INSERT INTO configuration_changes (changeId, entityType, entityId, operation, document) SELECT generateUUIDv4(), '${entityType}', 'analyst-test', 'put', '{}'`,
      );
    for (const entityType of ['source', 'partner', 'api_key']) await insert(entityType);
    const types = async (read: typeof rows) =>
      ((await read(count)) as { entityType: string }[]).map(({ entityType }) => entityType);
    expect(await types(async (sql) => [...(await service.rows(sql))])).toEqual(
      expect.arrayContaining(['source', 'partner', 'api_key']),
    );
    const seen = await types(rows);
    expect(seen).toContain('partner');
    expect(seen).not.toContain('source');
    expect(seen).not.toContain('api_key');
  });
});

it('may read every table that holds rows of the pipeline', async () => {
  const tables = await service.rows<{ name: string }>(
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name NOT LIKE '.inner%'",
  );
  expect(Object.keys(ANALYST_TABLES)).toEqual(expect.arrayContaining(tables.map(({ name }) => name)));
  for (const { name } of tables) {
    const hidden = ANALYST_TABLES[name] ?? [];
    const columns = hidden.length === 0 ? '*' : `* EXCEPT (${hidden.join(', ')})`;
    await expect(rows(`SELECT ${columns} FROM ${name} LIMIT 1`), name).resolves.toBeInstanceOf(Array);
  }
});

describe('the limits bite', () => {
  it('rows are deduplicated, and that cannot be turned off', async () => {
    const id = crypto.randomUUID();
    await service.run('SYSTEM STOP MERGES clicks');
    for (const version of [1, 2])
      await service.run(
        `INSERT INTO clicks (clickId, campaignId, recordVersion) VALUES ('${id}', 'v${version}', ${version})`,
      );
    expect(await service.rows(`SELECT campaignId FROM clicks WHERE clickId = '${id}'`)).toHaveLength(2);
    expect(await rows(`SELECT campaignId FROM clicks WHERE clickId = '${id}'`)).toEqual([
      { campaignId: 'v2' },
    ]);
    await service.run('SYSTEM START MERGES clicks');
    await expect(rows('SELECT 1 SETTINGS final = 0')).rejects.toThrow(/final/);
  });

  it.each([
    'readonly = 0',
    'max_execution_time = 61',
    'max_execution_time = 0',
    'max_memory_usage = 0',
    'max_memory_usage = 5000000000',
    'max_result_rows = 0',
    'max_result_rows = 1000001',
    "result_overflow_mode = 'break', timeout_overflow_mode = 'break', max_result_rows = 2000000",
  ])('cannot set %s', async (setting) => {
    await expect(rows(`SELECT 1 SETTINGS ${setting}`)).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:164|452)$/),
    });
  });

  it('of time', async () => {
    const query =
      'SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number)) SETTINGS max_execution_time = 1';
    await expect(rows(query)).rejects.toMatchObject({ code: '159' });
  });

  it('of rows', async () => {
    const whole = { wait_end_of_query: 1 as const };
    const query = 'SELECT number FROM numbers(1000001)';
    await expect(analyst.query({ query, clickhouse_settings: whole })).rejects.toMatchObject({ code: '396' });
    expect(await rows('SELECT number FROM numbers(1000000)')).toHaveLength(1_000_000);
  });

  it('of memory', async () => {
    const query =
      'SELECT groupArray(number) AS numbers FROM numbers(1000000000) FORMAT Null SETTINGS max_memory_usage = 100000000';
    await expect(analyst.command({ query })).rejects.toMatchObject({ code: '241' });
  });
});

const CLIENT_QUERY =
  'SELECT transactionId, revenueMicros, toInt128(revenueMicros) * 2 AS doubled, isTest, clickSubIds, clickId FROM conversions WHERE advertiserId = {advertiser:String} AND currency = {currency:String} ORDER BY transactionId';

describe('clients', () => {
  it('@client @clickhouse/client: parameters, compression both ways, exact integers, maps and nulls', async () => {
    expect(await rows(CLIENT_QUERY, { advertiser: ADVERTISER, currency: 'IDR' })).toEqual(
      ['order-3001', 'order-3002'].map((transactionId) => ({
        transactionId,
        revenueMicros: String(HUGE_MICROS),
        doubled: String(2n * HUGE_MICROS),
        isTest: false,
        clickSubIds: { sub1: 'mail' },
        clickId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      })),
    );
    // Bound, never pasted: a value cannot become part of the statement.
    expect(await rows(CLIENT_QUERY, { advertiser: "' OR 1 = 1 --", currency: 'IDR' })).toEqual([]);
  });

  it('@client @clickhouse/client: a stream of rows', async () => {
    const result = await analyst.query({ query: 'SELECT number FROM numbers(10000)', format: 'JSONEachRow' });
    let count = 0;
    for await (const chunk of result.stream()) count += chunk.length;
    expect(count).toBe(10_000);
  });

  it.skipIf(PYTHON === null)(
    '@client clickhouse-connect: parameters, compression, types, no insert',
    async () => {
      const { hostname, port } = new URL(inject('clickhouseUrl'));
      const output = await runPython('tests/python/clickhouse_client.py', hostname, port, PASSWORD);
      expect(JSON.parse(output)).toEqual({
        types: [
          'Nullable(String)',
          'Nullable(Int64)',
          'Nullable(Int128)',
          "DateTime64(3, 'UTC')",
          'Bool',
          'Map(String, String)',
        ],
        rows: ['order-3001', 'order-3002'].map((transactionId) => [
          transactionId,
          String(HUGE_MICROS),
          String(2n * HUGE_MICROS),
          expect.any(String),
          false,
          { sub1: 'mail' },
        ]),
        refused: true,
      });
    },
  );
});
