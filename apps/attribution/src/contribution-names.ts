/** What each receipt said beside the values, as names: the details themselves stand once, in the fields of the record. */
import type { Contribution, ConversionDecided } from '@tributary/contracts';
import { attribution } from '@tributary/domain';

/** Contributions say each thing once, and together what the fields of the record say: names are enough. */
export function namesIn(
  { occurredAt, receiptId, details }: attribution.Contribution,
  firstReceiptId: string,
): Contribution {
  return {
    occurredAt,
    receiptId: receiptId === firstReceiptId ? null : receiptId,
    details: attribution.SINGLE_DETAILS.filter((name) => details[name] !== null),
    subIds: Object.keys(details.subIds),
    extras: Object.keys(details.extras),
    subjectHashes: Object.keys(details.subjectHashes),
  };
}

/** The inverse of {@link namesIn}. */
export function contributionIn(record: ConversionDecided, names: Contribution): attribution.Contribution {
  const given = <V>(name: (typeof attribution.SINGLE_DETAILS)[number], value: V | null): V | null =>
    names.details.includes(name) ? value : null;
  return {
    occurredAt: names.occurredAt,
    receiptId: names.receiptId ?? record.receiptId,
    details: {
      predictedLtvMicros: given('predictedLtvMicros', record.predictedLtvMicros),
      productId: given('productId', record.productId),
      planId: given('planId', record.planId),
      couponCode: given('couponCode', record.couponCode),
      quantity: given('quantity', record.quantity),
      ipCiphertext: given('ipCiphertext', record.ipCiphertext),
      userAgent: given('userAgent', record.userAgent),
      country: given('country', record.country),
      subIds: named(record.subIds, names.subIds),
      extras: named(record.extras, names.extras),
      subjectHashes: named(record.subjectHashes, names.subjectHashes),
    },
  };
}

function named(
  all: Readonly<Record<string, string>>,
  names: readonly string[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
}
