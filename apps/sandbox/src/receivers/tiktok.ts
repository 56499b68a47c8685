/** TikTok's Events API as its reference and its users' traces describe it: always 200, and a code in the body. */
import { randomUUID } from 'node:crypto';
import { isCurrencyCode } from '@tributary/domain';
import { isJsonObject, JsonNumber, type JsonObject, parseJson } from '../json.ts';
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
import type { Answer, Credentials, OutwardEvent, Receiver } from './receiver.ts';

const DAY_MS = 86_400_000;
const REPEAT_WINDOW_MS = 2 * DAY_MS;
const MAX_EVENTS = 1_000;
/** By event source; of a CRM nothing else is known than of a shop. */
const MAX_AGE_MS: Readonly<Record<string, number>> = {
  web: 7 * DAY_MS,
  app: 7 * DAY_MS,
  offline: 28 * DAY_MS,
  crm: 28 * DAY_MS,
};

/** Fields of `user` that are taken only as SHA-256, alone or as a list. */
const HASHED_FIELDS = ['email', 'phone', 'external_id', 'first_name', 'last_name', 'zip_code'];

/**
 * The codes answered here; which fault has which is published for none but the wrong parameter.
 *
 * | code  | meaning                                          |
 * |-------|--------------------------------------------------|
 * | 0     | all events taken                                 |
 * | 20001 | some taken: those that are too old were not      |
 * | 40001 | no permission                                    |
 * | 40002 | a wrong parameter: none taken                    |
 * | 40061 | more than 1,000 events: none taken               |
 * | 40062 | an identifier in clear: none taken               |
 * | 40100 | too many requests                                |
 * | 40104 | no access token                                  |
 * | 40105 | another access token                             |
 * | 50000 | failing                                          |
 */
interface Fault {
  readonly code: number;
  readonly message: string;
}

const NO_TOKEN: Fault = { code: 40_104, message: 'Access token is empty.' };
const WRONG_TOKEN: Fault = { code: 40_105, message: 'Access token is incorrect or has been revoked.' };
const FAILING: Fault = { code: 50_000, message: 'System error.' };

/** How TikTok words an HTTP status that a test asked for; 5xx is failing, any other 4xx a wrong parameter. */
const FAILURES: Readonly<Record<number, Fault>> = {
  401: WRONG_TOKEN,
  403: { code: 40_001, message: 'No permission to operate pixel code.' },
  408: FAILING,
  425: FAILING,
  429: { code: 40_100, message: 'Too many requests. Please retry in some time.' },
};

export const tiktok: Receiver = {
  repeatWindowMs: REPEAT_WINDOW_MS,
  judge,
  failure: (status) => answer(FAILURES[status] ?? (status >= 500 ? FAILING : wrong('Not valid.')), status),
  outwardEvents: readOnce(outwardEvents),
};

/** The event source a call names in its body: the receiver's name, for the address is the same for all. */
export function tiktokEventSource(body: string): string {
  const { event_source_id: id } = requestOf(body) ?? {};
  return typeof id === 'string' && /^[A-Za-z0-9]{1,64}$/.test(id) ? id : 'unknown';
}

function judge(call: IncomingCall, credentials: Credentials): Answer {
  const token = credentials.header('access-token');
  if (token === undefined || token === '') return answer(NO_TOKEN);
  if (!isRightToken(token, credentials)) return answer(WRONG_TOKEN);
  const request = requestOf(call.body);
  if (request === null) return answer(wrong('The body is no JSON object.'));
  const fault = requestFault(request) ?? eventFault(eventsOf(request), String(request['event_source']));
  if (fault !== null) return answer(fault);
  const events = eventsOf(request);
  const taken = events.filter((event) => isRecent(event, request, call.receivedAt));
  if (taken.length === events.length) return answer({ code: 0, message: 'OK' });
  if (taken.length === 0) return answer(wrong('Batch.0.event_time: too old.'));
  return answer({ code: 20_001, message: 'Partial success.' });
}

function requestOf(body: string): JsonObject | null {
  const parsed = parseJson(body);
  return isJsonObject(parsed) ? parsed : null;
}

