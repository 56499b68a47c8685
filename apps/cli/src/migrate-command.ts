/** `npm run migrate`: topics and tables, brought to the newest version. */
import { join, resolve } from 'node:path';
import { ensureTopics, KafkaConnection } from '@tributary/bus';
import { createLogger, readSettings } from '@tributary/runtime';
import { clickhouseOf, migrate } from '@tributary/store';
import type { Command } from './command.ts';

const MIGRATIONS = join(resolve(import.meta.dirname, '../../..'), 'migrations/clickhouse');

export const migrateCommand: Command = {
  usage: `npm run migrate
  Creates the topics that are missing, corrects the retention of the others, and applies the migrations that are new. Safe to run again.
  Reads KAFKA_BROKERS, KAFKA_RF, CLICKHOUSE_URL, CLICKHOUSE_USER, CLICKHOUSE_PASSWORD, CLICKHOUSE_DATABASE,
  CLICKHOUSE_FLUSH_MS and SCHEMA_REGISTRY_URL; ClickHouse must reach Kafka and the registry under the same addresses.`,
  run: async () => {
    const settings = readSettings([
      'KAFKA_BROKERS',
      'KAFKA_RF',
      'CLICKHOUSE_URL',
      'CLICKHOUSE_USER',
      'CLICKHOUSE_PASSWORD',
      'CLICKHOUSE_DATABASE',
      'CLICKHOUSE_FLUSH_MS',
      'SCHEMA_REGISTRY_URL',
      'LOG_LEVEL',
    ]);
    const logger = createLogger('migrate', settings.LOG_LEVEL);
    const connection = new KafkaConnection({ brokers: settings.KAFKA_BROKERS, clientId: 'migrate', logger });
    const admin = clickhouseOf({ ...settings, CLICKHOUSE_DATABASE: 'default' });
    const database = clickhouseOf(settings);
    try {
      const topics = await ensureTopics(connection, settings.KAFKA_RF);
      const files = await migrate(admin, database, MIGRATIONS, {
        kafkaBrokers: settings.KAFKA_BROKERS,
        schemaRegistryUrl: settings.SCHEMA_REGISTRY_URL,
        flushMs: settings.CLICKHOUSE_FLUSH_MS,
      });
      console.log(`topics created: ${topics.created.join(', ') || 'none'}`);
      console.log(`topics brought up to date: ${topics.updated.join(', ') || 'none'}`);
      console.log(`migrations applied: ${files.join(', ') || 'none'}`);
      return 0;
    } finally {
      await Promise.all([connection.close(), admin.close(), database.close()]);
    }
  },
};
