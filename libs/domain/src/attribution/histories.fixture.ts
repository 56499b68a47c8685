/** Generated histories: what clicks, sources and payment processors send about a few customers, in stories that meet. */
import fc from 'fast-check';
import {
  aClick,
  aRefund,
  aReport,
  clickIdOf,
  DAY_MS,
  HOUR_MS,
  hashOf,
  MINUTE_MS,
  NOON,
  rulesOf,
  TERMS,
} from './attribution.fixture.ts';
import type { CandidateClick } from './conversion.ts';
import type { AdvertiserRules, ConfiguredRules } from './known-facts.ts';
import { type Command, identityOf } from './reducer.ts';
import type { Report } from './report.ts';
import type { AbuseRules, OfferTerms } from './terms.ts';

/** The facts of a history, without an order; a history is one advertiser's. */
export interface History {
  readonly clicks: readonly CandidateClick[];
  readonly reports: readonly Report[];
  /** In the order in which they stand. */
  readonly commands: readonly Command[];
}

/** The lanes of the advertiser: what is decided in one is nothing to the other. */
export const LANES: readonly string[] = ['acme', 'acme-2'];

const STRICT: AbuseRules = {
  impossibleBelowMs: { ms: 10_000, action: 'reject' },
  bots: 'reject',
  velocity: { conversions: 2, withinMs: HOUR_MS, action: 'hold' },
  countryMismatch: 'hold',
  blockedSubIds: { values: new Map([['sub1', new Set(['fraud'])]]), action: 'reject' },
};

const LIMIT = 25_000_000n;

/** Offers by name, each with one thing of its own over the standard terms. */
const OFFERS: Readonly<Record<string, Partial<OfferTerms>>> = {
  plain: {},
  strict: { abuse: STRICT },
  linear: { model: 'linear' },
  first: { model: 'first_click', matchesHashedIdentity: true },
  position: { model: 'position_based', matchesHashedIdentity: true },
  decay: { model: 'time_decay' },
  hashed: { matchesHashedIdentity: true },
  views: { viewThroughWindow: { minMs: 0, maxMs: DAY_MS }, matchesHashedIdentity: true },
  capped: {
    caps: [
      {
        capId: 'capped:day',
        partnerId: null,
        isPerPartner: false,
        eventType: null,
        period: 'day',
        limit: { kind: 'payout', money: { micros: LIMIT, currency: 'EUR' } },
      },
      {
        capId: 'capped:partner',
        partnerId: null,
        isPerPartner: true,
        eventType: 'sale',
        period: 'month',
        limit: { kind: 'count', count: 2 },
      },
    ],
  },
  tiered: {
    payouts: [
      {
        eventType: 'sale',
        partnerId: null,
        kind: 'count_tiers',
        tiers: [
          { from: 1n, pays: { kind: 'percent', percentMicros: 5_000_000n } },
          { from: 2n, pays: { kind: 'percent', percentMicros: 7_500_000n } },
        ],
      },
    ],
  },
  firsts: {
    payouts: [
      {
        eventType: 'sale',
        partnerId: null,
        kind: 'fixed',
        amount: { micros: 3_000_000n, currency: 'EUR' },
        firstOfCustomerOnly: true,
      },
    ],
  },
};
const OFFER_NAMES = Object.keys(OFFERS);

/** Of these the payout follows log order. */
export const FIRST_COME_OFFERS: ReadonlySet<string> = new Set(['capped', 'tiered', 'firsts']);

const PERCENT = [
  'sale',
  'first_purchase',
  'repeat_purchase',
  'renewal',
  'order',
  'top_up',
  'subscription_started',
].map((eventType) => ({ eventType, partnerId: null, kind: 'percent' as const, percentMicros: 12_345_678n }));
const FIXED = ['lead', 'trial_start'].map((eventType) => ({
  eventType,
  partnerId: null,
  kind: 'fixed' as const,
  amount: { micros: 5_000_001n, currency: 'EUR' },
}));

