/** The click that a conversion's own reports name: a matter of its facts and that click alone, so others can go by it. */
import type { CandidateClick, Orders, Undecided } from './conversion.ts';
import { eventTypeOf, judgedAtOf, occurredAtOf } from './facts.ts';
import type { KnownFacts } from './known-facts.ts';
import type { CoreReason } from './reasons.ts';
import type { OfferTerms } from './terms.ts';
import { whyForeign, whyOutside } from './windows.ts';

export type NamedClick =
  | { readonly kind: 'none' }
  /** Not visible, given up, or recorded when nobody waited for it any more. */
  | { readonly kind: 'missing'; readonly clickId: string; readonly reasonCode: CoreReason }
  | { readonly kind: 'foreign'; readonly click: CandidateClick; readonly reasonCode: CoreReason }
  | { readonly kind: 'lost'; readonly click: CandidateClick; readonly reasonCode: CoreReason }
  | { readonly kind: 'eligible'; readonly click: CandidateClick; readonly terms: OfferTerms };

/** Looks at nothing but the conversion's facts, the click and the terms: there are no chains from one conversion to the next. */
export function namedClickOf(conversion: Undecided, known: KnownFacts): NamedClick {
  const { clickId } = conversion.facts;
  if (clickId === null) return { kind: 'none' };
  const click = visibleClick(conversion, clickId, known);
  if (click === undefined) return missing(clickId, 'click_not_found');
  const isLate = click.receivedAt > clickDeadlineOf(conversion, known);
  if (conversion.passed.gaveUpClickId === clickId)
    return missing(clickId, isLate ? 'received_too_late' : 'click_not_found');
  // Before anything the click says: whether the deadline or the click was looked at first must not matter.
  if (isLate) return missing(clickId, 'received_too_late');
  const foreign = whyForeign(click, conversion);
  if (foreign !== null) return { kind: 'foreign', click, reasonCode: foreign };
  const terms = termsFor(conversion, click.offerId, known);
  if (terms === null) return { kind: 'lost', click, reasonCode: 'offer_unknown' };
  const reasonCode = whyOutside(click, terms, occurredAtOf(conversion.facts));
  return reasonCode === null ? { kind: 'eligible', click, terms } : { kind: 'lost', click, reasonCode };
}

function missing(clickId: string, reasonCode: CoreReason): NamedClick {
  return { kind: 'missing', clickId, reasonCode };
}

/** Whether every report names a click that is not this advertiser's, or of the other kind of traffic: then it is no fact. */
export function isForeign(conversion: Undecided, known: KnownFacts): boolean {
  if (conversion.facts.isReportedWithoutClick) return false;
  return namedClickOf(conversion, known).kind === 'foreign';
}

/** The click as stored, else as the latest revision remembers it: a click that has left the store has won all the same. */
export function visibleClick(
  { outcome }: Undecided,
  clickId: string,
  known: KnownFacts,
): CandidateClick | undefined {
  if (outcome?.winner?.clickId === clickId) return outcome.winner;
  return known.click(clickId);
}

/** Until when the conversion waits for the click it names. */
export function clickDeadlineOf(conversion: Undecided, known: KnownFacts): number {
  const { clickIdSince, receivedAt } = conversion.facts;
  return (clickIdSince ?? receivedAt) + parkedForMs(conversion, known);
}

/** Until when it waits for any click: from the last of its keys on, since each opens a way that was not there before. */
export function deadlineOf(conversion: Undecided, known: KnownFacts): number {
  const { clickIdSince, customerIdSince, subjectSince, receivedAt } = conversion.facts;
  const since = Math.max(clickIdSince ?? 0, customerIdSince ?? 0, subjectSince ?? 0, receivedAt);
  return since + parkedForMs(conversion, known);
}

function parkedForMs({ advertiserId, facts }: Undecided, known: KnownFacts): number {
  return known.advertiser(advertiserId, facts.receivedAt).parkedForMs;
}

/** The terms of an offer for this conversion, with what was ordered for it. */
export function termsFor(
  { orders, facts }: Undecided,
  offerId: string,
  known: KnownFacts,
): OfferTerms | null {
  return termsWithOrders(orders, offerId, () => known.terms(offerId, eventTypeOf(facts), judgedAtOf(facts)));
}

/** Ordered terms hold for their own offer alone; an ordered model for any. */
export function termsWithOrders(
  { terms: ordered, model }: Pick<Orders, 'terms' | 'model'>,
  offerId: string,
  inForce: () => OfferTerms | null,
): OfferTerms | null {
  const terms = ordered?.offerId === offerId ? ordered : inForce();
  return terms === null || model === null ? terms : { ...terms, model };
}
