/** The JSON schemas of an explanation, for the OpenAPI document. */
import { attribution, DEDUCTIONS, MATCHES, STATES, VERDICTS } from '@tributary/domain';
import { flag, instant, type Json, list, nullable, object, ref, text, texts, whole } from '../json-schema.ts';

const maybeText = nullable(text);
const maybeInstant = nullable(instant);
const maybeWhole = nullable(whole);
const maybeMoney = nullable(ref('Money'));
const maybeReason = nullable(ref('Reason'));
const micros = { type: 'string', pattern: '^-?[0-9]+$' };
const window = object({ minMs: whole, maxMs: whole });
const share = object({ numerator: whole, denominator: whole });

function oneOf(values: readonly string[]): Json {
  return { type: 'string', enum: [...values] };
}

const status = oneOf(['pending', 'approved', 'rejected']);
const match = oneOf(MATCHES);
const state = oneOf(STATES);
const matchedBy = nullable(oneOf(attribution.MATCH_PATHS));

const stateFields = {
  revision: whole,
  status,
  match,
  matchedBy,
  state,
  reasons: list(ref('Reason')),
  clickId: maybeText,
  revenue: maybeMoney,
  payout: maybeMoney,
  payoutRule: maybeText,
  reversedRevenue: maybeMoney,
  reversedPayout: maybeMoney,
  parkedUntil: maybeInstant,
  heldUntil: maybeInstant,
  decidedAt: instant,
};

const standing = object({
  ...stateFields,
  eventType: text,
  eventClass: text,
  transactionId: maybeText,
  customerId: maybeText,
  isFirstOfCustomer: nullable(flag),
  advertiserId: text,
  offerId: maybeText,
  campaignId: maybeText,
  partnerId: maybeText,
  lane: text,
  isTest: flag,
  occurredAt: instant,
  occurredAtIsAssumed: flag,
  receivedAt: instant,
});

const revision = object({
  ...stateFields,
  trigger: object({ kind: oneOf(attribution.TRIGGER_KINDS), partition: whole, offset: whole }),
  configurationVersion: whole,
  ordered: nullable(object({ ruling: maybeText, clickId: maybeText, model: maybeText, hasOwnTerms: flag })),
});

const report = object({
  occurredAt: instant,
  occurredAtIsAssumed: flag,
  eventType: text,
  eventTypeSent: maybeText,
  status,
  statusSent: maybeText,
  clickId: maybeText,
  transactionId: maybeText,
  originalTransactionId: maybeText,
  reversalId: maybeText,
  customerId: maybeText,
  revenue: maybeMoney,
  tax: maybeMoney,
  shipping: maybeMoney,
  authenticatedBy: list(text),
  warnings: list(text),
  contentDigest: text,
});

const postback = object(
  {
    receiptId: text,
    sourceId: text,
    verdict: oneOf(VERDICTS),
    reason: maybeReason,
    revision: maybeWhole,
    isCounted: flag,
    receivedAt: instant,
    judgedAt: instant,
    report: nullable(report),
    rawCall: maybeText,
  },
  ['rawCall'],
);

const click = object({
  clickId: text,
  kind: maybeText,
  offerId: maybeText,
  campaignId: maybeText,
  partnerId: maybeText,
  partnerClickId: maybeText,
  clickedAt: maybeInstant,
  receivedAt: maybeInstant,
  landingUrl: maybeText,
  userAgent: maybeText,
  country: maybeText,
  automation: maybeText,
  subIds: texts,
  adPlatformIds: list(object({ name: text, value: text, firstSeenAt: instant })),
});

const candidate = object({
  clickId: text,
  campaignId: maybeText,
  clickedAt: maybeInstant,
  outcome: oneOf(['won', 'lost', 'missing']),
  reason: maybeReason,
  credit: nullable(share),
  click: nullable(ref('ExplainedClick')),
});

