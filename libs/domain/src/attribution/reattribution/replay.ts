/** The replay of a lane: its recorded steps decided again, by the same rules to the same bytes, by others to what would have been. */

import type { CapUse } from '../caps.ts';
import { type CandidateClick, type Conversion, NO_ORDERS, type Orders } from '../conversion.ts';
import { eventTypeOf, judgedAtOf } from '../facts.ts';
import { deadlineIn, InMemoryLedger } from '../in-memory-ledger.ts';
import type { Moment } from '../moment.ts';
import { isSame } from '../ordering.ts';
import type { Counter } from '../preloading.ts';
import { type Command, type Input, type Result, reduce } from '../reducer.ts';
import type { ReplayRules } from './changed-rules.ts';
import { type RecordedLane, type Sighting, type Step, scheduleOf, sightingsOf } from './schedule.ts';

/** What caps and tiers had given away before the first step. */
export interface Counters {
  readonly capUses: readonly Counter<CapUse>[];
  readonly tierUses: readonly Counter<number>[];
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
 * What a decision read is not on record, only what it came to: which clicks ClickHouse showed at that moment, and how far the
 * lane had been read. So each input is tried under what may have been true, and the first way that leads to the recorded
 * revisions is taken. By other rules none may: then it is taken what receipt times say.
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

/** What may have been true at a step, beside what is on record; in the order in which it is tried. */
interface Surroundings {
  /** Visible from their receipt on; those that somebody saw from then on; those that nobody ever saw not at all. */
  readonly clicks: 'by_receipt' | 'by_sighting' | 'only_sighted';
  readonly laneRead: 'behind' | 'not_at_all' | 'to_now';
}

const SURROUNDINGS: readonly Surroundings[] = (['behind', 'not_at_all', 'to_now'] as const).flatMap(
  (laneRead) =>
    (['by_receipt', 'by_sighting', 'only_sighted'] as const).map((clicks) => ({ clicks, laneRead })),
);
const BY_RECEIPT: Surroundings = { clicks: 'by_receipt', laneRead: 'behind' };

/** A ledger whose clicks show as they showed then. */
class ReplayedLedger extends InMemoryLedger {
  isVisible: (click: CandidateClick) => boolean = () => true;

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

class Replay {
  readonly #rules: ReplayRules;
  readonly #ledger: ReplayedLedger;
  readonly #steps: readonly Step[];
  readonly #sightings: ReadonlyMap<string, Sighting>;
  /** By id and revision, also those from before the first step. */
  readonly #recorded: ReadonlyMap<string, Conversion>;
  readonly #decided = new Map<string, Conversion>();
  /** Conversions that wait, and have come out otherwise than recorded. */
  readonly #waiting = new Map<string, Conversion>();
  /** No deadline of those that wait is earlier. */
  #nextDeadline = Number.POSITIVE_INFINITY;
  #laneReadUntil = 0;
  #asRecorded = 0;
  #otherwise = 0;

  constructor(lane: RecordedLane, rules: ReplayRules, { capUses, tierUses }: Counters) {
    this.#rules = rules;
    this.#ledger = new ReplayedLedger(rules);
    this.#steps = scheduleOf(lane);
    this.#sightings = sightingsOf(this.#steps);
    this.#recorded = new Map([...lane.before, ...lane.revisions].map((each) => [keyOf(each), each]));
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
      this.#showPersons(this.#decide(step, index), step, index);
    }
    const last = this.#steps.at(-1);
    if (last !== undefined) this.#passDeadlines(asOf, this.#steps.length, last);
    return { decided: this.#decided, asRecorded: this.#asRecorded, otherwise: this.#otherwise };
  }

  /** @returns the conversions that have a new revision. */
  #decide(step: Step, index: number): ReadonlySet<string> {
    const revised = new Set<string>();
    const give = (inputAt: (at: Moment) => Input) => {
      for (const { conversionId } of this.#give(step, index, inputAt)) revised.add(conversionId);
    };
    if (step.postback !== null) {
      const { report } = step.postback;
      give((at) => ({ kind: 'postback', report, at }));
      this.#laneReadUntil = Math.max(this.#laneReadUntil, report.receivedAt);
      return revised;
    }
    for (const target of step.recorded) {
      const input = revised.has(target.conversionId) ? null : this.#inputFor(step, target);
      if (input !== null) give(input);
    }
    return revised;
  }

  /** What led to the recorded revision; null where that is another input of the same step. */
  #inputFor(step: Step, target: Conversion): ((at: Moment) => Input) | null {
    const { conversionId, lane } = target;
    if (step.kind === 'deadline') return (at) => ({ kind: 'instant', conversionId, at });
    if (step.kind === 'late_click') {
      const clickId = this.#awaitedClick(target);
      return clickId === null ? null : (at) => ({ kind: 'click', clickId, lane, at });
    }
    if (!this.#isOrdered(target) && step.recorded.some((each) => this.#isOrdered(each))) return null;
    const command = this.#commandFor(target);
    return command === null ? null : (at) => ({ kind: 'command', command, at });
  }

  /** The click it waited for; null for a neighbour of what did. */
  #awaitedClick({ conversionId, revision, facts: { clickId } }: Conversion): string | null {
    const before = this.#recorded.get(keyOf({ conversionId, revision: revision - 1 }));
    const wasMissing = before?.outcome.candidates.some(
      (candidate) => candidate.clickId === clickId && candidate.outcome === 'missing',
    );
    return wasMissing === true ? clickId : null;
  }

