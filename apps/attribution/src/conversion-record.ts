/** Conversions as conversion.decided events and back: a record carries all that a further report needs, so no postback is read twice. */
import type { ConversionDecided, Ledger, ValueUpdate } from '@tributary/contracts';
import { type AttributionModel, attribution, moneyOf, valueDigest } from '@tributary/domain';
import { contributionIn, namesIn } from './contribution-names.ts';
import { withLedger } from './record-before-ledger.ts';

/** The event of a revision; {@link conversionOf} is its inverse. */
export function recordOf(conversion: attribution.Conversion): ConversionDecided {
  const { facts, firstCome, orders, outcome, decidedAt } = conversion;
  const { subjectHashes, ...details } = attribution.detailsOf(facts.contributions);
  return {
    conversionId: conversion.conversionId,
    eventClass: conversion.eventClass,
    advertiserId: conversion.advertiserId,
    lane: conversion.lane,
    isTest: conversion.isTest,
    revision: conversion.revision,
    ...reportedFields(facts),
    ...details,
    ipCiphertext: bufferOf(details.ipCiphertext),
    ...decidedFields(outcome),
    ...clickFields(outcome.winner),
    subjectHashes: { ...outcome.winner?.subjectHashes, ...subjectHashes },
    capPlaces: firstCome.caps,
    tierPlaces: firstCome.tiers,
    orders: { ...orders, terms: orders.terms === null ? null : attribution.termsText(orders.terms) },
    ledger: ledgerOf(conversion),
    decidedAt: decidedAt.now,
    triggerKind: decidedAt.trigger,
    triggerPartition: decidedAt.position.partition,
    triggerOffset: decidedAt.position.offset,
    configurationVersion: decidedAt.configurationVersion,
  };
}

/** What its reports say; what they come to, such as status and revenue, is part of the outcome. */
function reportedFields(facts: attribution.ConversionFacts) {
  const { revenue } = attribution.valuesOf(facts);
  return {
    receiptId: facts.receiptId,
    sourceId: facts.sourceId,
    receivedAt: facts.receivedAt,
    occurredAtIsAssumed: facts.sentOccurredAt === null,
    eventTypes: facts.eventTypes,
    transactionId: facts.transactionId,
    reversedTransactionId: facts.reversedTransactionId,
    reportedClickId: facts.clickId,
    malformedClickId: facts.malformedClickId,
    consentAdUserData: facts.consentAdUserData,
    consentAdPersonalization: facts.consentAdPersonalization,
    // Of what was sent: of a reversal that is what it asks for, whatever was granted.
    valueDigest: valueDigest({
      status: attribution.statusOf(facts),
      revenueMicros: revenue?.micros ?? null,
      currency: revenue?.currency ?? null,
    }),
  };
}

function decidedFields(outcome: attribution.Outcome) {
  const { revenue, payout } = outcome;
  return {
    eventType: outcome.eventType,
    status: outcome.status,
    occurredAt: outcome.occurredAt,
    customerId: outcome.customerId,
    match: outcome.match,
    matchedBy: outcome.matchedBy,
    state: outcome.state,
    reasonCodes: outcome.reasonCodes,
    parkedUntil: outcome.parkedUntil,
    heldUntil: outcome.heldUntil,
    revenueMicros: revenue?.micros ?? null,
    currency: revenue?.currency ?? null,
    taxMicros: outcome.taxMicros,
    shippingMicros: outcome.shippingMicros,
    payoutMicros: payout?.micros ?? null,
    payoutCurrency: payout?.currency ?? null,
    payoutRule: outcome.payoutRule,
    exchangeRateId: outcome.exchangeRateId,
    payoutParts: outcome.payoutParts,
    reversedRevenueMicros: outcome.reversedRevenueMicros,
    reversedPayoutMicros: outcome.reversedPayoutMicros,
    askedMicros: outcome.askedMicros,
    originalConversionId: outcome.originalConversionId,
    isFirstOfCustomer: outcome.isFirstOfCustomer,
    model: outcome.model,
    credits: outcome.credits,
    candidates: outcome.candidates,
    isForeign: outcome.isForeign,
  };
}

/** The winning click; its advertiser is the conversion's, for no other can win. */
function clickFields(winner: attribution.CandidateClick | null) {
  return {
    clickId: winner?.clickId ?? null,
    clickKind: winner?.kind ?? null,
    offerId: winner?.offerId ?? null,
    campaignId: winner?.campaignId ?? null,
    partnerId: winner?.partnerId ?? null,
    partnerClickId: winner?.partnerClickId ?? null,
    clickedAt: winner?.clickedAt ?? null,
    clickReceivedAt: winner?.receivedAt ?? null,
    clickCustomerId: winner?.customerId ?? null,
    clickSubjectHashes: winner?.subjectHashes ?? {},
    clickSubIds: winner?.subIds ?? {},
    adPlatformIds: winner?.adPlatformIds ?? [],
    landingUrl: winner?.landingUrl ?? null,
    clickUserAgent: winner?.userAgent ?? null,
    clickCountry: winner?.country ?? null,
    clickIpCiphertext: bufferOf(winner?.ipCiphertext ?? null),
    clickAutomation: winner?.automation ?? null,
  };
}

