/** The configuration of the generated log: twenty advertisers, each with the terms of a few rules and traffic that meets them. */
import { aChange } from '@tributary/configuration';
import type { ConfigurationChanged } from '@tributary/contracts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** From the first story to the last one. */
export const LOG_LASTS_MS = 60 * DAY;
/** Those in force at the start are older. Terms that change do so once a day, as rates do. */
export const TERMS_CHANGE_EVERY_MS = DAY;

/** Deadlines of a short wait lie in the past of whoever decides the log later, those of a long wait in the future. */
export const SHORT_WAIT_MS = HOUR;
export const LONG_WAIT_MS = 366 * DAY;

/** What happens at an advertiser: how often which story of generate.ts is told there. */
export type Story =
  | 'order'
  | 'lead'
  | 'subscription'
  | 'repeat_customer'
  | 'two_sources'
  | 'reversals'
  | 'late_click'
  | 'settled_later'
  | 'trial'
  | 'touches'
  | 'hashed'
  | 'abuse'
  | 'repeats'
  | 'stray'
  | 'test';

export interface Programme {
  readonly advertiserId: string;
  readonly parkedForMs: number;
  /** What a repeat does, by event type; `reject` where nothing is said. */
  readonly onRepeat?: Readonly<Record<string, 'add' | 'update'>>;
  /** Advertiser document, without what all have. */
  readonly advertiser?: Readonly<Record<string, unknown>>;
  /** Documents of its offers by their ids, without what all have. */
  readonly offers: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Documents that take the place of those of the start on every other day. */
  readonly later?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /**
   * Told besides the common ones, by weight. No late clicks where places under caps and tiers are given away: such a place is
   * taken when the click shows, which is no place in the log of postbacks.
   */
  readonly stories: Partial<Readonly<Record<Story, number>>>;
  readonly currencies?: readonly string[];
  /**
   * Every report says when it happened, and all of one fact say the same. Else a second one may move the fact into its window
   * or into another period, while its place under a cap stays where it was first asked for.
   */
  readonly agreesOnTimes?: true;
}

/** Told at every advertiser, by weight. */
const COMMON: Partial<Record<Story, number>> = {
  order: 34,
  lead: 6,
  repeats: 10,
  two_sources: 8,
  reversals: 12,
  late_click: 6,
  stray: 4,
  test: 2,
};

const windows = {
  default: { minMs: 0, maxMs: 7 * DAY },
  byEventType: {
    lead: { minMs: 0, maxMs: DAY },
    renewal: { minMs: 0, maxMs: 90 * DAY },
    activation_completed: { minMs: 0, maxMs: 30 * DAY },
    install: { minMs: MINUTE, maxMs: 2 * DAY },
  },
};

const gross = { eventType: 'sale', kind: 'percent', percent: '12.5' };
const first = { eventType: 'first_purchase', kind: 'percent', percent: '12.5' };
const lead = { eventType: 'lead', kind: 'fixed', amount: '2.5', currency: 'EUR' };
const renewal = { eventType: 'renewal', kind: 'percent', percent: '3.333333' };
const started = { eventType: 'subscription_started', kind: 'percent', percent: '7.77' };
const usual = [gross, first, lead, renewal, started];

