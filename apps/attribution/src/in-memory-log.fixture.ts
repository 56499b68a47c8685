/** The bus and the store of attribution in memory: what is produced stands in the log, and shows in the store only when told. */
import type { EventProducer, Outgoing, RecordPosition } from '@tributary/bus';
import {
  type ClickRecorded,
  type ConversionDecided,
  type DeadLettered,
  decodeEvent,
  type LifecycleSignalled,
  type PostbackJudged,
  type TopicName,
} from '@tributary/contracts';
import { attribution, type lifecycle } from '@tributary/domain';
import { DependencyFailure } from '@tributary/runtime';
import { type SignalStore, type StoredFacts, StoredOffsets, type StoredPlace } from '@tributary/store';
import { candidateClickOf } from './candidate-click.ts';
import { conversionOf } from './conversion-record.ts';

interface Logged {
  readonly topic: TopicName;
  readonly key: string;
  /** Null: a tombstone. */
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
  /** The store shows no verdict, though it shows the decisions; and the other way round. */
  areVerdictsAway = false;
  areDecisionsAway = false;
  /** The store shows everything but signals. */
  areSignalsAway = false;
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
      committedOffsets: async (_group, topic) => new Map([[0, this.#storedOf(topic)]]),
    },
    'tributary',
  );

  readonly store = {
    clicksById: async (ids: readonly string[]) => {
      this.#assertStore();
      return ids.flatMap((id) => this.clicks.get(id) ?? []).map(candidateClickOf);
    },
    contentDigests: async (ids: readonly string[]) => {
      this.#assertStore();
      return new Map(ids.flatMap((id) => [...this.contents].filter(([known]) => known === id)));
    },
    load: async (keys: attribution.Keys): Promise<StoredFacts> => {
      this.#assertStore();
      return {
        judgements: this.#shownOf<PostbackJudged & attribution.Judgement>('postback.judged.v1')
          .filter(({ receiptId }) => keys.receipt.has(receiptId))
          .map((judged) => ({
            ...judged,
            place: { partition: judged.triggerPartition, offset: judged.triggerOffset },
          })),
        conversions: this.#latestShown().filter((decided) => isAskedFor(decided, keys)),
        clicks: [...this.clicks.values()]
          .map(candidateClickOf)
          .filter((click) => isClickAskedFor(click, keys)),
        capUses: usesOf(keys.capUse, this.#latestShown(), 'capPlaces', (places) => ({
          count: places.filter(({ isGranted }) => isGranted).length,
          payoutMicros: places.reduce((sum, { payoutMicros }) => sum + payoutMicros, 0n),
        })),
        tierUses: usesOf(keys.tierUse, this.#latestShown(), 'tierPlaces', (places) =>
          places.map(({ position }) => position).reduce(attribution.withPosition, attribution.NO_TIER_USE),
        ),
      };
    },
    /** As if each had been stored when it was received. */
    personClicks: async (advertiserIds: readonly string[], after: StoredPlace, limit: number) => {
      this.#assertStore();
      return [...this.clicks.values()]
        .filter(({ advertiserId, customerId, subjectHashes }) => {
          const isOfPerson = customerId !== null || Object.keys(subjectHashes).length > 0;
          return isOfPerson && advertiserIds.includes(advertiserId);
        })
        .map(({ clickId, advertiserId, receivedAt }) => ({ clickId, advertiserId, storedAt: receivedAt }))
        .filter(({ storedAt }) => storedAt > after.storedAt)
        .toSorted((a, b) => a.storedAt - b.storedAt)
        .slice(0, limit);
    },
    waiting: async (partitions: readonly number[]) => {
      this.#assertStore();
      return this.#latestShown().filter(
        ({ triggerPartition, match, state }) =>
          partitions.includes(triggerPartition) && (match === 'parked' || state === 'held'),
      );
    },
  };

  /** How often the store was asked about signals. */
  signalQuestions = 0;
  /** Windows of lists, of the one partition there is: from and until. */
  readonly listed: (readonly [number, number])[] = [];
  readonly signals: Pick<SignalStore, 'sent' | 'possibleOccasions' | 'lastDecidedAt'> = {
    sent: async (ids) => {
      this.signalQuestions += 1;
      this.#assertStore();
      const latest = new Map(
        this.#shownOf<LifecycleSignalled>('lifecycle.signalled.v1').map((sent) => [sent.signalId, sent]),
      );
      return [...latest.values()].filter(({ signalId }) => ids.includes(signalId)) as lifecycle.SentSignal[];
    },
    possibleOccasions: async ({ advertiserIds, from, until }) => {
      if (advertiserIds.length > 0) this.signalQuestions += 1;
      this.#assertStore();
      for (const since of from.values()) this.listed.push([since, until]);
      return this.#latestShown()
        .filter(
          ({ advertiserId, triggerPartition }) =>
            advertiserIds.includes(advertiserId) && from.has(triggerPartition),
        )
        .map((decided) => ({ ...decided, partition: decided.triggerPartition }));
    },
    lastDecidedAt: async (partitions) => {
      this.#assertStore();
      const decided = this.#latestShown().filter(({ triggerPartition }) =>
        partitions.includes(triggerPartition),
      );
      return new Map(
        [...Map.groupBy(decided, ({ triggerPartition }) => triggerPartition)].map(([partition, all]) => [
          partition,
          Math.max(...all.map(({ decidedAt }) => decidedAt)),
        ]),
      );
    },
  };

  async produce(records: readonly Outgoing[]): Promise<readonly RecordPosition[]> {
    if (this.failure === 'before') throw new DependencyFailure('kafka_unavailable', 'away');
    const start = this.#records.length;
    for (const { topic, key, value } of records) {
      const decoded = value === null ? { ok: true as const, value: null } : decodeEvent(topic, value);
      if (!decoded.ok) throw new Error(decoded.problem);
      this.#records.push({ topic, key, event: decoded.value });
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

  /** What a compacted topic holds once it is compacted, by key; null: a tombstone. */
  get compacted(): ReadonlyMap<string, ConversionDecided | null> {
    const current = this.#records.filter(({ topic }) => topic === 'conversion.current.v1');
    return new Map(current.map(({ key, event }) => [key, event as ConversionDecided | null]));
  }

  /** All that a compacted topic may still hold. */
  get current(): ConversionDecided[] {
    return this.#of<ConversionDecided>('conversion.current.v1', this.#records);
  }

  get judged(): PostbackJudged[] {
    return this.#of<PostbackJudged>('postback.judged.v1', this.#records);
  }

  get signalled(): LifecycleSignalled[] {
    return this.#of<LifecycleSignalled>('lifecycle.signalled.v1', this.#records);
  }

  get deadLetters(): DeadLettered[] {
    return this.#of<DeadLettered>('dead-letter.v1', this.#records);
  }

  #storedOf(topic: string): number {
    if (topic === 'click.recorded.v1') return this.clicksStored;
    return this.#isAway(topic) ? 0 : this.#shown;
  }

  #isAway(topic: string): boolean {
    return topic === 'lifecycle.signalled.v1'
      ? this.areSignalsAway
      : topic === 'conversion.decided.v1' && this.areDecisionsAway;
  }

  #latestShown(): readonly ConversionDecided[] {
    const latest = new Map<string, ConversionDecided>();
    for (const decided of this.#shownOf<ConversionDecided>('conversion.decided.v1')) {
      const known = latest.get(decided.conversionId);
      if (known === undefined || known.revision < decided.revision) latest.set(decided.conversionId, decided);
    }
    return [...latest.values()];
  }

  #shownOf<Event>(topic: TopicName): Event[] {
    if (this.#isAway(topic) || (topic === 'postback.judged.v1' && this.areVerdictsAway)) return [];
    return this.#of<Event>(topic, this.#records.slice(0, this.#shown));
  }

  #of<Event>(topic: TopicName, records: readonly Logged[]): Event[] {
    return records
      .filter((record) => record.topic === topic && record.event !== null)
      .map(({ event }) => event as Event);
  }

  #assertStore(): void {
    if (this.isStoreAway) throw new DependencyFailure('clickhouse_unavailable', 'away');
  }
}

