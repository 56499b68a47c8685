/** Planning: which subscriptions a decision fits, and that nobody is sent another's conversions. */
import { randomBytes } from 'node:crypto';
import { aChange, Configuration } from '@tributary/configuration';
import type { ConfigurationChanged, ConversionDecided } from '@tributary/contracts';
import { begun, endedAs, outwardKey, outwardValueOf } from '@tributary/domain';
import { Encryption } from '@tributary/runtime';
import { aDecision } from '@tributary/testing';
import { describe, expect, it } from 'vitest';
import { planDeliveries, planHoldings } from './plan.ts';
import { Receivers } from './receivers.ts';
import { UNRECORDED } from './send-ledger.ts';

const encryption = new Encryption(randomBytes(32).toString('base64'));
const NOW = aDecision().decidedAt;
const TOKEN_PATH = 'secrets.token';
const DESTINATION = {
  id: 'partner',
  name: 'Partner',
  definition: 'partner-postback',
  status: 'active',
  settings: { urlTemplate: 'https://partner.example/?c={click_id}&t={secret:token}' },
};

const CONVERSION = aDecision();

interface Setup {
  readonly destination?: object;
  readonly subscriptions?: readonly object[];
}

function planOf(
  { destination = {}, subscriptions = [{}] }: Setup = {},
  decided: Partial<ConversionDecided> = {},
) {
  const configuration = new Configuration();
  const secrets = { [TOKEN_PATH]: encryption.encryptSecret('s3cret', `destination:partner:${TOKEN_PATH}`) };
  const changes = [
    aChange('destination', { ...DESTINATION, ...destination }, { secrets }),
    ...subscriptions.map((subscription, index) =>
      aChange('subscription', { id: `sub-${index}`, destinationId: 'partner', ...subscription }),
    ),
  ];
  for (const [offset, change] of changes.entries()) {
    const result = configuration.apply(offset, change);
    if (result.outcome !== 'applied') throw new Error(JSON.stringify(result));
  }
  return planDeliveries(aDecision(decided), configuration, new Receivers(encryption), NOW);
}

function planned(setup?: Setup, decided?: Partial<ConversionDecided>) {
  return planOf(setup, decided).deliveries;
}

it('plans one delivery under a key that knows neither revision nor attempt', () => {
  const [delivery, more] = planned({}, { revision: 1 });
  const { conversionId } = aDecision();
  expect(more).toBeUndefined();
  expect(delivery?.outwardEvent).toBe('sale');
  expect(delivery?.deliveryId).toBe(outwardKey(conversionId, 'partner', 'sale'));
  expect(planned({}, { revision: 2 })[0]?.deliveryId).toBe(delivery?.deliveryId);
  expect(delivery?.receiver.destination.id).toBe('partner');
});

it('decrypts the secrets of the destination and can hide them', () => {
  const [delivery] = planned();
  expect(delivery?.receiver.settings).toMatchObject({ secrets: { token: 's3cret' } });
  expect(delivery?.receiver.hideSecrets('t=s3cret')).toBe('t=[redacted]');
});