export const PROGRAMMES: readonly Programme[] = [
  {
    advertiserId: 'gross',
    parkedForMs: SHORT_WAIT_MS,
    offers: { 'gross-a': { payouts: usual }, 'gross-b': { payouts: [{ ...gross, percent: '0.000001' }] } },
    later: {
      'gross-a': {
        windows: { ...windows, default: { minMs: 0, maxMs: 2 * DAY } },
        payouts: [{ ...gross, percent: '33.333333' }, lead],
      },
    },
    stories: { subscription: 10, settled_later: 8, repeat_customer: 8 },
  },
  {
    advertiserId: 'net',
    parkedForMs: SHORT_WAIT_MS,
    offers: {
      'net-a': { payouts: [{ ...gross, netOf: ['tax', 'shipping'] }, { ...first, netOf: ['tax'] }, lead] },
      'net-b': {
        payouts: [{ ...gross, netOf: ['shipping'] }],
        defaultValues: { sale: { amount: '40', currency: 'EUR' } },
      },
    },
    stories: { settled_later: 4 },
  },
  {
    advertiserId: 'fixed',
    parkedForMs: LONG_WAIT_MS,
    offers: {
      'fixed-a': {
        payouts: [
          { eventType: 'sale', kind: 'fixed', amount: '3.141593', currency: 'EUR' },
          { eventType: 'sale', partnerId: 'p-2', kind: 'fixed', amount: '4', currency: 'USD' },
          lead,
        ],
      },
    },
    stories: { subscription: 10, repeat_customer: 6 },
  },
  {
    advertiserId: 'partners',
    parkedForMs: LONG_WAIT_MS,
    offers: {
      'partners-a': {
        payouts: [
          ...usual,
          { ...gross, partnerId: 'p-1', percent: '20' },
          { ...lead, partnerId: 'p-1', amount: '9' },
        ],
      },
    },
    stories: { settled_later: 12, repeat_customer: 4 },
  },
  {
    advertiserId: 'count-tiers',
    parkedForMs: SHORT_WAIT_MS,
    agreesOnTimes: true,
    offers: {
      'count-tiers-a': {
        payoutCurrency: 'EUR',
        payouts: [
          {
            eventType: 'sale',
            kind: 'count_tiers',
            tiers: [
              { from: 2, amount: '10' },
              { from: 5, percent: '12.5' },
              { from: 30, percent: '15', netOf: ['tax'] },
            ],
          },
          { ...lead },
        ],
      },
    },
    stories: { order: 30, late_click: 0 },
  },
  {
    advertiserId: 'revenue-tiers',
    parkedForMs: SHORT_WAIT_MS,
    offers: {
      'revenue-tiers-a': {
        payouts: [
          {
            eventType: 'sale',
            kind: 'revenue_tiers',
            currency: 'EUR',
            tiers: [
              { from: '10', amount: '1' },
              { from: '50', percent: '8' },
              { from: '120', percent: '9.5', netOf: ['tax', 'shipping'] },
            ],
          },
          lead,
        ],
      },
    },
    stories: { order: 20, settled_later: 6 },
    currencies: ['EUR', 'USD'],
  },
  {
    advertiserId: 'capped',
    parkedForMs: SHORT_WAIT_MS,
    agreesOnTimes: true,
    offers: {
      'capped-a': {
        payoutCurrency: 'EUR',
        payouts: usual,
        caps: [
          { id: 'sales', eventType: 'sale', period: 'day', count: 4 },
          { id: 'money', isPerPartner: true, period: 'month', payout: '400' },
        ],
      },
      'capped-b': {
        payoutCurrency: 'EUR',
        payouts: usual,
        caps: [{ id: 'one', partnerId: 'p-1', period: 'hour', count: 1 }],
      },
    },
    stories: { order: 40, late_click: 0 },
  },
  {
    advertiserId: 'capped-money',
    parkedForMs: SHORT_WAIT_MS,
    agreesOnTimes: true,
    offers: {
      'capped-money-a': {
        payoutCurrency: 'EUR',
        payouts: usual,
        caps: [
          { id: 'day', period: 'day', payout: '30' },
          { id: 'leads', eventType: 'lead', period: 'month', payout: '5' },
        ],
      },
      'capped-money-b': {
        payoutCurrency: 'EUR',
        payouts: usual,
        caps: [
          { id: 'all', period: 'total', count: 400 },
          // Two leads use it to the last micro-unit.
          { id: 'leads', eventType: 'lead', period: 'month', payout: '5' },
        ],
      },
    },
    stories: { order: 40, lead: 40, late_click: 0 },
  },
  {
    advertiserId: 'trials',
    parkedForMs: SHORT_WAIT_MS,
    offers: {
      'trials-a': {
        payouts: [{ eventType: 'trial_start', kind: 'fixed', amount: '8', currency: 'EUR' }, ...usual],
        conditions: [{ eventType: 'trial_start', until: 'activation_completed', withinMs: 3 * DAY }],
      },
    },
    stories: { trial: 60 },
  },
  {
    advertiserId: 'trials-open',
    parkedForMs: LONG_WAIT_MS,
    offers: {
      'trials-open-a': {
        payouts: [{ eventType: 'trial_start', kind: 'fixed', amount: '8', currency: 'EUR' }, ...usual],
        conditions: [{ eventType: 'trial_start', until: 'activation_completed', withinMs: 366 * DAY }],
      },
    },
    stories: { trial: 60 },
  },
  {
    advertiserId: 'hashed',
    parkedForMs: SHORT_WAIT_MS,
    // What one offer allows the other does not.
    offers: { 'hashed-a': { payouts: usual, matchesHashedIdentity: true }, 'hashed-b': { payouts: usual } },
    stories: { hashed: 40, touches: 10 },
  },
  {
    advertiserId: 'hashed-open',
    parkedForMs: LONG_WAIT_MS,
    offers: { 'hashed-open-a': { payouts: usual, matchesHashedIdentity: true } },
    stories: { hashed: 40, touches: 10 },
  },
  {
    advertiserId: 'updates',
    parkedForMs: SHORT_WAIT_MS,
    onRepeat: { sale: 'update', lead: 'update' },
    offers: { 'updates-a': { payouts: usual } },
    stories: { repeats: 40, settled_later: 20 },
  },
  {
    advertiserId: 'adds',
    parkedForMs: SHORT_WAIT_MS,
    onRepeat: { sale: 'add' },
    advertiser: { withoutTransactionId: { quote: 'once_per_customer' } },
    offers: { 'adds-a': { payouts: usual } },
    stories: { repeats: 30 },
  },
  {
    advertiserId: 'first-click',
    parkedForMs: SHORT_WAIT_MS,
    offers: { 'first-click-a': { payouts: usual, model: 'first_click' } },
    stories: { touches: 50 },
  },
  {
    advertiserId: 'linear',
    parkedForMs: SHORT_WAIT_MS,
    offers: {
      'linear-a': { payouts: usual, model: 'linear' },
      'linear-b': { payouts: usual, model: 'linear' },
    },
    stories: { touches: 50 },
  },
  {
    advertiserId: 'positions',
    parkedForMs: LONG_WAIT_MS,
    offers: { 'positions-a': { payouts: usual, model: 'position_based' } },
    stories: { touches: 50 },
  },
  {
    advertiserId: 'decay',
    parkedForMs: SHORT_WAIT_MS,
    offers: { 'decay-a': { payouts: usual, model: 'time_decay', halfLifeMs: 2 * DAY } },
    stories: { touches: 50 },
  },
  {
    advertiserId: 'exchange',
    parkedForMs: SHORT_WAIT_MS,
    offers: {
      'exchange-a': {
        payoutCurrency: 'EUR',
        payouts: [gross, lead],
        defaultValues: { sale: { amount: '10.01', currency: 'USD' } },
      },
      'exchange-b': { payouts: [{ ...gross, currency: 'GBP' }] },
    },
    stories: { order: 40, settled_later: 6 },
    currencies: ['EUR', 'USD', 'JPY', 'CHF'],
  },
  {
    advertiserId: 'guarded',
    parkedForMs: SHORT_WAIT_MS,
    offers: {
      'guarded-a': {
        payouts: [...usual, { ...gross, percent: '25', firstOfCustomerOnly: true }],
        abuse: {
          impossibleBelow: { ms: 5_000, action: 'reject' },
          bots: 'reject',
          countryMismatch: 'hold',
          blockedSubIds: { values: { sub1: ['bad-site', 'worse-site'] }, action: 'reject' },
        },
      },
      'guarded-b': {
        payouts: usual,
        abuse: {
          velocity: { conversions: 3, withinMs: HOUR, action: 'hold' },
          impossibleBelow: { ms: 5_000, action: 'hold' },
        },
      },
    },
    stories: { abuse: 50, repeat_customer: 20 },
  },
];

