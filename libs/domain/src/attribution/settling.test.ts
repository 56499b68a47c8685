/** The state of a conversion: conditions, rules against abuse, the source's status, people's orders, and which goes before which. */
import { describe, expect, it } from 'vitest';
import {
  aClick,
  aReport,
  CLICK,
  DAY_MS,
  HOUR_MS,
  Lane,
  MINUTE_MS,
  NOON,
  TERMS,
} from './attribution.fixture.ts';
import type { CandidateClick } from './conversion.ts';
import type { Report } from './report.ts';
import type { AbuseRules, OfferTerms } from './terms.ts';

const NAMED = { clickId: CLICK.clickId };
const NO_ABUSE = TERMS.abuse;

describe('a condition', () => {
  const trial = aReport({
    receiptId: 'trial',
    eventType: 'trial_start',
    transactionId: 'trial-1',
    ...NAMED,
    customerId: 'c',
  });
  const activation = aReport({
    receiptId: 'activation',
    eventType: 'activation_completed',
    transactionId: 'activation-1',
    customerId: 'c',
    occurredAt: NOON + HOUR_MS,
  });
  const termsOf = (offerId: string, eventType: string): OfferTerms => ({
    ...TERMS,
    offerId,
    condition: eventType === 'trial_start' ? { eventType: 'activation_completed', withinMs: DAY_MS } : null,
    payouts: [
      { eventType: 'trial_start', partnerId: null, kind: 'fixed', amount: { micros: 7n, currency: 'EUR' } },
    ],
  });

  function started(): Lane {
    const lane = new Lane(termsOf);
    lane.click(aClick());
    lane.report(trial);
    return lane;
  }

  it('holds the conversion, with the payout it would have', () => {
    expect(started().of(trial).outcome).toMatchObject({
      state: 'held',
      reasonCodes: ['awaits_condition'],
      heldUntil: NOON + DAY_MS,
      payout: { micros: 7n },
    });
  });

  it('releases it when met, by a revision that says so', () => {
    const lane = started();
    lane.report(activation);
    expect(lane.revisions.at(-1)).toMatchObject({
      revision: 2,
      decidedAt: { trigger: 'release' },
      outcome: { state: 'payable', heldUntil: null },
    });
  });

  it('is met by what came before', () => {
    const lane = new Lane(termsOf);
    lane.click(aClick());
    lane.report(activation);
    lane.report(trial);
    expect(lane.of(trial).outcome.state).toBe('payable');
  });

  it.each<[string, Partial<Report>, string]>([
    ['at its last millisecond', { occurredAt: NOON + DAY_MS }, 'payable'],
    ['a millisecond too late', { occurredAt: NOON + DAY_MS + 1 }, 'held'],
    ['before, as far as clocks differ', { occurredAt: NOON - MINUTE_MS }, 'payable'],
    ['before', { occurredAt: NOON - MINUTE_MS - 1 }, 'held'],
    ['of another customer', { customerId: 'other' }, 'held'],
    ['of the same click', { customerId: null, ...NAMED }, 'payable'],
    ['of the same transaction', { customerId: null, transactionId: 'trial-1' }, 'payable'],
    ['of nobody', { customerId: null }, 'held'],
    ['not yet approved', { status: 'pending' }, 'held'],
    ['rejected', { status: 'rejected' }, 'held'],
    ['of another type', { eventType: 'lead' }, 'held'],
    ['of a test', { isTest: true }, 'held'],
  ])('%s', (_name, changes, state) => {
    const lane = started();
    lane.report({ ...activation, ...changes });
    expect(lane.of(trial).outcome.state).toBe(state);
  });

  it('expires when the clock and the lane are past it, and not before', () => {
    const lane = started();
    const { conversionId } = lane.of(trial);
    const pass = (now: number, laneReadUntil: number) =>
      lane.give({ kind: 'instant', conversionId, at: { ...lane.moment(), now, laneReadUntil } });
    pass(NOON + DAY_MS - 1, NOON + 2 * DAY_MS);
    pass(NOON + 2 * DAY_MS, NOON + DAY_MS - 1);
    expect(lane.of(trial).outcome.state).toBe('held');
    pass(NOON + DAY_MS, NOON + DAY_MS);
    expect(lane.of(trial).outcome).toMatchObject({
      state: 'rejected',
      reasonCodes: ['condition_expired'],
      payout: null,
    });
    pass(NOON + DAY_MS, NOON);
    expect(lane.of(trial).outcome.state).toBe('rejected');
  });

  it('that was met in time releases after the expiry, when that becomes known', () => {
    const lane = started();
    lane.passTo(NOON + 2 * DAY_MS);
    lane.report(activation);
    expect(lane.of(trial).outcome).toMatchObject({ state: 'payable', payout: { micros: 7n } });
  });
});

