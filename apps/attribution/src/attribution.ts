/** Attribution as a whole: catches up with the configuration, decides postbacks lane by lane, rematches the parked. */
import type { AssignmentListener, EventProducer, PartitionBatch, TopicPartition } from '@tributary/bus';
import type { ConfigurationFollower } from '@tributary/configuration';
import { type Clock, DependencyFailure, type Logger, Turns } from '@tributary/runtime';
import type { AttributionStore, StoredOffsets } from '@tributary/store';
import { OwnWrites } from './own-writes.ts';
import { ParkedConversions } from './parked-conversions.ts';
import { PostbackDecider } from './postback-decider.ts';
import { Rematcher } from './rematcher.ts';

export interface AttributionOptions {
  readonly follower: ConfigurationFollower;
  readonly store: AttributionStore;
  readonly offsets: StoredOffsets;
  readonly producer: EventProducer;
  readonly clock: Clock;
  readonly logger: Logger;
}

const CATCH_UP_MS = 30_000;

export class Attribution implements AssignmentListener {
  readonly #options: AttributionOptions;
  readonly #lanes = new Turns<number>();
  readonly #parked = new ParkedConversions();
  readonly #positions = new Map<number, number>();
  readonly #ownWrites: OwnWrites;
  readonly #decider: PostbackDecider;
  readonly #rematcher: Rematcher;

  constructor(options: AttributionOptions) {
    this.#options = options;
    this.#ownWrites = new OwnWrites(options.offsets);
    const shared = { ...options, ownWrites: this.#ownWrites, parked: this.#parked };
    this.#decider = new PostbackDecider(shared);
    this.#rematcher = new Rematcher({
      ...shared,
      lanes: this.#lanes,
      configuration: () => options.follower.current,
      positionOf: (partition) => this.#positions.get(partition) ?? 0,
    });
  }

  start(): void {
    this.#rematcher.start();
  }

  stop(): Promise<void> {
    return this.#rematcher.stop();
  }

  /** Conversions that wait for their click here. */
  get parked(): number {
    return this.#parked.size;
  }

  /** Before the first postback of a new assignment: see what the owner before decided, take over what it had parked. */
  async assigned(partitions: readonly TopicPartition[]): Promise<void> {
    this.#parked.clear();
    await this.#ownWrites.begin();
    const owned = partitions.map(({ partition }) => partition);
    for (const conversion of await this.#options.store.parkedDecisions(owned)) this.#parked.add(conversion);
  }

  /** @returns how many events are done: all. @throws DependencyFailure */
  async decide(batch: PartitionBatch<'postback.received.v1'>): Promise<number> {
    const { follower } = this.#options;
    // No instance decides by older rules than the edge that accepted the fact.
    const version = Math.max(...batch.events.map(({ event }) => event.configurationVersion));
    await follower.caughtUpTo(version, CATCH_UP_MS).catch((cause: unknown) => {
      throw new DependencyFailure('configuration_behind', 'the configuration is older than the postbacks', {
        cause,
      });
    });
    await this.#lanes.run(batch.partition, () => this.#decider.decide(batch, follower.current));
    this.#positions.set(batch.partition, batch.events.at(-1)?.offset ?? 0);
    return batch.events.length;
  }
}
