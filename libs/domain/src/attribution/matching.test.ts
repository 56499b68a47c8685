/** Matching: every way to a click, the windows to the millisecond, waiting and giving up, and why the others lost. */
import { describe, expect, it } from 'vitest';
import {
  aClick,
  aReport,
  CLICK,
  clickIdOf,
  DAY_MS,
  HOUR_MS,
  hashOf,
  Lane,
  MINUTE_MS,
  NOON,
  PARKED_FOR_MS,
  TERMS,
} from './attribution.fixture.ts';
import type { CandidateClick } from './conversion.ts';
import type { Report } from './report.ts';
import type { OfferTerms } from './terms.ts';

const SKEW_MS = 60_000;
const NAMED = { clickId: CLICK.clickId };
const EMAIL = { emailPlain: hashOf('a@example.com') };

function outcomeOf(lane: Lane, report: Report) {
  return lane.of(report).outcome;
}

describe('the named click', () => {
  it.each<[string, Partial<CandidateClick>, Partial<OfferTerms>, string | null]>([
    [
      'at the first millisecond of the window',
      { clickedAt: NOON - 5 },
      { window: { minMs: 5, maxMs: 9 } },
      null,
    ],
    [
      'a millisecond before it',
      { clickedAt: NOON - 4 },
      { window: { minMs: 5, maxMs: 9 } },
      'outside_window',
    ],
    ['at the last millisecond', { clickedAt: NOON - 9 }, { window: { minMs: 5, maxMs: 9 } }, null],
    [
      'a millisecond after it',
      { clickedAt: NOON - 10 },
      { window: { minMs: 5, maxMs: 9 } },
      'outside_window',
    ],
    ['after the conversion as far as clocks differ', { clickedAt: NOON + SKEW_MS }, {}, null],
    ['after the conversion', { clickedAt: NOON + SKEW_MS + 1 }, {}, 'before_click'],
    ['an impression where none may win', { kind: 'impression' }, {}, 'view_through_not_allowed'],
    [
      'an impression within its window',
      { kind: 'impression', clickedAt: NOON - 9 },
      { viewThroughWindow: { minMs: 0, maxMs: 9 } },
      null,
    ],
    [
      'an impression outside its window',
      { kind: 'impression', clickedAt: NOON - 10 },
      { viewThroughWindow: { minMs: 0, maxMs: 9 } },
      'outside_window',
    ],
    ['received by the edge at the deadline', { receivedAt: NOON + 500 + PARKED_FOR_MS }, {}, null],
  ])('%s', (_name, click, terms, reason) => {
    const lane = new Lane(terms);
    lane.click(aClick(click));
    lane.report(aReport(NAMED));
    const { match, winner, reasonCodes, candidates } = outcomeOf(lane, aReport(NAMED));
    expect(match).toBe(reason === null ? 'attributed' : 'unattributed');
    expect(winner?.clickId ?? null).toBe(reason === null ? CLICK.clickId : null);
    expect(reasonCodes).toEqual(reason === null ? [] : [reason]);
    expect(candidates).toMatchObject([{ clickId: CLICK.clickId, reasonCode: reason }]);
  });

  it('decides at once, before the watermark is reached', () => {
    const lane = new Lane();
    lane.watermarkReached = false;
    lane.click(aClick());
    expect(lane.report(aReport(NAMED)).verdict).toBe('counted');
    expect(outcomeOf(lane, aReport())).toMatchObject({ match: 'attributed', matchedBy: 'click_id' });
  });

  it.each<[string, Partial<CandidateClick>, string]>([
    ['of another advertiser', { advertiserId: 'other' }, 'click_of_other_advertiser'],
    ['of test traffic', { isTest: true }, 'test_mixed_with_live'],
  ])('%s makes no fact', (_name, click, reasonCode) => {
    const lane = new Lane();
    lane.click(aClick(click));
    expect(lane.report(aReport(NAMED))).toMatchObject({
      verdict: 'rejected',
      reasonCode,
      conversionId: null,
    });
    expect(lane.ledger.conversions).toEqual([]);
  });

  it.each<[string, Partial<CandidateClick>, string]>([
    ['of another advertiser', { advertiserId: 'other' }, 'click_of_other_advertiser'],
    ['of test traffic', { isTest: true }, 'test_mixed_with_live'],
  ])('%s that shows late rejects what only it carried', (_name, click, reasonCode) => {
    const lane = new Lane();
    lane.report(aReport(NAMED));
    lane.click(aClick(click));
    expect(outcomeOf(lane, aReport())).toMatchObject({
      match: 'unattributed',
      state: 'rejected',
      reasonCodes: [reasonCode],
      payout: null,
    });
  });

  it('of another advertiser leaves alone what another report carries as well', () => {
    const lane = new Lane();
    lane.report(aReport({ receiptId: 'other' }));
    lane.report(aReport(NAMED));
    lane.click(aClick({ advertiserId: 'other' }));
    expect(outcomeOf(lane, aReport())).toMatchObject({ match: 'unattributed', state: 'payable' });
  });

  it('keeps its credit when it has left the store', () => {
    const lane = new Lane();
    lane.click(aClick());
    lane.report(aReport(NAMED));
    const later = new Lane();
    later.ledger.restore(lane.of(aReport()));
    later.report(aReport({ receiptId: 'again', taxMicros: 1n }));
    expect(outcomeOf(later, aReport())).toMatchObject({
      match: 'attributed',
      winner: { clickId: CLICK.clickId },
    });
  });
});

