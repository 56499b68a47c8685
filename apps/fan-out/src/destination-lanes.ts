/** The lanes of all destinations, and what is told of them when a breaker changes or a destination is switched off. */
import { type DestinationState, PARTITIONS } from '@tributary/contracts';
import { SendRate } from '@tributary/domain';
import type { Clock, Logger } from '@tributary/runtime';
import type { ReadyAttempt } from './delivery-records.ts';
import {
  DestinationLane,
  type Health,
  type LaneBefore,
  type LaneItem,
  type LaneLimits,
} from './destination-lane.ts';
import type { DestinationStates } from './destination-states.ts';
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
  readonly states: Pick<DestinationStates, 'of' | 'tell'>;
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
  readonly active: Pick<ActiveDestination, 'destination' | 'written' | 'definition'>;
  readonly lane: DestinationLane<LaneLoad>;
  /** Configuration version at which this was still the lane to take. */
  asOf: number;
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
      // Whoever had the last word may be gone. Only now, or two who see it differently would contradict each other for ever.
      const told = this.#options.states.of(active.destination.id);
      if (told !== undefined && isContradicted(told, lane)) lane.tellNext();
    }
  }

  /** What of a number for all instances is this one's. */
  get share(): number {
    return this.#owned / PARTITIONS;
  }

  /** One that somebody has written anew begins anew: whoever did so may have mended it. Otherwise it goes on where the topic left it. */
  laneOf({ destination, written, definition }: ActiveDestination): DestinationLane<LaneLoad> {
    const { id } = destination;
    const { clock, random, ownLagMs, states, configurationVersion } = this.#options;
    const kept = this.#lanes.get(id);
    if (kept !== undefined && kept.active.written.version === written.version) {
      kept.asOf = configurationVersion();
      return kept.lane;
    }
    const active = { destination, written, definition };
    const told = states.of(id);
    const before = told && beforeOf(told, written);
    const lane: DestinationLane<LaneLoad> = new DestinationLane({
      limits: this.#limitsOf(active),
      before,
      clock,
      random,
      ownLagMs,
      send: (load, flight) => this.#send(load, flight),
      // One that was replaced says nothing of the destination as it is now.
      onChange: () => {
        const current = this.#lanes.get(id);
        if (current?.lane === lane) this.#tell(current);
      },
    });
    const made = { active, lane, asOf: configurationVersion() };
    this.#lanes.set(id, made);
    // Of the one before nobody would be told otherwise that it is no more.
    if (told !== undefined && before === undefined && !isWell(told)) this.#tell(made);
    return lane;
  }

  #send(load: readonly LaneLoad[], flight: Flight): Promise<Health> {
    const [first] = load;
    if (first !== undefined && !isDelivery(first)) return first.ask(flight);
    return this.#options.send(load.filter(isDelivery), flight);
  }

  #limitsOf({ destination, definition }: Kept['active']): LaneLimits {
    const { concurrency = CONCURRENCY, ratePerSecond, disableAfterMs = DISABLE_AFTER_MS } = destination;
    const share =
      ratePerSecond === undefined ? undefined : SendRate.shareOf(ratePerSecond, this.#owned, PARTITIONS);
    const maxBatch = Math.min(definition.maxBatch, MOST_IN_REQUEST);
    return { concurrency, ratePerSecond: share, maxBatch, disableAfterMs };
  }

  #tell({ active: { destination, definition }, lane, asOf }: Kept): void {
    const { states, clock, instanceId, logger } = this.#options;
    const { breaker, switchedOff } = lane;
    const { state, changedAt, probeAt, probes, consecutiveFailures, failingSince } = breaker;
    logger.warn(
      { destinationId: destination.id, breaker: state, isDisabled: switchedOff !== null },
      'destination.changed',
    );
    const { lastFailureAt, lastSuccessAt } = breaker;
    // It is news for people and for whoever takes this lane over; nothing waits for it.
    states.tell({
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
      configurationVersion: asOf,
    });
  }
}

/** How the lane stood, where the record is about the destination as it is written now. */
function beforeOf(
  told: DestinationState,
  { version, effectiveFrom }: ActiveDestination['written'],
): LaneBefore | undefined {
  if (version > told.configurationVersion || effectiveFrom > told.changedAt) return undefined;
  const { breaker: state, breakerChangedAt: changedAt } = told;
  return { breaker: { ...told, state, changedAt }, switchedOff: switchedOffIn(told) };
}

function switchedOffIn({ isDisabled, disabledAt, disabledReasonCode, changedAt }: DestinationState) {
  if (!isDisabled) return null;
  const isGone = disabledReasonCode === 'receiver_gone';
  return {
    at: disabledAt ?? changedAt,
    reasonCode: isGone ? ('receiver_gone' as const) : ('nothing_but_failures' as const),
  };
}

function isWell({ breaker, isDisabled, failingSince }: DestinationState): boolean {
  return breaker === 'closed' && !isDisabled && failingSince === null;
}

function isContradicted(
  told: DestinationState,
  { breaker, switchedOff }: DestinationLane<LaneLoad>,
): boolean {
  const isOpen = told.breaker !== 'closed';
  return isOpen !== (breaker.state !== 'closed') || told.isDisabled !== (switchedOff !== null);
}
