/** Brings undecoded records to zero: what decodes today is published again, what never can becomes a dead letter, the rest waits. */
import { setTimeout as delay } from 'node:timers/promises';
import { deadLetterOf, type EventProducer, type OutgoingRecord } from '@tributary/bus';
import { REPUBLISHED_FROM, TOPIC_NAMES, type TopicName } from '@tributary/contracts';
import { type Clock, counter, DependencyFailure, type Logger } from '@tributary/runtime';
import { hasReached, type RecordPlace, type UndecodedRecord, type Watermark } from '@tributary/store';
import { type Appraisal, appraise, type Schemas } from './appraise.ts';
import { Patience } from './patience.ts';

/** Open records; satisfied by the store. */
export interface OpenUndecoded {
  open(from: RecordPlace, limit: number): Promise<readonly UndecodedRecord[]>;
}

export interface RepublisherOptions {
  readonly undecoded: OpenUndecoded;
  readonly schemas: Schemas;
  readonly producer: EventProducer;
  /** How far ClickHouse has read a topic, decoded or not. */
  readonly readOf: (topic: string) => Promise<Watermark>;
  readonly clock: Clock;
  readonly logger: Logger;
}

type OpenRecord = UndecodedRecord & { readonly topic: TopicName };

const EVERY_MS = 1_000;
const PAGE = 2_000;
const STORED_POLL_MS = 100;
/** ClickHouse reads what was published within a second or two; later than this the next round looks again. */
const STORED_BOUND_MS = 15_000;
const PRODUCE_DEADLINE_MS = 15_000;
const BEGINNING: RecordPlace = { topic: '', partition: 0, offset: 0 };
const TOPICS: ReadonlySet<string> = new Set(TOPIC_NAMES);

const republished = counter({
  name: 'tributary_undecoded_republished_total',
  help: 'Undecoded records published again.',
  labels: ['topic'],
});
const setAside = counter({
  name: 'tributary_undecoded_dead_lettered_total',
  help: 'Undecoded records set aside as dead letters.',
  labels: ['topic', 'reason'],
});

export class Republisher {
  readonly #options: RepublisherOptions;
  readonly #patience = new Patience(PAGE);
  readonly #stopping = new AbortController();
  #from = BEGINNING;
  #running: Promise<void> | undefined;