const rules = object({
  model: text,
  isOrdered: flag,
  terms: nullable(
    object({
      window,
      viewThroughWindow: nullable(window),
      matchesHashedIdentity: flag,
      condition: nullable(object({ eventType: text, withinMs: whole })),
    }),
  ),
  behind: list(
    object({
      entityType: text,
      entityId: text,
      version: whole,
      effectiveFrom: instant,
      changeId: maybeText,
      recordedAt: maybeInstant,
      actor: maybeText,
    }),
  ),
});

const pays = {
  oneOf: [
    object({ kind: { const: 'fixed' }, amount: ref('Money') }),
    object({ kind: { const: 'percent' }, percent: text, netOf: list(oneOf(DEDUCTIONS)) }),
  ],
};
const limit = {
  oneOf: [
    object({ kind: { const: 'count' }, count: whole }),
    object({ kind: { const: 'payout' }, money: ref('Money') }),
  ],
};

/** The fields of each step beside its name. */
const STEPS: Readonly<Record<attribution.MoneyStep['step'], Json>> = {
  revenue: { money: maybeMoney },
  default_value: { money: maybeMoney },
  net: {
    deductions: list(object({ deduction: oneOf(DEDUCTIONS), money: maybeMoney })),
    money: ref('Money'),
  },
  exchange: {
    exchangeRateId: text,
    rate: nullable(object({ from: text, to: text, numerator: micros, denominator: micros })),
    money: maybeMoney,
    isRounded: flag,
  },
  rule: {
    rule: text,
    pays: nullable(pays),
    tier: maybeWhole,
    tierFrom: nullable(micros),
    tierPosition: maybeWhole,
    money: maybeMoney,
  },
  cap: {
    caps: list(
      object({
        capId: text,
        period: maybeText,
        periodStart: instant,
        isGranted: flag,
        payoutMicros: micros,
        limit: nullable(limit),
      }),
    ),
    money: maybeMoney,
  },
  asked: { money: maybeMoney },
  taken: { ofRevenue: maybeMoney, ofPayout: maybeMoney, revenue: maybeMoney, payout: maybeMoney },
  split: {
    parts: list(object({ clickId: text, partnerId: maybeText, share, money: ref('Money') })),
  },
  reversed: { revenue: maybeMoney, payout: maybeMoney, revenueLeft: maybeMoney, payoutLeft: maybeMoney },
};

const call = object({ headers: texts, body: maybeText });

export const attempt = object(
  {
    requestId: text,
    attempt: whole,
    revision: whole,
    outcome: maybeText,
    reasonCode: maybeText,
    nextAttemptAt: maybeInstant,
    contentDigest: text,
    startedAt: instant,
    endedAt: maybeInstant,
    durationMs: maybeWhole,
    method: text,
    url: text,
    responseStatus: maybeWhole,
    errorCode: maybeText,
    carriedConversions: whole,
    request: call,
    response: call,
  },
  ['request', 'response'],
);

const delivery = object({
  deliveryId: text,
  destinationId: text,
  definition: text,
  outwardEvent: text,
  outcome: maybeText,
  settings: nullable(
    object({
      version: whole,
      chosen: text,
      why: text,
      passedOver: list(object({ path: text, why: text })),
    }),
  ),
  attempts: list(attempt),
});

const related = object({
  conversionId: text,
  eventType: text,
  occurredAt: instant,
  match,
  state,
  revenue: maybeMoney,
  payout: maybeMoney,
});

export const EXPLANATION_SCHEMAS: Json = {
  Money: object({ micros, decimal: text, currency: text }),
  Reason: object({ code: text, meaning: text }),
  ExplainedClick: click,
  MoneyStep: {
    oneOf: Object.entries(STEPS).map(([step, fields]) => object({ step: { const: step }, ...fields })),
  },
  RelatedConversion: related,
  Explanation: object({
    conversionId: text,
    standing,
    revisions: list(revision),
    postbacks: list(postback),
    click: nullable(ref('ExplainedClick')),
    candidates: list(candidate),
    rules,
    money: object({ steps: list(ref('MoneyStep')), agreement: oneOf(['same', 'differs', 'not_checked']) }),
    original: nullable(ref('RelatedConversion')),
    reversals: list(ref('RelatedConversion')),
    deliveries: list(delivery),
  }),
};