describe('filters', () => {
  it.each<[string, object, Partial<ConversionDecided>, number]>([
    ['attributed and payable by default', {}, {}, 1],
    ['unattributed', {}, { match: 'unattributed' }, 0],
    ['parked', {}, { match: 'parked' }, 0],
    ['held', {}, { state: 'held' }, 0],
    ['pending', {}, { state: 'pending' }, 0],
    ['pending, asked for', { states: ['pending', 'payable'] }, { state: 'pending' }, 1],
    ['unattributed, asked for', { matches: ['unattributed'] }, { match: 'unattributed' }, 1],
    ['attributed where only unattributed is asked for', { matches: ['unattributed'] }, {}, 0],
    ['of the event type', { eventTypes: ['sale'] }, {}, 1],
    ['of another event type', { eventTypes: ['lead'] }, {}, 0],
    ['of the offer', { offerIds: ['acme-offer'] }, {}, 1],
    ['of no offer', { offerIds: ['acme-offer'] }, { offerId: null }, 0],
    ['of the partner', { partnerIds: ['partner-1'] }, {}, 1],
    ['of no partner', { partnerIds: ['partner-1'] }, { partnerId: null }, 0],
    [
      'that meets a condition',
      { conditions: [{ field: 'productId', anyOf: ['sku'] }] },
      { productId: 'sku' },
      1,
    ],
    [
      'that meets one of two',
      {
        conditions: [
          { field: 'productId', anyOf: ['sku'] },
          { field: 'planId', isPresent: true },
        ],
      },
      { productId: 'sku' },
      0,
    ],
    ['of the country', { countries: ['DE'] }, { country: 'de' }, 1],
    ['of the country of its click', { countries: ['DE'] }, { country: null, clickCountry: 'DE' }, 1],
    ['of another country', { countries: ['DE', 'AT'] }, { country: 'FR', clickCountry: 'DE' }, 0],
    ['of no country', { countries: ['DE'] }, {}, 0],
    ['worth enough', { revenue: { currency: 'EUR', atLeast: '49.90' } }, {}, 1],
    ['worth less', { revenue: { currency: 'EUR', atLeast: '49.91' } }, {}, 0],
    ['worth too much', { revenue: { currency: 'EUR', below: '49.90' } }, {}, 0],
    ['within a range', { revenue: { currency: 'EUR', atLeast: '10', below: '50' } }, {}, 1],
    [
      'worth less after a refund',
      { revenue: { currency: 'EUR', atLeast: '40' } },
      { reversedRevenueMicros: 10_000_000n },
      0,
    ],
    ['in another currency', { revenue: { currency: 'USD', atLeast: '1' } }, {}, 0],
    [
      'of no value',
      { revenue: { currency: 'EUR', below: '50' } },
      { revenueMicros: null, currency: null },
      0,
    ],
    ['a refund', {}, { eventType: 'refund', reversedTransactionId: 'order-1' }, 0],
    [
      'a refund that is asked for',
      { eventTypes: ['refund'] },
      { eventType: 'refund', reversedTransactionId: 'order-1' },
      1,
    ],
    ['rejected, asked for, but never delivered', { states: ['rejected'] }, { state: 'rejected' }, 0],
    ['of the source', { sourceIds: ['acme-backend'] }, {}, 1],
    ['of another source', { sourceIds: ['other'] }, {}, 0],
    [
      'of everything but one',
      { eventTypes: ['sale'], offerIds: ['acme-offer'], sourceIds: ['other'] },
      {},
      0,
    ],
  ])('%s: %s', (_name, filter, decided, count) => {
    expect(planned({ subscriptions: [{ filter }] }, decided)).toHaveLength(count);
  });
});