export const CAP_LIMITS = { payoutMicros: LIMIT, count: 2 };

function termsOf(offerId: string, eventType: string): OfferTerms | null {
  const offer = OFFERS[offerId];
  if (offer === undefined) return null;
  const condition =
    eventType === 'trial_start' ? { eventType: 'activation_completed', withinMs: 2 * DAY_MS } : null;
  return { ...TERMS, payouts: [...PERCENT, ...FIXED], condition, ...offer, offerId };
}

const REPEAT_MODES_OF_TYPES: AdvertiserRules['repeatModes'] = { order: 'update', top_up: 'add' };

export const HISTORY_RULES = rulesOf(termsOf, { repeatModes: REPEAT_MODES_OF_TYPES });

/** The same offers without anything for which other conversions of a click, or other clicks of a person, are looked at. */
export function rulesWithoutRelations(
  lookups: Pick<AdvertiserRules, 'linksPersons' | 'relatesByClick'>,
): ConfiguredRules {
  return rulesOf(
    (offerId, eventType) => {
      const terms = termsOf(offerId, eventType);
      if (terms === null) return null;
      return {
        ...terms,
        model: 'last_click',
        matchesHashedIdentity: false,
        viewThroughWindow: null,
        condition: null,
        abuse: { ...terms.abuse, velocity: null },
      };
    },
    { repeatModes: REPEAT_MODES_OF_TYPES, ...lookups },
  );
}

/** What a story may choose; each story reads what it needs. */
interface Choices {
  readonly offer: string;
  readonly person: number;
  readonly minute: number;
  readonly units: number;
  readonly variant: number;
  readonly lane: string;
}

const CHOICES = fc.record<Choices>({
  offer: fc.constantFrom(...OFFER_NAMES),
  person: fc.integer({ min: 0, max: 2 }),
  minute: fc.integer({ min: 0, max: 300 }),
  units: fc.integer({ min: 1, max: 300 }),
  variant: fc.integer({ min: 0, max: 5 }),
  lane: fc.oneof(
    ...LANES.map((lane, place) => ({ weight: place === 0 ? 7 : 1, arbitrary: fc.constant(lane) })),
  ),
});

/** Collects the facts of one story; ids carry the number of the story. */
class Telling {
  readonly clicks: CandidateClick[] = [];
  readonly reports: Report[] = [];
  readonly commands: Command[] = [];
  readonly #story: number;
  readonly choices: Choices;

  constructor(story: number, choices: Choices) {
    this.#story = story;
    this.choices = choices;
  }

  /** When the story happens; others may happen at the same time. */
  get at(): number {
    return NOON + this.choices.minute * 7 * MINUTE_MS;
  }

  get revenueMicros(): bigint {
    return BigInt(this.choices.units) * 333_333n;
  }

  id(name: string): string {
    return `${name}-${this.#story}`;
  }

  get customer(): string {
    return `customer-${this.choices.person}`;
  }

  get hashes(): Readonly<Record<string, string>> {
    return { emailPlain: hashOf(`email-${this.choices.person}`), city: hashOf('springfield') };
  }

