/** `npm run oracle`: decides a generated log twice, by the core and by SQL, and compares every conversion. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { Configuration } from '@tributary/configuration';
import type { attribution } from '@tributary/domain';
import { CLICKHOUSE_SERVICE_USER, findFreePorts, startEmbeddedClickhouse } from '@tributary/engines';
import { statementsOfMigration } from '@tributary/store';
import { compare } from './compare.ts';
import { CoreRun } from './core-run.ts';
import { OracleDatabase } from './database.ts';
import { generateLog, type Recorded } from './generate.ts';
import { consultOracle } from './oracle.ts';
import { configurationLog } from './programme.ts';

const DAY = 86_400_000;
const PASSWORD = 'oracle';
const DATABASE = 'oracle';
const TABLES = resolve(import.meta.dirname, '../../migrations/clickhouse/0001_tables.sql');
const CHUNK = 20_000;

const USAGE = `npm run oracle -- [options]

Generates a log, decides it, computes the same conversions in SQL from the raw tables, and ends with "difference N".
Exit code 0 when nothing differs, 1 when something does, 2 for a question that cannot be answered.

  --postbacks N  how many postbacks are generated (50000)
  --seed N       another seed is another log (1)
  --mode core    the core decides in memory; \`service\` is not there yet
  --help         this text`;

interface Options {
  readonly postbacks: number;
  readonly seed: number;
}

const begunAt = performance.now();
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      postbacks: { type: 'string', default: '50000' },
      seed: { type: 'string', default: '1' },
      mode: { type: 'string', default: 'core' },
      help: { type: 'boolean', default: false },
    },
  });
  const [postbacks, seed] = [Number(values.postbacks), Number(values.seed)];
  const isSound = Number.isSafeInteger(postbacks) && postbacks > 0 && Number.isSafeInteger(seed);
  if (values.help || !isSound || values.mode !== 'core') {
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  return (await inClickhouse((database) => compareWithCore(database, { postbacks, seed }))) === 0 ? 0 : 1;
}

async function compareWithCore(database: OracleDatabase, { postbacks, seed }: Options): Promise<number> {
  const configuration = new Configuration();
  for (const [offset, change] of configurationLog().entries()) {
    const result = configuration.apply(offset, change);
    if (result.outcome !== 'applied')
      throw new Error(`${change.entityId} is not applied: ${JSON.stringify(result)}`);
  }
  const core = new CoreRun(configuration);
  let lastAt = 0;
  for (const records of chunksOf(generateLog(postbacks, seed))) {
    for (const record of records) core.take(record);
    await store(database, records);
    lastAt = records.reduce((latest, record) => Math.max(latest, receivedAtOf(record)), lastAt);
  }
  // Ten days on, every short wait and condition is over and no long one is.
  const now = lastAt + 10 * DAY;
  core.finish(now);
  report(`the core has decided ${core.conversions.length} conversions`);
  await database.runFile('core_conversions.sql');
  await database.insert('oracle_core_conversions', decidedRows(core.conversions));
  await consultOracle(database, configuration, now, (step, ms) => report(`${step} in ${Math.round(ms)} ms`));
  return compare(database, 'oracle_core_conversions');
}

function report(text: string): void {
  console.log(`${((performance.now() - begunAt) / 1_000).toFixed(1).padStart(7)} s  ${text}`);
}

function receivedAtOf(record: Recorded): number {
  return record.kind === 'click' ? record.click.receivedAt : record.postback.receivedAt;
}

function* chunksOf(log: Iterable<Recorded>): Generator<readonly Recorded[]> {
  let chunk: Recorded[] = [];
  for (const record of log) {
    chunk.push(record);
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = [];
  }
  yield chunk;
}

/** Rows of the raw topics' tables, as their feeds would write them. */
async function store(database: OracleDatabase, records: readonly Recorded[]): Promise<void> {
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

function* decidedRows(conversions: readonly attribution.Conversion[]): Generator<Record<string, unknown>> {
  for (const { facts, advertiserId, eventClass, outcome } of conversions)
    yield {
      receiptId: facts.receiptId,
      advertiserId,
      eventClass,
      match: outcome.match,
      state: outcome.state,
      clickId: outcome.winner?.clickId ?? null,
      revenueMicros: outcome.revenue?.micros ?? null,
      payoutMicros: outcome.payout?.micros ?? null,
      payoutCurrency: outcome.payout?.currency ?? null,
      reversedRevenueMicros: outcome.reversedRevenueMicros,
      reversedPayoutMicros: outcome.reversedPayoutMicros,
      isFirstOfCustomer: outcome.isFirstOfCustomer,
      credits: outcome.credits.map(({ clickId, numerator, denominator }) => [
        clickId,
        Number(numerator),
        Number(denominator),
      ]),
    };
}

/** In an engine of its own, which is thrown away. */
async function inClickhouse<T>(work: (database: OracleDatabase) => Promise<T>): Promise<T> {
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
  await admin.run(`CREATE DATABASE ${DATABASE} ENGINE = Atomic`);
  await admin.close();
  const database = new OracleDatabase({ ...server, database: DATABASE });
  try {
    // Only the tables: the feeds would want a Kafka.
    const text = readFileSync(TABLES, 'utf8');
    const statements = statementsOfMigration(text, DATABASE, {
      kafkaBrokers: [],
      schemaRegistryUrl: '',
      flushMs: 0,
    });
    for (const statement of statements) await database.run(statement);
    return await work(database);
  } finally {
    await database.close();
    await engine.stop();
    rmSync(home, { recursive: true, force: true });
  }
}
