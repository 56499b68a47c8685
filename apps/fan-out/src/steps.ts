/** Takes the step of one holding: what the rules say is recorded, sent, or told when to come back. */
import { type ConversionDecided, encodeEvent } from '@tributary/contracts';
import { type Correction, planCorrection } from '@tributary/destinations';
import {
  AMOUNT_NAMES,
  begun,
  type CorrectingStep,
  correctionKey,
  type Holding,
  isGuardReason,
  isOpen,
  isRecognised,
  isReplayable,
  isUncertain,
  nextTry,
  type OutwardValue,
  outwardStep,
  repeated,
  replayClassOf,
  type Tells,
  withdrawn,
} from '@tributary/domain';
import type { Clock, Encryption } from '@tributary/runtime';
import type { Asking } from './delivery-records.ts';
import type { Dispatch } from './dispatch.ts';
import { replayed } from './fan-out-metrics.ts';
import type { OneAtATime } from './one-at-a-time.ts';
import { outwardConversionOf } from './outward-conversion.ts';
import type { WishedHolding } from './plan.ts';
import { type Receiver, type ReceiverLookup, tellsOf } from './receivers.ts';
import { isRehearsal } from './rehearsal.ts';
import { appraisalOf, hasLapsed, isCutOffReplay } from './replay-appraisal.ts';
import { isCutOff, type SendLedger, type Standing, UNRECORDED } from './send-ledger.ts';
import type { ReplayTask, RetryTask, StepTask } from './step-tasks.ts';
import { BUSY_MS, type Place, type StepAnswer, type Underway } from './underway.ts';

/** Longer than a retry is late where fan-out is busy. */
const OVERDUE_MS = 300_000;
const OVERDUE_PAUSE_MS = 60_000;

export interface StepsOptions {
  readonly ledger: SendLedger;
  readonly dispatch: Dispatch;
  readonly oneAtATime: OneAtATime;
  readonly encryption: Encryption;
  readonly clock: Clock;
}

export class Steps {
  readonly #options: StepsOptions;

  constructor(options: StepsOptions) {
    this.#options = options;
  }

  /** A revision meets a holding. */
  step(task: StepTask): Underway {
    return this.#options.oneAtATime.run(task.wished.deliveryId, (place) => this.#step(task, place));
  }

  /** The next attempt of a delivery; it counts only when it is the one that the holding waits for. */
  retry(task: RetryTask): Underway {
    return this.#options.oneAtATime.run(task.standing.holdingId, (place) => this.#retry(task, place));
  }

  /** A delivery that had ended; nothing follows where the holding has moved on, or where a risk was not named. */
  replay(task: ReplayTask): Underway {
    const { deliveryId } = task.renamed ?? task.wished;
    return this.#options.oneAtATime.run(deliveryId, (place) => this.#replay(task, place));
  }

