/** Each signal: when it is raised, what withdraws it, and what goes with it. */
import { describe, expect, it } from 'vitest';
import type { CustomerConversion } from './customer.ts';
import { aConversion, aCustomer, day, Outbox } from './lifecycle.fixture.ts';
import type { LifecycleRules } from './rules.ts';
import { signalIdsOf } from './signal.ts';

const LEAD = aConversion('lead', 'lead', day(0));
const TRIAL = aConversion('trial', 'trial_start', day(0));
const ACTIVATION = aConversion('activation', 'activation_completed', day(2));
const SALE = aConversion('sale', 'purchase', day(0));
const SUBSCRIPTION = aConversion('subscription', 'subscription', day(0));
const RENEWAL = aConversion('renewal', 'renewal', day(30));
const CANCELLATION = aConversion('cancellation', 'subscription_cancelled', day(10));

/** Looks of an outbox: what is known, at which day, and what is sent of the signal in question. */
type Look = readonly [known: readonly CustomerConversion[], day: number, sent: readonly string[]];

function sentOf(signal: string, looks: readonly Look[], rules: Partial<LifecycleRules> = {}) {
  const outbox = new Outbox(rules);
  return looks.map(([known, number]) =>
    outbox.look(aCustomer(...known), day(number)).filter((line) => line.split(' ')[1] === signal),
  );
}

const reversed = (conversion: CustomerConversion): CustomerConversion => ({
  ...conversion,
  revision: 2,
  state: 'reversed',
});

