/** Who a customer is, and its signals from postbacks on: the decision core decides, the signals follow. */
import { describe, expect, it } from 'vitest';
import {
  aRefund,
  aReport,
  HOUR_MS,
  hashOf,
  Lane,
  MINUTE_MS,
  NOON,
} from '../attribution/attribution.fixture.ts';
import type { Conversion } from '../attribution/conversion.ts';
import type { Report } from '../attribution/report.ts';
import { customerKeyOf, customerNamedBy, customerOf, customersEverNamedBy } from './customer.ts';
import { Outbox } from './lifecycle.fixture.ts';

const EMAIL = { emailPlain: hashOf('ann@example.com') };

/** Feeds a lane, and sends the signals of every customer that a revision names or has named before. */
class SignallingLane {
  readonly lane = new Lane();
  readonly outbox = new Outbox();
  #read = 0;

  report(report: Report): readonly string[] {
    this.lane.report(report);
    const { revisions, ledger } = this.lane;
    const fresh = revisions.slice(this.#read);
    this.#read = revisions.length;
    const before = fresh.flatMap((revision) =>
      revisions.filter(
        (other) => other.conversionId === revision.conversionId && other.revision === revision.revision - 1,
      ),
    );
    return [...before, ...fresh].flatMap((naming) => this.#look(naming, ledger.conversions));
  }

  #look(naming: Conversion, conversions: readonly Conversion[]): readonly string[] {
    const named = customerNamedBy(naming);
    return named === null ? [] : this.outbox.look(customerOf(named, conversions), this.lane.now);
  }
}

function keyOf(report: Partial<Report>): string | null {
  const lane = new Lane();
  const placed = aReport(report);
  lane.report(placed);
  return customerKeyOf(lane.of(placed));
}

describe('the key of a customer', () => {
  it('is that of the customer id, whatever else is known', () => {
    expect(keyOf({ customerId: 'c-1', subjectHashes: EMAIL })).toBe(keyOf({ customerId: 'c-1' }));
  });

  it('is that of a hashed identity without one', () => {
    expect(keyOf({ subjectHashes: { ...EMAIL, city: 'x' } })).toBe(keyOf({ subjectHashes: EMAIL }));
  });

  it.each<[string, Partial<Report>]>([
    ['another customer id', { customerId: 'c-2' }],
    ['another lane', { customerId: 'c-1', lane: 'shop-2' }],
    ['test traffic', { customerId: 'c-1', isTest: true }],
    ['a hashed identity', { subjectHashes: EMAIL }],
  ])('differs with %s', (_, report) => {
    expect(keyOf(report)).not.toBe(keyOf({ customerId: 'c-1' }));
    expect(keyOf(report)).not.toBeNull();
  });

  it.each<[string, Partial<Report>]>([
    ['nothing is known', {}],
    ['only a city is known', { subjectHashes: { city: hashOf('berlin') } }],
  ])('is not there when %s', (_, report) => {
    expect(keyOf(report)).toBeNull();
  });
});

it('a conversion has named, or names, the customer of its id and of each of its identities', () => {
  const keyedBy = (report: Partial<Report>) => keyOf({ customerId: null, ...report });
  const hashes = { phoneE164: hashOf('+491'), ...EMAIL };
  const lane = new Lane();
  const placed = aReport({ customerId: 'c-1', subjectHashes: { ...hashes, city: hashOf('berlin') } });
  lane.report(placed);
  expect(customersEverNamedBy(lane.of(placed)).map(({ customerKey }) => customerKey)).toEqual([
    keyedBy({ customerId: 'c-1' }),
    keyedBy({ subjectHashes: EMAIL }),
    keyedBy({ subjectHashes: { phoneE164: hashes.phoneE164 } }),
  ]);
});

describe('postbacks of a customer', () => {
  const sale = aReport({ customerId: 'c-1', subjectHashes: EMAIL });

  it('suppress who has bought until all is refunded, with the hashes to find the person', () => {
    const signalling = new SignallingLane();
    expect(signalling.report(sale)).toHaveLength(2);
    expect(signalling.report(aRefund(1, 40_000_000n))).toEqual([]);
    expect(signalling.report(aRefund(2, null))).toEqual([
      expect.stringMatching(/^withdrawn onboarding of .*: reversed$/),
      expect.stringMatching(/^withdrawn suppression of .*: reversed$/),
    ]);
    expect(signalling.outbox.log.at(-1)).toMatchObject({
      signal: 'suppression',
      phase: 'withdrawn',
      conversion: { state: 'reversed', revision: 3 },
      person: { subjectHashes: EMAIL },
    });
  });

  it('that take back what nobody knows of send nothing', () => {
    const signalling = new SignallingLane();
    expect(signalling.report(aRefund(1, null, { customerId: 'c-1', occurredAt: NOON }))).toEqual([]);
    expect(signalling.lane.revisions).toHaveLength(1);
  });

  it('that come twice send nothing twice', () => {
    const signalling = new SignallingLane();
    signalling.report(sale);
    expect(signalling.report({ ...sale, receiptId: 'r-2' })).toEqual([]);
  });

  it('that bring the customer id late move the signals to that customer', () => {
    const signalling = new SignallingLane();
    const anonymous = aReport({ customerId: null, subjectHashes: EMAIL });
    signalling.report(anonymous);
    const [first] = signalling.outbox.log;
    const lines = signalling.report({
      ...anonymous,
      receiptId: 'r-2',
      customerId: 'c-1',
      receivedAt: NOON + MINUTE_MS,
    });
    expect(lines.map((line) => line.replace(/ of .*:/, ':'))).toEqual([
      'withdrawn onboarding: other_customer',
      'withdrawn suppression: other_customer',
      'raised onboarding: first_conversion',
      'raised suppression: purchased',
    ]);
    expect(signalling.outbox.log.at(-1)?.signalId).not.toBe(first?.signalId);
  });

  it('of two customers do not meet', () => {
    const signalling = new SignallingLane();
    signalling.report(sale);
    const other = aReport({
      receiptId: 'r-2',
      transactionId: 'order-2',
      customerId: 'c-2',
      occurredAt: NOON + HOUR_MS,
    });
    expect(signalling.report(other)).toHaveLength(2);
  });
});
