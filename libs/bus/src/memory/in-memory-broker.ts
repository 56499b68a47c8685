/** Kafka's twin in memory: topics with partitions and offsets, groups with generations and commits, and faults on demand. */
import { TOPICS, type TopicName } from '@tributary/contracts';
import { DependencyFailure } from '@tributary/runtime';
import type { FetchedRecord } from '../consume/partition-worker.ts';
import { partitionOf } from '../kafka/partitioner.ts';
import { rangesOf } from '../kafka/range-assigner.ts';
import {
  type EventProducer,
  nameOf,
  type Outgoing,
  type RecordPosition,
  type TopicPartition,
} from '../records.ts';

/** A member as the broker sees it. */
export interface GroupMember {
  readonly topics: readonly TopicName[];
  /** A rebalance has ended: it owns exactly these. */
  assigned(generation: number, partitions: readonly TopicPartition[]): void;
  /** New records stand in a partition, or the broker is back. */
  readable(): void;
}

interface Group {
  generation: number;
  readonly members: Map<string, GroupMember>;
  readonly committed: Map<string, number>;
}

/** `refused` fails before anything is written, `answer_lost` after all of it is. */
export type ProduceFault = 'none' | 'refused' | 'answer_lost';

export class InMemoryBroker implements EventProducer {
  /** What happens to the next sends. */
  produceFault: ProduceFault = 'none';
  readonly #logs = new Map<string, FetchedRecord[]>();
  readonly #groups = new Map<string, Group>();
  #isAway = false;
  #memberIds = 0;

  /** While the broker is away nothing is taken, handed out, committed or joined. */
  get isAway(): boolean {
    return this.#isAway;
  }

  set isAway(isAway: boolean) {
    this.#isAway = isAway;
    if (!isAway) this.#tellReaders();
  }

  async produce(records: readonly Outgoing[]): Promise<readonly RecordPosition[]> {
    this.assertPresent();
    if (this.produceFault === 'refused') throw new DependencyFailure('kafka_unavailable', 'refused');
    const positions = records.map((record) => this.#append(record));
    this.#tellReaders();
    if (this.produceFault === 'answer_lost') throw new DependencyFailure('kafka_deadline', 'no answer');
    return positions;
  }

  /** Records of a partition from an offset on. */
  read({ topic, partition }: TopicPartition, from: number): readonly FetchedRecord[] {
    return this.#log({ topic, partition }).slice(from);
  }

  /** Every record of a topic, partition by partition. */
  recordsOf(topic: TopicName): readonly FetchedRecord[] {
    return partitionsOf(topic).flatMap((place) => this.#log(place));
  }

  async endOffsets(topic: TopicName): Promise<ReadonlyMap<number, number>> {
    this.assertPresent();
    return new Map(partitionsOf(topic).map((place) => [place.partition, this.#log(place).length]));
  }

  async committedOffsets(groupId: string, topic: TopicName): Promise<ReadonlyMap<number, number>> {
    this.assertPresent();
    return new Map(
      partitionsOf(topic).map((place) => [place.partition, this.committed(groupId, place) ?? -1]),
    );
  }

  committed(groupId: string, place: TopicPartition): number | undefined {
    return this.#group(groupId).committed.get(nameOf(place));
  }

  /** @throws DependencyFailure when the broker is away; Error when the generation is over, as Kafka refuses it. */
  commit(groupId: string, generation: number, place: TopicPartition, nextOffset: number): void {
    this.assertPresent();
    const group = this.#group(groupId);
    if (generation !== group.generation) throw new Error('ILLEGAL_GENERATION');
    group.committed.set(nameOf(place), nextOffset);
  }

  join(groupId: string, member: GroupMember): string {
    this.assertPresent();
    const memberId = `member-${String(++this.#memberIds).padStart(4, '0')}`;
    this.#group(groupId).members.set(memberId, member);
    this.#rebalance(groupId);
    return memberId;
  }

  /** Also what follows on a kill, once the session has timed out. */
  leave(groupId: string, memberId: string): void {
    if (this.#group(groupId).members.delete(memberId)) this.#rebalance(groupId);
  }

  assertPresent(): void {
    if (this.#isAway) throw new DependencyFailure('kafka_unavailable', 'the broker is away');
  }

  #append({ topic, key, value, headers = {} }: Outgoing): RecordPosition {
    const partition = partitionOf(topic, key);
    const log = this.#log({ topic, partition });
    const offset = log.length;
    log.push({ topic, partition, offset, key: Buffer.from(key), value, headers, writtenAt: Date.now() });
    return { topic, partition, offset };
  }

  #rebalance(groupId: string): void {
    const group = this.#group(groupId);
    group.generation += 1;
    const owned = new Map<string, TopicPartition[]>([...group.members.keys()].map((id) => [id, []]));
    for (const topic of new Set([...group.members.values()].flatMap(({ topics }) => topics))) {
      const subscribed = [...group.members].filter(([, { topics }]) => topics.includes(topic));
      const ranges = rangesOf(
        subscribed.map(([id]) => id),
        TOPICS[topic].partitions,
      );
      for (const [id, partitions] of ranges) {
        owned.get(id)?.push(...partitions.map((partition) => ({ topic, partition })));
      }
    }
    for (const [id, member] of group.members) member.assigned(group.generation, owned.get(id) ?? []);
  }

  #tellReaders(): void {
    for (const { members } of this.#groups.values()) for (const member of members.values()) member.readable();
  }

  #group(groupId: string): Group {
    let group = this.#groups.get(groupId);
    if (group === undefined) {
      group = { generation: 0, members: new Map(), committed: new Map() };
      this.#groups.set(groupId, group);
    }
    return group;
  }

  #log(place: TopicPartition): FetchedRecord[] {
    const name = nameOf(place);
    let log = this.#logs.get(name);
    if (log === undefined) {
      log = [];
      this.#logs.set(name, log);
    }
    return log;
  }
}

function partitionsOf(topic: TopicName): TopicPartition[] {
  return Array.from({ length: TOPICS[topic].partitions }, (_, partition) => ({ topic, partition }));
}