function ledgerOf({ facts, firstCome, passed, outcome }: attribution.Conversion): Ledger {
  const { firstValues } = facts;
  return {
    firstPartition: facts.position.partition,
    firstOffset: facts.position.offset,
    furtherReceiptIds: facts.countedReceiptIds.filter((receiptId) => receiptId !== facts.receiptId),
    clickIdSince: facts.clickIdSince,
    customerIdSince: facts.customerIdSince,
    subjectSince: facts.subjectSince,
    isReportedWithoutClick: facts.isReportedWithoutClick,
    customerPartition: facts.customerPosition?.partition ?? null,
    customerOffset: facts.customerPosition?.offset ?? null,
    firstRevenueMicros: firstValues.revenue?.micros ?? null,
    firstCurrency: firstValues.revenue?.currency ?? null,
    firstTaxMicros: firstValues.taxMicros,
    firstShippingMicros: firstValues.shippingMicros,
    firstStatus: facts.firstStatus,
    updates: updatesOf(facts.updated),
    contributions: facts.contributions.map((each) => namesIn(each, facts.receiptId)),
    isReportedClickEligible: outcome.namedClickId !== null,
    isTestClick: outcome.winner?.isTest ?? false,
    isFirstOfCustomer: firstCome.isFirstOfCustomer,
    hasSeenClicks: passed.hasSeenClicks,
    gaveUpClickId: passed.gaveUpClickId,
    waitedUntil: passed.waitedUntil,
    waitedForConditionUntil: passed.heldUntil,
  };
}

function updatesOf(updated: attribution.UpdatedValues): readonly ValueUpdate[] {
  return [
    ...updateOf('revenue', updated.revenue, ({ micros, currency }) => ({ micros, currency })),
    ...updateOf('tax', updated.taxMicros, (micros) => ({ micros })),
    ...updateOf('shipping', updated.shippingMicros, (micros) => ({ micros })),
    ...updateOf('status', updated.status, (status) => ({ status })),
  ];
}

function updateOf<V>(
  field: string,
  latest: attribution.Latest<V> | null,
  said: (value: V) => Partial<ValueUpdate>,
): readonly ValueUpdate[] {
  if (latest === null) return [];
  const { value, receivedAt, receiptId } = latest;
  return [{ field, micros: null, currency: null, status: null, ...said(value), receivedAt, receiptId }];
}

