/** What every destination definition must hold to, checked without a network; it runs on each registered one. */
import { createHash } from 'node:crypto';
import { type AttemptOutcome, formatUnits, hashSubject, type OutwardConversion } from '@tributary/domain';
import { CORRECTION_KINDS, type CorrectionForm, type CorrectionKind, differenceOf } from './correction.ts';
import {
  type DestinationDefinition,
  type DestinationSettings,
  envelopeOf,
  type OutwardDelivery,
  parseSettings,
  TOKEN_EXPIRED,
} from './definition.ts';
import type { FollowUp } from './follow-up.ts';
import { parseJson } from './json-text.ts';
import type { OutwardRequest, OutwardResponse } from './outward-request.ts';
import { attemptRedactor, recordOutcome, recordRequest, recordResponse, settingsRedactor } from './redact.ts';
import { SAMPLE_NOW, sampleConversion, sampleCorrection, sampleDelivery } from './sample.ts';
import { mapSecrets } from './settings.ts';

/** The rules; what each asks is said at its check. */
export const CONFORMANCE_RULES = [
  'example_parses',
  'sample_is_valid',
  'old_is_refused',
  'test_is_marked',
  'request_is_sound',
  'secrets_are_hidden',
  'person_is_hidden',
  'id_is_stable',
  'hashed_once',
  'unknown_is_not_delivered',
  'redirect_is_refused',
  'every_event_is_judged',
  'batch_key_parts',
  'corrections_are_sound',
  'credential_is_sound',
  'follow_up_is_sound',
] as const;
export type ConformanceRule = (typeof CONFORMANCE_RULES)[number];

export interface ConformanceFailure {
  readonly rule: ConformanceRule;
  readonly message: string;
}

/** A definition with its example settings, every secret in them replaced by a canary. */
interface Examined {
  readonly definition: DestinationDefinition;
  readonly settings: DestinationSettings;
  readonly events: readonly string[];
}

type Check = (examined: Examined) => string[];

const CHECKS: Readonly<Record<Exclude<ConformanceRule, 'example_parses'>, Check>> = {
  sample_is_valid: sampleIsValid,
  old_is_refused: oldIsRefused,
  test_is_marked: testIsMarked,
  request_is_sound: requestIsSound,
  secrets_are_hidden: secretsAreHidden,
  person_is_hidden: personIsHidden,
  id_is_stable: idIsStable,
  hashed_once: hashedOnce,
  unknown_is_not_delivered: unknownIsNotDelivered,
  redirect_is_refused: redirectIsRefused,
  every_event_is_judged: everyEventIsJudged,
  batch_key_parts: batchKeyParts,
  corrections_are_sound: correctionsAreSound,
  credential_is_sound: credentialIsSound,
  follow_up_is_sound: followUpIsSound,
};

/** Every rule that the definition breaks; empty when it conforms. A check that throws counts as broken. */
export function conformanceFailures(definition: DestinationDefinition): ConformanceFailure[] {
  const raw = mapSecrets(definition.settings, definition.exampleSettings, () => CANARY);
  const parsed = parseSettings(definition, raw);
  if (!parsed.ok) {
    return parsed.problems.map(({ path, message }) => ({
      rule: 'example_parses',
      message: `${path}: ${message}`,
    }));
  }
  const named = [...Object.values(definition.events), ...Object.values(parsed.settings.events)];
  const events = definition.unmappedEvents === 'same_name' ? [...named, 'sale'] : named;
  const examined = { definition, settings: parsed.settings, events: [...new Set(events)] };
  return CONFORMANCE_RULES.flatMap((rule) => {
    if (rule === 'example_parses') return [];
    return messagesOf(CHECKS[rule], examined).map((message) => ({ rule, message }));
  });
}

function messagesOf(check: Check, examined: Examined): string[] {
  try {
    return check(examined);
  } catch (error) {
    return [`threw ${String(error)}`];
  }
}

/** No encoding of text changes letters and digits, so a leak shows by the core; the rest is what encoders stumble over. */
const CANARY_CORE = 'cAn4ryS3cret';
/** An access token is printable without spaces. */
const CANARY_TOKEN = `${CANARY_CORE}.token`;
/** As long as the secrets of signatures must be. */
const CANARY = `${CANARY_CORE}-${CANARY_CORE}/+=&%"'<>\\`;

