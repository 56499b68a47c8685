/** A topic read from its first record, by every process for itself: each has a group of its own and commits nothing. */
import { randomUUID } from 'node:crypto';
import { within } from '../within.ts';
import { isPassing, type KafkaConnection } from './connection.ts';

export interface WholeTopicOptions {
  readonly connection: KafkaConnection;
  readonly topic: string;
  /** The first word of the group's name: who reads. */
  readonly reader: string;
  readonly maxFetchWaitMs: number;
  /** Takes one record; the next one of its partition comes when it has been taken. */
  readonly onRecord: (record: TopicRecord, reading: TopicReading) => Promise<void>;
  /** A partition has been handed over up to here. */
  readonly onRead?: (partition: number, nextOffset: number) => void;
  /** The reader is beyond repair. */
  readonly onFatal: (error: Error) => void;
}

export interface TopicRecord {
  readonly offset: number;
  readonly key: string;
  readonly value: Buffer | null;
}

/** What a handler that takes long must ask and do meanwhile. */
export interface TopicReading {
  readonly isStopping: boolean;
  heartbeat(): Promise<void>;
}

const SESSION_TIMEOUT_MS = 10_000;
const LEAVE_LIMIT_MS = 5_000;
const RESTART_MS = 1_000;

/** Resolves once the reader is under way. @throws DependencyFailure */
export async function readWholeTopic(options: WholeTopicOptions): Promise<{ stop(): Promise<void> }> {
  const { connection, topic, reader, maxFetchWaitMs, onRecord, onRead, onFatal } = options;
  const consumer = connection.kafka.consumer({
    groupId: `${reader}-${connection.clientId}-${randomUUID()}`,
    maxWaitTimeInMs: maxFetchWaitMs,
    sessionTimeout: SESSION_TIMEOUT_MS,
    allowAutoTopicCreation: false,
  });
  // A rebalance of this one-member group makes kafkajs begin again: what was handed over is skipped.
  const next = new Map<number, number>();
  let isStopping = false;
  const read = () =>
    consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, heartbeat }) => {
        const { partition, messages } = batch;
        const reading = {
          heartbeat,
          get isStopping() {
            return isStopping;
          },
        };
        for (const message of messages) {
          const offset = Number(message.offset);
          if (isStopping) return;
          if (offset < (next.get(partition) ?? 0)) continue;
          const key = message.key?.toString() ?? '';
          await onRecord({ offset, key, value: message.value }, reading);
          if (isStopping) return;
          next.set(partition, Math.max(offset + 1, next.get(partition) ?? 0));
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
