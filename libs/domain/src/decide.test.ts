/** The decision core: every verdict, match, state and reason, the window to the millisecond, and what must hold for any order of receipts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUuid } from './click.ts';
import {
  type CandidateClick,
  type ConversionFacts,
  type EarlierDecision,
  giveUpWaiting,
  judge,
  rematch,
  type Terms,
} from './decide.ts';

const CLICK_ID = '019b7c0a-1c88-7000-8000-000000000001';
const CLICKED_AT = 1_000_000_000;
const HOUR_MS = 3_600_000;
const PARKED_FOR_MS = 86_400_000;
const SKEW_MS = 60_000;

const CLICK: CandidateClick = {
  clickId: CLICK_ID,
  advertiserId: 'acme',
  campaignId: 'acme-campaign',
  partnerId: 'p-1',
  clickedAt: CLICKED_AT,
  isTest: false,
};
const FACTS: ConversionFacts = {
  receiptId: 'receipt-1',
  advertiserId: 'acme',
  eventType: 'sale',
  status: 'approved',
  clickId: CLICK_ID,
  revenue: { micros: 10_000_000n, currency: 'EUR' },
  occurredAt: CLICKED_AT + HOUR_MS,
  receivedAt: CLICKED_AT + HOUR_MS + 500,
  valueDigest: 'digest-1',
  isTest: false,
};
const TERMS: Terms = {
  minMs: 0,
  maxMs: 2 * HOUR_MS,
  payouts: [{ eventType: 'sale', partnerId: null, kind: 'percent', percentMicros: 30_000_000n }],
};
const EARLIER: EarlierDecision = {
  revision: 3,
  receiptId: 'receipt-0',
  match: 'attributed',
  valueDigest: 'digest-1',
};

function judged(changes: Partial<Parameters<typeof judge>[0]> = {}, facts: Partial<ConversionFacts> = {}) {
  return judge({
    facts: { ...FACTS, ...facts },
    earlier: null,
    click: CLICK,
    terms: TERMS,
    parkedForMs: PARKED_FOR_MS,
    ...changes,
  });
}

describe('judge', () => {
  it('attributes a conversion to its click and pays the partner', () => {
    expect(judged()).toEqual({
      verdict: 'counted',
      reasonCode: null,
      revision: 1,
      decision: {
        revision: 1,
        match: 'attributed',
        state: 'payable',
        reasonCodes: [],
        parkedUntil: null,
        payout: { money: { micros: 3_000_000n, currency: 'EUR' }, rule: 'sale:percent' },
        candidates: [
          {
            clickId: CLICK_ID,
            campaignId: 'acme-campaign',
            clickedAt: CLICKED_AT,
            outcome: 'won',
            reasonCode: null,
          },
        ],
        winner: CLICK_ID,
      },
    });
  });

  it.each([
    ['sale', 'approved', 'payable'],
    ['sale', 'pending', 'pending'],
    ['sale', 'rejected', 'rejected'],
    ['refund', 'approved', 'held'],
    ['chargeback', 'pending', 'held'],
    ['refund', 'rejected', 'held'],
  ] as const)('a %s that is %s is %s', (eventType, status, state) => {
    expect(judged({}, { eventType, status }).decision?.state).toBe(state);
    expect(judged({ click: null, terms: null }, { eventType, status }).decision?.state).toBe(state);
  });

  it('holds a reversal for its original and pays nothing for it', () => {
    expect(
      judged({}, { eventType: 'refund', revenue: { micros: -1n, currency: 'EUR' } }).decision,
    ).toMatchObject({
      match: 'attributed',
      reasonCodes: ['awaits_original'],
      payout: null,
    });
  });

  it('pays nothing where no rule fits, and attributes all the same', () => {
    expect(judged({ terms: { ...TERMS, payouts: [] } }).decision).toMatchObject({
      match: 'attributed',
      payout: null,
    });
  });

  it('parks a conversion whose click is not there yet, from its receipt on', () => {
    expect(judged({ click: null, terms: null })).toEqual({
      verdict: 'parked',
      reasonCode: 'click_not_found',
      revision: 1,
      decision: {
        revision: 1,
        match: 'parked',
        state: 'payable',
        reasonCodes: ['click_not_found'],
        parkedUntil: FACTS.receivedAt + PARKED_FOR_MS,
        payout: null,
        candidates: [
          {
            clickId: CLICK_ID,
            campaignId: null,
            clickedAt: null,
            outcome: 'missing',
            reasonCode: 'click_not_found',
          },
        ],
        winner: null,
      },
    });
  });

  it('parks as well when the offer of the click is not configured', () => {
    expect(judged({ terms: null }).verdict).toBe('parked');
  });

  it.each([
    [null, 'click_id_missing', []],
    ['not-a-uuid', 'click_id_malformed', ['not-a-uuid']],
    ['', 'click_id_malformed', ['']],
    ['019b7c0a1c8870008000000000000001', 'click_id_malformed', ['019b7c0a1c8870008000000000000001']],
  ] as const)('counts a conversion with click id %j without waiting: %s', (clickId, reason, candidateIds) => {
    const { verdict, revision, decision } = judged({ click: null, terms: null }, { clickId });
    expect({ verdict, revision }).toEqual({ verdict: 'counted', revision: 1 });
    expect(decision).toMatchObject({
      match: 'unattributed',
      reasonCodes: [reason],
      parkedUntil: null,
      winner: null,
    });
    expect(decision?.candidates.map((candidate) => candidate.clickId)).toEqual(candidateIds);
    expect(decision?.candidates.every(({ reasonCode }) => reasonCode === reason)).toBe(true);
  });

  it.each([
    ['click_of_other_advertiser', { advertiserId: 'other' }, {}],
    ['test_mixed_with_live', { isTest: true }, {}],
    ['test_mixed_with_live', {}, { isTest: true }],
  ] as const)('rejects with %s and decides nothing', (reasonCode, click, facts) => {
    expect(judged({ click: { ...CLICK, ...click } }, facts)).toEqual({
      verdict: 'rejected',
      reasonCode,
      revision: null,
      decision: null,
    });
  });

  it('attributes a test conversion to a test click', () => {
    expect(judged({ click: { ...CLICK, isTest: true } }, { isTest: true }).verdict).toBe('counted');
  });
});

describe('the window', () => {
  const terms: Terms = { ...TERMS, minMs: 1_000, maxMs: HOUR_MS };

  it.each([
    [1_000, null],
    [1_001, null],
    [HOUR_MS, null],
    [999, 'outside_window'],
    [HOUR_MS + 1, 'outside_window'],
    [0, 'outside_window'],
    [-SKEW_MS, 'outside_window'],
    [-SKEW_MS - 1, 'before_click'],
  ])('%d ms after the click: %s', (elapsedMs, reason) => {
    const { verdict, decision } = judged({ terms }, { occurredAt: CLICKED_AT + elapsedMs });
    expect(verdict).toBe('counted');
    expect(decision?.match).toBe(reason === null ? 'attributed' : 'unattributed');
    expect(decision?.reasonCodes).toEqual(reason === null ? [] : [reason]);
    expect(decision?.candidates).toEqual([
      {
        clickId: CLICK_ID,
        campaignId: 'acme-campaign',
        clickedAt: CLICKED_AT,
        outcome: reason === null ? 'won' : 'lost',
        reasonCode: reason,
      },
    ]);
  });

  it.each([
    [-SKEW_MS, 'attributed'],
    [-1, 'attributed'],
    [0, 'attributed'],
    [-SKEW_MS - 1, 'unattributed'],
  ])('clocks that differ: %d ms is %s where no time must pass', (elapsedMs, match) => {
    expect(judged({}, { occurredAt: CLICKED_AT + elapsedMs }).decision?.match).toBe(match);
  });

  it('pays nothing for a conversion outside it', () => {
    expect(judged({}, { occurredAt: CLICKED_AT + TERMS.maxMs + 1 }).decision).toMatchObject({
      payout: null,
      winner: null,
    });
  });
});

describe('a repeat', () => {
  it.each<[string, Partial<EarlierDecision>, string, string | null]>([
    ['of equal values', {}, 'duplicate_of', null],
    ['of other values', { valueDigest: 'other' }, 'conflict', 'values_differ'],
    ['of its own receipt', { receiptId: 'receipt-1' }, 'counted', null],
    [
      'of its own receipt with a digest of older code',
      { receiptId: 'receipt-1', valueDigest: 'other' },
      'counted',
      null,
    ],
    ['of its own receipt, waiting', { receiptId: 'receipt-1', match: 'parked' }, 'parked', 'click_not_found'],
    ['of one that waits', { match: 'parked' }, 'duplicate_of', null],
    ['of one without a click', { match: 'unattributed' }, 'duplicate_of', null],
  ])('%s is %s', (_name, changes, verdict, reasonCode) => {
    const earlier = { ...EARLIER, ...changes };
    expect(judged({ earlier })).toEqual({ verdict, reasonCode, revision: 3, decision: null });
    expect(judged({ earlier, click: null, terms: null })).toEqual({
      verdict,
      reasonCode,
      revision: 3,
      decision: null,
    });
  });
});

describe('rematch', () => {
  it('attributes as the next revision when the click has come', () => {
    expect(rematch(FACTS, 1, CLICK, TERMS)).toMatchObject({
      revision: 2,
      match: 'attributed',
      winner: CLICK_ID,
      parkedUntil: null,
    });
  });

  it('decides as judge does when the click had been there at once', () => {
    const atOnce = judged().decision;
    expect({ ...rematch(FACTS, 1, CLICK, TERMS), revision: 1 }).toEqual(atOnce);
  });

  it('ends the wait also when the click turns out to lie outside the window', () => {
    expect(rematch({ ...FACTS, occurredAt: CLICKED_AT + TERMS.maxMs + 1 }, 1, CLICK, TERMS)).toMatchObject({
      revision: 2,
      match: 'unattributed',
      reasonCodes: ['outside_window'],
    });
  });

  it.each<[string, CandidateClick | null, Terms | null]>([
    ['without a click', null, null],
    ['without terms', CLICK, null],
    ["for another advertiser's click", { ...CLICK, advertiserId: 'other' }, TERMS],
    ['for a test click', { ...CLICK, isTest: true }, TERMS],
  ])('goes on waiting %s', (_name, click, terms) => {
    expect(rematch(FACTS, 1, click, terms)).toBeNull();
  });
});

it('gives up waiting as the next revision, with the click that never came', () => {
  expect(giveUpWaiting(FACTS, 1)).toEqual({
    revision: 2,
    match: 'unattributed',
    state: 'payable',
    reasonCodes: ['deadline_passed'],
    parkedUntil: null,
    payout: null,
    candidates: [
      {
        clickId: CLICK_ID,
        campaignId: null,
        clickedAt: null,
        outcome: 'missing',
        reasonCode: 'click_not_found',
      },
    ],
    winner: null,
  });
});

it.each([
  [CLICK_ID, true],
  [CLICK_ID.toUpperCase(), true],
  [`${CLICK_ID}\n`, false],
  [` ${CLICK_ID}`, false],
  [CLICK_ID.replaceAll('-', ''), false],
  ['{click_id}', false],
  ['', false],
])('%j is a UUID: %s', (text, expected) => {
  expect(isUuid(text)).toBe(expected);
});

describe('any order of receipts', () => {
  interface Receipt {
    readonly identity: string;
    readonly facts: ConversionFacts;
    readonly click: CandidateClick | null;
  }

  const anyReceipt: fc.Arbitrary<Receipt> = fc
    .record({
      identity: fc.constantFrom('a', 'b', 'c'),
      receiptId: fc.constantFrom('r1', 'r2', 'r3', 'r4', 'r5', 'r6'),
      status: fc.constantFrom('pending', 'approved', 'rejected'),
      eventType: fc.constantFrom('sale', 'lead', 'refund'),
      clickId: fc.constantFrom(CLICK_ID, 'broken', null),
      valueDigest: fc.constantFrom('x', 'y'),
      elapsedMs: fc.integer({ min: -2 * SKEW_MS, max: 3 * HOUR_MS }),
      isVisible: fc.boolean(),
      clickOwner: fc.constantFrom('acme', 'acme', 'other'),
    })
    .map(({ identity, elapsedMs, isVisible, clickOwner, ...facts }) => ({
      identity,
      facts: { ...FACTS, ...facts, occurredAt: CLICKED_AT + elapsedMs } as ConversionFacts,
      click: isVisible && facts.clickId === CLICK_ID ? { ...CLICK, advertiserId: clickOwner } : null,
    }));

  it('gives one verdict per receipt and one first revision per identity', () => {
    fc.assert(
      fc.property(fc.array(anyReceipt, { maxLength: 30 }), (receipts) => {
        const latest = new Map<string, EarlierDecision>();
        const verdicts = { counted: 0, duplicate_of: 0, conflict: 0, rejected: 0, parked: 0 };
        let decisions = 0;
        for (const { identity, facts, click } of receipts) {
          const judgement = judge({
            facts,
            earlier: latest.get(identity) ?? null,
            click,
            terms: click === null ? null : TERMS,
            parkedForMs: PARKED_FOR_MS,
          });
          verdicts[judgement.verdict] += 1;
          const { decision } = judgement;
          expect(judgement.revision === null).toBe(judgement.verdict === 'rejected');
          if (decision === null) continue;
          decisions += 1;
          expect(latest.has(identity)).toBe(false);
          expect(decision.revision).toBe(1);
          expect((decision.parkedUntil !== null) === (decision.match === 'parked')).toBe(true);
          expect((decision.winner !== null) === (decision.match === 'attributed')).toBe(true);
          latest.set(identity, { ...facts, revision: 1, match: decision.match });
        }
        const sum = Object.values(verdicts).reduce((all, count) => all + count, 0);
        expect(sum).toBe(receipts.length);
        expect(decisions).toBe(latest.size);
        expect(verdicts.counted + verdicts.parked).toBeGreaterThanOrEqual(decisions);
      }),
    );
  });
});