describe('a click that is not visible', () => {
  it('is waited for, and found late', () => {
    const lane = new Lane();
    expect(lane.report(aReport(NAMED))).toMatchObject({ verdict: 'parked', reasonCode: 'click_not_found' });
    expect(outcomeOf(lane, aReport()).parkedUntil).toBe(NOON + 500 + PARKED_FOR_MS);
    lane.click(aClick());
    expect(lane.revisions.at(-1)).toMatchObject({
      revision: 2,
      decidedAt: { trigger: 'late_click' },
      outcome: { match: 'attributed', parkedUntil: null },
    });
  });

  it('is given up only past the deadline with the watermark beyond it', () => {
    const lane = new Lane();
    lane.report(aReport(NAMED));
    lane.passTo(NOON + 500 + PARKED_FOR_MS - 1);
    expect(outcomeOf(lane, aReport()).match).toBe('parked');
    lane.watermarkReached = false;
    lane.passTo(NOON + 500 + PARKED_FOR_MS);
    expect(outcomeOf(lane, aReport()).match).toBe('parked');
    lane.watermarkReached = true;
    lane.passTo(NOON + 500 + PARKED_FOR_MS);
    expect(outcomeOf(lane, aReport())).toMatchObject({
      match: 'unattributed',
      reasonCodes: ['click_not_found', 'deadline_passed'],
    });
    expect(lane.revisions.at(-1)?.decidedAt.trigger).toBe('deadline');
  });

  it('does not count once it was given up, whatever else happens', () => {
    const lane = new Lane();
    lane.report(aReport(NAMED));
    lane.passTo(NOON + 2 * DAY_MS);
    lane.click(aClick());
    lane.report(aReport({ receiptId: 'again', ...NAMED, taxMicros: 1n }));
    expect(outcomeOf(lane, aReport()).match).toBe('unattributed');
  });

  it('is another one when a later report names it: the wait begins anew', () => {
    const lane = new Lane();
    lane.report(aReport({ customerId: 'c' }));
    lane.passTo(NOON + 2 * DAY_MS);
    expect(outcomeOf(lane, aReport()).match).toBe('unattributed');
    lane.report(aReport({ receiptId: 'network', ...NAMED, receivedAt: NOON + 2 * DAY_MS }));
    expect(outcomeOf(lane, aReport())).toMatchObject({
      match: 'parked',
      parkedUntil: NOON + 2 * DAY_MS + PARKED_FOR_MS,
    });
    lane.click(aClick());
    expect(outcomeOf(lane, aReport()).match).toBe('attributed');
  });

  it.each<[string, Partial<Report>, readonly string[]]>([
    ['nothing to wait for', {}, ['click_id_missing']],
    ['what can be no click id', { clickId: '0' }, ['click_id_malformed']],
  ])('%s: unattributed at once', (_name, changes, reasonCodes) => {
    const lane = new Lane();
    lane.watermarkReached = false;
    expect(lane.report(aReport(changes)).verdict).toBe('counted');
    expect(outcomeOf(lane, aReport())).toMatchObject({ match: 'unattributed', reasonCodes });
  });
});

