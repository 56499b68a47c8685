/** Meta's Conversions API as its documentation and its users' traces describe it: all or nothing, and picky in the same places. */
import { randomBytes } from 'node:crypto';
import { isCurrencyCode } from '@tributary/domain';
import { isJsonObject, JsonNumber, type JsonObject, parseJson } from '../json.ts';
import type { IncomingCall, ReceivedCall } from '../received-calls.ts';
import type { Answer, Credentials, OutwardEvent, Receiver, SentValue } from './receiver.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const REPEAT_WINDOW_MS = 48 * HOUR_MS;
const MAX_EVENTS = 1_000;
const MAX_AGE_MS = 7 * DAY_MS;
/** Sales in a shop reach the advertiser's systems late. */
const MAX_AGE_IN_STORE_MS = 62 * DAY_MS;
const MAX_AHEAD_MS = 60_000;

const ACTION_SOURCES = [
  'website',
  'app',
  'email',
  'phone_call',
  'chat',
  'physical_store',
  'system_generated',
  'business_messaging',
  'other',
];

/** Fields that Meta takes only as SHA-256, lower-case hex, alone or as a list. */
const HASHED_FIELDS = ['em', 'ph', 'fn', 'ln', 'ge', 'db', 'ct', 'st', 'zp', 'country'];

/** Fields of which one is enough to look for a person; names, places and the browser are too broad alone. */
const IDENTIFIERS = [
  'em',
  'ph',
  'external_id',
  'client_ip_address',
  'fbc',
  'fbp',
  'subscription_id',
  'lead_id',
  'fb_login_id',
  'madid',
  'anon_id',
  'ctwa_clid',
];

/**
 * Why a request is refused. Subcodes are given where a real answer with them is known:
 *
 * | code | subcode | meaning                                       |
 * |------|---------|-----------------------------------------------|
 * | 100  | 2804003 | event_time older than 7 days (62 in a shop)   |
 * | 100  | 2804009 | Purchase without value or currency            |
 * | 100  | 2804050 | user_data identifies nobody                   |
 * | 100  | none    | any other wrong parameter                     |
 * | 190  | none    | access token missing or wrong                 |
 */
interface Fault {
  readonly code: number;
  readonly subcode?: number;
  readonly title: string;
  readonly message: string;
  /** Whether the same request may be taken later. */
  readonly isTransient?: true;
}

const TEMPORARY: Fault = {
  code: 2,
  title: 'Temporary issue',
  message: 'Service temporarily unavailable',
  isTransient: true,
};

/** How Meta words an HTTP status that a test asked for; 5xx is temporary, any other 4xx a wrong parameter. */
const FAILURES: Readonly<Record<number, Fault>> = {
  401: { code: 190, title: 'Invalid token', message: 'Invalid OAuth 2.0 access token' },
  403: { code: 200, title: 'No permission', message: 'Permissions error' },
  408: TEMPORARY,
  425: TEMPORARY,
  429: {
    code: 4,
    title: 'Too many calls',
    message: 'Application request limit reached',
    isTransient: true,
  },
};

export const meta: Receiver = {
  repeatWindowMs: REPEAT_WINDOW_MS,
  judge,
  failure: (status) =>
    refusal(status, FAILURES[status] ?? (status >= 500 ? TEMPORARY : invalid('Invalid parameter', ''))),
  outwardEvents,
};

function judge(call: IncomingCall, credentials: Credentials): Answer {
  const authFault = checkToken(credentials);
  if (authFault !== null) return refusal(400, authFault);
  const events = eventsOf(call.body);
  if (events === null) return refusal(400, NO_DATA);
  const fault = faultOf(events, call.receivedAt);
  if (fault !== null) return refusal(400, fault);
  return answer(200, { events_received: events.length, messages: [], fbtrace_id: traceId() });
}

const BEARER = /^Bearer +(\S+)$/i;

function checkToken({ authorization = '', requiredToken }: Credentials): Fault | null {
  const token = BEARER.exec(authorization)?.[1];
  if (token !== undefined && (requiredToken === null || token === requiredToken)) return null;
  return {
    code: 190,
    title: 'Invalid token',
    message: 'Invalid OAuth access token - Cannot parse access token',
  };
}

const NO_DATA = invalid('Missing data', `data must be a list of 1 to ${MAX_EVENTS} events`);

function eventsOf(body: string): readonly unknown[] | null {
  const parsed = parseJson(body);
  const data = isJsonObject(parsed) ? parsed['data'] : undefined;
  return Array.isArray(data) && data.length > 0 && data.length <= MAX_EVENTS ? data : null;
}

type Check = (event: JsonObject, now: number) => Fault | null;

const CHECKS: readonly Check[] = [
  checkName,
  checkId,
  checkTime,
  checkActionSource,
  checkIdentifier,
  checkHashes,
  checkPurchase,
];

/** The first fault of the first event that has one: one bad event refuses the whole request. */
function faultOf(events: readonly unknown[], now: number): Fault | null {
  for (const [index, event] of events.entries()) {
    const fault = isJsonObject(event)
      ? firstFault(event, now)
      : invalid('Invalid event', 'it is not an object');
    if (fault !== null) return { ...fault, message: `data[${index}]: ${fault.message}` };
  }
  return null;
}

