/** Takes the step of one holding: what the rules say is recorded, sent, or told when to come back. */
import type { Configuration } from '@tributary/configuration';
import { type ConversionDecided, encodeEvent } from '@tributary/contracts';
import {
  type Correction,
  envelopeOf,
  type OutwardDelivery,
  planCorrection,
  takenUntil,
  type ValidationProblem,
} from '@tributary/destinations';
import {
  AMOUNT_NAMES,
  appraiseReplay,
  begun,
  type CorrectingStep,
  correctionKey,
  type DeliveryEnd,
  type Holding,
  isGuardReason,
  isReplayable,
  nextTry,
  type OutwardValue,
  outwardStep,
  outwardValueOf,
  type ReplayAppraisal,
  type ReplayDestination,
  repeated,
  replayClassOf,
  type Tells,
  withdrawn,
} from '@tributary/domain';
import { type Clock, DependencyFailure, type Encryption } from '@tributary/runtime';
import type { Attempter } from './attempter.ts';
import type { Asking, Attempt, DeliveryOutcome, ReadyAttempt } from './delivery-records.ts';
import type { DestinationLanes } from './destination-lanes.ts';
import { openDeliveries, replayed } from './fan-out-metrics.ts';
import type { Admission, OutlierGuards } from './outlier-guards.ts';
import { outwardConversionOf } from './outward-conversion.ts';
import type { WishedHolding } from './plan.ts';
import type { Receiver, ReceiverLookup, Receivers } from './receivers.ts';
import { isRehearsal, modeOf } from './rehearsal.ts';
import type { SendLedger, Standing } from './send-ledger.ts';
import { done, goThrough, type Place, type StepAnswer, type Underway } from './underway.ts';

export interface StepsOptions {
  readonly ledger: SendLedger;
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

/** A revision of a conversion, about one holding. */
export interface StepTask extends Asking {
  readonly wished: WishedHolding;
  /** It had to wait before: of an older revision nothing follows any more. */
  readonly hasWaited: boolean;
}

/** The next attempt of an open delivery has come to its time. */
export interface RetryTask extends Asking {
  readonly attempt: number;
  readonly outwardEvent: string;
  readonly deliveryId: string;
  readonly destinationId: string;
  readonly delivered: ConversionDecided | null;
  readonly standing: Standing;
  /** Why the attempt before it did not deliver. */
  readonly lastReasonCode: string | null;
}

/** A delivery that had ended is to be attempted again, on order; `decided` is the newest revision. */
export interface ReplayTask extends StepTask {
  readonly deliveryId: string;
  /** The attempt by which it had ended. */
  readonly expectedAttempt: number;
  /** Risks that were named. */
  readonly accepts: readonly string[];
  /** Every revision of the conversion. */
  readonly revisions: readonly ConversionDecided[];
}

/** A decision has waited for a destination that cannot be sent to any more. */
export interface AbandonedTask extends Asking {
  readonly holdingId: string;
  readonly destinationId: string;
  readonly event: string;
  readonly standing: Standing | null;
  readonly reasonCode: string;
}

/** How long what is under way keeps a further record about the same holding waiting. */
const BUSY_MS = 1_000;
/** When a revision is looked for again that ClickHouse does not show yet. */
const UNSHOWN_MS = 2_000;

export class Steps {
  readonly #options: StepsOptions;
  /** Names of what is under way here, of holdings as a rule: two deliveries about one never overlap. */
  readonly #busy = new Set<string>();
  readonly #underway = new Set<Promise<unknown>>();

  constructor(options: StepsOptions) {
    this.#options = options;
  }

