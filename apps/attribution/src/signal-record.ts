/** The lifecycle.signalled event: a signal with its customer, the conversion it is about and what caused it. */
import { type OutgoingRecord, outgoing } from '@tributary/bus';
import type { LifecycleSignalled, TriggerKind } from '@tributary/contracts';
import type { lifecycle } from '@tributary/domain';

/** What made attribution look at the customer. */
export interface SignalTrigger {
  readonly kind: TriggerKind;
  /** Of postback.received; when a clock did, the position of the lane. */
  readonly partition: number;
  readonly offset: number;
  readonly now: number;
  readonly configurationVersion: number;
}

export function signalRecord(
  customer: lifecycle.Customer,
  signal: lifecycle.Signal,
  trigger: SignalTrigger,
): LifecycleSignalled {
  const { conversion, person } = signal;
  return {
    signalId: signal.signalId,
    phase: signal.phase,
    signal: signal.signal,
    customerKey: customer.customerKey,
    customerId: customer.customerId,
    lane: customer.lane,
    advertiserId: customer.advertiserId,
    conversionId: signal.conversionId,
    revision: conversion?.revision ?? null,
    eventType: conversion?.eventType ?? null,
    offerId: conversion?.offerId ?? null,
    campaignId: conversion?.campaignId ?? null,
    partnerId: conversion?.partnerId ?? null,
    productId: conversion?.productId ?? null,
    planId: conversion?.planId ?? null,
    ordinal: signal.ordinal,
    reasonCodes: [signal.reasonCode],
    occurredAt: signal.occurredAt,
    signalledAt: trigger.now,
    dueAt: signal.dueAt,
    expiresAt: signal.expiresAt,
    triggerKind: trigger.kind,
    triggerPartition: trigger.partition,
    triggerOffset: trigger.offset,
    revenueMicros: conversion?.revenue?.micros ?? null,
    currency: conversion?.revenue?.currency ?? null,
    predictedLtvMicros: conversion?.predictedLtvMicros ?? null,
    subjectHashes: person.subjectHashes,
    country: person.country,
    consentAdUserData: person.consentAdUserData,
    consentAdPersonalization: person.consentAdPersonalization,
    attributes: {},
    configurationVersion: trigger.configurationVersion,
    isTest: customer.isTest,
  };
}

export function outgoingSignal(record: LifecycleSignalled): OutgoingRecord {
  return outgoing('lifecycle.signalled.v1', record.customerKey, record);
}
