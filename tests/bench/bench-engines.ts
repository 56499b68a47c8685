/** The engines of a benchmark: an embedded Kafka with every topic, ClickHouse with every table, a producer, and connections to both. */
import { join, resolve } from 'node:path';
import { ensureTopics, KafkaConnection, KafkaEventProducer } from '@tributary/bus';
import { createLogger, readSettings } from '@tributary/runtime';
import { ClickhouseConnection, migrate } from '@tributary/store';
import { startTestEngines, type TestEngines } from '@tributary/testing';
import { cpuSecondsOf } from './cpu-seconds.ts';

const MIGRATIONS = resolve(join(import.meta.dirname, '../../migrations/clickhouse'));
/** As they are for whoever sets nothing. */
const FLUSH = readSettings(['CLICKHOUSE_FLUSH_MS', 'CLICKHOUSE_REPORT_FLUSH_MS'], {});
const USER = { user: 'tributary', password: 'tributary' };
/** Filling the store inserts millions of rows by one statement. */
const STATEMENT_BOUND_MS = 1_800_000;

export class BenchEngines {
  readonly connection: KafkaConnection;
  readonly producer: KafkaEventProducer;
  readonly clickhouse: ClickhouseConnection;
  readonly #engines: TestEngines;

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

  static async start(): Promise<BenchEngines> {
    const engines = await startTestEngines();
    const bench = new BenchEngines(engines);
    await ensureTopics(bench.connection, 1);
    const admin = new ClickhouseConnection({ url: engines.clickhouseUrl, ...USER, database: 'default' });
    await migrate(admin, bench.clickhouse, MIGRATIONS, {
      kafkaBrokers: engines.brokers.split(','),
      schemaRegistryUrl: engines.schemaRegistryUrl,
      flushMs: FLUSH.CLICKHOUSE_FLUSH_MS,
      reportFlushMs: FLUSH.CLICKHOUSE_REPORT_FLUSH_MS,
    });
    await admin.close();
    return bench;
  }

  /** Where a service finds them. */
  get environment(): Readonly<Record<string, string>> {
    const { brokers, clickhouseUrl, schemaRegistryUrl } = this.#engines;
    return { KAFKA_BROKERS: brokers, CLICKHOUSE_URL: clickhouseUrl, SCHEMA_REGISTRY_URL: schemaRegistryUrl };
  }

  /** CPU time of each engine so far. */
  cpuSeconds(): Readonly<Record<'clickhouse' | 'kafka', number>> {
    const { kafka, clickhouse } = this.#engines.pids;
    return { clickhouse: cpuSecondsOf(clickhouse), kafka: cpuSecondsOf(kafka) };
  }

  async stop(): Promise<void> {
    await this.producer.close();
    await this.connection.close();
    await this.clickhouse.close();
    await this.#engines.stop();
  }
}
