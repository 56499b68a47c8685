/** Decisions and verdicts as events: the postback's facts stay, the click's come and go with the match, and both fit their schemas. */
import { decodeEvent, encodeEvent } from '@tributary/contracts';
import { type Decision, giveUpWaiting, type Judgement, judge, rematch, valueDigest } from '@tributary/domain';
import { aClick, aPostback } from '@tributary/testing';
import { describe, expect, it } from 'vitest';
import {
  type DecidedAt,
  factsOfDecision,
  factsOfPostback,
  firstRevision,
  nextRevision,
  soughtClickId,
  verdictRecord,
} from './decision-record.ts';

const CONVERSION_ID = 'c0ffee00-0000-8000-8000-000000000001';
const IDENTITY = { conversionId: CONVERSION_ID, eventClass: 'purchase' };
const AT: DecidedAt = { kind: 'postback', partition: 3, offset: 42, now: 1_000, configurationVersion: 7 };
const TERMS = {
  minMs: 0,
  maxMs: 86_400_000,
  payouts: [{ eventType: 'sale', partnerId: null, kind: 'percent', percentMicros: 30_000_000n }],
} as const;

function judged(postback = aPostback(), click: ReturnType<typeof aClick> | null = aClick()): Judgement {
  const terms = click === null ? null : TERMS;
  return judge({ facts: factsOfPostback(postback), earlier: null, click, terms, parkedForMs: 60_000 });
}

function decisionOf({ decision }: Judgement): Decision {
  if (decision === null) throw new Error('nothing is decided');
  return decision;
}

describe('the first revision', () => {
  it('holds the postback, the winning click, the payout and where it was decided', () => {
    const postback = aPostback({
      customerId: 'cust-1',
      subIds: { sub1: 'from postback' },
      extras: { shop: 'x' },
    });
    const click = aClick();
    const decided = firstRevision(IDENTITY, postback, decisionOf(judged(postback, click)), click, AT);
    expect(decided).toMatchObject({
      ...IDENTITY,
      revision: 1,
      receiptId: postback.receiptId,
      customerId: 'cust-1',
      revenueMicros: 49_900_000n,
      payoutMicros: 14_970_000n,
      payoutCurrency: 'EUR',
      payoutRule: 'sale:percent',
      offerId: click.offerId,
      campaignId: click.campaignId,
      partnerId: click.partnerId,
      clickId: click.clickId,
      partnerClickId: click.partnerClickId,
      subIds: { sub1: 'from postback' },
      clickSubIds: click.subIds,
      adPlatformIds: click.adPlatformIds,
      clickIpCiphertext: click.ipCiphertext,
      credits: [{ clickId: click.clickId, partnerId: click.partnerId, numerator: 1, denominator: 1 }],
      triggerKind: 'postback',
      triggerPartition: 3,
      triggerOffset: 42,
      decidedAt: 1_000,
      configurationVersion: 7,
      valueDigest: valueDigest(postback),
    });
    expect(decodeEvent('conversion.decided.v1', encodeEvent('conversion.decided.v1', decided))).toEqual({
      ok: true,
      value: decided,
    });
  });

  it('credits nobody when the click has lost, and keeps it as a candidate', () => {
    const click = aClick({ clickedAt: 0 });
    const decided = firstRevision(IDENTITY, aPostback(), decisionOf(judged(aPostback(), click)), click, AT);
    expect(decided).toMatchObject({
      match: 'unattributed',
      reasonCodes: ['outside_window'],
      offerId: null,
      campaignId: null,
      partnerId: null,
      clickId: null,
      clickIpCiphertext: null,
      credits: [],
      payoutMicros: null,
      candidates: [{ clickId: click.clickId, outcome: 'lost', reasonCode: 'outside_window' }],
    });
  });

  it('of a reversal is a negative fact', () => {
    const postback = aPostback({ eventType: 'refund', revenueMicros: 5n });
    const decided = firstRevision(IDENTITY, postback, decisionOf(judged(postback)), aClick(), AT);
    expect(decided).toMatchObject({ revenueMicros: -5n, state: 'held', payoutMicros: null });
    expect(factsOfPostback(postback).revenue).toEqual({ micros: -5n, currency: 'EUR' });
    expect(factsOfDecision(decided).revenue).toEqual({ micros: -5n, currency: 'EUR' });
  });

  it("prefers the postback's hashes of the person to the click's", () => {
    const postback = aPostback({ subjectHashes: { emailPlain: 'postback' } });
    const click = aClick({ subjectHashes: { emailPlain: 'click', phoneDigits: 'click' } });
    const decided = firstRevision(IDENTITY, postback, decisionOf(judged(postback, click)), click, AT);
    expect(decided.subjectHashes).toEqual({ emailPlain: 'postback', phoneDigits: 'click' });
  });
});

describe('the next revision', () => {
  const postback = aPostback();
  const parked = firstRevision(IDENTITY, postback, decisionOf(judged(postback, null)), null, AT);

  it('is decided on the facts of the one before', () => {
    expect(parked).toMatchObject({ match: 'parked', parkedUntil: postback.receivedAt + 60_000 });
    expect(soughtClickId(parked)).toBe(postback.clickId);
    expect(factsOfDecision(parked)).toEqual(factsOfPostback(postback));
  });

  it('is what would have been decided had the click been there, but for number and trigger', () => {
    const click = aClick();
    const late = { ...AT, kind: 'late_click', now: 2_000, offset: 50 } as const;
    const decision = rematch(factsOfDecision(parked), 1, click, TERMS);
    if (decision === null) throw new Error('not rematched');
    const next = nextRevision(parked, decision, click, late);
    const atOnce = firstRevision(IDENTITY, postback, decisionOf(judged(postback, click)), click, AT);
    expect(next).toEqual({
      ...atOnce,
      revision: 2,
      triggerKind: 'late_click',
      decidedAt: 2_000,
      triggerOffset: 50,
    });
  });

  it('without a click ends the wait', () => {
    const next = nextRevision(parked, giveUpWaiting(factsOfDecision(parked), 1), null, {
      ...AT,
      kind: 'deadline',
    });
    expect(next).toMatchObject({
      revision: 2,
      match: 'unattributed',
      reasonCodes: ['deadline_passed'],
      parkedUntil: null,
      triggerKind: 'deadline',
      receiptId: postback.receiptId,
    });
  });
});

describe('the verdict', () => {
  it('names the conversion and the revision', () => {
    const postback = aPostback();
    const verdict = verdictRecord(postback, judged(), CONVERSION_ID, AT);
    expect(verdict).toMatchObject({
      receiptId: postback.receiptId,
      verdict: 'counted',
      reasonCode: null,
      conversionId: CONVERSION_ID,
      revision: 1,
      judgedAt: 1_000,
      triggerPartition: 3,
      triggerOffset: 42,
    });
    expect(encodeEvent('postback.judged.v1', verdict).length).toBeGreaterThan(0);
  });

  it('of a rejected receipt names none: it made none', () => {
    const verdict = verdictRecord(
      aPostback(),
      judged(aPostback(), aClick({ advertiserId: 'other' })),
      CONVERSION_ID,
      AT,
    );
    expect(verdict).toMatchObject({
      verdict: 'rejected',
      reasonCode: 'click_of_other_advertiser',
      conversionId: null,
      revision: null,
    });
  });
});