function isAskedFor(decided: ConversionDecided, keys: attribution.Keys): boolean {
  const { transaction, customer, click, subjects } = attribution.keysOf(conversionOf(decided));
  return (
    keys.conversion.has(decided.conversionId) ||
    (transaction !== null && keys.transaction.has(transaction)) ||
    (customer !== null && keys.customer.has(customer)) ||
    (click !== null && keys.clickNamed.has(click)) ||
    subjects.some((subject) => keys.subject.has(subject))
  );
}

function isClickAskedFor(click: attribution.CandidateClick, keys: attribution.Keys): boolean {
  const { clickId, customerId, subjectHashes } = click;
  return (
    keys.click.has(clickId) ||
    (customerId !== null && keys.clicksOfCustomer.has(attribution.clickCustomerKey(click, customerId))) ||
    attribution.clickSubjectKeys(click, subjectHashes).some((key) => keys.clicksOfSubject.has(key))
  );
}

/** The counters that have any use. */
function usesOf<List extends 'capPlaces' | 'tierPlaces', Use>(
  keys: ReadonlySet<string>,
  conversions: readonly ConversionDecided[],
  list: List,
  useOf: (places: ConversionDecided[List]) => Use,
): readonly attribution.Counter<Use>[] {
  const places = conversions.flatMap((conversion) => [...conversion[list]]);
  const byCounter = Map.groupBy(places, ({ key, periodStart }) => attribution.counterKey(key, periodStart));
  return [...byCounter].flatMap(([counter, taken]) => {
    const [first] = taken;
    if (first === undefined || !keys.has(counter)) return [];
    return [{ key: first.key, periodStart: first.periodStart, use: useOf(taken as ConversionDecided[List]) }];
  });
}
