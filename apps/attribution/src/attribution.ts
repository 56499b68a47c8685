/** Attribution as a whole: catches up with the configuration, decides postbacks lane by lane, rematches the parked. */
import {
  type AssignmentListener,
  type EventProducer,
  OwnerProducer,
  type PartitionBatch,
  type TopicPartition,
} from '@tributary/bus';
import type { ConfigurationFollower } from '@tributary/configuration';
import { type Clock, DependencyFailure, type Logger } from '@tributary/runtime';
import type { AttributionStore, StoredOffsets, Watermark } from '@tributary/store';
import { DecisionLanes } from './decision-lanes.ts';
import { OwnWrites } from './own-writes.ts';
import { ParkedConversions } from './parked-conversions.ts';
import { PostbackDecider } from './postback-decider.ts';
import { Rematcher } from './rematcher.ts';

export interface AttributionOptions {
  readonly follower: ConfigurationFollower;
  readonly store: Pick<
    AttributionStore,
    'clicksById' | 'contentDigests' | 'judgedReceipts' | 'latestDecisions' | 'parkedDecisions'
  >;
  readonly offsets: StoredOffsets;
  readonly producer: EventProducer;
  /** Whether the group has heard of this instance lately: after a long stop its partitions are another's by now. */
  readonly isOwner: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

const CATCH_UP_MS = 30_000;
const POSTBACKS = 'postback.received.v1';

export class Attribution implements AssignmentListener {
  readonly #options: AttributionOptions;
  readonly #parked = new ParkedConversions();
  readonly #positions = new Map<number, number>();
  readonly #ownWrites: OwnWrites;
  readonly #lanes: DecisionLanes;
  readonly #decider: PostbackDecider;
  readonly #rematcher: Rematcher;
  /** Counts how often partitions were dealt: what was begun for an earlier deal must not touch the next one's state. */
  #deals = 0;
  /** Where the partitions ended when they were dealt: what lies below, the owner before may have in hand still. */
  #takenOver: Watermark = new Map();

  constructor(options: AttributionOptions) {
    this.#options = options;
    this.#ownWrites = new OwnWrites(options.offsets);
    this.#lanes = new DecisionLanes(this.#ownWrites);
    const shared = {
      ...options,
      producer: new OwnerProducer(options.producer, options.isOwner),
      ownWrites: this.#ownWrites,
      parked: this.#parked,
    };
    this.#decider = new PostbackDecider({
      ...shared,
      isDoubted: (partition, offset) => offset < (this.#takenOver.get(partition) ?? 0),
    });
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
    const { store, offsets } = this.#options;
    const owned = partitions.map(({ partition }) => partition);
    this.#deals += 1;
    const deal = this.#deals;
    this.#parked.own(owned);
    // What is in hand of the deal before is written, or is not, before the store is asked how things stand.
    await this.#lanes.idle();
    this.#takenOver = await offsets.endOf(POSTBACKS);
    await this.#ownWrites.begin();
    const parked = await store.parkedDecisions(owned);
    if (deal !== this.#deals) return;
    for (const conversion of parked) this.#parked.add(conversion);
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
    await this.#lanes.run(batch.partition, async () => {
      // Lost while it waited for its turn: its new owner decides it.
      batch.signal.throwIfAborted();
      await this.#decider.decide(batch, follower.current);
    });
    this.#positions.set(batch.partition, batch.events.at(-1)?.offset ?? 0);
    return batch.events.length;
  }
}
