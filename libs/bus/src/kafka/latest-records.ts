/** A compacted topic followed from its first record: what was said last of every key, for whoever begins with nothing. */
import { randomUUID } from 'node:crypto';
import { decodeEvent, type EventOf, schemaIdOf, type TopicName } from '@tributary/contracts';
import type { SchemaSource } from '../records.ts';
import { within } from '../within.ts';
import { isPassing, type KafkaConnection } from './connection.ts';

export interface LatestRecordsOptions<T extends TopicName> {
  readonly connection: KafkaConnection;
  readonly topic: T;
  readonly schemas: SchemaSource;
  /** The reader is beyond repair. */
  readonly onFatal: (error: Error) => void;
  /** How long the start waits for what was in the topic; what is still unread then comes later. */
  readonly startLimitMs?: number;
}

const START_LIMIT_MS = 30_000;
const MAX_FETCH_WAIT_MS = 500;
const SESSION_TIMEOUT_MS = 10_000;
const LEAVE_LIMIT_MS = 5_000;
const RESTART_MS = 1_000;

export class LatestRecords<T extends TopicName> {
  readonly #options: LatestRecordsOptions<T>;

  constructor(options: LatestRecordsOptions<T>) {
    this.#options = options;
  }

  /**
   * Hands over every record in the order of its partition, null for one that takes its key away; one that cannot be decoded
   * is left out. Resolves once everything that was there at the call has been handed over, or the time for it is over.
   * @throws DependencyFailure
   */
  async follow(
    onRecord: (key: string, event: EventOf<T> | null) => void,
  ): Promise<{ stop(): Promise<void> }> {
    const { connection, topic, onFatal, startLimitMs = START_LIMIT_MS } = this.#options;
    const ends = await connection.endOffsets(topic);
    const unread = new Map([...ends].filter(([, end]) => end > 0));
    // A rebalance of this one-member group makes kafkajs begin again.
    const next = new Map<number, number>();
    const caughtUp = Promise.withResolvers<void>();
    if (unread.size === 0) caughtUp.resolve();
    // Every process reads the whole topic, so each has a group of its own and commits nothing.
    const consumer = connection.kafka.consumer({
      groupId: `latest-${connection.clientId}-${randomUUID()}`,
      maxWaitTimeInMs: MAX_FETCH_WAIT_MS,
      sessionTimeout: SESSION_TIMEOUT_MS,
      allowAutoTopicCreation: false,
    });
    let isStopping = false;
    const read = () =>
      consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch, heartbeat }) => {
          const { partition, messages } = batch;
          for (const { offset, key, value } of messages) {
            if (isStopping) return;
            if (Number(offset) < (next.get(partition) ?? 0)) continue;
            await this.#handOver(key?.toString() ?? '', value, onRecord);
            next.set(partition, Number(offset) + 1);
            await heartbeat();
          }
          if (Number(batch.lastOffset()) + 1 >= (unread.get(partition) ?? 0)) unread.delete(partition);
          if (unread.size === 0) caughtUp.resolve();
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
    await within(startLimitMs, `reading ${topic}`, caughtUp.promise).catch((error: unknown) => {
      connection.logger.warn({ err: error, topic }, 'topic.not_read_yet');
    });
    return {
      stop: async () => {
        isStopping = true;
        await within(LEAVE_LIMIT_MS, 'leaving', consumer.disconnect()).catch(() => undefined);
      },
    };
  }

  async #handOver(
    key: string,
    value: Buffer | null,
    onRecord: (key: string, event: EventOf<T> | null) => void,
  ): Promise<void> {
    const { connection, topic, schemas } = this.#options;
    if (value === null) {
      onRecord(key, null);
      return;
    }
    let decoded = decodeEvent(topic, value);
    const schemaId = schemaIdOf(value);
    if (!decoded.ok && decoded.problem === 'unknown_schema_id' && schemaId !== null) {
      await schemas.learn(schemaId).catch(() => undefined);
      decoded = decodeEvent(topic, value);
    }
    if (decoded.ok) onRecord(key, decoded.value);
    else connection.logger.warn({ topic, key, problem: decoded.problem }, 'topic.record_left_out');
  }
}
