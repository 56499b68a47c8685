/** LinkedIn's Conversions API as its schema and its users' traces describe it: all or nothing, and every fault told by its place. */
import { isJsonObject, JsonNumber, type JsonObject, parseJson } from '../json.ts';
import type { IncomingCall, ReceivedCall } from '../received-calls.ts';
import { bearerToken, isRightToken } from './access-token.ts';
import { listOf, numberText, readOnce, sentValue } from './event-fields.ts';
import { jsonAnswer } from './json-answer.ts';
import type { Answer, Credentials, OutwardEvent, Receiver } from './receiver.ts';

const DAY_MS = 86_400_000;
const MAX_AGE_MS = 90 * DAY_MS;
const MAX_EVENTS = 5_000;
/** A version is shut down about a year after its month. */
const VERSION_LIFE_MONTHS = 12;

const ID_TYPES = ['SHA256_EMAIL', 'LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID', 'ACXIOM_ID', 'ORACLE_MOAT_ID'];
const FIELDS = ['conversion', 'conversionHappenedAt', 'conversionValue', 'eventId', 'user'];
const RULE = /^urn:lla:llaPartnerConversion:(\d{1,20})$/;

interface Fault {
  readonly status: number;
  readonly message: string;
  readonly code?: string;
  readonly serviceErrorCode?: number;
}

const NO_TOKEN: Fault = {
  status: 401,
  serviceErrorCode: 65_600,
  code: 'INVALID_ACCESS_TOKEN',
  message: 'Invalid access token',
};

/** How LinkedIn words an HTTP status that a test asked for. */
const FAILURES: Readonly<Record<number, Fault>> = {
  401: NO_TOKEN,
  403: { status: 403, message: 'No ad accounts found' },
  426: { status: 426, code: 'NONEXISTENT_VERSION', message: 'Requested version is not active' },
  429: { status: 429, code: 'TOO_MANY_REQUESTS', message: 'Resource level throttle limit reached' },
};

export const linkedin: Receiver = {
  // The schema names no window.
  repeatWindowMs: Number.POSITIVE_INFINITY,
  judge,
  failure: (status) => refusal(FAILURES[status] ?? { status, message: 'Internal error' }),
  outwardEvents: readOnce(outwardEvents),
};

/** The conversion rule of the first event: the receiver's name, for the address is the same for all. */
export function linkedinRule(body: string): string {
  const [first] = eventsOf(body) ?? [];
  return RULE.exec(String(first?.['conversion']))?.[1] ?? 'unknown';
}

function judge(call: IncomingCall, credentials: Credentials): Answer {
  if (!isRightToken(bearerToken(credentials), credentials)) return refusal(NO_TOKEN);
  const fault = versionFault(credentials, call.receivedAt);
  if (fault !== null) return refusal(fault);
  const isBatch = credentials.header('x-restli-method')?.toUpperCase() === 'BATCH_CREATE';
  const events = eventsOf(call.body);
  if (events === null || (!isBatch && events.length !== 1)) {
    return refusal({ status: 400, message: 'Could not parse the request as a conversion event' });
  }
  if (events.length === 0 || events.length > MAX_EVENTS) {
    return refusal({ status: 400, message: `The number of elements must be 1 to ${MAX_EVENTS}` });
  }
  const refused = shapeFault(events, isBatch) ?? timeFault(events, call.receivedAt);
  if (refused !== null) return refusal(refused);
  // A single one is created with an empty answer.
  if (!isBatch) return { accepted: true, status: 201, contentType: 'application/json', body: '' };
  return jsonAnswer(200, { elements: events.map(() => ({ status: 201 })) });
}

function versionFault({ header }: Credentials, now: number): Fault | null {
  const version = header('linkedin-version');
  if (version === undefined) {
    return {
      status: 400,
      code: 'VERSION_MISSING',
      message: 'A version must be present. Please specify a version by adding the LinkedIn-Version header.',
    };
  }
  const [, year, month] = /^(\d{4})(\d{2})$/.exec(version) ?? [];
  const today = new Date(now);
  const age = (today.getUTCFullYear() - Number(year)) * 12 + today.getUTCMonth() + 1 - Number(month);
  if (year === undefined || age > VERSION_LIFE_MONTHS) return FAILURES[426] ?? null;
  if (header('x-restli-protocol-version') === '2.0.0') return null;
  return { status: 400, message: 'X-Restli-Protocol-Version must be 2.0.0' };
}