describe('receivers', () => {
  it.each<[string, object, number]>([
    ['for all', {}, 1],
    ['of the advertiser', { advertiserId: 'acme' }, 1],
    ['of another advertiser', { advertiserId: 'other' }, 0],
    ['of the partner', { partnerId: 'partner-1' }, 1],
    ['of another partner', { partnerId: 'partner-2' }, 0],
    ['that is disabled', { status: 'disabled' }, 0],
    ['of a definition this process does not know', { definition: 'from-the-future' }, 0],
    ['whose settings do not parse', { settings: {} }, 0],
  ])('%s: %j plans %d', (_name, destination, count) => {
    expect(planned({ destination })).toHaveLength(count);
  });

  it('whose secret no key decrypts get nothing, and the others theirs', () => {
    const configuration = new Configuration();
    const lost = { [TOKEN_PATH]: Buffer.from('of a key that was dropped') };
    const secrets = { [TOKEN_PATH]: encryption.encryptSecret('s3cret', `destination:other:${TOKEN_PATH}`) };
    const log = [
      aChange('destination', DESTINATION, { secrets: lost }),
      aChange('destination', { ...DESTINATION, id: 'other' }, { secrets }),
      aChange('subscription', { id: 'a', destinationId: 'partner' }),
      aChange('subscription', { id: 'b', destinationId: 'other' }),
    ];
    for (const [offset, change] of log.entries()) configuration.apply(offset, change);
    const { deliveries, faulty, withheld } = planDeliveries(
      aDecision(),
      configuration,
      new Receivers(encryption),
      NOW,
    );
    expect(deliveries.map(({ destinationId }) => destinationId)).toEqual(['other']);
    expect(faulty.map(({ destinationId }) => destinationId)).toEqual(['partner']);
    expect(withheld).toEqual([]);
  });

  it('are found again by the override that was chosen before, by their own settings where it is gone', () => {
    const configuration = new Configuration();
    const found = (override: number | null) => {
      const lookup = new Receivers(encryption).findOverride(configuration, 'partner', override, NOW);
      return lookup.ok ? lookup.receiver.override : lookup.reason;
    };
    expect(found(0)).toBe('destination_unknown');
    const settings = { urlTemplate: 'https://own.example/' };
    const overrides = [{ offerId: 'acme-offer', settings: { urlTemplate: 'https://offer.example/' } }];
    configuration.apply(0, aChange('destination', { ...DESTINATION, settings, overrides }));
    expect([null, 0, 1].map(found)).toEqual([null, 0, null]);
  });

  describe('with overrides', () => {
    const url = (name: string) => ({ urlTemplate: `https://${name}.example/?c={click_id}&t={secret:token}` });
    const overrides = [
      { eventType: 'lead', settings: url('leads') },
      { offerId: 'acme-offer', settings: { ...url('offer'), method: 'POST' } },
      { offerId: 'acme-offer', eventType: 'lead', settings: url('both') },
      { offerId: 'broken', settings: { urlTemplate: 'nowhere' } },
      { offerId: 'foreign', settings: { statuses: {} } },
    ];

    it.each<[string, Partial<ConversionDecided>, string, string]>([
      ['the offer', {}, 'https://offer.example', 'POST'],
      ['the offer and the event type', { eventType: 'lead' }, 'https://both.example', 'GET'],
      ['the event type', { eventType: 'lead', offerId: 'other' }, 'https://leads.example', 'GET'],
      [
        'the event type without an offer',
        { eventType: 'lead', offerId: null },
        'https://leads.example',
        'GET',
      ],
      ['none that fits', { offerId: 'other' }, 'https://partner.example', 'GET'],
    ])('are sent by the one for %s, under the same key', (_what, decided, origin, method) => {
      const [delivery] = planned({ destination: { overrides } }, decided);
      expect(delivery?.receiver.settings).toMatchObject({
        urlTemplate: { origin },
        method,
        secrets: { token: 's3cret' },
      });
      expect(delivery?.deliveryId).toBe(planned({}, decided)[0]?.deliveryId);
    });

    it.each(['broken', 'foreign'])('of which one is %s let its conversions die only', (offerId) => {
      const setup = { destination: { overrides } };
      expect(planOf(setup, { offerId })).toMatchObject({
        deliveries: [],
        faulty: [{ destinationId: 'partner', outwardEvent: 'sale' }],
        withheld: [],
      });
      expect(planned(setup)).toHaveLength(1);
    });
  });

  it('are none for a subscription to nowhere', () => {
    expect(planOf({ subscriptions: [{ destinationId: 'nowhere' }] })).toEqual({
      deliveries: [],
      faulty: [],
      withheld: [{ destinationId: 'nowhere', reason: 'destination_unknown' }],
    });
  });

  it('follow the configuration: a disabled one is found no more', () => {
    const configuration = new Configuration();
    const secrets = { [TOKEN_PATH]: encryption.encryptSecret('s3cret', `destination:partner:${TOKEN_PATH}`) };
    configuration.apply(0, aChange('destination', DESTINATION, { secrets }));
    const receivers = new Receivers(encryption);
    expect(receivers.find(configuration, 'partner', CONVERSION, NOW).ok).toBe(true);
    const disabled = { ...DESTINATION, status: 'disabled' };
    configuration.apply(1, aChange('destination', disabled, { secrets, expectedVersion: 0 }));
    expect(receivers.find(configuration, 'partner', CONVERSION, NOW)).toEqual({
      ok: false,
      reason: 'destination_disabled',
    });
    expect(receivers.find(configuration, 'nowhere', CONVERSION, NOW)).toEqual({
      ok: false,
      reason: 'destination_unknown',
    });
  });
});

describe('events', () => {
  it('are one delivery where several subscriptions ask for the same, and several where they differ', () => {
    expect(planned({ subscriptions: [{}, {}] })).toHaveLength(1);
    expect(planned({ subscriptions: [{}, { events: { sale: 'purchase' } }] })).toHaveLength(2);
  });

  it('are named by the subscription first', () => {
    expect(planned({ subscriptions: [{ events: { sale: 'deposit' } }] })[0]?.outwardEvent).toBe('deposit');
  });

  it.each(['constructor', 'tostring'])('called %s are events like any other', (eventType) => {
    expect(
      planned({ subscriptions: [{ events: { sale: 'deposit' } }] }, { eventType })[0]?.outwardEvent,
    ).toBe(eventType);
  });
});

