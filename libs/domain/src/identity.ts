/** The identity of a conversion: which postbacks speak of the same fact. */
import { hash } from 'node:crypto';
import type { RepeatMode } from './attribution/terms.ts';
import { isUuid } from './click.ts';
import { deterministicUuid } from './deterministic-id.ts';

/**
 * Event class by event type unless the advertiser says otherwise; every other type is a class of its own.
 * A network's first_purchase and a processor's sale of one order are one fact and count once.
 */
export const STANDARD_EVENT_CLASSES: Readonly<Record<string, string>> = {
  first_purchase: 'purchase',
  sale: 'purchase',
  purchase: 'purchase',
  repeat_purchase: 'purchase',
  subscription_started: 'subscription',
};

/** Event types that take money back from an earlier conversion. */
const REVERSALS: ReadonlySet<string> = new Set(['refund', 'chargeback']);

/** How a fact without a transaction id is told from another one. */
export const WITHOUT_TRANSACTION_ID = ['once_per_click', 'once_per_customer', 'each_postback'] as const;
export type WithoutTransactionId = (typeof WITHOUT_TRANSACTION_ID)[number];

/** The mode of an event type unless the advertiser says otherwise; else each postback. */
export const STANDARD_WITHOUT_TRANSACTION_ID: Readonly<Record<string, WithoutTransactionId>> = {
  lead: 'once_per_click',
  install: 'once_per_click',
  trial_start: 'once_per_click',
};

export interface IdentityRules {
  /** Event class by event type, over the standard ones. */
  readonly eventClasses: Readonly<Record<string, string>>;
  readonly withoutTransactionId: Readonly<Record<string, WithoutTransactionId>>;
}

export const STANDARD_IDENTITY_RULES: IdentityRules = { eventClasses: {}, withoutTransactionId: {} };

/** What identity is made of; meanings as in postback.received. */
export interface IdentityFacts {
  readonly advertiserId: string;
  readonly lane: string;
  readonly receiptId: string;
  readonly eventType: string;
  readonly transactionId: string | null;
  readonly originalTransactionId: string | null;
  readonly reversalId: string | null;
  readonly clickId: string | null;
  readonly customerId: string | null;
  readonly revenueMicros: bigint | null;
  readonly occurredAt: number;
  readonly occurredAtIsAssumed: boolean;
  readonly isTest: boolean;
}

export interface Identity {
  readonly conversionId: string;
  readonly eventClass: string;
}

/** Whether the event type takes money back. */
export function isReversal(eventType: string): boolean {
  return REVERSALS.has(eventType);
}

/** The transaction that a refund or chargeback takes back, which is its original's own; null for any other fact. */
export function reversedTransactionOf(
  facts: Pick<IdentityFacts, 'eventType' | 'transactionId' | 'originalTransactionId'>,
): string | null {
  return isReversal(facts.eventType) ? (facts.originalTransactionId ?? facts.transactionId) : null;
}

/**
 * The identity of a postback's fact, for ever and across partners and click ids.
 *
 * | the postback has | identity |
 * |---|---|
 * | refund or chargeback | advertiser, class, original transaction, and its own id; else amount and sent time; else one per original |
 * | a transaction id | advertiser, class, transaction id |
 * | none, once per click | advertiser, event type, click id; without one that can be ours, the receipt |
 * | none, once per customer | advertiser, event type, customer id; without one, the receipt |
 * | none, each postback | the receipt |
 *
 * All within the lane, by default the advertiser: two writers must never decide one conversion.
 * A test is never the same fact as a live one: an integrator's trial call must not swallow the real order.
 *
 * @param repeatMode of the event type. Under `add` the receipt is part of the identity as well, so each receipt is a fact of
 *   its own and only its own retry is the same one.
 */
export function identify(
  facts: IdentityFacts,
  rules: IdentityRules,
  repeatMode: RepeatMode = 'reject',
): Identity {
  const { eventType, advertiserId, lane } = facts;
  const eventClass =
    ownValue(rules.eventClasses, eventType) ?? ownValue(STANDARD_EVENT_CLASSES, eventType) ?? eventType;
  const kind = facts.isTest ? 'test_conversion' : 'conversion';
  const added = repeatMode === 'add' ? ['added', facts.receiptId] : [];
  return {
    eventClass,
    conversionId: deterministicUuid(kind, advertiserId, lane, ...scopeOf(facts, eventClass, rules), ...added),
  };
}

/** Own properties only: senders choose the event type, and `constructor` is one too. */
function ownValue<V>(record: Readonly<Record<string, V>>, key: string): V | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function scopeOf(facts: IdentityFacts, eventClass: string, rules: IdentityRules): readonly string[] {
  if (isReversal(facts.eventType)) return reversalScope(facts, eventClass);
  if (facts.transactionId !== null) return [eventClass, 'transaction', facts.transactionId];
  const mode =
    ownValue(rules.withoutTransactionId, facts.eventType) ??
    ownValue(STANDARD_WITHOUT_TRANSACTION_ID, facts.eventType) ??
    'each_postback';
  // `0` or `null` in place of a click id is no click: leads that share it are not one lead.
  if (mode === 'once_per_click' && facts.clickId !== null && isUuid(facts.clickId)) {
    return [facts.eventType, 'click', facts.clickId];
  }
  if (mode === 'once_per_customer' && facts.customerId !== null)
    return [facts.eventType, 'customer', facts.customerId];
  return [facts.eventType, 'receipt', facts.receiptId];
}

/** Most senders put the order's id on every partial refund, so the order alone does not tell two refunds apart. */
function reversalScope(facts: IdentityFacts, eventClass: string): readonly string[] {
  const original = reversedTransactionOf(facts);
  if (original === null) return [eventClass, 'receipt', facts.receiptId];
  if (facts.reversalId !== null) return [eventClass, original, 'reversal', facts.reversalId];
  if (facts.revenueMicros !== null && !facts.occurredAtIsAssumed) {
    return [eventClass, original, 'amount', String(facts.revenueMicros), String(facts.occurredAt)];
  }
  return [eventClass, original, 'only'];
}

/** SHA-256 hex of the values by which a repeat is told from a conflict: status, revenue and currency. */
export function valueDigest(values: {
  readonly status: string;
  readonly revenueMicros: bigint | null;
  readonly currency: string | null;
}): string {
  const text = JSON.stringify([values.status, values.revenueMicros?.toString() ?? null, values.currency]);
  return hash('sha256', text, 'hex');
}
