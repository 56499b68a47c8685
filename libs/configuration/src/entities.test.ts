/** What a document of each entity may hold, what is refused and where, and what readers see of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type ConfiguredEntityType,
  ENTITY_SCHEMAS,
  isConfiguredEntityType,
  parseDocument,
  reviewDocument,
} from './entities.ts';

const DAY_MS = 86_400_000;

const advertiser = { id: 'acme', name: 'Acme', currency: 'EUR' };
const offer = { id: 'shoes', advertiserId: 'acme', name: 'Shoes' };
const campaign = {
  id: 'summer',
  offerId: 'shoes',
  name: 'Summer',
  landingUrl: 'https://shop.example/land?cid={click_id}',
  status: 'active',
};
const source = { id: 'shop', advertiserId: 'acme', name: 'Shop' };
const destination = { id: 'capi', name: 'CAPI', definition: 'meta', status: 'active' };
const subscription = { id: 'sales', destinationId: 'capi' };
const exchangeRate = { id: 'usd-eur', from: 'USD', to: 'EUR', rate: '0.92' };
const apiKey = { id: 'network-key', name: 'Network', role: 'partner', partnerId: 'network' };

const SMALLEST = {
  advertiser,
  offer,
  campaign,
  partner: { id: 'network', name: 'Network' },
  source,
  destination,
  subscription,
  api_key: apiKey,
  exchange_rate: exchangeRate,
} as const satisfies Record<ConfiguredEntityType, object>;

function entityOf<T extends ConfiguredEntityType>(type: T, document: object) {
  const parsed = parseDocument(type, document);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.entity;
}

/**
 * Documents as console has written them: the log keeps them for ever, so every later release must read them as they
 * stand here. Lines are added when a field is, never changed or taken away.
 */
