/** Merging of reports: what stands in each mode, what is a conflict, what is added. */
import { describe, expect, it } from 'vitest';
import { aReport, clickIdOf, HOUR_MS, NOON } from './attribution.fixture.ts';
import type { ConversionFacts } from './conversion.ts';
import { detailsOf, strictestConsent } from './details.ts';
import { eventTypeOf, occurredAtOf, statusOf, valuesOf } from './facts.ts';
import { mergeReport } from './merging.ts';
import type { Report } from './report.ts';
import type { RepeatMode } from './terms.ts';

type Sent = Partial<Report> & { readonly mode?: RepeatMode };

/** Merges reports of one fact one after the other; receipts are numbered, the edge's clock is a second further each time. */
function merged(...sent: readonly Sent[]) {
  let facts: ConversionFacts | null = null;
  const verdicts = sent.map(({ mode = 'reject', ...changes }, index) => {
    const report = aReport({ receiptId: `r-${index}`, receivedAt: NOON + index * 1_000, ...changes });
    const merging = mergeReport(facts, report, mode);
    if (merging.kind === 'conflict') return merging.reasonCode;
    const isChanged = merging.facts !== facts;
    facts = merging.facts;
    return merging.isCounted ? 'counted' : isChanged ? 'repeat' : 'nothing';
  });
  if (facts === null) throw new Error('nothing merged');
  return { facts: facts as ConversionFacts, verdicts };
}

const CLICK_1 = clickIdOf(1);
const CLICK_2 = clickIdOf(2);

describe('the second report', () => {
  it.each<[string, Sent, Sent, string]>([
    ['is a repeat with the same values', {}, {}, 'repeat'],
    ['is a conflict with another revenue', {}, { revenueMicros: 1n }, 'values_differ'],
    ['… another currency', {}, { currency: 'USD' }, 'values_differ'],
    ['… another tax', { taxMicros: 1n }, { taxMicros: 2n }, 'values_differ'],
    ['… another shipping', { shippingMicros: 1n }, { shippingMicros: 2n }, 'values_differ'],
    ['may be silent about values', {}, { revenueMicros: null, currency: null }, 'repeat'],
    ['counts when it brings a value that was missing', {}, { taxMicros: 2n }, 'counted'],
    ['is a step from pending to approved', { status: 'pending' }, {}, 'counted'],
    ['is a step from pending to rejected', { status: 'pending' }, { status: 'rejected' }, 'counted'],
    ['takes no approval back', {}, { status: 'pending' }, 'repeat'],
    ['is a conflict when it rejects what is approved', {}, { status: 'rejected' }, 'status_differs'],
    ['is a conflict when it approves what is rejected', { status: 'rejected' }, {}, 'status_differs'],
    ['may bring the click id', {}, { clickId: CLICK_1 }, 'repeat'],
    ['is a conflict with another click id', { clickId: CLICK_1 }, { clickId: CLICK_2 }, 'click_differs'],
    ['may have a click id in capitals', { clickId: CLICK_1 }, { clickId: CLICK_1.toUpperCase() }, 'repeat'],
    ['may have what is no click id', { clickId: CLICK_1 }, { clickId: 'null' }, 'repeat'],
    ['is a conflict with another customer', { customerId: 'a' }, { customerId: 'b' }, 'customer_differs'],
    ['updates values', { mode: 'update' }, { mode: 'update', revenueMicros: 1n }, 'counted'],
    ['updates the status', { mode: 'update' }, { mode: 'update', status: 'rejected' }, 'counted'],
    ['updates no click id', { clickId: CLICK_1 }, { mode: 'update', clickId: CLICK_2 }, 'click_differs'],
    [
      'is no update when the edge had it first',
      { mode: 'update', receivedAt: NOON + HOUR_MS },
      { mode: 'update', revenueMicros: 1n },
      'repeat',
    ],
    [
      'is no update when it takes an approval back',
      { mode: 'update' },
      { mode: 'update', status: 'pending' },
      'repeat',
    ],
  ])('%s', (_name, first, second, verdict) => {
    expect(merged(first, second).verdicts[1]).toBe(verdict);
  });

  it('leaves the facts as they were when it is a conflict', () => {
    const conflict = {
      revenueMicros: 1n,
      clickId: CLICK_1,
      subIds: { sub1: 'x' },
      occurredAt: NOON - HOUR_MS,
    };
    expect(merged({}, conflict).facts).toEqual(merged({}).facts);
  });

  it('is judged as before when it comes again after a crash', () => {
    const { verdicts } = merged({ status: 'pending' }, { receiptId: 'step' }, { receiptId: 'step' });
    expect(verdicts).toEqual(['counted', 'counted', 'counted']);
  });
});

