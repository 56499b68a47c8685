/** The reducer: one input over what is known gives the verdict on a receipt and every revision that follows from it. */

import { isUuid } from '../click.ts';
import { type Identity, identify, isReversal } from '../identity.ts';
import {
  type Conversion,
  type DecidedAt,
  NO_ORDERS,
  NOTHING_FIRST_COME,
  NOTHING_PASSED,
  type Orders,
  type Outcome,
  type TriggerKind,
  type Undecided,
} from './conversion.ts';
import { Draft } from './draft.ts';
import { takesBack } from './facts.ts';
import { keysOf } from './keys.ts';
import type { Judgement, KnownFacts } from './known-facts.ts';
import { mergeReport } from './merging.ts';
import type { Moment } from './moment.ts';
import { conversionsAround, inLogOrder, neighboursOf } from './neighbours.ts';
import { isSame } from './ordering.ts';
import type { CoreReason, Reason } from './reasons.ts';
import { isBefore, type Report } from './report.ts';
import { awaitOriginal, originalOf, reverse } from './reversals.ts';
import { settle } from './settling.ts';
import { type AttributionModel, type OfferTerms, type RepeatMode, STANDARD_REPEAT_MODE } from './terms.ts';
import { whyForeign } from './windows.ts';

/** What a person ordered about one conversion; see attribution.commanded. */
export interface Command {
  readonly command: 'reattribute' | 'release' | 'reject' | 'approve' | 'erase';
  readonly advertiserId: string;
  readonly conversionId: string;
  /** The revision the order was made from; another one at its place makes it void. */
  readonly expectedRevision: number | null;
  /** For reattribute: the click that is to win, another model, terms in place of those in force. */
  readonly clickId: string | null;
  readonly model: AttributionModel | null;
  readonly terms: OfferTerms | null;
  readonly reasonCode: string;
  readonly isTest: boolean;
}

export type Input =
  | { readonly kind: 'postback'; readonly report: Report; readonly at: Moment }
  /** A click that has become visible, for the conversions of a lane. */
  | { readonly kind: 'click'; readonly clickId: string; readonly lane: string; readonly at: Moment }
  /** A deadline of the conversion has passed, or its clicks are to be looked at again. */
  | { readonly kind: 'instant'; readonly conversionId: string; readonly at: Moment }
  | { readonly kind: 'command'; readonly command: Command; readonly at: Moment };

export interface Result {
  /** Of a postback; null for any other input. */
  readonly judgement: Judgement | null;
  /** New revisions to write, in this order. */
  readonly revisions: readonly Conversion[];
}

const NOTHING: Result = { judgement: null, revisions: [] };

/** Reads `known` and changes nothing; the caller applies the result before it gives the next input. */
export function reduce(known: KnownFacts, input: Input): Result {
  switch (input.kind) {
    case 'postback':
      return judge(known, input.report, input.at);
    case 'click':
      return meetClick(known, input.clickId, input.lane, input.at);
    case 'instant':
      return passInstant(known, input.conversionId, input.at);
    case 'command':
      return execute(known, input.command, input.at);
  }
}

function judge(known: KnownFacts, report: Report, at: Moment): Result {
  const judged = known.judgement(report.receiptId);
  if (judged !== undefined) return { judgement: judged, revisions: [] };
  const mode = repeatModeOf(known, report);
  const identity = identityOf(known, report, mode);
  const foreign = whyRejected(known, report);
  if (foreign !== null) return { judgement: rejected(report, foreign), revisions: [] };
  const latest = known.conversion(identity.conversionId);
  const merging = mergeReport(latest?.facts ?? null, report, mode);
  if (merging.kind === 'conflict') {
    const revision = latest?.revision ?? null;
    const judgement = {
      ...verdictOn(report, 'conflict', merging.reasonCode),
      conversionId: identity.conversionId,
    };
    return { judgement: { ...judgement, revision }, revisions: [] };
  }
  const conversion = { ...(latest ?? newConversion(identity, report)), facts: merging.facts };
  const isChanged =
    latest === undefined || !isSame(latest.facts, merging.facts) || isDecidedBefore(latest, report);
  const revisions = isChanged ? redecide(known, [conversion], at, 'postback', isChanged) : [];
  return { judgement: judgementOf(report, conversion, merging.isCounted, revisions), revisions };
}

/**
 * Whether an owner before has decided this very postback. When it died in the send, the conversion may stand in the log and
 * its neighbours may not.
 */
function isDecidedBefore({ decidedAt }: Undecided, { position }: Report): boolean {
  return decidedAt !== null && !isBefore(decidedAt.position, position);
}

export function repeatModeOf(known: Pick<KnownFacts, 'advertiser'>, report: Report): RepeatMode {
  const { repeatModes } = known.advertiser(report.advertiserId, report.receivedAt);
  return Object.hasOwn(repeatModes, report.eventType)
    ? (repeatModes[report.eventType] ?? STANDARD_REPEAT_MODE)
    : STANDARD_REPEAT_MODE;
}

