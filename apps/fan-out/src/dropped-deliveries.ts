/** Ends deliveries that were judged delivered and that the platform has dropped afterwards, unless they have moved on since. */
import { type EventProducer, type IncomingEvent, OwnerProducer } from '@tributary/bus';
import type { Configuration } from '@tributary/configuration';
import { type ConversionDecided, type DeliveryDue, encodeEvent } from '@tributary/contracts';
import { type AttemptOutcome, dropped, isOpen, undermined } from '@tributary/domain';
import type { Clock } from '@tributary/runtime';
import type { Attempter } from './attempter.ts';
import { deliveryOutcome } from './delivery-outcome.ts';
import { type Attempt, heldIn, stepRecord } from './delivery-records.ts';
import { droppedDeliveries } from './fan-out-metrics.ts';
import type { OneAtATime } from './one-at-a-time.ts';
import type { ActiveDestination, Receivers } from './receivers.ts';
import { modeOf } from './rehearsal.ts';
import type { SendLedger, Standing } from './send-ledger.ts';
import { type DueTopic, dueRecord } from './timer.ts';
import { done, type Underway } from './underway.ts';

export interface DroppedDeliveriesOptions {
  readonly ledger: SendLedger;
  readonly attempter: Pick<Attempter, 'endUnsent'>;
  readonly oneAtATime: Pick<OneAtATime, 'run'>;
  readonly receivers: Receivers;
  readonly producer: EventProducer;
  /** Whether the group has heard of this instance lately. */
  readonly isOwner: () => boolean;
  readonly clock: Clock;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
  readonly configuration: () => Configuration;
}

type Drop = NonNullable<DeliveryDue['dropped']>;
type Incoming = IncomingEvent<DueTopic>;

/** When the newest revision has its step in place of a retry: after the end that makes room for it. */
const STEP_MS = 1_000;
/** How long after the next attempt of an open delivery a drop before it is looked at again. */
const LOOK_AGAIN_MS = 60_000;
/** How often a drop is looked at while what came after it may be dropped in its turn. */
const COVERED_LOOK_MS = 600_000;

/**
 * What a drop means for a holding as it stands.
 * `last`: the delivery that was dropped is the latest; `underneath`: one that came after it was withdrawn, so that the receiver
 * should hold what was dropped; `open`: one that came after it is under way, and may yet be withdrawn; `covered`: one that came
 * after it stands in its place, and may be dropped in its turn.
 */
type Bearing = 'last' | 'underneath' | 'open' | 'covered';

export class DroppedDeliveries {
  readonly #options: DroppedDeliveriesOptions;
  readonly #producer: OwnerProducer;

  constructor(options: DroppedDeliveriesOptions) {
    this.#options = options;
    this.#producer = new OwnerProducer(options.producer, options.isOwner);
  }