/** The sample conversion may be sent as every event that the definition names. */
function sampleIsValid({ definition, settings, events }: Examined): string[] {
  return events.flatMap((event) => {
    const problems = definition.validate({
      conversion: sampleConversion(),
      event,
      settings,
      now: SAMPLE_NOW,
    });
    return problems.map(({ field, message }) => `${event}: ${field}: ${message}`);
  });
}

/** A conversion older than `maxAgeMs` is not valid. */
function oldIsRefused({ definition, settings, events }: Examined): string[] {
  const maxAgeMs = definition.maxAgeMs(settings);
  if (maxAgeMs === null) return [];
  const conversion = sampleConversion({ occurredAt: SAMPLE_NOW - maxAgeMs - 1 });
  return events.filter((event) => {
    const problems = definition.validate({ conversion, event, settings, now: SAMPLE_NOW });
    return !problems.some(({ code }) => code === 'too_old');
  });
}

/** A test conversion is either not valid or sent differently from a live one. */
function testIsMarked({ definition, settings, events }: Examined): string[] {
  return events.filter((event) => {
    const test = sampleDelivery(event, { isTest: true });
    const problems = definition.validate({ conversion: test.conversion, event, settings, now: SAMPLE_NOW });
    if (problems.length > 0) return false;
    const build = (delivery: OutwardDelivery) => textOf(requestOf({ definition, settings }, [delivery]));
    return build(test) === build(sampleDelivery(event));
  });
}

/** Whatever a conversion holds, the request stays on one origin, its headers are legal and a GET has no body. */
function requestIsSound(examined: Examined): string[] {
  const origins = new Set<string>();
  const messages = [{}, hostileChanges()].flatMap((changes) =>
    builtRequests(examined, changes).flatMap(({ request }) => {
      const { origin, username, password } = new URL(request.url);
      origins.add(origin);
      return [
        ...(username + password === '' ? [] : ['credentials in the URL']),
        ...(request.method === 'GET' && request.body !== null ? ['a GET with a body'] : []),
        ...illegalHeaders(request).map((name) => `illegal header ${JSON.stringify(name)}`),
      ];
    }),
  );
  return origins.size > 1 ? [...messages, `several origins: ${[...origins].join(', ')}`] : messages;
}

function illegalHeaders({ headers }: OutwardRequest): string[] {
  return Object.entries(headers)
    .filter(([name, value]) => !/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) || !/^[\t\x20-\x7e]*$/.test(value))
    .map(([name]) => name);
}

/** No record of a request, response or outcome holds a secret of the settings in any encoding. */
function secretsAreHidden(examined: Examined): string[] {
  return leaks(examined, {}, [CANARY_CORE, ...base64Traces(CANARY_CORE)]);
}

/** No record of a request, response or outcome holds an IP address in clear or in an encoding. */
function personIsHidden(examined: Examined): string[] {
  return ['203.0.113.77', '2001:db8::77'].flatMap((ipAddress) =>
    leaks(examined, { ipAddress }, [ipAddress, encodeURIComponent(ipAddress), ...base64Traces(ipAddress)]),
  );
}

function leaks(examined: Examined, changes: Partial<OutwardConversion>, traces: readonly string[]): string[] {
  const hideSecrets = settingsRedactor(examined.definition, examined.settings);
  return builtRequests(examined, changes).flatMap(({ request, deliveries }) => {
    const hide = attemptRedactor(request, deliveries, hideSecrets);
    const echo = `${textOf(request)} ${JSON.stringify(request)}`;
    const response = recordResponse({ status: 400, headers: { 'x-echo': echo }, body: echo }, hide);
    const records = {
      request: textOf(recordRequest(request, hide)),
      response: [...Object.values(response.headers), response.body].join('\n'),
      outcome: JSON.stringify(recordOutcome({ outcome: 'retry', reason: 'echo', detail: echo }, hide)),
    };
    return Object.entries(records)
      .filter(([, text]) => traces.some((trace) => text.includes(trace)))
      .map(([record]) => `the record of the ${record} shows it`);
  });
}

/** What base64 makes of a text, whatever stands before and after it: its inner digits for each of the three offsets. */
function base64Traces(text: string): string[] {
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.from(' '.repeat(offset) + text).toString('base64');
    return encoded.replace(/=+$/, '').slice(offset === 0 ? 0 : 4, -2);
  });
}

