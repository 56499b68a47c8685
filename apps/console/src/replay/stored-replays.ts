/** Replays on a real Kafka and ClickHouse. */
import { KafkaConnection, KafkaEventProducer, SchemaRegistryClient } from '@tributary/bus';
import type { Logger, Settings } from '@tributary/runtime';
import {
  clickhouseOf,
  DeadDeliveryStore,
  DeliveryStore,
  ReplayStore,
  StoredOffsets,
  UndecodedStore,
} from '@tributary/store';
import type { ReplayResources } from '../console.module.ts';

export function storedReplays(
  settings: Settings<
    | 'KAFKA_BROKERS'
    | 'SCHEMA_REGISTRY_URL'
    | 'CLICKHOUSE_URL'
    | 'CLICKHOUSE_USER'
    | 'CLICKHOUSE_PASSWORD'
    | 'CLICKHOUSE_DATABASE'
  >,
  logger: Logger,
): ReplayResources {
  const connection = new KafkaConnection({
    brokers: settings.KAFKA_BROKERS,
    clientId: 'console-replay',
    logger,
  });
  const producer = new KafkaEventProducer({ connection });
  const clickhouse = clickhouseOf(settings);
  const schemas = new SchemaRegistryClient({ url: settings.SCHEMA_REGISTRY_URL });
  return {
    letters: new DeadDeliveryStore(clickhouse),
    deliveries: new DeliveryStore(clickhouse, schemas),
    runs: new ReplayStore(clickhouse),
    producer,
    offsets: new StoredOffsets(
      connection,
      settings.CLICKHOUSE_DATABASE,
      new UndecodedStore(clickhouse, schemas),
    ),
    close: async () => {
      await producer.close();
      await connection.close();
      await clickhouse.close();
    },
  };
}
