/** The orders of a run: one for each conversion that stands as the run saw it, the same ids every time. */
import { decodeEvent } from '@tributary/contracts';
import type { PlannedOrder } from '@tributary/store';
import { expect, it } from 'vitest';
import { ordersOf } from './run-orders.ts';

const RUN = '019b7d00-0000-7000-8000-000000000004';
const BY = { runId: RUN, actor: 'key-1', reasonCode: 'rules_corrected', now: 1_767_409_445_000 };

function planned(changes: Partial<PlannedOrder> = {}): PlannedOrder {
  return {
    conversionId: 'c0ffee00-0000-8000-8000-000000000001',
    lane: 'acme-eu',
    advertiserId: 'acme',
    isTest: false,
    liveRevision: 3,
    currentRevision: 3,
    configurationVersion: 17,
    terms: '{"offerId":"shoes"}',
    clickId: null,
    ...changes,
  };
}

it('orders the terms for the revision that the run has seen', () => {
  const { records, decidedSince } = ordersOf([planned()], BY);
  const [record] = records;
  const decoded = decodeEvent('attribution.commanded.v1', record?.value ?? null);
  expect(decidedSince).toBe(0);
  expect(record).toMatchObject({ topic: 'attribution.commanded.v1', key: 'acme-eu' });
  expect(decoded).toMatchObject({
    ok: true,
    value: {
      command: 'reattribute',
      advertiserId: 'acme',
      runId: RUN,
      expectedRevision: 3,
      rules: '{"offerId":"shoes"}',
      model: null,
      clickId: null,
      actor: 'key-1',
      reasonCode: 'rules_corrected',
      configurationVersion: 17,
    },
  });
});

it('leaves what was decided again since', () => {
  const since = planned({ conversionId: 'c0ffee00-0000-8000-8000-000000000002', currentRevision: 4 });
  const { records, decidedSince } = ordersOf([planned(), since], BY);
  expect([records.length, decidedSince]).toEqual([1, 1]);
});

it('gives an order the same id every time, and each conversion and run one of its own', () => {
  const idOf = (order: PlannedOrder, runId = RUN) => {
    const [record] = ordersOf([order], { ...BY, runId, now: BY.now + 1 }).records;
    const decoded = decodeEvent('attribution.commanded.v1', record?.value ?? null);
    return decoded.ok ? decoded.value.commandId : null;
  };
  const other = planned({ conversionId: 'c0ffee00-0000-8000-8000-000000000002' });
  const ids = [idOf(planned()), idOf(planned()), idOf(other), idOf(planned(), other.conversionId)];
  expect(ids[0]).toBe(ids[1]);
  expect(new Set(ids).size).toBe(3);
});
