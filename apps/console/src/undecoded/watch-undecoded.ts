/** The console's watch on undecoded records: the republisher on real Kafka, ClickHouse and schema registry, and its readiness check. */
import { KafkaConnection, KafkaEventProducer, SchemaRegistryClient } from '@tributary/bus';
import { type Logger, type Settings, systemClock, undecodedCheck } from '@tributary/runtime';
import { clickhouseOf, StoredOffsets, UndecodedStore } from '@tributary/store';
import type { UndecodedWatch } from '../console.module.ts';
import { Republisher } from './republisher.ts';

export function watchUndecoded(
  settings: Settings<
    | 'KAFKA_BROKERS'
    | 'SCHEMA_REGISTRY_URL'
    | 'CLICKHOUSE_URL'
    | 'CLICKHOUSE_USER'
    | 'CLICKHOUSE_PASSWORD'
    | 'CLICKHOUSE_DATABASE'
  >,
  logger: Logger,
): UndecodedWatch {
  const connection = new KafkaConnection({
    brokers: settings.KAFKA_BROKERS,
    clientId: 'console-undecoded',
    logger,
  });
  const producer = new KafkaEventProducer({ connection });
  const clickhouse = clickhouseOf(settings);
  const undecoded = new UndecodedStore(clickhouse);
  const offsets = new StoredOffsets(connection, settings.CLICKHOUSE_DATABASE);
  const republisher = new Republisher({
    undecoded,
    schemas: new SchemaRegistryClient({ url: settings.SCHEMA_REGISTRY_URL }),
    producer,
    readOf: (topic) => offsets.readOf(topic),
    clock: systemClock,
    logger,
  });
  return {
    check: undecodedCheck(() => undecoded.count()),
    start: () => republisher.start(),
    stop: async () => {
      await republisher.stop();
      await producer.close();
      await connection.close();
      await clickhouse.close();
    },
  };
}