const WRITTEN: readonly (readonly [ConfiguredEntityType, object])[] = [
  [
    'advertiser',
    {
      ...advertiser,
      eventClasses: { sale: 'purchase', upgrade: 'subscription' },
      withoutTransactionId: { lead: 'once_per_customer' },
      parkedForMs: 3_600_000,
    },
  ],
  ['advertiser', { ...advertiser, onRepeat: { sale: 'update', top_up: 'add', lead: 'reject' } }],
  [
    'advertiser',
    {
      ...advertiser,
      lifecycle: {
        worthActingForMs: DAY_MS,
        activationWithinMs: 14 * DAY_MS,
        renewalPeriod: { days: 28 },
        renewalPeriodsByPlan: { 'Gold (annual)': { months: 12 } },
        renewalNoticeMs: 0,
        renewalGraceMs: 0,
        winBackAfterChurnMs: DAY_MS,
        winBackAfterSilenceMs: 366 * DAY_MS,
      },
    },
  ],
  [
    'offer',
    {
      ...offer,
      windows: {
        default: { minMs: 0, maxMs: 30 * DAY_MS },
        byEventType: { renewal: { minMs: DAY_MS, maxMs: 366 * DAY_MS } },
      },
      payouts: [
        { eventType: 'lead', kind: 'fixed', amount: '2.5', currency: 'EUR' },
        { eventType: 'sale', kind: 'percent', percent: '12.5' },
        { eventType: 'sale', partnerId: 'network', kind: 'percent', percent: '150' },
      ],
    },
  ],
  [
    'campaign',
    {
      ...campaign,
      partnerId: 'network',
      landingUrl: 'https://shop.example/{sub1}?c={click_id}&p={partner_id}',
      fallbackUrl: 'http://127.0.0.1:8090/paused',
      status: 'paused',
      costCurrency: 'EUR',
    },
  ],
  ['partner', SMALLEST.partner],
  [
    'source',
    {
      ...source,
      lane: 'acme-eu',
      tokenHashes: ['a'.repeat(64)],
      profile: {
        aliases: { clickId: ['aff_sub'], revenue: ['sale_amount', 'total'] },
        eventTypes: { 'Order Placed': 'sale' },
        statuses: { '1': 'approved', '2': 'rejected' },
        amountUnit: 'cents',
        defaultEventType: 'sale',
        defaultCurrency: 'USD',
      },
      allowedExtras: ['basket'],
      successBody: 'OK',
      isTest: true,
    },
  ],
  [
    'source',
    {
      ...source,
      profile: {
        aliases: { clickId: ['params[name=click_id].value'], revenue: ['order.total', 'items[0].price'] },
        constants: { currency: 'USD', eventType: 'sale' },
        eventTypeRules: [{ when: { type: 'Order', status: '' }, eventType: 'sale' }],
        ignoredEventTypes: ['ping'],
        ignoredStatuses: ['draft'],
        defaultStatus: 'pending',
        amountUnit: 'thousandths',
        amountFormat: 'comma',
        amountCarriesCurrency: true,
        currencies: { $: 'CAD', руб: 'RUB' },
        defaultRevenue: { lead: '2.50' },
        timeFormats: ['unix_seconds', 'dmy_dots', 'iso8601'],
        timeZone: 'Europe/Vienna',
        charset: 'windows-1251',
        charsetParameter: 'charset',
        isDoubleEncoded: true,
        qualifiesBy: { parameter: 'call.duration', atLeast: '30' },
        rowsAt: 'conversions',
      },
      successBody: '<ok/>',
      successStatus: 202,
      successContentType: 'application/xml',
    },
  ],
  [
    'destination',
    {
      ...destination,
      settings: { pixelId: '1', nested: { list: [1, null, true] } },
      advertiserId: 'acme',
      partnerId: 'network',
      status: 'disabled',
      scheduleMs: [1_000, 60_000],
    },
  ],
  [
    'destination',
    {
      ...destination,
      overrides: [
        { offerId: 'shoes', eventType: 'lead', settings: { nested: { list: [1] } } },
        { offerId: 'shoes', settings: {} },
        { eventType: 'lead', settings: { method: 'POST' } },
      ],
    },
  ],
  [
    'destination',
    {
      ...destination,
      mode: 'dry_run',
      guard: {
        forMs: 3_600_000,
        maxValue: { EUR: '500', JPY: '80000' },
        maxPerHour: 2_000,
        releasedAt: '2026-01-02T03:04:05Z',
      },
    },
  ],
  [
    'subscription',
    {
      ...subscription,
      filter: {
        matches: ['attributed'],
        states: ['payable'],
        conditions: [
          { field: 'productId', anyOf: ['sku-9'], noneOf: ['sku-8'] },
          { field: 'extras.tier', isPresent: true },
        ],
      },
    },
  ],
  [
    'subscription',
    {
      ...subscription,
      filter: {
        eventTypes: ['sale'],
        offerIds: ['shoes'],
        partnerIds: ['network'],
        sourceIds: ['shop'],
        matches: ['attributed', 'unattributed'],
        states: ['payable', 'pending', 'rejected', 'reversed'],
      },
      events: { sale: 'Purchase' },
    },
  ],
  ['api_key', { ...apiKey, expiresAt: '2030-01-02T03:04:05Z' }],
  ['api_key', { id: 'boss', name: 'Boss', role: 'admin' }],
  ['exchange_rate', exchangeRate],
  ['exchange_rate', { id: 'vnd-eur', from: 'VND', to: 'EUR', rate: '0.000034512345' }],
  [
    'offer',
    {
      ...offer,
      windows: {
        default: { minMs: 0, maxMs: 30 * DAY_MS },
        viewThrough: {
          default: { minMs: 0, maxMs: DAY_MS },
          byEventType: { install: { minMs: 0, maxMs: 3_600_000 } },
        },
      },
      model: 'time_decay',
      halfLifeMs: 3 * DAY_MS,
      matchesHashedIdentity: true,
      payoutCurrency: 'EUR',
      defaultValues: { lead: { amount: '20', currency: 'USD' } },
      payouts: [
        { eventType: 'sale', kind: 'percent', percent: '8', netOf: ['tax', 'shipping'] },
        { eventType: 'sale', firstOfCustomerOnly: true, kind: 'percent', percent: '20', currency: 'EUR' },
        {
          eventType: 'sale',
          partnerId: 'network',
          kind: 'count_tiers',
          tiers: [
            { from: 1, amount: '10' },
            { from: 101, percent: '12.5', netOf: ['tax'] },
          ],
        },
        {
          eventType: 'upgrade',
          kind: 'revenue_tiers',
          currency: 'EUR',
          tiers: [
            { from: '0', amount: '1' },
            { from: '99.99', percent: '5' },
          ],
        },
      ],
      caps: [
        { id: 'day', period: 'day', count: 100 },
        { id: 'month', period: 'month', eventType: 'sale', partnerId: 'network', payout: '5000' },
        { id: 'hour', period: 'hour', isPerPartner: true, count: 0 },
        { id: 'ever', period: 'total', payout: '100000.50' },
      ],
      conditions: [{ eventType: 'trial_start', until: 'activation_completed', withinMs: 14 * DAY_MS }],
      abuse: {
        impossibleBelow: { ms: 2_000, action: 'reject' },
        bots: 'reject',
        velocity: { conversions: 5, withinMs: 3_600_000, action: 'hold' },
        countryMismatch: 'hold',
        blockedSubIds: { values: { sub1: ['bad', 'worse'], sub20: ['x'] }, action: 'reject' },
      },
    },
  ],
];

