/** `npm run reattribute`: the log of a time by other rules, into a scratch table, and the difference in print. Nothing live changes. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { parseArgs } from 'node:util';
import {
  KafkaConfigurationLog,
  KafkaConnection,
  SchemaRegistryClient,
  settleSchemaIds,
} from '@tributary/bus';
import { ConfigurationFollower } from '@tributary/configuration';
import { attribution } from '@tributary/domain';
import { createLogger, readSettings } from '@tributary/runtime';
import {
  clickhouseOf,
  FactsStore,
  ReattributionStore,
  StoredOffsets,
  scratchTableOf,
  UndecodedStore,
} from '@tributary/store';
import { RulesInForce } from '../rules-in-force.ts';
import { differenceLines } from './difference-lines.ts';
import { changeOf, durationIn, modelIn, type OtherRules } from './other-rules.ts';
import { reattribute } from './reattribution.ts';

const USAGE = `npm run reattribute -- --from INSTANT --to INSTANT [--rules FILE] [--model MODEL] [--window 7d]
  Replays the postbacks that were received from --from on by other rules: those hold for facts that occurred from --from
  to --to. What it decides goes into a table of its own, reattribution_<run>; printed is the difference for conversions
  first reported in that time. Nothing live changes. Without other rules it checks that the same rules decide the same.
  --from, --to  ISO 8601, UTC unless it says otherwise; --to is not included
  --rules FILE  YAML or JSON: offers by id, as in a configuration file; a field that is left out stays as it is in force
  --model       last_click, first_click, linear, position_based or time_decay, for every offer
  --window      longest time from click to conversion, for every offer: 30m, 12h, 7d
npm run reattribute -- --apply RUN --actor WHO [--reason CODE] [--yes]
  Orders what the run has found: one command for each changed conversion, executed by attribution as a new revision.
  Asks first, unless --yes. A conversion that was decided again since the run is left as it is, so a second time orders
  nothing.
npm run reattribute -- --drop RUN
  Removes the table of the run.
  Exit code: 0 done; 1 failed; 2 a wrong call, or nothing was ordered because nobody said yes.
  Reads KAFKA_BROKERS, CLICKHOUSE_URL, CLICKHOUSE_USER, CLICKHOUSE_PASSWORD, CLICKHOUSE_DATABASE, SCHEMA_REGISTRY_URL
  and SCHEMA_IDS.`;

/** The group whose commits say what attribution has decided. */
const GROUP_ID = 'attribution';
const STORED_LIMIT_MS = 60_000;
const ISO = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/;

type Call =
  | { readonly kind: 'help' }
  | { readonly kind: 'drop'; readonly runId: string }
  | { readonly kind: 'run'; readonly period: attribution.Period; readonly rules: OtherRules };

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

async function callIn(argv: readonly string[]): Promise<Call> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      help: { type: 'boolean' },
      drop: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      rules: { type: 'string' },
      model: { type: 'string' },
      window: { type: 'string' },
    },
  });
  if (values.help) return { kind: 'help' };
  if (values.drop !== undefined) return { kind: 'drop', runId: values.drop };
  const period = { from: instantIn('--from', values.from), to: instantIn('--to', values.to) };
  if (period.from >= period.to) throw new Error('--from must be before --to');
  const rules = {
    file: values.rules === undefined ? null : await readFile(values.rules, 'utf8'),
    model: values.model === undefined ? null : modelIn(values.model),
    windowMs: values.window === undefined ? null : durationIn(values.window),
  };
  return { kind: 'run', period, rules };
}

function instantIn(name: string, text: string | undefined): number {
  const hasZone = /(?:Z|[+-]\d{2}:\d{2}|^\d{4}-\d{2}-\d{2})$/.test(text ?? '');
  const instant = text !== undefined && ISO.test(text) ? Date.parse(hasZone ? text : `${text}Z`) : Number.NaN;
  if (Number.isNaN(instant)) throw new Error(`${name} must be an instant such as 2026-01-31T12:00:00Z`);
  return instant;
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
    const change = changeOf(follower.current, otherRules);
    const inForce = new RulesInForce(follower.current);
    const store = new ReattributionStore(clickhouse);
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
      facts: new FactsStore(clickhouse),
      rules:
        change === null
          ? attribution.sameRules(inForce)
          : attribution.changedRules(inForce, { ...change, period }),
      inForce,
      period,
      decidedUntil,
      runId,
      configurationVersion: follower.current.version,
      asOf: Date.now(),
    });
    console.log(`run ${runId}, table ${scratchTableOf(runId)}`);
    for (const line of differenceLines(summary, change !== null)) console.log(line);
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