  /** A neighbour of what was ordered is only decided again. An order that is given twice looks like that too. */
  #isOrdered(target: Conversion): boolean {
    return !isSame(this.#ordersBefore(target), target.orders);
  }

  #ordersBefore({ conversionId, revision }: Conversion): Orders {
    return this.#recorded.get(keyOf({ conversionId, revision: revision - 1 }))?.orders ?? NO_ORDERS;
  }

  /** The order as its execution has left it on record; null where there is none. */
  #commandFor(target: Conversion): Command | null {
    const { conversionId, orders, outcome, facts, ...scope } = target;
    const { clickId, terms, model, ruling } = orders;
    if (orders.reasonCodes.length === 0) return null;
    const eventType = eventTypeOf(facts);
    const at = judgedAtOf(facts);
    const offerId = outcome.winner?.offerId ?? terms?.offerId ?? '';
    return {
      command:
        ruling !== null && isRuling(this.#ordersBefore(target), orders) ? COMMAND_OF[ruling] : 'reattribute',
      advertiserId: scope.advertiserId,
      isTest: scope.isTest,
      conversionId,
      expectedRevision: null,
      clickId,
      model: model === null ? null : this.#rules.orderedModel(model, offerId, eventType, at),
      terms: terms === null ? null : this.#rules.ordered(terms, eventType, at),
      reasonCode: (orders.reasonCodes[0] ?? '').replace(/^ordered:/, ''),
    };
  }

  /** Decides and keeps one input. @returns its revisions. */
  #give(step: Step, index: number, inputAt: (at: Moment) => Input): readonly Conversion[] {
    let taken: Result | null = null;
    for (const way of SURROUNDINGS) {
      const result = this.#try(step, index, way, inputAt);
      taken ??= result;
      if (!this.#isAsRecorded(step, result)) continue;
      taken = result;
      break;
    }
    return taken === null ? [] : this.#keep(taken);
  }

  #try(step: Step, index: number, way: Surroundings, inputAt: (at: Moment) => Input): Result {
    this.#ledger.isVisible = (click) => this.#isVisible(click, step.now, index, way.clicks);
    return reduce(this.#ledger, inputAt(this.#moment(step, way)));
  }

  #moment({ kind, now, position, configurationVersion }: Step, { laneRead }: Surroundings): Moment {
    const isOfClock = kind === 'deadline' || kind === 'late_click';
    const behind = isOfClock ? now : this.#laneReadUntil;
    const laneReadUntil = { behind, not_at_all: 0, to_now: now }[laneRead];
    return { now, watermarkReached: isOfClock, laneReadUntil, position, configurationVersion };
  }

  /** A click that somebody looked for in vain was not visible by then, whenever it was received. */
  #isVisible(
    { clickId, receivedAt }: CandidateClick,
    now: number,
    index: number,
    by: Surroundings['clicks'],
  ): boolean {
    const { seen, missed } = this.#sightings.get(clickId) ?? { seen: null, missed: null };
    if (seen !== null && index >= seen) return true;
    if (by === 'only_sighted' || (by === 'by_sighting' && seen !== null)) return false;
    return receivedAt <= now && (missed === null || index > missed);
  }

  /** A postback leads to all that its step has on record, any other input to a part of it. */
  #isAsRecorded({ kind, recorded }: Step, { revisions }: Result): boolean {
    const isWhole = kind === 'postback' ? revisions.length === recorded.length : revisions.length > 0;
    return isWhole && revisions.every((revision) => this.#isRecorded(revision));
  }

  #isRecorded(revision: Conversion): boolean {
    return isSame(this.#recorded.get(keyOf(revision)), revision);
  }

  #keep(result: Result): readonly Conversion[] {
    this.#ledger.apply(result);
    for (const revision of result.revisions) {
      const { conversionId } = revision;
      this.#decided.set(conversionId, revision);
      const isRecorded = this.#isRecorded(revision);
      if (isRecorded) this.#asRecorded += 1;
      else this.#otherwise += 1;
      const deadlineAt = deadlineIn(revision);
      if (isRecorded || deadlineAt === null) this.#waiting.delete(conversionId);
      else {
        this.#waiting.set(conversionId, revision);
        this.#nextDeadline = Math.min(this.#nextDeadline, deadlineAt);
      }
    }
    return result.revisions;
  }

  /** The click watermark passes within seconds; nothing in the log stands between. */
  #showPersons(conversionIds: ReadonlySet<string>, step: Step, index: number): void {
    for (const conversionId of conversionIds) {
      const conversion = this.#waiting.get(conversionId);
      if (conversion?.outcome.match === 'parked' && !conversion.passed.hasSeenClicks)
        this.#instant(conversionId, { ...step, kind: 'deadline' }, index);
    }
  }

  /** In the order of the deadlines, each at its own instant. */
  #passDeadlines(until: number, index: number, { position, configurationVersion }: Step): void {
    while (this.#nextDeadline <= until) {
      const due = this.#takeDue();
      if (due === null) return;
      const { conversionId, decidedAt } = due.conversion;
      const now = Math.max(due.deadlineAt, decidedAt.now);
      const step = {
        kind: 'deadline',
        postback: null,
        now,
        position,
        configurationVersion,
        recorded: [],
      } as const;
      this.#instant(conversionId, step, index);
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
    this.#keep(this.#try(step, index, BY_RECEIPT, (at) => ({ kind: 'instant', conversionId, at })));
  }
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
