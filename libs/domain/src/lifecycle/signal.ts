/** A lifecycle signal: its kinds, its identity, and what of it goes to a CRM. */
import { deterministicUuid } from '../deterministic-id.ts';
import type { CustomerConversion, Person } from './customer.ts';

/**
 * | signal | raised | about |
 * |---|---|---|
 * | onboarding | with the first conversion of a customer | the customer |
 * | activation | with the first activation after the start of a trial, or of all | that activation |
 * | activation_missed | when a trial was not followed by an activation or a payment in time | the trial |
 * | renewal_due | some time before what was paid for ends | the payment |
 * | renewal_missed | when a renewal did not come in time | the payment |
 * | win_back | some time after the customer churned or fell silent | the last payment |
 * | suppression | with the first payment: do not advertise to who has bought | the customer |
 */
export const SIGNALS = [
  'onboarding',
  'activation',
  'activation_missed',
  'renewal_due',
  'renewal_missed',
  'win_back',
  'suppression',
] as const;
export type SignalName = (typeof SIGNALS)[number];

export const SIGNAL_PHASES = ['raised', 'withdrawn'] as const;
export type SignalPhase = (typeof SIGNAL_PHASES)[number];

/** Why a signal was raised. Closed list. */
export const RAISING_REASONS = [
  'first_conversion',
  'activated',
  'not_activated',
  'renewal_expected',
  'not_renewed',
  'churned',
  'silent',
  'purchased',
] as const;

/** Why a signal was withdrawn. Closed list. */
export const WITHDRAWING_REASONS = [
  // What it is about no longer stands: taken back whole, rejected, or not confirmed any more.
  'reversed',
  'rejected',
  'not_confirmed',
  // It belongs to another customer, since a report has brought a customer id.
  'other_customer',
  // What was waited for has come.
  'activated',
  'renewed',
  'cancelled',
  'returned',
  // Facts that came late have moved it.
  'overtaken',
] as const;

export type SignalReason = (typeof RAISING_REASONS)[number] | (typeof WITHDRAWING_REASONS)[number];

/** A signal as it was last sent; the table `lifecycle_signals` holds the same. */
export interface SentSignal {
  readonly signalId: string;
  readonly signal: SignalName;
  readonly phase: SignalPhase;
  /** What it was about when it was raised. */
  readonly conversionId: string | null;
  readonly ordinal: number;
  readonly occurredAt: number;
  readonly dueAt: number | null;
  readonly expiresAt: number | null;
}

/** A signal to be sent; a withdrawal repeats what was raised, but for its reason. Meanings as in lifecycle.signalled. */
export interface Signal extends SentSignal {
  readonly reasonCode: SignalReason;
  /** As it stands now; null when it is the customer's no longer. */
  readonly conversion: CustomerConversion | null;
  /** What is known of the person from all its conversions. */
  readonly person: Person;
}

/** Signals that are about the customer, who has one of them at most. */
const OF_CUSTOMER = ['onboarding', 'suppression'] as const;
type CustomerSignal = (typeof OF_CUSTOMER)[number];
export type ConversionSignal = Exclude<SignalName, CustomerSignal>;

/** Signals that a conversion of a class can be the occasion of. */
const BY_CLASS: ReadonlyMap<string, readonly ConversionSignal[]> = new Map([
  ['trial_start', ['activation_missed']],
  ['activation_completed', ['activation']],
  ['subscription', ['renewal_due', 'renewal_missed', 'win_back']],
  ['renewal', ['renewal_due', 'renewal_missed', 'win_back']],
  ['purchase', ['win_back']],
]);

/** The one id of a signal about a customer. */
export function customerSignalId(customerKey: string, signal: CustomerSignal): string {
  return deterministicUuid('lifecycle_signal', customerKey, signal);
}

/** The one id of a signal about a conversion. The ordinal is no part of it: a fact that comes late must not number others anew. */
export function conversionSignalId(
  customerKey: string,
  signal: ConversionSignal,
  conversionId: string,
): string {
  return deterministicUuid('lifecycle_signal', customerKey, signal, conversionId);
}

/** The id of every signal that could have been sent for these conversions: what to look up before `signalsOf`. */
export function signalIdsOf(
  customerKey: string,
  conversions: readonly Pick<CustomerConversion, 'conversionId' | 'eventClass'>[],
): readonly string[] {
  return [
    ...OF_CUSTOMER.map((signal) => customerSignalId(customerKey, signal)),
    ...conversions.flatMap(({ conversionId, eventClass }) =>
      (BY_CLASS.get(eventClass) ?? []).map((signal) => conversionSignalId(customerKey, signal, conversionId)),
    ),
  ];
}
