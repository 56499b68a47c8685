/** Attribution as a whole: catches up with the configuration, decides postbacks lane by lane, and what time brings to those that wait. */
import {
  type AssignmentListener,
  type BatchAnswer,
  type EventProducer,
  OwnerProducer,
  type PartitionBatch,
  type TopicPartition,
} from '@tributary/bus';
import type { ConfigurationFollower } from '@tributary/configuration';
import type { attribution } from '@tributary/domain';
import { type Clock, DependencyFailure, type Logger } from '@tributary/runtime';
import {
  type FactsStore,
  SharedLoads,
  type SignalStore,
  type StoredOffsets,
  type Watermark,
} from '@tributary/store';
import { ClockDecider } from './clock-decider.ts';
import { conversionOf } from './conversion-record.ts';
import { CustomerLooks } from './customer-looks.ts';
import { DecisionBatches } from './decision-batches.ts';
import { DecisionLanes } from './decision-lanes.ts';
import { DecisionWriter } from './decision-writer.ts';
import { DueCustomers } from './due-customers.ts';
import { LaneProgress } from './lane-progress.ts';
import { LateTouches } from './late-touches.ts';
import { LifecycleInForce } from './lifecycle-in-force.ts';
import { OrderDecider } from './order-decider.ts';
import { OwnWrites } from './own-writes.ts';
import { PostbackDecider } from './postback-decider.ts';
import { RulesInForce } from './rules-in-force.ts';
import { SignalClock } from './signal-clock.ts';
import { WaitingConversions } from './waiting-conversions.ts';

export interface AttributionOptions {
  readonly follower: ConfigurationFollower;
  readonly store: Pick<FactsStore, 'clicksById' | 'contentDigests' | 'load' | 'personClicks' | 'waiting'>;
  readonly signals: Pick<SignalStore, 'sent' | 'possibleOccasions' | 'lastDecidedAt'>;
  readonly offsets: StoredOffsets;
  /** Next postback of each partition of which nobody has said that it is decided. */
  readonly committed: () => Promise<Watermark>;
  readonly producer: EventProducer;
  /** Whether the group has heard of this instance lately: after a long stop its partitions are another's by now. */
  readonly isOwner: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

const CATCH_UP_MS = 30_000;
const POSTBACKS = 'postback.received.v1';
/** An owner commits after every batch, of 500 at most by the bus, and may have had a few commits refused. */
const IN_HAND = 5_000;

export class Attribution implements AssignmentListener {
  readonly #options: AttributionOptions;
  readonly #waiting = new WaitingConversions();
  readonly #ownWrites: OwnWrites;
  readonly #progress: LaneProgress;
  readonly #lanes: DecisionLanes;
  readonly #decider: PostbackDecider;
  readonly #orderDecider: OrderDecider;
  readonly #lateTouches: LateTouches;
  readonly #clockDecider: ClockDecider;
  readonly #signalClock: SignalClock;
  /** Counts how often partitions were dealt: what was begun for an earlier deal must not touch the next one's state. */
  #deals = 0;
  /** By partition: what lies below, the owner before may have in hand still. */
  #takenOver: Watermark = new Map();

