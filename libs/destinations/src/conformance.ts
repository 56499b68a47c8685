/** What every destination definition must hold to, checked without a network; it runs on each registered one. */
import { createHash } from 'node:crypto';
import type { AttemptOutcome, OutwardConversion } from '@tributary/domain';
import {
  type DestinationDefinition,
  type DestinationSettings,
  type OutwardDelivery,
  type OutwardRequest,
  type OutwardResponse,
  parseSettings,
} from './definition.ts';
import { attemptRedactor, recordOutcome, recordRequest, recordResponse, settingsRedactor } from './redact.ts';
import { SAMPLE_NOW, sampleConversion, sampleDelivery } from './sample.ts';
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
const CANARY = `${CANARY_CORE}/+=&%"'<>\\`;

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
  const { maxAgeMs } = definition;
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
    const build = (delivery: OutwardDelivery) =>
      textOf(definition.buildRequest({ deliveries: [delivery], settings, now: SAMPLE_NOW }));
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

/** Every attempt carries the same delivery id, whenever it is made. */
function idIsStable(examined: Examined): string[] {
  return [SAMPLE_NOW, SAMPLE_NOW + 36_000].flatMap((now) =>
    builtRequests(examined, {}, now).flatMap(({ request, deliveries }) =>
      deliveries
        .filter(({ deliveryId }) => !textOf(request).includes(deliveryId))
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
      judge(definition, settings, response, 1).some(({ outcome }) => outcome === 'delivered'),
    )
    .map(({ status, body }) => `${status} ${JSON.stringify(body)} passes for delivered`);
}

/** A redirect is refused: following one would hand the payload to whoever it names. */
function redirectIsRefused({ definition, settings }: Examined): string[] {
  return [301, 302, 303, 307, 308].flatMap((status) => {
    const response = { status, headers: { location: 'https://other.example/' }, body: HTML };
    const outcomes = judge(definition, settings, response, 1);
    return outcomes.every(({ outcome }) => outcome === 'refused') ? [] : [`${status} is not refused`];
  });
}

/** Every event of a request gets one outcome, whatever the response. */
function everyEventIsJudged({ definition, settings }: Examined): string[] {
  const counts = [...new Set([1, Math.min(2, definition.maxBatch), definition.maxBatch])];
  return counts.flatMap((count) =>
    [200, 400, 500].flatMap((status) =>
      UNPROMISED_BODIES.flatMap((body) => {
        const { length } = judge(definition, settings, { status, headers: {}, body }, count);
        return length === count
          ? []
          : [`${status} ${JSON.stringify(body)}: ${length} outcomes for ${count} events`];
      }),
    ),
  );
}

function judge(
  definition: DestinationDefinition,
  settings: DestinationSettings,
  response: OutwardResponse,
  deliveryCount: number,
): readonly AttemptOutcome[] {
  return definition.judge({ response, deliveryCount, settings, now: SAMPLE_NOW });
}

interface BuiltRequest {
  readonly request: OutwardRequest;
  readonly deliveries: readonly OutwardDelivery[];
}

/** One request for each event alone, and one that holds as many of the events as fit. */
function builtRequests(
  { definition, settings, events }: Examined,
  changes: Partial<OutwardConversion>,
  now = SAMPLE_NOW,
): BuiltRequest[] {
  const deliveries = events.map((event) => sampleDelivery(event, changes));
  const batches = [...deliveries.map((delivery) => [delivery]), deliveries.slice(0, definition.maxBatch)];
  return batches.map((batch) => ({
    request: definition.buildRequest({ deliveries: batch, settings, now }),
    deliveries: batch,
  }));
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
