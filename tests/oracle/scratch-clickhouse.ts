/** A ClickHouse for one run with the raw topics' tables, fed without a Kafka, and thrown away afterwards. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CLICKHOUSE_SERVICE_USER, findFreePorts, startEmbeddedClickhouse } from '@tributary/engines';
import { statementsOfMigration } from '@tributary/store';
import { OracleDatabase } from './database.ts';
import type { Recorded } from './generate.ts';

const PASSWORD = 'oracle';
const DATABASE = 'oracle';
const TABLES = resolve(import.meta.dirname, '../../migrations/clickhouse/0001_tables.sql');

export async function inScratchClickhouse<T>(work: (database: OracleDatabase) => Promise<T>): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), 'tributary-oracle-'));
  const [httpPort = 0, tcpPort = 0] = await findFreePorts(2);
  const engine = await startEmbeddedClickhouse({
    home,
    httpPort,
    tcpPort,
    password: PASSWORD,
    analystPassword: PASSWORD,
  });
  const server = { url: engine.url, user: CLICKHOUSE_SERVICE_USER, password: PASSWORD };
  const admin = new OracleDatabase({ ...server, database: 'default' });
  const database = new OracleDatabase({ ...server, database: DATABASE });
  try {
    await admin.run(`CREATE DATABASE ${DATABASE} ENGINE = Atomic`);
    for (const statement of tables()) await database.run(statement);
    return await work(database);
  } finally {
    await admin.close();
    await database.close();
    await engine.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Only the tables: the feeds would want a Kafka. */
function tables(): readonly string[] {
  return statementsOfMigration(readFileSync(TABLES, 'utf8'), DATABASE, {
    kafkaBrokers: [],
    schemaRegistryUrl: '',
    flushMs: 0,
    reportFlushMs: 0,
  });
}

/** Rows of the raw topics' tables, as their feeds would write them. */
export async function storeRaw(database: OracleDatabase, records: readonly Recorded[]): Promise<void> {
  const placed = ({ partition, offset }: Recorded) => ({
    recordPartition: partition,
    recordOffset: offset,
    recordVersion: ~BigInt(offset) & 0xffff_ffff_ffff_ffffn,
  });
  await database.insert(
    'clicks',
    records.flatMap((record) => (record.kind === 'click' ? [{ ...record.click, ...placed(record) }] : [])),
  );
  await database.insert(
    'postbacks',
    records.flatMap((record) =>
      record.kind === 'postback' ? [{ ...record.postback, ...placed(record) }] : [],
    ),
  );
}
