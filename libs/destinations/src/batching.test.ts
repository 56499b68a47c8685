/** Batching: what must not share a request is parted, and nothing is lost. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { batchesOf } from './batching.ts';
import { NO_PAGE } from './definition.fixture.ts';
import { defineDestination, delivered, forAll } from './definition.ts';
import { SAMPLE_NOW, sampleCorrection, sampleDelivery } from './sample.ts';
import { eventOverrides } from './settings.ts';

const settings = z.strictObject({ events: eventOverrides() });
const adjustment = {
  form: 'adjustment',
  tells: 'new_total',
  direction: 'any',
  maxAgeMs: null,
  source: 'https://docs.example/',
} as const;

/** Two to a request, each event to an address of its own, corrections to another. */
const definition = defineDestination<z.output<typeof settings>>({
  key: 'example',
  title: 'Example',
  api: { version: 'v1', docs: 'https://docs.example/' },
  page: NO_PAGE,
  settings,
  exampleSettings: {},
  events: {},
  unmappedEvents: 'same_name',
  confirmedBy: 'status',
  maxBatch: 2,
  maxBodyBytes: 0,
  maxAgeMs: () => null,
  dedupWindowMs: null,
  credential: null,
  batchKey: ({ event }) => event,
  amounts: () => ['revenue'],
  corrections: () => ({ restate: adjustment, retract: adjustment }),
  validate: () => [],
  buildRequest: () => ({ method: 'GET', url: 'https://h.example/', headers: {}, body: null }),
  judge: ({ deliveryCount }) => forAll(deliveryCount, delivered()),
});
const given = { events: {} };

describe('batchesOf', () => {
  it('parts what must not share a request, keeps the order and the limit', () => {
    const leads = Array.from({ length: 3 }, (_, index) => ({
      ...sampleDelivery('Lead'),
      deliveryId: `${index}`,
    }));
    const restated = sampleCorrection('restate', 'Lead');
    const live = sampleDelivery('Purchase');
    const test = sampleDelivery('Purchase', { isTest: true });
    const batches = batchesOf(definition, [live, ...leads, test, restated], given);
    expect(batches).toEqual([[live], leads.slice(0, 2), leads.slice(2), [test], [restated]]);
  });

  it('loses nothing and makes nothing that the guards refuse', () => {
    const any = fc.record({ event: fc.constantFrom('A', 'B'), isTest: fc.boolean(), kind: fc.boolean() });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 12 }), (drawn) => {
        const deliveries = drawn.map(({ event, isTest, kind }) =>
          kind ? sampleDelivery(event, { isTest }) : sampleCorrection('restate', event, null, { isTest }),
        );
        const batches = batchesOf(definition, deliveries, given);
        expect(batches.flat()).toHaveLength(deliveries.length);
        expect(new Set(batches.flat())).toEqual(new Set(deliveries));
        for (const batch of batches) {
          const input = { deliveries: batch, settings: given, accessToken: null, now: SAMPLE_NOW };
          expect(definition.buildRequest(input).method).toBe('GET');
        }
      }),
    );
  });
});