function requestFault(request: JsonObject): Fault | null {
  const { event_source: source, event_source_id: id, data } = request;
  if (typeof source !== 'string' || !Object.hasOwn(MAX_AGE_MS, source)) {
    return wrong('event_source: Not a valid choice.');
  }
  if (typeof id !== 'string' || id === '') return wrong('event_source_id: Missing data for required field.');
  if (!Array.isArray(data) || data.length === 0) return wrong('data: Missing data for required field.');
  if (data.length > MAX_EVENTS) return { code: 40_061, message: `data: more than ${MAX_EVENTS} events.` };
  return data.every(isJsonObject) ? null : wrong('data: Not a valid list of objects.');
}

function eventsOf({ data }: JsonObject): readonly JsonObject[] {
  return Array.isArray(data) ? data.filter(isJsonObject) : [];
}

type Check = (event: JsonObject, source: string) => Fault | null;

const CHECKS: readonly Check[] = [checkEvent, checkTime, checkUser, checkProperties, checkPage];

/** The first fault of the first event that has one: one bad event refuses the whole request. */
function eventFault(events: readonly JsonObject[], source: string): Fault | null {
  for (const [index, event] of events.entries()) {
    for (const check of CHECKS) {
      const fault = check(event, source);
      if (fault !== null) return { ...fault, message: `Batch.${index}.${fault.message}` };
    }
  }
  return null;
}

function checkEvent({ event, event_id: id }: JsonObject): Fault | null {
  if (typeof event !== 'string' || event === '') return wrong('event: Missing data for required field.');
  return id === undefined || isFilled(id) ? null : wrong('event_id: Not a valid string.');
}

function checkTime({ event_time: time }: JsonObject): Fault | null {
  return millisecondsOf(time) === null ? wrong('event_time: Not a valid integer.') : null;
}

function checkUser({ user }: JsonObject): Fault | null {
  if (user === undefined) return null;
  if (!isJsonObject(user)) return wrong('user: Not a valid object.');
  const clear = HASHED_FIELDS.find((field) => !listOf(user[field]).every(isHashed));
  return clear === undefined ? null : { code: 40_062, message: `user.${clear}: Not hashed.` };
}

function checkProperties({ properties }: JsonObject): Fault | null {
  if (properties === undefined) return null;
  if (!isJsonObject(properties)) return wrong('properties: Not a valid object.');
  const { value, currency, contents } = properties;
  if (value !== undefined && !(value instanceof JsonNumber))
    return wrong('properties.value: Not a valid number.');
  if (currency !== undefined && !(typeof currency === 'string' && isCurrencyCode(currency))) {
    return wrong('properties.currency: Not a valid choice.');
  }
  const bad = listOf(contents).findIndex(
    (content) => !isJsonObject(content) || typeof (content['content_id'] ?? '') !== 'string',
  );
  return bad < 0 ? null : wrong(`properties.contents.${bad}.content_id: Not a valid string`);
}

function checkPage({ page }: JsonObject, source: string): Fault | null {
  if (source !== 'web') return null;
  const hasUrl = isJsonObject(page) && typeof page['url'] === 'string' && page['url'] !== '';
  return hasUrl ? null : wrong('page.url: Missing data for required field.');
}

function isRecent(
  { event_time: time }: JsonObject,
  { event_source: source }: JsonObject,
  now: number,
): boolean {
  return now - (millisecondsOf(time) ?? 0) <= (MAX_AGE_MS[String(source)] ?? 0);
}

/** Tests are shown to whoever tests, and counted nowhere. */
function outwardEvents(call: ReceivedCall): readonly OutwardEvent[] {
  const request = requestOf(call.body);
  if (request === null || request['test_event_code'] !== undefined) return [];
  return eventsOf(request)
    .map((event, index) => ({ event, place: `${call.sequence}.${index}` }))
    .filter(({ event }) => isRecent(event, request, call.receivedAt))
    .map(({ event, place }) => outwardEvent(event, place));
}

/** @param place stands in for a missing event_id: without one, TikTok takes no two events as one. */
function outwardEvent({ event, event_id: id, properties }: JsonObject, place: string): OutwardEvent {
  const key = typeof id === 'string' ? id : place;
  const value = isJsonObject(properties)
    ? sentValue(numberText(properties['value']), properties['currency'])
    : null;
  return { key, identity: JSON.stringify([event, key]), value };
}

function wrong(message: string): Fault {
  return { code: 40_002, message };
}

function answer({ code, message }: Fault, status = 200): Answer {
  const accepted = status === 200 && (code === 0 || code === 20_001);
  return jsonAnswer(status, { code, message, request_id: randomUUID(), data: {} }, accepted);
}
