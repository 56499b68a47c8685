/** A member of a consumer group of the in-memory broker, with the same workers as over Kafka. */
import type { GroupStatus, Logger } from '@tributary/runtime';
import { PartitionWorkers, type WorkOptions } from '../consume/partition-workers.ts';
import type { ConsumerGroup, TopicPartition } from '../records.ts';
import type { InMemoryBroker } from './in-memory-broker.ts';

export interface InMemoryGroupOptions extends WorkOptions {
  readonly broker: InMemoryBroker;
  readonly groupId: string;
  /** Name of the service in dead letters. */
  readonly service: string;
  readonly logger: Logger;
}

export class InMemoryConsumerGroup implements ConsumerGroup {
  readonly #options: InMemoryGroupOptions;
  readonly #workers: PartitionWorkers;
  /** Next offset to fetch of each owned partition. */
  #positions = new Map<TopicPartition, number>();
  readonly #paused = new Set<string>();
  #generation = 0;
  #memberId: string | undefined;

  constructor(options: InMemoryGroupOptions) {
    this.#options = options;
    const { broker, groupId } = options;
    this.#workers = new PartitionWorkers(options, {
      commit: async (place, nextOffset) => broker.commit(groupId, this.#generation, place, nextOffset),
      pause: ({ topic, partition }, isPaused) => {
        if (isPaused) this.#paused.add(`${topic}/${partition}`);
        else if (this.#paused.delete(`${topic}/${partition}`)) this.#fetch();
      },
    });
  }

  async start(): Promise<void> {
    const { broker, groupId, handlers } = this.#options;
    if (handlers.size === 0) throw new Error(`group ${groupId} has no handler`);
    this.#memberId = broker.join(groupId, {
      topics: [...handlers.keys()],
      assigned: (generation, partitions) => this.#assigned(generation, partitions),
      readable: () => this.#fetch(),
    });
  }

  async stop(): Promise<void> {
    await this.#workers.drain();
    this.#end();
  }

  /** As SIGKILL and the end of its session: nothing in hand is finished for anybody, nothing is committed. */
  kill(): void {
    this.#workers.lose();
    this.#end();
  }

  get status(): GroupStatus {
    const isMember = this.#memberId !== undefined && !this.#options.broker.isAway;
    return { isMember, ...this.#workers.status };
  }

  #end(): void {
    const memberId = this.#memberId;
    this.#memberId = undefined;
    this.#positions = new Map();
    if (memberId !== undefined) this.#options.broker.leave(this.#options.groupId, memberId);
  }

  #assigned(generation: number, partitions: readonly TopicPartition[]): void {
    const { broker, groupId } = this.#options;
    this.#generation = generation;
    this.#paused.clear();
    this.#positions = new Map(partitions.map((place) => [place, broker.committed(groupId, place) ?? 0]));
    this.#workers.begin(partitions);
    this.#fetch();
  }

  #fetch(): void {
    const { broker } = this.#options;
    if (broker.isAway) return;
    for (const [place, position] of this.#positions) {
      if (this.#paused.has(`${place.topic}/${place.partition}`)) continue;
      const records = broker.read(place, position);
      if (records.length === 0) continue;
      const end = position + records.length;
      this.#positions.set(place, end);
      this.#workers.push(place, records, end);
    }
  }
}