  constructor(options: RepublisherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when the round in hand has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /**
   * One page of open records, from where the last round ended.
   * @returns whether there is more to do at once.
   * @throws DependencyFailure when Kafka or ClickHouse is away; a repeat is harmless.
   */
  async round(): Promise<boolean> {
    const { undecoded } = this.#options;
    const page = await undecoded.open(this.#from, PAGE);
    const last = page.at(-1);
    if (last === undefined) {
      const wasInTheMiddle = this.#from !== BEGINNING;
      this.#from = BEGINNING;
      return wasInTheMiddle;
    }
    this.#from = behind(last);
    const done = await this.#settle(page.filter(isOurs));
    // From the beginning again once something got through: the allowance grew, and what was passed over may go now.
    if (done > 0) this.#from = BEGINNING;
    return done > 0;
  }

  async #run(): Promise<void> {
    const { logger } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const isMore = await this.round().catch((error: unknown) => {
        const line = { err: error };
        if (error instanceof DependencyFailure) logger.warn(line, 'undecoded.paused');
        else logger.error(line, 'undecoded.failed');
        return false;
      });
      if (!isMore) await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** @returns how many records of the page are dealt with now. */
  async #settle(page: readonly OpenRecord[]): Promise<number> {
    const schemas = askedOnce(this.#options.schemas);
    const again: OpenRecord[] = [];
    const dead: { record: OpenRecord; reasonCode: string }[] = [];
    const allowed = new Map<TopicName, number>();
    for (const record of page) {
      const now = this.#options.clock.now();
      const appraisal = await this.#appraise(record, now, schemas);
      if (appraisal.kind === 'dead_letter') dead.push({ record, reasonCode: appraisal.reasonCode });
      if (appraisal.kind !== 'republish') continue;
      const { topic } = record;
      const left = allowed.get(topic) ?? this.#patience.allowance(topic, now);
      allowed.set(topic, left);
      if (left === 0 || !this.#patience.isDue(nameOf(record), now)) continue;
      allowed.set(topic, left - 1);
      again.push(record);
    }
    await this.#setAside(dead);
    return dead.length + (await this.#republish(again));
  }

  #appraise(record: OpenRecord, now: number, schemas: Schemas): Promise<Appraisal> | Appraisal {
    if (this.#patience.isExhausted(nameOf(record)))
      return { kind: 'dead_letter', reasonCode: 'undecodable_by_clickhouse' };
    return appraise({ ...record, openForMs: now - record.seenAt }, schemas);
  }

  /** Waits until ClickHouse shows the dead letters: only then are the records closed. */
  async #setAside(dead: readonly { record: OpenRecord; reasonCode: string }[]): Promise<void> {
    const { clock, logger } = this.#options;
    const reason = { service: 'console', detail: null, at: clock.now() };
    await this.#produce(
      dead.map(({ record, reasonCode }) =>
        deadLetterOf({ ...record, headers: {} }, { ...reason, reasonCode }),
      ),
    );
    for (const { record, reasonCode } of dead) {
      this.#patience.forget(nameOf(record));
      setAside.inc({ topic: record.topic, reason: reasonCode });
      const { topic, partition, offset } = record;
      logger.error({ topic, partition, offset, reasonCode }, 'record.dead_lettered');
    }
  }

  /** @returns how many of them ClickHouse has decoded now. */
  async #republish(records: readonly OpenRecord[]): Promise<number> {
    await this.#produce(records.map(again));
    let decodedInAll = 0;
    for (const [topic, ofTopic] of byTopic(records)) {
      republished.inc({ topic }, ofTopic.length);
      const stillOpen = await this.#stillOpen(ofTopic);
      const places = ofTopic.map(nameOf);
      const decoded = places.filter((place) => !stillOpen.has(place));
      const failed = places.filter((place) => stillOpen.has(place));
      this.#patience.note(topic, decoded, failed, this.#options.clock.now());
      const counts = { topic, decoded: decoded.length, failed: failed.length };
      this.#options.logger.info(counts, 'undecoded.republished');
      decodedInAll += decoded.length;
    }
    return decodedInAll;
  }

  /** Produces and waits until ClickHouse has read what was produced. */
  async #produce(records: readonly OutgoingRecord[]): Promise<void> {
    const { producer, readOf } = this.#options;
    const ends = new Map<string, Map<number, number>>();
    for (const { topic, partition, offset } of await producer.produce(records, PRODUCE_DEADLINE_MS)) {
      const end = ends.get(topic) ?? new Map<number, number>();
      ends.set(topic, end.set(partition, Math.max(end.get(partition) ?? 0, offset + 1)));
    }
    const deadline = performance.now() + STORED_BOUND_MS;
    for (const [topic, end] of ends) {
      while (!hasReached(await readOf(topic), end) && performance.now() < deadline)
        await delay(STORED_POLL_MS);
    }
  }

  async #stillOpen(records: readonly OpenRecord[]): Promise<ReadonlySet<string>> {
    const open = new Set<string>();
    const last = records.at(-1);
    let from: RecordPlace | undefined = records[0];
    while (last !== undefined && from !== undefined) {
      const page = await this.#options.undecoded.open(from, PAGE);
      for (const record of page) open.add(nameOf(record));
      const end = page.at(-1);
      from = end !== undefined && isBefore(end, last) ? behind(end) : undefined;
    }
    return open;
  }
}

/** One question per schema id, however many records of a page ask it. */
function askedOnce(schemas: Schemas): Schemas {
  const asked = new Map<number, Promise<string | null>>();
  const schemaOf = (id: number) => {
    const answer = asked.get(id) ?? schemas.schemaOf(id);
    asked.set(id, answer);
    return answer;
  };
  return { schemaOf, learn: (id) => schemas.learn(id) };
}

function isOurs(record: UndecodedRecord): record is OpenRecord {
  return TOPICS.has(record.topic);
}

/** The record as it was, under its own key and so in its own partition, with the place where it stood first. */
function again({ topic, key, value, partition, offset }: OpenRecord): OutgoingRecord {
  return {
    topic,
    key: key.toString('utf8'),
    value,
    headers: { [REPUBLISHED_FROM]: `${partition}/${offset}` },
  };
}

function nameOf({ topic, partition, offset }: RecordPlace): string {
  return `${topic}/${partition}/${offset}`;
}

function behind({ topic, partition, offset }: RecordPlace): RecordPlace {
  return { topic, partition, offset: offset + 1 };
}

function isBefore(left: RecordPlace, right: RecordPlace): boolean {
  if (left.topic !== right.topic) return left.topic < right.topic;
  if (left.partition !== right.partition) return left.partition < right.partition;
  return left.offset < right.offset;
}

function byTopic(records: readonly OpenRecord[]): ReadonlyMap<TopicName, readonly OpenRecord[]> {
  return Map.groupBy(records, ({ topic }) => topic);
}
