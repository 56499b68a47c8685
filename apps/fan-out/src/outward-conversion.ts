/** A decided conversion as destination definitions see it; addresses are decrypted here, for one build, and nowhere else. */
import type { ConversionDecided } from '@tributary/contracts';
import { type ClickTouch, moneyOf, type OutwardConversion, outwardValueOf } from '@tributary/domain';
import type { Encryption } from '@tributary/runtime';
import { unreadableAddresses } from './fan-out-metrics.ts';

export function outwardConversionOf(decided: ConversionDecided, encryption: Encryption): OutwardConversion {
  const address = decided.ipCiphertext ?? decided.clickIpCiphertext;
  return {
    conversionId: decided.conversionId,
    revision: decided.revision,
    advertiserId: decided.advertiserId,
    offerId: decided.offerId,
    campaignId: decided.campaignId,
    partnerId: decided.partnerId,
    sourceId: decided.sourceId,
    eventType: decided.eventType,
    match: decided.match,
    state: decided.state,
    transactionId: decided.transactionId,
    originalConversionId: decided.originalConversionId,
    originalTransactionId: decided.reversedTransactionId,
    customerId: decided.customerId,
    isFirstOfCustomer: decided.isFirstOfCustomer,
    occurredAt: decided.occurredAt,
    receivedAt: decided.receivedAt,
    decidedAt: decided.decidedAt,
    ...outwardValueOf(decided).amounts,
    tax: moneyOf(decided.taxMicros, decided.currency),
    shipping: moneyOf(decided.shippingMicros, decided.currency),
    predictedLtv: moneyOf(decided.predictedLtvMicros, decided.currency),
    productId: decided.productId,
    planId: decided.planId,
    couponCode: decided.couponCode,
    quantity: decided.quantity,
    subIds: decided.subIds,
    click: clickTouchOf(decided),
    subjectHashes: decided.subjectHashes,
    ipAddress: address === null ? null : addressIn(address, encryption),
    userAgent: decided.userAgent ?? decided.clickUserAgent,
    country: decided.country ?? decided.clickCountry,
    consent: { adUserData: decided.consentAdUserData, adPersonalization: decided.consentAdPersonalization },
    extras: decided.extras,
    isTest: decided.isTest,
  };
}

/** A key that this process lacks must not set aside what others are to be sent: whoever needs the address refuses the delivery. */
function addressIn(ciphertext: Uint8Array, encryption: Encryption): string | null {
  try {
    return encryption.decryptPersonal(ciphertext);
  } catch {
    unreadableAddresses.inc();
    return null;
  }
}

function clickTouchOf(decided: ConversionDecided): ClickTouch | null {
  if (decided.clickId === null || decided.clickedAt === null || decided.campaignId === null) return null;
  return {
    clickId: decided.clickId,
    clickedAt: decided.clickedAt,
    campaignId: decided.campaignId,
    partnerId: decided.partnerId,
    partnerClickId: decided.partnerClickId,
    subIds: decided.clickSubIds,
    adPlatformIds: decided.adPlatformIds,
    landingUrl: decided.landingUrl,
    userAgent: decided.clickUserAgent,
    country: decided.clickCountry,
  };
}