/** The conversion a report speaks of, by the rules in force when it was received. */
export function identityOf(
  known: Pick<KnownFacts, 'advertiser'>,
  report: Report,
  mode: RepeatMode = repeatModeOf(known, report),
): Identity {
  return identify(report, known.advertiser(report.advertiserId, report.receivedAt).identity, mode);
}

/** A report that names a visible click which is not its advertiser's is no fact at all. The click of a reversal is never read. */
function whyRejected(known: KnownFacts, report: Report): CoreReason | null {
  const { clickId, eventType } = report;
  if (clickId === null || !isUuid(clickId) || isReversal(eventType)) return null;
  const click = known.click(clickId.toLowerCase());
  return click === undefined ? null : whyForeign(click, report);
}

function newConversion({ conversionId, eventClass }: Identity, report: Report): Omit<Undecided, 'facts'> {
  return {
    conversionId,
    eventClass,
    advertiserId: report.advertiserId,
    lane: report.lane,
    isTest: report.isTest,
    revision: 0,
    firstCome: NOTHING_FIRST_COME,
    passed: NOTHING_PASSED,
    orders: NO_ORDERS,
    outcome: null,
    decidedAt: null,
  };
}

function verdictOn(report: Report, verdict: Judgement['verdict'], reasonCode: Reason | null): Judgement {
  return { receiptId: report.receiptId, verdict, reasonCode, conversionId: null, revision: null };
}

function rejected(report: Report, reasonCode: CoreReason): Judgement {
  return verdictOn(report, 'rejected', reasonCode);
}

/** Parked is the verdict of a receipt that made a conversion which waits; a repeat of one that waits is a repeat. */
function judgementOf(
  report: Report,
  conversion: Undecided,
  isCounted: boolean,
  revisions: readonly Conversion[],
): Judgement {
  const { conversionId } = conversion;
  const revised = revisions.find((revision) => revision.conversionId === conversionId);
  const { revision, outcome } = revised ?? conversion;
  const isNew = conversion.facts.receiptId === report.receiptId;
  const isParked = isNew && outcome?.match === 'parked';
  const verdict = isParked ? 'parked' : isCounted ? 'counted' : 'duplicate_of';
  const reasonCode = isParked ? (outcome.reasonCodes[0] ?? null) : null;
  return { ...verdictOn(report, verdict, reasonCode), conversionId, revision };
}

function meetClick(known: KnownFacts, clickId: string, lane: string, at: Moment): Result {
  const click = known.click(clickId);
  if (click === undefined) return NOTHING;
  const subjects = conversionsAround(click, lane, known);
  return { judgement: null, revisions: redecide(known, subjects, at, 'late_click') };
}

function passInstant(known: KnownFacts, conversionId: string, at: Moment): Result {
  const conversion = known.conversion(conversionId);
  if (conversion === undefined) return NOTHING;
  return { judgement: null, revisions: redecide(known, [conversion], at, 'deadline') };
}

function execute(known: KnownFacts, command: Command, at: Moment): Result {
  const conversion = known.conversion(command.conversionId);
  if (conversion === undefined || isVoid(conversion, command)) return NOTHING;
  const ordered = { ...conversion, orders: withOrder(conversion.orders, command) };
  return { judgement: null, revisions: redecide(known, [ordered], at, 'command', true) };
}

function isVoid(conversion: Undecided, command: Command): boolean {
  if (conversion.advertiserId !== command.advertiserId || conversion.isTest !== command.isTest) return true;
  if (command.command === 'erase') return conversion.orders.erasedFor !== null;
  return command.expectedRevision !== null && command.expectedRevision !== conversion.revision;
}

const RULINGS = { release: 'released', reject: 'rejected', approve: 'approved' } as const;

function withOrder(orders: Orders, command: Command): Orders {
  const reason: Reason = `ordered:${command.reasonCode}`;
  const reasonCodes = [reason];
  if (command.command === 'reattribute') {
    const { clickId, model, terms } = command;
    return { ...orders, clickId, model, terms, reasonCodes };
  }
  if (command.command === 'erase') return { ...orders, erasedFor: reason };
  return { ...orders, ruling: RULINGS[command.command], reasonCodes };
}

/**
 * Decides the subjects anew, then whatever looks at what changed of them: first each conversion by itself, then each
 * transaction with reversals as a whole. A match looks at the facts of others and the clicks they name and never at their
 * match, so this ends after one step from conversion to conversion.
 *
 * @param isChanged whether the facts of the subjects or what was ordered for them are new.
 */
function redecide(
  known: KnownFacts,
  subjects: readonly Undecided[],
  at: Moment,
  trigger: TriggerKind,
  isChanged = false,
): readonly Conversion[] {
  const redecision = new Redecision(known, at);
  for (const subject of subjects) redecision.take(subject, isChanged);
  return redecision.revisions(trigger);
}

