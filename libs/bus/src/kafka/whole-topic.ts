/** A topic read from its first record, by every process for itself: each has a group of its own and commits nothing. */
import { randomUUID } from 'node:crypto';
import { type Decoded, decodeEvent, type EventOf, schemaIdOf, type TopicName } from '@tributary/contracts';
import { DependencyFailure } from '@tributary/runtime';
import type { SchemaSource } from '../records.ts';
import { within } from '../within.ts';
import { isPassing, type KafkaConnection } from './connection.ts';

export interface WholeTopicOptions<T extends TopicName> {
  readonly connection: KafkaConnection;
  readonly topic: T;
  /** The first word of the group's name: who reads. */
  readonly reader: string;
  readonly maxFetchWaitMs: number;
  /** Where the schema of a record by a later release is learnt; without one such a record is not read. */
  readonly schemas?: SchemaSource;
  /** Takes a record, in the order of its partition. */
  readonly onRecord: (record: TopicRecord<T>) => void;
  /** The next record waits for its schema, and all of its partition after it; or it does no more. */
  readonly onWaiting?: (isWaiting: boolean) => void;
  /** A partition has been handed over up to here. */
  readonly onRead?: (partition: number, nextOffset: number) => void;
  /** The reader is beyond repair. */
  readonly onFatal: (error: Error) => void;
}

export interface TopicRecord<T extends TopicName> {
  readonly offset: number;
  readonly key: string;
  readonly decoded: Decoded<EventOf<T>>;
}

const SESSION_TIMEOUT_MS = 10_000;
const LEAVE_LIMIT_MS = 5_000;
const RESTART_MS = 1_000;
/** With the two requests of 3 s that a question may take, well within the session timeout. */
const LEARN_AGAIN_MS = 1_000;

/**
 * Resolves once the reader is under way. A record whose schema nobody can tell now is waited for, and all after it: a reader
 * that left it out would know something else than the others.
 */
export async function readWholeTopic<T extends TopicName>(
  options: WholeTopicOptions<T>,
): Promise<{ stop(): Promise<void> }> {
  const { connection, topic, reader, maxFetchWaitMs, schemas, onRecord, onWaiting, onRead, onFatal } =
    options;
  const consumer = connection.kafka.consumer({
    groupId: `${reader}-${connection.clientId}-${randomUUID()}`,
    maxWaitTimeInMs: maxFetchWaitMs,
    sessionTimeout: SESSION_TIMEOUT_MS,
    allowAutoTopicCreation: false,
  });
  // A rebalance of this one-member group makes kafkajs begin again: what was handed over is skipped.
  const next = new Map<number, number>();
  let isStopping = false;

  const decode = async (value: Buffer | null, heartbeat: () => Promise<void>) => {
    let decoded = decodeEvent(topic, value);
    const schemaId = value && schemaIdOf(value);
    if (decoded.ok || decoded.problem !== 'unknown_schema_id' || schemas === undefined || schemaId === null)
      return decoded;
    while (!isStopping) {
      try {
        await schemas.learn(schemaId);
        decoded = decodeEvent(topic, value);
        break;
      } catch (error) {
        if (!(error instanceof DependencyFailure)) throw error;
        connection.logger.warn({ err: error, topic, schemaId }, 'topic.schema_unavailable');
      }
      onWaiting?.(true);
      await heartbeat();
      await new Promise((resolve) => setTimeout(resolve, LEARN_AGAIN_MS));
    }
    onWaiting?.(false);
    return decoded;
  };

  const read = () =>
    consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, heartbeat }) => {
        const { partition, messages } = batch;
        const isHandedOver = (offset: number) => offset < (next.get(partition) ?? 0);
        for (const message of messages) {
          const offset = Number(message.offset);
          if (isHandedOver(offset)) continue;
          const decoded = await decode(message.value, heartbeat);
          if (isStopping) return;
          // Asked again: two runs of the consumer may have waited for the same schema.
          if (isHandedOver(offset)) continue;
          onRecord({ offset, key: message.key?.toString() ?? '', decoded });
          next.set(partition, offset + 1);
          await heartbeat();
        }
        onRead?.(partition, Number(batch.lastOffset()) + 1);
      },
    });
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    if (restart || isStopping) return;
    if (isPassing(error)) setTimeout(() => !isStopping && read().catch(onFatal), RESTART_MS);
    else onFatal(error);
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await read();
  return {
    stop: async () => {
      isStopping = true;
      await within(LEAVE_LIMIT_MS, 'leaving', consumer.disconnect()).catch(() => undefined);
    },
  };
}
