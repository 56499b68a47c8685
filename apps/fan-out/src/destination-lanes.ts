/** The lanes of all destinations, and what is written of them when a breaker changes or a destination is switched off. */
import { type EventProducer, outgoing } from '@tributary/bus';
import { PARTITIONS } from '@tributary/contracts';
import { SendRate } from '@tributary/domain';
import type { Clock, Logger } from '@tributary/runtime';
import type { ReadyAttempt } from './delivery-records.ts';
import { DestinationLane, type Health, type LaneItem, type LaneLimits } from './destination-lane.ts';
import type { Flight } from './flight.ts';
import type { ActiveDestination } from './receivers.ts';

/** Requests to one destination at once. */
export const CONCURRENCY = 16;
/** A request is one record in Kafka of at most 1 MB, and a delivery takes up to 600 bytes of it. */
const MOST_IN_REQUEST = 1_500;
/** As Svix: all fails for five days, and one success forgives. */
const DISABLE_AFTER_MS = 5 * 86_400_000;

export interface DestinationLanesOptions {
  readonly send: (attempts: readonly ReadyAttempt[], flight: Flight) => Promise<Health>;
  readonly producer: EventProducer;
  readonly clock: Clock;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
  /** How late this process notices anything, in milliseconds. */
  readonly ownLagMs: () => number;
  readonly instanceId: string;
  readonly configurationVersion: () => number;
  readonly logger: Logger;
}

/** A question about what was sent. Its envelope is its own, so it shares no request. */
export interface LaneQuestion extends LaneItem {
  ask(flight: Flight): Promise<Health>;
}

/** What goes through a lane. */
export type LaneLoad = ReadyAttempt | LaneQuestion;

function isDelivery(load: LaneLoad): load is ReadyAttempt {
  return !('ask' in load);
}

interface Kept {
  readonly active: ActiveDestination;
  readonly lane: DestinationLane<LaneLoad>;
}

export class DestinationLanes {
  readonly #options: DestinationLanesOptions;
  readonly #lanes = new Map<string, Kept>();
  #owned = PARTITIONS;

  constructor(options: DestinationLanesOptions) {
    this.#options = options;
  }

  /** @param partitions of conversion.decided that this instance owns from now on: its share of every rate. */
  own(partitions: number): void {
    this.#owned = partitions;
    for (const { lane, active } of this.#lanes.values()) {
      lane.limit(this.#limitsOf(active));
      lane.forgetAway();
    }
  }

  /** What of a number for all instances is this one's. */
  get share(): number {
    return this.#owned / PARTITIONS;
  }

  /** One whose configuration has changed begins anew: whoever changed it may have mended it. */
  laneOf({ destination, version, definition }: ActiveDestination): DestinationLane<LaneLoad> {
    const { id } = destination;
    const kept = this.#lanes.get(id);
    if (kept !== undefined && kept.active.version === version) return kept.lane;
    const active = { destination, version, definition };
    const { clock, random, ownLagMs } = this.#options;
    const lane: DestinationLane<LaneLoad> = new DestinationLane({
      limits: this.#limitsOf(active),
      clock,
      random,
      ownLagMs,
      send: (load, flight) => this.#send(load, flight),
      // One that was replaced says nothing of the destination as it is now.
      onChange: () => {
        if (this.#lanes.get(id)?.lane === lane) this.#tell(active, lane);
      },
    });
    this.#lanes.set(id, { active, lane });
    // Of the one before nobody would be told otherwise that it is no more.
    if (kept !== undefined && (kept.lane.switchedOff !== null || kept.lane.breaker.state !== 'closed'))
      this.#tell(active, lane);
    return lane;
  }

  #send(load: readonly LaneLoad[], flight: Flight): Promise<Health> {
    const [first] = load;
    if (first !== undefined && !isDelivery(first)) return first.ask(flight);
    return this.#options.send(load.filter(isDelivery), flight);
  }

  #limitsOf({ destination, definition }: ActiveDestination): LaneLimits {
    const { concurrency = CONCURRENCY, ratePerSecond, disableAfterMs = DISABLE_AFTER_MS } = destination;
    const share =
      ratePerSecond === undefined ? undefined : SendRate.shareOf(ratePerSecond, this.#owned, PARTITIONS);
    const maxBatch = Math.min(definition.maxBatch, MOST_IN_REQUEST);
    return { concurrency, ratePerSecond: share, maxBatch, disableAfterMs };
  }

  #tell({ destination, definition }: ActiveDestination, lane: DestinationLane<LaneLoad>): void {
    const { producer, clock, instanceId, configurationVersion, logger } = this.#options;
    const { breaker, switchedOff } = lane;
    const { state, changedAt, probeAt, probes, consecutiveFailures, failingSince } = breaker;
    logger.warn(
      { destinationId: destination.id, breaker: state, isDisabled: switchedOff !== null },
      'destination.changed',
    );
    const { lastFailureAt, lastSuccessAt } = breaker;
    const record = outgoing('destination.state.v1', destination.id, {
      destinationId: destination.id,
      definition: definition.key,
      advertiserId: destination.advertiserId ?? null,
      breaker: state,
      breakerChangedAt: changedAt,
      probeAt,
      probes,
      consecutiveFailures,
      failingSince,
      lastFailureAt,
      lastFailureCode: null,
      lastSuccessAt,
      lastRequestId: null,
      isDisabled: switchedOff !== null,
      disabledAt: switchedOff?.at ?? null,
      disabledReasonCode: switchedOff?.reasonCode ?? null,
      parkedDeliveries: lane.away,
      instanceId,
      changedAt: clock.now(),
      configurationVersion: configurationVersion(),
    });
    // It is news for people; nothing of ours goes by it, so nothing waits for it.
    producer.produce([record]).catch((error: unknown) => {
      logger.warn({ err: error, destinationId: destination.id }, 'destination.state_unrecorded');
    });
  }
}
