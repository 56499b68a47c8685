/** The event producer over kafkajs: one send per flush, every acknowledged partition checked, thrown away after a failure. */
import { setTimeout as delay } from 'node:timers/promises';
import type { TopicName } from '@tributary/contracts';
import { DependencyFailure } from '@tributary/runtime';
import { Partitioners, type Producer, type RecordMetadata, type TopicMessages } from 'kafkajs';
import { busMetrics } from '../bus-metrics.ts';
import { assertWritable, bytesOf } from '../record-size.ts';
import { type EventProducer, type Outgoing, type RecordPosition, UnsentFailure } from '../records.ts';
import { within } from '../within.ts';
import type { KafkaConnection } from './connection.ts';
import { partitionOf } from './partitioner.ts';

export interface KafkaProducerOptions {
  readonly connection: KafkaConnection;
  /** How long the first record of a flush waits for company; measured best for many small requests: 3 ms. */
  readonly lingerMs?: number;
}

/** Above this a flush is sent without waiting; measured with 256 connections. */
const MAX_FLUSH_RECORDS = 500;
/**
 * A partition's share of one send becomes one record batch, and brokers refuse one above message.max.bytes, 1 MiB by
 * default: a large batch call, or what piles up in an outage, would otherwise fail on every repeat.
 */
const MAX_SHARE_BYTES = 900_000;
const BROKER_TIMEOUT_MS = 10_000;
/** A response that leaves partitions out is repeated for those this many times before it counts as a failure. */
const MAX_RESENDS = 3;
/** For callers that name none: a broker that hangs is given up by kafkajs only after 90 s. */
const DEFAULT_DEADLINE_MS = 30_000;
/**
 * Deadlines are counted in looks at them, and all have one timer: it costs nothing per record, and a process that was
 * stopped or starved does not take its own silence for Kafka's.
 */
const LOOK_MS = 25;
const CONNECT_LIMIT_MS = 15_000;
const CLOSE_LIMIT_MS = 5_000;
const DISCONNECT_LIMIT_MS = 1_000;

interface Request {
  readonly records: readonly Outgoing[];
  readonly positions: RecordPosition[];
  resolve(positions: readonly RecordPosition[]): void;
  reject(error: Error): void;
  readonly deadlineMs: number;
  looksLeft: number;
  /** Looks at it without anything having been acknowledged. */
  silentLooks: number;
  readonly maxSilentLooks: number;
  /** Handed to the client: from then on Kafka may have it, whatever is heard of it. */
  isSent: boolean;
  settled: boolean;
}

/** One partition's share of a flush, and where the position of each of its records is expected. */
interface PartitionShare {
  readonly topic: TopicName;
  readonly partition: number;
  readonly messages: {
    key: string;
    value: Buffer | null;
    partition: number;
    headers: Record<string, string>;
  }[];
  bytes: number;
  readonly places: { readonly positions: RecordPosition[]; readonly index: number }[];
}

export class KafkaEventProducer implements EventProducer {
  readonly #connection: KafkaConnection;
  readonly #lingerMs: number;
  #producer: Promise<Producer> | undefined;
  #waiting: Request[] = [];
  #waitingRecords = 0;
  #flushing = false;
  #timer: NodeJS.Timeout | undefined;
  /** Every request that is not settled. */
  readonly #open = new Set<Request>();
  #looking: NodeJS.Timeout | undefined;

  constructor({ connection, lingerMs = 0 }: KafkaProducerOptions) {
    this.#connection = connection;
    this.#lingerMs = lingerMs;
  }

