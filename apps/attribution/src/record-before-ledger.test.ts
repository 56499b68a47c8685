/** Revisions of before there was a ledger: what they tell is what the core would know, and further reports merge with it. */
import { type AvroDefinition, type ConversionDecided, LOCKED_SCHEMAS } from '@tributary/contracts';
import type { attribution } from '@tributary/domain';
import { aDecision } from '@tributary/testing';
import { describe, expect, it } from 'vitest';
import {
  aClick,
  aRefund,
  aReport,
  DAY_MS,
  hashOf,
  Lane,
  NOON,
} from '../../../libs/domain/src/attribution/attribution.fixture.ts';
import { conversionOf, recordOf } from './conversion-record.ts';
import { withLedger } from './record-before-ledger.ts';

/** The fields that version 1 did not have, as whoever reads its records as the newest version finds them. */
const [FIRST, ...LATER] = (LOCKED_SCHEMAS['conversion.decided.v1'] ?? []).map(
  ({ schema }) => (schema as AvroDefinition).fields ?? [],
);
const KNOWN_FIRST = new Set(FIRST?.map(({ name }) => name));
const ADDED = Object.fromEntries(
  (LATER.at(-1) ?? [])
    .filter(({ name }) => !KNOWN_FIRST.has(name))
    .map((field) => [field.name, field.default]),
) as Partial<ConversionDecided>;

function asOfVersion1(conversion: attribution.Conversion): ConversionDecided {
  return { ...recordOf(conversion), ...ADDED };
}

const CLICK = aClick();
const SALE = aReport({
  clickId: CLICK.clickId,
  customerId: 'c-1',
  taxMicros: 7n,
  shippingMicros: 3n,
  productId: 'sku-9',
  country: 'DE',
  subIds: { sub1: 'a' },
  subjectHashes: { emailPlain: hashOf('e') },
});

function laneWith(report: attribution.Report, clicks: readonly attribution.CandidateClick[] = [CLICK]): Lane {
  const lane = new Lane();
  for (const click of clicks) lane.ledger.showClick(click);
  lane.report(report);
  return lane;
}

it('are told by the defaults of the fields that came later', () => {
  const before = asOfVersion1(laneWith(SALE).of(SALE));
  expect(before).toMatchObject({ eventTypes: [], ledger: { firstOffset: null } });
  expect(withLedger(before)).not.toBe(before);
  const kept = aDecision();
  expect(withLedger(kept)).toBe(kept);
});

const singleReports: readonly (readonly [string, attribution.Report])[] = [
  ['a sale with all it may say', SALE],
  ['a sale without anything but values', aReport({ clickId: CLICK.clickId })],
  [
    'a pending lead without revenue',
    aReport({
      eventType: 'lead',
      status: 'pending',
      revenueMicros: null,
      currency: null,
      clickId: CLICK.clickId,
    }),
  ],
  [
    'a sale whose click is not visible',
    { ...SALE, clickId: aClick({ clickId: CLICK.clickId.replace('0001', '0002') }).clickId },
  ],
  ['a sale with what can be no click id', aReport({ clickId: 'null' })],
];

it.each(singleReports)('hold the facts of %s', (_name, report) => {
  const conversion = laneWith(report).of(report);
  expect(conversionOf(asOfVersion1(conversion)).facts).toEqual(conversion.facts);
});

describe('a conversion decided then', () => {
  const lane = laneWith(SALE);
  const conversion = lane.of(SALE);
  const before = conversionOf(asOfVersion1(conversion));

  it('has the outcome it had', () => {
    expect(before.outcome).toEqual(conversion.outcome);
  });

  it('is not written again for nothing', () => {
    lane.ledger.restore(before);
    expect(lane.report({ ...SALE, receiptId: 'r-2' })).toMatchObject({
      verdict: 'duplicate_of',
      revision: 1,
    });
    expect(lane.report({ ...SALE, receiptId: 'r-3', revenueMicros: 1n })).toMatchObject({
      verdict: 'conflict',
      reasonCode: 'values_differ',
    });
  });

  it('is taken back by a refund', () => {
    lane.ledger.restore(before);
    lane.report(aRefund(1, null));
    expect(lane.of(SALE)).toMatchObject({
      outcome: { state: 'reversed', reversedPayoutMicros: 10_000_000n },
    });
  });
});

it('a refund that was held then takes what it asked for', () => {
  const refund = aRefund(1, 40_000_000n);
  const held = laneWith(refund).of(refund);
  const record = { ...asOfVersion1(held), revenueMicros: -40_000_000n, state: 'held' as const };
  const lane = new Lane();
  lane.ledger.restore(conversionOf({ ...record, transactionId: 'order-1' }));
  lane.ledger.showClick(CLICK);
  lane.report(SALE);
  expect(lane.of(refund).outcome).toMatchObject({
    state: 'payable',
    revenue: { micros: -40_000_000n, currency: 'EUR' },
    askedMicros: 40_000_000n,
  });
});

it('a click that was given up then stays unknown', () => {
  const lane = laneWith(SALE, []);
  const parked = lane.of(SALE);
  const record = asOfVersion1(parked);
  const givenUp: ConversionDecided = {
    ...record,
    revision: 2,
    match: 'unattributed',
    reasonCodes: ['deadline_passed'],
    parkedUntil: null,
  };
  lane.ledger.restore(conversionOf(givenUp));
  lane.now = NOON + 2 * DAY_MS;
  lane.click(CLICK);
  expect(lane.of(SALE).outcome.match).toBe('unattributed');
});
