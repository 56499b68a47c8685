/** What the merged reports of a conversion come to: its type, time, status and values as they stand. */
import { isReversal } from '../identity.ts';
import type { ConversionFacts, Values } from './conversion.ts';
import { compareText } from './ordering.ts';
import type { ReportStatus } from './report.ts';

/** The type that says most stands for the conversion, whatever was reported first; others follow by name. */
const TYPES_BY_RANK: readonly string[] = [
  'first_purchase',
  'repeat_purchase',
  'subscription_started',
  'sale',
  'purchase',
];

/** Of one fact reported as `first_purchase` and as `sale` this is `first_purchase`. */
export function eventTypeOf({ eventTypes }: Pick<ConversionFacts, 'eventTypes'>): string {
  const ranked = eventTypes.toSorted((a, b) => rankOf(a) - rankOf(b) || compareText(a, b));
  return ranked[0] ?? '';
}

function rankOf(eventType: string): number {
  const rank = TYPES_BY_RANK.indexOf(eventType);
  return rank === -1 ? TYPES_BY_RANK.length : rank;
}

/** The earliest time that was sent; only when none was, the earliest receipt. */
export function occurredAtOf({ sentOccurredAt, receivedAt }: ConversionFacts): number {
  return sentOccurredAt ?? receivedAt;
}

/** Whose terms and rates judge it: a sender's clock that runs ahead must not reach terms that are not in force yet. */
export function judgedAtOf(facts: ConversionFacts): number {
  return Math.min(occurredAtOf(facts), facts.receivedAt);
}

/** What an update brought stands over what was reported first. */
export function statusOf({ updated, firstStatus }: ConversionFacts): ReportStatus {
  return updated.status?.value ?? firstStatus;
}

export function valuesOf({ updated, firstValues }: ConversionFacts): Values {
  return {
    revenue: updated.revenue?.value ?? firstValues.revenue,
    taxMicros: updated.taxMicros?.value ?? firstValues.taxMicros,
    shippingMicros: updated.shippingMicros?.value ?? firstValues.shippingMicros,
  };
}

/** Whether it takes money back from an earlier conversion. */
export function takesBack({ facts }: { readonly facts: Pick<ConversionFacts, 'eventTypes'> }): boolean {
  return facts.eventTypes.some(isReversal);
}
