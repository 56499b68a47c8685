/** What an offer promises for one event type, in the numbers the decision core reckons with. */
import { type PayoutRule, parseDecimalToMicros, type Terms } from '@tributary/domain';
import type { Offer } from './entities.ts';

/** The offer's window for this event type and all its payout rules. */
export function termsOf(offer: Offer, eventType: string): Terms {
  const { default: standard, byEventType } = offer.windows;
  const own =
    byEventType !== undefined && Object.hasOwn(byEventType, eventType) ? byEventType[eventType] : undefined;
  const { minMs, maxMs } = own ?? standard;
  return { minMs, maxMs, payouts: offer.payouts.map(payoutRuleOf) };
}

function payoutRuleOf(rule: Offer['payouts'][number]): PayoutRule {
  const { eventType, partnerId = null } = rule;
  if (rule.kind === 'fixed') {
    const amount = { micros: microsOf(rule.amount), currency: rule.currency };
    return { eventType, partnerId, kind: rule.kind, amount };
  }
  return { eventType, partnerId, kind: rule.kind, percentMicros: microsOf(rule.percent) };
}

/** The schema has refused every other text. */
function microsOf(decimal: string): bigint {
  const parsed = parseDecimalToMicros(decimal);
  if (!parsed.ok) throw new TypeError(`a folded offer holds a decimal that is ${parsed.problem}`);
  return parsed.micros;
}