  produce(
    records: readonly Outgoing[],
    deadlineMs = DEFAULT_DEADLINE_MS,
    silenceMs = deadlineMs,
  ): Promise<readonly RecordPosition[]> {
    if (records.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      assertWritable(records);
      const request: Request = {
        records,
        positions: new Array(records.length),
        resolve,
        reject,
        deadlineMs,
        looksLeft: looksIn(deadlineMs),
        silentLooks: 0,
        maxSilentLooks: looksIn(silenceMs),
        isSent: false,
        settled: false,
      };
      this.#waiting.push(request);
      this.#waitingRecords += records.length;
      this.#open.add(request);
      this.#looking ??= setInterval(() => this.#look(), LOOK_MS).unref();
      this.#schedule();
    });
  }

  /** Connects ahead of the first record. @throws DependencyFailure */
  async connect(): Promise<void> {
    await this.#connected();
  }

  /** Waits for what is in flight, at most five seconds, then disconnects; what waits by then is refused. */
  async close(): Promise<void> {
    const givenUpAt = performance.now() + CLOSE_LIMIT_MS;
    while ((this.#flushing || this.#waiting.length > 0) && performance.now() < givenUpAt) await delay(5);
    const refusal = new UnsentFailure('kafka_unavailable', 'the producer was closed before Kafka answered');
    for (const request of this.#waiting.splice(0)) this.#settle(request, refusal);
    await this.#discard();
  }

  /** Gives up what has waited too long. */
  #look(): void {
    if (this.#open.size === 0) {
      clearInterval(this.#looking);
      this.#looking = undefined;
    }
    let isAnyLate = false;
    for (const request of this.#open) {
      request.looksLeft -= 1;
      request.silentLooks += 1;
      const isSilent = request.silentLooks >= request.maxSilentLooks;
      if (request.looksLeft > 0 && !isSilent) continue;
      isAnyLate = true;
      const Failure = request.isSent ? DependencyFailure : UnsentFailure;
      const message = isSilent
        ? 'Kafka acknowledges nothing'
        : `Kafka did not acknowledge within ${request.deadlineMs} ms`;
      this.#settle(request, new Failure('kafka_deadline', message));
    }
    if (!isAnyLate) return;
    this.#waiting = this.#waiting.filter(({ settled }) => !settled);
    this.#waitingRecords = this.#waiting.reduce((sum, { records }) => sum + records.length, 0);
  }

  #schedule(): void {
    if (this.#flushing) return;
    if (this.#waitingRecords >= MAX_FLUSH_RECORDS) void this.#flush();
    else this.#timer ??= setTimeout(() => void this.#flush(), this.#lingerMs);
  }

  async #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#flushing || this.#waiting.length === 0) return;
    this.#flushing = true;
    const requests = this.#waiting;
    this.#waiting = [];
    this.#waitingRecords = 0;
    const endTimer = busMetrics.produceSeconds.startTimer();
    try {
      await this.#connected();
      const due = requests.filter(({ settled }) => !settled);
      for (const request of due) request.isSent = true;
      // One after the other, so that the records of a partition keep their order.
      for (const shares of roundsOf(due)) await this.#send(shares);
      for (const request of requests) this.#settle(request);
    } catch (error) {
      // After any failure the producer's sequence numbers are in doubt; kafkajs never recovers them (OUT_OF_ORDER_SEQUENCE).
      busMetrics.producersDiscarded.inc();
      await this.#discard();
      for (const request of requests) {
        const Failure = request.isSent ? DependencyFailure : UnsentFailure;
        const message = 'Kafka did not take the records';
        this.#settle(request, new Failure('kafka_unavailable', message, { cause: error }));
      }
    } finally {
      endTimer();
      this.#flushing = false;
    }
    if (this.#waiting.length > 0) this.#schedule();
  }

  /** Sends until every share is acknowledged: kafkajs can resolve while a partition whose leader moved was never written. */
  async #send(shares: readonly PartitionShare[]): Promise<void> {
    const producer = await this.#connected();
    let missing = shares;
    for (let resends = 0; missing.length > 0; resends++) {
      if (resends > 0) busMetrics.resends.inc(missing.length);
      if (resends > MAX_RESENDS) throw new Error(`${missing.length} partitions stay unacknowledged`);
      const acknowledged = await producer.sendBatch({
        acks: -1,
        timeout: BROKER_TIMEOUT_MS,
        topicMessages: topicMessagesOf(missing),
      });
      missing = missing.filter((share) => !notePositions(share, acknowledged));
      for (const request of this.#open) request.silentLooks = 0;
    }
  }

  #connected(): Promise<Producer> {
    this.#producer ??= this.#connectNew();
    return this.#producer;
  }

  async #connectNew(): Promise<Producer> {
    // Idempotence needs a single request in flight with this client.
    const producer = this.#connection.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    try {
      await within(CONNECT_LIMIT_MS, 'connecting', producer.connect());
      return producer;
    } catch (error) {
      this.#producer = undefined;
      void producer.disconnect().catch(() => undefined);
      throw new DependencyFailure('kafka_unavailable', 'no Kafka broker answers', { cause: error });
    }
  }

  #settle(request: Request, error?: Error): void {
    if (request.settled) return;
    request.settled = true;
    this.#open.delete(request);
    if (error) request.reject(error);
    else request.resolve(request.positions);
  }

  async #discard(): Promise<void> {
    const closing = this.#producer?.then((producer) => producer.disconnect());
    this.#producer = undefined;
    // A connection that hangs ends with its socket; nobody waits for it.
    if (closing !== undefined) await within(DISCONNECT_LIMIT_MS, 'closing', closing).catch(() => undefined);
  }
}

