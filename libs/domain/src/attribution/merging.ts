/** Merging a further report into what is known of its conversion: what stands, what is added, and what is a conflict. */
import { isUuid } from '../click.ts';
import { reversedTransactionOf } from '../identity.ts';
import { type Money, moneyOf } from '../money.ts';
import type { ConversionFacts, Latest, UpdatedValues, Values } from './conversion.ts';
import { strictestConsent, withDetailsOf } from './details.ts';
import { statusOf, valuesOf } from './facts.ts';
import { namesPerson } from './keys.ts';
import { compareText, isSame } from './ordering.ts';
import type { CoreReason } from './reasons.ts';
import type { Report, ReportStatus } from './report.ts';
import type { RepeatMode } from './terms.ts';

/** What a report made of the facts. A conflict leaves them as they were. */
export type Merging =
  | { readonly kind: 'conflict'; readonly reasonCode: CoreReason }
  | {
      readonly kind: 'merged';
      readonly facts: ConversionFacts;
      /** It made the conversion, or changed its values or its status; else it is a repeat, though it may have added something. */
      readonly isCounted: boolean;
    };

/**
 * Merges one report. Reports come in log order, so what stands is what was first.
 *
 * | of a report in mode | stands | another value |
 * |---|---|---|
 * | reject, add | revenue with currency, tax, shipping: of each the first that was sent | conflict, nothing of the report counts |
 * | update | of each the one the edge received last, before any of the above | replaces |
 * | all | approved or rejected over pending | reject, add: conflict; update: the edge's last |
 * | all | click id, customer id: the first that was sent | conflict |
 * | all | everything else: the union | see {@link withDetailsOf} |
 *
 * A value that a report does not give is no other value: a network that knows no tax and a payment processor that does
 * speak of one order.
 */
export function mergeReport(known: ConversionFacts | null, report: Report, mode: RepeatMode): Merging {
  const before = known ?? factsWithoutReports(report);
  const reasonCode = conflictOf(before, report, mode);
  if (reasonCode !== null) return { kind: 'conflict', reasonCode };
  const merged = withReport(before, report, mode);
  const isCounted =
    known === null ||
    before.countedReceiptIds.includes(report.receiptId) ||
    statusOf(before) !== statusOf(merged) ||
    !isSame(valuesOf(before), valuesOf(merged));
  return { kind: 'merged', facts: isCounted ? withCounted(merged, report.receiptId) : merged, isCounted };
}

/** Why nothing of the report may count; null when it agrees with what stands. */
export function conflictOf(facts: ConversionFacts, report: Report, mode: RepeatMode): CoreReason | null {
  if (differ(facts.clickId, clickIdIn(report))) return 'click_differs';
  if (differ(facts.customerId, report.customerId)) return 'customer_differs';
  if (mode === 'update') return null;
  if (isOtherValue(facts.firstValues, valuesIn(report))) return 'values_differ';
  const isOtherStatus = report.status !== 'pending' && facts.firstStatus !== 'pending';
  return isOtherStatus && report.status !== facts.firstStatus ? 'status_differs' : null;
}

function isOtherValue(standing: Values, sent: Values): boolean {
  return (
    differ(standing.revenue?.micros ?? null, sent.revenue?.micros ?? null) ||
    differ(standing.revenue?.currency ?? null, sent.revenue?.currency ?? null) ||
    differ(standing.taxMicros, sent.taxMicros) ||
    differ(standing.shippingMicros, sent.shippingMicros)
  );
}

/** Null is silence and contradicts nothing. */
function differ<V>(a: V | null, b: V | null): boolean {
  return a !== null && b !== null && a !== b;
}

/** The click id as we mint them; null for one that can be none of ours. */
function clickIdIn({ clickId }: Report): string | null {
  return clickId !== null && isUuid(clickId) ? clickId.toLowerCase() : null;
}

function valuesIn(report: Report): Values {
  return {
    revenue: moneyOf(report.revenueMicros, report.currency),
    taxMicros: report.taxMicros,
    shippingMicros: report.shippingMicros,
  };
}

