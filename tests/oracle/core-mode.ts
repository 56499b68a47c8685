/** Core mode: the core decides the log in memory, and the oracle computes the same conversions from the raw tables. */
import { Configuration } from '@tributary/configuration';
import type { attribution } from '@tributary/domain';
import { compare } from './compare.ts';
import { type Core, CoreRun } from './core-run.ts';
import type { OracleDatabase } from './database.ts';
import { generateLog, type LogOptions, type Recorded } from './generate.ts';
import { consultOracle } from './oracle.ts';
import { configurationLog } from './programme.ts';
import { inScratchClickhouse, storeRaw } from './scratch-clickhouse.ts';

const DAY = 86_400_000;
const CHUNK = 20_000;

export type Report = (text: string) => void;

/** A generated log with what it is decided by. */
export interface OracleLog {
  readonly options: LogOptions;
  readonly configuration: Configuration;
  /** Every short wait and condition is over then, and no long one is. */
  readonly now: number;
}

/** @returns how many conversions differ. */
export async function compareWithCore(options: LogOptions, report: Report): Promise<number> {
  return inScratchClickhouse(async (database) => {
    const configuration = configurationOf(options);
    const core = new CoreRun(configuration);
    const lastAt = await storeLog(database, options, (record) => core.take(record));
    const log = { options, configuration, now: lastAt + 10 * DAY };
    core.finish(log.now);
    report(`the core has decided ${core.conversions.length} conversions`);
    await storeDecided(database, core.conversions);
    await consultOracle(database, log, report);
    return compare(database, 'oracle_core_conversions');
  });
}

/** @returns the log as it stands in the raw tables, with the oracle's conversions computed. */
export async function consultedLog(
  database: OracleDatabase,
  options: LogOptions,
  report: Report,
): Promise<OracleLog> {
  const configuration = configurationOf(options);
  const lastAt = await storeLog(database, options);
  const log = { options, configuration, now: lastAt + 10 * DAY };
  await consultOracle(database, log, report);
  return log;
}

/** Decides the log by a core and leaves what it has decided in `oracle_core_conversions`. */
export async function decideBy(database: OracleDatabase, log: OracleLog, core: Core): Promise<void> {
  const run = new CoreRun(log.configuration, core);
  for (const record of generateLog(log.options)) run.take(record);
  run.finish(log.now);
  await storeDecided(database, run.conversions);
}

/** @throws Error when a generated document is refused. */
export function configurationOf({ startsAt }: LogOptions): Configuration {
  const configuration = new Configuration();
  for (const [offset, change] of configurationLog(startsAt).entries()) {
    const result = configuration.apply(offset, change);
    if (result.outcome !== 'applied')
      throw new Error(`${change.entityId} is not applied: ${JSON.stringify(result)}`);
  }
  return configuration;
}

export function* chunksOf<V>(values: Iterable<V>, size: number): Generator<readonly V[]> {
  let chunk: V[] = [];
  for (const value of values) {
    chunk.push(value);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

/** @returns when the last record was received. */
async function storeLog(
  database: OracleDatabase,
  options: LogOptions,
  onRecord: (record: Recorded) => void = () => {},
): Promise<number> {
  let lastAt = 0;
  for (const records of chunksOf(generateLog(options), CHUNK)) {
    for (const record of records) onRecord(record);
    await storeRaw(database, records);
    lastAt = records.reduce((latest, record) => Math.max(latest, receivedAtOf(record)), lastAt);
  }
  return lastAt;
}

function receivedAtOf(record: Recorded): number {
  return record.kind === 'click' ? record.click.receivedAt : record.postback.receivedAt;
}

async function storeDecided(
  database: OracleDatabase,
  conversions: readonly attribution.Conversion[],
): Promise<void> {
  await database.runFile('core_conversions.sql');
  await database.insert('oracle_core_conversions', decidedRows(conversions));
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
