/** Snap's Conversions API as its SDK and documentation describe it: a status in the body, which says no inside a 200 too. */
import { isCurrencyCode } from '@tributary/domain';
import { isJsonObject, type JsonObject, parseJson } from '../json.ts';
import type { IncomingCall, ReceivedCall } from '../received-calls.ts';
import { isRightToken } from './access-token.ts';
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

const DAY_MS = 86_400_000;
const REPEAT_WINDOW_MS = 2 * DAY_MS;
/** A purchase is known by its order for longer. */
const ORDER_WINDOW_MS = 30 * DAY_MS;
const MAX_EVENTS = 2_000;
const MAX_AGE_MS = 7 * DAY_MS;
const OFFLINE_MAX_AGE_MS = 37 * DAY_MS;

const ACTION_SOURCES = ['WEB', 'MOBILE_APP', 'OFFLINE', 'website', 'app'];

/** Fields of `user_data` that are taken only as SHA-256, alone or as a list. */
const HASHED_FIELDS = ['em', 'ph', 'fn', 'ln', 'ge', 'db', 'ct', 'st', 'zp', 'country', 'external_id'];

const SUCCESS = 'Events have been processed successfully.';

interface Fault {
  /** Our own: Snap publishes no list of its codes. */
  readonly code: string;
  readonly message: string;
}

export const snap: Receiver = {
  repeatWindowMs: REPEAT_WINDOW_MS,
  judge,
  failure: (status) => refusal(status, { code: `${status}`, message: 'The request was not processed.' }),
  outwardEvents: readOnce(outwardEvents),
};

function judge(call: IncomingCall, credentials: Credentials): Answer {
  if (!isRightToken(credentials.parameter('access_token'), credentials)) {
    return refusal(401, { code: 'UNAUTHORIZED', message: 'The access token is missing or invalid.' });
  }
  const events = eventsOf(call.body);
  if (events === null) {
    return refusal(400, {
      code: 'BAD_REQUEST',
      message: `data must be a list of 1 to ${MAX_EVENTS} events.`,
    });
  }
  const faults = events.map((event) => faultOf(event, call.receivedAt));
  if (isValidation(call)) return validation(faults);
  const bad = faults.findIndex((fault) => fault !== null);
  const fault = faults[bad];
  // Whether the others of a request are kept is not documented: here none is.
  if (fault != null) return refusal(200, fault, bad);
  return jsonAnswer(200, { status: 'VALID', reason: SUCCESS });
}

function isValidation({ path }: IncomingCall): boolean {
  return path.endsWith('/validate');
}

function validation(faults: readonly (Fault | null)[]): Answer {
  const isValid = faults.every((fault) => fault === null);
  return jsonAnswer(200, {
    status: isValid ? 'VALID' : 'INVALID',
    test_event: true,
    reason: isValid ? SUCCESS : 'Some events are invalid.',
    event_logs: faults.map((fault, event) => ({
      event,
      status: fault === null ? 'VALID' : 'INVALID',
      ...(fault !== null && { errors: errorsOf(fault) }),
      warnings: [],
    })),
  });
}

function eventsOf(body: string): readonly unknown[] | null {
  const parsed = parseJson(body);
  const data = isJsonObject(parsed) ? parsed['data'] : undefined;
  return Array.isArray(data) && data.length > 0 && data.length <= MAX_EVENTS ? data : null;
}

type Check = (event: JsonObject, now: number) => Fault | null;

const CHECKS: readonly Check[] = [checkName, checkSource, checkTime, checkPage, checkPerson, checkPurchase];

function faultOf(event: unknown, now: number): Fault | null {
  if (!isJsonObject(event)) return { code: 'EVENT', message: 'An event must be an object.' };
  for (const check of CHECKS) {
    const fault = check(event, now);
    if (fault !== null) return fault;
  }
  return null;
}

function checkName({ event_name: name, event_id: id }: JsonObject): Fault | null {
  if (typeof name !== 'string' || name === '') return missing('event_name');
  return id === undefined || isFilled(id) ? null : missing('event_id');
}

function checkSource({ action_source: source }: JsonObject): Fault | null {
  return typeof source === 'string' && ACTION_SOURCES.includes(source) ? null : missing('action_source');
}

function checkTime(event: JsonObject, now: number): Fault | null {
  const at = millisecondsOf(event['event_time']);
  if (at === null) return missing('event_time');
  const maxAgeMs = event['action_source'] === 'OFFLINE' ? OFFLINE_MAX_AGE_MS : MAX_AGE_MS;
  return now - at <= maxAgeMs ? null : { code: 'EVENT_TIME', message: 'event_time is too old.' };
}

function checkPage({ action_source: source, event_source_url: url }: JsonObject): Fault | null {
  const needsPage = source === 'WEB' || source === 'website';
  return !needsPage || (typeof url === 'string' && url !== '') ? null : missing('event_source_url');
}

function checkPerson(event: JsonObject): Fault | null {
  const user = objectOf(event['user_data']);
  const has = (field: string) => listOf(user[field]).some(isFilled);
  const isKnown =
    has('em') || has('ph') || has('madid') || (has('client_ip_address') && has('client_user_agent'));
  if (!isKnown) return missing('user_data');
  const clear = HASHED_FIELDS.find((field) => !listOf(user[field]).every(isHashed));
  return clear === undefined ? null : { code: 'HASH', message: `user_data.${clear} must be SHA-256.` };
}

function checkPurchase(event: JsonObject): Fault | null {
  if (event['event_name'] !== 'PURCHASE') return null;
  const value = purchaseValue(event);
  return value !== null && isCurrencyCode(value.currency) ? null : missing('value or currency');
}

function missing(field: string): Fault {
  return { code: 'MISSING_FIELD', message: `${field} is missing or invalid.` };
}

/** What is only validated, and what carries a test code, counts nowhere. */
function outwardEvents(call: ReceivedCall): readonly OutwardEvent[] {
  const body = objectOf(parseJson(call.body));
  if (isValidation(call) || body['test_event_code'] !== undefined) return [];
  return (eventsOf(call.body) ?? [])
    .filter(isJsonObject)
    .map((event, index) => outwardEvent(event, `${call.sequence}.${index}`));
}

/** @param place stands in for a missing event_id: without one, Snap takes no two events as one. */
function outwardEvent(event: JsonObject, place: string): OutwardEvent {
  const { event_name: name, event_id: id } = event;
  const key = typeof id === 'string' ? id : place;
  const order = objectOf(event['custom_data'])['order_id'];
  return {
    key,
    identity: JSON.stringify([name, key]),
    value: purchaseValue(event),
    ...(name === 'PURCHASE' &&
      typeof order === 'string' && {
        secondIdentity: { identity: JSON.stringify(['order', order]), windowMs: ORDER_WINDOW_MS },
      }),
  };
}

/** The SDK sends the value as a number, the documentation's examples as a text. */
function purchaseValue(event: JsonObject): SentValue | null {
  const { value, currency } = objectOf(event['custom_data']);
  return sentValue(numberText(value) ?? value, currency);
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function refusal(status: number, fault: Fault, event?: number): Answer {
  const body = { status: 'INVALID', reason: fault.message, event, errors: errorsOf(fault) };
  return jsonAnswer(status, body, false);
}

function errorsOf({ code, message }: Fault) {
  return { codes: [code], error_msgs: [message] };
}