/** Every attempt carries the same delivery id, whenever it is made; adjustments may name the earlier event alone. */
function idIsStable(examined: Examined): string[] {
  return [SAMPLE_NOW, SAMPLE_NOW + 36_000].flatMap((now) =>
    builtRequests(examined, {}, now).flatMap(({ request, deliveries, isAdjustment }) =>
      deliveries
        .filter(({ deliveryId }) => !isAdjustment && !textOf(request).includes(deliveryId))
        .map(({ event }) => `${event} is sent without its delivery id`),
    ),
  );
}

/** Subject hashes are sent as they are and never hashed again. */
function hashedOnce(examined: Examined): string[] {
  return builtRequests(examined, {}).flatMap(({ request, deliveries }) => {
    const hashes = deliveries.flatMap(({ conversion }) => Object.entries(conversion.subjectHashes));
    const text = textOf(request).toLowerCase();
    return hashes
      .filter(([, hash]) => text.includes(createHash('sha256').update(hash).digest('hex')))
      .map(([form]) => `${form} is hashed twice`);
  });
}

const HTML = '<!doctype html><html><body>It works!</body></html>';
const UNPROMISED_BODIES: readonly string[] = [
  '',
  HTML,
  'OK',
  'null',
  'true',
  '0',
  '"success"',
  '[]',
  '{}',
  '{"unexpected":true}',
  '{"error":{}}',
  '{"data":null',
];
const UNPROMISED_STATUSES: readonly number[] = [
  0, 100, 400, 401, 404, 409, 413, 418, 422, 429, 500, 502, 503, 599, 600,
];

/** A response that the platform never promised is not taken for a delivery. */
function unknownIsNotDelivered({ definition, settings }: Examined): string[] {
  const statuses =
    definition.confirmedBy === 'body' ? [200, 202, ...UNPROMISED_STATUSES] : UNPROMISED_STATUSES;
  const responses = statuses.flatMap((status) =>
    UNPROMISED_BODIES.map((body) => ({ status, headers: {}, body })),
  );
  return responses
    .filter((response) =>
      judgements({ definition, settings }, response)
        .flat()
        .some(({ outcome }) => outcome === 'delivered'),
    )
    .map(({ status, body }) => `${status} ${JSON.stringify(body)} passes for delivered`);
}

/** A redirect is refused: following one would hand the payload to whoever it names. */
function redirectIsRefused({ definition, settings }: Examined): string[] {
  return [301, 302, 303, 307, 308].flatMap((status) => {
    const response = { status, headers: { location: 'https://other.example/' }, body: HTML };
    const outcomes = judgements({ definition, settings }, response).flat();
    return outcomes.every(({ outcome }) => outcome === 'refused') ? [] : [`${status} is not refused`];
  });
}

/** Every event of a request gets one outcome, whatever the response. */
function everyEventIsJudged({ definition, settings }: Examined): string[] {
  const counts = [...new Set([1, Math.min(2, definition.maxBatch), definition.maxBatch])];
  return counts.flatMap((count) =>
    [200, 400, 500].flatMap((status) =>
      UNPROMISED_BODIES.flatMap((body) => {
        const judged = judgements({ definition, settings }, { status, headers: {}, body }, count);
        return judged
          .filter(({ length }) => length !== count)
          .map(({ length }) => `${status} ${JSON.stringify(body)}: ${length} outcomes for ${count} events`);
      }),
    ),
  );
}

/** What is made of a response to events, and of one to adjustments. */
function judgements(
  { definition, settings }: Pick<Examined, 'definition' | 'settings'>,
  response: OutwardResponse,
  deliveryCount = 1,
): (readonly AttemptOutcome[])[] {
  return [false, true].map((isAdjustment) =>
    definition.judge({ response, deliveryCount, isAdjustment, settings, now: SAMPLE_NOW }),
  );
}

interface BuiltRequest {
  readonly request: OutwardRequest;
  readonly deliveries: readonly OutwardDelivery[];
  readonly isAdjustment: boolean;
}

/** One request for each event alone, as many of the events as may share one, and each correction that is possible. */
function builtRequests(
  examined: Examined,
  changes: Partial<OutwardConversion>,
  now = SAMPLE_NOW,
): BuiltRequest[] {
  const { definition, settings, events } = examined;
  const deliveries = events.map((event) => sampleDelivery(event, changes));
  const together = Map.groupBy(deliveries, (delivery) => envelopeOf(definition, delivery, settings));
  const batches = [
    ...deliveries.map((delivery) => [delivery]),
    ...[...together.values()].map((alike) => alike.slice(0, definition.maxBatch)),
  ].map((batch) => ({ batch, isAdjustment: false }));
  const corrections = possibleCorrections(examined, changes).map(({ delivery, form }) => ({
    batch: [delivery],
    isAdjustment: form.form === 'adjustment',
  }));
  return [...batches, ...corrections].map(({ batch, isAdjustment }) => ({
    request: requestOf(examined, batch, now),
    deliveries: batch,
    isAdjustment,
  }));
}