describe('a fault of the destination', () => {
  const broken = { settings: { events: { sale: 'bought' } } };
  const outcome = (setup: Setup, decided?: Partial<ConversionDecided>) => {
    const { deliveries, faulty, withheld } = planOf(setup, decided);
    expect(deliveries).toEqual([]);
    return [...faulty.map(({ outwardEvent }) => outwardEvent), ...withheld.map(({ reason }) => reason)];
  };

  it.each<[string, Setup, Partial<ConversionDecided>, readonly string[]]>([
    ['in its settings', { destination: broken }, {}, ['bought']],
    ['where they name nothing', { destination: { settings: {} } }, {}, ['sale']],
    [
      'where their names cannot be read',
      { destination: { settings: { events: { sale: 7 } } } },
      {},
      ['sale'],
    ],
    [
      'beside the name of its subscription',
      { destination: broken, subscriptions: [{ events: { sale: 'own' } }] },
      {},
      ['own'],
    ],
    ['met by two subscriptions', { destination: broken, subscriptions: [{}, {}] }, {}, ['bought']],
    [
      'of a definition from the future',
      { destination: { ...broken, definition: 'from-the-future' } },
      {},
      ['bought'],
    ],
    [
      'of such a one that is switched off',
      { destination: { status: 'disabled', definition: 'from-the-future' } },
      {},
      ['destination_disabled'],
    ],
    ['that is not live', { destination: { ...broken, mode: 'dry_run' } }, {}, ['settings_invalid']],
    ['that is of another partner', { destination: { ...broken, partnerId: 'partner-2' } }, {}, []],
    [
      'for an event that nobody asks for',
      { destination: broken, subscriptions: [{ filter: { eventTypes: ['lead'] } }] },
      {},
      [],
    ],
    [
      'for an event that the platform is not sent',
      { destination: { ...broken, definition: 'linkedin' } },
      { eventType: 'lead' },
      ['settings_invalid'],
    ],
  ])('%s', (_name, setup, decided, expected) => {
    expect(outcome(setup, decided)).toEqual(expected);
  });
});

it.each([
  ['disabled, asked for', { status: 'disabled' }, {}],
  ['disabled, credited to another by now', { status: 'disabled' }, { partnerId: 'partner-2' }],
] as const)(
  'what a destination holds that is %s is withheld from it, and told once',
  (_name, destination, changes) => {
    const decided = aDecision();
    const { conversionId } = decided;
    const holdingId = outwardKey(conversionId, 'partner', 'sale');
    const told = begun(null, { kind: 'event', revision: 1, told: outwardValueOf(decided) });
    const place = { holdingId, conversionId, destinationId: 'partner', event: 'sale', deliveryId: holdingId };
    const standing = {
      ...endedAs(told, 'delivered', false),
      ...place,
      nextAttemptAt: null,
      ...UNRECORDED,
      heldBy: null,
    };
    const configuration = new Configuration();
    configuration.apply(0, aChange('destination', { ...DESTINATION, ...destination }));
    configuration.apply(
      1,
      aChange('subscription', { id: 's', destinationId: 'partner', filter: { partnerIds: ['partner-1'] } }),
    );
    const next = aDecision({ revision: 2, ...changes });
    const plan = planHoldings(next, [standing], configuration, new Receivers(encryption), NOW);
    const reason = 'destination_disabled';
    expect(plan).toEqual({ wished: [], withheld: [{ destinationId: 'partner', reason }] });
  },
);