  /** A revision meets a holding. */
  step(task: StepTask): Underway {
    return this.alone(task.wished.deliveryId, (place) => this.#step(task, place));
  }

  /** The next attempt of a delivery; it counts only when it is the one that the holding waits for. */
  retry(task: RetryTask): Underway {
    return this.alone(task.standing.holdingId, (place) => this.#retry(task, place));
  }

  /** Ends as dead what would never be sent or ended otherwise. */
  abandon(task: AbandonedTask): Underway {
    return this.alone(task.holdingId, () => this.#abandon(task));
  }

  /** A delivery that had ended; nothing follows where the holding has moved on, or where a risk was not named. */
  replay(task: ReplayTask): Underway {
    return this.alone(task.wished.deliveryId, (place) => this.#replay(task, place));
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#underway);
  }

  /**
   * Does what must not overlap with anything else of that name here.
   * @param name of a holding, or of what else there is one of.
   */
  alone(name: string, work: (place: Place) => Promise<StepAnswer>): Underway {
    const { clock, guardMs } = this.#options;
    if (this.#busy.has(name)) return done(clock.now() + BUSY_MS);
    this.#busy.add(name);
    openDeliveries.inc();
    const place: Place = { ticket: null, isLetGo: false, early: Promise.withResolvers() };
    const ended = work(place)
      .catch((error: unknown) => this.#whenShown(error))
      .finally(() => {
        this.#busy.delete(name);
        this.#underway.delete(ended);
        openDeliveries.dec();
      });
    this.#underway.add(ended);
    // Whoever has detached it does not wait for its failure; the record that asked comes again.
    ended.catch(() => undefined);
    return {
      answer: Promise.race([ended, place.early.promise]),
      get isHeldUp() {
        return place.ticket?.isHeldUp ?? false;
      },
      detach: () => {
        place.isLetGo = true;
        const comeBackAt = place.ticket?.leave() ?? null;
        if (comeBackAt !== null) return { hasBegun: false, comeBackAt };
        return { hasBegun: true, comeBackAt: clock.now() + guardMs };
      },
    };
  }

  /** A revision that ClickHouse does not show yet keeps nobody else waiting: the record that asked comes again. */
  #whenShown(error: unknown): StepAnswer {
    const isUnshown = error instanceof DependencyFailure && error.code === 'clickhouse_behind';
    if (!isUnshown) throw error;
    return this.#options.clock.now() + UNSHOWN_MS;
  }

  async #step(task: StepTask, place: Place): Promise<StepAnswer> {
    const { ledger } = this.#options;
    const { wished, decided } = task;
    const holding = ledger.latest(wished.deliveryId, wished.holding);
    const lookup = this.#receiverOf(wished.destinationId, await this.#tellingOf(task, holding));
    const obstacleTo = (correction: Pick<CorrectingStep, 'correction' | 'held' | 'now'>) =>
      lookup.ok ? this.#obstacleTo(task, lookup.receiver, correction) : null;
    const step = outwardStep({
      revision: decided.revision,
      wish: wished.wish,
      holding,
      tells: lookup.ok ? tellsOf(lookup.receiver) : TELLS_ALL,
      isCorrectable: (correction) => obstacleTo(correction) === null,
      isRehearsal: isRehearsal(wished.active),
    });
    if (step.kind === 'idle') return null;
    if (task.hasWaited || step.kind === 'correct' || step.kind === 'give_up') {
      if (await this.#isOlder(decided)) return null;
    }
    switch (step.kind) {
      case 'resume':
        return this.#resume(task, holding, place);
      case 'wait':
        if (holding?.phase === 'ended') return (holding.nextAttemptAt ?? this.#options.clock.now()) + BUSY_MS;
        // Cut off by a crash; the record that asked for it may be of this batch, where the newer one took its place.
        return this.#tellAgain(task, holding, (cutOff) => nextTry(cutOff), place);
      case 'repeat':
        return this.#tellAgain(task, holding, (ended) => repeated(ended, decided.revision), place);
      case 'withdraw':
        await this.#withdraw(task, holding);
        return null;
      case 'event': {
        const before = step.supersedes ? await this.#withdraw(task, holding) : holding;
        const told = { kind: 'event', revision: decided.revision, told: step.value } as const;
        return this.#deliver(task, this.#opened(task, before, told), null, place);
      }
      case 'correct':
      case 'give_up': {
        const before = step.supersedes ? await this.#withdraw(task, holding) : holding;
        const told = { kind: step.correction, revision: decided.revision, told: step.now } as const;
        const opened = this.#opened(task, before, told);
        if (step.kind === 'give_up') {
          await this.#giveUp(task, opened, obstacleTo(step) ?? 'correction_not_taken');
          return null;
        }
        return this.#deliver(task, opened, await this.#eventOf(opened), place);
      }
    }
  }

  /** The delivery of this very revision is open: cut off by a crash, or waiting for its retry. */
  async #resume(task: StepTask, holding: Standing | null, place: Place): Promise<StepAnswer> {
    if (holding === null) return null;
    const { clock } = this.#options;
    // Its retry waits in the timer wheel; in case that it does not, this record comes again when that has had its time.
    const dueAt = holding.phase === 'ended' ? (holding.nextAttemptAt ?? 0) : 0;
    if (dueAt + BUSY_MS > clock.now()) return dueAt + BUSY_MS;
    const standing = { ...holding, ...nextTry(holding, holding.nextAttemptAt === null), nextAttemptAt: null };
    return this.#deliver(task, standing, await this.#eventOf(standing), place);
  }

  /** What was told last is told again, as it was, before this revision has its step. */
  async #tellAgain(
    task: StepTask,
    holding: Standing | null,
    attempt: (holding: Standing) => Holding,
    place: Place,
  ): Promise<StepAnswer> {
    if (holding === null) return null;
    const { ledger, clock } = this.#options;
    const decided = await ledger.decidedRevision(holding.conversionId, holding.revision);
    const comeBackAt = await this.#tell(task, decided, { ...holding, ...attempt(holding) }, place);
    return comeBackAt ?? clock.now() + BUSY_MS;
  }

  /** @param decided the revision that the delivery tells. */
  async #tell(
    task: Asking,
    decided: ConversionDecided,
    holding: Standing,
    place: Place,
  ): Promise<StepAnswer> {
    const wire = encodeEvent('conversion.decided.v1', decided);
    const standing = { ...holding, nextAttemptAt: null };
    return this.#deliver({ ...task, decided, wire }, standing, await this.#eventOf(standing), place);
  }

  async #replay(task: ReplayTask, place: Place): Promise<StepAnswer> {
    const { wished, decided, revisions, accepts } = task;
    const holding = this.#options.ledger.latest(wished.deliveryId, wished.holding);
    const told = revisions.find(({ revision }) => revision === holding?.revision);
    if (holding === null || told === undefined) {
      replayed.inc({ result: 'unknown' });
      return null;
    }
    if (isCutOff(task, holding))
      return this.#tell(task, told, { ...holding, ...nextTry(holding, holding.phase === 'ended') }, place);
    const appraisal = this.#appraise(task, holding, told);
    if (!isReplayable(appraisal, accepts)) {
      replayed.inc({ result: replayClassOf(appraisal) });
      // It has been told again for a conversion that has changed since: now the newest revision has its step.
      const isTold = holding.attempt > task.expectedAttempt && accepts.includes('changed_since');
      return isTold ? this.#step(task, place) : null;
    }
    const comeBackAt = await this.#tell(
      task,
      told,
      { ...holding, ...repeated(holding, decided.revision) },
      place,
    );
    if (comeBackAt !== null) return comeBackAt;
    replayed.inc({ result: 'sent' });
    const isChanged = appraisal.possible && appraisal.risks.includes('changed_since');
    return isChanged ? this.#options.clock.now() + BUSY_MS : null;
  }

  #appraise(
    { wished, decided, deliveryId, expectedAttempt, revisions }: ReplayTask,
    holding: Standing,
    told: ConversionDecided,
  ): ReplayAppraisal {
    const event = revisions.find(({ revision }) => revision === holding.eventRevision);
    const telling = holding.kind === 'event' ? told : (event ?? told);
    return appraiseReplay({
      letter: { deliveryId, attempt: expectedAttempt },
      holding,
      wish: wished.wish,
      isErased: decided.orders.erasedFor !== null,
      toldAt: told.decidedAt,
      destination: this.#replayDestination(holding, telling, told),
      now: this.#options.clock.now(),
    });
  }