/** The events of a batch, or the one of a request that is none. */
function eventsOf(body: string): readonly JsonObject[] | null {
  const parsed = parseJson(body);
  if (!isJsonObject(parsed)) return null;
  const { elements } = parsed;
  if (elements === undefined) return [parsed];
  return Array.isArray(elements) && elements.every(isJsonObject) ? elements : null;
}

/** Every fault of every event is told; where there are several events, with their places. */
function shapeFault(events: readonly JsonObject[], isBatch: boolean): Fault | null {
  const messages = events.flatMap((event, place) => {
    const lines = faultsOf(event).map((fault) => `ERROR :: ${fault}`);
    return lines.length === 0 ? [] : [`${isBatch ? `Index: ${place}, ` : ''}${lines.join('\n')}\n`];
  });
  return messages.length === 0 ? null : { status: 422, message: messages.join('') };
}

const MISSING = 'field is required but not found and has no default value';
const UNKNOWN = 'unrecognized field found but not allowed';

function faultsOf(event: JsonObject): string[] {
  const { conversion, conversionHappenedAt: time, conversionValue: value, eventId, user } = event;
  return [
    ...Object.keys(event)
      .filter((field) => !FIELDS.includes(field))
      .map((field) => `/${field} :: ${UNKNOWN}`),
    ...textFaults('/conversion', conversion),
    ...(typeof conversion === 'string' && !RULE.test(conversion)
      ? ['/conversion :: Invalid Urn format. Invalid prefix.']
      : []),
    ...(time === undefined ? [`/conversionHappenedAt :: ${MISSING}`] : []),
    ...(time !== undefined && millisecondsOf(time) === null
      ? ['/conversionHappenedAt :: cannot be coerced to Long']
      : []),
    ...(eventId === undefined ? [] : textFaults('/eventId', eventId)),
    ...(value === undefined ? [] : valueFaults(value)),
    ...userFaults(user),
  ];
}

function textFaults(path: string, value: unknown): string[] {
  if (value === undefined) return [`${path} :: ${MISSING}`];
  if (typeof value === 'string') return [];
  return [`${path} :: ${numberText(value) ?? 'it'} cannot be coerced to String`];
}

function valueFaults(value: unknown): string[] {
  const { currencyCode, amount } = isJsonObject(value) ? value : {};
  return [
    ...textFaults('/conversionValue/currencyCode', currencyCode),
    ...textFaults('/conversionValue/amount', amount),
  ];
}

function userFaults(user: unknown): string[] {
  if (!isJsonObject(user)) return [`/user :: ${MISSING}`];
  const { userIds } = user;
  if (!Array.isArray(userIds)) return [`/user/userIds :: ${MISSING}`];
  return userIds.flatMap((each: unknown, place) => {
    const { idType, idValue } = isJsonObject(each) ? each : {};
    const path = `/user/userIds/${place}`;
    const isKnown = typeof idType === 'string' && ID_TYPES.includes(idType);
    return [
      ...(isKnown ? [] : [`${path}/idType :: "${String(idType)}" is not an enum symbol`]),
      ...textFaults(`${path}/idValue`, idValue),
    ];
  });
}

function timeFault(events: readonly JsonObject[], now: number): Fault | null {
  const bad = events.flatMap(({ conversionHappenedAt }, place) => {
    const ageMs = now - (millisecondsOf(conversionHappenedAt) ?? 0);
    return ageMs < 0 || ageMs > MAX_AGE_MS ? [place] : [];
  });
  if (bad.length === 0) return null;
  const words = 'Conversion time should be within 90 days and not exceed current time';
  return { status: 400, message: `${words}, indices [${bad.join(', ')}] (0-indexed).` };
}

function millisecondsOf(value: unknown): number | null {
  return value instanceof JsonNumber && /^\d{1,15}$/.test(value.text) ? Number(value.text) : null;
}

function outwardEvents(call: ReceivedCall): readonly OutwardEvent[] {
  return (eventsOf(call.body) ?? []).map((event, place) => {
    const { eventId, conversionValue } = event;
    const key = typeof eventId === 'string' ? eventId : `${call.sequence}.${place}`;
    const [value] = listOf(conversionValue).filter(isJsonObject);
    return { key, identity: key, value: sentValue(value?.['amount'], value?.['currencyCode']) };
  });
}

function refusal({ status, ...body }: Fault): Answer {
  return jsonAnswer(status, { status, ...body }, false);
}
