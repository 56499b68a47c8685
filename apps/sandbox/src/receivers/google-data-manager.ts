/** Google's Data Manager API as its reference and its users' traces describe it: a request is taken or refused whole, the rest is told later. */
import { createHash } from 'node:crypto';
import { isCurrencyCode } from '@tributary/domain';
import { isJsonObject, JsonNumber, type JsonObject, parseJson } from '../json.ts';
import type { IncomingCall, ReceivedCall } from '../received-calls.ts';
import { bearerToken, isRightToken } from './access-token.ts';
import { isFilled, isHashed, listOf, numberText, readOnce, sentValue } from './event-fields.ts';
import { jsonAnswer } from './json-answer.ts';
import type { Answer, Credentials, OutwardEvent, Receiver } from './receiver.ts';

const DAY_MS = 86_400_000;
const MAX_AGE_MS = 90 * DAY_MS;
const MAX_EVENTS = 2_000;
const MAX_DESTINATIONS = 10;
const MAX_USER_IDENTIFIERS = 10;

const EVENT_SOURCES = ['WEB', 'APP', 'IN_STORE', 'PHONE', 'MESSAGE', 'OTHER'];
const CONSENT_STATUSES = ['CONSENT_STATUS_UNSPECIFIED', 'CONSENT_GRANTED', 'CONSENT_DENIED'];
const CLICK_IDS = ['gclid', 'gbraid', 'wbraid'];

/** The names of the published messages: JSON with any other is refused before anything else is looked at. */
const REQUEST_FIELDS = ['destinations', 'events', 'consent', 'validateOnly', 'encoding', 'encryptionInfo'];
const EVENT_FIELDS = [
  'destinationReferences',
  'transactionId',
  'eventTimestamp',
  'lastUpdatedTimestamp',
  'userData',
  'consent',
  'adIdentifiers',
  'currency',
  'conversionValue',
  'eventSource',
  'eventDeviceInfo',
  'cartData',
  'customVariables',
  'experimentalFields',
  'userProperties',
  'eventName',
  'clientId',
  'userId',
  'additionalEventParameters',
  'thirdPartyUserData',
  'eventLocation',
  'appInstanceId',
];

/** What is wrong with one field; `reason` is of the API's own ErrorReason. */
interface Violation {
  readonly field: string;
  readonly reason: string;
  readonly description: string;
}

/** How Google words an HTTP status that a test asked for; any other 4xx is a wrong argument, any other 5xx internal. */
const STATUSES: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

export const googleDataManager: Receiver = {
  // The transaction id of a conversion stands for good; sent again it adjusts.
  repeatWindowMs: Number.POSITIVE_INFINITY,
  judge,
  failure: (status) => failure(status, STATUSES[status] ?? (status >= 500 ? 'INTERNAL' : 'INVALID_ARGUMENT')),
  outwardEvents: readOnce(outwardEvents),
};

/** The account a call names in its body: the receiver's name, for the address is the same for all. */
export function operatingAccount(body: string): string {
  const [first] = listOf(requestOf(body)?.['destinations']);
  const account = isJsonObject(first) ? first['operatingAccount'] : undefined;
  const id = isJsonObject(account) ? account['accountId'] : undefined;
  return typeof id === 'string' && /^\d{1,20}$/.test(id) ? id : 'unknown';
}

function judge(call: IncomingCall, credentials: Credentials): Answer {
  if (!isRightToken(bearerToken(credentials), credentials)) return failure(401, 'UNAUTHENTICATED');
  const request = requestOf(call.body);
  if (request === null) return failure(400, 'INVALID_ARGUMENT');
  const violations = violationsOf(request);
  if (violations.length > 0) return failure(400, 'INVALID_ARGUMENT', violations);
  return jsonAnswer(200, { requestId: requestIdOf(call) });
}

function requestOf(body: string): JsonObject | null {
  const parsed = parseJson(body);
  return isJsonObject(parsed) ? parsed : null;
}

function violationsOf(request: JsonObject): readonly Violation[] {
  const found = [...unknownFields(request, REQUEST_FIELDS, ''), ...destinationViolations(request)];
  if (found.length > 0) return found;
  const events = listOf(request['events']);
  if (events.length === 0) return [missing('events')];
  if (events.length > MAX_EVENTS) return [violation('events', 'TOO_MANY_EVENTS')];
  return events.flatMap((event, place) => {
    const path = `events[${place}]`;
    if (!isJsonObject(event)) return [violation(path, 'INVALID_EVENT')];
    return CHECKS.flatMap((check) => check(event, path, request));
  });
}

