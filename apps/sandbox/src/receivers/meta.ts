/** Meta's Conversions API as its documentation and its users' traces describe it: all or nothing, and picky in the same places. */
import { randomBytes } from 'node:crypto';
import { isCurrencyCode } from '@tributary/domain';
import { isJsonObject, type JsonObject, parseJson } from '../json.ts';
import type { IncomingCall, ReceivedCall } from '../received-calls.ts';
import { bearerToken, isRightToken } from './access-token.ts';
import {
  isFilled,
  isHashed,
  listOf,
  millisecondsOf,
  numberText,
  readOnce,
  sentValue,
} from './event-fields.ts';
import { jsonAnswer } from './json-answer.ts';
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
  outwardEvents: readOnce(outwardEvents),
};

function judge(call: IncomingCall, credentials: Credentials): Answer {
  const authFault = checkToken(credentials);
  if (authFault !== null) return refusal(400, authFault);
  const events = eventsOf(call.body);
  if (events === null) return refusal(400, NO_DATA);
  const fault = faultOf(events, call.receivedAt);
  if (fault !== null) return refusal(400, fault);
  return jsonAnswer(200, { events_received: events.length, messages: [], fbtrace_id: traceId() });
}

function checkToken(credentials: Credentials): Fault | null {
  const token = bearerToken(credentials) ?? credentials.parameter('access_token');
  if (isRightToken(token, credentials)) return null;
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
  const at = millisecondsOf(event['event_time']);
  if (at === null) return invalid('Invalid event_time', 'event_time must be whole seconds since 1970');
  const ageMs = now - at;
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

function checkHashes(event: JsonObject): Fault | null {
  const userData = userDataOf(event);
  const wrong = HASHED_FIELDS.find((field) => !listOf(userData[field]).every(isHashed));
  return wrong === undefined
    ? null
    : invalid('Unhashed customer information', `${wrong} must be SHA-256 in lower-case hex`);
}

function checkPurchase(event: JsonObject): Fault | null {
  if (event['event_name'] !== 'Purchase') return null;
  const value = purchaseValue(event);
  if (value !== null && isCurrencyCode(value.currency)) return null;
  return { ...invalid('Missing value or currency', 'Purchase needs value and currency'), subcode: 2_804_009 };
}

function outwardEvents(call: ReceivedCall): readonly OutwardEvent[] {
  return (eventsOf(call.body) ?? [])
    .filter(isJsonObject)
    .map((event, index) => outwardEvent(event, `${call.sequence}.${index}`));
}

/** @param place stands in for a missing event_id: without one, Meta takes no two events as one. */
function outwardEvent(event: JsonObject, place: string): OutwardEvent {
  const key = typeof event['event_id'] === 'string' ? event['event_id'] : place;
  return { key, identity: JSON.stringify([event['event_name'], key]), value: purchaseValue(event) };
}

function purchaseValue({ custom_data: customData }: JsonObject): SentValue | null {
  return isJsonObject(customData) ? sentValue(numberText(customData['value']), customData['currency']) : null;
}

function userDataOf({ user_data: userData }: JsonObject): JsonObject {
  return isJsonObject(userData) ? userData : {};
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
  return jsonAnswer(status, { error });
}

function traceId(): string {
  return `A${randomBytes(16).toString('base64url')}`;
}
