/** A consumer group over kafkajs: hands each partition's records to its own worker and commits what the workers have finished. */
import { setTimeout as delay } from 'node:timers/promises';
import type { TopicName } from '@tributary/contracts';
import type { GroupStatus, Logger } from '@tributary/runtime';
import type { Batch, Consumer, EachBatchPayload } from 'kafkajs';
import type { FetchedRecord } from '../consume/partition-worker.ts';
import { PartitionWorkers, type WorkOptions } from '../consume/partition-workers.ts';
import type { ConsumerGroup, TopicPartition } from '../records.ts';
import { within } from '../within.ts';
import { isPassing, type KafkaConnection } from './connection.ts';
import { rangeAssigner } from './range-assigner.ts';

export interface ConsumerGroupOptions extends WorkOptions {
  readonly connection: KafkaConnection;
  readonly groupId: string;
}

/** A killed consumer's partitions are taken over after this time; kafkajs's standard is 30 s. */
const SESSION_TIMEOUT_MS = 10_000;
const HEARTBEAT_INTERVAL_MS = 2_000;
const REBALANCE_TIMEOUT_MS = 20_000;
/** A paused partition joins the next fetch, so this also bounds how late it resumes. */
const MAX_FETCH_WAIT_MS = 100;
/** kafkajs gives a refused connection up after about 10 s, one that never answers after about 30 s. */
const START_LIMIT_MS = 40_000;
/** Together less than the 25 s in which a service must have drained. */
const DRAIN_LIMIT_MS = 15_000;
const LEAVE_LIMIT_MS = 5_000;
const RESTART_MS = 1_000;
/**
 * A minute and more at 2 s each. With fewer, kafkajs gives its member up in the midst of a broker's restart, and the new
 * one waits until the session of the old has run out.
 */
const RETRIES = 40;
const COMMIT_TRIES = 5;
const COMMIT_RETRY_MS = 200;
/** After these another generation owns the partition: a commit that went on would land in it. */
const REBALANCED = ['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'];

/** The requests whose answer begins or prolongs a member's session. */
const MEMBER_REQUESTS = ['SyncGroup', 'Heartbeat'];

export class KafkaConsumerGroup implements ConsumerGroup {
  readonly #options: ConsumerGroupOptions;
  readonly #logger: Logger;
  readonly #consumer: Consumer;
  readonly #workers: PartitionWorkers;
  /** Commits once, in the generation that is running; kafkajs's own commit repeats a refused one in the next generation. */
  #commitOnce: EachBatchPayload['commitOffsetsIfNecessary'] | undefined;
  #generation = 0;
  /** When the last question that the coordinator answered as to a member was asked; undefined while the client is down. */
  #heardAt: number | undefined;
  /**
   * When the last answered question of a member was asked. Not when its answer was read: a process that stood still finds an
   * old answer waiting for it, and the session has been running since the coordinator was asked.
   */
  #askedAt: number | undefined;
  #stopping = false;
  /** Owns nothing any more, whatever the coordinator still answers. */
  #hasLeft = false;

