/** What an offer promises for one event type, and what its advertiser and the exchange rates add, in the numbers the decision core reckons with. */
import {
  type AbuseRules,
  type CapRule,
  type ExchangeRates,
  lifecycle,
  type Money,
  type OfferTerms,
  type PayoutAmount,
  type PayoutRule,
  type PayoutTier,
  parseExchangeRate,
  type RepeatMode,
  STANDARD_HALF_LIFE_MS,
  STANDARD_MODEL,
  STANDARD_REPEAT_MODE,
} from '@tributary/domain';
import { type Advertiser, exchangeRateIdOf, type Offer } from './entities.ts';
import { microsOf } from './fields.ts';
import type { Configuration } from './fold.ts';

/**
 * The terms of an offer at an instant, usually the occurredAt of a conversion; null when the offer was never configured,
 * or was removed by then. A fact from before the offer was configured is judged by its first terms rather than lost.
 */
export function offerTermsAt(
  configuration: Configuration,
  offerId: string,
  eventType: string,
  at: number,
): OfferTerms | null {
  const revision =
    configuration.revision('offer', offerId, at) ??
    configuration.history('offer', offerId).find(({ entity }) => entity !== null);
  const offer = revision?.entity ?? null;
  return offer === null ? null : termsOf(offer, eventType);
}

/** The offer's terms for one event type. */
export function termsOf(offer: Offer, eventType: string): OfferTerms {
  const { windows, model = STANDARD_MODEL, halfLifeMs = STANDARD_HALF_LIFE_MS } = offer;
  const { viewThrough } = windows;
  const { payoutsByEventType, caps, abuse } = reckonedOf(offer);
  const condition = offer.conditions?.find((each) => each.eventType === eventType);
  return {
    offerId: offer.id,
    window: ownValue(windows.byEventType, eventType) ?? windows.default,
    viewThroughWindow: ownValue(viewThrough?.byEventType, eventType) ?? viewThrough?.default ?? null,
    model,
    halfLifeMs,
    matchesHashedIdentity: offer.matchesHashedIdentity ?? false,
    condition: condition === undefined ? null : { eventType: condition.until, withinMs: condition.withinMs },
    abuse,
    payouts: payoutsByEventType.get(eventType) ?? [],
    caps,
  };
}

/** What a further report of this event type does to a fact of the advertiser that is known. */
export function repeatModeOf(advertiser: Advertiser | undefined, eventType: string): RepeatMode {
  return ownValue(advertiser?.onRepeat, eventType) ?? STANDARD_REPEAT_MODE;
}

/**
 * When the advertiser's signals to CRM tools are raised; null when it asks for none at `now`. Facts are judged by what
 * was in force when they occurred: those of before there was any by the first, so that whoever begins with it is not
 * told of yearly subscriptions each month.
 */
export function lifecycleRulesAt(
  configuration: Configuration,
  advertiserId: string,
  now: number,
): lifecycle.LifecycleRulesAt | null {
  if (configuration.advertiser(advertiserId, now)?.lifecycle === undefined) return null;
  const settings = configuration.history('advertiser', advertiserId).flatMap(({ entity, effectiveFrom }) => {
    const configured = entity?.lifecycle;
    return configured === undefined ? [] : [{ effectiveFrom, rules: lifecycleRulesOf(configured) }];
  });
  const [first] = settings;
  return (at) =>
    (settings.findLast(({ effectiveFrom }) => effectiveFrom <= at) ?? first)?.rules ??
    lifecycle.STANDARD_LIFECYCLE_RULES;
}

/** At the standard what is left out. */
export function lifecycleRulesOf(configured: NonNullable<Advertiser['lifecycle']>): lifecycle.LifecycleRules {
  const standard = lifecycle.STANDARD_LIFECYCLE_RULES;
  return {
    worthActingForMs: configured.worthActingForMs ?? standard.worthActingForMs,
    activationWithinMs: configured.activationWithinMs ?? standard.activationWithinMs,
    renewalPeriod: configured.renewalPeriod ?? standard.renewalPeriod,
    renewalPeriodsByPlan: configured.renewalPeriodsByPlan ?? standard.renewalPeriodsByPlan,
    renewalNoticeMs: configured.renewalNoticeMs ?? standard.renewalNoticeMs,
    renewalGraceMs: configured.renewalGraceMs ?? standard.renewalGraceMs,
    winBackAfterChurnMs: configured.winBackAfterChurnMs ?? standard.winBackAfterChurnMs,
    winBackAfterSilenceMs: configured.winBackAfterSilenceMs ?? standard.winBackAfterSilenceMs,
  };
}

