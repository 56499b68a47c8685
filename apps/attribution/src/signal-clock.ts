/** Signals that become due because nothing happens: the list of customers to look at again, made up anew each hour, and the looks. */
import type { EventProducer } from '@tributary/bus';
import type { Configuration } from '@tributary/configuration';
import { lifecycle } from '@tributary/domain';
import { type Clock, DependencyFailure, type Logger } from '@tributary/runtime';
import type { PossibleOccasion, SignalStore } from '@tributary/store';
import type { CustomerLooks } from './customer-looks.ts';
import type { DecisionBatches } from './decision-batches.ts';
import type { DecisionLanes } from './decision-lanes.ts';
import type { DueCustomer, DueCustomers } from './due-customers.ts';
import type { LaneProgress } from './lane-progress.ts';
import type { LifecycleInForce } from './lifecycle-in-force.ts';
import { Ticks } from './ticks.ts';

export interface SignalClockOptions {
  readonly signals: Pick<SignalStore, 'possibleOccasions'>;
  readonly batches: Pick<DecisionBatches, 'conversions'>;
  readonly looks: CustomerLooks;
  readonly due: DueCustomers;
  readonly lanes: DecisionLanes;
  readonly progress: LaneProgress;
  readonly producer: EventProducer;
  readonly inForce: LifecycleInForce;
  readonly configuration: Pick<Configuration, 'version'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const TICK_MS = 1_000;
const MAX_LOOKS = 500;
const HOUR_MS = 3_600_000;
const LIST_EVERY_MS = HOUR_MS;
/** Twice as far as the next list is: what a list did not see, since ClickHouse did not show it yet, the next one sees in time. */
const LIST_AHEAD_MS = 2 * HOUR_MS;
/** A list that could not be made is tried again, without wearing ClickHouse out. */
const RETRY_MS = 60_000;
/** The owner before may have stood still for so long before it lost a partition. */
const OWNER_MAY_LAG_MS = 600_000;
/** Whatever became due while nobody owned the partition longer than that ago is left out. */
const LOOK_BACK_MS = 7 * 86_400_000;

export class SignalClock {
  readonly #options: SignalClockOptions;
  readonly #ticks = new Ticks(TICK_MS, () => this.#tick());
  #nextListAt = Number.POSITIVE_INFINITY;
  /** By partition, from when on the next list is to be: an hour before the end of the last one. */
  #listedUpTo: ReadonlyMap<number, number> = new Map();
  /** Counts how often partitions were dealt: a list that was begun for an earlier deal is not taken over. */
  #deals = 0;

  constructor(options: SignalClockOptions) {
    this.#options = options;
  }

  start(): void {
    this.#ticks.start();
  }

  /** Once another owns its partitions a look that still runs cannot write. */
  stop(): Promise<void> {
    return this.#ticks.stop();
  }

  /** The partitions are dealt anew; nothing is decided in them before {@link takeOver} has ended. */
  own(partitions: readonly number[]): void {
    this.#deals += 1;
    this.#listedUpTo = new Map();
    this.#options.due.own(partitions);
  }

  /**
   * The first list goes back to when somebody last decided in a partition: at what became due since, nobody has looked.
   * It is made by the clock, as no postback has to wait for it.
   * @param lastDecidedAt by partition; epoch milliseconds.
   */
  takeOver(partitions: readonly number[], lastDecidedAt: ReadonlyMap<number, number>): void {
    const now = this.#options.clock.now();
    this.#listedUpTo = new Map(
      partitions.map((partition) => [
        partition,
        Math.max((lastDecidedAt.get(partition) ?? now) - OWNER_MAY_LAG_MS, now - LOOK_BACK_MS),
      ]),
    );
    this.#nextListAt = now;
  }

  async #tick(): Promise<void> {
    try {
      await this.#lookAtDue();
      await this.#listAnew();
    } catch (error) {
      this.#pausedBy(error);
    }
  }

  /** Nothing is lost by an outage: who is due stays due. */
  #pausedBy(error: unknown): void {
    if (!(error instanceof DependencyFailure)) throw error;
    this.#options.logger.warn({ err: error }, 'signals.paused');
  }

  async #listAnew(): Promise<void> {
    const { signals, due, clock } = this.#options;
    const now = clock.now();
    if (now < this.#nextListAt) return;
    this.#nextListAt = now + RETRY_MS;
    const deal = this.#deals;
    const from = new Map([...this.#listedUpTo].map(([partition, upTo]) => [partition, Math.min(upTo, now)]));
    const until = now + LIST_AHEAD_MS;
    const advertiserIds = this.#options.inForce.advertiserIds(now);
    const delays = this.#options.inForce.delays(advertiserIds);
    const possible = await signals.possibleOccasions({ advertiserIds, from, until, delays });
    if (deal !== this.#deals) return;
    due.holdUntil(until);
    for (const occasion of possible) this.#add(occasion, from.get(occasion.partition) ?? now, now);
    this.#listedUpTo = new Map([...from.keys()].map((partition) => [partition, now + LIST_EVERY_MS]));
    this.#nextListAt = now + LIST_EVERY_MS;
  }

  /** The first of its instants from then on; the look names the next one. */
  #add(occasion: PossibleOccasion, from: number, now: number): void {
    const { advertiserId, occurredAt, conversionId, partition } = occasion;
    const rules = this.#options.inForce.rulesOf(advertiserId, now)?.(occurredAt);
    if (rules === undefined) return;
    const instants = lifecycle.instantsOf(occasion, rules).filter((at) => at >= from);
    if (instants.length > 0) this.#options.due.add({ conversionId, partition, at: Math.min(...instants) });
  }

  async #lookAtDue(): Promise<void> {
    const { due, clock, lanes } = this.#options;
    const looks = [...due.due(clock.now(), MAX_LOOKS)].map(([partition, customers]) =>
      lanes.run(partition, () =>
        this.#lookAt(
          partition,
          customers.filter((each) => due.holds(each)),
        ),
      ),
    );
    // Each for itself: a partition that cannot be decided now is no reason for the others to wait.
    await Promise.all(looks.map((each) => each.catch((error: unknown) => this.#pausedBy(error))));
  }

  async #lookAt(partition: number, customers: readonly DueCustomer[]): Promise<void> {
    if (customers.length === 0) return;
    const { batches, looks, due, progress, producer, configuration } = this.#options;
    const conversions = await batches.conversions(new Set(customers.map(({ conversionId }) => conversionId)));
    const looked = await looks.at(progress.turn(partition, configuration.version)(), conversions);
    const records = looked.signals.map((signal) => looks.recordOf(signal));
    const positions = records.length === 0 ? [] : await producer.produce(records);
    for (const customer of customers) due.lookedAt(customer);
    looks.noteSent(partition, looked, positions);
    for (const signal of looked.signals) looks.tell(signal);
  }
}