function destinationViolations({ destinations }: JsonObject): readonly Violation[] {
  const list = listOf(destinations);
  if (list.length === 0) return [missing('destinations')];
  if (list.length > MAX_DESTINATIONS) return [violation('destinations', 'TOO_MANY_DESTINATIONS')];
  return list.flatMap((destination, place) => {
    const path = `destinations[${place}]`;
    if (!isJsonObject(destination)) return [violation(path, 'INVALID_DESTINATION')];
    const { operatingAccount: account, productDestinationId: id } = destination;
    if (!isAccount(account)) return [violation(`${path}.operating_account`, 'INVALID_DESTINATION')];
    if (typeof id === 'string' && /^\d+$/.test(id)) return [];
    return [violation(`${path}.product_destination_id`, 'INVALID_CONVERSION_ACTION_ID')];
  });
}

function isAccount(account: unknown): boolean {
  if (!isJsonObject(account)) return false;
  return account['accountType'] === 'GOOGLE_ADS' && /^\d{10}$/.test(String(account['accountId']));
}

type Check = (event: JsonObject, path: string, request: JsonObject) => readonly Violation[];

const CHECKS: readonly Check[] = [
  (event, path) => unknownFields(event, EVENT_FIELDS, path),
  checkTransaction,
  checkTimes,
  checkSource,
  checkValue,
  checkIdentifiers,
  checkUserData,
  checkConsent,
];

function unknownFields(object: JsonObject, known: readonly string[], path: string): readonly Violation[] {
  return Object.keys(object)
    .filter((name) => !known.includes(name))
    .map((name) => violation(path === '' ? name : `${path}.${name}`, 'INVALID_ARGUMENT'));
}

/** A transaction id of digits alone is refused; seen by those who sent one, and documented nowhere. */
function checkTransaction({ transactionId: id }: JsonObject, path: string): readonly Violation[] {
  if (id === undefined) return [];
  const isWrong = typeof id !== 'string' || /^\d*$/.test(id);
  return isWrong ? [violation(`${path}.transaction_id`, 'INVALID_ARGUMENT')] : [];
}

function checkTimes(event: JsonObject, path: string): readonly Violation[] {
  if (event['eventTimestamp'] === undefined) return [missing(`${path}.event_timestamp`)];
  return ['eventTimestamp', 'lastUpdatedTimestamp']
    .filter((name) => event[name] !== undefined && timeOf(event[name]) === null)
    .map((name) => violation(`${path}.${name}`, 'INVALID_FORMAT'));
}

const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

