/** The configuration topic as a log that every service follows from its first record. */
import type { ConfigurationChanged } from '@tributary/contracts';
import { type EventProducer, outgoing, type SchemaSource } from '../records.ts';
import type { KafkaConnection } from './connection.ts';
import { readWholeTopic } from './whole-topic.ts';

export interface KafkaConfigurationLogOptions {
  readonly connection: KafkaConnection;
  /** Only console appends. */
  readonly producer?: EventProducer;
  /** Where the schema of a change by a later release is learnt; without one that change counts for nobody here. */
  readonly schemas?: SchemaSource;
  /** The reader is beyond repair, or stands still while the log goes on: old configuration must not be served for ever. */
  readonly onFatal: (error: Error) => void;
  /** How often the log's end is compared with what was handed over. */
  readonly probeEveryMs?: number;
  /** How long records may stand in the log unread while the broker answers. */
  readonly stallLimitMs?: number;
}

/** A log that is being followed. */
export interface FollowedLog {
  stop(): Promise<void>;
  /** Epoch ms of the last moment at which everything in the log is known to have been handed over. */
  readonly lastHeardAt: number;
}

type OnChange = (offset: number, change: ConfigurationChanged | null) => void;

const TOPIC = 'configuration.changed.v1';
const MAX_FETCH_WAIT_MS = 100;
const PROBE_EVERY_MS = 5_000;
/** Longer than a restarted broker takes to let a consumer join again, with the session timeout of 10 s in it. */
const STALL_LIMIT_MS = 60_000;

export class KafkaConfigurationLog {
  readonly #options: KafkaConfigurationLogOptions;

  constructor(options: KafkaConfigurationLogOptions) {
    this.#options = options;
  }

  /**
   * Hands over every change in offset order, null for a record that cannot be decoded. One whose schema nobody can tell
   * now is waited for, and all after it: a reader that left it out would fold another configuration than the others.
   * Resolves once everything that was in the log at the call has been handed over.
   */
  async follow(onChange: OnChange): Promise<FollowedLog> {
    const {
      connection,
      schemas,
      onFatal,
      probeEveryMs = PROBE_EVERY_MS,
      stallLimitMs = STALL_LIMIT_MS,
    } = this.#options;
    const startedAt = Date.now();
    const end = await endOf(connection);
    const progress = new Progress(onChange, startedAt, stallLimitMs);
    const caughtUp = progress.reaches(end);
    let isStopping = false;
    const reader = await readWholeTopic({
      connection,
      topic: TOPIC,
      reader: 'configuration',
      maxFetchWaitMs: MAX_FETCH_WAIT_MS,
      ...(schemas && { schemas }),
      onRecord: ({ offset, decoded }) => progress.handOver(offset, decoded.ok ? decoded.value : null),
      onWaiting: (isWaiting) => {
        progress.isWaiting = isWaiting;
      },
      onFatal,
    });
    await caughtUp;
    const probe = setInterval(() => {
      const askedAt = Date.now();
      endOf(connection).then(
        (now) => {
          const fault = progress.compare(now, askedAt);
          if (fault && !isStopping) onFatal(fault);
        },
        // A broker that is away is told by lastHeardAt, which stays where it is.
        () => undefined,
      );
    }, probeEveryMs).unref();
    return {
      get lastHeardAt() {
        return progress.heardAt;
      },
      stop: async () => {
        isStopping = true;
        clearInterval(probe);
        await reader.stop();
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

async function endOf(connection: KafkaConnection): Promise<number> {
  return (await connection.endOffsets(TOPIC)).get(0) ?? 0;
}

/** How far a log has been handed over, against where it ends. */
class Progress {
  /** Everything the log held at this instant (epoch ms) has been handed over. */
  heardAt: number;
  /** For the schema of the next record: standing still is no fault then. */
  isWaiting = false;
  readonly #onChange: OnChange;
  readonly #stallLimitMs: number;
  #next = 0;
  #offSince: number | undefined;
  #comparedNext = 0;
  #awaited = { end: 0, resolve: (): void => undefined };

  constructor(onChange: OnChange, startedAt: number, stallLimitMs: number) {
    this.#onChange = onChange;
    this.heardAt = startedAt;
    this.#stallLimitMs = stallLimitMs;
  }

  reaches(end: number): Promise<void> {
    if (end === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#awaited = { end, resolve };
    });
  }

  handOver(offset: number, change: ConfigurationChanged | null): void {
    this.#onChange(offset, change);
    this.#next = offset + 1;
    if (this.#next >= this.#awaited.end) this.#awaited.resolve();
  }

  /**
   * The fault, when the log is no longer read, or ends before what was read: it was replaced. Both only after a while, since
   * a new leader may tell an older end until its followers have caught up.
   */
  compare(end: number, askedAt: number): Error | undefined {
    if (this.#next === end) {
      this.heardAt = askedAt;
      this.#offSince = undefined;
      return undefined;
    }
    if (this.#offSince === undefined || this.#next !== this.#comparedNext || this.isWaiting)
      this.#offSince = askedAt;
    this.#comparedNext = this.#next;
    const offMs = askedAt - this.#offSince;
    return offMs > this.#stallLimitMs
      ? new Error(`${TOPIC} was read up to ${this.#next} and has ended at ${end} for ${offMs} ms`)
      : undefined;
  }
}
