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
import type { DeliveryEnd } from '@tributary/domain';
import type { Clock, Encryption } from '@tributary/runtime';
import type { Attempter } from './attempter.ts';
import type { Asking, Attempt, DeliveryOutcome, ReadyAttempt } from './delivery-records.ts';
import type { DestinationLanes } from './destination-lanes.ts';
import type { Admission, OutlierGuards } from './outlier-guards.ts';
import { outwardConversionOf } from './outward-conversion.ts';
import type { ActiveDestination, Receiver, ReceiverLookup, Receivers } from './receivers.ts';
import { modeOf } from './rehearsal.ts';
import type { Standing } from './send-ledger.ts';
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

  /**
   * Sends a delivery, or ends it where it is not to be sent.
   * @param standing with this attempt intended.
   * @param event the decision by which the event was delivered; null for the event itself.
   * @param isOnHold it is on record already that the guard holds it.
   */
  async send(
    asking: Asking,
    standing: Standing,
    event: ConversionDecided | null,
    place: Place,
    isOnHold = false,
  ): Promise<StepAnswer> {
    const { lanes, guards, attempter, clock, guardMs } = this.#options;
    const lookup = this.receiverOf(standing.destinationId, event ?? asking.decided);
    if (!lookup.ok) {
      const attempt = { ...attemptOf(asking, standing, event), receiver: null };
      await attempter.endUnsent(attempt, unsent('dead', lookup.reason));
      return null;
    }
    const { receiver } = lookup;
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
    await attempter.endUnsent(ready.attempt, unsent('dead', 'destination_switched_off'));
    return null;
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
  { decided, wire, askedBy, headers }: Asking,
  standing: Standing,
  event: ConversionDecided | null,
): Omit<Attempt, 'receiver'> {
  const delivered = event === null ? null : encodeEvent('conversion.decided.v1', event);
  return { decided, wire, askedBy, headers, standing, outwardEvent: standing.event, delivered };
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