function firstFault(event: JsonObject, now: number): Fault | null {
  for (const check of CHECKS) {
    const fault = check(event, now);
    if (fault !== null) return fault;
  }
  return null;
}

function checkName({ event_name: name }: JsonObject): Fault | null {
  return isFilled(name) ? null : invalid('Missing event_name', 'event_name must be a text');
}

function checkId({ event_id: id }: JsonObject): Fault | null {
  return id === undefined || isFilled(id) ? null : invalid('Invalid event_id', 'event_id must be a text');
}

function checkTime(event: JsonObject, now: number): Fault | null {
  const time = event['event_time'];
  if (!(time instanceof JsonNumber) || !/^\d{1,13}$/.test(time.text)) {
    return invalid('Invalid event_time', 'event_time must be whole seconds since 1970');
  }
  const ageMs = now - Number(time.text) * 1_000;
  if (ageMs < -MAX_AHEAD_MS) return invalid('Event timestamp in the future', 'event_time is in the future');
  const maxAgeMs = event['action_source'] === 'physical_store' ? MAX_AGE_IN_STORE_MS : MAX_AGE_MS;
  if (ageMs <= maxAgeMs) return null;
  return { ...invalid('Event Timestamp Too Old', 'event_time is too far in the past'), subcode: 2_804_003 };
}

function checkActionSource(event: JsonObject): Fault | null {
  const source = event['action_source'];
  if (typeof source !== 'string' || !ACTION_SOURCES.includes(source)) {
    return invalid('Invalid action_source', `action_source must be one of ${ACTION_SOURCES.join(', ')}`);
  }
  if (source !== 'website') return null;
  const isComplete = isFilled(event['event_source_url']) && isFilled(userDataOf(event)['client_user_agent']);
  return isComplete
    ? null
    : invalid('Incomplete website event', 'website needs event_source_url and client_user_agent');
}

function checkIdentifier(event: JsonObject): Fault | null {
  const userData = userDataOf(event);
  const has = (field: string) => listOf(userData[field]).some(isFilled);
  if (IDENTIFIERS.some(has) || (has('fn') && has('ln'))) return null;
  return {
    ...invalid('Insufficient customer information', 'user_data has no parameter that identifies a person'),
    subcode: 2_804_050,
  };
}

const SHA256_HEX = /^[0-9a-f]{64}$/;

function checkHashes(event: JsonObject): Fault | null {
  const userData = userDataOf(event);
  const isHashed = (value: unknown) => typeof value === 'string' && SHA256_HEX.test(value);
  const wrong = HASHED_FIELDS.find((field) => !listOf(userData[field]).every(isHashed));
  return wrong === undefined
    ? null
    : invalid('Unhashed customer information', `${wrong} must be SHA-256 in lower-case hex`);
}

function checkPurchase(event: JsonObject): Fault | null {
  if (event['event_name'] !== 'Purchase') return null;
  const value = sentValue(event);
  if (value !== null && isCurrencyCode(value.currency)) return null;
  return { ...invalid('Missing value or currency', 'Purchase needs value and currency'), subcode: 2_804_009 };
}

const eventsByCall = new WeakMap<ReceivedCall, readonly OutwardEvent[]>();

/** Kept per call, because a waiting test asks for the summary many times a second. */
function outwardEvents(call: ReceivedCall): readonly OutwardEvent[] {
  const known = eventsByCall.get(call);
  if (known !== undefined) return known;
  const events = (eventsOf(call.body) ?? [])
    .filter(isJsonObject)
    .map((event, index) => outwardEvent(event, `${call.sequence}.${index}`));
  eventsByCall.set(call, events);
  return events;
}

/** @param place stands in for a missing event_id: without one, Meta takes no two events as one. */
function outwardEvent(event: JsonObject, place: string): OutwardEvent {
  const key = typeof event['event_id'] === 'string' ? event['event_id'] : place;
  return { key, identity: JSON.stringify([event['event_name'], key]), value: sentValue(event) };
}

function sentValue(event: JsonObject): SentValue | null {
  const customData = event['custom_data'];
  if (!isJsonObject(customData)) return null;
  const { value, currency } = customData;
  if (!(value instanceof JsonNumber) || typeof currency !== 'string') return null;
  return { text: value.text, currency: currency.toUpperCase() };
}

function userDataOf({ user_data: userData }: JsonObject): JsonObject {
  return isJsonObject(userData) ? userData : {};
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** A lead_id may be a number. */
function isFilled(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || value instanceof JsonNumber;
}

function invalid(title: string, message: string): Fault {
  return { code: 100, title, message };
}

function refusal(status: number, { code, subcode, title, message, isTransient }: Fault): Answer {
  const error = {
    message: code === 100 ? 'Invalid parameter' : message,
    type: 'OAuthException',
    code,
    ...(subcode !== undefined && { error_subcode: subcode }),
    is_transient: isTransient === true,
    error_user_title: title,
    error_user_msg: message,
    fbtrace_id: traceId(),
  };
  return answer(status, { error });
}

function answer(status: number, body: object): Answer {
  return {
    accepted: status === 200,
    status,
    contentType: 'application/json; charset=UTF-8',
    body: JSON.stringify(body),
  };
}

function traceId(): string {
  return `A${randomBytes(16).toString('base64url')}`;
}