function withReport(facts: ConversionFacts, report: Report, mode: RepeatMode): ConversionFacts {
  const clickId = clickIdIn(report);
  const hasSubject = namesPerson(report.subjectHashes);
  const { receivedAt } = report;
  return {
    ...facts,
    receivedAt: Math.min(facts.receivedAt, receivedAt),
    sentOccurredAt: report.occurredAtIsAssumed
      ? facts.sentOccurredAt
      : earliest(facts.sentOccurredAt, report.occurredAt),
    eventTypes: facts.eventTypes.includes(report.eventType)
      ? facts.eventTypes
      : [...facts.eventTypes, report.eventType].toSorted(compareText),
    transactionId: smaller(facts.transactionId, report.transactionId),
    clickId: facts.clickId ?? clickId,
    malformedClickId:
      clickId === null ? smaller(facts.malformedClickId, report.clickId) : facts.malformedClickId,
    clickIdSince: clickId === null ? facts.clickIdSince : earliest(facts.clickIdSince, receivedAt),
    customerIdSince:
      report.customerId === null ? facts.customerIdSince : earliest(facts.customerIdSince, receivedAt),
    subjectSince: hasSubject ? earliest(facts.subjectSince, receivedAt) : facts.subjectSince,
    isReportedWithoutClick: facts.isReportedWithoutClick || clickId === null,
    customerId: facts.customerId ?? report.customerId,
    customerPosition: facts.customerPosition ?? (report.customerId === null ? null : report.position),
    firstValues: mode === 'update' ? facts.firstValues : withFirst(facts.firstValues, valuesIn(report)),
    firstStatus: mode === 'update' ? facts.firstStatus : settled(facts.firstStatus, report.status),
    updated: mode === 'update' ? withUpdate(facts.updated, report) : facts.updated,
    consentAdUserData: strictestConsent(facts.consentAdUserData, report.consentAdUserData),
    consentAdPersonalization: strictestConsent(
      facts.consentAdPersonalization,
      report.consentAdPersonalization,
    ),
    contributions: withDetailsOf(facts.contributions, report),
  };
}

function withFirst(standing: Values, sent: Values): Values {
  return {
    revenue: standing.revenue ?? sent.revenue,
    taxMicros: standing.taxMicros ?? sent.taxMicros,
    shippingMicros: standing.shippingMicros ?? sent.shippingMicros,
  };
}

/** A pending report takes nothing back. */
function settled(standing: ReportStatus, sent: ReportStatus): ReportStatus {
  return standing === 'pending' ? sent : standing;
}

function withUpdate(updated: UpdatedValues, report: Report): UpdatedValues {
  const { revenue, taxMicros, shippingMicros } = valuesIn(report);
  return {
    revenue: later<Money>(updated.revenue, revenue, report),
    taxMicros: later(updated.taxMicros, taxMicros, report),
    shippingMicros: later(updated.shippingMicros, shippingMicros, report),
    status: later(updated.status, report.status === 'pending' ? null : report.status, report),
  };
}

/** By the edge's clock and not by the log: a spool that is drained late never overrides a newer state. */
export function later<V>(
  standing: Latest<V> | null,
  value: V | null,
  { receivedAt, receiptId }: Pick<Report, 'receivedAt' | 'receiptId'>,
): Latest<V> | null {
  if (value === null) return standing;
  const sent = { value, receivedAt, receiptId };
  if (standing === null) return sent;
  const isLater = receivedAt - standing.receivedAt || compareText(receiptId, standing.receiptId);
  return isLater > 0 ? sent : standing;
}

function earliest(standing: number | null, at: number): number {
  return standing === null ? at : Math.min(standing, at);
}

function smaller(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return compareText(a, b) <= 0 ? a : b;
}

function withCounted(facts: ConversionFacts, receiptId: string): ConversionFacts {
  if (facts.countedReceiptIds.includes(receiptId)) return facts;
  return { ...facts, countedReceiptIds: [...facts.countedReceiptIds, receiptId] };
}

const NO_VALUES: Values = { revenue: null, taxMicros: null, shippingMicros: null };
const NO_UPDATES: UpdatedValues = { revenue: null, taxMicros: null, shippingMicros: null, status: null };

function factsWithoutReports(first: Report): ConversionFacts {
  return {
    receiptId: first.receiptId,
    sourceId: first.sourceId,
    position: first.position,
    countedReceiptIds: [],
    receivedAt: first.receivedAt,
    sentOccurredAt: null,
    eventTypes: [],
    transactionId: null,
    reversedTransactionId: reversedTransactionOf(first),
    clickId: null,
    malformedClickId: null,
    clickIdSince: null,
    customerIdSince: null,
    subjectSince: null,
    isReportedWithoutClick: false,
    customerId: null,
    customerPosition: null,
    firstValues: NO_VALUES,
    firstStatus: 'pending',
    updated: NO_UPDATES,
    consentAdUserData: 'unknown',
    consentAdPersonalization: 'unknown',
    contributions: [],
  };
}
