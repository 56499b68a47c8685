/** Revisions of before there was a ledger, completed by what they tell: what was decided then can be merged and decided further. */
import type { ConversionDecided, Ledger } from '@tributary/contracts';
import { attribution, isReversal, isUuid } from '@tributary/domain';
import { namesIn } from './contribution-names.ts';

/**
 * The record itself when it has a ledger; else with one, as if its only report were all that it tells of.
 *
 * | not on record | taken for it |
 * |---|---|
 * | place of the report in the log | that of the revision, which is never before it |
 * | click id as sent | the candidate: those rules considered no other click |
 * | which hashes were the click's | none: of the report and the click they stood together |
 * | original transaction of a reversal | its own transaction id, which is what most senders put there |
 */
export function withLedger(record: ConversionDecided): ConversionDecided {
  if (record.ledger.firstOffset !== null) return record;
  const sent = record.candidates[0]?.clickId ?? null;
  const clickId = sent !== null && isUuid(sent) ? sent.toLowerCase() : null;
  const isReversed = isReversal(record.eventType);
  const asked = isReversed && record.revenueMicros !== null ? -record.revenueMicros : null;
  return {
    ...record,
    eventTypes: [record.eventType],
    reversedTransactionId: isReversed ? record.transactionId : null,
    reportedClickId: clickId,
    malformedClickId: clickId === null ? sent : null,
    matchedBy: record.match === 'attributed' ? 'click_id' : null,
    payoutParts: payoutPartsOf(record),
    askedMicros: asked,
    ledger: ledgerOf(record, clickId, asked ?? record.revenueMicros),
  };
}

/** Credit was never shared. */
function payoutPartsOf({ credits, payoutMicros }: ConversionDecided): ConversionDecided['payoutParts'] {
  if (payoutMicros === null) return [];
  return credits.map(({ clickId, partnerId }) => ({ clickId, partnerId, micros: payoutMicros }));
}

function ledgerOf(record: ConversionDecided, clickId: string | null, sentMicros: bigint | null): Ledger {
  const { receivedAt, customerId, triggerPartition, triggerOffset } = record;
  const hasCustomer = customerId !== null;
  const hasGivenUp = record.reasonCodes.includes('deadline_passed');
  return {
    ...record.ledger,
    firstPartition: triggerPartition,
    firstOffset: triggerOffset,
    clickIdSince: clickId === null ? null : receivedAt,
    customerIdSince: hasCustomer ? receivedAt : null,
    subjectSince: attribution.namesPerson(record.subjectHashes) ? receivedAt : null,
    isReportedWithoutClick: clickId === null,
    customerPartition: hasCustomer ? triggerPartition : null,
    customerOffset: hasCustomer ? triggerOffset : null,
    firstRevenueMicros: sentMicros,
    firstCurrency: record.currency,
    firstTaxMicros: record.taxMicros,
    firstShippingMicros: record.shippingMicros,
    firstStatus: record.status,
    contributions: contributionsOf(record),
    isReportedClickEligible: !isReversal(record.eventType) && record.clickId !== null,
    isTestClick: record.isTest,
    gaveUpClickId: hasGivenUp ? clickId : null,
  };
}

/** None when the report said nothing beside its values. */
function contributionsOf(record: ConversionDecided): Ledger['contributions'] {
  const { occurredAt, receiptId } = record;
  const names = namesIn({ occurredAt, receiptId, details: record }, receiptId);
  const given = [...names.details, ...names.subIds, ...names.extras, ...names.subjectHashes];
  return given.length === 0 ? [] : [names];
}
