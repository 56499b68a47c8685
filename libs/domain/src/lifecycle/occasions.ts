/** What a customer's conversions are occasions for, and from when on: each signal that is due, now or later, if nothing further comes. */
import type { Customer, CustomerConversion } from './customer.ts';
import { endOfPeriod, type LifecycleRules, type LifecycleRulesAt, lengthOf } from './rules.ts';
import {
  type ConversionSignal,
  conversionSignalId,
  customerSignalId,
  type RAISING_REASONS,
  type SignalName,
} from './signal.ts';

/** A reason for one signal. */
export interface Occasion {
  readonly signalId: string;
  readonly signal: SignalName;
  readonly conversion: CustomerConversion;
  /** From then on the signal holds; time alone never ends it. */
  readonly from: number;
  readonly dueAt: number | null;
  readonly expiresAt: number | null;
  readonly reasonCode: (typeof RAISING_REASONS)[number];
}

/** Classes in which somebody pays. */
const PAYMENTS: ReadonlySet<string> = new Set(['purchase', 'subscription', 'renewal']);
/** Payments that last for a period. */
const PERIODS: ReadonlySet<string> = new Set(['subscription', 'renewal']);
const CANCELLATION = 'subscription_cancelled';

/**
 * Whether the fact is one to act on: the source has confirmed it, and it was neither rejected nor taken back whole. A click
 * that is not found, a condition that is waited for and a cap are matters between advertiser and partner.
 */
export function stands({ state, isConfirmed }: CustomerConversion): boolean {
  return state === 'payable' || (state === 'held' && isConfirmed);
}

/**
 * Every occasion the conversions give, each at its instant. It depends on nothing but the conversions and the rules in force
 * when they occurred, so not on what came first.
 */
export function occasionsOf(customer: Customer, rulesAt: LifecycleRulesAt): readonly Occasion[] {
  const facts = customer.conversions.filter(stands);
  return [
    ...onboarding(customer, facts, rulesAt),
    ...activations(customer, facts, rulesAt),
    ...missedActivations(customer, facts, rulesAt),
    ...renewals(customer, facts, rulesAt),
    ...winBack(customer, facts, rulesAt),
    ...suppression(customer, facts),
  ];
}

/**
 * The instants at which a conversion can become the occasion of a signal, whatever else is known of the customer: what an
 * owner of a lane looks for when it makes up its list of customers to look at again.
 */
export function instantsOf(
  { eventClass, occurredAt, planId }: Pick<CustomerConversion, 'eventClass' | 'occurredAt' | 'planId'>,
  rules: LifecycleRules,
): readonly number[] {
  if (eventClass === 'trial_start') return [occurredAt, occurredAt + rules.activationWithinMs];
  if (eventClass === 'purchase') return [occurredAt, occurredAt + rules.winBackAfterSilenceMs];
  if (!PERIODS.has(eventClass)) return [occurredAt];
  const end = endOfPeriod(occurredAt, planId, rules);
  return [occurredAt, ...afterPeriod(rules).map((afterMs) => end + afterMs)];
}

/** Calendar months and then milliseconds after it occurred, a conversion of the class can become an occasion; null: of any. */
export interface OccasionDelay {
  readonly eventClass: string | null;
  readonly months: number;
  readonly afterMs: number;
}

/** What {@link instantsOf} adds to the time of a conversion, whatever its plan. */
export function delaysOf(rules: LifecycleRules): readonly OccasionDelay[] {
  const periods = [rules.renewalPeriod, ...Object.values(rules.renewalPeriodsByPlan)];
  return [
    { eventClass: null, months: 0, afterMs: 0 },
    { eventClass: 'trial_start', months: 0, afterMs: rules.activationWithinMs },
    { eventClass: 'purchase', months: 0, afterMs: rules.winBackAfterSilenceMs },
    ...[...PERIODS].flatMap((eventClass) =>
      periods.flatMap((period) => {
        const { months, afterMs } = lengthOf(period);
        return afterPeriod(rules).map((ms) => ({ eventClass, months, afterMs: afterMs + ms }));
      }),
    ),
  ];
}

/** From the end of a period, or before it. */
function afterPeriod({
  renewalNoticeMs,
  renewalGraceMs,
  winBackAfterChurnMs,
}: LifecycleRules): readonly number[] {
  return [-renewalNoticeMs, renewalGraceMs, winBackAfterChurnMs, renewalGraceMs + winBackAfterChurnMs];
}

type Facts = readonly CustomerConversion[];

function onboarding({ customerKey }: Customer, facts: Facts, rulesAt: LifecycleRulesAt): readonly Occasion[] {
  const first = facts.find(({ eventClass }) => eventClass !== CANCELLATION);
  if (first === undefined) return [];
  const from = first.occurredAt;
  return [
    {
      signalId: customerSignalId(customerKey, 'onboarding'),
      signal: 'onboarding',
      conversion: first,
      from,
      dueAt: null,
      expiresAt: from + rulesAt(from).worthActingForMs,
      reasonCode: 'first_conversion',
    },
  ];
}

/** A sender that reports an activation again, without an id by which it could be known, activates nobody anew. */
function activations(customer: Customer, facts: Facts, rulesAt: LifecycleRulesAt): readonly Occasion[] {
  return facts.filter(isClass('activation_completed')).flatMap((activation) => {
    const before = facts
      .slice(0, facts.indexOf(activation))
      .findLast(
        (other) => isClass('activation_completed', 'trial_start')(other) && isSameProduct(other, activation),
      );
    if (before?.eventClass === 'activation_completed') return [];
    const from = activation.occurredAt;
    return [
      occasion(customer, 'activation', activation, {
        from,
        expiresAt: from + rulesAt(from).worthActingForMs,
        reasonCode: 'activated',
      }),
    ];
  });
}

