/** The document of an offer: its windows, how credit is shared, what is paid and how much at most, what is held or refused. */
import {
  ABUSE_ACTIONS,
  ATTRIBUTION_MODELS,
  CAP_PERIODS,
  DEDUCTIONS,
  parseDecimalToMicros,
  SUB_ID_MACROS,
} from '@tributary/domain';
import { z } from 'zod';
import {
  currency,
  DAY_MS,
  decimal,
  durationMs,
  eventType,
  foreignWord,
  id,
  name,
  notEmpty,
  someMs,
} from './fields.ts';

// What the rules come to stands in docs/payouts.md. The schema may only ever widen, as the note in entities.ts says; what
// is left out is at the default that `termsOf` gives it.

const MAX_RULES = 1_000;
const MAX_TIERS = 50;
const MAX_CAPS = 100;

const conversionWindow = z
  .strictObject({ minMs: durationMs, maxMs: durationMs })
  .refine(({ minMs, maxMs }) => minMs <= maxMs, 'minMs must not exceed maxMs');

const windowsByEventType = z.record(eventType, conversionWindow);

const windows = z.strictObject({
  default: conversionWindow,
  byEventType: windowsByEventType.optional(),
  /** After an impression; without it an impression never wins. */
  viewThrough: z
    .strictObject({ default: conversionWindow.optional(), byEventType: windowsByEventType.optional() })
    .refine(
      (given) => given.default !== undefined || given.byEventType !== undefined,
      'must have a default or byEventType',
    )
    .optional(),
});

const percent = decimal.refine((text) => Number(text) <= 1_000, 'must be at most 1000');
/** Taken off the revenue before the percentage. */
const netOf = z
  .array(z.enum(DEDUCTIONS))
  .min(1)
  .refine((deductions) => new Set(deductions).size === deductions.length, 'must not name one twice');

const forWhom = {
  eventType,
  /** A rule for a partner goes before one for all. */
  partnerId: id.optional(),
  /** Passed over unless it is the customer's first conversion of its class. */
  firstOfCustomerOnly: z.boolean().optional(),
};

/** Either an amount in the currency of the rule, or a percentage. */
const pays = { amount: decimal.optional(), percent: percent.optional(), netOf: netOf.optional() };

function checkPays(
  tier: { amount?: string | undefined; percent?: string | undefined; netOf?: unknown },
  context: z.RefinementCtx,
): void {
  if ((tier.amount === undefined) === (tier.percent === undefined))
    context.addIssue({ code: 'custom', message: 'must have either amount or percent' });
  if (tier.netOf !== undefined && tier.percent === undefined)
    context.addIssue({ code: 'custom', path: ['netOf'], message: 'is only for a percentage' });
}

const countTier = z.strictObject({ from: z.int().min(1).max(1_000_000_000), ...pays }).superRefine(checkPays);
const revenueTier = z.strictObject({ from: decimal, ...pays }).superRefine(checkPays);

const payout = z.discriminatedUnion('kind', [
  z.strictObject({ ...forWhom, kind: z.literal('fixed'), amount: decimal, currency }),
  z.strictObject({
    ...forWhom,
    kind: z.literal('percent'),
    /** Of the revenue: `12.5` is 12.5 %; more than 100 where a first month is worth more than it brings. */
    percent,
    netOf: netOf.optional(),
    /** What it is paid in; without one, and without the offer's, in the currency of the revenue. */
    currency: currency.optional(),
  }),
  z.strictObject({
    ...forWhom,
    kind: z.literal('count_tiers'),
    currency: currency.optional(),
    /** `from` is the number of the partner's first conversion in the calendar month that the tier pays. */
    tiers: z
      .array(countTier)
      .min(1)
      .max(MAX_TIERS)
      .superRefine(refuseDisorder(({ from }) => BigInt(from))),
  }),
  z.strictObject({
    ...forWhom,
    kind: z.literal('revenue_tiers'),
    currency: currency.optional(),
    /** `from` is the smallest revenue that the tier pays, in the currency of the rule. */
    tiers: z
      .array(revenueTier)
      .min(1)
      .max(MAX_TIERS)
      .superRefine(refuseDisorder(({ from }) => microsOf(from))),
  }),
]);

type Payout = z.output<typeof payout>;

/** So that the tier that pays can be seen at a glance. */
function refuseDisorder<T>(height: (tier: T) => bigint) {
  return (tiers: readonly T[], context: z.RefinementCtx): void => {
    for (const [index, tier] of tiers.entries()) {
      const before = tiers[index - 1];
      if (before !== undefined && height(tier) <= height(before))
        context.addIssue({
          code: 'custom',
          path: [index, 'from'],
          message: 'must exceed that of the tier before',
        });
    }
  };
}

/** A text that is no decimal has its own fault. */
function microsOf(text: string): bigint {
  const parsed = parseDecimalToMicros(text);
  return parsed.ok ? parsed.micros : 0n;
}