function requestOf(
  { definition, settings }: Pick<Examined, 'definition' | 'settings'>,
  deliveries: readonly OutwardDelivery[],
  now = SAMPLE_NOW,
  accessToken = CANARY_TOKEN,
): OutwardRequest {
  const isNeeded = definition.credential?.isNeeded(settings) === true;
  return definition.buildRequest({ deliveries, settings, accessToken: isNeeded ? accessToken : null, now });
}

type PossibleForm = Exclude<CorrectionForm, { readonly form: 'impossible' }>;

function possibleCorrections(
  { definition, settings, events }: Examined,
  changes: Partial<OutwardConversion> = {},
): { readonly kind: CorrectionKind; readonly form: PossibleForm; readonly delivery: OutwardDelivery }[] {
  return events.flatMap((event) =>
    CORRECTION_KINDS.flatMap((kind) => {
      const form = definition.corrections(settings, event)[kind];
      if (form.form === 'impossible') return [];
      const sentAs = form.form === 'counter_event' ? form.event : null;
      return [{ kind, form, delivery: sampleCorrection(kind, event, sentAs, changes) }];
    }),
  );
}

/**
 * Deliveries that share a request say nothing in it about each other: what stands outside of the events is the same as in a
 * request of its own. Otherwise one person would be sent another's sale, or a sale would reach another's account.
 */
function batchKeyParts(examined: Examined): string[] {
  const { definition, settings, events } = examined;
  if (definition.maxBatch === 1) return [];
  const own = events.map((event) => sampleDelivery(event));
  const others = events.map((event) => sampleDelivery(event, someoneElse()));
  return own.flatMap((first, index) =>
    [...own.slice(index + 1), ...others].flatMap((second) => {
      const [left, right] = [first, second].map((delivery) => envelopeOf(definition, delivery, settings));
      if (left !== right) return [];
      const shared = requestOf(examined, [first, second]);
      const differs = [first, second].some((delivery) => {
        const alone = requestOf(examined, [delivery]);
        return alone.url !== shared.url || !hasSameEnvelope(bodyOf(alone), bodyOf(shared));
      });
      return differs ? [`${first.event} and ${second.event} share a request that cannot say both`] : [];
    }),
  );
}

function bodyOf({ body }: OutwardRequest): unknown {
  return parseJson(body ?? '');
}