describe('documents', () => {
  it.each(WRITTEN)('reads a %s as it was written', (type, document) => {
    expect(entityOf(type, document)).toMatchObject(document);
  });

  it.each(Object.entries(SMALLEST))('fills in the defaults of a %s once and for all', (type, document) => {
    if (!isConfiguredEntityType(type)) throw new Error(type);
    const entity = entityOf(type, document);

    expect(entity).toMatchObject(document);
    expect(entityOf(type, entity)).toEqual(entity);
  });

  it('states every default', () => {
    expect(entityOf('advertiser', advertiser)).toEqual({
      ...advertiser,
      eventClasses: {
        first_purchase: 'purchase',
        sale: 'purchase',
        purchase: 'purchase',
        repeat_purchase: 'purchase',
        subscription_started: 'subscription',
      },
      withoutTransactionId: {
        lead: 'once_per_click',
        install: 'once_per_click',
        trial_start: 'once_per_click',
      },
      parkedForMs: DAY_MS,
    });
    expect(entityOf('offer', offer)).toEqual({
      ...offer,
      windows: { default: { minMs: 0, maxMs: 30 * DAY_MS } },
      payouts: [],
    });
    expect(entityOf('source', source)).toEqual({
      ...source,
      lane: 'acme',
      tokenHashes: [],
      profile: { aliases: {}, amountUnit: 'units' },
      allowedExtras: [],
      isTest: false,
    });
    expect(entityOf('subscription', subscription).filter).toEqual({
      matches: ['attributed'],
      states: ['payable'],
    });
  });

  it('lets the advertiser overrule a standard class and a standard rule, one by one', () => {
    const entity = entityOf('advertiser', {
      ...advertiser,
      eventClasses: { sale: 'sale' },
      withoutTransactionId: { lead: 'each_postback' },
    });

    expect(entity.eventClasses).toMatchObject({ sale: 'sale', purchase: 'purchase' });
    expect(entity.withoutTransactionId).toMatchObject({ lead: 'each_postback', install: 'once_per_click' });
  });
});

