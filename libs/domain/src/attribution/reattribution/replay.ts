/** The replay of a lane: its recorded steps decided again, by the same rules to the same bytes, by others to what would have been. */

import type { CapUse } from '../caps.ts';
import { type CandidateClick, type Conversion, NO_ORDERS, type Orders } from '../conversion.ts';
import type { ExchangeRates } from '../exchange.ts';
import { eventTypeOf, judgedAtOf, takesBack } from '../facts.ts';
import { deadlineIn, InMemoryLedger } from '../in-memory-ledger.ts';
import type { AdvertiserRules, ConfiguredRules, Judgement } from '../known-facts.ts';
import type { Moment } from '../moment.ts';
import { inLogOrder } from '../neighbours.ts';
import { compareText, isSame } from '../ordering.ts';
import type { Counter } from '../preloading.ts';
import { type Command, type Input, type Result, reduce } from '../reducer.ts';
import type { OfferTerms } from '../terms.ts';
import type { TierUse } from '../tier-use.ts';
import type { ReplayRules } from './changed-rules.ts';
import { isOfPostback, type RecordedLane, type Step, scheduleOf } from './schedule.ts';
import { clicksSeenBy, type SightBy, Sightings } from './sightings.ts';

/** What caps and tiers had given away before the first step. */
export interface Counters {
  readonly capUses: readonly Counter<CapUse>[];
  readonly tierUses: readonly Counter<TierUse>[];
}

export const NO_COUNTERS: Counters = { capUses: [], tierUses: [] };

/** A lane as the replay leaves it. */
export interface Replayed {
  /** The latest revision of every conversion it has decided, by id. */
  readonly decided: ReadonlyMap<string, Conversion>;
  /** Revisions that came out as they are on record. */
  readonly asRecorded: number;
  /** Revisions that did not, or are not on record. */
  readonly otherwise: number;
}

/**
 * Decides the lane again.
 *
 * What is on record says when each step was, what it was about and which clicks it saw; that is given to the reducer, and by
 * the same rules it comes to what is on record. By other rules it may not: then a step sees what had been received by then.
 *
 * A conversion that comes out otherwise has no recorded steps of its own to end its waiting. It sees the clicks of its person
 * at once, and its deadlines pass when they are due.
 *
 * @param asOf until when deadlines pass.
 */
export function replay(
  recorded: RecordedLane,
  rules: ReplayRules,
  asOf: number,
  counters: Counters = NO_COUNTERS,
): Replayed {
  return new Replay(recorded, rules, counters).run(asOf);
}

/** What is true at a step, beside what is on record. */
interface Surroundings {
  readonly clicks: SightBy;
  /** `recorded`: as far as a condition that expired then needs it. */
  readonly laneRead: 'recorded' | 'as_expected';
}

/**
 * In the order in which they are tried. The first is what the record says; the others are for what it leaves open: a click
 * that has left the store since, or one that is not its advertiser's and was visible before its own conversion was decided.
 */
const AS_RECORDED: readonly Surroundings[] = (['record', 'step', 'receipt'] as const).map((clicks) => ({
  clicks,
  laneRead: 'recorded',
}));
const EXPECTED: Surroundings = { clicks: 'receipt', laneRead: 'as_expected' };

type InputAt = (at: Moment) => Input;

/** A ledger whose clicks show as they showed then. */
class ReplayedLedger extends InMemoryLedger {
  isVisible: (click: CandidateClick) => boolean = () => true;

  /** A receipt is given twice only where it was decided twice, since its first verdict had not arrived. */
  override judgement(): Judgement | undefined {
    return undefined;
  }

  override click(clickId: string): CandidateClick | undefined {
    const click = super.click(clickId);
    return click !== undefined && this.isVisible(click) ? click : undefined;
  }

  override clicksOfCustomer(key: string): readonly CandidateClick[] {
    return super.clicksOfCustomer(key).filter((click) => this.isVisible(click));
  }

  override clicksOfSubject(key: string): readonly CandidateClick[] {
    return super.clicksOfSubject(key).filter((click) => this.isVisible(click));
  }
}

