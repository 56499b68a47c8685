/** A compacted topic followed from its first record: what was said last of every key, for whoever begins with nothing. */
import { decodeEvent, type EventOf, schemaIdOf, type TopicName } from '@tributary/contracts';
import type { SchemaSource } from '../records.ts';
import { within } from '../within.ts';
import type { KafkaConnection } from './connection.ts';
import { readWholeTopic } from './whole-topic.ts';

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
    const caughtUp = Promise.withResolvers<void>();
    if (unread.size === 0) caughtUp.resolve();
    const reader = await readWholeTopic({
      connection,
      topic,
      reader: 'latest',
      maxFetchWaitMs: MAX_FETCH_WAIT_MS,
      onRecord: ({ key, value }) => this.#handOver(key, value, onRecord),
      onRead: (partition, nextOffset) => {
        if (nextOffset >= (unread.get(partition) ?? 0)) unread.delete(partition);
        if (unread.size === 0) caughtUp.resolve();
      },
      onFatal,
    });
    await within(startLimitMs, `reading ${topic}`, caughtUp.promise).catch((error: unknown) => {
      connection.logger.warn({ err: error, topic }, 'topic.not_read_yet');
    });
    return reader;
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
