/** X's Conversion API as its documentation describes it: signed by OAuth 1.0a or with a pixel token, and all or nothing. */
import { createHmac } from 'node:crypto';
import { isJsonObject, type JsonObject, parseJson } from '../json.ts';
import type { IncomingCall, ReceivedCall } from '../received-calls.ts';
import { isRightToken } from './access-token.ts';
import { isHashed, numberText, readOnce, sentValue } from './event-fields.ts';
import { jsonAnswer } from './json-answer.ts';
import type { Answer, Credentials, OutwardEvent, Receiver } from './receiver.ts';

const MINUTE_MS = 60_000;
const REPEAT_WINDOW_MS = 48 * 60 * MINUTE_MS;
const MAX_CONVERSIONS = 500;
/** How far the clock of a signature may be off. */
const TOLERANCE_MS = 5 * MINUTE_MS;

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{3})?Z$/;
const EVENT_ID = /^(?:tw-[a-z0-9]+-)?[a-z0-9]{1,20}$/;

interface Fault {
  readonly code: string;
  readonly message: string;
  readonly parameter?: string;
}

const UNAUTHORIZED: Fault = {
  code: 'UNAUTHORIZED_ACCESS',
  message: 'This request is not properly authenticated',
};

/** How X words an HTTP status that a test asked for. */
const FAILURES: Readonly<Record<number, Fault>> = {
  401: UNAUTHORIZED,
  403: {
    code: 'UNAUTHORIZED_CLIENT_APPLICATION',
    message: 'The client application does not have access to X Ads API',
  },
  404: { code: 'ROUTE_NOT_FOUND', message: 'The requested resource could not be found' },
  423: { code: 'LOCK_ACQUISITION_TIMEOUT', message: 'A lock could not be acquired' },
  429: { code: 'TOO_MANY_REQUESTS', message: 'Too many requests' },
};

export const x: Receiver = {
  repeatWindowMs: REPEAT_WINDOW_MS,
  judge,
  failure: (status) =>
    refusal(status, [
      FAILURES[status] ?? {
        code: status >= 500 ? 'INTERNAL_ERROR' : 'INVALID_PARAMETER',
        message: 'An error occurred',
      },
    ]),
  outwardEvents: readOnce(outwardEvents),
};

function judge(call: IncomingCall, credentials: Credentials): Answer {
  if (!isAuthorized(call, credentials)) return refusal(401, [UNAUTHORIZED]);
  const conversions = conversionsOf(call.body);
  if (conversions === null) return refusal(400, [invalid('Expected a list of conversions', 'conversions')]);
  if (conversions.length > MAX_CONVERSIONS) {
    return refusal(400, [invalid(`Conversion count limit is ${MAX_CONVERSIONS}`, 'conversions')]);
  }
  const faults = conversions.flatMap(faultsOf);
  if (faults.length > 0) return refusal(400, faults);
  return jsonAnswer(200, {
    request: { params: { account_id: call.name } },
    data: { conversions_processed: conversions.length, debug_id: 'ff02e052-36e4-47d6-bdf0-6d8986446562' },
  });
}

/** The right token is that of a pixel, or the four keys of OAuth, parted by colons: `key:secret:token:secret`. */
function isAuthorized(call: IncomingCall, credentials: Credentials): boolean {
  const pixelToken = credentials.header('x-pixel-token');
  if (pixelToken !== undefined) return isRightToken(pixelToken, credentials);
  const sent = oauthParameters(credentials.header('authorization') ?? '');
  const signature = sent.get('oauth_signature');
  const timestamp = Number(sent.get('oauth_timestamp')) * 1_000;
  if (signature === undefined || !(Math.abs(call.receivedAt - timestamp) <= TOLERANCE_MS)) return false;
  const [consumerKey, consumerSecret = '', token, tokenSecret] = credentials.requiredToken?.split(':') ?? [];
  if (tokenSecret === undefined) return credentials.requiredToken === null;
  const url = `http://${credentials.header('host')}${call.path}`;
  return (
    sent.get('oauth_consumer_key') === consumerKey &&
    sent.get('oauth_token') === token &&
    signature === signatureOf(url, sent, [consumerSecret, tokenSecret])
  );
}

function oauthParameters(header: string): ReadonlyMap<string, string> {
  if (!header.startsWith('OAuth ')) return new Map();
  return new Map(
    [...header.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [
      name,
      decodeURIComponent(value),
    ]),
  );
}

/** RFC 5849 §3.4, HMAC-SHA1. */
function signatureOf(url: string, sent: ReadonlyMap<string, string>, secrets: readonly string[]): string {
  const pairs = [...sent]
    .filter(([name]) => name !== 'oauth_signature')
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .toSorted();
  const base = ['POST', url, pairs.join('&')].map(encoded).join('&');
  return createHmac('sha1', secrets.map(encoded).join('&')).update(base).digest('base64');
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function conversionsOf(body: string): readonly JsonObject[] | null {
  const parsed = parseJson(body);
  const list = isJsonObject(parsed) ? parsed['conversions'] : undefined;
  return Array.isArray(list) && list.length > 0 && list.every(isJsonObject) ? list : null;
}

function faultsOf(conversion: JsonObject): Fault[] {
  const { conversion_time: time, event_id: event, identifiers, number_items: items } = conversion;
  const itemCount = Number(numberText(items) ?? Number.NaN);
  return [
    ...(typeof time === 'string' && TIME.test(time)
      ? []
      : [
          invalid(
            `Expected Time in yyyy-MM-ddTHH:mm:ss.SSSZ, got "${String(time)}" for conversion_time`,
            'conversion_time',
          ),
        ]),
    ...(typeof event === 'string' && EVENT_ID.test(event)
      ? []
      : [invalid('Event ID was not found', 'event_id')]),
    ...identifierFaults(Array.isArray(identifiers) ? identifiers.filter(isJsonObject) : []),
    ...(items === undefined || itemCount > 0
      ? []
      : [invalid('number_items must be positive', 'number_items')]),
  ];
}

function identifierFaults(identifiers: readonly JsonObject[]): Fault[] {
  const values = (name: string) =>
    identifiers.flatMap((each) => (each[name] === undefined ? [] : [each[name]]));
  const hashes = ['hashed_email', 'hashed_phone_number'];
  const wrong = hashes.flatMap((name) =>
    values(name)
      .filter((value) => !isHashed(value))
      .map((value) => invalid(`${name} (${String(value)}) is not a valid SHA-256 hash`, name)),
  );
  const own = ['twclid', ...hashes].flatMap(values).filter((value) => value !== '');
  return own.length > 0 ? wrong : [invalid('At least one user identifier must be provided', ''), ...wrong];
}

function invalid(message: string, parameter: string): Fault {
  return { code: 'INVALID_PARAMETER', message, parameter };
}

function outwardEvents(call: ReceivedCall): readonly OutwardEvent[] {
  return (conversionsOf(call.body) ?? []).map((conversion, place) => {
    const { conversion_id: id, event_id: event, value, price_currency: currency = 'USD' } = conversion;
    const key = typeof id === 'string' ? id : `${call.sequence}.${place}`;
    return { key, identity: JSON.stringify([event, key]), value: sentValue(value, currency) };
  });
}

function refusal(status: number, errors: readonly Fault[]): Answer {
  return jsonAnswer(status, { errors, request: { params: {} } }, false);
}