describe('the customer’s click', () => {
  const brought = aReport({
    receiptId: 'first',
    transactionId: 'order-0',
    eventType: 'subscription_started',
    ...NAMED,
    customerId: 'c',
    occurredAt: NOON - 30 * MINUTE_MS,
  });
  const renewal = aReport({ eventType: 'renewal', transactionId: 'renewal-1', customerId: 'c' });

  it('wins what names none, in either order', () => {
    for (const reports of [
      [brought, renewal],
      [renewal, brought],
    ]) {
      const lane = new Lane();
      lane.click(aClick());
      for (const report of reports) lane.report(report);
      expect(outcomeOf(lane, renewal)).toMatchObject({
        match: 'attributed',
        matchedBy: 'customer',
        winner: NAMED,
      });
    }
  });

  it('waits for the watermark of its arrival', () => {
    const lane = new Lane();
    lane.watermarkReached = false;
    lane.click(aClick());
    lane.report(brought);
    expect(lane.report(renewal)).toMatchObject({ verdict: 'parked', reasonCode: 'awaits_clicks' });
    lane.give({
      kind: 'instant',
      conversionId: lane.of(renewal).conversionId,
      at: { ...lane.moment(), watermarkReached: true },
    });
    expect(outcomeOf(lane, renewal).match).toBe('attributed');
  });

  it('is that of the earliest conversion, by when it occurred', () => {
    const lane = new Lane();
    lane.click(aClick());
    lane.click(aClick({ clickId: clickIdOf(2) }));
    lane.report({
      ...brought,
      receiptId: 'later',
      transactionId: 'order-2',
      clickId: clickIdOf(2),
      occurredAt: NOON - MINUTE_MS,
    });
    lane.report(renewal);
    expect(outcomeOf(lane, renewal).winner?.clickId).toBe(clickIdOf(2));
    lane.report(brought);
    expect(outcomeOf(lane, renewal).winner?.clickId).toBe(CLICK.clickId);
  });

  it('is none of a conversion that occurred later, beyond the difference of clocks', () => {
    for (const [occurredAt, match] of [
      [NOON + SKEW_MS, 'attributed'],
      [NOON + SKEW_MS + 1, 'parked'],
    ] as const) {
      const lane = new Lane();
      lane.click(aClick());
      lane.report({ ...brought, occurredAt });
      lane.report(renewal);
      expect(outcomeOf(lane, renewal).match).toBe(match);
    }
  });

  it('follows the click of that conversion when it shows late', () => {
    const lane = new Lane();
    lane.report(brought);
    lane.report(renewal);
    expect(outcomeOf(lane, renewal).match).toBe('parked');
    lane.click(aClick());
    expect(outcomeOf(lane, renewal)).toMatchObject({ match: 'attributed', matchedBy: 'customer' });
  });

  it.each<[string, Partial<Report>]>([
    ['lane', { lane: 'acme-2' }],
    ['advertiser', { advertiserId: 'other' }],
  ])('is none of another %s', (_name, changes) => {
    const lane = new Lane();
    lane.click(aClick({ advertiserId: changes.advertiserId ?? 'acme' }));
    lane.report({ ...brought, ...changes });
    lane.report(renewal);
    expect(outcomeOf(lane, renewal).match).toBe('parked');
  });
});

describe('a hashed identity', () => {
  const sale = aReport({ subjectHashes: EMAIL });

  it.each<[string, Partial<OfferTerms>, Record<string, string>, string]>([
    ['matches where the offer allows it', { matchesHashedIdentity: true }, EMAIL, 'attributed'],
    ['does not elsewhere', {}, EMAIL, 'parked'],
    ['is no city', { matchesHashedIdentity: true }, { city: hashOf('springfield') }, 'parked'],
  ])('%s', (_name, terms, hashes, match) => {
    const lane = new Lane(terms);
    lane.click(aClick({ subjectHashes: hashes }));
    const report = { ...sale, subjectHashes: { ...sale.subjectHashes, city: hashOf('springfield') } };
    lane.report(report);
    expect(outcomeOf(lane, report).match).toBe(match);
  });

  it('leads through an earlier conversion to the click that one names', () => {
    const lane = new Lane({ matchesHashedIdentity: true });
    lane.click(aClick());
    lane.report(aReport({ receiptId: 'other', transactionId: 'order-0', ...NAMED, subjectHashes: EMAIL }));
    lane.report(sale);
    expect(outcomeOf(lane, sale)).toMatchObject({ matchedBy: 'hashed_identity', winner: NAMED });
  });

  it('leads to the latest click', () => {
    const lane = new Lane({ matchesHashedIdentity: true });
    lane.report(sale);
    lane.click(aClick({ clickId: clickIdOf(2), clickedAt: NOON - MINUTE_MS, subjectHashes: EMAIL }));
    lane.click(aClick({ subjectHashes: EMAIL }));
    expect(outcomeOf(lane, sale).winner?.clickId).toBe(clickIdOf(2));
  });

  it('is not looked for where no offer of the advertiser uses persons', () => {
    const lane = new Lane({ matchesHashedIdentity: true }, { linksPersons: false });
    lane.click(aClick({ subjectHashes: EMAIL }));
    lane.report(sale);
    expect(outcomeOf(lane, sale)).toMatchObject({ match: 'unattributed', reasonCodes: ['click_id_missing'] });
  });
});

