/** Brings one delivery to its lane: checked by its definition, rehearsed or held where it is not to go, ended where it cannot. */
import type { Configuration } from '@tributary/configuration';
import { type ConversionDecided, encodeEvent } from '@tributary/contracts';
import {
  type Correction,
  envelopeOf,
  type OutwardDelivery,
  planCorrection,
  type ValidationProblem,
} from '@tributary/destinations';
import { type DeliveryEnd, isRehearsable, mayGoOn } from '@tributary/domain';
import type { Clock, Encryption } from '@tributary/runtime';
import type { Attempter } from './attempter.ts';
import type { Asking, Attempt, DeliveryOutcome, ReadyAttempt } from './delivery-records.ts';
import type { DestinationLanes } from './destination-lanes.ts';
import type { Admission, OutlierGuards } from './outlier-guards.ts';
import { outwardConversionOf } from './outward-conversion.ts';
import type { ActiveDestination, Receiver, ReceiverLookup, Receivers } from './receivers.ts';
import { isRehearsal, modeOf } from './rehearsal.ts';
import { isCutOff, type Standing } from './send-ledger.ts';
import { goThrough, type Place, type StepAnswer } from './underway.ts';

export interface DispatchOptions {
  readonly attempter: Attempter;
  readonly lanes: DestinationLanes;
  readonly guards: OutlierGuards;
  readonly receivers: Receivers;
  readonly encryption: Encryption;
  readonly clock: Clock;
  readonly configuration: () => Configuration;
  /** Longer than any attempt, in milliseconds: after it one whose end is not on record is made again. */
  readonly guardMs: number;
}

/** An attempt that is to be made. */
export interface NextAttempt {
  /** With this attempt intended. */
  readonly standing: Standing;
  /** The holding before it; null: no delivery was ever begun. */
  readonly before: Standing | null;
  /** The decision by which the event was delivered; null for the event itself. */
  readonly event: ConversionDecided | null;
  /** It is on record already that the guard holds it. */
  readonly isOnHold: boolean;
  /** Where its destination was switched off it comes again, for it lies among the dead letters already. */
  readonly waitsWhereOff: boolean;
}

/** How long what waits for a destination to be switched on again rests. */
const SWITCHED_OFF_MS = 30_000;

/** For so long after a change of its destination an instance may not have seen it. */
const UNSEEN_MS = 60_000;

export class Dispatch {
  readonly #options: DispatchOptions;

  constructor(options: DispatchOptions) {
    this.#options = options;
  }

  /** The one in force now: a long wait may lie between. */
  receiverOf(destinationId: string, telling: ConversionDecided): ReceiverLookup {
    const { receivers, configuration, clock } = this.#options;
    return receivers.find(configuration(), destinationId, telling, clock.now());
  }

  /** Sends a delivery, or ends it where it is not to be sent. */
  async send(asking: Asking, next: NextAttempt, place: Place): Promise<StepAnswer> {
    const { lanes, guards, attempter, clock, guardMs } = this.#options;
    const { standing, event, isOnHold, waitsWhereOff } = next;
    const lookup = this.receiverOf(standing.destinationId, event ?? asking.decided);
    if (!lookup.ok) {
      await this.endUnsent(asking, standing, null, 'dead', lookup.reason);
      return null;
    }
    const { receiver } = lookup;
    if (isRehearsal(receiver) && !this.#isRehearsable(asking, next)) {
      // Without its receiver: what was to be told live is no test, and ends as what it is.
      await this.endUnsent(asking, standing, null, 'dead', 'destination_not_live');
      return null;
    }
    if (this.#wouldCountTwice(asking, standing, receiver)) {
      await this.endUnsent(asking, standing, receiver, 'dead', 'would_double_count');
      return null;
    }
    const ready = this.#readyOf(asking, standing, event, receiver);
    if (!ready.ok) {
      await attempter.endUnsent(ready.attempt, unsent('refused', ready.reasonCode));
      return null;
    }
    if (modeOf(receiver) === 'dry_run') {
      await attempter.rehearse(ready.attempt);
      return null;
    }
    const admission = guards.admit(ready.attempt);
    if (admission.kind === 'hold') {
      if (!isOnHold) await this.#hold(ready.attempt, admission);
      return isOnHold ? admission.checkAt : null;
    }
    const lane = lanes.laneOf(receiver);
    const answer = await goThrough(lane, ready.attempt, place, clock.now() + guardMs).catch(
      (error: unknown) => {
        admission.giveBack();
        throw error;
      },
    );
    if (answer.kind === 'sent') return null;
    admission.giveBack();
    if (answer.kind === 'no_room') return answer.until;
    if (waitsWhereOff) return clock.now() + SWITCHED_OFF_MS;
    await attempter.endUnsent(ready.attempt, unsent('dead', 'destination_switched_off'));
    return null;
  }

  /** Whether a rehearsal takes nothing away: what was to be told while the destination was live would never be told. */
  #isRehearsable({ decided }: Asking, { standing: { destinationId }, before }: NextAttempt): boolean {
    if (before === null || isRehearsable(before)) return !this.#wasLive(destinationId, decided.decidedAt);
    // One that was cut off may be a test event; where that is in doubt it is none.
    const { startedAt } = before;
    if (!isCutOff(before) || startedAt === null) return false;
    return ![startedAt - UNSEEN_MS, startedAt].some((at) => this.#wasLive(destinationId, at));
  }

