/** Conversions survive their record: every revision of any history is restored whole, and deciding goes on as if it had never been written. */
import { type ConversionDecided, decodeEvent, encodeEvent } from '@tributary/contracts';
import { type attribution, type OfferTerms, valueDigest } from '@tributary/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  aClick,
  aRefund,
  aReport,
  clickIdOf,
  DAY_MS,
  HOUR_MS,
  Lane,
  NOON,
  TERMS,
} from '../../../libs/domain/src/attribution/attribution.fixture.ts';
import {
  type Decider,
  deliver,
  mixedDelivery,
  oneByOne,
} from '../../../libs/domain/src/attribution/deliveries.fixture.ts';
import { HISTORIES, type History } from '../../../libs/domain/src/attribution/histories.fixture.ts';
import { isSame } from '../../../libs/domain/src/attribution/ordering.ts';
import { conversionOf, recordOf } from './conversion-record.ts';

const TOPIC = 'conversion.decided.v1';

/** The record as a reader of the topic gets it. */
function overTheWire(conversion: attribution.Conversion): ConversionDecided {
  const decoded = decodeEvent(TOPIC, encodeEvent(TOPIC, recordOf(conversion)));
  if (!decoded.ok) throw new Error(decoded.problem);
  return decoded.value;
}

function restored(conversion: attribution.Conversion): attribution.Conversion {
  return conversionOf(overTheWire(conversion));
}

function expectRestored(conversion: attribution.Conversion): void {
  const again = restored(conversion);
  expect(again).toEqual(conversion);
  expect(isSame(again, conversion)).toBe(true);
}

/** A ledger that knows of a conversion only what its record says. */
const overRecords: Decider = (inputs, ledger) =>
  oneByOne(inputs, ledger).map((result) => ({ ...result, revisions: result.revisions.map(restored) }));

/** Buffers, as decoded events have them. */
const BYTES = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));

/** What a report says beside its values: histories are sparing with it, and each field has to survive. */
const DETAILS: fc.Arbitrary<Partial<attribution.ReportDetails>> = fc.record(
  {
    predictedLtvMicros: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    productId: fc.string(),
    planId: fc.string(),
    couponCode: fc.string(),
    quantity: fc.integer({ min: 0, max: 9 }),
    ipCiphertext: BYTES,
    userAgent: fc.string(),
    extras: fc.dictionary(fc.constantFrom('store', 'till', 'constructor'), fc.string()),
  },
  { requiredKeys: [] },
);

const TOUCH: fc.Arbitrary<Partial<attribution.CandidateClick>> = fc.record(
  {
    partnerClickId: fc.string(),
    customerId: fc.constantFrom('customer-0', 'customer-1', null),
    subjectHashes: fc.dictionary(fc.constantFrom('city', 'firstName'), fc.constantFrom('a', 'b')),
    subIds: fc.dictionary(fc.constantFrom('sub1', 'sub20'), fc.string()),
    adPlatformIds: fc.array(fc.record({ name: fc.string(), value: fc.string(), firstSeenAt: fc.nat() })),
    landingUrl: fc.webUrl(),
    userAgent: fc.string(),
    ipCiphertext: BYTES,
  },
  { requiredKeys: [] },
);

/** Histories whose reports and clicks say more; the details go round. */
const TALKATIVE: fc.Arbitrary<History> = fc
  .tuple(HISTORIES, fc.array(DETAILS, { minLength: 1 }), fc.array(TOUCH, { minLength: 1 }))
  .map(([{ clicks, reports, ...rest }, details, touches]) => ({
    ...rest,
    reports: reports.map((report, place) => ({ ...report, ...details[place % details.length] })),
    clicks: clicks.map((click, place) => ({
      ...click,
      ...touches[place % touches.length],
      ...(Object.keys(click.subIds).length > 0 ? { subIds: click.subIds } : {}),
      subjectHashes: { ...touches[place % touches.length]?.subjectHashes, ...click.subjectHashes },
    })),
  }));

const parameters = { numRuns: Number(process.env['HISTORIES'] ?? 150) };

describe('any history', () => {
  it('has no revision that its record does not restore whole', () => {
    fc.assert(
      fc.property(TALKATIVE, fc.integer(), (history, seed) => {
        const { revisions } = deliver(mixedDelivery(history, seed));
        for (const revision of revisions) expectRestored(revision);
      }),
      parameters,
    );
  });

  it('is decided alike over restored conversions, and so is whatever comes after it', () => {
    fc.assert(
      fc.property(TALKATIVE, fc.integer(), fc.array(ORDER), (history, seed, orders) => {
        const steps = mixedDelivery(history, seed);
        const original = deliver(steps);
        const again = deliver(steps, { decide: overRecords });
        expect(again.revisions).toEqual(original.revisions);
        expect(again.judgements).toEqual(original.judgements);
        expect(ordered(again.ledger, orders, overRecords)).toEqual(
          ordered(original.ledger, orders, oneByOne),
        );
        expect(again.ledger.conversions).toEqual(original.ledger.conversions);
      }),
      parameters,
    );
  });
});

