/** A compacted topic followed from its first record: what was said last of every key, for whoever begins with nothing. */
import type { EventOf, TopicName } from '@tributary/contracts';
import type { SchemaSource } from '../records.ts';
import type { KafkaConnection } from './connection.ts';
import { readWholeTopic } from './whole-topic.ts';

export interface LatestRecordsOptions<T extends TopicName> {
  readonly connection: KafkaConnection;
  readonly topic: T;
  readonly schemas: SchemaSource;
  /** The reader is beyond repair. */
  readonly onFatal: (error: Error) => void;
}

const MAX_FETCH_WAIT_MS = 500;

export class LatestRecords<T extends TopicName> {
  readonly #options: LatestRecordsOptions<T>;

  constructor(options: LatestRecordsOptions<T>) {
    this.#options = options;
  }

  /**
   * Hands over every record in the order of its partition, null for one that takes its key away; one that cannot be decoded
   * is left out. Resolves once everything that was there at the call has been handed over, however long that takes: who
   * begins with less takes what it lacks for something that never was.
   * @throws DependencyFailure
   */
  async follow(
    onRecord: (key: string, event: EventOf<T> | null) => void,
  ): Promise<{ stop(): Promise<void> }> {
    const { connection, topic, schemas, onFatal } = this.#options;
    const ends = await connection.endOffsets(topic);
    const unread = new Map([...ends].filter(([, end]) => end > 0));
    const caughtUp = Promise.withResolvers<void>();
    if (unread.size === 0) caughtUp.resolve();
    const reader = await readWholeTopic({
      connection,
      topic,
      reader: 'latest',
      maxFetchWaitMs: MAX_FETCH_WAIT_MS,
      schemas,
      onRecord: ({ key, decoded }) => {
        if (decoded.ok) onRecord(key, decoded.value);
        else if (decoded.problem === 'empty_value') onRecord(key, null);
        else connection.logger.warn({ topic, key, problem: decoded.problem }, 'topic.record_left_out');
      },
      onRead: (partition, nextOffset) => {
        if (nextOffset >= (unread.get(partition) ?? 0)) unread.delete(partition);
        if (unread.size === 0) caughtUp.resolve();
      },
      onFatal,
    });
    await caughtUp.promise;
    return reader;
  }
}