  /**
   * The end of a delivery as the next attempt about its holding, of which nothing is sent.
   *
   * | what became of it since                                        | ends as                                              |
   * |----------------------------------------------------------------|------------------------------------------------------|
   * | corrected, sent again, or ended by another request             | nothing, unless that is dropped in its turn          |
   * | a correction is open                                           | nothing yet: it is looked at again once it has ended |
   * | a correction was withdrawn, for it held already what it should | superseded: the newest revision has its step instead |
   * | nothing, and the platform refuses it                           | refused, a dead letter                               |
   * | nothing, and it may be tried again                             | retry by its ladder, or dead                         |
   * | the same, and a newer revision says nothing else worth telling | superseded: the newest revision has its step instead |
   *
   * @param standings what is held of the conversion.
   */
  end(incoming: Incoming, standings: readonly Standing[]): Underway {
    const { dropped: drop } = incoming.event;
    if (drop === null) throw new Error('a delivery that was dropped does not say how');
    const read = standings.find(({ holdingId }) => holdingId === drop.holdingId);
    if (read === undefined) {
      droppedDeliveries.inc({ result: 'moved_on' });
      return done(null);
    }
    return this.#options.oneAtATime.run(read.holdingId, async () => {
      const holding = this.#options.ledger.latest(read.holdingId, read) ?? read;
      return this.#bear(incoming, drop, holding);
    });
  }

  /** @returns when it is looked at again, epoch ms; null: never. */
  async #bear(incoming: Incoming, drop: Drop, holding: Standing): Promise<number | null> {
    switch (bearingOf(holding, incoming.event.deliveryId, drop)) {
      case 'last':
        await this.#end(incoming, drop, holding);
        return null;
      case 'underneath':
        return this.#undermine(incoming, drop, holding);
      case 'open':
        return this.#later(holding);
      case 'covered':
        return this.#whileItMayFall(holding);
    }
  }

  async #end(incoming: Incoming, drop: Drop, holding: Standing): Promise<void> {
    const { attempter, clock, random } = this.#options;
    const { mayHaveArrived } = drop;
    const standing = { ...holding, ...dropped(holding, mayHaveArrived), nextAttemptAt: null };
    const attempt = await this.#attemptOf(incoming, standing);
    const newer = drop.outcome === 'retry' && !mayHaveArrived ? await this.#newerThan(holding) : null;
    if (newer === null) {
      const judged = { mayHaveArrived, endedAt: clock.now(), random: random() };
      const outcome = outcomeOf(drop, incoming.event.lastReasonCode, judged.endedAt);
      await attempter.endUnsent(attempt, deliveryOutcome(attempt, outcome, judged));
      droppedDeliveries.inc({ result: 'ended' });
    } else await this.#supersede(attempt, newer);
  }

  /** The receiver holds what it held before, and whoever found that it holds what it should has to look again. */
  async #undermine(incoming: Incoming, drop: Drop, holding: Standing): Promise<number | null> {
    const newer = await this.#newerThan(holding);
    // The revision for which it was withdrawn is not in ClickHouse yet.
    if (newer === null) return this.#later(holding);
    const held = heldIn(drop);
    const standing = { ...holding, ...undermined(holding, held), heldBy: drop.heldBy, nextAttemptAt: null };
    await this.#supersede(await this.#attemptOf(incoming, standing), newer);
    return null;
  }

  /** Until nobody is asked any more what became of that which came after it. */
  #whileItMayFall({ destinationId, startedAt }: Standing): number | null {
    const { receivers, configuration, clock } = this.#options;
    const now = clock.now();
    const lookup = receivers.findDestination(configuration(), destinationId, now);
    const lastAfterMs = lookup.ok ? (lookup.active.definition.followUp?.lastAfterMs ?? 0) : 0;
    if (now <= (startedAt ?? 0) + lastAfterMs) return now + COVERED_LOOK_MS;
    droppedDeliveries.inc({ result: 'moved_on' });
    return null;
  }

  #later({ nextAttemptAt }: Standing): number {
    return Math.max(nextAttemptAt ?? 0, this.#options.clock.now()) + LOOK_AGAIN_MS;
  }

  async #attemptOf(
    { topic, partition, offset, headers, event: { outwardEvent } }: Incoming,
    standing: Standing,
  ): Promise<Attempt> {
    const { ledger } = this.#options;
    const { conversionId, destinationId, revision, kind, eventRevision } = standing;
    const decided = await ledger.decidedRevision(conversionId, revision);
    const isCorrection = kind !== 'event' && eventRevision !== null;
    return {
      decided,
      wire: wireOf(decided),
      askedBy: { topic, partition, offset },
      headers,
      accepts: [],
      standing,
      outwardEvent,
      delivered: isCorrection ? wireOf(await ledger.decidedRevision(conversionId, eventRevision)) : null,
      receiver: this.#liveDestination(destinationId),
    };
  }

  /** Null where it is not live any more: what is on record as delivered there was no rehearsal. */
  #liveDestination(destinationId: string): ActiveDestination | null {
    const { receivers, configuration, clock } = this.#options;
    const lookup = receivers.findDestination(configuration(), destinationId, clock.now());
    return lookup.ok && modeOf(lookup.active) === 'live' ? lookup.active : null;
  }

  /** The newest revision where it is newer than what was told: an older one never acts. */
  async #newerThan({ conversionId, revision }: Standing): Promise<ConversionDecided | null> {
    const { ledger } = this.#options;
    const newest = (await ledger.newestRevisions([conversionId])).get(conversionId) ?? 0;
    return newest > revision ? ledger.decidedRevision(conversionId, newest) : null;
  }

  async #supersede(attempt: Attempt, newer: ConversionDecided): Promise<void> {
    const { attempter, clock } = this.#options;
    const { holdingId, destinationId, event, conversionId } = attempt.standing;
    const now = clock.now();
    const step = stepRecord({ holdingId, destinationId, event }, wireOf(newer), now + STEP_MS, now);
    await this.#producer.produce([dueRecord(conversionId, step, now)]);
    await attempter.endUnsent(attempt, {
      outcome: 'superseded',
      reasonCode: 'newer_revision',
      nextAttemptAt: null,
      mayHaveArrived: false,
    });
    droppedDeliveries.inc({ result: 'superseded' });
  }
}

function bearingOf(holding: Standing, deliveryId: string, { requestId }: Drop): Bearing {
  if (isOpen(holding)) return 'open';
  const { outcome } = holding;
  if (outcome === 'delivered' && holding.deliveryId === deliveryId && holding.requestId === requestId)
    return 'last';
  // Refused or dead it is listed as wrong, and a person looks at it.
  return outcome === 'superseded' && holding.heldBy === requestId ? 'underneath' : 'covered';
}

function outcomeOf({ outcome, notBefore }: Drop, reasonCode: string | null, now: number): AttemptOutcome {
  const reason = reasonCode ?? outcome;
  if (outcome !== 'retry') return { outcome: 'refused', reason, scope: 'event' };
  return notBefore === null
    ? { outcome, reason }
    : { outcome, reason, afterMs: Math.max(0, notBefore - now) };
}

function wireOf(decided: ConversionDecided): Buffer {
  return encodeEvent('conversion.decided.v1', decided);
}