/** Terms with all that JSON cannot say. */
const ORDERED_TERMS: OfferTerms = {
  ...TERMS,
  offerId: 'plain',
  abuse: {
    ...TERMS.abuse,
    impossibleBelowMs: { ms: 5, action: 'hold' },
    blockedSubIds: { values: new Map([['$map', new Set(['$set', 'b'])]]), action: 'hold' },
  },
};

const ORDER = fc.record({
  place: fc.nat(50),
  command: fc.constantFrom('reattribute', 'release', 'reject', 'approve' as const),
  clickId: fc.constantFrom(clickIdOf(0), clickIdOf(100), null),
  model: fc.constantFrom('linear', 'first_click', null),
  terms: fc.constantFrom(ORDERED_TERMS, null),
  reasonCode: fc.constantFrom('by_hand', 'appeal'),
});

/** Gives each order, then lets the conversion be looked at once more. */
function ordered(
  ledger: attribution.InMemoryLedger,
  orders: readonly (Omit<
    attribution.Command,
    'advertiserId' | 'conversionId' | 'expectedRevision' | 'isTest'
  > & {
    readonly place: number;
  })[],
  decide: Decider,
): readonly attribution.Conversion[] {
  const at: attribution.Moment = {
    now: NOON + 400 * DAY_MS,
    watermarkReached: true,
    laneReadUntil: NOON + 400 * DAY_MS,
    position: { partition: 0, offset: 1_000 },
    configurationVersion: 2,
  };
  return orders.flatMap(({ place, ...order }) => {
    const conversion = ledger.conversions[place % ledger.conversions.length];
    if (conversion === undefined) return [];
    const { advertiserId, conversionId, isTest } = conversion;
    const command = { ...order, advertiserId, conversionId, isTest, expectedRevision: null };
    const inputs: attribution.Input[] = [
      { kind: 'command', command, at },
      { kind: 'instant', conversionId, at },
    ];
    return inputs.flatMap((input) => {
      const results = decide([input], ledger);
      for (const result of results) ledger.apply(result);
      return results.flatMap(({ revisions }) => revisions);
    });
  });
}

