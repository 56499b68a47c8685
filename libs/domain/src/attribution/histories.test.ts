/** What must hold of every history: the same conversions and money in any order, exact sums, first-come rules never exceeded. */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { Conversion } from './conversion.ts';
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
} from './histories.fixture.ts';
import type { InMemoryLedger } from './in-memory-ledger.ts';
import { decideBatch, joined, type Keys, keysOfInputs, type LoadedFacts } from './preloading.ts';

/** `HISTORIES=10000 HISTORY_SEED=1 npm test -- --project unit histories` runs at full length. */
const RUNS = Number(process.env['HISTORIES'] ?? 400);
const SEED = Number(process.env['HISTORY_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const ORDER_SEED = fc.integer();
const parameters = { numRuns: RUNS, seed: SEED };

/** Names of first-come rules and of conflicts stand in the log's order; their facts are compared only where none happened. */
function hasConflict({ judgements }: Delivered): boolean {
  return judgements.some(({ verdict }) => verdict === 'conflict');
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

function endOf({ ledger }: Delivered): object {
  const conversions = ledger.conversions.filter((conversion) => !isForeignStory(conversion));
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
  #conflicts = 0;

  note({ reports, clicks }: History, delivered: Delivered): void {
    this.#sizes.push(reports.length + clicks.length);
    if (hasConflict(delivered)) this.#conflicts += 1;
    for (const rule of rulesIn(delivered)) this.#histories.set(rule, (this.#histories.get(rule) ?? 0) + 1);
  }

  get median(): number {
    return this.#sizes.toSorted((a, b) => a - b)[Math.floor(this.#sizes.length / 2)] ?? 0;
  }

  share(rule: string): number {
    return (this.#histories.get(rule) ?? 0) / this.#sizes.length;
  }

  table(): string {
    const rows = [...this.#histories.keys()]
      .toSorted()
      .map((rule) => `  ${rule.padEnd(44)} ${(this.share(rule) * 100).toFixed(1).padStart(5)} %`);
    return [
      `${this.#sizes.length} histories, seed ${SEED}, median ${this.median} facts, ${this.#conflicts} with a conflict`,
      ...rows,
    ].join('\n');
  }
}

function rulesIn({ judgements, revisions }: Delivered): ReadonlySet<string> {
  const rules = new Set<string>();
  for (const { verdict, reasonCode } of judgements) {
    rules.add(`verdict ${verdict}`);
    if (verdict !== 'parked' && reasonCode !== null) rules.add(`verdict ${verdict}: ${reasonCode}`);
  }
  for (const { outcome, decidedAt, facts } of revisions) {
    rules.add(`trigger ${decidedAt.trigger}`);
    rules.add(`match ${outcome.match}`);
    rules.add(`state ${outcome.state}`);
    if (outcome.matchedBy !== null) rules.add(`matched by ${outcome.matchedBy}`);
    if (outcome.credits.length > 1) rules.add(`several credits, ${outcome.model}`);
    if (outcome.winner?.kind === 'impression') rules.add('won by an impression');
    if (outcome.reversedRevenueMicros !== null && outcome.state !== 'reversed') rules.add('reversed in part');
    if (facts.updated.revenue !== null) rules.add('values updated');
    if (facts.contributions.length > 1) rules.add('details of several reports');
    if (outcome.isFirstOfCustomer !== null) rules.add(`first of customer ${outcome.isFirstOfCustomer}`);
    if (outcome.payoutRule?.includes('tiers')) rules.add('paid by tier');
    for (const reason of outcome.reasonCodes) rules.add(`reason ${reason}`);
    for (const { reasonCode } of outcome.candidates)
      if (reasonCode !== null) rules.add(`click ${reasonCode}`);
  }
  return rules;
}

/** Rules, by their traces in verdicts and revisions, that a twentieth of the histories meet at least. */
const RULES = [
  'verdict counted',
  'verdict duplicate_of',
  'verdict conflict',
  'verdict rejected',
  'verdict parked',
  'trigger postback',
  'trigger late_click',
  'trigger deadline',
  'trigger release',
  'matched by click_id',
  'matched by customer',
  'matched by hashed_identity',
  'matched by original',
  'several credits, linear',
  'several credits, position_based',
  'several credits, time_decay',
  'click not_credited',
  'click click_not_found',
  'click other_offer',
  'won by an impression',
  'click view_lost_to_click',
  'click outside_window',
  'click before_click',
  'reason deadline_passed',
  'reason click_id_missing',
  'state pending',
  'state held',
  'state payable',
  'state rejected',
  'state reversed',
  'reversed in part',
  'reason rejected_by_source',
  'reason impossible_time',
  'reason automated_click',
  'reason velocity',
  'reason country_mismatch',
  'reason blocked_sub_id',
  'reason awaits_condition',
  'reason condition_expired',
  'reason awaits_original',
  'reason original_rejected',
  'reason currency_differs',
  'reason amount_limited',
  'reason nothing_left',
  'reason cap_reached',
  'paid by tier',
  'reason not_first_of_customer',
  'first of customer true',
  'first of customer false',
  'values updated',
  'details of several reports',
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
        if (hasConflict(plain) || hasConflict(mixed)) return;
        expect(endOf(mixed)).toEqual(endOf(plain));
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
          .map(({ eventClass, isTest, facts }) => `${isTest} ${eventClass} ${facts.customerId}`);
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
    console.log(`loads for a batch: mean ${mean.toFixed(2)}, at most ${most}`);
    expect(most).toBeLessThanOrEqual(6);
  });
});

describe('the histories', () => {
  it('are long enough and meet every rule', () => {
    expect(coverage.median).toBeGreaterThanOrEqual(12);
    // A twentieth at full length; in a short run chance is too large for more than once.
    const least = RUNS >= 5_000 ? 0.05 : 1 / RUNS;
    expect(RULES.filter((rule) => coverage.share(rule) < least)).toEqual([]);
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
    let keys = keysOfInputs(inputs, HISTORY_RULES);
    for (let round = 1; ; round += 1) {
      const decision = decideBatch(inputs, load(keys, ledger), HISTORY_RULES);
      if (decision.kind === 'decided') {
        rounds.push(round);
        return decision.results;
      }
      keys = joined(keys, decision.keys);
    }
  };
}

function load(keys: Keys, ledger: InMemoryLedger): LoadedFacts {
  const all = <V>(list: ReadonlySet<string>, get: (key: string) => V | undefined) =>
    [...list].flatMap((key) => get(key) ?? []);
  const conversions = [
    ...all(keys.conversion, (id) => ledger.conversion(id)),
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
  const counters = (list: ReadonlySet<string>) =>
    [...list].map((name) => {
      const at = name.indexOf(':');
      return { key: name.slice(at + 1), periodStart: Number(name.slice(0, at)) };
    });
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
