/** The console's place on Kafka: the configuration topic, followed and written. */
import {
  KafkaConfigurationLog,
  KafkaConnection,
  KafkaEventProducer,
  SchemaRegistryClient,
} from '@tributary/bus';
import { crashOn, type Logger, type Settings } from '@tributary/runtime';
import type { ConsoleBus } from './console.module.ts';

export function kafkaBus(
  settings: Settings<'KAFKA_BROKERS' | 'SCHEMA_REGISTRY_URL'>,
  logger: Logger,
): ConsoleBus {
  const connection = new KafkaConnection({ brokers: settings.KAFKA_BROKERS, clientId: 'console', logger });
  const producer = new KafkaEventProducer({ connection });
  const schemas = new SchemaRegistryClient({ url: settings.SCHEMA_REGISTRY_URL });
  const onFatal = crashOn(logger);
  return {
    log: new KafkaConfigurationLog({ connection, producer, schemas, onFatal }),
    connect: () => producer.connect(),
    ping: () => connection.ping(),
    endOffset: () => connection.endOffset('configuration.changed.v1'),
    close: async () => {
      await producer.close();
      await connection.close();
    },
  };
}
