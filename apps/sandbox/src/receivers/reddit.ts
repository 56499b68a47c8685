/** Reddit's Conversions API v3 as its guide and its users' traces describe it: all or nothing, faults told by event and field. */
import { isJsonObject, JsonNumber, type JsonObject, parseJson } from '../json.ts';
import type { IncomingCall, ReceivedCall } from '../received-calls.ts';
import { bearerToken, isRightToken } from './access-token.ts';
import { numberText, readOnce, sentValue } from './event-fields.ts';
import { jsonAnswer } from './json-answer.ts';
import type { Answer, Credentials, OutwardEvent, Receiver } from './receiver.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const REPEAT_WINDOW_MS = 2 * DAY_MS;
const MAX_AGE_MS = 7 * DAY_MS;
const MAX_AHEAD_MS = 5 * MINUTE_MS;
const MAX_EVENTS = 1_000;
const MAX_CUSTOM_NAME = 64;

const ACTION_SOURCES = ['WEBSITE', 'APP', 'PHYSICAL_STORE', 'OTHER'];
const TRACKING_TYPES = [
  'PAGE_VISIT',
  'VIEW_CONTENT',
  'SEARCH',
  'ADD_TO_CART',
  'ADD_TO_WISHLIST',
  'PURCHASE',
  'LEAD',
  'SIGN_UP',
  'CUSTOM',
];
const EVENT_FIELDS = [
  'click_id',
  'event_at',
  'event_source_url',
  'action_source',
  'type',
  'user',
  'metadata',
];
const UUID = /^(?:\d+\.)?[\da-f]{8}-[\da-f]{4}-[1-5][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/i;

/** How Reddit words an HTTP status that a test asked for. */
const FAILURES: Readonly<Record<number, string>> = {
  403: "You're not authorized to post conversions to Pixel ID.",
  429: 'Too many requests/events within timeframe.',
};
const UNAVAILABLE = 'The service is currently unavailable. No conversion events were processed.';

export const reddit: Receiver = {
  repeatWindowMs: REPEAT_WINDOW_MS,
  judge,
  failure: (status) =>
    status === 401
      ? unauthorized()
      : refusal(status, FAILURES[status] ?? (status >= 500 ? UNAVAILABLE : 'Bad Request')),
  outwardEvents: readOnce(outwardEvents),
};

interface FieldFault {
  readonly field: string;
  readonly message: string;
}

function judge(call: IncomingCall, credentials: Credentials): Answer {
  if (!isRightToken(bearerToken(credentials), credentials)) return unauthorized();
  const data = dataOf(call.body);
  const events = data?.['events'];
  if (!Array.isArray(events) || events.length === 0 || events.length > MAX_EVENTS) {
    return refusal(400, 'Bad Request');
  }
  const unknown = events.flatMap((event: unknown) => (isJsonObject(event) ? unknownFields(event) : []));
  if (unknown.length > 0) return refusal(400, `JSON error "unknown field" on field "${unknown[0]}"`);
  const faults = events.map((event: unknown, place) => eventFaults(event, place, call.receivedAt));
  const count = faults.filter((each) => each.length > 0).length;
  if (count > 0) {
    const message = `There were ${count} invalid conversion events. None were processed.`;
    return refusal(400, message, faults.flat());
  }
  return jsonAnswer(200, { data: { message: `Successfully processed ${events.length} conversion events.` } });
}

function dataOf(body: string): JsonObject | null {
  const parsed = parseJson(body);
  const data = isJsonObject(parsed) ? parsed['data'] : undefined;
  return isJsonObject(data) ? data : null;
}

function unknownFields(event: JsonObject): string[] {
  return Object.keys(event).filter((field) => !EVENT_FIELDS.includes(field));
}

function eventFaults(event: unknown, place: number, now: number): FieldFault[] {
  if (!isJsonObject(event)) return [{ field: `$.data.events[${place}]`, message: 'it is not an object' }];
  const found = {
    ...timeFault(event, now),
    ...typeFault(event),
    ...metadataFault(event),
    ...personFault(event),
  };
  return Object.entries(found).map(([name, message]) => ({
    field: `$.data.events[${place}].${name}`,
    message,
  }));
}

type Faults = Readonly<Record<string, string>>;

function timeFault({ event_at: time }: JsonObject, now: number): Faults {
  if (!(time instanceof JsonNumber) || !/^\d{1,15}$/.test(time.text)) {
    return { event_at: 'event_at must be milliseconds since 1970' };
  }
  const ageMs = now - Number(time.text);
  if (ageMs > MAX_AGE_MS) return { event_at: 'event_at timestamp must be less than 168h0m0s old' };
  if (ageMs < -MAX_AHEAD_MS)
    return { event_at: 'event_at timestamp must not be more than 5m0s in the future' };
  return {};
}

function typeFault({ action_source: source, type }: JsonObject): Faults {
  const { tracking_type: tracking, custom_event_name: name } = isJsonObject(type) ? type : {};
  const isNamed = typeof name === 'string' && name !== '' && name.length <= MAX_CUSTOM_NAME;
  return {
    ...(source === undefined && { action_source: 'missing action_source' }),
    ...(source !== undefined &&
      !ACTION_SOURCES.includes(String(source)) && {
        action_source: `invalid action_source: ${String(source)}`,
      }),
    ...(!TRACKING_TYPES.includes(String(tracking)) && {
      'type.tracking_type': `invalid tracking_type: ${String(tracking)}`,
    }),
    ...(tracking === 'CUSTOM' && !isNamed && { 'type.custom_event_name': 'must be 1 to 64 characters' }),
  };
}

function metadataFault({ metadata }: JsonObject): Faults {
  if (!isJsonObject(metadata)) return {};
  const { value, item_count: count } = metadata;
  return {
    ...(value !== undefined && numberText(value) === undefined && { 'metadata.value': 'must be a number' }),
    ...(count !== undefined &&
      numberText(count) === undefined && { 'metadata.item_count': 'must be a number' }),
  };
}

function personFault({ user }: JsonObject): Faults {
  const { uuid } = isJsonObject(user) ? user : {};
  if (uuid === undefined || UUID.test(String(uuid))) return {};
  return { 'user.UUID': 'user.UUID: invalid UUID: UUID must be RFC-4122 compliant' };
}

/** Tests are shown in Event Testing and counted nowhere. */
function outwardEvents(call: ReceivedCall): readonly OutwardEvent[] {
  const { test_id: testId, events = [] } = dataOf(call.body) ?? {};
  if (testId !== undefined || !Array.isArray(events)) return [];
  return events.filter(isJsonObject).map((event, place) => outwardEvent(event, `${call.sequence}.${place}`));
}

/** @param place stands in for a missing conversion_id. */
function outwardEvent({ metadata, type, action_source: source }: JsonObject, place: string): OutwardEvent {
  const { conversion_id: id, value, currency } = isJsonObject(metadata) ? metadata : {};
  const { tracking_type: tracking, custom_event_name: name } = isJsonObject(type) ? type : {};
  const key = typeof id === 'string' ? id : place;
  return {
    key,
    identity: JSON.stringify([source, tracking, name, key]),
    value: sentValue(numberText(value), currency),
  };
}

function unauthorized(): Answer {
  const error = {
    reason: 'UNAUTHORIZED',
    explanation: 'This server could not verify that you are authorized.',
  };
  return jsonAnswer(401, { success: false, error });
}

function refusal(status: number, message: string, fields: readonly FieldFault[] = []): Answer {
  return jsonAnswer(
    status,
    { error: { code: status, message, ...(fields.length > 0 && { fields }) } },
    false,
  );
}
