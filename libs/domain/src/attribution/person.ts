/** The clicks of a person whose conversion names none: by the customer's earlier conversion, by hashed identity, all touches. */
import type { CandidateClick, Undecided } from './conversion.ts';
import { detailsOf } from './details.ts';
import { occurredAtOf, takesBack } from './facts.ts';
import { clickCustomerKey, clickSubjectKeys, customerKey, subjectKeys } from './keys.ts';
import type { KnownFacts } from './known-facts.ts';
import { deadlineOf, namedClickOf, termsFor } from './named-click.ts';
import { compareLatestClick, compareOccurrence } from './ordering.ts';
import type { CoreReason } from './reasons.ts';
import type { OfferTerms } from './terms.ts';
import { CLOCK_SKEW_MS, whyForeign, whyOutside } from './windows.ts';

/** A click that lost, and why. */
export interface LostClick {
  readonly click: CandidateClick;
  readonly reasonCode: CoreReason;
}

/** Where a search led: the click to go by with the terms of its offer, and those that were considered and lost. */
export interface Search {
  readonly found: { readonly click: CandidateClick; readonly terms: OfferTerms } | null;
  readonly lost: readonly LostClick[];
}

const NOTHING_FOUND: Search = { found: null, lost: [] };

/**
 * The click that brought the customer: named by the customer's earliest conversion that names one which can win, if that
 * occurred no later than this one. A renewal rarely carries a click id of its own.
 */
export function customersClick(conversion: Undecided, known: KnownFacts): Search {
  const { customerId } = conversion.facts;
  if (customerId === null) return NOTHING_FOUND;
  const earlier = notLaterThan(conversion, known.conversionsOfCustomer(customerKey(conversion, customerId)));
  for (const other of earlier) {
    const named = namedClickOf(other, known);
    if (named.kind === 'eligible') return judgedClicks(conversion, [named.click], known, () => true);
  }
  return NOTHING_FOUND;
}

/**
 * The latest click that shares a hashed identifier with the conversion, by itself or through an earlier conversion that names
 * it; only of offers that allow it.
 */
export function identityClick(conversion: Undecided, known: KnownFacts): Search {
  const hashes = detailsOf(conversion.facts.contributions).subjectHashes;
  const clicks = clickSubjectKeys(conversion, hashes).flatMap((key) => known.clicksOfSubject(key));
  const others = subjectKeys(conversion, hashes).flatMap((key) => known.conversionsOfSubject(key));
  const named = namedClicksOf(notLaterThan(conversion, others), known);
  return judgedClicks(conversion, [...clicks, ...named], known, (terms) => terms.matchesHashedIdentity);
}

/** Of one instant by id, without itself and without reversals, which name no click that counts. */
function notLaterThan(conversion: Undecided, others: readonly Undecided[]): readonly Undecided[] {
  const latest = occurredAtOf(conversion.facts) + CLOCK_SKEW_MS;
  return others
    .filter((other) => other.conversionId !== conversion.conversionId && !takesBack(other))
    .map((other) => ({ other, conversionId: other.conversionId, occurredAt: occurredAtOf(other.facts) }))
    .filter(({ occurredAt }) => occurredAt <= latest)
    .toSorted(compareOccurrence)
    .map(({ other }) => other);
}

function namedClicksOf(conversions: readonly Undecided[], known: KnownFacts): readonly CandidateClick[] {
  return conversions.flatMap((conversion) => {
    const named = namedClickOf(conversion, known);
    return named.kind === 'eligible' ? [named.click] : [];
  });
}

/** The latest click within the terms of its own offer. */
function judgedClicks(
  conversion: Undecided,
  clicks: readonly CandidateClick[],
  known: KnownFacts,
  isAllowed: (terms: OfferTerms) => boolean,
): Search {
  const deadline = deadlineOf(conversion, known);
  const lost: LostClick[] = [];
  for (const click of distinct(clicks).toSorted(compareLatestClick)) {
    const terms = termsFor(conversion, click.offerId, known);
    if (terms === null || !isAllowed(terms)) continue;
    const reasonCode = whyNotCounted(conversion, click, terms, deadline);
    if (reasonCode === null) return { found: { click, terms }, lost };
    lost.push({ click, reasonCode });
  }
  return { found: null, lost };
}

/** More would make a record without end; a person has rarely ten. */
const MAX_TOUCHES = 100;

/** The touches of one person that may share the credit, and those that may not. */
export interface Touches {
  readonly sharing: readonly CandidateClick[];
  readonly lost: readonly LostClick[];
}

/**
 * The touches of the same person on the offer that led to the conversion: clicks recorded with the customer id, clicks with a
 * common hashed identifier where the offer allows it, and those named by the customer's other conversions. Clicks of another
 * offer stay out, for the terms, the payout and the caps are the offer's. An impression shares only when there is no click.
 */
export function touchesOf(
  conversion: Undecided,
  entry: { readonly click: CandidateClick; readonly terms: OfferTerms },
  known: KnownFacts,
): Touches {
  const { terms } = entry;
  const deadline = deadlineOf(conversion, known);
  const eligible: CandidateClick[] = [];
  const lost: LostClick[] = [];
  for (const click of distinct([entry.click, ...clicksOfPerson(conversion, terms, known)])) {
    const reasonCode =
      click.offerId === terms.offerId ? whyNotCounted(conversion, click, terms, deadline) : 'other_offer';
    if (reasonCode === null || click.clickId === entry.click.clickId) eligible.push(click);
    else lost.push({ click, reasonCode });
  }
  const clicks = eligible.filter(({ kind }) => kind !== 'impression');
  const views = eligible.filter(({ kind }) => kind === 'impression');
  const sharing = (clicks.length > 0 ? clicks : views).toSorted(compareLatestClick).slice(0, MAX_TOUCHES);
  const beaten = clicks.length > 0 ? views : [];
  return {
    sharing,
    lost: [...lost, ...beaten.map((click) => ({ click, reasonCode: 'view_lost_to_click' as const }))],
  };
}

function clicksOfPerson(
  conversion: Undecided,
  terms: OfferTerms,
  known: KnownFacts,
): readonly CandidateClick[] {
  const { customerId, contributions } = conversion.facts;
  const byCustomer =
    customerId === null
      ? []
      : [
          ...known.clicksOfCustomer(clickCustomerKey(conversion, customerId)),
          ...namedClicksOf(
            known
              .conversionsOfCustomer(customerKey(conversion, customerId))
              .filter((other) => other.conversionId !== conversion.conversionId && !takesBack(other)),
            known,
          ),
        ];
  if (!terms.matchesHashedIdentity) return byCustomer;
  const hashes = detailsOf(contributions).subjectHashes;
  return [
    ...byCustomer,
    ...clickSubjectKeys(conversion, hashes).flatMap((key) => known.clicksOfSubject(key)),
  ];
}

function whyNotCounted(
  conversion: Undecided,
  click: CandidateClick,
  terms: OfferTerms,
  deadline: number,
): CoreReason | null {
  const foreign = whyForeign(click, conversion);
  if (foreign !== null) return foreign;
  if (click.receivedAt > deadline) return 'received_too_late';
  return whyOutside(click, terms, occurredAtOf(conversion.facts));
}

function distinct(clicks: readonly CandidateClick[]): readonly CandidateClick[] {
  if (clicks.length <= 1) return clicks;
  return [...new Map(clicks.map((click) => [click.clickId, click])).values()];
}