  #wasLive(destinationId: string, at: number): boolean {
    const revision = this.#options.configuration().revision('destination', destinationId, at);
    const destination = revision?.entity ?? null;
    return destination !== null && destination.status === 'active' && !isRehearsal({ destination });
  }

  /** An earlier attempt may have arrived, the receiver promises no more to recognise it, and nobody has taken that risk. */
  #wouldCountTwice({ decided, accepts }: Asking, { mayHaveArrived }: Standing, receiver: Receiver): boolean {
    if (!mayHaveArrived || isRehearsal(receiver) || accepts.includes('would_double_count')) return false;
    const { dedupWindowMs } = receiver.definition;
    return !mayGoOn({ toldAt: decided.decidedAt, dedupWindowMs, now: this.#options.clock.now() });
  }

  /** Puts on record that the guard holds it, and has it come again; that uses up no try. */
  async #hold(
    attempt: ReadyAttempt,
    { reason, checkAt }: Extract<Admission, { kind: 'hold' }>,
  ): Promise<void> {
    const { standing } = attempt;
    const held = { ...attempt, standing: { ...standing, tries: standing.tries - 1 } };
    const end = {
      outcome: 'retry',
      reasonCode: reason,
      nextAttemptAt: checkAt,
      mayHaveArrived: false,
    } as const;
    await this.#options.attempter.endUnsent(held, end);
  }

  #readyOf(
    asking: Asking,
    standing: Standing,
    event: ConversionDecided | null,
    receiver: Receiver,
  ):
    | { readonly ok: true; readonly attempt: ReadyAttempt }
    | { readonly ok: false; readonly attempt: Attempt; readonly reasonCode: string } {
    const { encryption, clock } = this.#options;
    const { definition, settings } = receiver;
    const now = clock.now();
    const told = outwardConversionOf(event ?? asking.decided, encryption);
    const conversion = modeOf(receiver) === 'test_events' ? { ...told, isTest: true } : told;
    const correction = correctionOf(standing, asking.decided);
    const attempt = { ...attemptOf(asking, standing, event), receiver };
    const refused = (reasonCode: string) => ({ ok: false, attempt, reasonCode }) as const;
    let name = standing.event;
    if (correction === null) {
      const [problem] = definition.validate({ conversion, event: name, settings, now });
      if (problem !== undefined) return refused(`invalid_${problem.code}:${problem.field}`);
    } else {
      // A definition is not asked to validate corrections; but one that cannot mark a test would change what counts.
      const unmarkable = testProblem(definition.validate({ conversion, event: name, settings, now }));
      if (conversion.isTest && unmarkable !== undefined)
        return refused(`invalid_${unmarkable.code}:${unmarkable.field}`);
      const plan = planCorrection(definition, settings, { conversion, correction }, now);
      if (!plan.possible) return refused(plan.obstacle);
      name = plan.event;
    }
    const outward: OutwardDelivery = { deliveryId: standing.deliveryId, event: name, conversion, correction };
    // A request goes by the settings of one override.
    const envelope = JSON.stringify([receiver.override, envelopeOf(definition, outward, settings)]);
    return { ok: true, attempt: { ...attempt, outwardEvent: name, outward, envelope } };
  }

  /** Ends an attempt of which nothing is sent. @param active null where there is no destination any more. */
  endUnsent(
    asking: Asking,
    standing: Standing,
    active: ActiveDestination | null,
    outcome: DeliveryEnd,
    reasonCode: string,
  ): Promise<void> {
    const attempt = { ...attemptOf(asking, standing, null), receiver: active };
    return this.#options.attempter.endUnsent(attempt, unsent(outcome, reasonCode));
  }
}

/** @param event the decision by which the event was delivered; null for the event itself. */
function attemptOf(
  { decided, wire, askedBy, headers, accepts }: Asking,
  standing: Standing,
  event: ConversionDecided | null,
): Omit<Attempt, 'receiver'> {
  const delivered = event === null ? null : encodeEvent('conversion.decided.v1', event);
  return { decided, wire, askedBy, headers, accepts, standing, outwardEvent: standing.event, delivered };
}

function testProblem(problems: readonly ValidationProblem[]): ValidationProblem | undefined {
  return problems.find(({ code }) => code === 'test_not_possible');
}

/** How a delivery ends of which this attempt was not made. */
function unsent(outcome: DeliveryEnd, reasonCode: string): DeliveryOutcome {
  return { outcome, reasonCode, nextAttemptAt: null, mayHaveArrived: false };
}

function correctionOf(standing: Standing, { decidedAt }: ConversionDecided): Correction | null {
  const { kind, revision, holdingId, event, held, told } = standing;
  if (kind === 'event') return null;
  if (held === null) throw new Error('a correction of what was never delivered');
  return {
    kind,
    revision,
    deliveredAs: { deliveryId: holdingId, event },
    held: held.amounts,
    now: told.amounts,
    state: told.state,
    correctedAt: decidedAt,
  };
}