/** The first look may follow at once. */
function looksIn(durationMs: number): number {
  return Math.ceil(durationMs / LOOK_MS) + 1;
}

/** The records of all requests, cut into sends: each has at most one share per partition, none too large for a broker. */
function roundsOf(requests: readonly Request[]): PartitionShare[][] {
  const rounds: PartitionShare[][] = [];
  const openShares = new Map<TopicName, OpenShare[]>();
  for (const { records, positions } of requests) {
    for (const [index, record] of records.entries()) {
      const { topic, key, value, headers } = record;
      const partition = partitionOf(topic, key);
      const { messages, places } = shareFor(record, partition, rounds, openShares);
      messages.push({ key, value, partition, headers: { ...headers } });
      places.push({ positions, index });
    }
  }
  return rounds;
}

/** The share that takes the partition's next record, and the round it is in. */
interface OpenShare {
  readonly round: number;
  readonly share: PartitionShare;
}

function shareFor(
  record: Outgoing,
  partition: number,
  rounds: PartitionShare[][],
  openShares: Map<TopicName, OpenShare[]>,
): PartitionShare {
  const { topic } = record;
  let ofTopic = openShares.get(topic);
  if (ofTopic === undefined) {
    ofTopic = [];
    openShares.set(topic, ofTopic);
  }
  const bytes = bytesOf(record);
  let open = ofTopic[partition];
  if (open === undefined || open.share.bytes + bytes > MAX_SHARE_BYTES) {
    const share: PartitionShare = { topic, partition, messages: [], bytes: 0, places: [] };
    open = { round: (open?.round ?? -1) + 1, share };
    ofTopic[partition] = open;
    const round = rounds[open.round];
    if (round === undefined) rounds.push([share]);
    else round.push(share);
  }
  open.share.bytes += bytes;
  return open.share;
}

function topicMessagesOf(shares: readonly PartitionShare[]): TopicMessages[] {
  const byTopic = new Map<TopicName, TopicMessages>();
  for (const { topic, messages } of shares) {
    const entry = byTopic.get(topic) ?? { topic, messages: [] };
    entry.messages.push(...messages);
    byTopic.set(topic, entry);
  }
  return [...byTopic.values()];
}

/** Notes the positions of an acknowledged share; false when the response does not speak of it. */
function notePositions(share: PartitionShare, acknowledged: readonly RecordMetadata[]): boolean {
  const { topic, partition } = share;
  const answer = acknowledged.find((entry) => entry.topicName === topic && entry.partition === partition);
  if (answer === undefined || answer.errorCode !== 0 || answer.baseOffset === undefined) return false;
  const base = Number(answer.baseOffset);
  busMetrics.recordsProduced.inc({ topic }, share.places.length);
  for (const [at, { positions, index }] of share.places.entries())
    positions[index] = { topic, partition, offset: base + at };
  return true;
}
