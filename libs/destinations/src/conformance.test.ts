/** The conformance suite over every registered definition, and over broken ones to prove that each rule bites. */
import { createHash } from 'node:crypto';
import { formatUnits, toMinorUnits } from '@tributary/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CONFORMANCE_RULES, type ConformanceRule, conformanceFailures } from './conformance.ts';
import { type Corrections, differenceOf, noCorrections } from './correction.ts';
import { type Credential, oauthRefresh } from './credential.ts';
import { NO_PAGE } from './definition.fixture.ts';
import {
  type DestinationDefinition,
  delivered,
  forAll,
  type OutwardDelivery,
  parseSettings,
  refused,
  retry,
  tokenExpired,
} from './definition.ts';
import { type FollowUp, pending } from './follow-up.ts';
import { DESTINATIONS, destinationFor } from './index.ts';
import { SAMPLE_NOW } from './sample.ts';
import { eventOverrides, secret } from './settings.ts';

describe('the registry', () => {
  it('finds each definition by its key, and nothing by any other', () => {
    expect(DESTINATIONS.map(({ key }) => key)).toEqual(expect.arrayContaining(['meta', 'partner-postback']));
    for (const definition of DESTINATIONS) expect(destinationFor(definition.key)).toBe(definition);
    expect(destinationFor('constructor')).toBeNull();
  });

  it('has one definition for each key, each with a version, a documentation page and a title', () => {
    expect(new Set(DESTINATIONS.map(({ key }) => key)).size).toBe(DESTINATIONS.length);
    for (const { key, title, api } of DESTINATIONS) {
      expect(key).toMatch(/^[a-z0-9-]+$/);
      expect([title, api.version, api.docs]).not.toContain('');
    }
  });
});

describe.each(DESTINATIONS.map((definition) => ({ name: definition.key, definition })))(
  '$name',
  ({ definition }) => {
    it('conforms', () => {
      expect(conformanceFailures(definition)).toEqual([]);
    });

    it('judges any response without throwing, and never a status that is no success as delivered', () => {
      const parsed = parseSettings(definition, definition.exampleSettings);
      if (!parsed.ok) throw new Error('the example does not parse');
      const json = fc.json({ maxDepth: 3 });
      const body = fc.oneof(fc.string({ unit: 'binary' }), json);
      const headers = fc.dictionary(fc.constantFrom('retry-after', 'content-type'), fc.string());
      const status = fc.integer({ min: 0, max: 999 }).filter((code) => code < 200 || code > 299);
      fc.assert(
        fc.property(
          status,
          headers,
          body,
          fc.integer({ min: 1, max: definition.maxBatch }),
          (code, head, text, count) => {
            const response = { status: code, headers: head, body: text };
            const outcomes = definition.judge({
              response,
              deliveryCount: count,
              isAdjustment: false,
              settings: parsed.settings,
              now: SAMPLE_NOW,
            });
            expect(outcomes).toHaveLength(count);
            expect(outcomes.some(({ outcome }) => outcome === 'delivered')).toBe(false);
          },
        ),
      );
    });
  },
);

const settings = z.strictObject({ token: secret(), events: eventOverrides() });
type Settings = z.output<typeof settings>;

/** A definition that conforms; each test breaks one thing of it. Not guarded by defineDestination, so that it can be. */
const sound: DestinationDefinition<Settings> = {
  key: 'example',
  title: 'Example',
  api: { version: 'v1', docs: 'https://docs.example/' },
  page: NO_PAGE,
  settings,
  exampleSettings: { token: 'token-1' },
  events: { sale: 'Purchase' },
  unmappedEvents: 'withhold',
  confirmedBy: 'body',
  maxBatch: 10,
  maxAgeMs: () => 1_000_000_000,
  dedupWindowMs: null,
  maxBodyBytes: 100_000,
  credential: null,
  batchKey: () => '',
  amounts: () => ['revenue'],
  corrections: () => noCorrections('no way to correct', 'https://docs.example/'),
  validate: ({ conversion: { occurredAt }, now }) =>
    now - occurredAt > 1_000_000_000
      ? [{ field: 'time', code: 'too_old', message: 'too old', source: 'https://docs.example/' }]
      : [],
  buildRequest: ({ deliveries, settings: { token } }) => ({
    method: 'POST',
    url: `https://h.example/?token=${encodeURIComponent(token)}`,
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(
      deliveries.map(({ deliveryId, conversion }) => ({
        id: deliveryId,
        email: conversion.subjectHashes['emailPlain'],
        ip: conversion.ipAddress,
        test: conversion.isTest,
      })),
    ),
  }),
  judge: ({ response: { status, body }, deliveryCount }) => {
    if (status >= 300 && status < 400)
      return forAll(deliveryCount, refused('redirect_not_followed', 'destination'));
    return forAll(
      deliveryCount,
      status === 200 && body === '{"taken":true}' ? delivered() : retry('unknown'),
    );
  },
};

