/** The recorded form of requests and responses: secrets and personal data in clear are replaced before anything is kept. */
import type { AttemptOutcome } from '@tributary/domain';
import type { DestinationDefinition, OutwardDelivery } from './definition.ts';
import type { OutwardRequest, OutwardResponse } from './outward-request.ts';
import { secretsIn } from './settings.ts';

/** What stands in a record where something was hidden. */
export const REDACTED = '[redacted]';

/** Replaces what must not be written down in a text. */
export type Redactor = (text: string) => string;

/** A request as it may be stored. */
export type RecordedRequest = Pick<OutwardRequest, 'method' | 'url' | 'headers' | 'body'>;

/** Headers that carry credentials or sessions, whatever their value. */
const SECRET_HEADERS: readonly string[] = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'access-token',
  'x-api-key',
  'x-pixel-token',
  'developer-token',
];

/** Hides every secret of a destination's settings; made once when they change, since it compiles one pattern of all. */
export function settingsRedactor(
  { settings: schema }: Pick<DestinationDefinition, 'settings'>,
  settings: unknown,
): Redactor {
  return redactorFor(secretsIn(schema, settings));
}

/**
 * Hides the given texts as they are, percent-encoded, form-encoded, JSON-escaped and HTML-escaped.
 * Encoders differ in which characters they touch, so each character is looked for in either shape.
 */
export function redactorFor(texts: readonly string[]): Redactor {
  const hidden = [...new Set(texts)].filter((text) => text !== '');
  if (hidden.length === 0) return (text) => text;
  // Longest first: a secret that begins with another one must go as a whole.
  const longestFirst = hidden.toSorted((a, b) => b.length - a.length);
  const pattern = new RegExp([...new Set(longestFirst.flatMap(patternsOf))].join('|'), 'g');
  return (text) => text.replace(pattern, REDACTED);
}

/**
 * Hides all that the records of one attempt must not hold: the settings' secrets, those the request derived from them, and
 * the IP addresses of the people concerned, the one thing a request holds of them in clear.
 */
export function attemptRedactor(
  request: OutwardRequest,
  deliveries: readonly OutwardDelivery[],
  hideSecrets: Redactor,
): Redactor {
  const addresses = deliveries.flatMap(({ conversion: { ipAddress } }) =>
    ipAddress === null ? [] : [ipAddress],
  );
  const hideDerived = redactorFor(request.derivedSecrets ?? []);
  const hideAddresses = addressRedactor(addresses);
  return (text) => hideAddresses(hideDerived(hideSecrets(text)));
}

/** What an address is made of, with two separators at least, as they are or as a URL or JSON encodes them. */
const MAYBE_ADDRESS =
  /(?<![0-9A-Fa-f.:])[0-9A-Fa-f]*(?:(?:[.:]|(?:%(?:25){0,2}|\\u00)(?:2[eE]|3[aA]))[0-9A-Fa-f]*){2,}/g;
const ENCODED_SEPARATOR = /(?:%(?:25){0,2}|\\u00)(2e|3a)/gi;
/** Of 45 characters of an address up to eight are separators, of seven characters each. */
const LONGEST_ENCODED = 100;

/**
 * Hides whatever holds one of the addresses. A batch has up to thousands of them: a pattern of all would take longer to make
 * than the request takes, and hold up everybody else's.
 */
function addressRedactor(addresses: readonly string[]): Redactor {
  if (addresses.length === 0) return (text) => text;
  const hidden = new Set(addresses);
  const lengths = [...new Set(addresses.map(({ length }) => length))];
  const beginnings = new Set(['%', '\\', ...addresses.map(([first = '']) => first)]);
  // From each place on anew: what stands before an address may look like the encoding of its first characters.
  const holdsOne = (text: string) => {
    for (let at = 0; at < text.length; at++) {
      if (!beginnings.has(text.charAt(at))) continue;
      const plain = withPlainSeparators(text.slice(at, at + LONGEST_ENCODED));
      if (lengths.some((length) => hidden.has(plain.slice(0, length)))) return true;
    }
    return false;
  };
  return (text) => text.replace(MAYBE_ADDRESS, (found) => (holdsOne(found) ? REDACTED : found));
}

function withPlainSeparators(text: string): string {
  return text.replace(ENCODED_SEPARATOR, (_, code: string) => (code.startsWith('3') ? ':' : '.'));
}

/** The request as it may be recorded; `hide` is the attempt's redactor. */
export function recordRequest(
  { method, url, headers, body }: OutwardRequest,
  hide: Redactor,
): RecordedRequest {
  return {
    method,
    url: hide(url),
    headers: hideHeaders(headers, hide),
    body: body === null ? null : hide(body),
  };
}

/** The response as it may be recorded: receivers like to echo what they were sent. */
export function recordResponse({ status, headers, body }: OutwardResponse, hide: Redactor): OutwardResponse {
  return { status, headers: hideHeaders(headers, hide), body: hide(body) };
}

/** The outcome as it may be recorded: its detail is the receiver's words, which may quote the request. */
export function recordOutcome(outcome: AttemptOutcome, hide: Redactor): AttemptOutcome {
  if (outcome.outcome === 'delivered' || outcome.detail === undefined) return outcome;
  return { ...outcome, detail: hide(outcome.detail) };
}

function hideHeaders(headers: Readonly<Record<string, string>>, hide: Redactor): Record<string, string> {
  const hidden = Object.entries(headers).map(([name, value]) => {
    return [name, SECRET_HEADERS.includes(name.toLowerCase()) ? REDACTED : hide(value)];
  });
  return Object.fromEntries(hidden);
}

/**
 * One pattern for each way of encoding rather than one for all: mixed, a run of backslashes and quotes could be read in
 * exponentially many ways, and a text that almost holds the secret would stall the process.
 */
function patternsOf(text: string): string[] {
  const characters = [...text];
  return [inUrl, inJson, inHtml].map((patternOf) => characters.map(patternOf).join(''));
}

/** As it is or percent-encoded, up to three times since receivers echo URLs within URLs; a slash also as some JSON encoders write it, for a URL within JSON. */
function inUrl(character: string): string {
  if (/[A-Za-z0-9]/.test(character)) return character;
  const literal = character === '/' ? '\\\\?\\/' : literally(character);
  const encoded = Buffer.from(character)
    .toString('hex')
    .replace(/../g, '%(?:25){0,2}$&')
    .replace(/[a-f]/g, eitherCase);
  return `(?:${literal}|${encoded}${character === ' ' ? '|\\+' : ''})`;
}

function inJson(character: string): string {
  if (character === '/') return '\\\\?\\/';
  const escaped = literally(JSON.stringify(character).slice(1, -1));
  if (/[A-Za-z0-9"\\]/.test(character)) return escaped;
  // Many encoders escape <, > and & for the sake of HTML, and some all that is not ASCII.
  const units = Array.from(character, (_, index) =>
    character.charCodeAt(index).toString(16).padStart(4, '0'),
  );
  return `(?:${escaped}|${units.map((unit) => `\\\\u${unit.replace(/[a-f]/g, eitherCase)}`).join('')})`;
}

const HTML_ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;|&#38;',
  '<': '&lt;|&#60;',
  '>': '&gt;|&#62;',
  '"': '&quot;|&#34;',
  "'": '&#39;|&#x27;|&apos;',
};

function inHtml(character: string): string {
  const escapes = HTML_ESCAPES[character];
  return escapes === undefined ? literally(character) : `(?:${escapes}|${character})`;
}

function eitherCase(digit: string): string {
  return `[${digit}${digit.toUpperCase()}]`;
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
