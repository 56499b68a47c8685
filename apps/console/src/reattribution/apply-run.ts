/** `npm run reattribute -- --apply RUN`: what a run of the time machine has found, ordered; attribution executes it. */
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { KafkaConnection, KafkaEventProducer, settleSchemaIds } from '@tributary/bus';
import { createLogger, readSettings, systemClock } from '@tributary/runtime';
import { clickhouseOf, ReattributionStore } from '@tributary/store';
import { type OrderedBy, ordersOf } from './run-orders.ts';

const USAGE =
  'npm run reattribute -- --apply RUN --actor WHO [--reason CODE] [--yes]; npm run reattribute -- --help';
const STANDARD_REASON = 'rules_corrected';
const REASON = /^[a-z][a-z0-9_]{0,63}$/;
const RECORDS_AT_ONCE = 500;

type Call = Omit<OrderedBy, 'now'> & { readonly yes: boolean };

process.exitCode = await main();

async function main(): Promise<number> {
  let call: Call;
  try {
    call = callIn(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    console.error(USAGE);
    return 2;
  }
  try {
    return await apply(call);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

function callIn(argv: readonly string[]): Call {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      apply: { type: 'string' },
      actor: { type: 'string' },
      reason: { type: 'string', default: STANDARD_REASON },
      yes: { type: 'boolean', default: false },
    },
  });
  const { apply: runId = '', actor = '', reason: reasonCode, yes } = values;
  if (actor.trim() === '') throw new Error('--actor must say who orders it');
  if (!REASON.test(reasonCode))
    throw new Error('--reason must be a code in lower case, such as rules_corrected');
  return { runId, actor, reasonCode, yes };
}

async function apply({ yes, ...by }: Call): Promise<number> {
  const settings = readSettings([
    'KAFKA_BROKERS',
    'SCHEMA_REGISTRY_URL',
    'SCHEMA_IDS',
    'CLICKHOUSE_URL',
    'CLICKHOUSE_USER',
    'CLICKHOUSE_PASSWORD',
    'CLICKHOUSE_DATABASE',
    'LOG_LEVEL',
  ]);
  const logger = createLogger('reattribute', settings.LOG_LEVEL);
  await settleSchemaIds(settings, logger);
  const clickhouse = clickhouseOf(settings);
  const connection = new KafkaConnection({
    brokers: settings.KAFKA_BROKERS,
    clientId: 'reattribute',
    logger,
  });
  const producer = new KafkaEventProducer({ connection });
  try {
    const planned = await new ReattributionStore(clickhouse).orders(by.runId);
    const { records, decidedSince } = ordersOf(planned, { ...by, now: systemClock.now() });
    console.log(
      `conversions to order anew: ${records.length}; decided again since the run, and left: ${decidedSince}`,
    );
    if (records.length === 0) return 0;
    if (!yes && !(await isConfirmed())) {
      console.log('nothing was ordered');
      return 2;
    }
    for (let start = 0; start < records.length; start += RECORDS_AT_ONCE)
      await producer.produce(records.slice(start, start + RECORDS_AT_ONCE));
    console.log(`ordered: ${records.length}`);
    return 0;
  } finally {
    await producer.close();
    await connection.close();
    await clickhouse.close();
  }
}

async function isConfirmed(): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(?:es)?$/i.test((await terminal.question('Order? [y/N] ')).trim());
  } finally {
    terminal.close();
  }
}
