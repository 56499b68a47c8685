/** The reducer: verdicts, when a revision is written and when not, and facts that several sources report. */
import { describe, expect, it } from 'vitest';
import {
  aClick,
  aRefund,
  aReport,
  CLICK,
  DAY_MS,
  HOUR_MS,
  Lane,
  MINUTE_MS,
  NOON,
  rulesOf,
  TERMS,
} from './attribution.fixture.ts';
import { InMemoryLedger } from './in-memory-ledger.ts';
import { decideBatch, isEmpty, keysOfInputs, type LoadedFacts } from './preloading.ts';
import { identityOf } from './reducer.ts';
import type { Report } from './report.ts';

const SALE = aReport({ clickId: CLICK.clickId, customerId: 'c' });

function sold(...reports: readonly Report[]): Lane {
  const lane = new Lane({}, { repeatModes: { top_up: 'add', order: 'update' } });
  lane.click(aClick());
  for (const report of reports) lane.report(report);
  return lane;
}

describe('the verdict', () => {
  it('is the one a receipt had, without a revision', () => {
    const lane = sold(SALE);
    expect(lane.report(SALE)).toEqual(lane.judgements[0]);
    expect(lane.revisions).toHaveLength(1);
  });

  it.each<[string, Report, string, number, number]>([
    [
      'a repeat changes nothing',
      { ...SALE, receiptId: 'again', receivedAt: NOON + HOUR_MS },
      'duplicate_of',
      1,
      1,
    ],
    ['a repeat that adds something', { ...SALE, receiptId: 'again', planId: 'gold' }, 'duplicate_of', 2, 2],
    ['a step', { ...SALE, receiptId: 'again', taxMicros: 1n }, 'counted', 2, 2],
    ['a conflict', { ...SALE, receiptId: 'again', revenueMicros: 1n }, 'conflict', 1, 1],
  ])('%s', (_name, report, verdict, revision, revisions) => {
    const lane = sold(SALE);
    expect(lane.report(report)).toMatchObject({
      verdict,
      revision,
      conversionId: lane.of(SALE).conversionId,
    });
    expect(lane.revisions).toHaveLength(revisions);
  });

  it('of what is added is a fact of its own, and of its retry the same one', () => {
    const topUp = aReport({ eventType: 'top_up', clickId: CLICK.clickId });
    const lane = sold(topUp, { ...topUp, receiptId: 'second' }, topUp);
    expect(lane.ledger.conversions).toHaveLength(2);
  });

  it('is the same for a receipt that is judged again after a crash, when only its decision is on record', () => {
    const lane = sold(SALE);
    const restarted = new Lane();
    restarted.ledger.restore(lane.of(SALE));
    expect(restarted.report(SALE)).toMatchObject({ verdict: 'counted', revision: 1 });
    expect(restarted.revisions).toEqual([]);
  });
});

describe('a postback of whose revisions only a part came into the log', () => {
  const renewal = aReport({
    receiptId: 'renewal',
    eventType: 'renewal',
    transactionId: 'renewal-1',
    customerId: 'c',
  });

  it.each([
    ['refund', [SALE], aRefund(1, 10n)],
    ['first sale of a customer who has renewed', [renewal], SALE],
  ])('is decided to the end when it comes again: %s', (_name, earlier, report) => {
    const whole = sold(...earlier, report);
    const cut = sold(...earlier);
    cut.ledger.restore(whole.of(report));
    expect(cut.report(report)).toMatchObject({ verdict: 'counted' });
    for (const each of [...earlier, report]) expect(cut.of(each).outcome).toEqual(whole.of(each).outcome);
  });
});

describe('one order, a network and a payment processor', () => {
  const network = aReport({
    receiptId: 'n',
    sourceId: 'network',
    eventType: 'first_purchase',
    clickId: CLICK.clickId,
  });
  const processor = aReport({
    receiptId: 'p',
    sourceId: 'processor',
    taxMicros: 19n,
    customerId: 'c',
    occurredAt: NOON - MINUTE_MS,
  });

  it.each([
    ['network first', [network, processor]],
    ['processor first', [processor, network]],
  ])('%s: counts once, attributed, with what both know', (_name, reports) => {
    const lane = new Lane({
      payouts: [
        { eventType: 'first_purchase', partnerId: null, kind: 'percent', percentMicros: 10_000_000n },
      ],
    });
    lane.click(aClick());
    for (const report of reports) lane.report(report);
    expect(lane.ledger.conversions).toHaveLength(1);
    expect(lane.of(network).outcome).toMatchObject({
      eventType: 'first_purchase',
      match: 'attributed',
      state: 'payable',
      customerId: 'c',
      taxMicros: 19n,
      occurredAt: NOON - MINUTE_MS,
      payout: { micros: 10_000_000n },
    });
  });

  it('is of no other lane, and no test', () => {
    const lane = sold(
      network,
      { ...processor, lane: 'acme-2' },
      { ...processor, receiptId: 't', isTest: true },
    );
    expect(lane.ledger.conversions).toHaveLength(3);
  });
});