/** The rules of the step that is being decided. */
class RulesOfStep implements ConfiguredRules {
  rules: ConfiguredRules | null = null;

  advertiser(advertiserId: string, at: number): AdvertiserRules {
    return this.#ofStep.advertiser(advertiserId, at);
  }

  terms(offerId: string, eventType: string, at: number): OfferTerms | null {
    return this.#ofStep.terms(offerId, eventType, at);
  }

  rates(at: number): ExchangeRates {
    return this.#ofStep.rates(at);
  }

  get #ofStep(): ConfiguredRules {
    if (this.rules === null) throw new Error('no step is being decided');
    return this.rules;
  }
}

class Replay {
  readonly #rules: ReplayRules;
  readonly #inForce = new RulesOfStep();
  readonly #ledger: ReplayedLedger;
  readonly #steps: readonly Step[];
  readonly #sightings: Sightings;
  /** By id and revision, also those from before the first step. */
  readonly #recorded: ReadonlyMap<string, Conversion>;
  readonly #decided = new Map<string, Conversion>();
  /** Conversions that wait, and have come out otherwise than recorded. */
  readonly #waiting = new Map<string, Conversion>();
  /** No deadline of those that wait is earlier. */
  #nextDeadline = Number.POSITIVE_INFINITY;
  #laneReadUntil = 0;
  /** Revisions that came out as they are on record. */
  readonly #asRecorded = new Set<string>();
  #otherwise = 0;

  constructor(lane: RecordedLane, rules: ReplayRules, { capUses, tierUses }: Counters) {
    this.#rules = rules;
    this.#ledger = new ReplayedLedger(this.#inForce);
    this.#steps = scheduleOf(lane);
    this.#recorded = new Map([...lane.before, ...lane.revisions].map((each) => [keyOf(each), each]));
    this.#sightings = new Sightings(lane.before, this.#steps, (revision) => this.#previousOf(revision));
    for (const conversion of lane.before) this.#ledger.restore(conversion);
    for (const click of lane.clicks) this.#ledger.showClick(click);
    for (const { outcome } of lane.revisions)
      if (outcome.winner !== null) this.#ledger.showClick(outcome.winner);
    for (const { key, periodStart, use } of capUses) this.#ledger.restoreCapUse(key, periodStart, use);
    for (const { key, periodStart, use } of tierUses) this.#ledger.restoreTierUse(key, periodStart, use);
  }

  run(asOf: number): Replayed {
    for (const [index, step] of this.#steps.entries()) {
      this.#passDeadlines(step.now, index, step);
      const revised = this.#decide(step, index);
      this.#showPersons(new Set([...revised, ...this.#keepWaiting(step)]), step, index);
    }
    const last = this.#steps.at(-1);
    if (last !== undefined) this.#end(asOf, last);
    return { decided: this.#decided, asRecorded: this.#asRecorded.size, otherwise: this.#otherwise };
  }

  /** What came after a decision that is not on record is seen now, as far as it still counts: touches of the person above all. */
  #end(asOf: number, last: Step): void {
    const index = this.#steps.length;
    this.#passDeadlines(asOf, index, last);
    const otherwise = [...this.#decided.values()].filter(
      (revision) => !this.#isAsRecorded(revision) && !takesBack(revision),
    );
    for (const { conversionId } of inLogOrder(otherwise))
      this.#instant(conversionId, { ...last, postback: null, now: asOf, recorded: [] }, index);
  }

