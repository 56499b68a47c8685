/** What the attribution benchmark runs against: embedded engines, the tables, twenty advertisers, and one attribution process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureTopics, KafkaConnection, KafkaEventProducer, outgoing } from '@tributary/bus';
import { aChange } from '@tributary/configuration';
import { findFreePorts } from '@tributary/engines';
import { createLogger } from '@tributary/runtime';
import { ClickhouseConnection, migrate } from '@tributary/store';
import { startTestEngines, type TestEngines } from '@tributary/testing';
import { cpuSecondsOf } from '../cpu-seconds.ts';
import { ADVERTISERS, advertiserOf } from './bench-history.ts';

const REPOSITORY = resolve(import.meta.dirname, '../../..');
const MIGRATIONS = join(REPOSITORY, 'migrations/clickhouse');
const READY_BOUND_MS = 120_000;
const STOP_BOUND_MS = 30_000;
const FLUSH_MS = 200;
const REPORT_FLUSH_MS = 1_000;
const USER = { user: 'tributary', password: 'tributary' };
/** Filling the store inserts millions of rows by one statement. */
const STATEMENT_BOUND_MS = 1_800_000;
/** A click later than this after its postback is no match. */
const PARKED_FOR_MS = 600_000;

export class AttributionSystem {
  readonly connection: KafkaConnection;
  readonly producer: KafkaEventProducer;
  readonly clickhouse: ClickhouseConnection;
  readonly #engines: TestEngines;
  #child: ChildProcess | undefined;

  private constructor(engines: TestEngines) {
    this.#engines = engines;
    this.connection = new KafkaConnection({
      brokers: engines.brokers.split(','),
      clientId: 'bench',
      logger: createLogger('bench', 'silent'),
    });
    this.producer = new KafkaEventProducer({ connection: this.connection });
    this.clickhouse = new ClickhouseConnection({
      url: engines.clickhouseUrl,
      ...USER,
      database: 'tributary',
      requestTimeoutMs: STATEMENT_BOUND_MS,
    });
  }

  static async start(): Promise<AttributionSystem> {
    const engines = await startTestEngines();
    const system = new AttributionSystem(engines);
    await ensureTopics(system.connection, 1);
    const admin = new ClickhouseConnection({ url: engines.clickhouseUrl, ...USER, database: 'default' });
    await migrate(admin, system.clickhouse, MIGRATIONS, {
      kafkaBrokers: engines.brokers.split(','),
      schemaRegistryUrl: engines.schemaRegistryUrl,
      flushMs: FLUSH_MS,
      reportFlushMs: REPORT_FLUSH_MS,
    });
    await admin.close();
    await system.#configure();
    return system;
  }

  /** @param profileTo directory for a CPU profile of the process, written when it ends. */
  async startAttribution(profileTo: string | null = null): Promise<void> {
    const [port = 0] = await findFreePorts(1);
    const profile = profileTo === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileTo}`];
    const { brokers, clickhouseUrl, schemaRegistryUrl } = this.#engines;
    this.#child = spawn(
      process.execPath,
      [
        '--disable-warning=TimeoutNegativeWarning',
        ...profile,
        join(REPOSITORY, 'apps/attribution/dist/main.js'),
      ],
      {
        cwd: REPOSITORY,
        env: {
          ...process.env,
          KAFKA_BROKERS: brokers,
          CLICKHOUSE_URL: clickhouseUrl,
          SCHEMA_REGISTRY_URL: schemaRegistryUrl,
          ATTRIBUTION_PORT: String(port),
          LOG_LEVEL: 'error',
        },
        stdio: ['ignore', 'inherit', 'inherit'],
      },
    );
    const deadline = performance.now() + READY_BOUND_MS;
    const isReady = async () => (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok;
    while (!(await isReady().catch(() => false))) {
      if (performance.now() > deadline) throw new Error('attribution did not start');
      await delay(100);
    }
  }

  async stopAttribution(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    await Promise.race([ended, delay(STOP_BOUND_MS, undefined, { ref: false })]);
    child.kill('SIGKILL');
  }

  /** CPU time of each process so far. @throws Error while attribution does not run. */
  cpuSeconds(): Readonly<Record<'attribution' | 'clickhouse' | 'kafka', number>> {
    const { kafka, clickhouse } = this.#engines.pids;
    return {
      attribution: cpuSecondsOf(this.#child?.pid),
      clickhouse: cpuSecondsOf(clickhouse),
      kafka: cpuSecondsOf(kafka),
    };
  }

  async stop(): Promise<void> {
    await this.stopAttribution();
    await this.producer.close();
    await this.connection.close();
    await this.clickhouse.close();
    await this.#engines.stop();
  }

  async #configure(): Promise<void> {
    for (let n = 0; n < ADVERTISERS; n += 1) {
      const number = advertiserOf(n);
      const advertiserId = `bench-${number}`;
      const offerId = `offer-${number}`;
      const changes = [
        aChange('advertiser', {
          id: advertiserId,
          name: advertiserId,
          currency: 'EUR',
          parkedForMs: PARKED_FOR_MS,
        }),
        aChange('offer', {
          id: offerId,
          advertiserId,
          name: offerId,
          payouts: [
            { eventType: 'sale', kind: 'percent', percent: '30' },
            { eventType: 'renewal', kind: 'fixed', amount: '2.50', currency: 'EUR' },
          ],
        }),
        aChange('campaign', {
          id: `campaign-${number}`,
          offerId,
          name: offerId,
          status: 'active',
          landingUrl: 'https://shop.example/landing?cid={click_id}',
        }),
        aChange('source', { id: `source-${number}`, advertiserId, name: 'Backend' }),
      ];
      for (const change of changes)
        await this.producer.produce([outgoing('configuration.changed.v1', change.entityId, change)]);
    }
  }
}
