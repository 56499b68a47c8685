/** `npm run migrate`: topics and tables, brought to the newest version. */
import { join, resolve } from 'node:path';
import { ensureTopics, KafkaConnection } from '@tributary/bus';
import { createLogger, readSettings } from '@tributary/runtime';
import { type ClickhouseConnection, clickhouseOf, migrateHosts } from '@tributary/store';
import type { Command } from './command.ts';

const MIGRATIONS = join(resolve(import.meta.dirname, '../../..'), 'migrations/clickhouse');

export const migrateCommand: Command = {
  usage: `npm run migrate
  Creates the topics that are missing, corrects the retention of the others, and applies the migrations that are new. Safe to run again.
  Reads KAFKA_BROKERS, KAFKA_RF, CLICKHOUSE_URL, CLICKHOUSE_USER, CLICKHOUSE_PASSWORD, CLICKHOUSE_DATABASE,
  CLICKHOUSE_FLUSH_MS, CLICKHOUSE_REPORT_FLUSH_MS and SCHEMA_REGISTRY_URL; ClickHouse must reach Kafka and the registry under the same addresses.
  On a cluster: CLICKHOUSE_CLUSTER, CLICKHOUSE_CLUSTER_URLS (every host) and CLICKHOUSE_CLUSTER_REPLICATED.`,
  run: async () => {
    const settings = readSettings([
      'KAFKA_BROKERS',
      'KAFKA_RF',
      'CLICKHOUSE_URL',
      'CLICKHOUSE_USER',
      'CLICKHOUSE_PASSWORD',
      'CLICKHOUSE_DATABASE',
      'CLICKHOUSE_FLUSH_MS',
      'CLICKHOUSE_REPORT_FLUSH_MS',
      'CLICKHOUSE_CLUSTER',
      'CLICKHOUSE_CLUSTER_URLS',
      'CLICKHOUSE_CLUSTER_REPLICATED',
      'SCHEMA_REGISTRY_URL',
      'LOG_LEVEL',
    ]);
    const logger = createLogger('migrate', settings.LOG_LEVEL);
    const connection = new KafkaConnection({ brokers: settings.KAFKA_BROKERS, clientId: 'migrate', logger });
    const { CLICKHOUSE_CLUSTER: name, CLICKHOUSE_CLUSTER_URLS: urls } = settings;
    if ((name === '') !== (urls.length === 0))
      throw new Error('CLICKHOUSE_CLUSTER and CLICKHOUSE_CLUSTER_URLS belong together');
    const hosts = (name === '' ? [settings.CLICKHOUSE_URL] : urls).map((url) => ({
      admin: clickhouseOf({ ...settings, CLICKHOUSE_URL: url, CLICKHOUSE_DATABASE: 'default' }),
      database: clickhouseOf({ ...settings, CLICKHOUSE_URL: url }),
    }));
    try {
      const topics = await ensureTopics(connection, settings.KAFKA_RF);
      const files = await migrateHosts(hosts, MIGRATIONS, {
        kafkaBrokers: settings.KAFKA_BROKERS,
        schemaRegistryUrl: settings.SCHEMA_REGISTRY_URL,
        flushMs: settings.CLICKHOUSE_FLUSH_MS,
        reportFlushMs: settings.CLICKHOUSE_REPORT_FLUSH_MS,
        ...(name !== '' && { cluster: { name, isReplicated: settings.CLICKHOUSE_CLUSTER_REPLICATED } }),
      });
      console.log(`topics created: ${topics.created.join(', ') || 'none'}`);
      console.log(`topics brought up to date: ${topics.updated.join(', ') || 'none'}`);
      console.log(`migrations applied: ${files.join(', ') || 'none'}`);
      return 0;
    } finally {
      const opened: readonly { close(): Promise<void> }[] = [
        connection,
        ...hosts.flatMap(({ admin, database }): ClickhouseConnection[] => [admin, database]),
      ];
      await Promise.all(opened.map((each) => each.close()));
    }
  },
};