const refused: readonly (readonly [string, ConfiguredEntityType, object, string])[] = [
  ['an id in capitals', 'partner', { id: 'Acme', name: 'x' }, 'id'],
  ['an id of 65 characters', 'partner', { id: 'a'.repeat(65), name: 'x' }, 'id'],
  ['an id that begins with a dash', 'partner', { id: '-a', name: 'x' }, 'id'],
  ['a blank name', 'partner', { id: 'a', name: '  ' }, 'name'],
  ['an unknown key', 'partner', { id: 'a', name: 'x', token: 'y' }, ''],
  ['an unknown key inside', 'source', { ...source, profile: { alias: {} } }, 'profile'],
  ['a currency outside ISO 4217', 'advertiser', { ...advertiser, currency: 'EUX' }, 'currency'],
  ['a currency in lower case', 'advertiser', { ...advertiser, currency: 'eur' }, 'currency'],
  [
    'an event type with a dash',
    'advertiser',
    { ...advertiser, eventClasses: { 'a-b': 'x' } },
    'eventClasses.a-b',
  ],
  [
    'an unknown way with repeats',
    'advertiser',
    { ...advertiser, onRepeat: { sale: 'ignore' } },
    'onRepeat.sale',
  ],
  [
    'a repeat of an event type with a dash',
    'advertiser',
    { ...advertiser, onRepeat: { 'a-b': 'add' } },
    'onRepeat.a-b',
  ],
  ...['0', '-1', '1,1', '.5', '1e3', '1234567890123', '0.1234567890123'].map(
    (rate) =>
      [`a rate of ${JSON.stringify(rate)}`, 'exchange_rate', { ...exchangeRate, rate }, 'rate'] as const,
  ),
  ['a rate that is a number', 'exchange_rate', { ...exchangeRate, rate: 0.92 }, 'rate'],
  ['a rate to itself', 'exchange_rate', { ...exchangeRate, id: 'usd-usd', to: 'USD' }, 'to'],
  ['a rate of no currency', 'exchange_rate', { ...exchangeRate, from: 'XXX' }, 'from'],
  ['a rate under another id', 'exchange_rate', { ...exchangeRate, id: 'eur-usd' }, 'id'],
  [
    'a period of nothing',
    'advertiser',
    { ...advertiser, lifecycle: { renewalPeriod: { months: 0 } } },
    'lifecycle.renewalPeriod.months',
  ],
  [
    'a period in two units',
    'advertiser',
    { ...advertiser, lifecycle: { renewalPeriodsByPlan: { gold: { days: 1, months: 1 } } } },
    'lifecycle.renewalPeriodsByPlan.gold',
  ],
  [
    'a signal that is worth nothing',
    'advertiser',
    { ...advertiser, lifecycle: { worthActingForMs: 0 } },
    'lifecycle.worthActingForMs',
  ],
  ['a negative wait', 'advertiser', { ...advertiser, parkedForMs: -1 }, 'parkedForMs'],
  ['a wait in fractions', 'advertiser', { ...advertiser, parkedForMs: 0.5 }, 'parkedForMs'],
  [
    'a window that ends before it begins',
    'offer',
    { ...offer, windows: { default: { minMs: 2, maxMs: 1 } } },
    'windows.default',
  ],
  [
    'two payouts for one event type and partner',
    'offer',
    {
      ...offer,
      payouts: [
        { eventType: 'sale', kind: 'percent', percent: '1' },
        { eventType: 'sale', kind: 'fixed', amount: '1', currency: 'EUR' },
      ],
    },
    'payouts.1',
  ],
  ...['-1', '1,5', '1e3', '', '.5', '+1', '1.1234567', '99999999999999'].map(
    (amount) =>
      [
        `a payout of ${JSON.stringify(amount)}`,
        'offer',
        { ...offer, payouts: [{ eventType: 'lead', kind: 'fixed', amount, currency: 'EUR' }] },
        'payouts.0.amount',
      ] as const,
  ),
  ...[
    'http://shop.example/',
    'http://127.evil.example/',
    'https://{sub1}.example/',
    'https://shop.example{sub1}/',
    'https://shop.example/{unknown}',
    'javascript:alert(1)',
    'https://user:word@shop.example/',
    '//shop.example/',
  ].map(
    (landingUrl) =>
      [`the landing page ${landingUrl}`, 'campaign', { ...campaign, landingUrl }, 'landingUrl'] as const,
  ),
  [
    'a fallback by plain http',
    'campaign',
    { ...campaign, fallbackUrl: 'http://shop.example/' },
    'fallbackUrl',
  ],
  ['a currency in lower case', 'campaign', { ...campaign, costCurrency: 'eur' }, 'costCurrency'],
  ['a plain token', 'source', { ...source, tokenHashes: ['secret'] }, 'tokenHashes.0'],
  [
    'an alias of an unknown field',
    'source',
    { ...source, profile: { aliases: { click: ['x'] } } },
    'profile.aliases',
  ],
  ...(
    [
      [{ timeZone: 'Europe/Atlantis' }, 'timeZone'],
      [{ charset: 'utf-16' }, 'charset'],
      [{ timeFormats: [] }, 'timeFormats'],
      [{ currencies: { $: 'dollar' } }, 'currencies.$'],
      [{ defaultRevenue: { lead: '2,50' } }, 'defaultRevenue.lead'],
      [{ constants: { click: 'x' } }, 'constants'],
      [{ constants: { currency: '' } }, 'constants.currency'],
      [{ eventTypeRules: [{ when: {}, eventType: 'sale' }] }, 'eventTypeRules.0.when'],
      [{ qualifiesBy: { parameter: 'duration', atLeast: 'half a minute' } }, 'qualifiesBy.atLeast'],
    ] as const
  ).map(
    ([profile, path]) =>
      [
        `the profile ${JSON.stringify(profile)}`,
        'source',
        { ...source, profile },
        `profile.${path}`,
      ] as const,
  ),
  ['a success status of a failure', 'source', { ...source, successStatus: 400 }, 'successStatus'],
  [
    'a success body in another content type',
    'source',
    { ...source, successContentType: 'text/javascript' },
    'successContentType',
  ],
  ['a status', 'destination', { ...destination, status: 'paused' }, 'status'],
  ['a rate of nothing', 'destination', { ...destination, ratePerSecond: 0 }, 'ratePerSecond'],
  ['a lane without places', 'destination', { ...destination, concurrency: 0 }, 'concurrency'],
  [
    'a destination that outlives its timers',
    'destination',
    { ...destination, disableAfterMs: 7 * 86_400_000 },
    'disableAfterMs',
  ],
  ['a mode', 'destination', { ...destination, mode: 'shadow' }, 'mode'],
  ['a guard of nothing', 'destination', { ...destination, guard: {} }, 'guard'],
  [
    'a guard without a currency',
    'destination',
    { ...destination, guard: { maxValue: {} } },
    'guard.maxValue',
  ],
  [
    'a guard that outlives any use',
    'destination',
    { ...destination, guard: { maxPerHour: 1, forMs: 8 * 86_400_000 } },
    'guard.forMs',
  ],
  [
    'a release without a time zone',
    'destination',
    { ...destination, guard: { maxPerHour: 1, releasedAt: '2026-01-02T03:04:05' } },
    'guard.releasedAt',
  ],
  [
    'a condition of a field that is none',
    'subscription',
    { ...subscription, filter: { conditions: [{ field: 'revenue', anyOf: ['1'] }] } },
    'filter.conditions.0.field',
  ],
  [
    'a condition that asks nothing',
    'subscription',
    { ...subscription, filter: { conditions: [{ field: 'productId' }] } },
    'filter.conditions.0',
  ],
  [
    'a range without ends',
    'subscription',
    { ...subscription, filter: { revenue: { currency: 'EUR' } } },
    'filter.revenue',
  ],
  [
    'a country in words',
    'subscription',
    { ...subscription, filter: { countries: ['Germany'] } },
    'filter.countries.0',
  ],
  ...(
    [
      ['for nothing', [{ settings: {} }], 'overrides.0'],
      ['without settings', [{ offerId: 'shoes' }], 'overrides.0.settings'],
      ['of a misspelt field', [{ offer: 'shoes', settings: {} }], 'overrides.0'],
      [
        'for the same twice',
        [
          { offerId: 'shoes', eventType: 'lead', settings: {} },
          { offerId: 'shoes', settings: {} },
          { eventType: 'lead', settings: {} },
          { eventType: 'lead', offerId: 'shoes', settings: {} },
        ],
        'overrides.3',
      ],
    ] as const
  ).map(
    ([what, overrides, path]) =>
      [`an override ${what}`, 'destination', { ...destination, overrides }, path] as const,
  ),
  [
    'deliveries of parked conversions',
    'subscription',
    { ...subscription, filter: { matches: ['parked'] } },
    'filter.matches.0',
  ],
  [
    'deliveries of held conversions',
    'subscription',
    { ...subscription, filter: { states: ['held'] } },
    'filter.states.0',
  ],
  [
    'a filter that nothing fits',
    'subscription',
    { ...subscription, filter: { eventTypes: [] } },
    'filter.eventTypes',
  ],
  ['a partner key without its partner', 'api_key', { ...apiKey, partnerId: undefined }, 'partnerId'],
  ['an analyst key with a partner', 'api_key', { ...apiKey, role: 'analyst' }, 'partnerId'],
  ['another role', 'api_key', { ...apiKey, role: 'root' }, 'role'],
  ['an end in words', 'api_key', { ...apiKey, expiresAt: 'tomorrow' }, 'expiresAt'],
  ["the name of the process's own key", 'api_key', { ...apiKey, id: 'console_api_key' }, 'id'],
];

