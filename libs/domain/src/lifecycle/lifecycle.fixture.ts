/** Customers for tests of lifecycle signals: conversions by class and day, to be changed by what a test is about. */
import type { Customer, CustomerConversion } from './customer.ts';
import { type LifecycleRules, STANDARD_LIFECYCLE_RULES } from './rules.ts';
import type { SentSignal, Signal } from './signal.ts';
import { signalsOf } from './signals.ts';

export const DAY_MS = 86_400_000;
/** 2026-01-01: a month from here has 31 days. */
const BEGINNING = Date.UTC(2026, 0, 1, 12);

/** The instant so many days after the beginning of a test. */
export function day(number: number): number {
  return BEGINNING + number * DAY_MS;
}

export function aConversion(
  conversionId: string,
  eventClass: string,
  occurredAt: number,
  changes: Partial<CustomerConversion> = {},
): CustomerConversion {
  return {
    conversionId,
    revision: 1,
    eventClass,
    eventType: eventClass,
    occurredAt,
    state: 'payable',
    isConfirmed: true,
    offerId: null,
    campaignId: null,
    partnerId: null,
    productId: null,
    planId: null,
    revenue: null,
    predictedLtvMicros: null,
    subjectHashes: {},
    country: null,
    consentAdUserData: 'unknown',
    consentAdPersonalization: 'unknown',
    ...changes,
  };
}

/** @param conversions in any order */
export function aCustomer(...conversions: readonly CustomerConversion[]): Customer {
  return {
    customerKey: 'key-1',
    customerId: 'customer-1',
    advertiserId: 'acme',
    lane: 'acme',
    isTest: false,
    conversions: conversions.toSorted(
      (a, b) => a.occurredAt - b.occurredAt || (a.conversionId < b.conversionId ? -1 : 1),
    ),
  };
}

/** What is sent of a customer as its facts come in. Throws when a signal is raised or withdrawn twice. */
export class Outbox {
  readonly sent = new Map<string, SentSignal>();
  readonly log: Signal[] = [];
  readonly #rules: LifecycleRules;

  constructor(rules: Partial<LifecycleRules> = {}) {
    this.#rules = { ...STANDARD_LIFECYCLE_RULES, ...rules };
  }

  /** Sends what is due, and says what that was. */
  look(customer: Customer, now: number): readonly string[] {
    const { signals } = signalsOf(customer, this.sent, () => this.#rules, now);
    for (const signal of signals) {
      const last = this.sent.get(signal.signalId)?.phase ?? 'withdrawn';
      if (last === signal.phase) throw new Error(`${signal.signal} is ${signal.phase} twice`);
      this.sent.set(signal.signalId, signal);
      this.log.push(signal);
    }
    return signals.map(describeSignal);
  }

  nextAt(customer: Customer, now: number): number | null {
    return signalsOf(customer, this.sent, () => this.#rules, now).nextAt;
  }
}

function describeSignal({ phase, signal, conversionId, reasonCode }: Signal): string {
  return `${phase} ${signal} of ${conversionId}: ${reasonCode}`;
}
