/** Dead letters sent again by a real console and a real fan-out, both killed in between: nothing arrives twice, nothing is left out. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import process from 'node:process';
import {
  ensureTopics,
  KafkaConfigurationLog,
  KafkaConnection,
  KafkaEventProducer,
  outgoing,
} from '@tributary/bus';
import { aChange } from '@tributary/configuration';
import type { ConversionDecided } from '@tributary/contracts';
import { findFreePorts } from '@tributary/engines';
import { createLogger } from '@tributary/runtime';
import { ClickhouseConnection, DeadDeliveryStore, migrate } from '@tributary/store';
import {
  aDecision,
  aDeliveryOrder,
  eventually,
  startTestEngines,
  type TestEngines,
} from '@tributary/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { patiently, publish } from './publish.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const DATABASE = 'replay_test';
const API_KEY = 'a-key-of-more-than-16-characters';
/** Answered 404, so they surely did not arrive. */
const REFUSED = 60;
/** Cut off after they were read, so they may have. */
const CUT_OFF = 15;
const BOUND_MS = 120_000;

let engines: TestEngines;
let connection: KafkaConnection;
let producer: KafkaEventProducer;
let clickhouse: ClickhouseConnection;
let receiver: Server;
/** How often a transaction was told to the receiver and taken. */
const taken = new Map<string, number>();
let isWorking = false;
let services: { fanOut: ChildProcess; console: ChildProcess };
let ports: { fanOut: number; console: number };
let decisions: readonly ConversionDecided[];

function connect(database: string): ClickhouseConnection {
  const url = engines.clickhouseUrl;
  return new ClickhouseConnection({ url, user: 'tributary', password: 'tributary', database });
}