/** The sound definition with its request changed. */
function building(
  change: (
    request: ReturnType<typeof sound.buildRequest>,
    input: Parameters<typeof sound.buildRequest>[0],
  ) => Partial<ReturnType<typeof sound.buildRequest>>,
): DestinationDefinition<Settings> {
  return {
    ...sound,
    buildRequest: (input) => {
      const request = sound.buildRequest(input);
      return { ...request, ...change(request, input) };
    },
  };
}

/** The sound definition sending several events, each to an address of its own. */
const parted: DestinationDefinition<Settings> = {
  ...building(({ url }, { deliveries: [first] }) => ({ url: `${url}&event=${first?.event}` })),
  events: { sale: 'Purchase', lead: 'Lead' },
  batchKey: ({ event }) => event,
};

/** The sound definition naming the person beside the events. */
const personal: DestinationDefinition<Settings> = {
  ...building(({ body }, { deliveries: [first] }) => ({
    body: JSON.stringify({ user: { id: first?.conversion.customerId }, events: JSON.parse(body ?? '') }),
  })),
  batchKey: ({ conversion: { customerId } }) => customerId ?? '',
};

const COMMON = {
  tells: 'new_total',
  direction: 'any',
  maxAgeMs: null,
  source: 'https://docs.example/',
} as const;
const ADJUSTMENT = { ...COMMON, form: 'adjustment' } as const;
const ADJUSTED: Corrections = { restate: ADJUSTMENT, retract: ADJUSTMENT };
const COUNTER_EVENT = { ...COMMON, form: 'counter_event', event: 'Refund', tells: 'difference' } as const;

/** The sound definition with an adjustment; `told` is what its request says. */
function adjusting(told: (delivery: OutwardDelivery) => unknown): DestinationDefinition<Settings> {
  return {
    ...building((request, { deliveries: [first] }) =>
      first?.correction ? { url: 'https://h.example/adjust', body: JSON.stringify(told(first)) } : request,
    ),
    corrections: () => ADJUSTED,
  };
}

const adjusted = adjusting(({ correction }) => ({
  of: correction?.deliveredAs.deliveryId,
  value: formatUnits(correction?.now.revenue?.micros ?? 0n),
}));

/** The sound definition with a counter-event, in cents. */
const countered: DestinationDefinition<Settings> = {
  ...building(({ body }, { deliveries: [first] }) => {
    const change = first?.correction ? differenceOf(first.correction, 'revenue') : null;
    return { body: change === null ? body : `${body} ${toMinorUnits(change)}` };
  }),
  corrections: () => ({ restate: COUNTER_EVENT, retract: COUNTER_EVENT }),
};

const refresh = oauthRefresh<Settings>({
  tokenUrl: () => 'https://login.example/token',
  grant: ({ token }) => ({ clientId: 'client-1', clientSecret: token, refreshToken: token }),
  defaultLifetimeMs: 3_600_000,
});

/** The sound definition with a fetched token; `changes` break the exchange. */
function exchanging(changes: Partial<Credential<Settings>> = {}): DestinationDefinition<Settings> {
  return {
    ...building((_request, { accessToken }) => ({
      headers: { authorization: `Bearer ${accessToken}` },
      // What defineDestination adds.
      derivedSecrets: [accessToken ?? ''],
    })),
    credential: { ...refresh, ...changes },
    judge: (input) =>
      input.response.status === 401 ? forAll(input.deliveryCount, tokenExpired()) : sound.judge(input),
  };
}

function question(url: string) {
  return { method: 'GET', url, headers: {}, body: null } as const;
}

/** The sound definition whose platform is asked later; `changes` break its follow-up. */
function followed(changes: Partial<FollowUp<Settings>>): DestinationDefinition<Settings> {
  const followUp: FollowUp<Settings> = {
    requestIdOf: ({ response: { body } }) => /^id (\w+)$/.exec(body)?.[1] ?? null,
    firstAfterMs: 1,
    lastAfterMs: 1,
    buildRequest: ({ requestId }) => question(`https://h.example/${encodeURIComponent(requestId)}`),
    judge: ({ response: { body }, deliveryCount }) =>
      body === 'done'
        ? { answer: 'settled', groups: [{ count: deliveryCount, outcome: delivered() }] }
        : pending('processing'),
    ...changes,
  };
  return { ...sound, followUp };
}

