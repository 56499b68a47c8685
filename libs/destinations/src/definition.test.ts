/** The frame of a definition: guards against defects, parsing of settings, names of outward events. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type CorrectionForm, noCorrections } from './correction.ts';
import type { Credential } from './credential.ts';
import { NO_PAGE } from './definition.fixture.ts';
import {
  type DestinationDefinition,
  defineDestination,
  delivered,
  forAll,
  type OutwardDelivery,
  outwardEvent,
  parseSettings,
  planCorrection,
  refused,
  retry,
  tokenExpired,
} from './definition.ts';
import type { FollowUp, FollowUpGroup } from './follow-up.ts';
import { SAMPLE_NOW, sampleCorrection, sampleDelivery } from './sample.ts';
import { eventOverrides, secret } from './settings.ts';

const settings = z.strictObject({ token: secret(), events: eventOverrides() });

function define(changes: Partial<DestinationDefinition<z.output<typeof settings>>> = {}) {
  return defineDestination<z.output<typeof settings>>({
    key: 'example',
    title: 'Example',
    api: { version: 'v1', docs: 'https://docs.example/' },
    page: NO_PAGE,
    settings,
    exampleSettings: { token: 'token-1' },
    events: { sale: 'Purchase' },
    unmappedEvents: 'withhold',
    confirmedBy: 'body',
    maxBatch: 2,
    maxAgeMs: () => null,
    dedupWindowMs: null,
    maxBodyBytes: 100,
    credential: null,
    batchKey: () => '',
    amounts: () => ['revenue'],
    corrections: () => noCorrections('no way', 'https://docs.example/'),
    validate: () => [],
    buildRequest: () => ({ method: 'GET', url: 'https://h.example/', headers: {}, body: null }),
    judge: ({ deliveryCount }) => forAll(deliveryCount, delivered()),
    ...changes,
  });
}

const REQUEST = { method: 'POST', url: 'https://h.example/', headers: {}, body: null } as const;
const COMMON = {
  tells: 'difference',
  direction: 'any',
  maxAgeMs: null,
  source: 'https://docs.example/',
} as const;
const ADJUSTMENT = { ...COMMON, form: 'adjustment' } as const;
const ADJUSTED = { restate: ADJUSTMENT, retract: ADJUSTMENT };
const COUNTER_EVENT = { ...COMMON, form: 'counter_event', event: 'refund' } as const;
const COUNTERED = { restate: COUNTER_EVENT, retract: COUNTER_EVENT };
const HOUR_MS = 3_600_000;

const given = { token: 'token-1', events: {} };
const live = sampleDelivery('Purchase');
const test = sampleDelivery('Purchase', { isTest: true });

describe('defineDestination', () => {
  it.each([
    ['no deliveries', []],
    ['too many', [live, live, live]],
    ['test and live ones mixed', [live, test]],
  ])('throws at a request with %s', (_what, deliveries) => {
    expect(() =>
      define().buildRequest({ deliveries, settings: given, accessToken: null, now: SAMPLE_NOW }),
    ).toThrow('example');
  });

  it('throws at a test that the definition cannot mark', () => {
    const problem = { field: 'test', code: 'test_not_possible', message: 'no', source: 'docs' } as const;
    const definition = define({ validate: () => [problem] });
    const build = (delivery: typeof live) =>
      definition.buildRequest({
        deliveries: [delivery],
        settings: given,
        accessToken: null,
        now: SAMPLE_NOW,
      });
    expect(() => build(test)).toThrow('example');
    expect(build(live).method).toBe('GET');
    expect(
      define().buildRequest({ deliveries: [test], settings: given, accessToken: null, now: SAMPLE_NOW })
        .method,
    ).toBe('GET');
  });

  it.each([
    [
      'keys of their own',
      { batchKey: ({ event }: OutwardDelivery) => event },
      [live, sampleDelivery('Lead')],
    ],
    [
      'events beside adjustments',
      { corrections: () => ADJUSTED },
      [live, sampleCorrection('restate', 'Lead')],
    ],
    ['a correction nobody takes', {}, [sampleCorrection('retract', 'Purchase')]],
    [
      'a counter-event under another name',
      { corrections: () => COUNTERED },
      [sampleCorrection('retract', 'Purchase')],
    ],
    [
      'a body that is too large',
      { maxBodyBytes: 2, buildRequest: () => ({ ...REQUEST, body: 'é!' }) },
      [live],
    ],
  ])('throws at a request with %s', (_what, changes, deliveries) => {
    const input = { deliveries, settings: given, accessToken: null, now: SAMPLE_NOW };
    expect(() => define(changes).buildRequest(input)).toThrow('example');
  });

  it('lets through what holds to all of it', () => {
    const build = (changes: Partial<DestinationDefinition<typeof given>>, deliveries: OutwardDelivery[]) =>
      define(changes).buildRequest({ deliveries, settings: given, accessToken: null, now: SAMPLE_NOW }).body;
    expect(build({ batchKey: ({ event }) => event }, [live, live])).toBeNull();
    expect(build({ corrections: () => ADJUSTED }, [sampleCorrection('restate', 'Lead')])).toBeNull();
    expect(
      build({ corrections: () => COUNTERED }, [live, sampleCorrection('retract', 'Lead', 'refund')]),
    ).toBeNull();
    expect(build({ maxBodyBytes: 3, buildRequest: () => ({ ...REQUEST, body: 'é!' }) }, [live])).toBe('é!');
  });

  it('needs the access token where there is a credential, and hides it', () => {
    const credential: Credential<typeof given> = {
      isNeeded: ({ token }) => token === 'token-1',
      buildRequest: () => REQUEST,
      judge: () => ({ outcome: 'retry', reason: 'x' }),
    };
    const build = (accessToken: string | null, token = 'token-1') =>
      define({ credential, buildRequest: () => ({ ...REQUEST, derivedSecrets: ['own'] }) }).buildRequest({
        deliveries: [live],
        settings: { ...given, token },
        accessToken,
        now: SAMPLE_NOW,
      });
    expect(() => build(null)).toThrow('access token');
    expect(build(null, 'token-2').derivedSecrets).toEqual(['own']);
    expect(build('fetched').derivedSecrets).toEqual(['own', 'fetched']);
  });

  it('throws at a judgement that leaves out an event', () => {
    const response = { status: 200, headers: {}, body: '' };
    const judged = { response, deliveryCount: 2, isAdjustment: false, settings: given, now: SAMPLE_NOW };
    expect(() => define({ judge: () => [delivered()] }).judge(judged)).toThrow('judged 1 of 2');
    expect(define().judge(judged)).toHaveLength(2);
  });

  describe('with a follow-up', () => {
    const followUp = (groups: readonly FollowUpGroup[]): FollowUp<typeof given> => ({
      requestIdOf: () => 'request-1',
      firstAfterMs: 1,
      lastAfterMs: 1,
      buildRequest: () => REQUEST,
      judge: () => ({ answer: 'settled', groups }),
    });
    const asked = { requestId: 'request-1', settings: given, now: SAMPLE_NOW };
    const response = { status: 200, headers: {}, body: '' };
    const judged = { response, deliveryCount: 2, isAdjustment: false, settings: given, now: SAMPLE_NOW };

    it('throws at an answer that leaves out an event', () => {
      const answer = (count: number) =>
        define({ followUp: followUp([{ count, outcome: delivered() }]) }).followUp?.judge(judged);
      expect(() => answer(1)).toThrow('1 of 2');
      expect(answer(2)).toMatchObject({ answer: 'settled' });
      expect(define().followUp).toBeUndefined();
    });

    it('needs the access token where there is a credential, and hides it', () => {
      const credential: Credential<typeof given> = {
        isNeeded: () => true,
        buildRequest: () => REQUEST,
        judge: () => ({ outcome: 'retry', reason: 'x' }),
      };
      const ask = (accessToken: string | null) =>
        define({ credential, followUp: followUp([]) }).followUp?.buildRequest({ ...asked, accessToken });
      expect(() => ask(null)).toThrow('access token');
      expect(ask('fetched')?.derivedSecrets).toEqual(['fetched']);
    });
  });
});

describe('planCorrection', () => {
  const ofForm = (form: CorrectionForm, maxAgeMs: number | null = null) =>
    define({ corrections: () => ({ restate: form, retract: form }), maxAgeMs: () => maxAgeMs });
  const decided = sampleCorrection('retract', 'Purchase');
  const { conversion, correction } = decided;
  if (correction === null) throw new Error('a correction was expected');

  // It occurred an hour ago and was corrected ten minutes ago.
  it.each<[string, ReturnType<typeof define>, string]>([
    ['a form without an age', ofForm(ADJUSTMENT), 'Purchase'],
    ['an adjustment in time', ofForm({ ...ADJUSTMENT, maxAgeMs: HOUR_MS }), 'Purchase'],
    ['an adjustment too late', ofForm({ ...ADJUSTMENT, maxAgeMs: HOUR_MS - 1 }), 'correction_too_old'],
    ['an adjustment past the age of events', ofForm(ADJUSTMENT, 1), 'Purchase'],
    ['a counter-event in time', ofForm(COUNTER_EVENT, HOUR_MS / 6), 'refund'],
    ['a counter-event past the age of events', ofForm(COUNTER_EVENT, HOUR_MS / 6 - 1), 'correction_too_old'],
    ['no form', define(), 'correction_not_taken'],
  ])('%s', (_what, definition, expected) => {
    const plan = planCorrection(definition, given, { conversion, correction }, SAMPLE_NOW);
    expect(plan.possible ? plan.event : plan.obstacle).toBe(expected);
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
    expect(tokenExpired()).toEqual({ outcome: 'retry', reason: 'token_expired' });
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