/**
 * The exchange rates in force at an instant. Unlike an offer, a rate from later is never used for an earlier fact: what a
 * conversion is worth must not depend on when it is decided.
 */
export function exchangeRatesAt(configuration: Configuration, at: number): ExchangeRates {
  return {
    rate(from, to) {
      const revision = configuration.revision('exchange_rate', exchangeRateIdOf(from, to), at);
      if (revision === undefined || revision.entity === null) return null;
      const { entity, version } = revision;
      const fraction = parseExchangeRate(entity.rate);
      if (fraction === null) throw new TypeError('a folded exchange rate is none');
      return { id: `${entity.id}@${version}`, from, to, ...fraction };
    },
  };
}

/** What is the same for every event type. */
interface Reckoned {
  readonly payoutsByEventType: ReadonlyMap<string, readonly PayoutRule[]>;
  readonly caps: readonly CapRule[];
  readonly abuse: AbuseRules;
}

/** An offer in force never changes and judges thousands of conversions a second; its decimals are read once. */
const RECKONED = new WeakMap<Offer, Reckoned>();

function reckonedOf(offer: Offer): Reckoned {
  const known = RECKONED.get(offer);
  if (known !== undefined) return known;
  const rules = offer.payouts.map((rule) => payoutRuleOf(offer, rule));
  const reckoned = {
    payoutsByEventType: Map.groupBy(rules, ({ eventType }) => eventType),
    caps: capsOf(offer),
    abuse: abuseOf(offer),
  };
  RECKONED.set(offer, reckoned);
  return reckoned;
}

type OfferPayout = Offer['payouts'][number];

function payoutRuleOf(offer: Offer, rule: OfferPayout): PayoutRule {
  const { eventType, partnerId = null, firstOfCustomerOnly = false } = rule;
  const currency: string | null = rule.currency ?? offer.payoutCurrency ?? null;
  const value = ownValue(offer.defaultValues, eventType);
  const defaultValue = value === undefined ? null : moneyOf(value.amount, value.currency);
  const terms = { eventType, partnerId, firstOfCustomerOnly, currency, defaultValue };
  if (rule.kind === 'fixed')
    return { ...terms, kind: rule.kind, amount: moneyOf(rule.amount, rule.currency) };
  if (rule.kind === 'percent') return { ...terms, ...percentageOf(rule.percent, rule.netOf) };
  return { ...terms, kind: rule.kind, tiers: tiersOf(rule, currency) };
}

function tiersOf(
  rule: OfferPayout & { kind: 'count_tiers' | 'revenue_tiers' },
  currency: string | null,
): readonly PayoutTier[] {
  return rule.tiers.map((tier) => ({
    from: typeof tier.from === 'number' ? BigInt(tier.from) : microsOf(tier.from),
    pays:
      tier.percent === undefined
        ? { kind: 'fixed', amount: moneyOf(present(tier.amount), present(currency)) }
        : percentageOf(tier.percent, tier.netOf),
  }));
}

function percentageOf(
  percent: string,
  netOf: readonly ('tax' | 'shipping')[] = [],
): PayoutAmount & { kind: 'percent' } {
  return { kind: 'percent', percentMicros: microsOf(percent), netOf };
}

function capsOf({ id, caps = [], payoutCurrency }: Offer): readonly CapRule[] {
  return caps.map(
    ({ id: capId, partnerId = null, isPerPartner = false, eventType = null, period, ...limit }) => ({
      capId: `${id}:${capId}`,
      partnerId,
      isPerPartner,
      eventType,
      period,
      limit:
        limit.count === undefined
          ? { kind: 'payout', money: moneyOf(present(limit.payout), present(payoutCurrency)) }
          : { kind: 'count', count: limit.count },
    }),
  );
}

function abuseOf({ abuse = {} }: Offer): AbuseRules {
  const { blockedSubIds } = abuse;
  return {
    impossibleBelowMs: abuse.impossibleBelow ?? null,
    bots: abuse.bots ?? null,
    velocity: abuse.velocity ?? null,
    countryMismatch: abuse.countryMismatch ?? null,
    blockedSubIds:
      blockedSubIds === undefined
        ? null
        : {
            values: new Map(
              Object.entries(blockedSubIds.values).map(([name, values]) => [name, new Set(values)]),
            ),
            action: blockedSubIds.action,
          },
  };
}

/** Own properties only: senders choose the event type, and `constructor` is one too. */
function ownValue<V>(record: Readonly<Record<string, V>> | undefined, key: string): V | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

function moneyOf(decimal: string, currency: string): Money {
  return { micros: microsOf(decimal), currency };
}

/** The schema has refused an offer without it. */
function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new TypeError('a folded offer lacks a part of its terms');
  return value;
}