  #replayDestination(
    { destinationId, kind, event }: Standing,
    telling: ConversionDecided,
    { decidedAt: toldAt }: ConversionDecided,
  ): ReplayDestination {
    const lookup = this.#receiverOf(destinationId, telling);
    if (!lookup.ok) return { kind: lookup.reason === 'destination_disabled' ? 'off' : 'gone' };
    const { receiver } = lookup;
    // What is rehearsed is not told later, and what ought to be told later is not rehearsed.
    if (isRehearsal(receiver)) return { kind: 'off' };
    // It would only be a dead letter once more.
    if (this.#options.lanes.laneOf(receiver).refusal()?.kind === 'disabled') return { kind: 'off' };
    const { definition, settings } = receiver;
    const { occurredAt } = telling;
    return {
      kind: 'active',
      tells: tellsOf(receiver),
      takenUntil: takenUntil(definition, settings, { kind, event, occurredAt, toldAt }),
      dedupWindowMs: definition.dedupWindowMs,
    };
  }

  async #retry(task: RetryTask, place: Place): Promise<StepAnswer> {
    const holding = this.#options.ledger.latest(task.standing.holdingId, task.standing);
    if (holding === null || holding.deliveryId !== task.deliveryId || !isAwaited(task, holding)) return null;
    // All events about a holding go under one id: this one may be of a revision that was superseded.
    if (holding.revision !== task.decided.revision) return null;
    const ended = holding.phase === 'intended' && holding.attempt < task.attempt;
    const proven: Standing = ended
      ? { ...holding, phase: 'ended', outcome: 'retry', mayHaveArrived: true }
      : holding;
    const standing = {
      ...proven,
      ...nextTry(proven, proven.nextAttemptAt === null && !ended),
      nextAttemptAt: null,
    };
    return this.#deliver(task, standing, task.delivered, place, isGuardReason(task.lastReasonCode));
  }

