/** The time machine over a real attribution: the same rules decide the same bytes, others change nothing live until it is ordered. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ensureTopics,
  KafkaConfigurationLog,
  KafkaConnection,
  KafkaEventProducer,
  type OutgoingRecord,
  outgoing,
} from '@tributary/bus';
import { aChange } from '@tributary/configuration';
import type { ClickRecorded, PostbackReceived } from '@tributary/contracts';
import { findFreePorts } from '@tributary/engines';
import { createLogger } from '@tributary/runtime';
import { ClickhouseConnection, migrate, scratchTableOf } from '@tributary/store';
import { aClick, aPostback, eventually, startTestEngines, type TestEngines } from '@tributary/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patiently, publish } from './publish.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const DATABASE = 'reattribution_test';
const PARKED_FOR_MS = 4_000;
const HOUR_MS = 3_600_000;
const SALES = 120;
const RUN_ID = randomUUID().slice(0, 8);
const LANES = [1, 2].map((number) => `machine-${RUN_ID}-${number}`);

/** Of its own: a record that other files leave undecoded in their topics is set aside by no console, and attribution waits for what it may hold. */
let engines: TestEngines;
let connection: KafkaConnection;
let producer: KafkaEventProducer;
let clickhouse: ClickhouseConnection;
let attribution: ChildProcess;
/** A moment before the first postback. */
let from: number;
let to: number;
let receipts = 0;

const environment = () => ({
  ...process.env,
  KAFKA_BROKERS: engines.brokers,
  CLICKHOUSE_URL: engines.clickhouseUrl,
  CLICKHOUSE_USER: 'tributary',
  CLICKHOUSE_PASSWORD: 'tributary',
  CLICKHOUSE_DATABASE: DATABASE,
  SCHEMA_REGISTRY_URL: engines.schemaRegistryUrl,
  LOG_LEVEL: 'error',
});

function connect(database: string): ClickhouseConnection {
  return new ClickhouseConnection({
    url: engines.clickhouseUrl,
    user: 'tributary',
    password: 'tributary',
    database,
  });
}