describe('rules against abuse', () => {
  const rules: readonly [
    string,
    Partial<AbuseRules>,
    Partial<CandidateClick>,
    Partial<Report>,
    string | null,
  ][] = [
    [
      'too fast',
      { impossibleBelowMs: { ms: 5, action: 'reject' } },
      { clickedAt: NOON - 4 },
      {},
      'impossible_time',
    ],
    [
      'just slow enough',
      { impossibleBelowMs: { ms: 5, action: 'reject' } },
      { clickedAt: NOON - 5 },
      {},
      null,
    ],
    ['a bot', { bots: 'reject' }, { automation: 'bot' }, {}, 'automated_click'],
    ['a prefetch', { bots: 'reject' }, { automation: 'prefetch' }, {}, null],
    [
      'another country',
      { countryMismatch: 'reject' },
      { country: 'US' },
      { country: 'DE' },
      'country_mismatch',
    ],
    ['the same country', { countryMismatch: 'reject' }, { country: 'de' }, { country: 'DE' }, null],
    ['an unknown country', { countryMismatch: 'reject' }, {}, { country: 'DE' }, null],
    [
      'a blocked sub-id of the click',
      { blockedSubIds: { values: new Map([['sub2', new Set(['x'])]]), action: 'reject' } },
      { subIds: { sub2: 'x' } },
      {},
      'blocked_sub_id',
    ],
    [
      'a blocked sub-id of the postback',
      { blockedSubIds: { values: new Map([['sub2', new Set(['x'])]]), action: 'reject' } },
      {},
      { subIds: { sub2: 'x' } },
      'blocked_sub_id',
    ],
    [
      'the value in another sub-id',
      { blockedSubIds: { values: new Map([['sub2', new Set(['x'])]]), action: 'reject' } },
      { subIds: { sub1: 'x' } },
      {},
      null,
    ],
  ];

  it.each(rules)('%s', (_name, abuse, click, report, reason) => {
    const lane = new Lane({ abuse: { ...NO_ABUSE, ...abuse } });
    lane.click(aClick(click));
    lane.report(aReport({ ...NAMED, ...report }));
    expect(lane.of(aReport()).outcome).toMatchObject(
      reason === null
        ? { state: 'payable', payout: { micros: 10_000_000n } }
        : { match: 'attributed', state: 'rejected', reasonCodes: [reason], payout: null },
    );
  });

  it('may hold instead, and a rejection goes before a hold', () => {
    const held = new Lane({ abuse: { ...NO_ABUSE, bots: 'hold' } });
    held.click(aClick({ automation: 'bot' }));
    held.report(aReport(NAMED));
    expect(held.of(aReport()).outcome).toMatchObject({
      state: 'held',
      reasonCodes: ['automated_click'],
      heldUntil: null,
    });
    const both = new Lane({ abuse: { ...NO_ABUSE, bots: 'hold', countryMismatch: 'reject' } });
    both.click(aClick({ automation: 'bot', country: 'US' }));
    both.report(aReport({ ...NAMED, country: 'DE' }));
    expect(both.of(aReport()).outcome).toMatchObject({
      state: 'rejected',
      reasonCodes: ['country_mismatch'],
    });
  });

  it('count by when the conversions of a click occurred, whatever came first', () => {
    const sales = [0, 1, 2, 63].map((minutes, index) =>
      aReport({
        ...NAMED,
        receiptId: `r-${index}`,
        transactionId: `order-${index}`,
        occurredAt: NOON + minutes * MINUTE_MS,
      }),
    );
    const abuse = { ...NO_ABUSE, velocity: { conversions: 2, withinMs: HOUR_MS, action: 'hold' as const } };
    for (const order of [sales, sales.toReversed()]) {
      const lane = new Lane({ abuse });
      lane.click(aClick());
      for (const sale of order) lane.report(sale);
      expect(sales.map((sale) => lane.of(sale).outcome.state)).toEqual([
        'payable',
        'payable',
        'held',
        'payable',
      ]);
    }
  });

  it('count the end of the time out', () => {
    const abuse = { ...NO_ABUSE, velocity: { conversions: 1, withinMs: HOUR_MS, action: 'hold' as const } };
    for (const [elapsedMs, state] of [
      [HOUR_MS, 'payable'],
      [HOUR_MS - 1, 'held'],
    ] as const) {
      const lane = new Lane({ abuse });
      lane.click(aClick());
      lane.report(
        aReport({ ...NAMED, receiptId: 'other', transactionId: 'order-0', occurredAt: NOON - elapsedMs }),
      );
      lane.report(aReport(NAMED));
      expect(lane.of(aReport()).outcome.state).toBe(state);
    }
  });
});

