/** A received postback as the rules read it: their fields and its place in the log, without the raw call. */
import type { PostbackReceived } from '@tributary/contracts';
import type { attribution } from '@tributary/domain';

type Reported = Pick<PostbackReceived, Exclude<keyof attribution.Report, 'position'>>;

/** @param position of the record in postback.received. */
export function reportOf(postback: Reported, position: attribution.Position): attribution.Report {
  return {
    receiptId: postback.receiptId,
    sourceId: postback.sourceId,
    lane: postback.lane,
    advertiserId: postback.advertiserId,
    position,
    receivedAt: postback.receivedAt,
    occurredAt: postback.occurredAt,
    occurredAtIsAssumed: postback.occurredAtIsAssumed,
    eventType: postback.eventType,
    status: postback.status,
    clickId: postback.clickId,
    transactionId: postback.transactionId,
    originalTransactionId: postback.originalTransactionId,
    reversalId: postback.reversalId,
    customerId: postback.customerId,
    revenueMicros: postback.revenueMicros,
    currency: postback.currency,
    taxMicros: postback.taxMicros,
    shippingMicros: postback.shippingMicros,
    predictedLtvMicros: postback.predictedLtvMicros,
    productId: postback.productId,
    planId: postback.planId,
    couponCode: postback.couponCode,
    quantity: postback.quantity,
    ipCiphertext: postback.ipCiphertext,
    userAgent: postback.userAgent,
    country: postback.country,
    subIds: postback.subIds,
    extras: postback.extras,
    subjectHashes: postback.subjectHashes,
    consentAdUserData: postback.consentAdUserData,
    consentAdPersonalization: postback.consentAdPersonalization,
    isTest: postback.isTest,
  };
}