beforeAll(async () => {
  engines = await startTestEngines();
  const logger = createLogger('reattribution-test', 'silent');
  connection = new KafkaConnection({
    brokers: engines.brokers.split(','),
    clientId: 'reattribution-test',
    logger,
  });
  await ensureTopics(connection, 1);
  producer = new KafkaEventProducer({ connection });
  const admin = connect('default');
  clickhouse = connect(DATABASE);
  await migrate(admin, clickhouse, join(REPOSITORY, 'migrations/clickhouse'), {
    kafkaBrokers: engines.brokers.split(','),
    schemaRegistryUrl: engines.schemaRegistryUrl,
    flushMs: 100,
    reportFlushMs: 100,
  });
  await admin.close();
  await configure();
  const [port = 0] = await findFreePorts(1);
  attribution = spawn(process.execPath, [join(REPOSITORY, 'apps/attribution/dist/main.js')], {
    env: { ...environment(), ATTRIBUTION_PORT: String(port) },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  from = Date.now() - 1_000;
  await report();
  to = Date.now() + 1_000;
  await decided();
}, 240_000);

afterAll(async () => {
  try {
    await stop(attribution);
    await producer.close();
    await connection.close();
    await clickhouse.close();
  } finally {
    await engines.stop();
  }
});

async function stop(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  // False where it is no more.
  if (child.kill('SIGTERM')) await exited;
}

async function configure(): Promise<void> {
  const log = new KafkaConfigurationLog({
    connection,
    producer,
    onFatal: (error) => {
      throw error;
    },
  });
  for (const id of LANES) {
    await patiently(() =>
      log.append(aChange('advertiser', { id, name: id, currency: 'EUR', parkedForMs: PARKED_FOR_MS })),
    );
    const payouts = [
      { kind: 'percent', eventType: 'sale', percent: '12.5' },
      { kind: 'fixed', eventType: 'lead', amount: '3', currency: 'EUR' },
    ];
    const caps = [{ id: 'leads', eventType: 'lead', period: 'month', count: 20 }];
    await patiently(() =>
      log.append(aChange('offer', { id: `${id}-offer`, advertiserId: id, name: id, payouts, caps })),
    );
  }
}

/** Each customer has clicked twice, by different partners, and names the later click; some clicks come after their sale. */
async function report(): Promise<void> {
  const late: OutgoingRecord[] = [];
  for (let n = 0; n < SALES; n += 1) {
    const lane = LANES[n % 2] ?? '';
    const customerId = `customer-${n}`;
    const first = click(lane, customerId, 'partner-1', Date.now() - 5 * HOUR_MS);
    const second = click(lane, customerId, 'partner-2', Date.now() - (n % 3 === 0 ? HOUR_MS : 2 * HOUR_MS));
    const clicks = [first, second].map((each) => outgoing('click.recorded.v1', each.clickId, each));
    if (n % 10 === 0) late.push(...clicks);
    else await publish(producer, clicks);
    const postbacks = postbacksOf(n, lane, customerId, second);
    receipts += postbacks.length;
    await publish(
      producer,
      postbacks.map((each) => outgoing('postback.received.v1', each.lane, each)),
    );
  }
  await publish(producer, late);
}

function click(lane: string, customerId: string, partnerId: string, clickedAt: number): ClickRecorded {
  const clickId = randomUUID();
  const offerId = `${lane}-offer`;
  return aClick({
    clickId,
    advertiserId: lane,
    offerId,
    partnerId,
    customerId,
    clickedAt,
    receivedAt: clickedAt,
  });
}

function postbacksOf(n: number, lane: string, customerId: string, named: ClickRecorded): PostbackReceived[] {
  const post = (changes: Partial<PostbackReceived>) =>
    aPostback({
      receiptId: randomUUID(),
      lane,
      advertiserId: lane,
      receivedAt: Date.now(),
      occurredAt: Date.now(),
      customerId,
      clickId: null,
      ...changes,
    });
  const transactionId = `order-${n}`;
  const sale = post({ transactionId, clickId: named.clickId, revenueMicros: 49_900_000n + BigInt(n) });
  const all = [sale];
  if (n % 4 === 0)
    all.push(post({ transactionId, clickId: named.clickId, revenueMicros: sale.revenueMicros }));
  if (n % 5 === 0)
    all.push(post({ transactionId, eventType: 'refund', reversalId: `r-${n}`, revenueMicros: 9_900_001n }));
  if (n % 6 === 0) all.push(post({ transactionId: `renewal-${n}`, eventType: 'renewal' }));
  if (n % 2 === 0)
    all.push(post({ transactionId: null, eventType: 'lead', clickId: named.clickId, revenueMicros: null }));
  if (n % 30 === 0) all.push(post({ transactionId: `lost-${n}`, clickId: randomUUID(), customerId: null }));
  return all;
}

async function count(sql: string): Promise<number> {
  const [row] = await clickhouse.rows<{ n: string }>(sql, { lanes: LANES });
  return Number(row?.n);
}

/** Everything is judged, nothing waits, and the group has said so. */
async function decided(): Promise<void> {
  const judged = 'SELECT count() AS n FROM receipts FINAL WHERE lane IN {lanes:Array(String)}';
  const posted = 'SELECT count() AS n FROM postbacks FINAL WHERE lane IN {lanes:Array(String)}';
  // Verdicts and revisions are stored by feeds of their own.
  const open = `SELECT count() AS n FROM (SELECT DISTINCT conversionId FROM receipts WHERE lane IN {lanes:Array(String)}) AS judged
    LEFT JOIN (SELECT conversionId, match FROM conversions FINAL) AS live USING (conversionId)
    WHERE live.match NOT IN ('attributed', 'unattributed')`;
  await eventually(
    async () => [await count(posted), await count(judged), await count(open)],
    ([received, verdicts, waiting]) => received === receipts && verdicts === receipts && waiting === 0,
    60_000,
  );
  const topic = 'postback.received.v1';
  await eventually(
    async () => {
      const ends = await connection.endOffsets(topic);
      const committed = await connection.committedOffsets('attribution', topic);
      return [...ends].filter(([partition, end]) => end > 0 && (committed.get(partition) ?? -1) < end).length;
    },
    (behind) => behind === 0,
    30_000,
  );
  await quiet();
}

/** No further revision comes, also none by the clock, and ClickHouse shows them all. */
async function quiet(): Promise<void> {
  const decisions = async () => (await liveChecksum()).join();
  let before = '';
  await eventually(
    async () => {
      const [last, now] = [before, await decisions()];
      before = now;
      await delay(2_000);
      return last === now;
    },
    (isSame) => isSame,
    60_000,
  );
}

/** What every reader of the live tables sees. */
async function liveChecksum(): Promise<readonly string[]> {
  const tables = ['decisions', 'conversions', 'decision_records', 'receipts', 'cap_places'];
  const sums = tables.map(async (table) => {
    const [row] = await clickhouse.rows<{ sum: string }>(
      `SELECT toString(sum(cityHash64(toString(tuple(*))))) || ':' || toString(count()) AS sum FROM ${table} FINAL`,
    );
    return `${table} ${row?.sum}`;
  });
  return Promise.all(sums);
}

interface Ended {
  readonly exitCode: number;
  readonly printed: string;
}

/** The programs behind `npm run reattribute`, as scripts/command.mjs chooses them. */
function reattribute(...options: readonly string[]): Promise<Ended> {
  const program = options.includes('--apply')
    ? 'apps/console/dist/reattribution/apply-run.js'
    : 'apps/attribution/dist/reattribution/reattribute.js';
  return new Promise((done) => {
    const child = spawn(process.execPath, [join(REPOSITORY, program), ...options], {
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let printed = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        printed += String(data);
      });
    child.on('close', (code) => done({ exitCode: code ?? -1, printed }));
  });
}

const time = () => ['--from', new Date(from).toISOString(), '--to', new Date(to).toISOString()];

function runIn({ printed }: Ended): string {
  const [, runId = ''] = /^run ([0-9a-f-]{36}),/m.exec(printed) ?? [];
  return runId;
}

/** How many conversions of a run are not as the run has them. */
function differing(runId: string): Promise<number> {
  const columns = [
    'match',
    'state',
    'clickId',
    'partnerId',
    'model',
    'credits',
    'payoutMicros',
    'payoutParts',
  ];
  const tupleOf = (table: string) => `tuple(${columns.map((column) => `${table}.${column}`).join(', ')})`;
  return count(
    `SELECT count() AS n FROM ${scratchTableOf(runId)} AS run
    INNER JOIN (SELECT * FROM conversions FINAL) AS live USING (conversionId)
    WHERE toString(${tupleOf('run')}) != toString(${tupleOf('live')})`,
  );
}

describe('a run', { timeout: 240_000 }, () => {
  it('by the same rules decides the same bytes', async () => {
    const before = await liveChecksum();
    const ended = await reattribute(...time());
    console.log(ended.printed);
    const total = await count(
      'SELECT count() AS n FROM conversions FINAL WHERE lane IN {lanes:Array(String)}',
    );
    expect(ended.exitCode).toBe(0);
    expect(ended.printed).toContain(`byte-equal to what stands: ${total} of ${total}\n`);
    expect(ended.printed).toContain('conversions changed: 0 ');
    expect(await liveChecksum()).toEqual(before);
    expect(await reattribute('--drop', runIn(ended))).toMatchObject({ exitCode: 0 });
    expect(await reattribute('--drop', runIn(ended))).toMatchObject({ exitCode: 1 });
  });

  it('by another model changes nothing live, and moves what sums to zero; ordered, it becomes so', async () => {
    const before = await liveChecksum();
    const ended = await reattribute(...time(), '--model', 'linear');
    console.log(ended.printed);
    const runId = runIn(ended);
    expect(ended.exitCode).toBe(0);
    const [, changed, moved] =
      /conversions changed: (\d+) [\s\S]*moved between partners: (\d+); of them not summing to zero: 0\n/.exec(
        ended.printed,
      ) ?? [];
    expect(Number(changed)).toBeGreaterThan(SALES);
    expect(Number(moved)).toBeGreaterThan(SALES);
    expect(ended.printed).toContain('moved in all, payout EUR: 0\n');
    expect(ended.printed).toContain('moved in all, revenue EUR: 0\n');
    expect(await liveChecksum()).toEqual(before);
    expect(await differing(runId)).toBe(Number(changed));

    const unasked = await reattribute('--apply', runId, '--actor', 'test');
    expect(unasked).toMatchObject({ exitCode: 2, printed: expect.stringContaining('nothing was ordered') });
    const applied = await reattribute('--apply', runId, '--actor', 'test', '--yes');
    console.log(applied.printed);
    expect(applied.exitCode).toBe(0);
    await eventually(
      () => differing(runId),
      (n) => n === 0,
      60_000,
    );
    await quiet();
    const revised = await liveChecksum();
    expect(revised).not.toEqual(before);

    const again = await reattribute('--apply', runId, '--actor', 'test', '--yes');
    expect(again).toMatchObject({ exitCode: 0, printed: expect.stringContaining('to order anew: 0;') });
    expect(await liveChecksum()).toEqual(revised);
  });

  it('by the same rules decides the orders again, to the same bytes', async () => {
    await decided();
    const { printed } = await reattribute(...time());
    console.log(printed);
    const total = await count(
      'SELECT count() AS n FROM conversions FINAL WHERE lane IN {lanes:Array(String)}',
    );
    expect(printed).toContain(`byte-equal to what stands: ${total} of ${total}\n`);
  });

  it('refuses a call that says too little', async () => {
    expect(await reattribute('--from', '2026-01-01')).toMatchObject({ exitCode: 2 });
    expect(await reattribute('--apply', randomUUID(), '--yes')).toMatchObject({ exitCode: 2 });
    expect(await reattribute('--apply', randomUUID(), '--actor', 'test', '--yes')).toMatchObject({
      exitCode: 1,
    });
  });
});