describe('an input', () => {
  it('about nothing known leads to nothing', () => {
    const lane = new Lane();
    expect(lane.give({ kind: 'instant', conversionId: 'none', at: lane.moment() }).revisions).toEqual([]);
    expect(lane.give({ kind: 'click', clickId: 'none', lane: 'acme', at: lane.moment() }).revisions).toEqual(
      [],
    );
  });

  it('that changes nothing writes no revision', () => {
    const lane = sold(SALE, aRefund(1, 10n));
    const before = lane.revisions.length;
    lane.click(aClick());
    for (const { conversionId } of lane.ledger.conversions)
      lane.give({ kind: 'instant', conversionId, at: lane.moment() });
    expect(lane.revisions).toHaveLength(before);
  });

  it('touches no other lane', () => {
    const lane = new Lane();
    lane.report(SALE);
    lane.report({ ...SALE, receiptId: 'other', lane: 'acme-2' });
    lane.click(aClick());
    expect(lane.ledger.conversions.map(({ outcome }) => outcome.match)).toEqual(['attributed', 'parked']);
  });
});

describe('a click that the edge got when nobody waited for it any more', () => {
  const late = aClick({ receivedAt: NOON + 2 * DAY_MS });
  const sale = aReport({ clickId: CLICK.clickId });

  function givenUp(): Lane {
    const lane = new Lane();
    lane.report(sale);
    lane.passTo(NOON + 3 * DAY_MS);
    lane.click(late);
    return lane;
  }

  it('counts for nothing, and the decision says so however often it is made', () => {
    const lane = givenUp();
    const early = new Lane();
    early.ledger.showClick(late);
    early.report(sale);
    early.passTo(NOON + 3 * DAY_MS);
    early.report({ ...sale, receiptId: 'again', planId: 'gold' });
    for (const { outcome } of [lane.of(sale), early.of(sale)])
      expect(outcome).toMatchObject({
        match: 'unattributed',
        reasonCodes: ['received_too_late', 'deadline_passed'],
        candidates: [{ clickId: late.clickId, outcome: 'missing', reasonCode: 'received_too_late' }],
      });
  });

  it("counts for nothing when it is another advertiser's too, whether it or the deadline is looked at first", () => {
    const foreign = { ...late, advertiserId: 'other' };
    const clickFirst = new Lane();
    clickFirst.report(sale);
    clickFirst.now = NOON + 3 * DAY_MS;
    clickFirst.click(foreign);
    clickFirst.passTo(NOON + 3 * DAY_MS);
    const deadlineFirst = new Lane();
    deadlineFirst.report(sale);
    deadlineFirst.passTo(NOON + 3 * DAY_MS);
    deadlineFirst.click(foreign);
    expect(clickFirst.of(sale).outcome).toEqual(deadlineFirst.of(sale).outcome);
    expect(clickFirst.of(sale).outcome).toMatchObject({ match: 'unattributed', state: 'payable' });
  });

  it('wins when a person orders it', () => {
    const lane = givenUp();
    const { conversionId } = lane.of(sale);
    lane.command({ command: 'reattribute', conversionId, clickId: late.clickId });
    expect(lane.of(sale).outcome).toMatchObject({
      match: 'attributed',
      matchedBy: 'command',
      winner: { clickId: late.clickId },
    });
  });
});

describe('preloading', () => {
  const rules = rulesOf((offerId) => ({ ...TERMS, offerId }));
  const inputs = [{ kind: 'postback' as const, report: SALE, at: new Lane().moment() }];
  const loaded: LoadedFacts = {
    keys: keysOfInputs(inputs, rules).keys,
    judgements: [],
    conversions: [],
    clicks: [aClick()],
    capUses: [],
    tierUses: [],
  };

  it('asks for a new sale with a known click once', () => {
    expect(loaded.keys.conversion).toEqual(
      new Set([identityOf(new InMemoryLedger(rules), SALE).conversionId]),
    );
    expect(decideBatch(inputs, loaded, rules)).toMatchObject({
      kind: 'decided',
      results: [{ judgement: { verdict: 'counted' } }],
    });
  });

  it('asks for what follows from what was loaded', () => {
    const [renewal] = [{ ...SALE, eventType: 'renewal', transactionId: 'renewal-1', clickId: null }];
    const batch = [{ kind: 'postback' as const, report: renewal, at: new Lane().moment() }];
    const earlier = sold(SALE).of(SALE);
    const stored = { ...earlier, outcome: { ...earlier.outcome, winner: null } };
    const first = { ...loaded, keys: keysOfInputs(batch, rules).keys, clicks: [], conversions: [stored] };
    const decision = decideBatch(batch, first, rules);
    if (decision.kind !== 'needs') throw new Error('decided without the click');
    expect(decision.keys.click).toEqual(new Set([CLICK.clickId]));
    expect(isEmpty(decision.keys)).toBe(false);
  });
});
