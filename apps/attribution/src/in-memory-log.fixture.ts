/** The bus and the store of attribution in memory: what is produced stands in the log, and shows in the store only when told. */
import type { EventProducer, OutgoingRecord, RecordPosition } from '@tributary/bus';
import {
  type ClickRecorded,
  type ConversionDecided,
  type DeadLettered,
  decodeEvent,
  type PostbackJudged,
  type TopicName,
} from '@tributary/contracts';
import { DependencyFailure } from '@tributary/runtime';
import { StoredOffsets } from '@tributary/store';

interface Logged {
  readonly topic: TopicName;
  readonly event: unknown;
}

export class InMemoryLog implements EventProducer {
  readonly clicks = new Map<string, ClickRecorded>();
  /** Content digests of the postbacks that the store shows, by receipt. */
  readonly contents = new Map<string, string>();
  /** Next offset of click.recorded, in the log and as far as the store shows it. */
  clicksEnd = 0;
  clicksStored = 0;
  /** Postbacks received, the end of their only partition here. */
  received = 0;
  /** Makes the next sends fail: before anything is written, or after it. */
  failure: 'none' | 'before' | 'after' = 'none';
  /** Clears when the store answers again. */
  isStoreAway = false;
  readonly #records: Logged[] = [];
  #shown = 0;

  readonly offsets = new StoredOffsets(
    {
      endOffsets: async (topic) => {
        if (topic === 'postback.received.v1') return new Map([[3, this.received]]);
        return new Map([[0, topic === 'click.recorded.v1' ? this.clicksEnd : this.#records.length]]);
      },
      committedOffsets: async (_group, topic) =>
        new Map([[0, topic === 'click.recorded.v1' ? this.clicksStored : this.#shown]]),
    },
    'tributary',
  );

  readonly store = {
    clicksById: async (ids: readonly string[]) => {
      this.#assertStore();
      return ids.flatMap((id) => this.clicks.get(id) ?? []);
    },
    judgedReceipts: async (ids: readonly string[]) => {
      this.#assertStore();
      const judged = this.#shownOf<PostbackJudged>('postback.judged.v1').map(({ receiptId }) => receiptId);
      return new Set(judged.filter((id) => ids.includes(id)));
    },
    contentDigests: async (ids: readonly string[]) => {
      this.#assertStore();
      return new Map(ids.flatMap((id) => [...this.contents].filter(([known]) => known === id)));
    },
    latestDecisions: async (ids: readonly string[]) => {
      this.#assertStore();
      const latest = new Map<string, ConversionDecided>();
      for (const decided of this.#shownOf<ConversionDecided>('conversion.decided.v1')) {
        const known = latest.get(decided.conversionId);
        if (known === undefined || known.revision < decided.revision)
          latest.set(decided.conversionId, decided);
      }
      return ids.flatMap((id) => latest.get(id) ?? []);
    },
  };

  async produce(records: readonly OutgoingRecord[]): Promise<readonly RecordPosition[]> {
    if (this.failure === 'before') throw new DependencyFailure('kafka_unavailable', 'away');
    const start = this.#records.length;
    for (const { topic, value } of records) {
      const decoded = decodeEvent(topic, value);
      if (!decoded.ok) throw new Error(decoded.problem);
      this.#records.push({ topic, event: decoded.value });
    }
    if (this.failure === 'after') throw new DependencyFailure('kafka_deadline', 'too late');
    return records.map(({ topic }, index) => ({ topic, partition: 0, offset: start + index }));
  }

  /** The store shows everything that has been written by now. */
  show(): void {
    this.#shown = this.#records.length;
  }

  get decided(): ConversionDecided[] {
    return this.#of<ConversionDecided>('conversion.decided.v1', this.#records);
  }

  get judged(): PostbackJudged[] {
    return this.#of<PostbackJudged>('postback.judged.v1', this.#records);
  }

  get deadLetters(): DeadLettered[] {
    return this.#of<DeadLettered>('dead-letter.v1', this.#records);
  }

  #shownOf<Event>(topic: TopicName): Event[] {
    return this.#of<Event>(topic, this.#records.slice(0, this.#shown));
  }

  #of<Event>(topic: TopicName, records: readonly Logged[]): Event[] {
    return records.filter((record) => record.topic === topic).map(({ event }) => event as Event);
  }

  #assertStore(): void {
    if (this.isStoreAway) throw new DependencyFailure('clickhouse_unavailable', 'away');
  }
}