const RATES: readonly (readonly [from: string, to: string, rate: string])[] = [
  ['USD', 'EUR', '0.9215'],
  ['JPY', 'EUR', '0.00613'],
  ['USD', 'GBP', '0.780000000001'],
  ['EUR', 'GBP', '0.85'],
];

/** Of a dollar in euros, after each change. */
const DAILY_RATES: readonly string[] = Array.from(
  { length: LOG_LASTS_MS / TERMS_CHANGE_EVERY_MS },
  (_, day) => `0.9${String((day * 37) % 100).padStart(2, '0')}`,
);

/** How often each story is told at an advertiser. */
export function storiesOf({ stories }: Programme): readonly (readonly [Story, number])[] {
  const weights = { ...COMMON, ...stories };
  return (Object.keys(weights) as Story[]).map((story) => [story, weights[story] ?? 0]);
}

/**
 * The log of the configuration: its place in the list is its offset.
 *
 * @param startsAt when the first story begins.
 */
export function configurationLog(startsAt: number): readonly ConfigurationChanged[] {
  const configuredAt = startsAt - DAY;
  const changes: ConfigurationChanged[] = [];
  const versions = new Map<string, number>();
  const put = (
    entityType: 'advertiser' | 'offer' | 'partner' | 'campaign' | 'source' | 'exchange_rate',
    document: { readonly id: string },
    effectiveFrom = configuredAt,
  ) => {
    const key = `${entityType}:${document.id}`;
    const expectedVersion = versions.get(key) ?? -1;
    versions.set(key, changes.length);
    changes.push(
      aChange(entityType, document, {
        expectedVersion,
        recordedAt: configuredAt,
        effectiveFrom,
        actor: 'oracle',
      }),
    );
  };
  for (const id of ['p-1', 'p-2', 'p-3']) put('partner', { id, name: id } as { id: string });
  for (const {
    advertiserId,
    parkedForMs,
    onRepeat = {},
    advertiser = {},
    offers,
    later = {},
  } of PROGRAMMES) {
    put('advertiser', {
      id: advertiserId,
      name: advertiserId,
      currency: 'EUR',
      parkedForMs,
      onRepeat,
      ...advertiser,
    } as { id: string });
    for (const sourceId of sourcesOf(advertiserId))
      put('source', { id: sourceId, advertiserId, name: sourceId, tokenHashes: ['0'.repeat(64)] } as {
        id: string;
      });
    for (const [id, terms] of Object.entries(offers))
      put('offer', { id, advertiserId, name: id, windows, ...terms } as { id: string });
    for (const [id, terms] of Object.entries(later))
      for (const day of DAILY_RATES.keys())
        put(
          'offer',
          { id, advertiserId, name: id, windows, ...(day % 2 === 0 ? terms : offers[id]) } as { id: string },
          startsAt + (day + 1) * TERMS_CHANGE_EVERY_MS,
        );
  }
  const putRate = (from: string, to: string, rate: string, effectiveFrom = configuredAt) =>
    put(
      'exchange_rate',
      { id: `${from}-${to}`.toLowerCase(), from, to, rate } as { id: string },
      effectiveFrom,
    );
  for (const [from, to, rate] of RATES) putRate(from, to, rate);
  for (const [day, rate] of DAILY_RATES.entries())
    putRate('USD', 'EUR', rate, startsAt + (day + 1) * TERMS_CHANGE_EVERY_MS);
  return changes;
}

/** Two sources of one lane report to an advertiser, so that one order can come from both. */
export function sourcesOf(advertiserId: string): readonly [string, string] {
  return [`${advertiserId}-shop`, `${advertiserId}-network`];
}