  click(changes: Partial<CandidateClick> = {}): CandidateClick {
    const clickedAt = changes.clickedAt ?? this.at - HOUR_MS - this.clicks.length * DAY_MS;
    const click = aClick({
      clickId: clickIdOf(this.#story * 100 + this.clicks.length),
      offerId: this.choices.offer,
      partnerId: `p-${(this.#story + this.clicks.length) % 3}`,
      clickedAt,
      receivedAt: clickedAt,
      ...changes,
    });
    this.clicks.push(click);
    return click;
  }

  report(changes: Partial<Report> = {}): Report {
    const number = this.reports.length;
    const report = aReport({
      receiptId: this.id(`receipt-${number}`),
      lane: this.choices.lane,
      transactionId: this.id('order'),
      revenueMicros: this.revenueMicros,
      occurredAt: this.at,
      receivedAt: this.at + 1_000 + number * 10_000,
      ...changes,
    });
    this.reports.push(report);
    return report;
  }

  /** What a person orders about the conversion that a report speaks of. */
  order(report: Report, command: Pick<Command, 'command'> & Partial<Command>): void {
    this.commands.push({
      advertiserId: report.advertiserId,
      conversionId: identityOf(HISTORY_RULES, report).conversionId,
      expectedRevision: null,
      clickId: null,
      model: null,
      terms: null,
      reasonCode: 'by_hand',
      isTest: report.isTest,
      ...command,
    });
  }
}

type Story = (tell: Telling) => void;

/** Every story there is, with how often it is told. */
const STORIES: readonly (readonly [weight: number, story: Story])[] = [
  [2, plainSale],
  [3, networkAndProcessor],
  [3, statusSteps],
  [4, updates],
  [6, conflict],
  [4, missingClick],
  [3, lateClick],
  [2, unknownOffer],
  [4, renewals],
  [4, hashedIdentity],
  [9, severalTouches],
  [6, viewThrough],
  [10, refunds],
  [3, refundOfRejected],
  [2, refundOfNothing],
  [6, trial],
  [11, abuse],
  [6, foreignClick],
  [3, testTraffic],
  [3, outsideWindow],
  [5, cappedSales],
  [2, addedFacts],
  [2, severalClasses],
  [2, noKeys],
  [2, twoLanes],
  [6, ruling],
  [6, reattribution],
];

function plainSale(tell: Telling): void {
  const { clickId } = tell.click();
  tell.report({ clickId, customerId: tell.customer });
  if (tell.choices.variant < 2) tell.report({ clickId });
}

/** The network knows the click, the processor the tax and the customer. */
function networkAndProcessor(tell: Telling): void {
  const { clickId } = tell.click();
  tell.report({
    eventType: 'first_purchase',
    clickId,
    sourceId: 'network',
    subIds: { sub1: 'a', sub2: 'n' },
  });
  tell.report({
    sourceId: 'processor',
    customerId: tell.customer,
    taxMicros: 10n,
    occurredAt: tell.at - MINUTE_MS * tell.choices.variant,
    subIds: { sub1: 'b' },
    country: 'DE',
    consentAdUserData: 'denied',
  });
}

function statusSteps(tell: Telling): void {
  const { clickId } = tell.click();
  const last = tell.choices.variant < 4 ? 'approved' : 'rejected';
  tell.report({ clickId, status: 'pending' });
  tell.report({ clickId, status: last });
  if (tell.choices.variant % 2 === 0) tell.report({ clickId, status: 'pending' });
}

/** Values change again and again; one of the reports lay in a spool. */
function updates(tell: Telling): void {
  const { clickId } = tell.click();
  const eventType = 'order';
  tell.report({ eventType, clickId, status: 'pending' });
  const receivedAt = tell.at + 60_000;
  tell.report({ eventType, status: 'approved', revenueMicros: tell.revenueMicros * 2n, receivedAt });
  tell.report({ eventType, revenueMicros: tell.revenueMicros * 3n, receivedAt });
  tell.report({ eventType, status: tell.choices.variant === 0 ? 'rejected' : 'approved', taxMicros: 5n });
  if (tell.choices.variant > 2) tell.report({ eventType, status: 'pending', revenueMicros: null });
}

/** Ids begin with `conflict` and nobody else knows the customer: which report stands is a matter of order, here and nowhere else. */
function conflict(tell: Telling): void {
  const { clickId } = tell.click();
  const others: readonly Partial<Report>[] = [
    { revenueMicros: tell.revenueMicros + 1n },
    { status: 'rejected' },
    { clickId: clickIdOf(99_000_000 + tell.choices.units) },
    { customerId: 'somebody-else' },
  ];
  const transactionId = tell.id('conflict');
  tell.report({ transactionId, clickId, customerId: transactionId });
  tell.report({ transactionId, ...others[tell.choices.units % others.length] });
}

function missingClick(tell: Telling): void {
  const clickId = tell.choices.variant < 3 ? clickIdOf(88_000_000 + tell.choices.person) : 'null';
  tell.report({ clickId, customerId: tell.choices.variant % 2 === 0 ? tell.customer : null });
}

/** The edge got the click when nobody waited for it any more; a person may give it the sale all the same. */
function lateClick(tell: Telling): void {
  const { clickId } = tell.click({ receivedAt: tell.at + 5 * DAY_MS, customerId: tell.customer });
  const sale = tell.report({ clickId, customerId: tell.choices.variant < 3 ? tell.customer : null });
  if (tell.choices.variant % 3 === 0) tell.report({ clickId, taxMicros: 7n });
  if (tell.choices.variant === 5) tell.order(sale, { command: 'reattribute', clickId });
}

function unknownOffer(tell: Telling): void {
  const { clickId } = tell.click({ offerId: 'never-configured' });
  tell.report({ clickId, customerId: tell.choices.variant < 3 ? tell.customer : null });
}

/** The first one names the click that brought the customer, the others the customer alone. */
function renewals(tell: Telling): void {
  const { clickId } = tell.click();
  const { customer: customerId } = tell;
  tell.report({ eventType: 'subscription_started', clickId, customerId });
  for (let number = 1; number <= 1 + (tell.choices.variant % 3); number += 1)
    tell.report({
      eventType: 'renewal',
      transactionId: tell.id(`renewal-${number}`),
      customerId,
      occurredAt: tell.at + number * 5 * DAY_MS,
    });
}

function hashedIdentity(tell: Telling): void {
  const { clickId } = tell.click({ subjectHashes: tell.hashes });
  if (tell.choices.variant === 0)
    tell.report({ transactionId: tell.id('other'), clickId, subjectHashes: tell.hashes });
  tell.report({ subjectHashes: tell.hashes });
}

const SHARING_OFFERS: readonly string[] = ['linear', 'position', 'decay', 'first'];

function severalTouches(tell: Telling): void {
  const { customer: customerId, hashes: subjectHashes } = tell;
  const offerId = SHARING_OFFERS[tell.choices.variant % SHARING_OFFERS.length] ?? tell.choices.offer;
  const last = tell.click({ customerId, subjectHashes, offerId });
  for (let number = 0; number <= tell.choices.person; number += 1)
    tell.click({ customerId, subjectHashes, offerId });
  tell.report({ clickId: last.clickId, customerId, subjectHashes });
}

function viewThrough(tell: Telling): void {
  const { hashes: subjectHashes } = tell;
  const offerId = tell.choices.variant < 2 ? 'plain' : 'views';
  const view = tell.click({ kind: 'impression', offerId, subjectHashes });
  if (tell.choices.variant % 2 === 0)
    tell.click({ offerId, subjectHashes, clickedAt: tell.at - 3 * HOUR_MS });
  tell.report({ clickId: view.clickId, subjectHashes });
}

/** Three partial refunds that carry the order's id, one of them sent again; more than was earned in some. */
function refunds(tell: Telling): void {
  const { clickId } = tell.click();
  tell.report({
    clickId,
    customerId: tell.customer,
    revenueMicros: tell.choices.variant === 5 ? null : tell.revenueMicros,
  });
  const asked = tell.choices.variant < 3 ? tell.revenueMicros / 4n : tell.revenueMicros / 2n + 1n;
  const refund = (number: number, changes: Partial<Report> = {}) =>
    tell.report({
      ...aRefund(number, asked, { reversalId: null, transactionId: tell.id('order') }),
      receiptId: tell.id(`refund-${number}`),
      occurredAt: tell.at + number * HOUR_MS,
      receivedAt: tell.at + number * HOUR_MS,
      ...changes,
    });
  refund(1);
  refund(2);
  refund(2, { receiptId: tell.id('refund-2-again'), receivedAt: tell.at + 9 * HOUR_MS });
  refund(3, REFUND_VARIANTS[tell.choices.variant]);
}

const REFUND_VARIANTS: readonly Partial<Report>[] = [
  {},
  { currency: 'USD' },
  { status: 'pending' },
  { revenueMicros: null, currency: null },
  { eventType: 'chargeback' },
  { status: 'rejected' },
];

function refundOfRejected(tell: Telling): void {
  const { clickId } = tell.click();
  tell.report({ clickId, status: tell.choices.variant < 4 ? 'rejected' : 'pending' });
  tell.report({ eventType: 'refund', occurredAt: tell.at + HOUR_MS });
}

function refundOfNothing(tell: Telling): void {
  tell.report({ eventType: 'refund', transactionId: tell.choices.variant < 3 ? tell.id('unknown') : null });
}

/** Paid when activated in time; the activation, which has one key in common, may be known late, come too late or not come. */
function trial(tell: Telling): void {
  const { clickId } = tell.click();
  const { variant } = tell.choices;
  const keys: readonly Pick<Report, 'clickId' | 'customerId' | 'transactionId'>[] = [
    { clickId: null, customerId: tell.customer, transactionId: null },
    { clickId, customerId: null, transactionId: null },
    { clickId: null, customerId: null, transactionId: tell.id('trial') },
  ];
  const common = keys[tell.choices.person];
  const free = { revenueMicros: null, currency: null };
  tell.report({ ...free, ...common, eventType: 'trial_start', clickId });
  if (variant === 5) return;
  tell.report({
    ...free,
    ...common,
    eventType: 'activation_completed',
    status: variant === 4 ? 'pending' : 'approved',
    occurredAt: tell.at + (variant === 3 ? 3 * DAY_MS : HOUR_MS),
  });
}

function abuse(tell: Telling): void {
  const clicks: readonly Partial<CandidateClick>[] = [
    { automation: 'bot' },
    { clickedAt: tell.at - 5_000 },
    { country: 'US' },
    { subIds: { sub1: 'fraud' } },
    { automation: 'prefetch' },
    {},
  ];
  const { clickId } = tell.click({ offerId: 'strict', ...clicks[tell.choices.variant] });
  const sales = tell.choices.variant >= 4 ? 4 : 1;
  for (let number = 1; number <= sales; number += 1)
    tell.report({
      clickId,
      country: 'DE',
      transactionId: tell.id(`order-${number}`),
      occurredAt: tell.at + number * 25 * MINUTE_MS * (tell.choices.person === 0 ? 1 : 0),
    });
}

/** Ids begin with `foreign`: its facts differ by what is visible first, its money does not. */
function foreignClick(tell: Telling): void {
  const { clickId } = tell.click(
    tell.choices.variant % 2 === 0 ? { advertiserId: 'other' } : { isTest: true },
  );
  for (let number = 1; number <= 3; number += 1) {
    const transactionId = tell.id(`foreign-${number}`);
    if (tell.choices.variant > 2) tell.report({ transactionId });
    tell.report({ transactionId, clickId });
    if (tell.choices.variant % 2 === 0) tell.report({ transactionId, eventType: 'refund' });
  }
}

/** A test and a live call about one order are two facts. */
function testTraffic(tell: Telling): void {
  const { clickId } = tell.click({ isTest: true });
  const live = tell.click();
  tell.report({ isTest: true, clickId, customerId: tell.customer });
  tell.report({ isTest: true, eventType: 'refund', occurredAt: tell.at + HOUR_MS });
  tell.report({ clickId: live.clickId, customerId: tell.customer });
}

function outsideWindow(tell: Telling): void {
  const clickedAt = tell.choices.variant < 3 ? tell.at - 31 * DAY_MS : tell.at + HOUR_MS;
  const { clickId } = tell.click({ clickedAt });
  tell.report({ clickId, receivedAt: tell.at + 2 * HOUR_MS });
}

function cappedSales(tell: Telling): void {
  const offerId = ['capped', 'tiered', 'firsts'][tell.choices.variant % 3] ?? 'capped';
  for (let number = 1; number <= 3; number += 1) {
    const { clickId } = tell.click({ offerId, partnerId: 'p-0' });
    const customerId = offerId === 'firsts' && number === 3 ? null : tell.customer;
    tell.report({ clickId, customerId, transactionId: tell.id(`order-${number}`) });
  }
}

function addedFacts(tell: Telling): void {
  const { clickId } = tell.click();
  tell.report({ eventType: 'top_up', clickId });
  tell.report({ eventType: 'top_up', clickId });
}

/** A sale and a subscription of one transaction; the refund is the sale's. */
function severalClasses(tell: Telling): void {
  const { clickId } = tell.click();
  tell.report({ eventType: 'subscription_started', clickId });
  tell.report({ clickId });
  tell.report({ eventType: 'refund', revenueMicros: tell.revenueMicros / 3n, occurredAt: tell.at + HOUR_MS });
}

function noKeys(tell: Telling): void {
  tell.report({ occurredAtIsAssumed: tell.choices.variant < 3 });
}

/** One order id, one click and one customer in two lanes are two orders. */
function twoLanes(tell: Telling): void {
  const { clickId } = tell.click({ customerId: tell.customer });
  for (const lane of LANES) {
    tell.report({ lane, clickId, customerId: tell.customer });
    if (tell.choices.variant < 3) tell.report({ lane, eventType: 'refund', occurredAt: tell.at + HOUR_MS });
  }
}

/** A person releases what is held, rejects a sale, approves one that is pending, or the refund of it. */
function ruling(tell: Telling): void {
  const { variant } = tell.choices;
  if (variant < 2) {
    const { clickId } = tell.click({ offerId: 'strict', country: 'US' });
    tell.order(tell.report({ clickId, country: 'DE' }), { command: 'release' });
    return;
  }
  const { clickId } = tell.click();
  const isApproved = variant > 3;
  const sale = tell.report({ clickId, status: isApproved ? 'pending' : 'approved' });
  tell.order(sale, { command: isApproved ? 'approve' : 'reject' });
  if (variant % 2 === 0) return;
  const refund = tell.report({ eventType: 'refund', status: 'pending', occurredAt: tell.at + HOUR_MS });
  tell.order(refund, { command: 'approve' });
}

/** A person gives the sale to another click, or has it decided by another model, or by other terms; or is to be forgotten. */
function reattribution(tell: Telling): void {
  const { customer: customerId } = tell;
  const { variant } = tell.choices;
  // The model that is ordered is none that an offer could have by itself.
  const offerId = variant % 3 === 1 ? 'plain' : tell.choices.offer;
  const named = tell.click({ customerId, offerId });
  const other = tell.click({ customerId, offerId });
  const sale = tell.report({ clickId: named.clickId, customerId });
  const orders: readonly Partial<Command>[] = [
    { clickId: other.clickId },
    { model: variant === 1 ? 'linear' : 'first_click' },
    {
      terms: {
        ...TERMS,
        offerId: named.offerId,
        model: 'position_based',
        window: { minMs: 0, maxMs: 2 * HOUR_MS },
      },
    },
  ];
  tell.order(sale, { command: 'reattribute', ...orders[variant % orders.length] });
  if (variant % 2 === 1) tell.order(sale, { command: 'erase' });
  if (variant === 0) tell.order(sale, { command: 'reject' });
}

const TOLD = fc.tuple(
  fc.oneof(...STORIES.map(([weight, story]) => ({ weight, arbitrary: fc.constant(story) }))),
  CHOICES,
);

/** Histories of several stories each. */
export const HISTORIES: fc.Arbitrary<History> = fc
  .array(TOLD, { minLength: 4, maxLength: 12, size: 'max' })
  .map((told) => {
    const tellings = told.map(([story, choices], number) => {
      const telling = new Telling(number, choices);
      story(telling);
      return telling;
    });
    return {
      clicks: tellings.flatMap(({ clicks }) => clicks),
      reports: tellings.flatMap(({ reports }) => reports),
      commands: tellings.flatMap(({ commands }) => commands),
    };
  });
