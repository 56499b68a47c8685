/** What must hold of every history: the same conversions and money in any order, exact sums, first-come rules never exceeded. */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { MATCHES, STATES, VERDICTS } from '../conversion.ts';
import { type Conversion, MATCH_PATHS, TRIGGER_KINDS } from './conversion.ts';
import { counterNameIn } from './counter-keys.ts';
import {
  type Decider,
  type Delivered,
  deliver,
  mixedDelivery,
  plainDelivery,
  randomOf,
} from './deliveries.fixture.ts';
import { takesBack } from './facts.ts';
import {
  CAP_LIMITS,
  FIRST_COME_OFFERS,
  HISTORIES,
  HISTORY_RULES,
  type History,
  LANES,
  rulesWithoutRelations,
} from './histories.fixture.ts';
import type { InMemoryLedger } from './in-memory-ledger.ts';
import { decideBatch, joined, type Keys, keysOfInputs, type LoadedFacts } from './preloading.ts';
import { CORE_REASONS, type CoreReason } from './reasons.ts';
import { type Command, repeatModeOf } from './reducer.ts';
import { ATTRIBUTION_MODELS, REPEAT_MODES } from './terms.ts';

/** `HISTORIES=10000 HISTORY_SEED=1 npm test -- --project unit histories --testTimeout=3000000` runs at full length. */
const RUNS = Number(process.env['HISTORIES'] ?? 300);
const FULL_LENGTH = 10_000;
const SEED = Number(process.env['HISTORY_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const ORDER_SEED = fc.integer();
const parameters = { numRuns: RUNS, seed: SEED };
/** Of the lookups that are spared; they do not meet every rule. */
const shortened = { numRuns: Math.ceil(RUNS / 4), seed: SEED };

/** Conversions of which one report contradicts another: the log says which stands, so they may end in two ways. */
function inConflict({ judgements }: Delivered): readonly (string | null)[] {
  return judgements.filter(({ verdict }) => verdict === 'conflict').map(({ conversionId }) => conversionId);
}

/** What of a conversion must not depend on any order. */
function orderFree(conversion: Conversion): object {
  const {
    facts,
    outcome,
    revision: _revision,
    decidedAt: _at,
    firstCome: _first,
    passed: _passed,
    ...own
  } = conversion;
  const {
    receiptId: _receipt,
    sourceId: _source,
    position: _position,
    countedReceiptIds: _counted,
    customerPosition: _customerPosition,
    ...merged
  } = facts;
  const { isFirstOfCustomer: _isFirst, ...decided } = outcome;
  const isPaidInOrder = outcome.winner !== null && FIRST_COME_OFFERS.has(outcome.winner.offerId);
  return { ...own, facts: merged, outcome: isPaidInOrder ? withoutPayout(decided) : decided };
}

function withoutPayout(outcome: Partial<Conversion['outcome']>): object {
  const { payout, payoutRule, payoutParts, reversedPayoutMicros, reasonCodes, ...rest } = outcome;
  return rest;
}

/** A fact that names a foreign click is no fact when the click is visible first, and else is kept and counts for nothing. */
function isForeignStory({ facts }: Conversion): boolean {
  return (facts.reversedTransactionId ?? facts.transactionId ?? '').startsWith('foreign');
}

function endOf({ ledger }: Delivered, isLeftOut: ReadonlySet<string | null>): object {
  const conversions = ledger.conversions.filter(
    (conversion) => !isForeignStory(conversion) && !isLeftOut.has(conversion.conversionId),
  );
  const foreign = ledger.conversions.filter(
    (conversion) => isForeignStory(conversion) && !conversion.outcome.isForeign,
  );
  return {
    conversions: Object.fromEntries(conversions.map((each) => [each.conversionId, orderFree(each)])),
    foreignMoney: Object.fromEntries(
      foreign.map(({ conversionId, outcome: { match, state, revenue, payout, reversedRevenueMicros } }) => [
        conversionId,
        { match, state, revenue, payout, reversedRevenueMicros },
      ]),
    ),
  };
}

/** How often each rule was met, in how many histories. */
class Coverage {
  readonly #histories = new Map<string, number>();
  readonly #sizes: number[] = [];

  note({ reports, clicks, commands }: History, delivered: Delivered): void {
    this.#sizes.push(reports.length + clicks.length + commands.length);
    for (const rule of rulesIn(delivered)) this.#histories.set(rule, (this.#histories.get(rule) ?? 0) + 1);
  }

  get median(): number {
    return this.#sizes.toSorted((a, b) => a - b)[Math.floor(this.#sizes.length / 2)] ?? 0;
  }

  share(rule: string): number {
    return (this.#histories.get(rule) ?? 0) / this.#sizes.length;
  }

  /** Every rule that is expected, and every other that was met. */
  get rules(): readonly string[] {
    return [...new Set([...EXPECTED_RULES, ...this.#histories.keys()])].toSorted();
  }

  table(): string {
    const rows = this.rules.map(
      (rule) => `  ${rule.padEnd(46)} ${(this.share(rule) * 100).toFixed(1).padStart(5)} %`,
    );
    return [`${this.#sizes.length} histories, seed ${SEED}, median ${this.median} facts`, ...rows].join('\n');
  }
}

function rulesIn(delivered: Delivered): ReadonlySet<string> {
  return new Set([
    ...delivered.judgements.flatMap(({ verdict, reasonCode }) => [
      `verdict ${verdict}`,
      ...(verdict === 'parked' || reasonCode === null ? [] : [`verdict ${verdict}: ${reasonCode}`]),
    ]),
    ...delivered.revisions.flatMap(rulesOfRevision),
    ...repeatsIn(delivered),
    ...(hasOrderInTwoLanes(delivered) ? ['one order id in two lanes'] : []),
  ]);
}

function rulesOfRevision({ outcome, decidedAt, facts, orders, firstCome, lane }: Conversion): string[] {
  const { candidates, credits, model, matchedBy } = outcome;
  const touches =
    credits.length + candidates.filter(({ reasonCode }) => reasonCode === 'not_credited').length;
  const isOwnMatch = matchedBy !== null && matchedBy !== 'original';
  const ordered = decidedAt.trigger === 'command';
  const rules: readonly (readonly [rule: string, isMet: boolean])[] = [
    [`trigger ${decidedAt.trigger}`, true],
    [`match ${outcome.match}`, true],
    [`state ${outcome.state}`, true],
    [`matched by ${matchedBy}`, matchedBy !== null],
    [`model ${model}`, isOwnMatch],
    [`model ${model}, several touches`, isOwnMatch && touches > 1 && model !== 'last_click'],
    ['won by an impression', outcome.winner?.kind === 'impression'],
    ['reversed in part', outcome.reversedRevenueMicros !== null && outcome.state !== 'reversed'],
    ['values updated', facts.updated.revenue !== null],
    ['details of several reports', facts.contributions.length > 1],
    [`first of customer ${outcome.isFirstOfCustomer}`, outcome.isFirstOfCustomer !== null],
    [`paid by ${outcome.payoutRule}`, outcome.payoutRule?.includes('count_tiers') === true],
    ['second lane', lane !== LANES[0]],
    [`ordered: ${orders.ruling}`, ordered && orders.ruling !== null],
    ['ordered: reattribute, click', ordered && matchedBy === 'command'],
    ['ordered: reattribute, model', ordered && orders.model === model],
    ['ordered: reattribute, terms', ordered && orders.terms !== null],
    ['ordered: erased', ordered && orders.erasedFor !== null],
  ];
  return [
    ...rules.flatMap(([rule, isMet]) => (isMet ? [rule] : [])),
    ...firstCome.caps.map(({ capId, isGranted }) => `${capId} ${isGranted ? 'granted' : 'refused'}`),
    ...outcome.reasonCodes.map((reason) => `reason ${reason}`),
    ...candidates.flatMap(({ reasonCode }) => (reasonCode === null ? [] : [`click ${reasonCode}`])),
  ];
}

/** Modes in which a second receipt of one type and transaction was judged. */
function repeatsIn({ inputs }: Delivered): readonly string[] {
  const reports = inputs.flatMap((input) => (input.kind === 'postback' ? [input.report] : []));
  const receipts = Map.groupBy(
    reports.filter(({ transactionId }) => transactionId !== null),
    ({ isTest, lane, eventType, transactionId }) => [isTest, lane, eventType, transactionId].join(' '),
  );
  return [...receipts.values()].flatMap(([first, ...others]) =>
    first !== undefined && others.some(({ receiptId }) => receiptId !== first.receiptId)
      ? [`repeated in mode ${repeatModeOf(HISTORY_RULES, first)}`]
      : [],
  );
}

function hasOrderInTwoLanes({ ledger }: Delivered): boolean {
  const lanes = Map.groupBy(ledger.conversions, ({ facts }) => facts.transactionId);
  return [...lanes].some(
    ([transactionId, conversions]) =>
      transactionId !== null && new Set(conversions.map(({ lane }) => lane)).size > 1,
  );
}

/** Where the record shows a code: on a verdict, on a click that got nothing, on a conversion. */
const SHOWN_ON: Readonly<Record<CoreReason, readonly string[]>> = {
  values_differ: ['verdict conflict:'],
  status_differs: ['verdict conflict:'],
  click_differs: ['verdict conflict:'],
  customer_differs: ['verdict conflict:'],
  click_of_other_advertiser: ['verdict rejected:', 'click', 'reason'],
  test_mixed_with_live: ['verdict rejected:', 'click', 'reason'],
  click_not_found: ['click', 'reason'],
  click_id_missing: ['reason'],
  click_id_malformed: ['click', 'reason'],
  before_click: ['click', 'reason'],
  outside_window: ['click', 'reason'],
  offer_unknown: ['click', 'reason'],
  other_offer: ['click'],
  received_too_late: ['click', 'reason'],
  view_through_not_allowed: ['click', 'reason'],
  view_lost_to_click: ['click'],
  not_credited: ['click'],
  awaits_clicks: ['reason'],
  deadline_passed: ['reason'],
  rejected_by_source: ['reason'],
  impossible_time: ['reason'],
  automated_click: ['reason'],
  velocity: ['reason'],
  country_mismatch: ['reason'],
  blocked_sub_id: ['reason'],
  awaits_condition: ['reason'],
  condition_expired: ['reason'],
  awaits_original: ['reason'],
  original_rejected: ['reason'],
  currency_differs: ['reason'],
  amount_limited: ['reason'],
  nothing_left: ['reason'],
  cap_reached: ['reason'],
};

const ORDERED: Readonly<Record<Command['command'], readonly string[]>> = {
  release: ['released'],
  reject: ['rejected'],
  approve: ['approved'],
  reattribute: ['reattribute, click', 'reattribute, model', 'reattribute, terms'],
  erase: ['erased'],
};

/** Rules that a twentieth of the histories meet at least: by the lists of the core, whatever the histories happen to hold. */
const EXPECTED_RULES: readonly string[] = [
  ...VERDICTS.map((verdict) => `verdict ${verdict}`),
  ...MATCHES.map((match) => `match ${match}`),
  ...STATES.map((state) => `state ${state}`),
  ...TRIGGER_KINDS.map((trigger) => `trigger ${trigger}`),
  ...MATCH_PATHS.map((path) => `matched by ${path}`),
  ...ATTRIBUTION_MODELS.map((model) => `model ${model}`),
  // Under last click the other touches are not looked for, but where an impression may be among them.
  ...ATTRIBUTION_MODELS.filter((model) => model !== 'last_click').map(
    (model) => `model ${model}, several touches`,
  ),
  ...REPEAT_MODES.map((mode) => `repeated in mode ${mode}`),
  ...CORE_REASONS.flatMap((reason) => SHOWN_ON[reason].map((place) => `${place} ${reason}`)),
  ...Object.values(ORDERED).flatMap((orders) => orders.map((order) => `ordered: ${order}`)),
  'won by an impression',
  'reversed in part',
  'values updated',
  'details of several reports',
  'first of customer true',
  'first of customer false',
  // A command brings its own.
  'reason ordered:by_hand',
  // Of the payout rules, which have tests of their own, those that look at more than the conversion's values.
  'reason not_first_of_customer',
  'reason customer_unknown',
  'reason revenue_missing',
  'paid by sale:count_tiers:1',
  'paid by sale:count_tiers:2',
  'capped:day granted',
  'capped:day refused',
  'capped:partner granted',
  'capped:partner refused',
  'second lane',
  'one order id in two lanes',
];

const coverage = new Coverage();

afterAll(() => {
  console.log(coverage.table());
});

describe('any history', () => {
  it('ends in the same conversions and the same money in every order, with retries and late clicks', () => {
    fc.assert(
      fc.property(HISTORIES, ORDER_SEED, (history, seed) => {
        const plain = deliver(plainDelivery(history));
        const mixed = deliver(mixedDelivery(history, seed));
        coverage.note(history, mixed);
        const isLeftOut = new Set([...inConflict(plain), ...inConflict(mixed)]);
        expect(endOf(mixed, isLeftOut)).toEqual(endOf(plain, isLeftOut));
      }),
      parameters,
    );
  });

  it('has exact sums in every revision', () => {
    fc.assert(
      fc.property(HISTORIES, ORDER_SEED, (history, seed) => {
        const { revisions, ledger } = deliver(mixedDelivery(history, seed));
        for (const revision of revisions) expectExactSums(revision);
        expectNumberedWithoutGaps(revisions);
        expectReversalsToAddUp(ledger);
      }),
      parameters,
    );
  });

  it('never exceeds a cap and knows one first conversion of a customer', () => {
    fc.assert(
      fc.property(HISTORIES, ORDER_SEED, (history, seed) => {
        const { ledger } = deliver(mixedDelivery(history, seed));
        expectCapsToHold(ledger);
        const firsts = ledger.conversions
          .filter(({ outcome }) => outcome.isFirstOfCustomer)
          .map(({ eventClass, isTest, lane, facts }) =>
            [isTest, lane, eventClass, facts.customerId].join(' '),
          );
        expect(new Set(firsts).size).toBe(firsts.length);
      }),
      parameters,
    );
  });

  it('is decided alike, to the last revision, in batches over nothing but what was loaded for them', () => {
    const rounds: number[] = [];
    fc.assert(
      fc.property(HISTORIES, ORDER_SEED, (history, seed) => {
        const steps = mixedDelivery(history, seed);
        const random = randomOf(seed);
        const batched = deliver(steps, {
          decide: decidingOverLoaded(rounds),
          batchSize: () => 1 + Math.floor(random() * 8),
        });
        const alone = deliver(steps);
        expect(batched.revisions).toEqual(alone.revisions);
        expect(batched.judgements).toEqual(alone.judgements);
      }),
      parameters,
    );
    const most = rounds.reduce((largest, count) => Math.max(largest, count), 0);
    const mean = rounds.reduce((sum, count) => sum + count, 0) / rounds.length;
    const many = rounds.filter((count) => count > 6).length;
    console.log(
      `loads for a batch: mean ${mean.toFixed(2)}, at most ${most}; more than 6 for ${many} of ${rounds.length}`,
    );
    expect(mean).toBeLessThan(2);
    // The inputs of a batch may each lead one step on, but all of them together rarely do.
    expect(most).toBeLessThanOrEqual(10);
    expect(many / rounds.length).toBeLessThan(0.001);
  });
});

describe('an advertiser whose offers need no lookups of others', () => {
  const sought = rulesWithoutRelations({ linksPersons: true, relatesByClick: true });

  it('has the same revisions and verdicts when the other conversions of a click are not looked at', () => {
    const spared = rulesWithoutRelations({ linksPersons: true, relatesByClick: false });
    fc.assert(
      fc.property(HISTORIES, ORDER_SEED, (history, seed) => {
        const steps = mixedDelivery(history, seed);
        const { revisions, judgements } = deliver(steps, { rules: spared });
        const full = deliver(steps, { rules: sought });
        expect(revisions).toEqual(full.revisions);
        expect(judgements).toEqual(full.judgements);
      }),
      shortened,
    );
  });

  it('ends alike when no person is looked for either, but for the wait for clicks that could not win', () => {
    const spared = rulesWithoutRelations({ linksPersons: false, relatesByClick: false });
    fc.assert(
      fc.property(HISTORIES, ORDER_SEED, (history, seed) => {
        const steps = mixedDelivery(history, seed);
        expect(withoutWaits(deliver(steps, { rules: spared }))).toEqual(
          withoutWaits(deliver(steps, { rules: sought })),
        );
      }),
      shortened,
    );
  });
});

function withoutWaits({ ledger }: Delivered): readonly object[] {
  return ledger.conversions.map(
    ({ revision: _revision, decidedAt: _at, passed: _passed, outcome, ...rest }) => ({
      ...rest,
      outcome: { ...outcome, reasonCodes: outcome.reasonCodes.filter((code) => code !== 'deadline_passed') },
    }),
  );
}

describe('the histories', () => {
  it('are long enough and meet every rule', () => {
    expect(coverage.median).toBeGreaterThanOrEqual(12);
    // A twentieth at full length; in a short run chance is too large for more than once.
    const least = RUNS >= FULL_LENGTH ? 0.05 : 1 / RUNS;
    expect(coverage.rules.filter((rule) => coverage.share(rule) < least)).toEqual([]);
  });
});

function expectExactSums({ outcome, conversionId, facts }: Conversion): void {
  const { credits, payout, payoutParts, match, revenue } = outcome;
  const shares = credits.map(({ numerator }) => numerator);
  const [denominator = 0] = credits.map((credit) => credit.denominator);
  expect(credits.every((credit) => credit.denominator === denominator)).toBe(true);
  expect(shares.reduce((sum, share) => sum + share, 0)).toBe(denominator);
  expect(credits.length > 0, conversionId).toBe(match === 'attributed');
  const paid = payoutParts.reduce((sum, { micros }) => sum + micros, 0n);
  expect(paid).toBe(payout?.micros ?? 0n);
  if (takesBack({ facts })) {
    expect((revenue?.micros ?? 0n) <= 0n && (payout?.micros ?? 0n) <= 0n).toBe(true);
    return;
  }
  expect((outcome.reversedRevenueMicros ?? 0n) <= (revenue?.micros ?? 0n)).toBe(true);
  expect((outcome.reversedPayoutMicros ?? 0n) <= (payout?.micros ?? 0n)).toBe(true);
  if (outcome.state === 'rejected') expect(payout).toBeNull();
}

function expectNumberedWithoutGaps(revisions: readonly Conversion[]): void {
  const latest = new Map<string, number>();
  for (const { conversionId, revision } of revisions) {
    expect(revision).toBe((latest.get(conversionId) ?? 0) + 1);
    latest.set(conversionId, revision);
  }
}

function expectReversalsToAddUp(ledger: InMemoryLedger): void {
  const reversals = Map.groupBy(
    ledger.conversions.filter(({ outcome }) => outcome.originalConversionId !== null),
    ({ outcome }) => outcome.originalConversionId,
  );
  for (const original of ledger.conversions) {
    const taken = reversals.get(original.conversionId) ?? [];
    const { reversedRevenueMicros, reversedPayoutMicros, payoutParts, state } = original.outcome;
    const sum = (of: (conversion: Conversion) => bigint) => taken.reduce((all, each) => all + of(each), 0n);
    expect(sum(({ outcome }) => -(outcome.revenue?.micros ?? 0n))).toBe(reversedRevenueMicros ?? 0n);
    expect(sum(({ outcome }) => -(outcome.payout?.micros ?? 0n))).toBe(reversedPayoutMicros ?? 0n);
    if (state !== 'reversed') continue;
    for (const { clickId, micros } of payoutParts) {
      const back = taken.flatMap(({ outcome }) =>
        outcome.payoutParts.filter((part) => part.clickId === clickId),
      );
      expect(back.reduce((all, part) => all + part.micros, 0n)).toBe(-micros);
    }
  }
}

function expectCapsToHold(ledger: InMemoryLedger): void {
  const places = ledger.conversions.flatMap(({ firstCome, outcome }) =>
    firstCome.caps.filter(({ isGranted }) => isGranted).map((place) => ({ ...place, outcome })),
  );
  for (const [, placed] of Map.groupBy(places, ({ key, periodStart }) => `${key} ${periodStart}`)) {
    if (placed[0]?.capId === 'capped:partner') expect(placed.length).toBeLessThanOrEqual(CAP_LIMITS.count);
    if (placed[0]?.capId !== 'capped:day') continue;
    const counted = placed.reduce((sum, { payoutMicros }) => sum + payoutMicros, 0n);
    const paid = placed
      .filter(({ outcome }) => outcome.winner?.offerId === 'capped')
      .reduce((sum, { outcome }) => sum + (outcome.payout?.micros ?? 0n), 0n);
    expect(counted <= CAP_LIMITS.payoutMicros && paid <= counted).toBe(true);
  }
}

/** Loads from the whole ledger what a batch asks for, round by round, and nothing else. */
function decidingOverLoaded(rounds: number[]): Decider {
  return (inputs, ledger) => {
    const named = keysOfInputs(inputs, HISTORY_RULES);
    let { keys } = named;
    for (let round = 1; ; round += 1) {
      const decision = decideBatch(inputs, load(keys, ledger, named.foundByTransaction), HISTORY_RULES);
      if (decision.kind === 'decided') {
        rounds.push(round);
        return decision.results;
      }
      keys = joined(keys, decision.keys);
    }
  };
}

function load(keys: Keys, ledger: InMemoryLedger, foundByTransaction: ReadonlySet<string>): LoadedFacts {
  const all = <V>(list: ReadonlySet<string>, get: (key: string) => V | undefined) =>
    [...list].flatMap((key) => get(key) ?? []);
  const conversions = [
    ...all(keys.conversion, (id) => (foundByTransaction.has(id) ? undefined : ledger.conversion(id))),
    ...[...keys.transaction].flatMap((key) => ledger.conversionsOfTransaction(key)),
    ...[...keys.customer].flatMap((key) => ledger.conversionsOfCustomer(key)),
    ...[...keys.clickNamed].flatMap((key) => ledger.conversionsOfClick(key)),
    ...[...keys.subject].flatMap((key) => ledger.conversionsOfSubject(key)),
  ];
  const clicks = [
    ...all(keys.click, (id) => ledger.click(id)),
    ...[...keys.clicksOfCustomer].flatMap((key) => ledger.clicksOfCustomer(key)),
    ...[...keys.clicksOfSubject].flatMap((key) => ledger.clicksOfSubject(key)),
  ];
  const counters = (list: ReadonlySet<string>) => [...list].map(counterNameIn);
  return {
    keys,
    judgements: all(keys.receipt, (id) => ledger.judgement(id)),
    conversions: [...new Map(conversions.map((each) => [each.conversionId, each])).values()],
    clicks: [...new Map(clicks.map((each) => [each.clickId, each])).values()],
    capUses: counters(keys.capUse).map((each) => ({
      ...each,
      use: ledger.capUse(each.key, each.periodStart),
    })),
    tierUses: counters(keys.tierUse).map((each) => ({
      ...each,
      use: ledger.tierUse(each.key, each.periodStart),
    })),
  };
}
