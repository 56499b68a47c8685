/** What is on record of a sale that waited for its click, was reported twice, delivered at the second attempt, and refunded in part. */
import type { ConversionDecided, DeliveryAttempted, PostbackJudged } from '@tributary/contracts';
import type { ConversionEvidence } from '@tributary/store';
import { aClick, aDecision, aPostback } from '@tributary/testing';

export const SALE_ID = 'c0ffee00-0000-8000-8000-0000000000a1';
export const REFUND_ID = 'c0ffee00-0000-8000-8000-0000000000a2';
const [FIRST, REPEAT, REFUND_RECEIPT] = [1, 2, 3].map((n) => `019b7c40-0000-7000-8000-0000000000a${n}`) as [
  string,
  string,
  string,
];
const [WON, LOST] = [1, 2].map((n) => `019b7c0a-1c88-7000-8000-0000000000a${n}`) as [string, string];

/** When the sale occurred. */
export const SOLD_AT = Date.UTC(2030, 0, 2, 4);
const MINUTE = 60_000;
/** Of the configuration: the advertiser is at 0, its offer at 1. */
const CONFIGURATION_VERSION = 1;
const RAW_CALL = 'GET /postback/acme-backend?transaction_id=order-1&revenue=119.00&tax=19.00';

const click = aClick({ clickId: WON, clickedAt: SOLD_AT - 60 * MINUTE, receivedAt: SOLD_AT - 60 * MINUTE });
const lostClick = aClick({ clickId: LOST, partnerId: 'partner-2', clickedAt: SOLD_AT - 90 * MINUTE });
const credit = { clickId: WON, partnerId: 'partner-1', numerator: 1, denominator: 1 };
const winner = {
  clickId: WON,
  clickedAt: click.clickedAt,
  clickReceivedAt: click.receivedAt,
  reportedClickId: WON,
  credits: [credit],
  candidates: [
    {
      clickId: WON,
      campaignId: 'acme-campaign',
      clickedAt: click.clickedAt,
      outcome: 'won',
      reasonCode: null,
    },
    {
      clickId: LOST,
      campaignId: 'acme-campaign',
      clickedAt: lostClick.clickedAt,
      outcome: 'lost',
      reasonCode: 'not_credited',
    },
  ],
} as const;

/** 30 % of 119.00 EUR without 19.00 EUR tax. */
const attributed = aDecision({
  ...winner,
  conversionId: SALE_ID,
  revision: 2,
  receiptId: FIRST,
  occurredAt: SOLD_AT,
  occurredAtIsAssumed: false,
  receivedAt: SOLD_AT + 500,
  decidedAt: SOLD_AT + MINUTE,
  triggerKind: 'late_click',
  triggerOffset: 1,
  revenueMicros: 119_000_000n,
  taxMicros: 19_000_000n,
  payoutMicros: 30_000_000n,
  payoutParts: [{ clickId: WON, partnerId: 'partner-1', micros: 30_000_000n }],
  configurationVersion: CONFIGURATION_VERSION,
});

const parked: ConversionDecided = {
  ...attributed,
  revision: 1,
  match: 'parked',
  matchedBy: null,
  reasonCodes: ['click_not_found'],
  parkedUntil: SOLD_AT + 1_440 * MINUTE,
  decidedAt: SOLD_AT + 520,
  triggerKind: 'postback',
  payoutMicros: null,
  payoutCurrency: null,
  payoutRule: null,
  payoutParts: [],
  credits: [],
  candidates: [
    { clickId: WON, campaignId: null, clickedAt: null, outcome: 'missing', reasonCode: 'click_not_found' },
  ],
  clickId: null,
  clickedAt: null,
  clickReceivedAt: null,
  clickKind: null,
  offerId: null,
  campaignId: null,
  partnerId: null,
};

const refunded: ConversionDecided = {
  ...attributed,
  revision: 3,
  reversedRevenueMicros: 11_900_000n,
  reversedPayoutMicros: 3_000_000n,
  decidedAt: SOLD_AT + 10 * MINUTE,
  triggerKind: 'postback',
  triggerOffset: 3,
};

const refund: ConversionDecided = {
  ...attributed,
  conversionId: REFUND_ID,
  revision: 1,
  receiptId: REFUND_RECEIPT,
  eventType: 'refund',
  eventClass: 'refund',
  eventTypes: ['refund'],
  transactionId: null,
  reversedTransactionId: 'order-1',
  originalConversionId: SALE_ID,
  matchedBy: 'original',
  askedMicros: 11_900_000n,
  revenueMicros: -11_900_000n,
  taxMicros: null,
  payoutMicros: -3_000_000n,
  payoutParts: [{ clickId: WON, partnerId: 'partner-1', micros: -3_000_000n }],
  occurredAt: SOLD_AT + 9 * MINUTE,
  receivedAt: SOLD_AT + 9 * MINUTE,
  decidedAt: SOLD_AT + 10 * MINUTE,
  triggerKind: 'postback',
  triggerOffset: 3,
  ledger: { ...attributed.ledger, firstRevenueMicros: 11_900_000n, firstCurrency: 'EUR' },
};