  async #abandon(task: AbandonedTask): Promise<StepAnswer> {
    const { ledger, attempter } = this.#options;
    const { holdingId, decided, reasonCode } = task;
    const holding = ledger.latest(holdingId, task.standing);
    let standing: Standing;
    if (holding === null) {
      const { revision } = decided;
      const opened = begun(null, { kind: 'event', revision, told: outwardValueOf(decided) });
      standing = { ...opened, ...placeOf(task, holdingId, holdingId), heldBy: null };
    } else if (holding.phase === 'intended' && holding.revision === decided.revision) {
      standing = { ...holding, ...nextTry(holding), nextAttemptAt: null };
      // What has ended needs no end; a retry that waits ends itself when it comes due.
    } else return null;
    await attempter.endUnsent(
      [{ ...attemptOf(task, standing, null), receiver: null }],
      unsent('dead', reasonCode),
    );
    return null;
  }

  /**
   * @param event the decision by which the event was delivered; null for the event itself.
   * @param isOnHold it is on record already that the guard holds it.
   */
  async #deliver(
    task: Asking,
    standing: Standing,
    event: ConversionDecided | null,
    place: Place,
    isOnHold = false,
  ): Promise<StepAnswer> {
    const { lanes, guards, attempter, clock, guardMs } = this.#options;
    const lookup = this.#receiverOf(standing.destinationId, event ?? task.decided);
    if (!lookup.ok) {
      const attempt = { ...attemptOf(task, standing, event), receiver: null };
      await attempter.endUnsent([attempt], unsent('dead', lookup.reason));
      return null;
    }
    const { receiver } = lookup;
    const ready = this.#readyOf(task, standing, event, receiver);
    if (!ready.ok) {
      await attempter.endUnsent([ready.attempt], unsent('refused', ready.reasonCode));
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
    const answer = await goThrough(lane, ready.attempt, place, clock.now() + guardMs);
    if (answer.kind === 'no_room') {
      admission.giveBack();
      return answer.until;
    }
    if (answer.kind === 'sent') return null;
    await attempter.endUnsent([ready.attempt], unsent('dead', 'destination_switched_off'));
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
    await this.#options.attempter.endUnsent([held], end);
  }

  #readyOf(
    task: Asking,
    standing: Standing,
    event: ConversionDecided | null,
    receiver: Receiver,
  ):
    | { readonly ok: true; readonly attempt: ReadyAttempt }
    | { readonly ok: false; readonly attempt: Attempt; readonly reasonCode: string } {
    const { encryption, clock } = this.#options;
    const { definition, settings } = receiver;
    const now = clock.now();
    const told = outwardConversionOf(event ?? task.decided, encryption);
    const conversion = modeOf(receiver) === 'test_events' ? { ...told, isTest: true } : told;
    const correction = correctionOf(standing, task.decided);
    const attempt = { ...attemptOf(task, standing, event), receiver };
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

  #opened(
    { wished, decided }: StepTask,
    before: Standing | null,
    told: { readonly kind: Holding['kind']; readonly revision: number; readonly told: OutwardValue },
  ): Standing {
    const { deliveryId: holdingId, destinationId, outwardEvent: event } = wished;
    const { conversionId, revision } = decided;
    const deliveryId =
      told.kind === 'event' ? holdingId : correctionKey(conversionId, destinationId, event, revision);
    return {
      ...begun(before, told),
      ...placeOf({ decided, destinationId, event }, holdingId, deliveryId),
      heldBy: before === null ? null : heldByNow(before),
    };
  }

  /** Ends the open delivery, which surely has not arrived. @returns the holding after. */
  async #withdraw(task: StepTask, holding: Standing | null): Promise<Standing | null> {
    if (holding === null) return null;
    const standing = { ...holding, ...withdrawn(holding), nextAttemptAt: null };
    await this.#endUnsent(task, standing, 'superseded', 'newer_revision');
    return standing;
  }

  /** The receiver takes no such correction. */
  #giveUp(task: StepTask, standing: Standing, obstacle: string): Promise<void> {
    return this.#endUnsent(task, standing, 'refused', obstacle);
  }

  #endUnsent(
    task: StepTask,
    standing: Standing,
    outcome: 'superseded' | 'refused',
    reasonCode: string,
  ): Promise<void> {
    const attempt = { ...attemptOf(task, standing, null), receiver: task.wished.active };
    return this.#options.attempter.endUnsent([attempt], unsent(outcome, reasonCode));
  }

  /** The decision that chooses among a destination's overrides: a correction goes the way its event went, whatever has become of it. */
  async #tellingOf({ decided, wished }: StepTask, holding: Standing | null): Promise<ConversionDecided> {
    const { conversionId, revision } = decided;
    const { overrides = [] } = wished.active.destination;
    const eventRevision = holding?.eventRevision ?? null;
    if (overrides.length === 0 || holding === null || eventRevision === null || holding.revision >= revision)
      return decided;
    return this.#options.ledger.decidedRevision(conversionId, eventRevision);
  }

  /** The one in force now: a long wait may lie between. */
  #receiverOf(destinationId: string, telling: ConversionDecided): ReceiverLookup {
    const { receivers, configuration, clock } = this.#options;
    return receivers.find(configuration(), destinationId, telling, clock.now());
  }

  /** Of a correction the decision by which its event was delivered; null for an event. */
  async #eventOf({ kind, conversionId, eventRevision }: Standing): Promise<ConversionDecided | null> {
    if (kind === 'event') return null;
    if (eventRevision === null) throw new Error('a correction of what was never delivered');
    return this.#options.ledger.decidedRevision(conversionId, eventRevision);
  }

  #obstacleTo(
    { wished, decided }: StepTask,
    { definition, settings }: Receiver,
    { correction: kind, held, now }: Pick<CorrectingStep, 'correction' | 'held' | 'now'>,
  ): string | null {
    const { encryption, clock } = this.#options;
    const correction: Correction = {
      kind,
      revision: decided.revision,
      deliveredAs: { deliveryId: wished.deliveryId, event: wished.outwardEvent },
      held: held.amounts,
      now: now.amounts,
      state: now.state,
      correctedAt: decided.decidedAt,
    };
    const conversion = outwardConversionOf(decided, encryption);
    const plan = planCorrection(definition, settings, { conversion, correction }, clock.now());
    return plan.possible ? null : plan.obstacle;
  }

  async #isOlder({ conversionId, revision }: ConversionDecided): Promise<boolean> {
    const newest = await this.#options.ledger.newestRevisions([conversionId]);
    return (newest.get(conversionId) ?? 0) > revision;
  }
}