const CASES: readonly (readonly [string, string, readonly Look[], Partial<LifecycleRules>?])[] = [
  [
    'onboarding',
    'comes with the first conversion and with no other',
    [
      [[LEAD], 0, ['raised onboarding of lead: first_conversion']],
      [[LEAD, SALE], 1, []],
      [[LEAD, SALE], 500, []],
    ],
  ],
  [
    'onboarding',
    'is not repeated when an earlier conversion comes late',
    [
      [[SALE], 0, ['raised onboarding of sale: first_conversion']],
      [[SALE, aConversion('earlier', 'lead', day(-3))], 1, []],
    ],
  ],
  ['onboarding', 'is not raised for conversions of long ago', [[[LEAD], 30, []]]],
  [
    'onboarding',
    'is withdrawn when nothing of the customer stands, and raised again when something does',
    [
      [[LEAD], 0, ['raised onboarding of lead: first_conversion']],
      [[{ ...LEAD, state: 'rejected' }], 1, ['withdrawn onboarding of lead: rejected']],
      [[{ ...LEAD, state: 'rejected' }], 2, []],
      [[{ ...LEAD, state: 'rejected' }, SALE], 3, ['raised onboarding of sale: first_conversion']],
    ],
  ],
  [
    'onboarding',
    'waits for the source to confirm',
    [
      [[{ ...LEAD, state: 'pending', isConfirmed: false }], 0, []],
      [[{ ...LEAD, state: 'held', isConfirmed: false }], 0, []],
      [[{ ...LEAD, state: 'held' }], 1, ['raised onboarding of lead: first_conversion']],
    ],
  ],
  ['onboarding', 'does not come with a cancellation', [[[CANCELLATION], 10, []]]],
  [
    'activation',
    'comes with the activation, and not with one that is reported again',
    [
      [[TRIAL], 1, []],
      [[TRIAL, ACTIVATION], 2, ['raised activation of activation: activated']],
      [[TRIAL, ACTIVATION, aConversion('again', 'activation_completed', day(3))], 3, []],
    ],
  ],
  [
    'activation',
    'comes again after another trial, and for another product',
    [
      [[ACTIVATION], 2, ['raised activation of activation: activated']],
      [
        [
          ACTIVATION,
          aConversion('trial-2', 'trial_start', day(3)),
          aConversion('activation-2', 'activation_completed', day(4)),
        ],
        4,
        ['raised activation of activation-2: activated'],
      ],
    ],
  ],
  [
    'activation',
    'is told apart by product',
    [
      [
        [
          { ...ACTIVATION, productId: 'a' },
          aConversion('of-b', 'activation_completed', day(3), { productId: 'b' }),
        ],
        3,
        ['raised activation of activation: activated', 'raised activation of of-b: activated'],
      ],
    ],
  ],
  [
    'activation_missed',
    'comes when the time has passed, and is withdrawn by an activation that comes late',
    [
      [[TRIAL], 6.999, []],
      [[TRIAL], 7, ['raised activation_missed of trial: not_activated']],
      [[TRIAL, ACTIVATION], 8, ['withdrawn activation_missed of trial: activated']],
    ],
  ],
  ['activation_missed', 'stays away from who was activated', [[[TRIAL, ACTIVATION], 8, []]]],
  ['activation_missed', 'stays away from who has paid', [[[TRIAL, { ...SALE, occurredAt: day(1) }], 8, []]]],
  [
    'activation_missed',
    'is not answered by an activation of another product',
    [
      [
        [
          { ...TRIAL, productId: 'a' },
          { ...ACTIVATION, productId: 'b' },
        ],
        8,
        ['raised activation_missed of trial: not_activated'],
      ],
    ],
  ],
  [
    'activation_missed',
    'follows the time that is configured',
    [[[TRIAL], 2, ['raised activation_missed of trial: not_activated']]],
    { activationWithinMs: 2 * 86_400_000 },
  ],
  [
    'renewal_due',
    'comes before the month has passed, and is withdrawn by the renewal',
    [
      [[SUBSCRIPTION], 27.999, []],
      [[SUBSCRIPTION], 28, ['raised renewal_due of subscription: renewal_expected']],
      [[SUBSCRIPTION, RENEWAL], 30, ['withdrawn renewal_due of subscription: renewed']],
      // 31 January and a month: 28 February.
      [[SUBSCRIPTION, RENEWAL], 55, ['raised renewal_due of renewal: renewal_expected']],
    ],
  ],
  [
    'renewal_due',
    'is withdrawn when the subscription is cancelled, and stays away from then on',
    [
      [[SUBSCRIPTION], 28, ['raised renewal_due of subscription: renewal_expected']],
      [[SUBSCRIPTION, CANCELLATION], 29, ['withdrawn renewal_due of subscription: cancelled']],
      [[SUBSCRIPTION, CANCELLATION], 30, []],
    ],
  ],
  [
    'renewal_due',
    'is not withdrawn once the time for it has passed',
    [
      [[SUBSCRIPTION], 28, ['raised renewal_due of subscription: renewal_expected']],
      [[SUBSCRIPTION, { ...RENEWAL, occurredAt: day(35) }], 36, []],
    ],
  ],
  [
    'renewal_due',
    'is that of the payment before when a renewal is taken back',
    [
      [[SUBSCRIPTION, { ...RENEWAL, occurredAt: day(29) }], 30, []],
      [
        [SUBSCRIPTION, reversed({ ...RENEWAL, occurredAt: day(29) })],
        30,
        ['raised renewal_due of subscription: renewal_expected'],
      ],
    ],
  ],
  [
    'renewal_due',
    'follows the period of the plan',
    [
      [[{ ...SUBSCRIPTION, planId: 'annual' }], 100, []],
      [
        [{ ...SUBSCRIPTION, planId: 'annual' }],
        363,
        ['raised renewal_due of subscription: renewal_expected'],
      ],
    ],
    { renewalPeriodsByPlan: { annual: { months: 12 } } },
  ],
  [
    'renewal_due',
    'is not withdrawn by a renewal of another product',
    [
      [
        [
          { ...SUBSCRIPTION, productId: 'a' },
          { ...RENEWAL, productId: 'b', occurredAt: day(20) },
        ],
        29,
        ['raised renewal_due of subscription: renewal_expected'],
      ],
    ],
  ],
  [
    'renewal_missed',
    'comes after the grace, and is withdrawn by a renewal that comes all the same',
    [
      [[SUBSCRIPTION], 33.999, []],
      [[SUBSCRIPTION], 34, ['raised renewal_missed of subscription: not_renewed']],
      [[SUBSCRIPTION, RENEWAL], 40, ['withdrawn renewal_missed of subscription: renewed']],
    ],
  ],
  ['renewal_missed', 'stays away from a cancelled subscription', [[[SUBSCRIPTION, CANCELLATION], 40, []]]],
  [
    'win_back',
    'comes after a time of silence, and is withdrawn by the next purchase',
    [
      [[SALE], 89.999, []],
      [[SALE], 90, ['raised win_back of sale: silent']],
      [[SALE, aConversion('next', 'purchase', day(95))], 95, ['withdrawn win_back of sale: returned']],
      [[SALE, aConversion('next', 'purchase', day(95))], 185, ['raised win_back of next: silent']],
    ],
  ],
  [
    'win_back',
    'comes some time after a missed renewal',
    [
      [[SUBSCRIPTION], 63.999, []],
      [[SUBSCRIPTION], 64, ['raised win_back of subscription: churned']],
    ],
  ],
  [
    'win_back',
    'comes some time after a cancelled subscription has ended',
    [
      [[SUBSCRIPTION, CANCELLATION], 60.999, []],
      [[SUBSCRIPTION, CANCELLATION], 61, ['raised win_back of subscription: churned']],
    ],
  ],
  [
    'win_back',
    'leaves alone who has bought long ago and still pays',
    [
      [
        [
          { ...SALE, productId: 'a' },
          { ...SUBSCRIPTION, planId: 'annual', productId: 'b' },
        ],
        200,
        [],
      ],
    ],
    { renewalPeriodsByPlan: { annual: { months: 12 } } },
  ],
  [
    'suppression',
    'comes with the first purchase and does not end by time',
    [
      [[LEAD], 0, []],
      [[LEAD, SALE], 0, ['raised suppression of sale: purchased']],
      [[LEAD, SALE, SUBSCRIPTION], 1, []],
      [[LEAD, SALE], 10_000, []],
    ],
  ],
  [
    'suppression',
    'is withdrawn when all that was bought is taken back, and not before',
    [
      [[SALE, RENEWAL], 31, ['raised suppression of sale: purchased']],
      [[reversed(SALE), RENEWAL], 32, []],
      [[reversed(SALE), reversed(RENEWAL)], 33, ['withdrawn suppression of sale: reversed']],
      [
        [reversed(SALE), reversed(RENEWAL), aConversion('next', 'purchase', day(34))],
        34,
        ['raised suppression of next: purchased'],
      ],
    ],
  ],
  [
    'suppression',
    'is withdrawn when the source is no longer sure, or takes it back',
    [
      [[SALE], 1, ['raised suppression of sale: purchased']],
      [[{ ...SALE, state: 'pending' }], 2, ['withdrawn suppression of sale: not_confirmed']],
      [[SALE], 3, ['raised suppression of sale: purchased']],
      [[{ ...SALE, state: 'rejected' }], 4, ['withdrawn suppression of sale: rejected']],
    ],
  ],
  [
    'suppression',
    'is withdrawn when the purchase turns out to be that of another customer',
    [
      [[SALE], 1, ['raised suppression of sale: purchased']],
      [[], 2, ['withdrawn suppression of sale: other_customer']],
    ],
  ],
];

