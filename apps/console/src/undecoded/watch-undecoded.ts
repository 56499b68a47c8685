/** The console's watch on undecoded records: the republisher on real Kafka, ClickHouse and schema registry, and its readiness check. */
import { KafkaConnection, KafkaEventProducer } from '@tributary/bus';
import { DependencyFailure, type Logger, type Settings, systemClock } from '@tributary/runtime';
import { clickhouseOf, StoredOffsets, UndecodedStore } from '@tributary/store';
import type { UndecodedWatch } from '../console.module.ts';
import { RegistryClient } from './registry-client.ts';
import { type OpenUndecoded, Republisher } from './republisher.ts';

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
    registry: new RegistryClient(settings.SCHEMA_REGISTRY_URL),
    producer,
    readOf: (topic) => offsets.readOf(topic),
    clock: systemClock,
    logger,
  });
  return {
    check: { name: 'undecoded', check: () => standing(undecoded) },
    start: () => republisher.start(),
    stop: async () => {
      await republisher.stop();
      await producer.close();
      await connection.close();
      await clickhouse.close();
    },
  };
}

/** Never unready: the API of the configuration needs no ClickHouse. */
async function standing(undecoded: OpenUndecoded) {
  try {
    const count = await undecoded.count();
    return { ready: true, degraded: count > 0, detail: `${count} open` };
  } catch (error) {
    if (!(error instanceof DependencyFailure)) throw error;
    return { ready: true, degraded: true, detail: error.code };
  }
}
