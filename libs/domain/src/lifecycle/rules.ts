/** How long the occasions of a customer take: what an advertiser may set, and what holds where it has said nothing. */

const DAY_MS = 86_400_000;

/** What one payment of a subscription lasts. Months are those of the calendar, in UTC. */
export type Period = { readonly days: number } | { readonly months: number };

export interface LifecycleRules {
  /** How long onboarding, an activation, a missed activation and a win-back are worth acting on. */
  readonly worthActingForMs: number;
  /** From the start of a trial until the customer should be active. */
  readonly activationWithinMs: number;
  readonly renewalPeriod: Period;
  /** By the plan as the source names it, before `renewalPeriod`. */
  readonly renewalPeriodsByPlan: Readonly<Record<string, Period>>;
  /** How long before the end of the period a renewal is signalled as due. */
  readonly renewalNoticeMs: number;
  /** How long after the end of the period a renewal may still come; then it is missed. */
  readonly renewalGraceMs: number;
  /** From a missed renewal, or the end of the period of a cancelled subscription, until the customer is to be won back. */
  readonly winBackAfterChurnMs: number;
  /** From a purchase outside any subscription until its customer has fallen silent. */
  readonly winBackAfterSilenceMs: number;
}

/** Of an advertiser that has set nothing: our own choice, made for monthly subscriptions. */
export const STANDARD_LIFECYCLE_RULES: LifecycleRules = {
  worthActingForMs: 30 * DAY_MS,
  activationWithinMs: 7 * DAY_MS,
  renewalPeriod: { months: 1 },
  renewalPeriodsByPlan: {},
  renewalNoticeMs: 3 * DAY_MS,
  renewalGraceMs: 3 * DAY_MS,
  winBackAfterChurnMs: 30 * DAY_MS,
  winBackAfterSilenceMs: 90 * DAY_MS,
};

/** The rules in force at an instant; an answer never changes afterwards. */
export type LifecycleRulesAt = (at: number) => LifecycleRules;

/** When what was paid at an instant ends. */
export function endOfPeriod(paidAt: number, planId: string | null, rules: LifecycleRules): number {
  const { months, afterMs } = lengthOf(periodOf(planId, rules));
  return monthsAfter(paidAt, months) + afterMs;
}

/** Months of the calendar and then milliseconds; one of them is 0. */
export function lengthOf(period: Period): { readonly months: number; readonly afterMs: number } {
  return 'days' in period
    ? { months: 0, afterMs: period.days * DAY_MS }
    : { months: period.months, afterMs: 0 };
}

/** Own properties only: senders name the plan, and `constructor` is one too. */
function periodOf(planId: string | null, { renewalPeriod, renewalPeriodsByPlan }: LifecycleRules): Period {
  if (planId === null || !Object.hasOwn(renewalPeriodsByPlan, planId)) return renewalPeriod;
  return renewalPeriodsByPlan[planId] ?? renewalPeriod;
}

/** The same day and time so many months later; the last day of a month that has no such day. */
export function monthsAfter(at: number, months: number): number {
  const date = new Date(at);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + months];
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  const day = Math.min(date.getUTCDate(), lastDay);
  return Date.UTC(year, month, day) + (((at % DAY_MS) + DAY_MS) % DAY_MS);
}