function start(app: 'fan-out' | 'console'): ChildProcess {
  return spawn(process.execPath, [join(REPOSITORY, `apps/${app}/dist/main.js`)], {
    env: {
      ...process.env,
      KAFKA_BROKERS: engines.brokers,
      CLICKHOUSE_URL: engines.clickhouseUrl,
      CLICKHOUSE_USER: 'tributary',
      CLICKHOUSE_PASSWORD: 'tributary',
      CLICKHOUSE_DATABASE: DATABASE,
      SCHEMA_REGISTRY_URL: engines.schemaRegistryUrl,
      SECRETS_KEYS: Buffer.alloc(32, 7).toString('base64'),
      LOG_LEVEL: 'error',
      FAN_OUT_PORT: String(ports.fanOut),
      CONSOLE_PORT: String(ports.console),
      CONSOLE_API_KEY: API_KEY,
      DELIVERY_ALLOW_PRIVATE: 'true',
      DELIVERY_TIMEOUT_MS: '5000',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

async function kill(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  const exited = once(child, 'exit');
  if (child.kill(signal)) await exited;
}

async function call<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${ports.console}/api/v1/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${API_KEY}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text) as T;
}

interface Plan {
  readonly filter: object;
  readonly counts: readonly { readonly class: string; readonly count: number }[];
  readonly digest: string;
}

interface Run {
  readonly runId: string;
  readonly state: string;
  readonly ordered: number;
  readonly outcomes: readonly { readonly became: string; readonly deliveries: number }[];
}

async function plan(): Promise<{ readonly plan: Plan; readonly counts: Readonly<Record<string, number>> }> {
  const planned = await call<Plan>('POST', 'replays/plan', { filter: { destinationId: 'partner' } });
  return {
    plan: planned,
    counts: Object.fromEntries(planned.counts.map(({ class: name, count }) => [name, count])),
  };
}

async function order(accepts: readonly string[], ratePerSecond: number): Promise<string> {
  const { filter, digest } = (await plan()).plan;
  return (await call<Run>('POST', 'replays', { filter, digest, accepts, ratePerSecond })).runId;
}

/** The run once it has ended and none of its orders waits. */
async function ended(runId: string): Promise<Run> {
  const [run] = await eventually(
    () =>
      call<Run>('GET', `replays/${runId}`).then(
        (found) => [found],
        // Console is starting, or does not show it yet.
        () => [],
      ),
    ([found]) =>
      found?.state === 'completed' &&
      !found.outcomes.some(({ became }) => became === 'waiting' || became === 'under_way'),
    BOUND_MS,
  );
  if (run === undefined) throw new Error('it never ended');
  return run;
}

/** What the receiver was told and has taken, repeats included. */
const takenInAll = () => [...taken.values()].reduce((sum, count) => sum + count, 0);

beforeAll(async () => {
  engines = await startTestEngines();
  const logger = createLogger('replay-test', 'silent');
  connection = new KafkaConnection({ brokers: engines.brokers.split(','), clientId: 'replay-test', logger });
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
  receiver = createServer((request, response) => {
    const transaction = new URL(request.url ?? '', 'http://receiver').searchParams.get('t') ?? '';
    if (!isWorking && transaction.startsWith('cut')) return void request.socket.destroy();
    response.statusCode = isWorking ? 200 : 404;
    response.end('OK');
    if (isWorking) taken.set(transaction, (taken.get(transaction) ?? 0) + 1);
  });
  await once(receiver.listen(0, '127.0.0.1'), 'listening');
  await configure();
  const [fanOut = 0, consolePort = 0] = await findFreePorts(2);
  ports = { fanOut, console: consolePort };
  services = { fanOut: start('fan-out'), console: start('console') };
  decisions = Array.from({ length: REFUSED + CUT_OFF }, (_, nth) => decided(nth));
  await publish(producer, records());
  await eventually(
    () => new DeadDeliveryStore(clickhouse).deadDeliveries(NO_FILTER(), null, 1_000),
    (dead) => dead.length === decisions.length,
    BOUND_MS,
  );
  await eventually(
    () => call('GET', 'configuration/version').catch(() => null),
    (version) => version !== null,
    BOUND_MS,
  );
  isWorking = true;
}, 300_000);

afterAll(async () => {
  try {
    await Promise.all([kill(services.fanOut, 'SIGTERM'), kill(services.console, 'SIGTERM')]);
    await producer.close();
    await connection.close();
    await clickhouse.close();
    receiver.close();
  } finally {
    await engines.stop();
  }
});

const NO_FILTER = () => ({
  deadLetterId: null,
  destinationId: null,
  reasonCode: null,
  from: null,
  until: Date.now(),
});

const configurationLog = () =>
  new KafkaConfigurationLog({
    connection,
    producer,
    onFatal: (error) => {
      throw error;
    },
  });

function destination(events: object = {}) {
  const { port } = receiver.address() as AddressInfo;
  return {
    id: 'partner',
    name: 'Partner',
    definition: 'partner-postback',
    status: 'active',
    scheduleMs: [1_000],
    settings: { urlTemplate: `http://127.0.0.1:${port}/?t={transaction_id}&c={click_id}`, events },
  };
}

async function configure(): Promise<void> {
  const log = configurationLog();
  await patiently(() => log.append(aChange('destination', destination())));
  await patiently(() => log.append(aChange('subscription', { id: 'all', destinationId: 'partner' })));
}

function decided(nth: number): ConversionDecided {
  const at = Date.now() - 60_000;
  const transactionId = `${nth < REFUSED ? 'refused' : 'cut'}-${nth}`;
  return aDecision({
    conversionId: randomUUID(),
    transactionId,
    clickIpCiphertext: null,
    ipCiphertext: null,
    occurredAt: at,
    receivedAt: at,
    decidedAt: at,
    configurationVersion: 0,
  });
}

const records = () => decisions.map((each) => outgoing('conversion.decided.v1', each.conversionId, each));

it('sends what is safe once, though console and fan-out die in the middle of it', async () => {
  // A dead letter is on record a moment before the end that it follows from.
  const { counts } = await eventually(plan, (each) => each.counts['under_way'] === undefined, BOUND_MS);
  expect(counts).toEqual({ safe: REFUSED, would_double_count: CUT_OFF });
  const runId = await order([], 15);
  await eventually(
    async () => takenInAll(),
    (count) => count >= 10,
    BOUND_MS,
  );
  await Promise.all([kill(services.fanOut), kill(services.console)]);
  services = { fanOut: start('fan-out'), console: start('console') };
  const run = await ended(runId);
  expect(run.outcomes).toEqual([{ became: 'delivered', deliveries: REFUSED }]);
  expect(taken.size).toBe(REFUSED);
  // An attempt whose end is missing is ambiguous, and is made again under its key.
  const [ambiguous] = await clickhouse.rows<{ requests: number }>(
    `SELECT toUInt32(count()) AS requests FROM (
       SELECT requestId FROM delivery_attempts FINAL GROUP BY requestId HAVING countIf(phase = 'ended') = 0
     )`,
  );
  expect(takenInAll() - taken.size).toBeLessThanOrEqual(ambiguous?.requests ?? 0);
}, 240_000);

it('sends nothing when it is ordered again, or when its very orders come once more', async () => {
  const before = takenInAll();
  expect((await plan()).counts).toEqual({ already_delivered: REFUSED, would_double_count: CUT_OFF });
  expect(await ended(await order([], 100))).toMatchObject({ ordered: 0 });
  const letters = await new DeadDeliveryStore(clickhouse).deadDeliveries(NO_FILTER(), null, 1_000);
  const safe = new Set(decisions.slice(0, REFUSED).map(({ conversionId }) => conversionId));
  const again = letters
    .filter(({ conversionId }) => safe.has(conversionId))
    .map(({ deadLetterId, conversionId, deliveryId, destinationId, attempt }) =>
      outgoing(
        'delivery.commanded.v1',
        conversionId,
        aDeliveryOrder({
          commandId: randomUUID(),
          deadLetterId,
          conversionId,
          deliveryId,
          destinationId,
          expectedAttempt: attempt,
          issuedAt: Date.now(),
          accepts: ['would_double_count'],
        }),
      ),
    );
  await publish(producer, [...again, ...again]);
  // Each partition is read in order: what is ordered after them shows that they are dealt with.
  await ended(await order(['would_double_count'], 100));
  expect(takenInAll()).toBe(before + CUT_OFF);
  expect(taken.size).toBe(REFUSED + CUT_OFF);
}, 240_000);

it('a fresh process that reads every decision again sends nothing', async () => {
  const before = takenInAll();
  await kill(services.fanOut);
  await publish(producer, records());
  services = { ...services, fanOut: start('fan-out') };
  // One that nobody knows comes behind them in every partition.
  const marks = Array.from({ length: 48 }, (_, nth) => decided(1_000 + nth));
  await publish(
    producer,
    marks.map((each) => outgoing('conversion.decided.v1', each.conversionId, each)),
  );
  await eventually(
    async () => takenInAll(),
    (count) => count >= before + marks.length,
    BOUND_MS,
  );
  expect(takenInAll()).toBe(before + marks.length);
}, 240_000);

it('begins under its new name what was refused under the old one, and says so of the run', async () => {
  const before = takenInAll();
  isWorking = false;
  const refused = Array.from({ length: 5 }, (_, nth) => decided(-1 - nth));
  await publish(
    producer,
    refused.map((each) => outgoing('conversion.decided.v1', each.conversionId, each)),
  );
  await eventually(plan, ({ counts }) => counts['safe'] === refused.length, BOUND_MS);
  const log = configurationLog();
  await patiently(() =>
    log.append(aChange('destination', destination({ sale: 'bought' }), { expectedVersion: 0 })),
  );
  isWorking = true;
  const run = await ended(await order([], 100));
  expect(run.outcomes).toEqual([{ became: 'renamed', deliveries: refused.length }]);
  expect(takenInAll()).toBe(before + refused.length);
  expect((await plan()).counts['safe']).toBeUndefined();
}, 240_000);