function postback(receiptId: string, receivedAt: number, changes: Parameters<typeof aPostback>[0] = {}) {
  return aPostback({
    receiptId,
    receivedAt,
    occurredAt: SOLD_AT,
    occurredAtIsAssumed: false,
    clickId: WON,
    revenueMicros: 119_000_000n,
    taxMicros: 19_000_000n,
    rawCall: RAW_CALL,
    ...changes,
  });
}

function judged(
  { receiptId, receivedAt }: { readonly receiptId: string; readonly receivedAt: number },
  changes: Partial<PostbackJudged>,
): PostbackJudged {
  return {
    receiptId,
    sourceId: 'acme-backend',
    lane: 'acme',
    advertiserId: 'acme',
    verdict: 'counted',
    reasonCode: null,
    conversionId: SALE_ID,
    revision: 1,
    receivedAt,
    judgedAt: receivedAt + 20,
    triggerPartition: 0,
    triggerOffset: 0,
    configurationVersion: CONFIGURATION_VERSION,
    isTest: false,
    ...changes,
  };
}

/** Both facts of one request, which carried another conversion too. */
function request(
  number: number,
  outcome: 'retry' | 'delivered',
  responseStatus: number,
): readonly DeliveryAttempted[] {
  const startedAt = SOLD_AT + (number + 1) * MINUTE;
  const carried = {
    revision: 2,
    outwardEvent: 'sale',
    attempt: number,
    contentDigest: '0d',
    outcome: null,
    reasonCode: null,
    nextAttemptAt: null,
  };
  const delivery = { ...carried, deliveryId: 'de11fe12-0000-8000-8000-0000000000a1', conversionId: SALE_ID };
  const other = {
    ...carried,
    deliveryId: 'de11fe12-0000-8000-8000-0000000000b1',
    conversionId: 'c0ffee00-0000-8000-8000-0000000000b1',
  };
  const intended: DeliveryAttempted = {
    requestId: `019b7c50-0000-7000-8000-0000000000a${number}`,
    phase: 'intended',
    destinationId: 'partner-1-postback',
    definition: 'partner-postback',
    definitionVersion: '1',
    advertiserId: 'acme',
    deliveries: [other, delivery],
    method: 'POST',
    url: 'https://partner.example/postback?token=[redacted]',
    requestHeaders: { 'content-type': 'application/json' },
    requestBody: '{"order":"order-1"}',
    responseStatus: null,
    responseHeaders: {},
    responseBody: null,
    errorCode: null,
    startedAt,
    endedAt: null,
    durationMs: null,
    configurationVersion: CONFIGURATION_VERSION,
    isTest: false,
    holdings: [],
  };
  const reasonCode = outcome === 'retry' ? `http_${responseStatus}` : null;
  const nextAttemptAt = outcome === 'retry' ? startedAt + 1_000 : null;
  const ended: DeliveryAttempted = {
    ...intended,
    phase: 'ended',
    deliveries: [other, delivery].map((each) => ({ ...each, outcome, reasonCode, nextAttemptAt })),
    responseStatus,
    responseHeaders: { server: 'partner' },
    responseBody: outcome,
    endedAt: startedAt + 120,
    durationMs: 120,
  };
  return [intended, ended];
}

const first = postback(FIRST, SOLD_AT + 500);
const repeat = postback(REPEAT, SOLD_AT + 2 * MINUTE);
const refundPostback = postback(REFUND_RECEIPT, SOLD_AT + 9 * MINUTE, {
  eventType: 'refund',
  revenueMicros: 11_900_000n,
  taxMicros: null,
});

export const SALE_EVIDENCE: ConversionEvidence = {
  revisions: [parked, attributed, refunded],
  postbacks: [
    { judged: judged(first, { verdict: 'parked', reasonCode: 'click_not_found' }), postback: first },
    { judged: judged(repeat, { verdict: 'duplicate_of', revision: 2, triggerOffset: 2 }), postback: repeat },
  ],
  clicks: [click, lostClick],
  original: null,
  reversals: [refund],
  attempts: [...request(1, 'retry', 503), ...request(2, 'delivered', 200)],
};

export const REFUND_EVIDENCE: ConversionEvidence = {
  revisions: [refund],
  postbacks: [
    {
      judged: judged(refundPostback, { conversionId: REFUND_ID, triggerOffset: 3 }),
      postback: refundPostback,
    },
  ],
  clicks: [click, lostClick],
  original: refunded,
  reversals: [],
  attempts: [],
};
