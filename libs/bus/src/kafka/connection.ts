/** The one place that makes kafkajs clients: addresses, time limits and its log lines. */
import { DependencyFailure, type Logger } from '@tributary/runtime';
import kafkajs, { type Admin, Kafka, logLevel } from 'kafkajs';
import { within } from '../within.ts';
import './request-queue.ts';

// Not among the names that Node finds in this CommonJS package.
const { KafkaJSDeleteGroupsError } = kafkajs;

export interface KafkaConnectionOptions {
  readonly brokers: readonly string[];
  /** Name of this service in broker logs and quotas. */
  readonly clientId: string;
  readonly logger: Logger;
}

// kafkajs waits 300 ms before its first retry and up to 30 s later; a broker restart takes seconds.
const RETRY = { initialRetryTime: 50, maxRetryTime: 2_000, retries: 8 };
const CONNECTION_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 10_000;
/** Above what kafkajs itself takes to give a refused connection up, which is about 8 s. */
const ADMIN_LIMIT_MS = 15_000;
const CLOSE_LIMIT_MS = 2_000;
/** Kafka's own number. */
const GROUP_ID_NOT_FOUND = 69;

/** Where a consumer group stands in a topic: committed offsets by partition; -1 where nothing is committed. */
export type Offsets = ReadonlyMap<number, number>;

export class KafkaConnection {
  readonly kafka: Kafka;
  readonly clientId: string;
  readonly logger: Logger;
  #admin: Promise<Admin> | undefined;

  constructor({ brokers, clientId, logger }: KafkaConnectionOptions) {
    this.clientId = clientId;
    this.logger = logger;
    this.kafka = new Kafka({
      clientId,
      brokers: [...brokers],
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      retry: RETRY,
      logLevel: logLevel.WARN,
      logCreator:
        () =>
        ({ namespace, level, log }) => {
          const line = { from: 'kafkajs', namespace, error: log['error'], groupId: log['groupId'] };
          if (level === logLevel.ERROR) logger.error(line, log.message);
          else if (level === logLevel.WARN) logger.debug(line, log.message);
        },
    });
  }

  /** Offset after the last record, by partition; 0 where retention has left none, since nobody can read up to it. @throws DependencyFailure */
  async endOffsets(topic: string): Promise<Offsets> {
    const offsets = await this.#asAdmin((admin) => admin.fetchTopicOffsets(topic));
    return new Map(offsets.map(({ partition, low, high }) => [partition, low === high ? 0 : Number(high)]));
  }

  /** Offset of the first record that retention has left, by partition; where it has left none, of the next one. @throws DependencyFailure */
  async firstOffsets(topic: string): Promise<Offsets> {
    const offsets = await this.#asAdmin((admin) => admin.fetchTopicOffsets(topic));
    return new Map(offsets.map(({ partition, low }) => [partition, Number(low)]));
  }

  /** Offset after the last record of a topic with one partition. @throws DependencyFailure */
  async endOffset(topic: string): Promise<number> {
    return (await this.endOffsets(topic)).get(0) ?? 0;
  }

  /** Next offset a group will read, by partition. @throws DependencyFailure */
  async committedOffsets(groupId: string, topic: string): Promise<Offsets> {
    const [entry] = await this.#asAdmin((admin) => admin.fetchOffsets({ groupId, topics: [topic] }));
    return new Map((entry?.partitions ?? []).map(({ partition, offset }) => [partition, Number(offset)]));
  }

  /** Forgets a group, if there is one, and what it has committed. @throws DependencyFailure also while it has a member. */
  async deleteGroup(groupId: string): Promise<void> {
    await this.#asAdmin(async (admin) => {
      try {
        await admin.deleteGroups([groupId]);
      } catch (error) {
        const [result] = error instanceof KafkaJSDeleteGroupsError ? error.groups : [];
        if (result?.errorCode !== GROUP_ID_NOT_FOUND) throw error;
      }
    });
  }

  /** Resolves when the cluster answers. @throws DependencyFailure */
  async ping(): Promise<void> {
    await this.#asAdmin((admin) => admin.describeCluster());
  }

  async close(): Promise<void> {
    const connecting = this.#admin;
    this.#admin = undefined;
    const closing = connecting?.then((admin) => admin.disconnect());
    // A broker that does not answer takes nothing with it: the connection ends with the process.
    if (closing !== undefined) await within(CLOSE_LIMIT_MS, 'closing', closing).catch(() => undefined);
  }

  /** Runs an admin call on one shared connection, thrown away when it fails. @throws DependencyFailure */
  async #asAdmin<T>(call: (admin: Admin) => Promise<T>): Promise<T> {
    this.#admin ??= this.#connectAdmin();
    const connecting = this.#admin;
    try {
      return await within(ADMIN_LIMIT_MS, 'an admin request', connecting.then(call));
    } catch (error) {
      if (this.#admin === connecting) this.#admin = undefined;
      void connecting.then((admin) => admin.disconnect()).catch(() => undefined);
      throw new DependencyFailure('kafka_unavailable', 'Kafka did not answer an admin request', {
        cause: error,
      });
    }
  }

  async #connectAdmin(): Promise<Admin> {
    const admin = this.kafka.admin();
    await admin.connect();
    return admin;
  }
}

/**
 * Whether a crash that kafkajs calls final is only a group whose coordinator is not there yet: a cold cluster, or a broker
 * that has just come back.
 */
export function isPassing(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.name === 'KafkaJSGroupCoordinatorNotFound') return true;
  }
  return false;
}