  /** @returns the conversions that have a new revision. */
  #decide(step: Step, index: number): ReadonlySet<string> {
    if (step.postback === null) return this.#decideTurn(step, index);
    const { report } = step.postback;
    const input: InputAt = (at) => ({ kind: 'postback', report, at });
    const revised = this.#keep(
      this.#tryAsRecorded(step, index, input) ?? this.#try(step, index, EXPECTED, input),
    );
    this.#laneReadUntil = Math.max(this.#laneReadUntil, report.receivedAt);
    return new Set(revised);
  }

  /**
   * The inputs of a turn were given in log order of the conversions they were about. Which revision is that of a neighbour only
   * is on record nowhere: one that its own input does not bring about waits for that of another.
   */
  #decideTurn(step: Step, index: number): ReadonlySet<string> {
    const revised = new Set<string>();
    let targets = step.recorded;
    for (let hasRevised = true; hasRevised; ) {
      const putOff: Conversion[] = [];
      hasRevised = false;
      for (const target of targets) {
        if (this.#isAsRecorded(target)) continue;
        const given = this.#give(target, step, index);
        for (const conversionId of given ?? []) revised.add(conversionId);
        if (given === null || !(this.#rules.areOther || this.#isAsRecorded(target))) putOff.push(target);
        if (given !== null) hasRevised = true;
      }
      targets = putOff;
    }
    for (const target of targets)
      for (const conversionId of this.#giveAnyway(target, step, index)) revised.add(conversionId);
    return revised;
  }

  #isAsRecorded(target: Conversion): boolean {
    return this.#asRecorded.has(keyOf(target));
  }

  /** @returns what has a new revision by the input that the target is about; null where it is to be put off. */
  #give(target: Conversion, step: Step, index: number): readonly string[] | null {
    for (const input of this.#inputsFor(target, step)) {
      const result = this.#tryAsRecorded(step, index, input);
      if (result !== null) return this.#keep(result);
    }
    return this.#rules.areOther ? this.#giveAnyway(target, step, index) : null;
  }

  #giveAnyway(target: Conversion, step: Step, index: number): readonly string[] {
    const [input] = this.#inputsFor(target, step);
    return input === undefined ? [] : this.#keep(this.#try(step, index, EXPECTED, input));
  }

  /** What may have led to the recorded revision, the likeliest first; none for a neighbour of what a turn was about. */
  #inputsFor(target: Conversion, step: Step): readonly InputAt[] {
    const { conversionId, lane, decidedAt } = target;
    switch (decidedAt.trigger) {
      case 'deadline':
        return [(at) => ({ kind: 'instant', conversionId, at: { ...at, watermarkReached: true } })];
      case 'late_click':
        return this.#newClicksOf(target).map((clickId) => (at) => ({ kind: 'click', clickId, lane, at }));
      default:
        return this.#commandsFor(target, step).map((command) => (at) => ({ kind: 'command', command, at }));
    }
  }

  /** Clicks that the revision saw and the one before it did not; the one it names first. */
  #newClicksOf(target: Conversion): readonly string[] {
    const previous = this.#previousOf(target);
    const known = new Set(previous === undefined ? [] : clicksSeenBy(previous));
    const { clickId } = target.facts;
    return [...new Set(clicksSeenBy(target))]
      .filter((each) => !known.has(each))
      .toSorted((a, b) => Number(b === clickId) - Number(a === clickId) || compareText(a, b));
  }

  #commandsFor(target: Conversion, step: Step): readonly Command[] {
    if (!this.#isOrdered(target) && step.recorded.some((each) => this.#isOrdered(each))) return [];
    const command = this.#commandFor(target);
    return command === null ? [] : [command];
  }

  /** A neighbour of what was ordered is only decided again. An order that is given twice looks like that too. */
  #isOrdered(target: Conversion): boolean {
    return !isSame(this.#ordersBefore(target), target.orders);
  }

  #ordersBefore(target: Conversion): Orders {
    return this.#previousOf(target)?.orders ?? NO_ORDERS;
  }

  #previousOf({ conversionId, revision }: Conversion): Conversion | undefined {
    return this.#recorded.get(keyOf({ conversionId, revision: revision - 1 }));
  }

  /** The order as its execution has left it on record; null where there is none. */
  #commandFor(target: Conversion): Command | null {
    const { conversionId, orders, outcome, facts, decidedAt, ...scope } = target;
    const { clickId, terms, model, ruling } = orders;
    if (orders.reasonCodes.length === 0 && orders.erasedFor === null) return null;
    const eventType = eventTypeOf(facts);
    const at = judgedAtOf(facts);
    const offerId = outcome.winner?.offerId ?? terms?.offerId ?? '';
    const inForce = this.#rules.byVersion(decidedAt.configurationVersion).terms(offerId, eventType, at);
    const before = this.#ordersBefore(target);
    const isErasure = orders.erasedFor !== null && before.erasedFor === null;
    const reason = (isErasure ? orders.erasedFor : orders.reasonCodes[0]) ?? '';
    return {
      command: isErasure
        ? 'erase'
        : ruling !== null && isRuling(before, orders)
          ? COMMAND_OF[ruling]
          : 'reattribute',
      advertiserId: scope.advertiserId,
      isTest: scope.isTest,
      conversionId,
      expectedRevision: null,
      clickId,
      model: model === null ? null : this.#rules.orderedModel(model, inForce, eventType, at),
      terms: terms === null ? null : this.#rules.ordered(terms, eventType, at),
      reasonCode: reason.replace(/^ordered:/, ''),
    };
  }

  /** Null where no surroundings lead to what the step has on record. */
  #tryAsRecorded(step: Step, index: number, inputAt: InputAt): Result | null {
    for (const surroundings of AS_RECORDED) {
      const result = this.#recordedPart(step, this.#try(step, index, surroundings, inputAt));
      if (result !== null) return result;
    }
    return null;
  }

  #try(step: Step, index: number, surroundings: Surroundings, inputAt: InputAt): Result {
    const { clicks } = surroundings;
    this.#inForce.rules = this.#rules.byVersion(step.configurationVersion);
    this.#ledger.isVisible = (click) => this.#sightings.isVisible(click, index, step.now, clicks);
    return reduce(this.#ledger, inputAt(this.#moment(step, surroundings)));
  }

  #moment(step: Step, { laneRead }: Surroundings): Moment {
    const { now, position, configurationVersion } = step;
    const expected = step.postback === null ? now : this.#laneReadUntil;
    const laneReadUntil = laneRead === 'recorded' ? this.#readUntilIn(step) : expected;
    return { now, watermarkReached: false, laneReadUntil, position, configurationVersion };
  }

  /**
   * How far the lane was read at least: to the last of the deadlines that passed at the step, of conditions and of reversals
   * without their original. It was not read to any that did not, so this much decides them all as the truth did.
   */
  #readUntilIn({ recorded }: Step): number {
    const passed = recorded.flatMap((revision) => {
      const before = new Set(laneDeadlinesOf(this.#previousOf(revision)));
      return laneDeadlinesOf(revision).filter((deadline) => !before.has(deadline));
    });
    return Math.max(0, ...passed);
  }

  /**
   * The part of a result that the step has on record; null where it is not as recorded. A postback leads to all that its step
   * has, any other input to a part of it. What is on record for a later turn had not arrived, and is left to it.
   */
  #recordedPart({ postback, recorded }: Step, { judgement, revisions }: Result): Result | null {
    const own = revisions.filter((revision) => this.#isRecorded(revision));
    const isWhole = postback === null ? own.length > 0 : own.length === recorded.length;
    if (!isWhole || !revisions.every((each) => own.includes(each) || this.#isDecidedLater(each))) return null;
    return { judgement, revisions: own };
  }

  #isRecorded(revision: Conversion): boolean {
    return isSame(this.#recorded.get(keyOf(revision)), revision);
  }

  #isDecidedLater(revision: Conversion): boolean {
    const recorded = this.#recorded.get(keyOf(revision));
    const { decidedAt } = revision;
    if (recorded === undefined || recorded.decidedAt.now <= decidedAt.now) return false;
    const { offset } = recorded.decidedAt.position;
    const isOfOnePostback =
      isOfPostback(recorded) && isOfPostback(revision) && offset === decidedAt.position.offset;
    return isOfOnePostback || isSame({ ...recorded, decidedAt }, revision);
  }

  /** @returns the conversions that have a new revision. */
  #keep(result: Result): readonly string[] {
    this.#ledger.apply(result);
    for (const revision of result.revisions) {
      const { conversionId } = revision;
      this.#decided.set(conversionId, revision);
      const isRecorded = this.#isRecorded(revision);
      if (isRecorded) this.#asRecorded.add(keyOf(revision));
      else this.#otherwise += 1;
      this.#waiting.delete(conversionId);
      if (!isRecorded) this.#wait(revision);
    }
    return result.revisions.map(({ conversionId }) => conversionId);
  }

  /**
   * Those that the step did not bring to where it brought them then, and that still wait: no recorded step ends that any more.
   * @returns their ids.
   */
  #keepWaiting({ recorded }: Step): readonly string[] {
    return recorded.flatMap((target) => {
      const conversion = this.#decided.get(target.conversionId);
      if (conversion === undefined || this.#isAsRecorded(target)) return [];
      this.#wait(conversion);
      return [conversion.conversionId];
    });
  }

  #wait(conversion: Conversion): void {
    const deadlineAt = deadlineIn(conversion);
    if (deadlineAt === null) return;
    this.#waiting.set(conversion.conversionId, conversion);
    this.#nextDeadline = Math.min(this.#nextDeadline, deadlineAt);
  }

  /** The click watermark passes within seconds; nothing in the log stands between. */
  #showPersons(conversionIds: ReadonlySet<string>, step: Step, index: number): void {
    for (const conversionId of conversionIds) {
      const conversion = this.#waiting.get(conversionId);
      if (conversion?.outcome.match === 'parked' && !conversion.passed.hasSeenClicks)
        this.#instant(conversionId, { ...step, postback: null }, index);
    }
  }

  /** In the order of the deadlines, each at its own instant. */
  #passDeadlines(until: number, index: number, { position, configurationVersion }: Step): void {
    while (this.#nextDeadline <= until) {
      const due = this.#takeDue();
      if (due === null) return;
      const { conversionId, decidedAt } = due.conversion;
      const now = Math.max(due.deadlineAt, decidedAt.now);
      this.#instant(
        conversionId,
        { postback: null, now, position, configurationVersion, recorded: [] },
        index,
      );
    }
  }

  /** The conversion with the earliest deadline, which waits no more unless its instant lets it wait again; null: none waits. */
  #takeDue(): { readonly conversion: Conversion; readonly deadlineAt: number } | null {
    const [first = null, second] = [...this.#waiting.values()]
      .map((conversion) => ({ conversion, deadlineAt: deadlineIn(conversion) ?? Number.POSITIVE_INFINITY }))
      .toSorted((a, b) => a.deadlineAt - b.deadlineAt);
    this.#nextDeadline = second?.deadlineAt ?? Number.POSITIVE_INFINITY;
    if (first !== null) this.#waiting.delete(first.conversion.conversionId);
    return first;
  }

  #instant(conversionId: string, step: Step, index: number): void {
    const input: InputAt = (at) => ({
      kind: 'instant',
      conversionId,
      at: { ...at, watermarkReached: true },
    });
    this.#keep(this.#try(step, index, EXPECTED, input));
  }
}

/** Deadlines that have passed and that the lane had to be read for; any other only takes the clicks. */
function laneDeadlinesOf(revision: Conversion | undefined): readonly number[] {
  if (revision === undefined) return [];
  const { heldUntil, waitedUntil } = revision.passed;
  const deadlines = [heldUntil, takesBack(revision) ? waitedUntil : null];
  return deadlines.filter((deadline) => deadline !== null);
}

const COMMAND_OF = { released: 'release', rejected: 'reject', approved: 'approve' } as const;

/** Whether the order was a ruling: it leaves the rest of what was ordered as it was. */
function isRuling(before: Orders, after: Orders): boolean {
  const restOf = ({ clickId, model, terms }: Orders) => ({ clickId, model, terms });
  return isSame(restOf(before), restOf(after));
}

function keyOf({ conversionId, revision }: Pick<Conversion, 'conversionId' | 'revision'>): string {
  return `${conversionId}:${revision}`;
}
