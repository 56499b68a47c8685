/** The configuration as rows of the scratch tables that the oracle's SQL reads. */
import {
  type Configuration,
  type Offer,
  type Revision,
  repeatModeOf,
  termsOf,
} from '@tributary/configuration';
import { type PayoutAmount, type PayoutRule, parseExchangeRate } from '@tributary/domain';

/** Event types of the generated log; the tables hold each of them for every advertiser and offer. */
const EVENT_TYPES = [
  'lead',
  'install',
  'quote',
  'sale',
  'first_purchase',
  'subscription_started',
  'renewal',
  'trial_start',
  'activation_completed',
  'refund',
  'chargeback',
];

/** Later than anything; a DateTime64 in milliseconds has room for it. */
const NEVER = 9_000_000_000_000;

export type Row = Readonly<Record<string, unknown>>;
export type TermsTable =
  | 'oracle_advertisers'
  | 'oracle_event_types'
  | 'oracle_terms'
  | 'oracle_payouts'
  | 'oracle_caps'
  | 'oracle_rates';

interface Stretch {
  readonly since: number;
  readonly until: number;
}

/** Rows by table. Money and rates are decimal texts, since JSON numbers would round them. */
export function termsRows(configuration: Configuration): Readonly<Record<TermsTable, readonly Row[]>> {
  const advertisers = configuration.list('advertiser');
  const offers = configuration.list('offer').map(({ id }) => stretchesOf(configuration.history('offer', id)));
  const linking = new Set(
    offers.flat().flatMap(({ entity }) => (linksPersons(entity) ? [entity.advertiserId] : [])),
  );
  return {
    oracle_advertisers: advertisers.map(({ id, parkedForMs }) => ({
      advertiserId: id,
      parkedForMs,
      linksPersons: linking.has(id),
    })),
    oracle_event_types: advertisers.flatMap((advertiser) =>
      EVENT_TYPES.map((eventType) => ({
        advertiserId: advertiser.id,
        eventType,
        eventClass: advertiser.eventClasses[eventType] ?? eventType,
        repeatMode: repeatModeOf(advertiser, eventType),
        withoutTransactionId: advertiser.withoutTransactionId[eventType] ?? 'each_postback',
        isReversal: eventType === 'refund' || eventType === 'chargeback',
      })),
    ),
    oracle_terms: offers.flat().flatMap(termRows),
    oracle_payouts: offers.flat().flatMap(payoutRows),
    // The log never changes a cap: what a counter has used would have to outlive it.
    oracle_caps: offers.flatMap(([stretch]) => (stretch === undefined ? [] : capRows(stretch.entity))),
    oracle_rates: configuration.ids('exchange_rate').flatMap((id) => rateRows(configuration, id)),
  };
}

/** Where several clicks may count, the others of a person are looked for. */
function linksPersons({ model = 'last_click', matchesHashedIdentity = false }: Offer): boolean {
  return model !== 'last_click' || matchesHashedIdentity;
}

/** The first terms also hold for what occurred before them. */
function stretchesOf(history: readonly Revision<'offer'>[]): readonly (Stretch & { entity: Offer })[] {
  return history.flatMap(({ entity, effectiveFrom }, place) =>
    entity === null
      ? []
      : [
          {
            entity,
            since: place === 0 ? 0 : effectiveFrom,
            until: history[place + 1]?.effectiveFrom ?? NEVER,
          },
        ],
  );
}

function termRows({ entity, since, until }: Stretch & { entity: Offer }): readonly Row[] {
  return EVENT_TYPES.map((eventType) => {
    const { offerId, window, model, halfLifeMs, matchesHashedIdentity, condition, abuse } = termsOf(
      entity,
      eventType,
    );
    return {
      offerId,
      eventType,
      since,
      until,
      windowMinMs: window.minMs,
      windowMaxMs: window.maxMs,
      model,
      halfLifeMs,
      matchesHashedIdentity,
      conditionType: condition?.eventType ?? '',
      conditionWithinMs: condition?.withinMs ?? 0,
      impossibleBelowMs: abuse.impossibleBelowMs?.ms ?? 0,
      impossibleAction: abuse.impossibleBelowMs?.action ?? '',
      botsAction: abuse.bots ?? '',
      velocityConversions: abuse.velocity?.conversions ?? 0,
      velocityWithinMs: abuse.velocity?.withinMs ?? 0,
      velocityAction: abuse.velocity?.action ?? '',
      countryAction: abuse.countryMismatch ?? '',
      blockedSub1: [...(abuse.blockedSubIds?.values.get('sub1') ?? [])],
      blockedAction: abuse.blockedSubIds?.action ?? '',
    };
  });
}

function payoutRows({ entity, since, until }: Stretch & { entity: Offer }): readonly Row[] {
  return EVENT_TYPES.flatMap((eventType) => termsOf(entity, eventType).payouts).map((rule) => ({
    offerId: entity.id,
    eventType: rule.eventType,
    since,
    until,
    partnerId: rule.partnerId ?? '',
    firstOfCustomerOnly: rule.firstOfCustomerOnly ?? false,
    kind: rule.kind,
    currency: (rule.kind === 'fixed' ? rule.amount.currency : rule.currency) ?? '',
    defaultMicros: String(rule.defaultValue?.micros ?? -1n),
    defaultCurrency: rule.defaultValue?.currency ?? '',
    tiers: tiersOf(rule),
  }));
}

function tiersOf(rule: PayoutRule): readonly Row[] {
  if ('tiers' in rule)
    return rule.tiers.map(({ from, pays }) => ({ atLeast: String(from), ...paysOf(pays) }));
  return [{ atLeast: '0', ...paysOf(rule) }];
}

function paysOf(pays: PayoutAmount): Row {
  const isFixed = pays.kind === 'fixed';
  const netOf = isFixed ? [] : (pays.netOf ?? []);
  return {
    amountMicros: isFixed ? String(pays.amount.micros) : '-1',
    percentMicros: isFixed ? '-1' : String(pays.percentMicros),
    isNetOfTax: netOf.includes('tax') ? 1 : 0,
    isNetOfShipping: netOf.includes('shipping') ? 1 : 0,
  };
}

function capRows(offer: Offer): readonly Row[] {
  return termsOf(offer, 'sale').caps.map(({ capId, partnerId, isPerPartner, eventType, period, limit }) => ({
    capId,
    offerId: offer.id,
    partnerId: partnerId ?? '',
    isPerPartner,
    eventType: eventType ?? '',
    period,
    conversions: limit.kind === 'count' ? limit.count : -1,
    payoutMicros: limit.kind === 'payout' ? String(limit.money.micros) : '-1',
  }));
}

function rateRows(configuration: Configuration, id: string): readonly Row[] {
  const history = configuration.history('exchange_rate', id);
  return history.flatMap(({ entity, effectiveFrom }, place) => {
    const fraction = entity === null ? null : parseExchangeRate(entity.rate);
    if (entity === null || fraction === null) return [];
    return [
      {
        source: entity.from,
        target: entity.to,
        since: effectiveFrom,
        until: history[place + 1]?.effectiveFrom ?? NEVER,
        numerator: String(fraction.numerator),
        denominator: String(fraction.denominator),
      },
    ];
  });
}