  /** @param waitsWhereOff as in {@link NextAttempt}; of what begins with this. */
  async #step(task: StepTask, place: Place, waitsWhereOff = false): Promise<StepAnswer> {
    const { ledger } = this.#options;
    const { wished, decided } = task;
    const holding = ledger.latest(wished.deliveryId, wished.holding);
    const lookup = this.#options.dispatch.receiverOf(
      wished.destinationId,
      await this.#tellingOf(task, holding),
    );
    const obstacleTo = (correction: Pick<CorrectingStep, 'correction' | 'held' | 'now'>) =>
      lookup.ok ? this.#obstacleTo(task, lookup.receiver, correction) : null;
    const step = outwardStep({
      revision: decided.revision,
      wish: wished.wish,
      holding,
      tells: lookup.ok ? tellsOf(lookup.receiver) : TELLS_ALL,
      isCorrectable: (correction) => obstacleTo(correction) === null,
      isRehearsal: isRehearsal(wished.active),
      isRecognised: await this.#isRecognised(holding, lookup),
    });
    if (step.kind === 'idle') return null;
    if (task.hasWaited || step.kind === 'correct' || step.kind === 'give_up') {
      if (await this.#isOlder(decided)) return null;
    }
    switch (step.kind) {
      case 'resume':
        return this.#resume(task, holding, place);
      case 'wait':
        if (holding?.phase === 'ended' && holding.nextAttemptAt !== null)
          return askAgainAt(holding.nextAttemptAt, this.#options.clock.now());
        // Cut off by a crash; the record that asked for it may be of this batch, where the newer one took its place.
        return this.#tellAgain(task, holding, afterCutOff, place);
      case 'repeat':
        return this.#tellAgain(task, holding, (ended) => repeated(ended, decided.revision), place);
      case 'withdraw':
        await this.#withdraw(task, holding);
        return null;
      case 'event': {
        const before = step.supersedes ? await this.#withdraw(task, holding) : holding;
        const told = { kind: 'event', revision: decided.revision, told: step.value } as const;
        return this.#send(task, before, this.#opened(task, before, told), place, waitsWhereOff);
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
        return this.#send(task, before, opened, place);
      }
    }
  }

  /** Of all but what has ended and may have arrived nothing depends on it. */
  async #isRecognised(holding: Standing | null, lookup: ReceiverLookup): Promise<boolean> {
    if (holding === null || isOpen(holding) || !isUncertain(holding) || !lookup.ok) return false;
    const { dedupWindowMs } = lookup.receiver.definition;
    if (dedupWindowMs === null) return false;
    const { ledger, clock } = this.#options;
    const { decidedAt: toldAt } = await ledger.decidedRevision(holding.conversionId, holding.revision);
    return isRecognised({ toldAt, dedupWindowMs, now: clock.now() });
  }

  /** @param standing with the attempt intended that follows `before`. */
  async #send(
    asking: Asking,
    before: Standing | null,
    standing: Standing,
    place: Place,
    waitsWhereOff = false,
  ): Promise<StepAnswer> {
    const event = await this.#eventOf(standing);
    return this.#options.dispatch.send(
      asking,
      { standing, before, event, isOnHold: false, waitsWhereOff },
      place,
    );
  }

  /** The delivery of this very revision is open: cut off by a crash, or waiting for its retry. */
  async #resume(task: StepTask, holding: Standing | null, place: Place): Promise<StepAnswer> {
    if (holding === null) return null;
    const { clock } = this.#options;
    // Its retry waits in the timer wheel; in case that it does not, this record comes again when that has had its time.
    const dueAt = holding.phase === 'ended' ? (holding.nextAttemptAt ?? 0) : 0;
    if (dueAt + BUSY_MS > clock.now()) return dueAt + BUSY_MS;
    const standing = { ...holding, ...nextTry(holding, holding.nextAttemptAt === null), nextAttemptAt: null };
    return this.#send(task, holding, standing, place);
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
    const comeBackAt = await this.#tell(task, decided, holding, attempt(holding), place);
    return comeBackAt ?? clock.now() + BUSY_MS;
  }

  /**
   * @param decided the revision that the delivery tells.
   * @param waitsWhereOff as in {@link NextAttempt}.
   */
  async #tell(
    task: Asking,
    decided: ConversionDecided,
    before: Standing,
    attempt: Holding,
    place: Place,
    waitsWhereOff = false,
  ): Promise<StepAnswer> {
    const wire = encodeEvent('conversion.decided.v1', decided);
    return this.#send(
      { ...task, decided, wire },
      before,
      { ...before, ...attempt, nextAttemptAt: null },
      place,
      waitsWhereOff,
    );
  }

  async #replay(task: ReplayTask, place: Place): Promise<StepAnswer> {
    const { wished, renamed, decided, revisions, accepts } = task;
    const holding = this.#options.ledger.latest(wished.deliveryId, wished.holding);
    const told = revisions.find(({ revision }) => revision === holding?.revision);
    if (holding === null || told === undefined) {
      replayed.inc({ result: 'unknown' });
      return null;
    }
    // What the order has led to is brought to its end, whatever has changed since.
    if (isCutOffReplay(task, holding)) return this.#tell(task, told, holding, afterCutOff(holding), place);
    if (renamed !== null && this.#isCutOff(renamed)) {
      return this.#replayRenamed({ ...task, wished: renamed }, holding, place);
    }
    const { wish } = renamed ?? wished;
    const appraisal = appraisalOf({ ...task, wished: { ...wished, wish } }, holding, told, this.#options);
    if (!isReplayable(appraisal, accepts)) {
      replayed.inc({ result: replayClassOf(appraisal) });
      // It has been told again for a conversion that has changed since: now the newest revision has its step.
      const isTold = holding.attempt > task.expectedAttempt && accepts.includes('changed_since');
      return isTold ? this.#step({ ...task, accepts: [] }, place) : null;
    }
    if (hasLapsed(task, this.#options.clock.now())) {
      replayed.inc({ result: 'lapsed' });
      return null;
    }
    if (renamed !== null) return this.#replayRenamed({ ...task, wished: renamed }, holding, place);
    const again = repeated(holding, decided.revision);
    const comeBackAt = await this.#tell(task, told, holding, again, place, true);
    if (comeBackAt !== null) return comeBackAt;
    replayed.inc({ result: 'sent' });
    const isChanged = appraisal.possible && appraisal.risks.includes('changed_since');
    return isChanged ? this.#options.clock.now() + BUSY_MS : null;
  }

  /** Begins the event under its new name, and then puts on record that nothing is to come of the old one. */
  async #replayRenamed(task: StepTask, old: Standing, place: Place): Promise<StepAnswer> {
    const { ledger, dispatch } = this.#options;
    const { deliveryId, holding, active } = task.wished;
    const comeBackAt = await this.#step(task, place, true);
    if (comeBackAt !== null) return comeBackAt;
    if (ledger.latest(deliveryId, holding) === null) {
      replayed.inc({ result: 'superseded' });
      return null;
    }
    const ended = { ...old, ...withdrawn(old), nextAttemptAt: null };
    await dispatch.endUnsent(task, ended, active, 'superseded', 'event_renamed');
    replayed.inc({ result: 'sent' });
    return null;
  }

  #isCutOff({ deliveryId, holding }: WishedHolding): boolean {
    const latest = this.#options.ledger.latest(deliveryId, holding);
    return latest !== null && isCutOff(latest);
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
    const isOnHold = isGuardReason(task.lastReasonCode);
    return this.#options.dispatch.send(
      task,
      { standing, before: holding, event: task.delivered, isOnHold, waitsWhereOff: false },
      place,
    );
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
      ...UNRECORDED,
      holdingId,
      conversionId,
      destinationId,
      event,
      deliveryId,
      nextAttemptAt: null,
      heldBy: before === null ? null : heldByNow(before),
    };
  }

  /** Ends the open delivery, which surely has not arrived. @returns the holding after. */
  async #withdraw(task: StepTask, holding: Standing | null): Promise<Standing | null> {
    if (holding === null) return null;
    const standing = { ...holding, ...withdrawn(holding), nextAttemptAt: null };
    await this.#options.dispatch.endUnsent(
      task,
      standing,
      task.wished.active,
      'superseded',
      'newer_revision',
    );
    return standing;
  }

  /** The receiver takes no such correction. */
  #giveUp(task: StepTask, standing: Standing, obstacle: string): Promise<void> {
    return this.#options.dispatch.endUnsent(task, standing, task.wished.active, 'refused', obstacle);
  }

  /** The decision that chooses among a destination's overrides: a correction goes the way its event went, whatever has become of it. */
  async #tellingOf({ decided, wished }: StepTask, holding: Standing | null): Promise<ConversionDecided> {
    const { conversionId, revision } = decided;
    const { overrides = [] } = wished.active?.destination ?? {};
    const eventRevision = holding?.eventRevision ?? null;
    if (overrides.length === 0 || holding === null || eventRevision === null || holding.revision >= revision)
      return decided;
    return this.#options.ledger.decidedRevision(conversionId, eventRevision);
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

/** What a guard holds keeps the time it was due at, and may be held for days: it is asked after less often then. */
function askAgainAt(dueAt: number, now: number): number {
  return Math.max(dueAt, now) + (now - dueAt > OVERDUE_MS ? OVERDUE_PAUSE_MS : BUSY_MS);
}

/** The next attempt of one that was cut off; for free where its request was to be sent again at once. */
function afterCutOff(holding: Standing): Holding {
  return nextTry(holding, holding.phase === 'ended');
}

/** The request by which the receiver came to hold what it holds; see `heldNow`. */
function heldByNow({ outcome, requestId, heldBy }: Standing): string | null {
  return outcome === 'delivered' ? requestId : heldBy;
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
