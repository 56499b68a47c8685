/** The conversion.decided and postback.judged events: what the rules decided, with the postback and the click they decided on. */
import type {
  ClickRecorded,
  ConversionDecided,
  PostbackJudged,
  PostbackReceived,
  TriggerKind,
} from '@tributary/contracts';
import {
  type ConversionFacts,
  type Decision,
  isReversal,
  type Judgement,
  moneyOf,
  valueDigest,
} from '@tributary/domain';

/** Where and when a revision was decided. */
export interface DecidedAt {
  readonly kind: TriggerKind;
  readonly partition: number;
  readonly offset: number;
  readonly now: number;
  readonly configurationVersion: number;
}

const MODEL = 'last_click';

/** What these rules do not know of: as the schema has it in revisions of before it was kept. */
const NOT_KEPT = {
  eventTypes: [],
  reversedTransactionId: null,
  reportedClickId: null,
  malformedClickId: null,
  matchedBy: null,
  clickKind: null,
  clickReceivedAt: null,
  clickCustomerId: null,
  clickSubjectHashes: {},
  clickAutomation: null,
  payoutParts: [],
  askedMicros: null,
  isForeign: false,
  capPlaces: [],
  tierPlaces: [],
  orders: { ruling: null, clickId: null, model: null, terms: null, reasonCodes: [] },
  ledger: {
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
  },
} satisfies Partial<ConversionDecided>;

/** The part of a postback the rules read. */
export function factsOfPostback(postback: PostbackReceived): ConversionFacts {
  return {
    receiptId: postback.receiptId,
    advertiserId: postback.advertiserId,
    eventType: postback.eventType,
    status: postback.status,
    clickId: postback.clickId,
    revenue: moneyOf(signedRevenue(postback), postback.currency),
    occurredAt: postback.occurredAt,
    receivedAt: postback.receivedAt,
    valueDigest: valueDigest(postback),
    isTest: postback.isTest,
  };
}

/** The same part, of a conversion decided before. */
export function factsOfDecision(decided: ConversionDecided): ConversionFacts {
  return {
    receiptId: decided.receiptId,
    advertiserId: decided.advertiserId,
    eventType: decided.eventType,
    status: decided.status,
    clickId: soughtClickId(decided),
    revenue: moneyOf(decided.revenueMicros, decided.currency),
    occurredAt: decided.occurredAt,
    receivedAt: decided.receivedAt,
    valueDigest: decided.valueDigest,
    isTest: decided.isTest,
  };
}

/** The click id a parked conversion waits for. */
export function soughtClickId(decided: ConversionDecided): string | null {
  return decided.candidates[0]?.clickId ?? null;
}

/** The first revision of a conversion. */
export function firstRevision(
  identity: { readonly conversionId: string; readonly eventClass: string },
  postback: PostbackReceived,
  decision: Decision,
  click: ClickRecorded | null,
  at: DecidedAt,
): ConversionDecided {
  return {
    ...NOT_KEPT,
    ...identity,
    lane: postback.lane,
    advertiserId: postback.advertiserId,
    sourceId: postback.sourceId,
    receiptId: postback.receiptId,
    eventType: postback.eventType,
    transactionId: postback.transactionId,
    originalConversionId: null,
    customerId: postback.customerId,
    status: postback.status,
    occurredAt: postback.occurredAt,
    occurredAtIsAssumed: postback.occurredAtIsAssumed,
    receivedAt: postback.receivedAt,
    quantity: postback.quantity,
    revenueMicros: signedRevenue(postback),
    currency: postback.currency,
    taxMicros: postback.taxMicros,
    shippingMicros: postback.shippingMicros,
    predictedLtvMicros: postback.predictedLtvMicros,
    subIds: postback.subIds,
    extras: postback.extras,
    productId: postback.productId,
    planId: postback.planId,
    couponCode: postback.couponCode,
    ipCiphertext: postback.ipCiphertext,
    userAgent: postback.userAgent,
    country: postback.country,
    consentAdUserData: postback.consentAdUserData,
    consentAdPersonalization: postback.consentAdPersonalization,
    valueDigest: valueDigest(postback),
    isTest: postback.isTest,
    reversedRevenueMicros: null,
    reversedPayoutMicros: null,
    exchangeRateId: null,
    isFirstOfCustomer: null,
    heldUntil: null,
    model: MODEL,
    ...decidedFields(decision, at),
    ...clickFields(decision, click),
    subjectHashes: { ...click?.subjectHashes, ...postback.subjectHashes },
  };
}

/** The revision after `previous`: the postback's facts stay, what the rules decide is new. */
export function nextRevision(
  previous: ConversionDecided,
  decision: Decision,
  click: ClickRecorded | null,
  at: DecidedAt,
): ConversionDecided {
  return {
    ...previous,
    ...decidedFields(decision, at),
    ...clickFields(decision, click),
    subjectHashes: { ...click?.subjectHashes, ...previous.subjectHashes },
  };
}

export function verdictRecord(
  postback: PostbackReceived,
  judgement: Judgement,
  conversionId: string,
  at: DecidedAt,
): PostbackJudged {
  return {
    receiptId: postback.receiptId,
    sourceId: postback.sourceId,
    lane: postback.lane,
    advertiserId: postback.advertiserId,
    verdict: judgement.verdict,
    reasonCode: judgement.reasonCode,
    conversionId: judgement.revision === null ? null : conversionId,
    revision: judgement.revision,
    receivedAt: postback.receivedAt,
    judgedAt: at.now,
    triggerPartition: at.partition,
    triggerOffset: at.offset,
    configurationVersion: at.configurationVersion,
    isTest: postback.isTest,
  };
}

function decidedFields(decision: Decision, at: DecidedAt) {
  return {
    revision: decision.revision,
    match: decision.match,
    state: decision.state,
    reasonCodes: decision.reasonCodes,
    decidedAt: at.now,
    parkedUntil: decision.parkedUntil,
    triggerKind: at.kind,
    triggerPartition: at.partition,
    triggerOffset: at.offset,
    configurationVersion: at.configurationVersion,
    payoutMicros: decision.payout?.money.micros ?? null,
    payoutCurrency: decision.payout?.money.currency ?? null,
    payoutRule: decision.payout?.rule ?? null,
    candidates: decision.candidates,
  };
}

function clickFields(decision: Decision, click: ClickRecorded | null) {
  const winner = decision.winner !== null && click?.clickId === decision.winner ? click : null;
  return {
    offerId: winner?.offerId ?? null,
    campaignId: winner?.campaignId ?? null,
    partnerId: winner?.partnerId ?? null,
    clickId: winner?.clickId ?? null,
    clickedAt: winner?.clickedAt ?? null,
    partnerClickId: winner?.partnerClickId ?? null,
    clickSubIds: winner?.subIds ?? {},
    adPlatformIds: winner?.adPlatformIds ?? [],
    landingUrl: winner?.landingUrl ?? null,
    clickUserAgent: winner?.userAgent ?? null,
    clickCountry: winner?.country ?? null,
    clickIpCiphertext: winner?.ipCiphertext ?? null,
    credits:
      winner === null
        ? []
        : [{ clickId: winner.clickId, partnerId: winner.partnerId, numerator: 1, denominator: 1 }],
  };
}

/** A reversal is a negative fact; senders give its amount as a positive number. */
function signedRevenue({ eventType, revenueMicros }: PostbackReceived): bigint | null {
  if (revenueMicros === null) return null;
  return isReversal(eventType) ? -revenueMicros : revenueMicros;
}