function bufferOf(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * The conversion as it was when {@link recordOf} made the record. Names and codes that the schema leaves open, as their lists
 * may grow, are taken at their word: nobody else writes this topic.
 * Of a record of before there was a ledger: as it would be now, as far as the record tells.
 */
export function conversionOf(decided: ConversionDecided): attribution.Conversion {
  const record = withLedger(decided);
  return {
    conversionId: record.conversionId,
    eventClass: record.eventClass,
    advertiserId: record.advertiserId,
    lane: record.lane,
    isTest: record.isTest,
    revision: record.revision,
    facts: factsIn(record),
    firstCome: {
      isFirstOfCustomer: record.ledger.isFirstOfCustomer,
      caps: record.capPlaces,
      tiers: record.tierPlaces,
    },
    passed: {
      hasSeenClicks: record.ledger.hasSeenClicks,
      gaveUpClickId: record.ledger.gaveUpClickId,
      waitedUntil: record.ledger.waitedUntil,
      heldUntil: record.ledger.waitedForConditionUntil,
    },
    orders: ordersIn(record),
    outcome: outcomeIn(record),
    decidedAt: {
      trigger: record.triggerKind,
      position: triggerPositionOf(record),
      now: record.decidedAt,
      configurationVersion: record.configurationVersion,
    },
  };
}

function factsIn(record: ConversionDecided): attribution.ConversionFacts {
  const { ledger } = record;
  return {
    receiptId: record.receiptId,
    sourceId: record.sourceId,
    position: positionOf(ledger.firstPartition, ledger.firstOffset) ?? triggerPositionOf(record),
    countedReceiptIds: [record.receiptId, ...ledger.furtherReceiptIds],
    receivedAt: record.receivedAt,
    sentOccurredAt: record.occurredAtIsAssumed ? null : record.occurredAt,
    eventTypes: record.eventTypes,
    transactionId: record.transactionId,
    reversedTransactionId: record.reversedTransactionId,
    clickId: record.reportedClickId,
    malformedClickId: record.malformedClickId,
    clickIdSince: ledger.clickIdSince,
    customerIdSince: ledger.customerIdSince,
    subjectSince: ledger.subjectSince,
    isReportedWithoutClick: ledger.isReportedWithoutClick,
    customerId: record.customerId,
    customerPosition: positionOf(ledger.customerPartition, ledger.customerOffset),
    firstValues: {
      revenue: moneyOf(ledger.firstRevenueMicros, ledger.firstCurrency),
      taxMicros: ledger.firstTaxMicros,
      shippingMicros: ledger.firstShippingMicros,
    },
    firstStatus: ledger.firstStatus ?? 'pending',
    updated: updatedIn(ledger.updates),
    consentAdUserData: record.consentAdUserData,
    consentAdPersonalization: record.consentAdPersonalization,
    contributions: ledger.contributions.map((names) => contributionIn(record, names)),
  };
}

function positionOf(partition: number | null, offset: number | null): attribution.Position | null {
  return partition === null || offset === null ? null : { partition, offset };
}

function triggerPositionOf({ triggerPartition, triggerOffset }: ConversionDecided): attribution.Position {
  return { partition: triggerPartition, offset: triggerOffset };
}

function updatedIn(updates: readonly ValueUpdate[]): attribution.UpdatedValues {
  return {
    revenue: latestIn(updates, 'revenue', ({ micros, currency }) => moneyOf(micros, currency)),
    taxMicros: latestIn(updates, 'tax', ({ micros }) => micros),
    shippingMicros: latestIn(updates, 'shipping', ({ micros }) => micros),
    status: latestIn(updates, 'status', ({ status }) => status),
  };
}

function latestIn<V>(
  updates: readonly ValueUpdate[],
  field: string,
  valueIn: (update: ValueUpdate) => V | null,
): attribution.Latest<V> | null {
  const update = updates.find((each) => each.field === field);
  if (update === undefined) return null;
  const { receivedAt, receiptId } = update;
  const value = valueIn(update);
  return value === null ? null : { value, receivedAt, receiptId };
}

function ordersIn({ orders }: ConversionDecided): attribution.Orders {
  return {
    ruling: orders.ruling as attribution.Orders['ruling'],
    clickId: orders.clickId,
    model: orders.model as AttributionModel | null,
    terms: orders.terms === null ? null : attribution.termsIn(orders.terms),
    reasonCodes: orders.reasonCodes as readonly attribution.Reason[],
    erasedFor: orders.erasedFor as attribution.Reason | null,
  };
}

function outcomeIn(record: ConversionDecided): attribution.Outcome {
  return {
    eventType: record.eventType,
    status: record.status,
    occurredAt: record.occurredAt,
    customerId: record.customerId,
    match: record.match,
    matchedBy: record.matchedBy as attribution.MatchPath | null,
    state: record.state,
    reasonCodes: record.reasonCodes as readonly attribution.Reason[],
    parkedUntil: record.parkedUntil,
    heldUntil: record.heldUntil,
    revenue: moneyOf(record.revenueMicros, record.currency),
    taxMicros: record.taxMicros,
    shippingMicros: record.shippingMicros,
    payout: moneyOf(record.payoutMicros, record.payoutCurrency),
    payoutRule: record.payoutRule,
    exchangeRateId: record.exchangeRateId,
    payoutParts: record.payoutParts,
    reversedRevenueMicros: record.reversedRevenueMicros,
    reversedPayoutMicros: record.reversedPayoutMicros,
    askedMicros: record.askedMicros,
    originalConversionId: record.originalConversionId,
    isFirstOfCustomer: record.isFirstOfCustomer,
    model: record.model as AttributionModel,
    credits: record.credits,
    candidates: record.candidates as readonly attribution.Candidate[],
    winner: winnerIn(record),
    namedClickId: record.ledger.isReportedClickEligible ? record.reportedClickId : null,
    isForeign: record.isForeign,
  };
}

function winnerIn(record: ConversionDecided): attribution.CandidateClick | null {
  const { clickId, offerId, campaignId, clickedAt } = record;
  if (clickId === null || offerId === null || campaignId === null || clickedAt === null) return null;
  return {
    clickId,
    kind: (record.clickKind ?? 'redirect') as attribution.CandidateClick['kind'],
    advertiserId: record.advertiserId,
    offerId,
    campaignId,
    partnerId: record.partnerId,
    partnerClickId: record.partnerClickId,
    clickedAt,
    receivedAt: record.clickReceivedAt ?? clickedAt,
    customerId: record.clickCustomerId,
    subjectHashes: record.clickSubjectHashes,
    subIds: record.clickSubIds,
    adPlatformIds: record.adPlatformIds,
    landingUrl: record.landingUrl,
    userAgent: record.clickUserAgent,
    country: record.clickCountry,
    ipCiphertext: record.clickIpCiphertext,
    automation: record.clickAutomation,
    isTest: record.ledger.isTestClick,
  };
}