  constructor(options: AttributionOptions) {
    this.#options = options;
    const { follower, clock } = options;
    this.#ownWrites = new OwnWrites(options.offsets);
    this.#progress = new LaneProgress(clock);
    this.#lanes = new DecisionLanes(this.#ownWrites);
    const isDoubted = ({ partition, offset }: attribution.Position) =>
      offset < (this.#takenOver.get(partition) ?? 0);
    const configuration = follower.current;
    const shared = {
      ...options,
      ownWrites: this.#ownWrites,
      waiting: this.#waiting,
      progress: this.#progress,
      producer: new OwnerProducer(options.producer, options.isOwner),
      isDoubted,
    };
    const rules = new RulesInForce(configuration);
    // Of partitions that load at the same time: twelve small questions cost ClickHouse far more than one large one.
    const batches = new DecisionBatches({ ...shared, rules, store: new SharedLoads(options.store) });
    const due = new DueCustomers();
    const inForce = new LifecycleInForce(configuration);
    const looks = new CustomerLooks({ ...shared, batches, due, inForce });
    const writer = new DecisionWriter({ ...shared, looks });
    this.#decider = new PostbackDecider({ ...shared, batches, writer });
    this.#orderDecider = new OrderDecider({ ...shared, batches, writer });
    const lanes = this.#lanes;
    const configurationVersion = () => follower.current.version;
    this.#lateTouches = new LateTouches({ ...shared, rules, batches, writer, lanes, configurationVersion });
    this.#clockDecider = new ClockDecider({
      ...shared,
      batches,
      writer,
      lanes,
      lateTouches: this.#lateTouches,
      configurationVersion,
    });
    this.#signalClock = new SignalClock({
      ...shared,
      batches,
      looks,
      due,
      lanes,
      inForce,
      configuration,
    });
  }

  start(): void {
    this.#clockDecider.start();
    this.#signalClock.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#clockDecider.stop(), this.#signalClock.stop()]);
  }

  /** Conversions that wait here for a click, a condition or an original. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Before the first postback of a new assignment: see what the owner before decided, take over what it had waiting. */
  async assigned(partitions: readonly TopicPartition[]): Promise<void> {
    const { store, signals, offsets, committed } = this.#options;
    const owned = partitions.flatMap(({ topic, partition }) => (topic === POSTBACKS ? [partition] : []));
    this.#deals += 1;
    const deal = this.#deals;
    this.#waiting.own(owned);
    this.#signalClock.own(owned);
    // What is in hand of the deal before is written, or is not, before the store is asked how things stand.
    await this.#lanes.idle();
    const ends = await offsets.endOf(POSTBACKS);
    const next = await committed();
    this.#takenOver = new Map(
      [...ends].map(([partition, end]) => [partition, inHandBelow(end, next.get(partition))]),
    );
    await this.#ownWrites.begin();
    const waiting = await store.waiting(owned);
    const lastDecidedAt = await signals.lastDecidedAt(owned);
    if (deal !== this.#deals) return;
    for (const partition of owned)
      this.#progress.takenOver(partition, next.get(partition) ?? 0, lastDecidedAt.get(partition));
    this.#lateTouches.own(owned);
    for (const decided of waiting) this.#waiting.meet(conversionOf(decided), decided.triggerPartition);
    this.#signalClock.takeOver(owned, lastDecidedAt);
  }

  /** @returns how many events are done: all. @throws DependencyFailure */
  async decide(batch: PartitionBatch<'postback.received.v1'>): Promise<number> {
    const version = await this.#caughtUp(batch.events.map(({ event }) => event));
    await this.#lanes.run(batch.partition, async (isAfterDoubt) => {
      // Lost while it waited for its turn: its new owner decides it.
      batch.signal.throwIfAborted();
      await this.#decider.decide(batch, version(), isAfterDoubt);
    });
    return batch.events.length;
  }

  /**
   * Orders of a lane stand in the partition of the same number as its postbacks, and so come to the same owner.
   * One that is not to be executed yet holds up those behind it. @throws DependencyFailure
   */
  async execute(batch: PartitionBatch<'attribution.commanded.v1'>): Promise<BatchAnswer> {
    const version = await this.#caughtUp(batch.events.map(({ event }) => event));
    const now = this.#options.clock.now();
    const early = batch.events.findIndex(({ event }) => (event.effectiveFrom ?? 0) > now);
    const events = early === -1 ? batch.events : batch.events.slice(0, early);
    await this.#lanes.run(batch.partition, async () => {
      batch.signal.throwIfAborted();
      await this.#orderDecider.decide({ ...batch, events }, version());
    });
    const resumeAt = batch.events[early]?.event.effectiveFrom ?? null;
    return resumeAt === null ? events.length : { done: events.length, resumeAt };
  }

  /** No instance decides by older rules than whoever wrote the fact had seen. @returns the version in force. */
  async #caughtUp(facts: readonly { readonly configurationVersion: number }[]): Promise<() => number> {
    const { follower } = this.#options;
    const version = Math.max(...facts.map(({ configurationVersion }) => configurationVersion));
    await follower.caughtUpTo(version, CATCH_UP_MS).catch((cause: unknown) => {
      throw new DependencyFailure('configuration_behind', 'the configuration is older than the facts', {
        cause,
      });
    });
    return () => follower.current.version;
  }
}

/** Up to where an owner before, that has said so much of its work is done, may have begun more. */
function inHandBelow(end: number, committed = -1): number {
  return committed < 0 ? end : Math.min(end, committed + IN_HAND);
}
