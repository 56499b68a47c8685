/** The conversion.current event: a conversion as it stands, for those who keep no history. */
import { type OutgoingRecord, outgoing } from '@tributary/bus';
import type { ConversionDecided, Ledger } from '@tributary/contracts';

/** As in revisions of before there was one. */
const NO_LEDGER: Ledger = {
  firstPartition: null,
  firstOffset: null,
  furtherReceiptIds: [],
  clickIdSince: null,
  customerIdSince: null,
  subjectSince: null,
  isReportedWithoutClick: false,
  customerPartition: null,
  customerOffset: null,
  firstRevenueMicros: null,
  firstCurrency: null,
  firstTaxMicros: null,
  firstShippingMicros: null,
  firstStatus: null,
  updates: [],
  contributions: [],
  isReportedClickEligible: false,
  isTestClick: false,
  isFirstOfCustomer: null,
  hasSeenClicks: false,
  gaveUpClickId: null,
  waitedUntil: null,
  waitedForConditionUntil: null,
};

/**
 * A decided revision without its ledger, which only attribution reads: personal data that was replaced long ago must not
 * stand in a current state.
 */
export function currentRecord(decided: ConversionDecided): ConversionDecided {
  return { ...decided, ledger: NO_LEDGER };
}

/**
 * What goes to the topic for revisions that are decided together, in the order of the log: of each conversion only the last,
 * since compaction would remove the others. Sent after conversion.decided has them: what is current must be decided.
 */
export function currentRecords(decided: readonly ConversionDecided[]): readonly OutgoingRecord[] {
  const latest = new Map(decided.map((record) => [record.conversionId, record]));
  return [...latest.values()].map((record) =>
    outgoing('conversion.current.v1', record.conversionId, currentRecord(record)),
  );
}
