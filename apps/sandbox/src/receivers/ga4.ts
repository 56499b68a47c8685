/** Google Analytics 4, Measurement Protocol, as its pages describe it: always 204, and what it does not like it drops in silence. */
import { isCurrencyCode } from '@tributary/domain';
import { isJsonObject, JsonNumber, type JsonObject, parseJson } from '../json.ts';
import type { IncomingCall, ReceivedCall } from '../received-calls.ts';
import { isRightToken } from './access-token.ts';
import { isFilled, listOf, numberText, readOnce, sentValue } from './event-fields.ts';
import { jsonAnswer } from './json-answer.ts';
import type { Answer, Credentials, OutwardEvent, Receiver, SentValue } from './receiver.ts';

const HOUR_MS = 3_600_000;
const MAX_AGE_MS = 72 * HOUR_MS;
const MAX_EVENTS = 25;
const MAX_PARAMETERS = 25;
const MAX_VALUE_LENGTH = 100;
const MAX_BYTES = 130_000;
const EVENT_NAME = /^[A-Za-z][A-Za-z0-9_]{0,39}$/;
const VALIDATION_PATH = /^\/debug\//;

/** A message of the validation server. */
interface Fault {
  readonly fieldPath: string;
  readonly validationCode: string;
}

export const ga4: Receiver = {
  // A purchase is known by its transaction for good; for how long is not said.
  repeatWindowMs: Number.POSITIVE_INFINITY,
  judge,
  failure: (status) => silent(false, status),
  outwardEvents: readOnce(outwardEvents),
};

/** The stream a call names in its query: the receiver's name, for the address is the same for all. */
export function measurementId(query: string): string {
  const id = new URLSearchParams(query).get('measurement_id') ?? '';
  return /^[A-Za-z0-9-]{1,30}$/.test(id) ? id : 'unknown';
}

/** The validation server looks at fields only; the real one drops what is wrong, and all of a wrong secret. */
function judge(call: IncomingCall, credentials: Credentials): Answer {
  const request = requestOf(call.body);
  if (VALIDATION_PATH.test(call.path)) {
    const faults = faultsOf(request);
    const validationMessages = faults.map((fault) => ({
      ...fault,
      description: `${fault.fieldPath} is not valid`,
    }));
    return jsonAnswer(200, { validationMessages }, faults.length === 0);
  }
  const isKnown = isRightToken(credentials.parameter('api_secret'), credentials);
  return silent(isKnown && request !== null && requestFaults(request).length === 0);
}

function requestOf(body: string): JsonObject | null {
  const parsed = Buffer.byteLength(body) <= MAX_BYTES ? parseJson(body) : undefined;
  return isJsonObject(parsed) ? parsed : null;
}

function faultsOf(request: JsonObject | null): readonly Fault[] {
  if (request === null) return [fault('', 'VALUE_INVALID')];
  return [...requestFaults(request), ...eventsOf(request).flatMap(eventFaults)];
}

function requestFaults({ client_id: client, timestamp_micros: time, events }: JsonObject): readonly Fault[] {
  const list = listOf(events);
  return [
    ...(typeof client === 'string' && client !== '' ? [] : [fault('client_id', 'VALUE_REQUIRED')]),
    ...(time === undefined || microsOf(time) !== null ? [] : [fault('timestamp_micros', 'VALUE_INVALID')]),
    ...(list.length > 0 && list.every(isJsonObject) ? [] : [fault('events', 'VALUE_REQUIRED')]),
    ...(list.length > MAX_EVENTS ? [fault('events', 'MAX_BODY_SIZE_EXCEEDED')] : []),
  ];
}

function eventsOf({ events }: JsonObject): readonly JsonObject[] {
  return listOf(events).filter(isJsonObject);
}

function microsOf(time: unknown): number | null {
  return time instanceof JsonNumber && /^\d{16}$/.test(time.text) ? Number(time.text) : null;
}

function eventFaults({ name, params }: JsonObject): readonly Fault[] {
  const given = isJsonObject(params) ? params : {};
  return [
    ...(typeof name === 'string' && EVENT_NAME.test(name) ? [] : [fault('events', 'NAME_INVALID')]),
    ...(Object.keys(given).length > MAX_PARAMETERS ? [fault('events', 'EXCEEDED_MAX_ENTITIES')] : []),
    ...Object.entries(given).flatMap(([parameter, value]) => parameterFaults(parameter, value)),
    ...(given['value'] !== undefined && given['currency'] === undefined
      ? [fault('events.params.currency', 'VALUE_REQUIRED')]
      : []),
    ...(name === 'refund' && !isFilled(given['transaction_id'])
      ? [fault('events.params.transaction_id', 'VALUE_REQUIRED')]
      : []),
  ];
}

function parameterFaults(parameter: string, value: unknown): readonly Fault[] {
  const path = `events.params.${parameter}`;
  if (typeof value === 'string' && value.length > MAX_VALUE_LENGTH)
    return [fault(path, 'VALUE_OUT_OF_BOUNDS')];
  if (parameter === 'value' && !(value instanceof JsonNumber)) return [fault(path, 'VALUE_INVALID')];
  const isCurrency = typeof value === 'string' && isCurrencyCode(value);
  return parameter === 'currency' && !isCurrency ? [fault(path, 'VALUE_INVALID')] : [];
}

/** Those it keeps of a call: none of a test, none that are too old, and each event by itself. */
function outwardEvents(call: ReceivedCall): readonly OutwardEvent[] {
  const request = requestOf(call.body);
  if (request === null || VALIDATION_PATH.test(call.path)) return [];
  const at = (microsOf(request['timestamp_micros']) ?? call.receivedAt * 1_000) / 1_000;
  if (call.receivedAt - at > MAX_AGE_MS) return [];
  return eventsOf(request)
    .map((event, index) => ({ event, place: `${call.sequence}.${index}` }))
    .filter(({ event }) => eventFaults(event).length === 0)
    .map(({ event, place }) => outwardEvent(event, place));
}

/** Only a purchase is known again, by its transaction. @param place stands for an event that nothing tells from others. */
function outwardEvent({ name, params }: JsonObject, place: string): OutwardEvent {
  const given = isJsonObject(params) ? params : {};
  const { delivery_id: deliveryId, transaction_id: transaction } = given;
  const value = sentValue(numberText(given['value']), given['currency']);
  const key = typeof deliveryId === 'string' ? deliveryId : place;
  if (name === 'refund') return { key, identity: place, value: value && taken(value), takesAway: true };
  const isKnownAgain = name === 'purchase' && isFilled(transaction);
  return { key, identity: isKnownAgain ? JSON.stringify([name, transaction]) : place, value };
}

function taken({ text, currency }: SentValue): SentValue {
  return { text: text.startsWith('-') ? text.slice(1) : `-${text}`, currency };
}

function fault(fieldPath: string, validationCode: string): Fault {
  return { fieldPath, validationCode };
}

function silent(accepted: boolean, status = 204): Answer {
  return { accepted, status, contentType: 'text/plain', body: '' };
}