describe('what other readers find in the record', () => {
  const CLICK = aClick({
    kind: 'direct',
    partnerClickId: 'p-77',
    customerId: 'c-1',
    subIds: { sub1: 'newsletter' },
    adPlatformIds: [{ name: 'fbclid', value: 'IwAR1', firstSeenAt: NOON - HOUR_MS }],
    landingUrl: 'https://shop.example/landing',
    userAgent: 'of click',
    country: 'DE',
    ipCiphertext: Uint8Array.of(1, 255),
    subjectHashes: { emailPlain: 'click', phoneDigits: 'click' },
  });
  const SALE = aReport({
    clickId: CLICK.clickId,
    customerId: 'c-1',
    taxMicros: 7n,
    productId: 'sku-9',
    quantity: 2,
    userAgent: 'of postback',
    subIds: { sub1: 'from postback' },
    extras: { store: 'berlin' },
    subjectHashes: { emailPlain: 'postback' },
  });

  function sold(): Lane {
    const lane = new Lane();
    lane.ledger.showClick(CLICK);
    lane.report(SALE);
    return lane;
  }

  it('the sale, the winning click, the payout and where it was decided', () => {
    const lane = sold();
    expect(recordOf(lane.of(SALE))).toMatchObject({
      revision: 1,
      receiptId: SALE.receiptId,
      sourceId: SALE.sourceId,
      eventType: 'sale',
      eventClass: 'purchase',
      revenueMicros: 100_000_000n,
      currency: 'EUR',
      taxMicros: 7n,
      payoutMicros: 10_000_000n,
      payoutCurrency: 'EUR',
      payoutRule: 'sale:percent',
      payoutParts: [{ clickId: CLICK.clickId, partnerId: 'p-1', micros: 10_000_000n }],
      valueDigest: valueDigest({ status: 'approved', revenueMicros: 100_000_000n, currency: 'EUR' }),
      productId: 'sku-9',
      quantity: 2,
      userAgent: 'of postback',
      subIds: { sub1: 'from postback' },
      extras: { store: 'berlin' },
      offerId: 'shoes',
      campaignId: 'spring',
      partnerId: 'p-1',
      clickId: CLICK.clickId,
      clickKind: 'direct',
      clickedAt: CLICK.clickedAt,
      partnerClickId: 'p-77',
      clickSubIds: { sub1: 'newsletter' },
      adPlatformIds: CLICK.adPlatformIds,
      landingUrl: 'https://shop.example/landing',
      clickUserAgent: 'of click',
      clickCountry: 'DE',
      clickIpCiphertext: Buffer.of(1, 255),
      credits: [{ clickId: CLICK.clickId, partnerId: 'p-1', numerator: 1, denominator: 1 }],
      triggerKind: 'postback',
      triggerPartition: 0,
      triggerOffset: 1,
      decidedAt: lane.now,
      configurationVersion: 1,
    });
  });

  it("the postback's hashes of the person before the click's, and in the ledger which are its own", () => {
    const { subjectHashes, clickSubjectHashes, ledger } = recordOf(sold().of(SALE));
    expect(subjectHashes).toEqual({ emailPlain: 'postback', phoneDigits: 'click' });
    expect(clickSubjectHashes).toEqual(CLICK.subjectHashes);
    expect(ledger.contributions.map((each) => each.subjectHashes)).toEqual([['emailPlain']]);
  });

  it('a refund as a negative fact with what was asked for, and the sums on its original', () => {
    const lane = sold();
    const refund = aRefund(1, 250_000_000n);
    lane.report(refund);
    expect(recordOf(lane.of(refund))).toMatchObject({
      revenueMicros: -100_000_000n,
      payoutMicros: -10_000_000n,
      askedMicros: 250_000_000n,
      clickId: CLICK.clickId,
      matchedBy: 'original',
      originalConversionId: lane.of(SALE).conversionId,
      reversedTransactionId: 'order-1',
      ledger: { firstRevenueMicros: 250_000_000n },
    });
    expect(recordOf(lane.of(SALE))).toMatchObject({
      revision: 2,
      state: 'reversed',
      revenueMicros: 100_000_000n,
      reversedRevenueMicros: 100_000_000n,
      reversedPayoutMicros: 10_000_000n,
    });
  });

  it('nothing of a click that has not won', () => {
    const lane = new Lane();
    const lost = aClick({ clickedAt: NOON - 90 * DAY_MS });
    lane.ledger.showClick(lost);
    lane.report(aReport({ clickId: lost.clickId }));
    expect(recordOf(lane.of(SALE))).toMatchObject({
      match: 'unattributed',
      reportedClickId: lost.clickId,
      clickId: null,
      offerId: null,
      partnerId: null,
      clickKind: null,
      adPlatformIds: [],
      credits: [],
      payoutParts: [],
      candidates: [{ clickId: lost.clickId, outcome: 'lost', reasonCode: 'outside_window' }],
    });
  });

  it('says what the record says already no second time', () => {
    const { ledger } = recordOf(sold().of(SALE));
    expect(ledger.furtherReceiptIds).toEqual([]);
    expect(ledger.contributions.map(({ receiptId }) => receiptId)).toEqual([null]);
  });
});

describe('what histories do not come to', () => {
  const CLICK = aClick();
  const SALE = aReport({ clickId: CLICK.clickId, taxMicros: 5n, shippingMicros: 7n });

  function sold(): Lane {
    const lane = new Lane();
    lane.ledger.showClick(CLICK);
    lane.report(SALE);
    return lane;
  }

  it('a sale with tax and shipping, and another value of either still a conflict', () => {
    const lane = sold();
    expectRestored(lane.of(SALE));
    lane.ledger.restore(restored(lane.of(SALE)));
    expect(lane.report({ ...SALE, receiptId: 'r-2', shippingMicros: 8n }).verdict).toBe('conflict');
    expect(lane.report({ ...SALE, receiptId: 'r-3', taxMicros: 8n }).verdict).toBe('conflict');
    expect(lane.report({ ...SALE, receiptId: 'r-4' }).verdict).toBe('duplicate_of');
  });

  it('a payout that was exchanged', () => {
    const conversion = sold().of(SALE);
    expectRestored({ ...conversion, outcome: { ...conversion.outcome, exchangeRateId: 'eur-usd-1' } });
  });

  it('everything that can be ordered', () => {
    const lane = sold();
    const { conversionId } = lane.of(SALE);
    lane.command({
      command: 'reattribute',
      conversionId,
      clickId: CLICK.clickId,
      model: 'linear',
      terms: { ...ORDERED_TERMS, offerId: 'shoes' },
    });
    lane.command({ command: 'approve', conversionId, reasonCode: 'appeal' });
    const conversion = lane.of(SALE);
    expect(conversion.orders).toMatchObject({
      ruling: 'approved',
      model: 'linear',
      terms: { offerId: 'shoes' },
    });
    expectRestored(conversion);
  });

  it('a test click that was ordered to win a live conversion', () => {
    const lane = sold();
    const click = aClick({ clickId: clickIdOf(2), isTest: true });
    lane.ledger.showClick(click);
    lane.command({
      command: 'reattribute',
      conversionId: lane.of(SALE).conversionId,
      clickId: click.clickId,
    });
    const conversion = lane.of(SALE);
    expect(conversion.outcome.winner).toEqual(click);
    expectRestored(conversion);
  });
});