const broken: readonly (readonly [ConformanceRule, string, DestinationDefinition<Settings>])[] = [
  ['example_parses', 'example settings without token', { ...sound, exampleSettings: {} }],
  [
    'sample_is_valid',
    'a rule nobody can meet',
    { ...sound, validate: () => [{ field: 'x', code: 'field_missing', message: 'never', source: 'x' }] },
  ],
  ['old_is_refused', 'no rule of age', { ...sound, validate: () => [] }],
  [
    'test_is_marked',
    'tests sent like sales',
    building(({ body }) => ({ body: body?.replaceAll('"test":true', '"test":false') ?? null })),
  ],
  [
    'request_is_sound',
    'a host from a sub-id',
    building((_request, { deliveries: [first] }) => ({
      url: `https://${first?.conversion.click?.subIds['sub1'] === 'newsletter' ? 'h' : 'evil'}.example/`,
    })),
  ],
  [
    'request_is_sound',
    'a header from a user agent',
    building(({ headers }, { deliveries: [first] }) => ({
      headers: { ...headers, 'x-agent': first?.conversion.userAgent ?? '' },
    })),
  ],
  ['request_is_sound', 'credentials in the URL', building(() => ({ url: 'https://a:b@h.example/' }))],
  ['request_is_sound', 'a GET with a body', building(() => ({ method: 'GET' }))],
  ['request_is_sound', 'a URL that is none', building(() => ({ url: 'h.example' }))],
  [
    'secrets_are_hidden',
    'a token in base64',
    building(({ headers }, { settings: { token } }) => ({
      headers: { ...headers, 'x-basic': Buffer.from(`user:${token}`).toString('base64') },
    })),
  ],
  [
    'person_is_hidden',
    'an address in base64',
    building(({ headers }, { deliveries: [first] }) => ({
      headers: {
        ...headers,
        'x-client': Buffer.from(`ip=${first?.conversion.ipAddress}`).toString('base64'),
      },
    })),
  ],
  [
    'id_is_stable',
    'an id per attempt',
    building(({ body }, { now }) => ({
      body: body?.replaceAll('"id":"', `"id":"${now}`).replaceAll('-', '') ?? null,
    })),
  ],
  [
    'hashed_once',
    'a hash of a hash',
    building(({ body }, { deliveries: [first] }) => {
      const hash = first?.conversion.subjectHashes['emailPlain'] ?? '';
      return { body: `${body} ${createHash('sha256').update(hash).digest('hex')}` };
    }),
  ],
  [
    'unknown_is_not_delivered',
    'any 200 taken for success',
    {
      ...sound,
      judge: (input) =>
        input.response.status === 200 ? forAll(input.deliveryCount, delivered()) : sound.judge(input),
    },
  ],
  [
    'redirect_is_refused',
    'redirects tried again',
    { ...sound, judge: ({ deliveryCount }) => forAll(deliveryCount, retry('unknown')) },
  ],
  ['every_event_is_judged', 'one outcome for all', { ...sound, judge: () => [refused('unknown', 'event')] }],
  ['batch_key_parts', 'one address for events that have their own', { ...parted, batchKey: () => '' }],
  ['batch_key_parts', 'one person for all', { ...personal, batchKey: () => '' }],
  [
    'secrets_are_hidden',
    'an access token in base64',
    {
      ...exchanging(),
      buildRequest: (input) => ({
        ...sound.buildRequest(input),
        headers: { 'x-token': Buffer.from(input.accessToken ?? '').toString('base64') },
      }),
    },
  ],
  [
    'corrections_are_sound',
    'impossible without a reason',
    { ...sound, corrections: () => noCorrections('', 'https://docs.example/') },
  ],
  ['corrections_are_sound', 'no source', { ...sound, corrections: () => noCorrections('no way', ' ') }],
  [
    'corrections_are_sound',
    'a builder that throws',
    adjusting(() => {
      throw new Error('not built');
    }),
  ],
  [
    'corrections_are_sound',
    'an adjustment of no event',
    adjusting(({ correction }) => ({ value: formatUnits(correction?.now.revenue?.micros ?? 0n) })),
  ],
  [
    'corrections_are_sound',
    'an adjustment to the old value',
    adjusting(({ correction }) => ({
      of: correction?.deliveredAs.deliveryId,
      value: formatUnits(correction?.held.revenue?.micros ?? 0n),
    })),
  ],
  [
    'corrections_are_sound',
    'a counter-event of the new total',
    {
      ...countered,
      buildRequest: (input) => ({
        ...sound.buildRequest(input),
        body: input.deliveries
          .map(({ deliveryId, correction }) => `${deliveryId} ${correction?.now.revenue?.micros ?? 0n}`)
          .join(),
      }),
    },
  ],
  [
    'corrections_are_sound',
    'a restatement of nothing',
    { ...adjusted, corrections: () => ({ ...ADJUSTED, restate: { ...ADJUSTMENT, tells: 'nothing' } }) },
  ],
  [
    'id_is_stable',
    'a counter-event without an id',
    {
      ...countered,
      buildRequest: (input) => {
        const request = countered.buildRequest(input);
        const [first] = input.deliveries;
        if (!first?.correction) return request;
        const { deliveryId, correction } = first;
        return {
          ...request,
          body: request.body?.replace(deliveryId, correction.deliveredAs.deliveryId) ?? null,
        };
      },
    },
  ],
  ['credential_is_sound', 'an example without need', exchanging({ isNeeded: () => false })],
  [
    'credential_is_sound',
    'a secret in the URL',
    exchanging({
      buildRequest: (input) => ({
        ...refresh.buildRequest(input),
        url: `https://login.example/?s=${encodeURIComponent(input.settings.token)}`,
      }),
    }),
  ],
  [
    'credential_is_sound',
    'an exchange in clear',
    exchanging({
      buildRequest: (input) => ({ ...refresh.buildRequest(input), url: 'http://login.example/' }),
    }),
  ],
  [
    'credential_is_sound',
    'any reply taken for a token',
    exchanging({ judge: ({ now }) => ({ outcome: 'granted', accessToken: 'token-1', expiresAt: now + 1 }) }),
  ],
  [
    'credential_is_sound',
    'a token that has ended',
    exchanging({
      judge: (input) => {
        const outcome = refresh.judge(input);
        return outcome.outcome === 'granted' ? { ...outcome, expiresAt: input.now } : outcome;
      },
    }),
  ],
  ['credential_is_sound', 'a token that is not sent', { ...exchanging(), buildRequest: sound.buildRequest }],
  ['credential_is_sound', 'a 401 that keeps the token', { ...exchanging(), judge: sound.judge }],
  [
    'follow_up_is_sound',
    'a question to another',
    followed({ buildRequest: () => question('https://o.example/') }),
  ],
  [
    'follow_up_is_sound',
    'a question about nothing',
    followed({ buildRequest: () => question('https://h.example/') }),
  ],
  [
    'follow_up_is_sound',
    'an id taken for an address',
    followed({
      buildRequest: ({ requestId }) => question(new URL(requestId, 'https://h.example/').href),
    }),
  ],
  [
    'follow_up_is_sound',
    'a secret in another shape',
    followed({
      buildRequest: ({ requestId, settings: { token } }) => ({
        ...question(`https://h.example/${encodeURIComponent(requestId)}`),
        headers: { 'x-token': token.replaceAll('/', '~') },
      }),
    }),
  ],
  ['follow_up_is_sound', 'a question that is never asked', followed({ lastAfterMs: 0 })],
  [
    'follow_up_is_sound',
    'any answer taken for settled',
    followed({ judge: () => ({ answer: 'settled', groups: [{ count: 1, outcome: delivered() }] }) }),
  ],
  ['follow_up_is_sound', 'a question about a refusal', followed({ requestIdOf: () => 'request-1' })],
  ['follow_up_is_sound', 'a 401 that keeps the token', { ...followed({}), ...exchanging() }],
  [
    'every_event_is_judged',
    'a body that breaks the parser',
    {
      ...sound,
      judge: ({ response: { body }, deliveryCount }) =>
        forAll(
          deliveryCount,
          JSON.parse(body) === null ? refused('null', 'event') : refused('other', 'event'),
        ),
    },
  ],
];

describe('conformanceFailures', () => {
  it.each([
    ['the plain one', sound],
    ['one of several addresses', parted],
    ['one of a person for each request', personal],
    ['one that adjusts', adjusted],
    ['one with counter-events', countered],
    ['one with a fetched token', exchanging()],
    ['one that is asked later', followed({})],
  ])('finds nothing wrong with a sound definition: %s', (_what, definition) => {
    expect(conformanceFailures(definition)).toEqual([]);
  });

  it.each(broken.filter(([rule]) => rule !== 'person_is_hidden'))(
    '%s catches %s',
    (rule, _what, definition) => {
      expect(conformanceFailures(definition).map((failure) => failure.rule)).toContain(rule);
    },
  );

  it('has a broken definition for every rule', () => {
    expect(CONFORMANCE_RULES.filter((rule) => !broken.some(([of]) => of === rule))).toEqual([]);
  });
});
