/** The frame of a definition: guards against defects, parsing of settings, names of outward events. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  type DestinationDefinition,
  defineDestination,
  delivered,
  forAll,
  outwardEvent,
  parseSettings,
  refused,
  retry,
} from './definition.ts';
import { SAMPLE_NOW, sampleDelivery } from './sample.ts';
import { eventOverrides, secret } from './settings.ts';

const settings = z.strictObject({ token: secret(), events: eventOverrides() });

function define(changes: Partial<DestinationDefinition<z.output<typeof settings>>> = {}) {
  return defineDestination<z.output<typeof settings>>({
    key: 'example',
    title: 'Example',
    api: { version: 'v1', docs: 'https://docs.example/' },
    settings,
    exampleSettings: { token: 'token-1' },
    events: { sale: 'Purchase' },
    unmappedEvents: 'withhold',
    confirmedBy: 'body',
    maxBatch: 2,
    maxAgeMs: null,
    dedupWindowMs: null,
    validate: () => [],
    buildRequest: () => ({ method: 'GET', url: 'https://h.example/', headers: {}, body: null }),
    judge: ({ deliveryCount }) => forAll(deliveryCount, delivered()),
    ...changes,
  });
}

const given = { token: 'token-1', events: {} };
const live = sampleDelivery('Purchase');
const test = sampleDelivery('Purchase', { isTest: true });

describe('defineDestination', () => {
  it.each([
    ['no deliveries', []],
    ['too many', [live, live, live]],
    ['test and live ones mixed', [live, test]],
  ])('throws at a request with %s', (_what, deliveries) => {
    expect(() => define().buildRequest({ deliveries, settings: given, now: SAMPLE_NOW })).toThrow('example');
  });

  it('throws at a test that the definition cannot mark', () => {
    const problem = { field: 'test', code: 'test_not_possible', message: 'no', source: 'docs' } as const;
    const definition = define({ validate: () => [problem] });
    const build = (delivery: typeof live) =>
      definition.buildRequest({ deliveries: [delivery], settings: given, now: SAMPLE_NOW });
    expect(() => build(test)).toThrow('example');
    expect(build(live).method).toBe('GET');
    expect(define().buildRequest({ deliveries: [test], settings: given, now: SAMPLE_NOW }).method).toBe(
      'GET',
    );
  });

  it('throws at a judgement that leaves out an event', () => {
    const response = { status: 200, headers: {}, body: '' };
    const judged = { response, deliveryCount: 2, settings: given, now: SAMPLE_NOW };
    expect(() => define({ judge: () => [delivered()] }).judge(judged)).toThrow('judged 1 of 2');
    expect(define().judge(judged)).toHaveLength(2);
  });
});

describe('parseSettings', () => {
  it('answers the settings with their defaults, or every problem with its path', () => {
    expect(parseSettings(define(), { token: 'token-1' })).toEqual({ ok: true, settings: given });
    const parsed = parseSettings(define(), { token: 'x', events: { sale: 5 }, tokn: 'y' });
    expect(parsed.ok ? [] : parsed.problems.map(({ path }) => path)).toEqual(['token', 'events.sale', '']);
    expect(parseSettings(define(), null).ok).toBe(false);
  });
});

describe('outwardEvent', () => {
  const renamed = { ...given, events: { renewal: 'Purchase', sale: 'Sold' } };

  it.each([
    [given, 'sale', 'Purchase'],
    [renamed, 'sale', 'Sold'],
    [renamed, 'renewal', 'Purchase'],
    [given, 'renewal', null],
    [given, 'constructor', null],
    [given, '__proto__', null],
  ])('%o names %s as %s', (from, eventType, event) => {
    expect(outwardEvent(define(), from, eventType)).toBe(event);
  });

  it('keeps our name where the definition says so', () => {
    expect(outwardEvent(define({ unmappedEvents: 'same_name' }), given, 'renewal')).toBe('renewal');
  });
});

describe('outcomes', () => {
  it('carry only what was said', () => {
    expect(retry('throttled')).toEqual({ outcome: 'retry', reason: 'throttled' });
    expect(retry('throttled', { detail: undefined, afterMs: null, splitBatch: false })).toEqual({
      outcome: 'retry',
      reason: 'throttled',
    });
    expect(retry('batch_refused', { detail: 'x', afterMs: 0, splitBatch: true })).toEqual({
      outcome: 'retry',
      reason: 'batch_refused',
      detail: 'x',
      afterMs: 0,
      splitBatch: true,
    });
    expect(refused('gone', 'destination')).toEqual({
      outcome: 'refused',
      reason: 'gone',
      scope: 'destination',
    });
    expect(refused('bad', 'event', 'x')).toEqual({
      outcome: 'refused',
      reason: 'bad',
      scope: 'event',
      detail: 'x',
    });
  });
});