describe('the status of the source', () => {
  it.each<[Report['status'], string, readonly string[], bigint | undefined]>([
    ['approved', 'payable', [], 10_000_000n],
    ['pending', 'pending', [], 10_000_000n],
    ['rejected', 'rejected', ['rejected_by_source'], undefined],
  ])('%s', (status, state, reasonCodes, payout) => {
    const lane = new Lane();
    lane.click(aClick());
    lane.report(aReport({ ...NAMED, status }));
    const { outcome } = lane.of(aReport());
    expect(outcome).toMatchObject({ state, reasonCodes });
    expect(outcome.payout?.micros).toBe(payout);
  });
});

describe('an order', () => {
  function sold(terms: Partial<OfferTerms> = {}, changes: Partial<Report> = {}): Lane {
    const lane = new Lane(terms);
    lane.click(aClick({ automation: 'bot' }));
    lane.report(aReport({ ...NAMED, ...changes }));
    return lane;
  }

  it.each<[string, Lane, 'release' | 'reject' | 'approve', string]>([
    ['releases what is held', sold({ abuse: { ...NO_ABUSE, bots: 'hold' } }), 'release', 'payable'],
    [
      'releases what waits for a condition',
      sold({ condition: { eventType: 'x', withinMs: 1 } }),
      'release',
      'payable',
    ],
    ['releases no pending one', sold({}, { status: 'pending' }), 'release', 'pending'],
    ['approves what is pending', sold({}, { status: 'pending' }), 'approve', 'payable'],
    ['approves what is rejected', sold({}, { status: 'rejected' }), 'approve', 'payable'],
    ['rejects', sold(), 'reject', 'rejected'],
  ])('%s', (_name, lane, command, state) => {
    lane.command({ command, conversionId: lane.of(aReport()).conversionId });
    expect(lane.of(aReport())).toMatchObject({ decidedAt: { trigger: 'command' }, outcome: { state } });
    expect(lane.of(aReport()).outcome.reasonCodes).toContain('ordered:by_hand');
  });

  it('is void at another revision, for another advertiser, and for what is unknown', () => {
    const lane = sold();
    const { conversionId } = lane.of(aReport());
    for (const changes of [
      { expectedRevision: 2 },
      { advertiserId: 'other' },
      { isTest: true },
      { conversionId: 'none' },
    ])
      expect(lane.command({ command: 'reject', conversionId, ...changes }).revisions).toEqual([]);
    expect(lane.command({ command: 'reject', conversionId, expectedRevision: 1 }).revisions).toHaveLength(1);
  });

  it('makes a click win, or another model or other terms decide', () => {
    const lane = sold();
    const { conversionId } = lane.of(aReport());
    const other = aClick({
      clickId: '019b7c0a-1c88-7000-8000-000000000009',
      clickedAt: NOON - 90 * DAY_MS,
      partnerId: 'p-9',
    });
    lane.click(other);
    lane.command({ command: 'reattribute', conversionId, clickId: other.clickId });
    expect(lane.of(aReport()).outcome).toMatchObject({
      matchedBy: 'command',
      winner: { clickId: other.clickId },
    });
    lane.command({
      command: 'reattribute',
      conversionId,
      terms: { ...TERMS, window: { minMs: 0, maxMs: 1 } },
    });
    expect(lane.of(aReport()).outcome.reasonCodes).toEqual(['outside_window', 'ordered:by_hand']);
    lane.command({ command: 'reattribute', conversionId, model: 'linear' });
    expect(lane.of(aReport()).outcome).toMatchObject({ match: 'attributed', model: 'linear' });
  });
});
