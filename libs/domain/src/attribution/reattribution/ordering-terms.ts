/** The order that brings a live conversion to where other rules would have it: the terms of its offer, whole. */
import { eventTypeOf, judgedAtOf, takesBack } from '../facts.ts';
import type { OfferTerms } from '../terms.ts';
import type { ReplayRules } from './changed-rules.ts';
import { type Compared, changesOf } from './difference.ts';

/**
 * The terms to order; null where nothing has changed, or no order can bring it there: a reversal follows its original, and a
 * conversion that no offer leads to has no terms. Tests are left alone, for nobody is paid for them.
 */
export function termsToOrder(compared: Compared, rules: ReplayRules): OfferTerms | null {
  const { before, after } = compared;
  if (before.isTest || takesBack(after) || changesOf(compared).length === 0) return null;
  const offerId = (after.outcome.winner ?? before.outcome.winner)?.offerId;
  if (offerId === undefined) return null;
  const { terms: ordered, model } = after.orders;
  const { facts, decidedAt } = after;
  const inForce = () =>
    rules.byVersion(decidedAt.configurationVersion).terms(offerId, eventTypeOf(facts), judgedAtOf(facts));
  const terms = ordered?.offerId === offerId ? ordered : inForce();
  return terms === null || model === null ? terms : { ...terms, model };
}
