/** What an offer's document may not hold: every limit, told at its place in words that help. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDocument } from './entities.ts';

const offer = { id: 'shoes', advertiserId: 'acme', name: 'Shoes' };
const DAY_MS = 86_400_000;

/** `path: message` of every fault. */
function faults(changes: object): string[] {
  const parsed = parseDocument('offer', { ...offer, ...changes });
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`);
}

const percent = { eventType: 'sale', kind: 'percent', percent: '8' };
const fixed = { eventType: 'lead', kind: 'fixed', amount: '1', currency: 'EUR' };
const byCount = (...tiers: object[]) => ({ eventType: 'sale', kind: 'count_tiers', currency: 'EUR', tiers });
const byRevenue = (...tiers: object[]) => ({
  eventType: 'sale',
  kind: 'revenue_tiers',
  currency: 'EUR',
  tiers,
});
const cap = { id: 'daily', period: 'day', count: 10 };
const condition = { eventType: 'trial_start', until: 'activation_completed', withinMs: DAY_MS };

const accepted: readonly (readonly [string, object])[] = [
  ['a percentage net of both', { payouts: [{ ...percent, netOf: ['tax', 'shipping'] }] }],
  ['first customers beside everybody', { payouts: [percent, { ...percent, firstOfCustomerOnly: true }] }],
  ['tiers that start late', { payouts: [byCount({ from: 11, amount: '1' })] }],
  [
    'percentages by count without a currency',
    { payouts: [{ ...byCount({ from: 1, percent: '1' }), currency: undefined }] },
  ],
  [
    '50 tiers',
    { payouts: [byCount(...Array.from({ length: 50 }, (_, index) => ({ from: index + 1, amount: '1' })))] },
  ],
  [
    'tiers in the currency of the offer',
    { payoutCurrency: 'EUR', payouts: [{ ...byRevenue({ from: '0', amount: '1' }), currency: undefined }] },
  ],
  ['a cap of nothing', { caps: [{ ...cap, count: 0 }] }],
  [
    'a cap on payout in the currency of the offer',
    { payoutCurrency: 'EUR', caps: [{ id: 'p', period: 'total', payout: '0.5' }] },
  ],
  ['a cap for each partner', { caps: [{ ...cap, isPerPartner: true }] }],
  ['a cap of one partner that says so', { caps: [{ ...cap, partnerId: 'p', isPerPartner: false }] }],
  ['the longest half-life', { model: 'time_decay', halfLifeMs: 366 * DAY_MS }],
  [
    'windows after an impression for one event type only',
    {
      windows: {
        default: { minMs: 0, maxMs: 1 },
        viewThrough: { byEventType: { install: { minMs: 0, maxMs: 0 } } },
      },
    },
  ],
  ['no rule against abuse at all', { abuse: {} }],
];

const refused: readonly (readonly [string, object, string])[] = [
  ['a model nobody knows', { model: 'u_shaped' }, 'model: '],
  ['a half-life of nothing', { model: 'time_decay', halfLifeMs: 0 }, 'halfLifeMs: '],
  ['a half-life in fractions', { model: 'time_decay', halfLifeMs: 0.5 }, 'halfLifeMs: '],
  ['a half-life above a year', { model: 'time_decay', halfLifeMs: 366 * DAY_MS + 1 }, 'halfLifeMs: '],
  [
    'a half-life of another model',
    { model: 'linear', halfLifeMs: 1 },
    'halfLifeMs: is only for the model time_decay',
  ],
  [
    'a half-life of the model that is left out',
    { halfLifeMs: 1 },
    'halfLifeMs: is only for the model time_decay',
  ],
  [
    'an empty window after an impression',
    { windows: { default: { minMs: 0, maxMs: 1 }, viewThrough: {} } },
    'windows.viewThrough: must have a default or byEventType',
  ],
  [
    'a window after an impression that ends before it begins',
    { windows: { default: { minMs: 0, maxMs: 1 }, viewThrough: { default: { minMs: 2, maxMs: 1 } } } },
    'windows.viewThrough.default: minMs must not exceed maxMs',
  ],
  ['a match by hash that is no yes or no', { matchesHashedIdentity: 'yes' }, 'matchesHashedIdentity: '],
  ['a payout currency that is none', { payoutCurrency: 'EUX' }, 'payoutCurrency: must be an ISO 4217 code'],
  [
    'a default value without a currency',
    { defaultValues: { lead: { amount: '1' } } },
    'defaultValues.lead.currency: ',
  ],
  [
    'a default value below zero',
    { defaultValues: { lead: { amount: '-1', currency: 'EUR' } } },
    'defaultValues.lead.amount: must be a decimal',
  ],
  [
    'a default value of no event type',
    { defaultValues: { 'a-b': { amount: '1', currency: 'EUR' } } },
    'defaultValues.a-b: ',
  ],

  ['net of nothing', { payouts: [{ ...percent, netOf: [] }] }, 'payouts.0.netOf: '],
  [
    'net of tax twice',
    { payouts: [{ ...percent, netOf: ['tax', 'tax'] }] },
    'payouts.0.netOf: must not name one twice',
  ],
  ['net of fees', { payouts: [{ ...percent, netOf: ['fees'] }] }, 'payouts.0.netOf.0: '],
  ['a fixed amount net of tax', { payouts: [{ ...fixed, netOf: ['tax'] }] }, 'payouts.0: '],
  [
    'more than ten times the revenue',
    { payouts: [{ ...percent, percent: '1000.000001' }] },
    'payouts.0.percent: must be at most 1000',
  ],
  ['another kind of payout', { payouts: [{ ...percent, kind: 'tiers' }] }, 'payouts.0.kind: '],
  [
    'the same rule for first customers twice',
    {
      payouts: [
        { ...percent, firstOfCustomerOnly: true },
        { ...percent, firstOfCustomerOnly: true },
      ],
    },
    'payouts.1: another rule has the same',
  ],
  [
    'a rule that says no twice',
    { payouts: [percent, { ...percent, firstOfCustomerOnly: false }] },
    'payouts.1: another rule has the same',
  ],
  [
    'a fixed amount in another currency than the offer',
    { payoutCurrency: 'USD', payouts: [fixed] },
    'payouts.0.currency: must be the payoutCurrency of the offer',
  ],
  [
    'a percentage in another currency than the offer',
    { payoutCurrency: 'USD', payouts: [{ ...percent, currency: 'EUR' }] },
    'payouts.0.currency: must be the payoutCurrency of the offer',
  ],

  ['no tier', { payouts: [byCount()] }, 'payouts.0.tiers: '],
  [
    '51 tiers',
    { payouts: [byCount(...Array.from({ length: 51 }, (_, index) => ({ from: index + 1, amount: '1' })))] },
    'payouts.0.tiers: ',
  ],
  [
    'a tier from the conversion before the first',
    { payouts: [byCount({ from: 0, amount: '1' })] },
    'payouts.0.tiers.0.from: ',
  ],
  [
    'a tier from half a conversion',
    { payouts: [byCount({ from: 1.5, amount: '1' })] },
    'payouts.0.tiers.0.from: ',
  ],
  [
    'a tier from a negative revenue',
    { payouts: [byRevenue({ from: '-1', amount: '1' })] },
    'payouts.0.tiers.0.from: must be a decimal',
  ],
  [
    'a tier by revenue from a number',
    { payouts: [byRevenue({ from: 1, amount: '1' })] },
    'payouts.0.tiers.0.from: ',
  ],
  [
    'a tier that pays nothing',
    { payouts: [byCount({ from: 1 })] },
    'payouts.0.tiers.0: must have either amount or percent',
  ],
  [
    'a tier that pays both',
    { payouts: [byCount({ from: 1, amount: '1', percent: '1' })] },
    'payouts.0.tiers.0: must have either amount or percent',
  ],
  [
    'an amount of a tier net of tax',
    { payouts: [byCount({ from: 1, amount: '1', netOf: ['tax'] })] },
    'payouts.0.tiers.0.netOf: is only for a percentage',
  ],
  [
    'tiers in disorder',
    { payouts: [byCount({ from: 5, amount: '1' }, { from: 1, amount: '2' })] },
    'payouts.0.tiers.1.from: must exceed that of the tier before',
  ],
  [
    'two tiers from one revenue',
    { payouts: [byRevenue({ from: '1', amount: '1' }, { from: '1.000000', amount: '2' })] },
    'payouts.0.tiers.1.from: must exceed that of the tier before',
  ],
  [
    'tiers by revenue in no currency',
    { payouts: [{ ...byRevenue({ from: '1', percent: '1' }), currency: undefined }] },
    'payouts.0.currency: is needed where the offer has no payoutCurrency',
  ],
  [
    'amounts by count in no currency',
    { payouts: [{ ...byCount({ from: 1, amount: '1' }), currency: undefined }] },
    'payouts.0.currency: is needed where the offer has no payoutCurrency',
  ],

  [
    'a cap without a limit',
    { caps: [{ id: 'a', period: 'day' }] },
    'caps.0: must have either count or payout',
  ],
  [
    'a cap with two limits',
    { payoutCurrency: 'EUR', caps: [{ ...cap, payout: '1' }] },
    'caps.0: must have either count or payout',
  ],
  ['a cap a week', { caps: [{ ...cap, period: 'week' }] }, 'caps.0.period: '],
  ['a cap below zero', { caps: [{ ...cap, count: -1 }] }, 'caps.0.count: '],
  ['a cap of half a conversion', { caps: [{ ...cap, count: 0.5 }] }, 'caps.0.count: '],
  [
    'a cap on payout in no currency',
    { caps: [{ id: 'a', period: 'day', payout: '1' }] },
    'caps.0.payout: needs the payoutCurrency of the offer',
  ],
  [
    'a cap on a payout below zero',
    { payoutCurrency: 'EUR', caps: [{ id: 'a', period: 'day', payout: '-1' }] },
    'caps.0.payout: must be a decimal',
  ],
  [
    'a cap of one partner for each partner',
    { caps: [{ ...cap, partnerId: 'p', isPerPartner: true }] },
    'caps.0.isPerPartner: is not for a cap of one partner',
  ],
  ['two caps under one id', { caps: [cap, { ...cap, period: 'month' }] }, 'caps.1.id: must not come twice'],
  ['a cap without an id', { caps: [{ period: 'day', count: 1 }] }, 'caps.0.id: '],
  ['101 caps', { caps: Array.from({ length: 101 }, (_, index) => ({ ...cap, id: `c${index}` })) }, 'caps: '],

  [
    'a condition that is its own',
    { conditions: [{ ...condition, until: 'trial_start' }] },
    'conditions.0.until: must be another event type',
  ],
  [
    'two conditions of one event type',
    { conditions: [condition, { ...condition, until: 'sale' }] },
    'conditions.1.eventType: must not come twice',
  ],
  ['a condition within no time', { conditions: [{ ...condition, withinMs: 0 }] }, 'conditions.0.withinMs: '],
  [
    'a condition within more than a year',
    { conditions: [{ ...condition, withinMs: 366 * DAY_MS + 1 }] },
    'conditions.0.withinMs: ',
  ],

  ['an unknown rule against abuse', { abuse: { proxies: 'reject' } }, 'abuse: '],
  ['another action', { abuse: { bots: 'flag' } }, 'abuse.bots: '],
  [
    'impossible below nothing',
    { abuse: { impossibleBelow: { ms: 0, action: 'hold' } } },
    'abuse.impossibleBelow.ms: ',
  ],
  [
    'a velocity of nothing',
    { abuse: { velocity: { conversions: 0, withinMs: 1, action: 'hold' } } },
    'abuse.velocity.conversions: ',
  ],
  [
    'a velocity without an action',
    { abuse: { velocity: { conversions: 1, withinMs: 1 } } },
    'abuse.velocity.action: ',
  ],
  [
    'no blocked sub-id',
    { abuse: { blockedSubIds: { values: {}, action: 'hold' } } },
    'abuse.blockedSubIds.values: must name at least one sub-id',
  ],
  [
    'a blocked sub-id without values',
    { abuse: { blockedSubIds: { values: { sub1: [] }, action: 'hold' } } },
    'abuse.blockedSubIds.values.sub1: ',
  ],
  [
    'a blocked sub-id that is none',
    { abuse: { blockedSubIds: { values: { sub1: ['x'], sub21: ['x'] }, action: 'hold' } } },
    'abuse.blockedSubIds.values: ',
  ],
];

describe('an offer', () => {
  it.each(accepted)('may have %s', (_name, changes) => {
    expect(faults(changes)).toEqual([]);
  });

  it.each(refused)('may not have %s', (_name, changes, fault) => {
    expect(faults(changes).filter((each) => each.startsWith(fault))).toHaveLength(1);
  });
});

it('docs/payouts.md shows what an offer may have', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/payouts.md'), 'utf8');
  const examples = [...page.matchAll(/```json offer\n(.*?)```/gs)].map(([, text = '']) => text);
  expect(examples).toHaveLength(7);
  for (const text of examples) expect(faults(JSON.parse(text)), text).toEqual([]);
});