/** A list that grows with the deliveries holds them; everything else must be equal. */
function hasSameEnvelope(alone: unknown, shared: unknown): boolean {
  if (Array.isArray(alone) && Array.isArray(shared) && shared.length > alone.length) return true;
  if (!isObject(alone) || !isObject(shared)) return JSON.stringify(alone) === JSON.stringify(shared);
  const names = new Set([...Object.keys(alone), ...Object.keys(shared)]);
  return [...names].every((name) => hasSameEnvelope(alone[name], shared[name]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What another person of another place and time would have brought. */
function someoneElse(): Partial<OutwardConversion> {
  const { click } = sampleConversion();
  return {
    conversionId: '5d2f7c11-9a3b-8c44-a1d2-6b7e8f901234',
    transactionId: 'order-43',
    customerId: 'customer-8',
    occurredAt: SAMPLE_NOW - 30 * 60_000,
    subjectHashes: hashSubject({ email: 'other@example.org', customerId: 'customer-8' }),
    ipAddress: '203.0.113.78',
    userAgent: 'Mozilla/5.0 (Macintosh) Example/2.0',
    consent: { adUserData: 'granted', adPersonalization: 'denied' },
    extras: { ga_client_id: 'GA1.1.987654321.1767315999', fbp: 'fb.1.1767315999999.123456789' },
    click: click && {
      ...click,
      clickId: '019b7c9a-512f-7e4d-a63c-1a7e5d3b2f1b',
      landingUrl: 'https://other.example/landing',
      adPlatformIds: click.adPlatformIds.map((id) => ({ ...id, value: `other-${id.value}` })),
    },
  };
}

/** Every correction is possible with what it says, or impossible with a reason; each with its source. */
function correctionsAreSound(examined: Examined): string[] {
  const { definition, settings, events } = examined;
  const stated = events.flatMap((event) =>
    CORRECTION_KINDS.flatMap((kind) => {
      const form = definition.corrections(settings, event)[kind];
      return [
        ...(form.source.trim() === '' ? [`${kind} of ${event} has no source`] : []),
        ...(form.form === 'impossible' && form.reason.trim() === ''
          ? [`${kind} of ${event} is impossible without a reason`]
          : []),
      ];
    }),
  );
  const built = possibleCorrections(examined).flatMap(({ kind, form, delivery }) => {
    const text = textOf(requestOf(examined, [delivery]));
    return [
      ...unnamed(form, delivery, text),
      ...(kind === 'restate' && form.tells === 'nothing' ? ['restates without telling an amount'] : []),
      ...untold(examined, { kind, form, delivery, text }),
    ].map((message) => `${kind} of ${delivery.correction?.deliveredAs.event}: ${message}`);
  });
  return [...stated, ...built];
}

/** An adjustment that names no earlier event would correct nothing. */
function unnamed(form: PossibleForm, { conversion, correction }: OutwardDelivery, text: string): string[] {
  if (form.form !== 'adjustment') return [];
  const names = [correction?.deliveredAs.deliveryId, conversion.transactionId, conversion.conversionId];
  return names.some((name) => name != null && text.includes(name)) ? [] : ['names no earlier event'];
}

/** An amount that the receiver is told stands in the request, in units or in cents: the new one, or the change. */
function untold(
  { definition, settings }: Examined,
  built: {
    readonly kind: CorrectionKind;
    readonly form: PossibleForm;
    readonly delivery: OutwardDelivery;
    readonly text: string;
  },
): string[] {
  const { kind, form, delivery, text } = built;
  const { correction } = delivery;
  const { tells } = form;
  // After a retraction the new total is zero, which is no text to look for.
  const isBare = tells === 'nothing' || (tells === 'new_total' && kind === 'retract');
  if (correction === null || isBare) return [];
  return definition.amounts(settings).flatMap((name) => {
    const amount = tells === 'new_total' ? correction.now[name] : differenceOf(correction, name);
    if (amount === null) return [];
    const units = formatUnits(amount.micros).replace('-', '');
    return text.includes(units) || text.includes(units.replace('.', ''))
      ? []
      : [`${name} does not tell ${units}`];
  });
}

/** The exchange of tokens leaks nothing in its URL, believes nothing but a token, and its token is what is sent. */
function credentialIsSound(examined: Examined): string[] {
  const { definition, settings, events } = examined;
  const { credential } = definition;
  if (credential === null) return [];
  if (!credential.isNeeded(settings)) return ['the example settings do not need it'];
  const request = credential.buildRequest({ settings, now: SAMPLE_NOW });
  const judgeToken = (status: number, body: string) =>
    credential.judge({ response: { status, headers: {}, body }, settings, now: SAMPLE_NOW });
  const believed = [200, 302, ...UNPROMISED_STATUSES].flatMap((status) =>
    [...UNPROMISED_BODIES, '{"access_token":""}', '{"access_token":5}'].filter(
      (body) => judgeToken(status, body).outcome === 'granted',
    ),
  );
  const token = judgeToken(200, '{"access_token":"token-1","token_type":"Bearer","expires_in":3600}');
  const isGranted =
    token.outcome === 'granted' &&
    token.accessToken === 'token-1' &&
    token.expiresAt > SAMPLE_NOW &&
    token.expiresAt <= SAMPLE_NOW + 3_600_000;
  const deliveries = [sampleDelivery(events[0] ?? '')];
  const [one, other] = ['token-1', 'token-2'].map((text) =>
    textOf(requestOf(examined, deliveries, SAMPLE_NOW, text)),
  );
  const expired = judgements(examined, { status: 401, headers: {}, body: '{}' }).flat();
  return [
    ...(request.url.includes(CANARY_CORE) ? ['a secret in the URL of the exchange'] : []),
    ...(request.method === 'POST' && request.url.startsWith('https:') ? [] : ['no POST by https']),
    ...illegalHeaders(request).map((name) => `illegal header ${JSON.stringify(name)}`),
    ...(believed.length === 0 ? [] : ['takes a reply that is no token for one']),
    ...(isGranted ? [] : ['does not take a token of an hour for what it is']),
    ...(one === other ? ['the access token is not sent'] : []),
    ...(expired.every((outcome) => outcome.outcome === 'retry' && outcome.reason === TOKEN_EXPIRED)
      ? []
      : ['a 401 does not make it fetch another token']),
  ];
}

/** The later question goes where the events went, shows no secret, and takes nothing but the platform's word for an answer. */
function followUpIsSound(examined: Examined): string[] {
  const { definition, settings, events } = examined;
  const { followUp } = definition;
  if (followUp === undefined) return [];
  const isNeeded = definition.credential?.isNeeded(settings) === true;
  const accessToken = isNeeded ? CANARY_TOKEN : null;
  const ask = (requestId: string) =>
    followUp.buildRequest({ requestId, settings, accessToken, now: SAMPLE_NOW });
  const judge = (status: number, body: string) =>
    followUp.judge({
      response: { status, headers: {}, body },
      deliveryCount: 1,
      isAdjustment: false,
      settings,
      now: SAMPLE_NOW,
    });
  const hide = settingsRedactor(definition, settings);
  const { origin } = new URL(requestOf(examined, [sampleDelivery(events[0] ?? '')]).url);
  const asked = ['request-1', HOSTILE_ID].flatMap((requestId) => {
    const request = ask(requestId);
    const record = textOf(recordRequest(request, attemptRedactor(request, [], hide)));
    return [
      ...(new URL(request.url).origin === origin ? [] : ['asks at another origin']),
      ...(request.method === 'GET' && request.body !== null ? ['a GET with a body'] : []),
      ...illegalHeaders(request).map((name) => `illegal header ${JSON.stringify(name)}`),
      ...(record.includes(CANARY_CORE) ? ['the record of the question shows a secret'] : []),
    ];
  });
  const unpromised = [200, 302, ...UNPROMISED_STATUSES].flatMap((status) =>
    UNPROMISED_BODIES.map((body) => ({ status, body })),
  );
  const { firstAfterMs, lastAfterMs } = followUp;
  const expired = judge(401, '{}');
  return [
    ...asked,
    ...(firstAfterMs > 0 && firstAfterMs <= lastAfterMs ? [] : ['is never asked']),
    ...(textOf(ask('request-1')) === textOf(ask('request-2')) ? ['asks about no request'] : []),
    ...(unpromised.some(({ status, body }) => judge(status, body).answer === 'settled')
      ? ['takes an answer for settled that is none']
      : []),
    ...(unpromised.some(({ status, body }) => hasRequestId(followUp, { status, headers: {}, body }))
      ? ['asks about a request that was not accepted']
      : []),
    ...(isNeeded && !(expired.answer === 'pending' && expired.reason === TOKEN_EXPIRED)
      ? ['a 401 does not make it fetch another token']
      : []),
  ];
}

/** Printable like every request id, and still no part of a URL. */
const HOSTILE_ID = '//evil.example/../?a=b&c=d#"\\%2e';

function hasRequestId(
  { requestIdOf }: Pick<FollowUp<DestinationSettings>, 'requestIdOf'>,
  response: OutwardResponse,
): boolean {
  return requestIdOf({ response, isTest: false }) !== null;
}

function textOf({ url, headers, body }: Pick<OutwardRequest, 'url' | 'headers' | 'body'>): string {
  return [url, ...Object.entries(headers).flat(), body ?? ''].join('\n');
}

const HOSTILE = '//evil.example\\@evil.example/..\r\nx-injected: 1\0?a=b&c=d#"\u202e\ud800';

/** Everything of a conversion that a stranger can write, set to what would break a careless builder. */
function hostileChanges(): Partial<OutwardConversion> {
  const { click } = sampleConversion();
  return {
    transactionId: HOSTILE,
    customerId: HOSTILE,
    userAgent: HOSTILE,
    extras: { event_source_url: HOSTILE, fbc: HOSTILE, fbp: HOSTILE, plan: HOSTILE },
    click: click && {
      ...click,
      partnerClickId: HOSTILE,
      subIds: { sub1: HOSTILE, sub2: '..' },
      adPlatformIds: click.adPlatformIds.map((id) => ({ ...id, value: HOSTILE })),
      landingUrl: HOSTILE,
      userAgent: HOSTILE,
    },
  };
}