/** Where nobody knows what the receiver is told: whatever has changed may have been. */
const TELLS_ALL: Tells = { amounts: AMOUNT_NAMES, state: true };

function tellsOf({ definition, settings }: Receiver): Tells {
  return { amounts: definition.amounts(settings), state: definition.tellsState?.(settings) ?? false };
}

/** What a holding is about, and the delivery that begins. */
function placeOf(
  {
    decided: { conversionId },
    destinationId,
    event,
  }: Pick<AbandonedTask, 'decided' | 'destinationId' | 'event'>,
  holdingId: string,
  deliveryId: string,
) {
  return { holdingId, conversionId, destinationId, event, deliveryId, nextAttemptAt: null, requestId: null };
}

/** The request by which the receiver came to hold what it holds; see `heldNow`. */
function heldByNow({ outcome, requestId, heldBy }: Standing): string | null {
  return outcome === 'delivered' ? requestId : heldBy;
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

/**
 * The retry that the holding waits for, or one whose attempt was cut off. A retry is on record before the end of the attempt
 * that it follows, so it is itself the proof of that end: dropped because the end is not known yet, it would be the last.
 */
function isAwaited({ attempt }: RetryTask, holding: Standing): boolean {
  const { phase, outcome, nextAttemptAt } = holding;
  // Its request was to be sent again at once, in halves or with a new token, and nothing else will do so.
  if (outcome === 'retry' && nextAttemptAt === null) return holding.attempt >= attempt;
  if (holding.attempt === attempt) return phase === 'intended';
  return holding.attempt === attempt - 1 && (phase === 'intended' || outcome === 'retry');
}

/** An attempt that the order has led to and that did not end, or whose request was to be sent again at once. */
function isCutOff({ deliveryId, expectedAttempt }: ReplayTask, holding: Standing): boolean {
  if (holding.deliveryId !== deliveryId || holding.attempt <= expectedAttempt) return false;
  return holding.phase === 'intended' || (holding.outcome === 'retry' && holding.nextAttemptAt === null);
}