describe('a signal', () => {
  it.each(CASES.map(([signal, does, looks, rules = {}]) => [signal, does, looks, rules] as const))(
    '%s %s',
    (signal, _, looks, rules) => {
      expect(sentOf(signal, looks, rules)).toEqual(looks.map(([, , sent]) => sent));
    },
  );
});

it('a first purchase raises what is due at once, and says when the next is', () => {
  const outbox = new Outbox();
  const customer = aCustomer(SUBSCRIPTION);
  expect(outbox.nextAt(customer, day(-1))).toBe(day(0));
  expect(outbox.look(customer, day(0))).toEqual([
    'raised onboarding of subscription: first_conversion',
    'raised suppression of subscription: purchased',
  ]);
  expect(outbox.nextAt(customer, day(0))).toBe(day(28));
  expect(outbox.nextAt(customer, day(64))).toBeNull();
});

it('carries what is known of the person, the latest word on consent, and of which kind and plan it is the next', () => {
  const outbox = new Outbox();
  const first = aConversion('first', 'subscription', day(0), {
    planId: 'monthly',
    subjectHashes: { emailPlain: 'old', phoneE164: 'phone' },
    country: 'DE',
    consentAdUserData: 'granted',
  });
  const second = aConversion('second', 'renewal', day(29), {
    planId: 'monthly',
    subjectHashes: { emailPlain: 'new' },
    consentAdUserData: 'denied',
  });
  outbox.look(aCustomer(first), day(28));
  outbox.look(aCustomer(first, second), day(29));
  outbox.look(aCustomer(first, second), day(58));
  const due = outbox.log.filter(({ signal }) => signal === 'renewal_due');
  expect(due).toMatchObject([
    { phase: 'raised', conversionId: 'first', ordinal: 1, dueAt: day(31), expiresAt: day(34) },
    { phase: 'withdrawn', conversionId: 'first', ordinal: 1, dueAt: day(31), expiresAt: day(34) },
    { phase: 'raised', conversionId: 'second', ordinal: 2 },
  ]);
  expect(due.at(0)?.person.consentAdUserData).toBe('granted');
  expect(due.at(-1)?.person).toEqual({
    subjectHashes: { emailPlain: 'new', phoneE164: 'phone' },
    country: 'DE',
    consentAdUserData: 'denied',
    consentAdPersonalization: 'unknown',
  });
});

it('numbers the signals of a kind by plan', () => {
  const outbox = new Outbox();
  const payments = ['a', 'b', 'a'].map((planId, index) =>
    aConversion(`payment-${index}`, 'subscription', day(index), { planId, productId: `product-${index}` }),
  );
  outbox.look(aCustomer(...payments), day(30));
  const due = outbox.log.filter(({ signal }) => signal === 'renewal_due');
  expect(due.map(({ conversionId, ordinal }) => [conversionId, ordinal])).toEqual([
    ['payment-0', 1],
    ['payment-1', 1],
    ['payment-2', 2],
  ]);
});

describe('signal ids', () => {
  const all = [LEAD, TRIAL, ACTIVATION, SALE, SUBSCRIPTION, RENEWAL, CANCELLATION];

  it('to look up are those that can be sent', () => {
    const outbox = new Outbox();
    for (let number = 0; number < 200; number += 1) {
      for (const each of all) outbox.look(aCustomer(each), day(number));
      outbox.look(aCustomer(...all), day(number));
    }
    const kinds = new Set(outbox.log.map(({ signal }) => signal));
    expect(kinds.size).toBe(7);
    expect(new Set(signalIdsOf('key-1', all))).toEqual(new Set(outbox.sent.keys()));
  });

  it('differ by customer, signal and conversion', () => {
    const ids = ['key-1', 'key-2'].flatMap((key) => signalIdsOf(key, all));
    expect(new Set(ids).size).toBe(ids.length);
  });
});
