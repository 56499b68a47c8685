/** Neighbours: the conversions whose decision may change when another one, or a click, does. */
import type { CandidateClick, Undecided } from './conversion.ts';
import { takesBack } from './facts.ts';
import { customerKey, isSameScope, keysOf, subjectKeys } from './keys.ts';
import type { KnownFacts } from './known-facts.ts';
import { termsFor } from './named-click.ts';
import { compareText } from './ordering.ts';
import type { OfferTerms } from './terms.ts';

type Relation = (other: Undecided) => boolean;

/**
 * Conversions that look at this one, in log order.
 *
 * | they share with it | and |
 * |---|---|
 * | transaction, click or customer | wait for its event type |
 * | click | are judged by velocity |
 * | customer or hashed identity | go by the clicks of the person, and it names one |
 *
 * Reversals are found by their transaction when their original is decided.
 */
export function neighboursOf(changed: Undecided, known: KnownFacts): readonly Undecided[] {
  const { transaction, customer, click, subjects } = keysOf(changed);
  const found = new Map<string, Undecided>();
  const collect = (others: readonly Undecided[], isRelated: Relation) => {
    for (const other of others) {
      const isOther = other.conversionId !== changed.conversionId && !takesBack(other);
      if (isOther && isSameScope(other, changed) && isRelated(other)) found.set(other.conversionId, other);
    }
  };
  const awaits: Relation = (other) => awaitsTypeOf(other, changed, known);
  if (transaction !== null) collect(known.conversionsOfTransaction(transaction), awaits);
  if (click !== null && relatesByClick(changed, known))
    collect(known.conversionsOfClick(click), (other) => awaits(other) || isWatched(other, known));
  const isGuide = click !== null;
  if (customer !== null)
    collect(
      known.conversionsOfCustomer(customer),
      (other) => awaits(other) || (isGuide && goesByPerson(other)),
    );
  if (isGuide && linksPersons(changed, known))
    for (const subject of subjects) collect(known.conversionsOfSubject(subject), goesByPerson);
  return inLogOrder([...found.values()]);
}

/** Conversions that a click which has become visible may change, in log order. */
export function conversionsAround(
  click: CandidateClick,
  lane: string,
  known: KnownFacts,
): readonly Undecided[] {
  const scope = { advertiserId: click.advertiserId, lane, isTest: click.isTest };
  const found = new Map<string, Undecided>();
  const collect = (others: readonly Undecided[], isRelated: Relation) => {
    for (const other of others)
      if (other.lane === lane && !takesBack(other) && isRelated(other)) found.set(other.conversionId, other);
  };
  collect(known.conversionsOfClick(click.clickId), () => true);
  if (click.customerId !== null)
    collect(known.conversionsOfCustomer(customerKey(scope, click.customerId)), goesByPerson);
  for (const subject of subjectKeys(scope, click.subjectHashes))
    collect(known.conversionsOfSubject(subject), goesByPerson);
  return inLogOrder([...found.values()]);
}

/** First-come rules serve those decided together in the order of the log. */
export function inLogOrder(conversions: readonly Undecided[]): readonly Undecided[] {
  if (conversions.length <= 1) return conversions;
  return conversions.toSorted(
    (a, b) =>
      a.facts.position.offset - b.facts.position.offset || compareText(a.conversionId, b.conversionId),
  );
}

/** Whether its match looks at more than the click it names. */
export function goesByPerson({ outcome }: Undecided): boolean {
  if (outcome === null || outcome.match !== 'attributed') return true;
  if (outcome.matchedBy !== 'click_id') return true;
  // An impression it names may have lost to a click of the person, and may lose to another.
  const { winner, namedClickId } = outcome;
  return outcome.model !== 'last_click' || winner?.kind === 'impression' || winner?.clickId !== namedClickId;
}

function awaitsTypeOf(other: Undecided, { facts }: Undecided, known: KnownFacts): boolean {
  const condition = termsOfWinner(other, known)?.condition ?? null;
  return condition !== null && facts.eventTypes.includes(condition.eventType);
}

/** Judged by velocity; whether the changed one is in its count now, or was before, it finds out itself. */
function isWatched(other: Undecided, known: KnownFacts): boolean {
  return (termsOfWinner(other, known)?.abuse.velocity ?? null) !== null;
}

function termsOfWinner(conversion: Undecided, known: KnownFacts): OfferTerms | null {
  const offerId = conversion.outcome?.winner?.offerId;
  return offerId === undefined ? null : termsFor(conversion, offerId, known);
}

function relatesByClick({ advertiserId, facts }: Undecided, known: KnownFacts): boolean {
  return known.advertiser(advertiserId, facts.receivedAt).relatesByClick;
}

function linksPersons({ advertiserId, facts }: Undecided, known: KnownFacts): boolean {
  return known.advertiser(advertiserId, facts.receivedAt).linksPersons;
}