const cap = z
  .strictObject({
    id,
    /** Only its conversions count. */
    partnerId: id.optional(),
    /** Each partner has the whole limit for itself. */
    isPerPartner: z.boolean().optional(),
    /** Only this one counts; without it all event types together. */
    eventType: eventType.optional(),
    /** Calendar hours, days and months in UTC, by occurredAt. */
    period: z.enum(CAP_PERIODS),
    /** How many conversions are paid. */
    count: z.int().min(0).max(1_000_000_000).optional(),
    /** How much is paid, in the offer's payoutCurrency. */
    payout: decimal.optional(),
  })
  .superRefine((given, context) => {
    if ((given.count === undefined) === (given.payout === undefined))
      context.addIssue({ code: 'custom', message: 'must have either count or payout' });
    if (given.partnerId !== undefined && given.isPerPartner === true)
      context.addIssue({
        code: 'custom',
        path: ['isPerPartner'],
        message: 'is not for a cap of one partner',
      });
  });

const condition = z
  .strictObject({
    eventType,
    /** The event type that has to happen. */
    until: eventType,
    withinMs: someMs,
  })
  .refine((given) => given.until !== given.eventType, {
    path: ['until'],
    message: 'must be another event type',
  });

const action = z.enum(ABUSE_ACTIONS);

/** What each rule is about stands beside the type `AbuseRules` of the domain. */
const abuse = z.strictObject({
  impossibleBelow: z.strictObject({ ms: someMs, action }).optional(),
  bots: action.optional(),
  velocity: z
    .strictObject({ conversions: z.int().min(1).max(1_000_000), withinMs: someMs, action })
    .optional(),
  countryMismatch: action.optional(),
  blockedSubIds: z
    .strictObject({
      values: z
        .partialRecord(z.enum(SUB_ID_MACROS), notEmpty(foreignWord))
        .refine((values) => Object.keys(values).length > 0, 'must name at least one sub-id'),
      action,
    })
    .optional(),
});

export const offer = z
  .strictObject({
    id,
    advertiserId: id,
    name,
    /** Click-to-conversion time, both ends included. */
    windows: windows.default({ default: { minMs: 0, maxMs: 30 * DAY_MS } }),
    /** `last_click` when left out. */
    model: z.enum(ATTRIBUTION_MODELS).optional(),
    /** Of the model time_decay; seven days when left out. */
    halfLifeMs: someMs.optional(),
    /** Whether a conversion without a click id may be matched by hashed e-mail, phone or customer id. */
    matchesHashedIdentity: z.boolean().optional(),
    /** What is paid, and what caps on payout are in; revenue in another currency is exchanged at the rate of occurredAt. */
    payoutCurrency: currency.optional(),
    /** What a conversion of an event type is worth to a payout rule where no revenue was sent. */
    defaultValues: z.record(eventType, z.strictObject({ amount: decimal, currency })).optional(),
    payouts: z.array(payout).max(MAX_RULES).default([]).superRefine(refuseTwins),
    caps: z
      .array(cap)
      .max(MAX_CAPS)
      .superRefine(refuseRepeats(({ id: capId }) => capId, 'id'))
      .optional(),
    /** Conversions that are held until another event has happened. */
    conditions: z
      .array(condition)
      .max(MAX_RULES)
      .superRefine(refuseRepeats((given) => given.eventType, 'eventType'))
      .optional(),
    abuse: abuse.optional(),
  })
  .superRefine((given, context) => {
    if (given.halfLifeMs !== undefined && given.model !== 'time_decay')
      context.addIssue({ code: 'custom', path: ['halfLifeMs'], message: 'is only for the model time_decay' });
    for (const [index, rule] of given.payouts.entries())
      checkCurrency(rule, index, given.payoutCurrency, context);
    for (const [index, { payout: limit }] of (given.caps ?? []).entries())
      if (limit !== undefined && given.payoutCurrency === undefined)
        context.addIssue({
          code: 'custom',
          path: ['caps', index, 'payout'],
          message: 'needs the payoutCurrency of the offer',
        });
  });

/** With one currency for the whole offer its caps on payout can be kept; without one, tiers still need theirs. */
function checkCurrency(
  rule: Payout,
  index: number,
  payoutCurrency: string | undefined,
  context: z.RefinementCtx,
): void {
  const path = ['payouts', index, 'currency'];
  if (payoutCurrency !== undefined && rule.currency !== undefined && rule.currency !== payoutCurrency)
    context.addIssue({ code: 'custom', path, message: 'must be the payoutCurrency of the offer' });
  if (rule.currency !== undefined || payoutCurrency !== undefined) return;
  const hasAmounts = 'tiers' in rule && rule.tiers.some(({ amount }) => amount !== undefined);
  if (rule.kind === 'revenue_tiers' || hasAmounts)
    context.addIssue({ code: 'custom', path, message: 'is needed where the offer has no payoutCurrency' });
}

/** Of two rules for the same event type and partner one would never apply. */
function refuseTwins(payouts: readonly Payout[], context: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [index, rule] of payouts.entries()) {
    const key = `${rule.eventType}:${rule.partnerId ?? ''}:${rule.firstOfCustomerOnly === true}`;
    if (seen.has(key))
      context.addIssue({
        code: 'custom',
        path: [index],
        message: 'another rule has the same eventType, partnerId and firstOfCustomerOnly',
      });
    seen.add(key);
  }
}

function refuseRepeats<T>(keyOf: (element: T) => string, field: string) {
  return (elements: readonly T[], context: z.RefinementCtx): void => {
    const seen = new Set<string>();
    for (const [index, element] of elements.entries()) {
      if (seen.has(keyOf(element)))
        context.addIssue({ code: 'custom', path: [index, field], message: 'must not come twice' });
      seen.add(keyOf(element));
    }
  };
}
