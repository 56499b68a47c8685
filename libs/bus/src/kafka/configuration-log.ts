/** The configuration topic as a log that every service follows from its first record. */
import { randomUUID } from 'node:crypto';
import { type ConfigurationChanged, decodeEvent } from '@tributary/contracts';
import type { Consumer } from 'kafkajs';
import { type EventProducer, outgoing } from '../records.ts';
import type { KafkaConnection } from './connection.ts';

export interface KafkaConfigurationLogOptions {
  readonly connection: KafkaConnection;
  /** Only console appends. */
  readonly producer?: EventProducer;
  readonly onFatal: (error: Error) => void;
}

type OnChange = (offset: number, change: ConfigurationChanged | null) => void;

const TOPIC = 'configuration.changed.v1';
const MAX_FETCH_WAIT_MS = 100;
const SESSION_TIMEOUT_MS = 10_000;

export class KafkaConfigurationLog {
  readonly #options: KafkaConfigurationLogOptions;

  constructor(options: KafkaConfigurationLogOptions) {
    this.#options = options;
  }

  /**
   * Hands over every change in offset order, null for a record that cannot be decoded.
   * Resolves once everything that was in the log at the call has been handed over.
   */
  async follow(onChange: OnChange): Promise<{ stop(): Promise<void> }> {
    const { connection, onFatal } = this.#options;
    const end = (await connection.endOffsets(TOPIC)).get(0) ?? 0;
    // Every process reads the whole log, so each has a group of its own and commits nothing.
    const consumer = connection.kafka.consumer({
      groupId: `configuration-${connection.clientId}-${randomUUID()}`,
      maxWaitTimeInMs: MAX_FETCH_WAIT_MS,
      sessionTimeout: SESSION_TIMEOUT_MS,
      allowAutoTopicCreation: false,
    });
    let stopping = false;
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart && !stopping) onFatal(payload.error);
    });
    await consumer.connect();
    await consumer.subscribe({ topics: [TOPIC], fromBeginning: true });
    await reading(consumer, end, onChange);
    return {
      stop: async () => {
        stopping = true;
        await consumer.disconnect();
      },
    };
  }

  /** @returns the offset of the change: the configuration version it makes. @throws DependencyFailure */
  async append(change: ConfigurationChanged): Promise<number> {
    const { producer } = this.#options;
    if (producer === undefined) throw new Error('this service only follows the configuration');
    const key = `${change.entityType}:${change.entityId}`;
    const [position] = await producer.produce([outgoing(TOPIC, key, change)]);
    if (position === undefined) throw new Error('an acknowledged record has no position');
    return position.offset;
  }
}

function reading(consumer: Consumer, end: number, onChange: OnChange): Promise<void> {
  // A rebalance of this one-member group makes kafkajs start again from the beginning: what was handed over is skipped.
  let next = 0;
  return new Promise((resolve, reject) => {
    if (end === 0) resolve();
    consumer
      .run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          for (const message of batch.messages) {
            const offset = Number(message.offset);
            if (offset < next) continue;
            next = offset + 1;
            const decoded = decodeEvent(TOPIC, message.value);
            onChange(offset, decoded.ok ? decoded.value : null);
          }
          if (next >= end) resolve();
        },
      })
      .catch(reject);
  });
}