  constructor(options: ConsumerGroupOptions) {
    const { connection } = options;
    this.#options = options;
    this.#logger = connection.logger;
    this.#workers = new PartitionWorkers(
      { ...options, service: connection.clientId, logger: connection.logger },
      {
        commit: (place, nextOffset) => this.#commit(place, nextOffset),
        pause: (place, isPaused) => this.#pause(place, isPaused),
      },
    );
    this.#consumer = connection.kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: SESSION_TIMEOUT_MS,
      heartbeatInterval: HEARTBEAT_INTERVAL_MS,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      maxWaitTimeInMs: MAX_FETCH_WAIT_MS,
      partitionAssigners: [rangeAssigner],
      allowAutoTopicCreation: false,
      retry: { retries: RETRIES },
    });
  }

  async start(): Promise<void> {
    const { handlers, groupId } = this.#options;
    if (handlers.size === 0) throw new Error(`group ${groupId} has no handler`);
    const consumer = this.#consumer;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => this.#joined(payload.memberAssignment));
    consumer.on(consumer.events.REQUEST, ({ payload: { apiName, duration } }) => {
      if (MEMBER_REQUESTS.includes(apiName)) this.#askedAt = performance.now() - duration;
    });
    consumer.on(consumer.events.HEARTBEAT, () => {
      if (!this.#hasLeft) this.#heardAt = this.#askedAt;
    });
    // kafkajs drops its group before it restarts: whoever commits or resumes then is refused.
    consumer.on(consumer.events.STOP, () => this.#lost());
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      this.#lost();
      if (!payload.restart && !this.#stopping) this.#crashed(payload.error);
    });
    try {
      await within(START_LIMIT_MS, `joining group ${groupId}`, this.#connect());
    } catch (error) {
      // Whoever starts anew makes a new group; this one must not join behind its back.
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#bounded(DRAIN_LIMIT_MS, 'draining', this.#workers.drain());
    // Before it leaves: kafkajs tells only afterwards.
    this.#leave();
    await this.#bounded(LEAVE_LIMIT_MS, 'leaving', this.#consumer.disconnect());
  }

  get status(): GroupStatus {
    const heardMs = performance.now() - (this.#heardAt ?? Number.NEGATIVE_INFINITY);
    return { isMember: heardMs < SESSION_TIMEOUT_MS, ...this.#workers.status };
  }

  async #connect(): Promise<void> {
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [...this.#options.handlers.keys()], fromBeginning: true });
    if (!this.#stopping) await this.#read();
    // Given up meanwhile, when there was no connection yet to close.
    if (this.#stopping) await this.#consumer.disconnect();
  }

  /** kafkajs does not restart after errors it calls non-retriable: it would stay up, reading nothing. */
  #crashed(error: Error): void {
    const { onFatal } = this.#options;
    if (isPassing(error)) setTimeout(() => !this.#stopping && this.#read().catch(onFatal), RESTART_MS);
    else onFatal(error);
  }

  async #read(): Promise<void> {
    await this.#consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: async (payload) => this.#receive(payload),
    });
  }

  #joined(memberAssignment: Record<string, number[]>): void {
    // Dealt anew while it drains: what is in hand may be another's by now, and it takes nothing new.
    if (this.#stopping) {
      this.#leave();
      return;
    }
    this.#generation += 1;
    this.#heardAt = this.#askedAt;
    const assigned = topicPartitionsOf(memberAssignment);
    this.#workers.begin(assigned);
    for (const place of assigned) this.#pause(place, false);
  }

  #leave(): void {
    this.#hasLeft = true;
    this.#lost();
  }

  #lost(): void {
    this.#generation += 1;
    this.#heardAt = undefined;
    this.#workers.lose();
  }

  /** Hands a fetched batch over and returns at once: kafkajs heartbeats only between fetches, and one fetch waits for all its batches. */
  #receive({ batch, commitOffsetsIfNecessary }: EachBatchPayload): void {
    this.#commitOnce = commitOffsetsIfNecessary;
    const place = { topic: batch.topic as TopicName, partition: batch.partition };
    this.#workers.push(place, recordsOf(batch), Number(batch.highWatermark));
  }

  /** @throws Error when a rebalance or a dead broker refused it. */
  async #commit({ topic, partition }: TopicPartition, nextOffset: number): Promise<void> {
    const generation = this.#generation;
    for (let tries = 1; ; tries++) {
      if (generation !== this.#generation) throw new Error('the partition was given up');
      try {
        await this.#commitOnce?.({
          topics: [{ topic, partitions: [{ partition, offset: String(nextOffset) }] }],
        });
        return;
      } catch (error) {
        const type = error instanceof Error && 'type' in error ? String(error.type) : '';
        if (REBALANCED.includes(type) || tries >= COMMIT_TRIES) throw error;
        await delay(COMMIT_RETRY_MS);
      }
    }
  }

  #pause({ topic, partition }: TopicPartition, isPaused: boolean): void {
    const places = [{ topic, partitions: [partition] }];
    if (isPaused) this.#consumer.pause(places);
    else this.#consumer.resume(places);
  }

  async #bounded(boundMs: number, what: string, promise: Promise<void>): Promise<void> {
    await within(boundMs, what, promise).catch((error: unknown) => {
      this.#logger.warn({ err: error, groupId: this.#options.groupId }, 'group.stop_cut');
    });
  }
}

function topicPartitionsOf(memberAssignment: Record<string, number[]>): TopicPartition[] {
  return Object.entries(memberAssignment).flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic: topic as TopicName, partition })),
  );
}

function recordsOf(batch: Batch): FetchedRecord[] {
  return batch.messages.map((message) => ({
    topic: batch.topic as TopicName,
    partition: batch.partition,
    offset: Number(message.offset),
    writtenAt: Number(message.timestamp),
    key: message.key,
    value: message.value,
    headers: Object.fromEntries(
      Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value ?? '')]),
    ),
  }));
}
