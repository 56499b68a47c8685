/** Pinterest's Conversions API as its description has it: each event of a request is answered for itself. */
import { isCurrencyCode } from '@tributary/domain';
import { isJsonObject, type JsonObject, parseJson } from '../json.ts';
import type { IncomingCall, ReceivedCall } from '../received-calls.ts';
import { bearerToken, isRightToken } from './access-token.ts';
import { isFilled, isHashed, listOf, millisecondsOf, readOnce, sentValue } from './event-fields.ts';
import { jsonAnswer } from './json-answer.ts';
import type { Answer, Credentials, OutwardEvent, Receiver, SentValue } from './receiver.ts';

const DAY_MS = 86_400_000;
const MAX_EVENTS = 1_000;
const MAX_AGE_MS = 7 * DAY_MS;

const ACTION_SOURCES = ['app_android', 'app_ios', 'web', 'offline'];

const EVENTS = (
  'add_payment_info add_to_cart add_to_wishlist app_install app_open checkout contact custom customize_product ' +
  'find_location initiate_checkout lead page_visit schedule search signup start_trial submit_application subscribe ' +
  'view_category view_content watch_video'
).split(' ');

/** Fields of `user_data` that are lists of SHA-256. */
const HASHED_FIELDS = [
  'em',
  'ph',
  'ge',
  'db',
  'ln',
  'fn',
  'ct',
  'st',
  'zp',
  'country',
  'external_id',
  'hashed_maids',
];

/**
 * Errors by HTTP status:
 *
 * | status | code | meaning                                                    |
 * |--------|------|------------------------------------------------------------|
 * | 400    | 4196 | the request was invalid: none taken                        |
 * | 401    | 2    | no access token, or another one                            |
 * | 403    | 29   | not allowed                                                |
 * | 422    | –    | an event was not processed; its code is not published      |
 * | 429    | 8    | too many calls                                             |
 * | 503    | 4197 | no traffic is accepted                                     |
 */
const CODES: Readonly<Record<number, number>> = { 400: 4_196, 401: 2, 403: 29, 429: 8, 503: 4_197 };

export const pinterest: Receiver = {
  // For how long is not published.
  repeatWindowMs: Number.POSITIVE_INFINITY,
  judge,
  failure: (status) => refusal(status, 'The request was not processed.'),
  outwardEvents: readOnce(outwardEvents),
};

function judge(call: IncomingCall, credentials: Credentials): Answer {
  if (!isRightToken(bearerToken(credentials), credentials)) return refusal(401, 'Authentication failed.');
  const events = eventsOf(call.body);
  if (events === null) return refusal(400, `data must be a list of 1 to ${MAX_EVENTS} events`);
  const faults = events.map((event) => faultOf(event, call.receivedAt));
  const report = {
    num_events_received: events.length,
    num_events_processed: faults.filter((fault) => fault === null).length,
    events: faults.map((fault) => ({
      status: fault === null ? 'processed' : 'failed',
      error_message: fault ?? '',
      warning_message: '',
    })),
  };
  if (faults.every((fault) => fault === null)) return jsonAnswer(200, report);
  // The rest is taken, so the call is one that reported something. Where the answers of a 422 stand is not published.
  const isAnyTaken = report.num_events_processed > 0;
  const message = 'Not all events were successfully processed.';
  return jsonAnswer(422, { code: 422, message, details: report }, isAnyTaken);
}

function eventsOf(body: string): readonly unknown[] | null {
  const parsed = parseJson(body);
  const data = isJsonObject(parsed) ? parsed['data'] : undefined;
  return Array.isArray(data) && data.length > 0 && data.length <= MAX_EVENTS ? data : null;
}

type Check = (event: JsonObject, now: number) => string | null;

const CHECKS: readonly Check[] = [checkName, checkSource, checkTime, checkPerson, checkHashes, checkValue];

function faultOf(event: unknown, now: number): string | null {
  if (!isJsonObject(event)) return 'an event must be an object';
  for (const check of CHECKS) {
    const fault = check(event, now);
    if (fault !== null) return fault;
  }
  return null;
}

function checkName({ event_name: name, event_id: id }: JsonObject): string | null {
  if (typeof name !== 'string' || !EVENTS.includes(name)) return 'event_name is not one of the events';
  return isFilled(id) ? null : 'event_id is missing';
}

function checkSource({ action_source: source }: JsonObject): string | null {
  return typeof source === 'string' && ACTION_SOURCES.includes(source) ? null : 'action_source is invalid';
}

function checkTime({ event_time: time }: JsonObject, now: number): string | null {
  const at = millisecondsOf(time);
  if (at === null) return 'event_time must be whole seconds since 1970';
  return now - at <= MAX_AGE_MS ? null : 'event_time is too old';
}

function checkPerson(event: JsonObject): string | null {
  const user = objectOf(event['user_data']);
  const has = (field: string) => listOf(user[field]).some(isFilled);
  const isKnown = has('em') || has('hashed_maids') || (has('client_ip_address') && has('client_user_agent'));
  return isKnown ? null : 'user_data needs em, hashed_maids, or client_ip_address and client_user_agent';
}

function checkHashes(event: JsonObject): string | null {
  const user = objectOf(event['user_data']);
  const wrong = HASHED_FIELDS.find((field) => {
    const value = user[field];
    return value !== undefined && !(Array.isArray(value) && value.every(isHashed));
  });
  return wrong === undefined ? null : `user_data.${wrong} must be a list of SHA-256`;
}

function checkValue(event: JsonObject): string | null {
  const { value, currency } = objectOf(event['custom_data']);
  if (value !== undefined && !(typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value))) {
    return 'custom_data.value must be a number as text';
  }
  const isCurrency = currency === undefined || (typeof currency === 'string' && isCurrencyCode(currency));
  return isCurrency ? null : 'custom_data.currency is invalid';
}

/** What failed was not taken, and tests count nowhere. */
function outwardEvents(call: ReceivedCall): readonly OutwardEvent[] {
  const isTest = call.query.some(([name, value]) => name === 'test' && value === 'true');
  if (isTest) return [];
  return (eventsOf(call.body) ?? []).flatMap((event, index) =>
    isJsonObject(event) && faultOf(event, call.receivedAt) === null
      ? [outwardEvent(event, `${call.sequence}.${index}`)]
      : [],
  );
}

/** @param place makes each event in a shop one of its own: those are not deduplicated. */
function outwardEvent(event: JsonObject, place: string): OutwardEvent {
  const { event_name: name, event_id: id, action_source: source } = event;
  const key = String(id);
  const identity = JSON.stringify(source === 'offline' ? [place] : [name, key]);
  return { key, identity, value: checkoutValue(event) };
}

function checkoutValue(event: JsonObject): SentValue | null {
  const { value, currency } = objectOf(event['custom_data']);
  return sentValue(value, currency);
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function refusal(status: number, message: string): Answer {
  return jsonAnswer(status, { code: CODES[status] ?? 0, message }, false);
}