describe('changes over time', () => {
  const { occurredAt } = aDecision();
  const OTHER = 'https://other.example/?c={click_id}';
  const secrets = { [TOKEN_PATH]: encryption.encryptSecret('s3cret', `destination:partner:${TOKEN_PATH}`) };
  const destination = (expectedVersion: number, effectiveFrom: number, document: object = {}) =>
    aChange('destination', { ...DESTINATION, ...document }, { secrets, expectedVersion, effectiveFrom });
  const subscription = (
    expectedVersion: number,
    effectiveFrom: number,
    { operation, ...document }: { operation?: 'remove'; events?: object; filter?: object } = {},
  ) =>
    aChange(
      'subscription',
      { id: 'sub', destinationId: 'partner', ...document },
      { expectedVersion, effectiveFrom, ...(operation && { operation }) },
    );

  function planAfter(
    log: readonly ConfigurationChanged[],
    now = NOW,
    decided: Partial<ConversionDecided> = {},
  ) {
    const configuration = new Configuration();
    for (const [offset, change] of log.entries())
      expect(configuration.apply(offset, change)).toEqual({ outcome: 'applied' });
    const plan = planDeliveries(aDecision(decided), configuration, new Receivers(encryption), now);
    return {
      events: plan.deliveries.map(({ outwardEvent }) => outwardEvent),
      urls: plan.deliveries.map(({ receiver }) => receiver.destination.settings['urlTemplate']),
      withheld: plan.withheld.map(({ reason }) => reason),
    };
  }

  it.each<[string, number, string]>([
    ['when it occurred', occurredAt, 'after'],
    ['just after it occurred', occurredAt + 1, 'before'],
    ['in the future', NOW + 60_000, 'before'],
  ])('a subscription changed %s', (_name, effectiveFrom, event) => {
    const log = [
      destination(-1, 0),
      subscription(-1, 0, { events: { sale: 'before' } }),
      subscription(1, effectiveFrom, { events: { sale: 'after' } }),
    ];
    expect(planAfter(log).events).toEqual([event]);
    expect(planAfter(log, NOW + 120_000, { revision: 2, decidedAt: NOW + 120_000 }).events).toEqual([event]);
  });

  it('a filter that let the conversion in when it occurred is the one that counts', () => {
    const narrowed = { filter: { eventTypes: ['lead'] } };
    const log = [destination(-1, 0), subscription(-1, 0), subscription(1, occurredAt + 1, narrowed)];
    expect(planAfter(log).events).toEqual(['sale']);
    expect(planAfter(log, NOW, { occurredAt: occurredAt + 1, receivedAt: occurredAt + 1 }).events).toEqual(
      [],
    );
  });

  it('a subscription that came after the conversion does not reach back, and that is told', () => {
    const log = [destination(-1, 0), subscription(-1, occurredAt + 1)];
    expect(planAfter(log)).toMatchObject({ events: [], withheld: ['subscription_too_new'] });
  });

  it('a fact dated ahead is judged by what was in force when it came in', () => {
    const log = [destination(-1, 0), subscription(-1, NOW + 60_000)];
    expect(planAfter(log, NOW, { occurredAt: NOW + 3_600_000 }).events).toEqual([]);
  });

  it('a subscription that was removed sends nothing more, whenever the conversion occurred', () => {
    const removal = subscription(1, occurredAt + 1, { operation: 'remove' });
    expect(planAfter([destination(-1, 0), subscription(-1, 0), removal])).toMatchObject({
      events: [],
      withheld: [],
    });
  });

  it('one that was removed and came back does not make up for the time between', () => {
    const log = [
      destination(-1, 0),
      subscription(-1, 0),
      subscription(1, occurredAt - 1, { operation: 'remove' }),
      subscription(2, occurredAt + 1),
    ];
    expect(planAfter(log).events).toEqual([]);
  });

  it('a destination is the one in force at the sending, old or new', () => {
    const moved = { settings: { urlTemplate: `${OTHER}&t={secret:token}` } };
    const log = [destination(-1, 0), subscription(-1, 0), destination(0, NOW + 60_000, moved)];
    expect(planAfter(log, NOW + 59_999).urls).toEqual([DESTINATION.settings.urlTemplate]);
    expect(planAfter(log, NOW + 60_000).urls).toEqual([moved.settings.urlTemplate]);
  });

  it('a destination disabled after the conversion occurred gets nothing', () => {
    const log = [destination(-1, 0), subscription(-1, 0), destination(0, NOW, { status: 'disabled' })];
    expect(planAfter(log)).toMatchObject({ events: [], withheld: ['destination_disabled'] });
  });

  it('one receiver follows its destination from the old to the new form', () => {
    const configuration = new Configuration();
    const receivers = new Receivers(encryption);
    const nameAt = (now: number) => {
      const lookup = receivers.find(configuration, 'partner', CONVERSION, now);
      return lookup.ok ? lookup.receiver.destination.name : lookup.reason;
    };
    configuration.apply(0, destination(-1, 0));
    configuration.apply(1, destination(0, NOW + 1, { name: 'New' }));
    expect([nameAt(NOW), nameAt(NOW + 1), nameAt(NOW)]).toEqual(['Partner', 'New', 'Partner']);
  });
});