function timeOf(text: unknown): number | null {
  if (typeof text !== 'string' || !RFC_3339.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

function checkSource({ eventSource: source }: JsonObject, path: string): readonly Violation[] {
  if (source === undefined) return [missing(`${path}.event_source`)];
  return EVENT_SOURCES.includes(String(source))
    ? []
    : [violation(`${path}.event_source`, 'INVALID_ENUM_VALUE')];
}

function checkValue({ conversionValue: value, currency }: JsonObject, path: string): readonly Violation[] {
  return [
    ...(value === undefined || value instanceof JsonNumber
      ? []
      : [violation(`${path}.conversion_value`, 'INVALID_NUMBER_FORMAT')]),
    ...(currency === undefined || (typeof currency === 'string' && isCurrencyCode(currency))
      ? []
      : [violation(`${path}.currency`, 'INVALID_CURRENCY_CODE')]),
  ];
}

function checkIdentifiers({ adIdentifiers, userData }: JsonObject, path: string): readonly Violation[] {
  const clicks = isJsonObject(adIdentifiers) ? CLICK_IDS.filter((name) => isFilled(adIdentifiers[name])) : [];
  if (clicks.length > 1) return [violation(`${path}.ad_identifiers`, 'INVALID_ARGUMENT')];
  if (clicks.length === 1 || userData !== undefined) return [];
  return [violation(path, 'NO_IDENTIFIERS_PROVIDED')];
}

function checkUserData({ userData }: JsonObject, path: string, request: JsonObject): readonly Violation[] {
  if (userData === undefined) return [];
  if (request['encoding'] !== 'HEX' && request['encoding'] !== 'BASE64') return [missing('encoding')];
  const at = `${path}.user_data.user_identifiers`;
  const identifiers = isJsonObject(userData) ? listOf(userData['userIdentifiers']) : [];
  if (identifiers.length === 0) return [missing(at)];
  if (identifiers.length > MAX_USER_IDENTIFIERS) return [violation(at, 'TOO_MANY_USER_IDENTIFIERS')];
  return identifiers.flatMap((identifier, place) => {
    const hashes = isJsonObject(identifier) ? Object.values(identifier) : [];
    const isSound = hashes.length === 1 && hashes.every((hash) => isHashed(hash) || isJsonObject(hash));
    return isSound ? [] : [violation(`${at}[${place}]`, 'INVALID_SHA256_FORMAT')];
  });
}

function checkConsent({ consent }: JsonObject, path: string): readonly Violation[] {
  if (consent === undefined) return [];
  const statuses = isJsonObject(consent) ? Object.values(consent) : [consent];
  const isSound = statuses.every((status) => CONSENT_STATUSES.includes(String(status)));
  return isSound ? [] : [violation(`${path}.consent`, 'INVALID_ENUM_VALUE')];
}

/** Tests are validated, and counted nowhere; of the others those that processing drops are not counted either. */
function outwardEvents(call: ReceivedCall): readonly OutwardEvent[] {
  const request = requestOf(call.body);
  if (request === null || request['validateOnly'] === true) return [];
  const [destination] = listOf(request['destinations']).filter(isJsonObject);
  return listOf(request['events'])
    .filter(isJsonObject)
    .map((event, place) => ({ event, place: `${call.sequence}.${place}` }))
    .filter(({ event }) => processingError(event, call.receivedAt) === null)
    .map(({ event, place }) => {
      const { transactionId, conversionValue, currency } = event;
      const key = typeof transactionId === 'string' ? transactionId : place;
      return {
        key,
        identity: JSON.stringify([destination?.['productDestinationId'], key]),
        value: sentValue(numberText(conversionValue), currency),
        restates: true,
      };
    });
}

/** Why an event that was accepted is dropped later; null for one that counts. */
function processingError({ eventTimestamp, consent }: JsonObject, receivedAt: number): string | null {
  if (receivedAt - (timeOf(eventTimestamp) ?? 0) > MAX_AGE_MS) return 'PROCESSING_ERROR_REASON_EVENT_TOO_OLD';
  if (isJsonObject(consent) && consent['adUserData'] === 'CONSENT_DENIED') {
    return 'PROCESSING_ERROR_REASON_DENIED_CONSENT';
  }
  return null;
}

/** Google takes half an hour and more; a second is enough to show that one has to ask again. */
const PROCESSING_MS = 1_000;

/** The call that was answered with this id; null when there is none. */
export function acceptedCall(calls: readonly ReceivedCall[], requestId: string): ReceivedCall | null {
  return calls.find((each) => each.accepted && requestIdOf(each) === requestId) ?? null;
}

/** What became of the events of a call, in counts: `requestStatus:retrieve`. */
export function requestStatus(call: ReceivedCall | null, credentials: Credentials, now: number): Answer {
  if (!isRightToken(bearerToken(credentials), credentials)) return failure(401, 'UNAUTHENTICATED');
  const request = call === null ? null : requestOf(call.body);
  if (call === null || request === null || request['validateOnly'] === true) {
    return failure(400, 'INVALID_ARGUMENT', [violation('request_id', 'INVALID_REQUEST_ID')]);
  }
  if (now - call.receivedAt < PROCESSING_MS) {
    const destinations = listOf(request['destinations']);
    return jsonAnswer(200, {
      requestStatusPerDestination: destinations.map((destination) => ({
        destination,
        requestStatus: 'PROCESSING',
      })),
    });
  }
  const events = listOf(request['events']).filter(isJsonObject);
  const errors = events.flatMap((event) => processingError(event, call.receivedAt) ?? []);
  return jsonAnswer(200, {
    requestStatusPerDestination: listOf(request['destinations']).map((destination) => ({
      destination,
      requestStatus: statusOf(errors.length, events.length),
      ...(errors.length > 0 && { errorInfo: { errorCounts: countsOf(errors) } }),
      eventsIngestionStatus: { recordCount: String(events.length) },
    })),
  });
}

function statusOf(failed: number, all: number): string {
  if (failed === 0) return 'SUCCESS';
  return failed === all ? 'FAILED' : 'PARTIAL_SUCCESS';
}

/** Counts are 64-bit numbers, which Google's JSON writes as text. */
function countsOf(reasons: readonly string[]) {
  const byReason = Map.groupBy(reasons, (reason) => reason);
  return [...byReason].map(([reason, same]) => ({ recordCount: String(same.length), reason }));
}

/** Found again from the recorded call, for answers are not recorded. */
function requestIdOf({ name, receivedAt, body }: IncomingCall): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([name, receivedAt, body]))
    .digest('hex');
  return digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}

function missing(field: string): Violation {
  return violation(field, 'REQUIRED_FIELD_MISSING');
}

function violation(field: string, reason: string): Violation {
  return { field, reason, description: `There was a problem with ${field}.` };
}

function failure(status: number, code: string, violations: readonly Violation[] = []): Answer {
  const reason = violations[0]?.reason ?? code;
  const details: object[] = [
    { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'datamanager.googleapis.com' },
  ];
  if (violations.length > 0) {
    details.push({ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: violations });
  }
  const message = violations.length > 0 ? 'There was a problem with the request.' : code;
  return jsonAnswer(status, { error: { code: status, message, status: code, details } });
}