class Redecision {
  readonly #known: KnownFacts;
  readonly #draft: Draft;
  readonly #at: Moment;
  readonly #taken = new Map<string, boolean>();
  readonly #queue: Undecided[] = [];
  /** Transactions in which something is taken back. */
  readonly #reversing = new Set<string>();

  constructor(known: KnownFacts, at: Moment) {
    this.#known = known;
    this.#draft = new Draft(known);
    this.#at = at;
  }

  take(conversion: Undecided, isChanged: boolean): void {
    if (this.#taken.has(conversion.conversionId)) return;
    this.#taken.set(conversion.conversionId, isChanged);
    if (isChanged) this.#draft.put(conversion);
    this.#queue.push(conversion);
  }

  revisions(trigger: TriggerKind): readonly Conversion[] {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#decide(next);
    for (const transaction of this.#reversing) this.#reverseIn(transaction);
    return [...this.#taken.keys()].flatMap((conversionId) => this.#revisionOf(conversionId, trigger));
  }

  #decide(conversion: Undecided): void {
    const { transaction } = keysOf(conversion);
    if (takesBack(conversion) && transaction === null) {
      this.#put(conversion, this.#awaitOriginal(conversion));
      return;
    }
    if (!takesBack(conversion)) this.#settle(conversion);
    if (transaction !== null) this.#meetReversals(transaction);
  }

  #settle(conversion: Undecided): void {
    const settled = settle(conversion, this.#draft, this.#at);
    const decided = { ...conversion, ...settled };
    this.#draft.put(decided);
    const isChanged = this.#taken.get(conversion.conversionId) === true;
    if (!isChanged && isGuidingAlike(conversion.outcome, settled.outcome)) return;
    for (const neighbour of neighboursOf(decided, this.#draft)) this.take(neighbour, false);
  }

  /** Whoever shares a transaction with a reversal is its original, or was it, or may become it. */
  #meetReversals(transaction: string): void {
    if (this.#reversing.has(transaction)) return;
    const members = this.#draft.conversionsOfTransaction(transaction);
    if (!members.some(takesBack)) return;
    this.#reversing.add(transaction);
    for (const member of inLogOrder(members)) this.take(member, false);
  }

  #reverseIn(transaction: string): void {
    const members = this.#draft.conversionsOfTransaction(transaction);
    const original = originalOf(
      members.filter((member) => !takesBack(member)),
      this.#draft,
    );
    const reversals = inLogOrder(members.filter(takesBack));
    if (original === null || original.outcome === null) {
      for (const reversal of reversals) this.#put(reversal, this.#awaitOriginal(reversal));
      return;
    }
    const reversed = reverse(original, original.outcome, reversals);
    this.#put(original, { outcome: reversed.original });
    for (const reversal of reversals) {
      const outcome = reversed.reversals.get(reversal.conversionId);
      if (outcome !== undefined) this.#put(reversal, { outcome });
    }
  }

  #awaitOriginal(reversal: Undecided): Pick<Undecided, 'outcome' | 'passed'> {
    const { parkedForMs } = this.#known.advertiser(reversal.advertiserId, reversal.facts.receivedAt);
    return awaitOriginal(reversal, parkedForMs, this.#at);
  }

  #put(conversion: Undecided, decided: Partial<Undecided>): void {
    this.#draft.put({ ...conversion, ...decided });
  }

  /** Written only when something of it is new. */
  #revisionOf(conversionId: string, trigger: TriggerKind): readonly Conversion[] {
    const decided = this.#draft.conversion(conversionId);
    const { outcome = null } = decided ?? {};
    if (decided === undefined || outcome === null) return [];
    const latest = this.#known.conversion(conversionId);
    if (latest !== undefined && isUnchanged(latest, decided)) return [];
    const revision = (latest?.revision ?? 0) + 1;
    return [{ ...decided, outcome, revision, decidedAt: this.#decidedAt(latest, outcome, trigger) }];
  }

  #decidedAt(latest: Undecided | undefined, outcome: Outcome, trigger: TriggerKind): DecidedAt {
    const { now, position, configurationVersion } = this.#at;
    const isReleased =
      latest?.outcome?.state === 'held' && outcome.state !== 'held' && trigger === 'postback';
    return { trigger: isReleased ? 'release' : trigger, position, now, configurationVersion };
  }
}

/** Whether others can go by it as before. */
function isGuidingAlike(before: Outcome | null, after: Outcome): boolean {
  return before?.namedClickId === after.namedClickId && before.isForeign === after.isForeign;
}

function isUnchanged(latest: Undecided, decided: Undecided): boolean {
  return (
    isSame(latest.outcome, decided.outcome) &&
    isSame(latest.facts, decided.facts) &&
    isSame(latest.firstCome, decided.firstCome) &&
    isSame(latest.passed, decided.passed) &&
    isSame(latest.orders, decided.orders)
  );
}