describe('what stands', () => {
  const values = (...sent: readonly Sent[]) => {
    const { facts } = merged(...sent);
    return [valuesOf(facts).revenue?.micros, statusOf(facts)];
  };

  it.each<[string, readonly Sent[], bigint, string]>([
    ['the first of several', [{ revenueMicros: 1n }, { revenueMicros: 2n }], 1n, 'approved'],
    [
      'the last update',
      [
        { mode: 'update', revenueMicros: 1n },
        { mode: 'update', revenueMicros: 2n },
      ],
      2n,
      'approved',
    ],
    [
      'the update the edge had last, whatever the log says',
      [
        { mode: 'update', revenueMicros: 1n, receivedAt: 9 },
        { mode: 'update', revenueMicros: 2n, receivedAt: 7 },
      ],
      1n,
      'approved',
    ],
    [
      'of one millisecond the larger receipt',
      [
        { mode: 'update', revenueMicros: 1n, receivedAt: 9, receiptId: 'b' },
        { mode: 'update', revenueMicros: 2n, receivedAt: 9, receiptId: 'a' },
      ],
      1n,
      'approved',
    ],
    [
      'an update over a later report that may change nothing',
      [{ mode: 'update', revenueMicros: 1n }, { revenueMicros: 2n }],
      1n,
      'approved',
    ],
    [
      'an update over an earlier one',
      [{ revenueMicros: 2n }, { mode: 'update', revenueMicros: 1n }],
      1n,
      'approved',
    ],
    [
      'the value of before when an update is silent',
      [{ revenueMicros: 2n }, { mode: 'update', revenueMicros: null, status: 'rejected' }],
      2n,
      'rejected',
    ],
    [
      'an approval over a pending update',
      [{ mode: 'update' }, { mode: 'update', status: 'pending', revenueMicros: 3n }],
      3n,
      'approved',
    ],
  ])('%s', (_name, sent, revenue, status) => {
    expect(values(...sent)).toEqual([revenue, status]);
  });

  it('is the event type that says most, in either order', () => {
    for (const types of [
      ['sale', 'first_purchase'],
      ['first_purchase', 'sale'],
    ]) {
      const { facts } = merged(...types.map((eventType) => ({ eventType })));
      expect(eventTypeOf(facts)).toBe('first_purchase');
    }
    expect(eventTypeOf({ eventTypes: ['zebra', 'apple'] })).toBe('apple');
  });

  it('is the earliest time that was sent, and an assumed one only without', () => {
    const assumed = { occurredAtIsAssumed: true, occurredAt: NOON, receivedAt: NOON };
    expect(occurredAtOf(merged(assumed, { occurredAt: NOON + 5 }).facts)).toBe(NOON + 5);
    expect(occurredAtOf(merged({ occurredAt: NOON + 5 }, assumed, { occurredAt: NOON + 3 }).facts)).toBe(
      NOON + 3,
    );
    expect(occurredAtOf(merged(assumed, { ...assumed, receivedAt: NOON - 1 }).facts)).toBe(NOON - 1);
  });
});

describe('details', () => {
  const earlier: Sent = { receiptId: 'b', occurredAt: 5, subIds: { sub1: 'early' }, country: 'DE' };
  const later: Sent = {
    receiptId: 'a',
    occurredAt: 6,
    subIds: { sub1: 'late', sub2: 'x' },
    country: 'FR',
    planId: 'gold',
  };

  it('are the union, the earliest report having its way on a clash', () => {
    for (const sent of [
      [earlier, later],
      [later, earlier],
      [later, earlier, later],
    ]) {
      const details = detailsOf(merged(...sent).facts.contributions);
      expect(details).toMatchObject({ subIds: { sub1: 'early', sub2: 'x' }, country: 'DE', planId: 'gold' });
    }
  });

  it('are kept once: a report that says nothing new is not kept', () => {
    expect(merged(earlier, { ...earlier, receiptId: 'c', occurredAt: 9 }).facts.contributions).toHaveLength(
      1,
    );
  });

  it('of one instant go by the receipt', () => {
    const [a, b] = [
      { receiptId: 'a', occurredAt: 5, planId: 'first' },
      { receiptId: 'b', occurredAt: 5, planId: 'second' },
    ];
    expect(detailsOf(merged(b, a).facts.contributions).planId).toBe('first');
  });

  it('let a no stand over a yes', () => {
    expect(strictestConsent('granted', 'denied')).toBe('denied');
    expect(strictestConsent('denied', 'granted')).toBe('denied');
    expect(strictestConsent('unknown', 'granted')).toBe('granted');
    expect(strictestConsent('unknown', 'unknown')).toBe('unknown');
  });
});