/** Who pays, or starts another trial, is not reminded of the first one. */
function missedActivations(customer: Customer, facts: Facts, rulesAt: LifecycleRulesAt): readonly Occasion[] {
  return facts.filter(isClass('trial_start')).flatMap((trial) => {
    if (after(trial, facts).some(endsTrial)) return [];
    const { activationWithinMs, worthActingForMs } = rulesAt(trial.occurredAt);
    const from = trial.occurredAt + activationWithinMs;
    return [
      occasion(customer, 'activation_missed', trial, {
        from,
        dueAt: from,
        expiresAt: from + worthActingForMs,
        reasonCode: 'not_activated',
      }),
    ];
  });
}

function endsTrial({ eventClass }: CustomerConversion): boolean {
  return eventClass === 'activation_completed' || eventClass === 'trial_start' || PAYMENTS.has(eventClass);
}

/** Of each subscription the last payment; a cancelled one is not expected to be renewed. */
function renewals(customer: Customer, facts: Facts, rulesAt: LifecycleRulesAt): readonly Occasion[] {
  return facts.filter(isPeriod).flatMap((payment) => {
    if (nextOfSubscription(payment, facts) !== null) return [];
    const rules = rulesAt(payment.occurredAt);
    const dueAt = endOfPeriod(payment.occurredAt, payment.planId, rules);
    const missedAt = dueAt + rules.renewalGraceMs;
    return [
      occasion(customer, 'renewal_due', payment, {
        from: dueAt - rules.renewalNoticeMs,
        dueAt,
        expiresAt: missedAt,
        reasonCode: 'renewal_expected',
      }),
      occasion(customer, 'renewal_missed', payment, {
        from: missedAt,
        dueAt,
        // Then it is the win-back's turn.
        expiresAt: missedAt + rules.winBackAfterChurnMs,
        reasonCode: 'not_renewed',
      }),
    ];
  });
}

/** One at a time: of all payments the one that keeps the customer longest. */
function winBack(customer: Customer, facts: Facts, rulesAt: LifecycleRulesAt): readonly Occasion[] {
  let last: Occasion | null = null;
  for (const payment of facts.filter(({ eventClass }) => PAYMENTS.has(eventClass))) {
    const rules = rulesAt(payment.occurredAt);
    const lost = isPeriod(payment) ? churnOf(payment, facts, rules) : silenceOf(payment, rules);
    if (lost === null || (last !== null && lost.from < last.from)) continue;
    last = occasion(customer, 'win_back', payment, {
      ...lost,
      expiresAt: lost.from + rules.worthActingForMs,
    });
  }
  return last === null ? [] : [last];
}

type Lost = Pick<Occasion, 'from' | 'reasonCode'>;

function silenceOf({ occurredAt }: CustomerConversion, rules: LifecycleRules): Lost {
  return { from: occurredAt + rules.winBackAfterSilenceMs, reasonCode: 'silent' };
}

/** Null when a later payment of the subscription says when it ends. */
function churnOf(payment: CustomerConversion, facts: Facts, rules: LifecycleRules): Lost | null {
  const next = nextOfSubscription(payment, facts);
  if (next === 'renewed') return null;
  const end = endOfPeriod(payment.occurredAt, payment.planId, rules);
  const churnedAt = next === 'cancelled' ? end : end + rules.renewalGraceMs;
  return { from: churnedAt + rules.winBackAfterChurnMs, reasonCode: 'churned' };
}

/**
 * What became of the subscription after a payment; null: nothing yet. Who pays again after a cancellation has renewed.
 *
 * @param facts those that stand, in the order in which they happened
 */
export function nextOfSubscription(
  payment: CustomerConversion,
  facts: readonly CustomerConversion[],
): 'renewed' | 'cancelled' | null {
  const later = after(payment, facts);
  if (later.some(isPeriod)) return 'renewed';
  return later.some(isClass(CANCELLATION)) ? 'cancelled' : null;
}

/** It never ends by itself: how long buyers are left alone is for who advertises to decide. */
function suppression({ customerKey }: Customer, facts: Facts): readonly Occasion[] {
  const first = facts.find(({ eventClass }) => PAYMENTS.has(eventClass));
  if (first === undefined) return [];
  return [
    {
      signalId: customerSignalId(customerKey, 'suppression'),
      signal: 'suppression',
      conversion: first,
      from: first.occurredAt,
      dueAt: null,
      expiresAt: null,
      reasonCode: 'purchased',
    },
  ];
}

function occasion(
  { customerKey }: Customer,
  signal: ConversionSignal,
  conversion: CustomerConversion,
  rest: Pick<Occasion, 'from' | 'expiresAt' | 'reasonCode'> & Partial<Pick<Occasion, 'dueAt'>>,
): Occasion {
  const signalId = conversionSignalId(customerKey, signal, conversion.conversionId);
  return { signalId, signal, conversion, dueAt: null, ...rest };
}

function isClass(...classes: readonly string[]) {
  return ({ eventClass }: CustomerConversion): boolean => classes.includes(eventClass);
}

function isPeriod({ eventClass }: CustomerConversion): boolean {
  return PERIODS.has(eventClass);
}

/** What followed for the same product. */
function after(conversion: CustomerConversion, facts: Facts): Facts {
  return facts.slice(facts.indexOf(conversion) + 1).filter((later) => isSameProduct(later, conversion));
}

/**
 * Subscriptions are told apart by product, not by plan: who changes the plan has renewed. A fact without a product may be of
 * any: a reminder that stays away does less harm than one to somebody who has paid.
 */
function isSameProduct(a: CustomerConversion, b: CustomerConversion): boolean {
  return a.productId === null || b.productId === null || a.productId === b.productId;
}
