/** Microsoft's Conversions API of a UET tag as its users' traces describe it: events are taken one by one, the bad ones named by place. */
import { randomUUID } from 'node:crypto';
import { isCurrencyCode } from '@tributary/domain';
import { isJsonObject, JsonNumber, type JsonObject, parseJson } from '../json.ts';
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
import type { Answer, Credentials, OutwardEvent, Receiver } from './receiver.ts';

const DAY_MS = 86_400_000;
const MAX_AGE_MS = 7 * DAY_MS;
const MAX_EVENTS = 1_000;
const MAX_BYTES = 1_000_000;
const IDENTIFIERS = ['anonymousId', 'externalId', 'em', 'ph', 'msclkid', 'gaid', 'idfa'];
const CLICK_ID = /^[0-9a-f-]{32,36}$/i;

/** What is wrong with one field of one event. */
interface Fault {
  readonly propertyName: string;
  readonly errorMessage: string;
}

/** How Microsoft words an HTTP status that a test asked for. */
const CODES: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
};

export const microsoftUet: Receiver = {
  // By eventId and eventName; for how long is not said.
  repeatWindowMs: Number.POSITIVE_INFINITY,
  judge,
  failure: (status) => failure(status, CODES[status] ?? (status >= 500 ? 'InternalError' : 'BadRequest')),
  outwardEvents: readOnce(outwardEvents),
};

function judge(call: IncomingCall, credentials: Credentials): Answer {
  if (!isRightToken(bearerToken(credentials), credentials)) return failure(401, 'Unauthorized');
  const request = requestOf(call.body);
  const events = listOf(request?.['data']);
  if (request === null || events.length === 0 || events.length > MAX_EVENTS)
    return failure(400, 'BadRequest');
  const details = events.flatMap((event, index) =>
    faultsOf(event, call.receivedAt).map((fault) => ({ index, attemptedValue: null, ...fault })),
  );
  const bad = new Set(details.map(({ index }) => index)).size;
  if (bad === 0) return answer(events.length);
  if (request['continueOnValidationError'] !== true) return failure(400, 'ValidationError', details);
  return jsonAnswer(
    200,
    {
      eventsReceived: events.length - bad,
      error: errorOf('ValidationError', details),
      traceId: randomUUID(),
    },
    bad < events.length,
  );
}

function requestOf(body: string): JsonObject | null {
  const parsed = Buffer.byteLength(body) <= MAX_BYTES ? parseJson(body) : undefined;
  return isJsonObject(parsed) ? parsed : null;
}

type Check = (event: JsonObject, now: number) => readonly Fault[];

const CHECKS: readonly Check[] = [checkType, checkTime, checkConsent, checkUser, checkValue];

function faultsOf(event: unknown, now: number): readonly Fault[] {
  if (!isJsonObject(event)) return [fault('data', 'is not an object')];
  return CHECKS.flatMap((check) => check(event, now));
}

function checkType({ eventType, eventName, eventSourceUrl }: JsonObject): readonly Fault[] {
  if (eventType === 'pageLoad') {
    return isFilled(eventSourceUrl) ? [] : [fault('eventSourceUrl', 'is required for pageLoad')];
  }
  if (eventType !== 'custom') return [fault('eventType', 'must be pageLoad or custom')];
  return isFilled(eventName) ? [] : [fault('eventName', 'is required for custom')];
}

function checkTime({ eventTime }: JsonObject, now: number): readonly Fault[] {
  const at = millisecondsOf(eventTime);
  if (at === null) return [fault('eventTime', 'must be whole seconds since 1970')];
  return now - at <= MAX_AGE_MS ? [] : [fault('eventTime', 'must be within the last 7 days')];
}

function checkConsent({ adStorageConsent: consent }: JsonObject): readonly Fault[] {
  return consent === undefined || consent === 'G' || consent === 'D'
    ? []
    : [fault('adStorageConsent', 'must be G or D')];
}

function checkUser({ userData }: JsonObject): readonly Fault[] {
  const user = isJsonObject(userData) ? userData : {};
  if (!IDENTIFIERS.some((name) => isFilled(user[name]))) return [fault('userData', 'needs an identifier')];
  const clear = ['em', 'ph'].filter((name) => user[name] !== undefined && !isHashed(user[name]));
  const click = user['msclkid'];
  const isClick = click === undefined || (typeof click === 'string' && CLICK_ID.test(click));
  return [
    ...clear.map((name) => fault(`userData.${name}`, 'must be SHA-256')),
    ...(isClick ? [] : [fault('userData.msclkid', 'must be a GUID')]),
  ];
}

function checkValue({ customData }: JsonObject): readonly Fault[] {
  const { value, currency } = isJsonObject(customData) ? customData : {};
  return [
    ...(value === undefined || value instanceof JsonNumber
      ? []
      : [fault('customData.value', 'must be a number')]),
    ...(currency === undefined || (typeof currency === 'string' && isCurrencyCode(currency))
      ? []
      : [fault('customData.currency', 'must be of ISO 4217')]),
  ];
}

/** Of a batch with faults the sound ones. */
function outwardEvents(call: ReceivedCall): readonly OutwardEvent[] {
  return listOf(requestOf(call.body)?.['data'])
    .map((event, index) => ({ event, place: `${call.sequence}.${index}` }))
    .flatMap(({ event, place }) => {
      const isSound = isJsonObject(event) && faultsOf(event, call.receivedAt).length === 0;
      return isSound ? [outwardEvent(event, place)] : [];
    });
}

/** @param place stands in for a missing eventId: without one, no two events are taken as one. */
function outwardEvent({ eventName, eventId, customData }: JsonObject, place: string): OutwardEvent {
  const key = typeof eventId === 'string' ? eventId : place;
  const { value, currency } = isJsonObject(customData) ? customData : {};
  return { key, identity: JSON.stringify([eventName, key]), value: sentValue(numberText(value), currency) };
}

function fault(propertyName: string, errorMessage: string): Fault {
  return { propertyName, errorMessage };
}

function errorOf(code: string, details: readonly object[]) {
  return { code, message: 'One or more events were not taken.', details };
}

function answer(eventsReceived: number): Answer {
  return jsonAnswer(200, { eventsReceived, traceId: randomUUID() });
}

function failure(status: number, code: string, details: readonly object[] = []): Answer {
  return jsonAnswer(status, { eventsReceived: 0, error: errorOf(code, details), traceId: randomUUID() });
}