describe('refusals', () => {
  it.each(refused)('refuses %s', (_name, type, document, path) => {
    const parsed = parseDocument(type, document);

    expect(parsed.ok ? [] : parsed.problems.map((problem) => problem.path)).toContain(path);
  });

  it.each([null, undefined, 'text', 7, []])('refuses %j as a document', (document) => {
    expect(parseDocument('partner', document).ok).toBe(false);
  });

  it('does not repeat values: some are personal or secret', () => {
    const parsed = parseDocument('source', { ...source, tokenHashes: ['plain-token'], successBody: 7 });

    expect(JSON.stringify(parsed)).not.toContain('plain-token');
  });
});

it('knows the entity types that have a schema and no others', () => {
  expect(Object.keys(ENTITY_SCHEMAS).every(isConfiguredEntityType)).toBe(true);
  expect(['promotion', 'constructor', ''].some(isConfiguredEntityType)).toBe(false);
});

it('docs/crm.md shows what an advertiser may have', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/crm.md'), 'utf8');
  const examples = [...page.matchAll(/```json advertiser\n(.*?)```/gs)].map(([, text = '']) => text);
  expect(examples).toHaveLength(1);
  for (const text of examples)
    expect(parseDocument('advertiser', { ...advertiser, ...JSON.parse(text) }).ok).toBe(true);
});

describe('templates', () => {
  it('that do not compile are told by code and place', () => {
    const landingUrl = 'https://shop.example/?c={clickid}';
    const parsed = parseDocument('campaign', { ...campaign, landingUrl });
    expect(parsed.ok ? [] : parsed.problems).toEqual([
      {
        path: 'landingUrl',
        code: 'unknown_macro',
        position: 24,
        length: 9,
        message: 'there is no macro {clickid} here; write {click_id}',
      },
    ]);
  });

  it('that compile are reviewed: what is an error, and what is only doubtful', () => {
    const review = reviewDocument(
      'campaign',
      entityOf('campaign', {
        ...campaign,
        landingUrl: 'https://shop.example/?c=%7Bclick_id%7D',
        fallbackUrl: 'https://shop.example/?a=1&a=2',
      }),
    );
    expect(review).toMatchObject({
      errors: [{ path: 'landingUrl', code: 'double_encoding', position: 24, length: 14 }],
      warnings: [{ path: 'fallbackUrl', code: 'duplicate_parameter', position: 26, length: 1 }],
    });
    expect(reviewDocument('partner', entityOf('partner', SMALLEST.partner))).toEqual({
      errors: [],
      warnings: [],
    });
  });
});
