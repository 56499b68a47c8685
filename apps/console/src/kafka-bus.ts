/** The console's place on Kafka: the configuration topic, followed and written. */
import { KafkaConfigurationLog, KafkaConnection, KafkaEventProducer } from '@tributary/bus';
import { crashOn, type Logger } from '@tributary/runtime';
import type { ConsoleBus } from './console.module.ts';

export function kafkaBus(brokers: readonly string[], logger: Logger): ConsoleBus {
  const connection = new KafkaConnection({ brokers, clientId: 'console', logger });
  const producer = new KafkaEventProducer({ connection });
  const onFatal = crashOn(logger);
  return {
    log: new KafkaConfigurationLog({ connection, producer, onFatal }),
    connect: () => producer.connect(),
    ping: () => connection.ping(),
    endOffset: () => connection.endOffset('configuration.changed.v1'),
    close: async () => {
      await producer.close();
      await connection.close();
    },
  };
}
