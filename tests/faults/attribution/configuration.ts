/** What the fault scenarios of attribution are configured with: advertisers with one or two lanes, and offers that between them use every first-come rule. */
import type { ConfiguredEntityType } from '@tributary/configuration';

/** Where a story happens. */
export interface Lane {
  readonly lane: string;
  readonly advertiserId: string;
  /** Clicks and conditions are waited for so long that no fault ends a wait, or so short that every wait ends. */
  readonly isPatient: boolean;
}

export type OfferKind = 'plain' | 'capped' | 'tiered' | 'firsts';

/** A patient wait outlasts every run. */
const PATIENT_MS = 86_400_000;
/** What waits in an impatient lane has been given up so long after it came, once everything is worked off. */
export const IMPATIENT_MS = 4_000;
/** Of each partner under `capped`; the load sends more sales than that. */
export const CAP_LIMITS = { count: 3, payoutMicros: 12_000_000n } as const;
const CURRENCY = 'EUR';
const ADVERTISERS = 8;
/** Only these have two lanes; every fourth advertiser is impatient. */
const WITH_TWO_LANES = 4;

export const LANES: readonly Lane[] = Array.from({ length: ADVERTISERS }, (_, n) => {
  const advertiserId = `shop-${n + 1}`;
  const names = n < WITH_TWO_LANES ? [`${advertiserId}-web`, `${advertiserId}-app`] : [advertiserId];
  return names.map((lane) => ({ lane, advertiserId, isPatient: n % 4 !== 3 }));
}).flat();

export function offerIdOf(advertiserId: string, kind: OfferKind): string {
  return `${advertiserId}-${kind}`;
}

type Document = { readonly id: string; readonly [field: string]: unknown };

/** Every document, those that others refer to first. */
export function documents(): readonly (readonly [ConfiguredEntityType, Document])[] {
  const advertisers = new Map(LANES.map((lane) => [lane.advertiserId, lane]));
  return [...advertisers.values()].flatMap(({ advertiserId, isPatient }) => {
    const waitMs = isPatient ? PATIENT_MS : IMPATIENT_MS;
    const advertiser = {
      id: advertiserId,
      name: advertiserId,
      currency: CURRENCY,
      parkedForMs: waitMs,
      onRepeat: { order: 'update' },
    };
    return [
      ['advertiser', advertiser] as const,
      ...offers(advertiserId, waitMs).map((offer) => ['offer', offer] as const),
    ];
  });
}

function offers(advertiserId: string, waitMs: number): readonly Document[] {
  const offer = (kind: OfferKind, terms: object): Document => ({
    id: offerIdOf(advertiserId, kind),
    advertiserId,
    name: kind,
    payoutCurrency: CURRENCY,
    ...terms,
  });
  const percent = (eventType: string) => ({ eventType, kind: 'percent', percent: '12.345' });
  const fixed = { eventType: 'trial_start', kind: 'fixed', amount: '2.5', currency: CURRENCY };
  return [
    offer('plain', {
      payouts: [...['sale', 'order', 'renewal', 'subscription_started'].map(percent), fixed],
      conditions: [{ eventType: 'trial_start', until: 'activation_completed', withinMs: waitMs }],
    }),
    offer('capped', {
      payouts: [{ eventType: 'sale', kind: 'percent', percent: '30' }],
      caps: [
        { id: 'number', isPerPartner: true, period: 'total', count: CAP_LIMITS.count },
        { id: 'budget', isPerPartner: true, period: 'total', payout: '12' },
      ],
    }),
    offer('tiered', {
      payouts: [
        {
          eventType: 'sale',
          kind: 'count_tiers',
          tiers: [
            { from: 1, percent: '5' },
            { from: 3, percent: '7.5' },
          ],
        },
      ],
    }),
    offer('firsts', {
      payouts: [
        { eventType: 'sale', kind: 'fixed', amount: '3', currency: CURRENCY, firstOfCustomerOnly: true },
        { eventType: 'sale', kind: 'percent', percent: '1' },
      ],
    }),
  ];
}
