/** `npm run reattribute`: the log of a time by other rules, into a scratch table, and the difference in print. Nothing live changes. */
import { randomUUID } from 'node:crypto';
import process from 'node:process';
import {
  KafkaConfigurationLog,
  KafkaConnection,
  SchemaRegistryClient,
  settleSchemaIds,
} from '@tributary/bus';
import { ConfigurationFollower } from '@tributary/configuration';
import type { attribution } from '@tributary/domain';
import { createLogger, readSettings } from '@tributary/runtime';
import {
  clickhouseOf,
  FactsStore,
  ReattributionStore,
  StoredOffsets,
  scratchTableOf,
  UndecodedStore,
} from '@tributary/store';
import { type Call, callIn, USAGE } from './call.ts';
import { differenceLines } from './difference-lines.ts';
import { changeOf, type OtherRules } from './other-rules.ts';
import { reattribute } from './reattribution.ts';
import { rulesByVersion } from './rules-by-version.ts';

/** The group whose commits say what attribution has decided. */
const GROUP_ID = 'attribution';
const STORED_LIMIT_MS = 60_000;
process.exitCode = await main();

async function main(): Promise<number> {
  let call: Call;
  try {
    call = await callIn(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    console.error(USAGE);
    return 2;
  }
  if (call.kind === 'help') {
    console.log(USAGE);
    return 0;
  }
  try {
    if (call.kind === 'drop') await drop(call.runId);
    else await run(call.period, call.rules);
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

async function drop(runId: string): Promise<void> {
  const clickhouse = clickhouseOf(clickhouseSettings());
  try {
    await new ReattributionStore(clickhouse).drop(runId);
    console.log(`dropped ${scratchTableOf(runId)}`);
  } finally {
    await clickhouse.close();
  }
}

async function run(period: attribution.Period, otherRules: OtherRules): Promise<void> {
  const settings = {
    ...clickhouseSettings(),
    ...readSettings(['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'SCHEMA_IDS', 'LOG_LEVEL']),
  };
  const logger = createLogger('reattribute', settings.LOG_LEVEL);
  await settleSchemaIds(settings, logger);
  const connection = new KafkaConnection({
    brokers: settings.KAFKA_BROKERS,
    clientId: 'reattribute',
    logger,
  });
  const clickhouse = clickhouseOf(settings);
  const schemas = new SchemaRegistryClient({ url: settings.SCHEMA_REGISTRY_URL });
  const onFatal = (error: Error) => {
    throw error;
  };
  const follower = new ConfigurationFollower(new KafkaConfigurationLog({ connection, schemas, onFatal }));
  try {
    await follower.start();
    // What is configured from here on is nothing to this run.
    const configuration = follower.current.fork();
    const other = changeOf(configuration, otherRules);
    const store = new ReattributionStore(clickhouse, schemas);
    const runId = randomUUID();
    const decidedUntil = await connection.committedOffsets(GROUP_ID, 'postback.received.v1');
    const offsets = new StoredOffsets(
      connection,
      settings.CLICKHOUSE_DATABASE,
      new UndecodedStore(clickhouse, schemas),
    );
    for (const topic of ['postback.received.v1', 'conversion.decided.v1', 'postback.judged.v1'])
      await offsets.waitFor(topic, await offsets.endOf(topic), STORED_LIMIT_MS);
    await store.create(runId, aboutOf(period, otherRules));
    const summary = await reattribute({
      store,
      facts: new FactsStore(clickhouse, schemas),
      inForce: rulesByVersion(configuration),
      other,
      period,
      decidedUntil,
      runId,
      configurationVersion: configuration.version,
      asOf: Date.now(),
    });
    console.log(`run ${runId}, table ${scratchTableOf(runId)}`);
    for (const line of differenceLines(summary, other !== null)) console.log(line);
    if (summary.orders > 0) console.log(`npm run reattribute -- --apply ${runId} --actor WHO`);
  } finally {
    await follower.stop();
    await connection.close();
    await clickhouse.close();
  }
}

function clickhouseSettings() {
  return readSettings(['CLICKHOUSE_URL', 'CLICKHOUSE_USER', 'CLICKHOUSE_PASSWORD', 'CLICKHOUSE_DATABASE']);
}

/** Of the file its presence only: what it says is in the terms of the orders. */
function aboutOf({ from, to }: attribution.Period, { file, model, windowMs }: OtherRules): string {
  const parts = [
    `facts from ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`,
    ...(file === null ? [] : ['rules of a file']),
    ...(model === null ? [] : [`model ${model}`]),
    ...(windowMs === null ? [] : [`window ${windowMs} ms`]),
  ];
  return parts.join(', ');
}