describe('several touches', () => {
  const touches = [1, 2, 3].map((number) =>
    aClick({
      clickId: clickIdOf(number),
      partnerId: `p-${number}`,
      clickedAt: NOON - number * HOUR_MS,
      customerId: 'c',
    }),
  );
  const sale = aReport({ ...NAMED, customerId: 'c' });

  function credited(terms: Partial<OfferTerms>, clicks = touches) {
    const lane = new Lane(terms);
    for (const click of clicks) lane.click(click);
    lane.report(sale);
    return outcomeOf(lane, sale);
  }

  it('share the credit and the payout exactly', () => {
    const { credits, payoutParts, payout } = credited({ model: 'linear' });
    expect(credits).toHaveLength(3);
    expect(payout?.micros).toBe(10_000_000n);
    expect(payoutParts.map(({ micros }) => micros).toSorted()).toEqual([3_333_333n, 3_333_333n, 3_333_334n]);
  });

  it.each<[string, Partial<OfferTerms>, string]>([
    ['first click', { model: 'first_click' }, clickIdOf(3)],
    ['equal shares: the latest', { model: 'linear' }, clickIdOf(1)],
    ['by position: the later end', { model: 'position_based' }, clickIdOf(1)],
  ])('have a winner: %s', (_name, terms, clickId) => {
    expect(credited(terms).winner?.clickId).toBe(clickId);
  });

  it('say why the others got nothing', () => {
    const clicks = [
      ...touches,
      aClick({ clickId: clickIdOf(4), customerId: 'c', offerId: 'boots' }),
      aClick({ clickId: clickIdOf(5), customerId: 'c', clickedAt: NOON - 31 * DAY_MS }),
      aClick({ clickId: clickIdOf(6), customerId: 'c', receivedAt: NOON + 3 * DAY_MS }),
    ];
    const { candidates } = credited({ model: 'first_click' }, clicks);
    expect(Object.fromEntries(candidates.map(({ clickId, reasonCode }) => [clickId, reasonCode]))).toEqual({
      [clickIdOf(1)]: 'not_credited',
      [clickIdOf(2)]: 'not_credited',
      [clickIdOf(3)]: null,
      [clickIdOf(4)]: 'other_offer',
      [clickIdOf(5)]: 'outside_window',
      [clickIdOf(6)]: 'received_too_late',
    });
  });

  it('wait for the watermark, and take in a touch that shows late', () => {
    const lane = new Lane({ model: 'linear' });
    lane.watermarkReached = false;
    lane.click(CLICK);
    expect(lane.report(sale)).toMatchObject({ verdict: 'parked', reasonCode: 'awaits_clicks' });
    lane.watermarkReached = true;
    for (const click of touches.slice(1)) lane.click(click);
    expect(outcomeOf(lane, sale).credits).toHaveLength(3);
  });

  it('of an impression and a click go to the click', () => {
    const terms = { viewThroughWindow: { minMs: 0, maxMs: DAY_MS } };
    const view = aClick({ kind: 'impression', clickedAt: NOON - MINUTE_MS, customerId: 'c' });
    const click = aClick({ clickId: clickIdOf(2), customerId: 'c' });
    expect(credited(terms, [view]).winner?.clickId).toBe(CLICK.clickId);
    const { winner, candidates } = credited(terms, [view, click]);
    expect(winner?.clickId).toBe(clickIdOf(2));
    expect(candidates).toContainEqual(
      expect.objectContaining({ clickId: CLICK.clickId, reasonCode: 'view_lost_to_click' }),
    );
  });
});

it('judges by the terms in force when the conversion occurred', () => {
  const lane = new Lane((offerId, eventType) => (eventType === 'sale' ? { ...TERMS, offerId } : null));
  lane.click(aClick());
  const lead = aReport({ eventType: 'lead', ...NAMED });
  lane.report(lead);
  expect(outcomeOf(lane, lead)).toMatchObject({ match: 'unattributed', reasonCodes: ['offer_unknown'] });
});
