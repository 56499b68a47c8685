/** The structure of a URL template: where each macro stands, what may stand there unencoded, and which segments need a guard. */
import type { MacroEncoding } from './template-modifiers.ts';
import type { TemplateProblem, TemplateToken } from './template-syntax.ts';

/** Where in the URL a macro stands. */
export const MACRO_PLACES = ['path', 'query_name', 'query_value', 'fragment'] as const;
export type MacroPlace = (typeof MACRO_PLACES)[number];

/** Stands for a macro in a template's shape; NUL, because the fixed text of a template cannot hold it. */
const MARK = '\0';

const AUTHORITY = /^https?:\/\/[^/?#]*/i;

/** What is wrong with the fixed text of a template, its macros set aside. */
export function fixedTextProblems(text: string, tokens: readonly TemplateToken[]): TemplateProblem[] {
  return [...tokens.flatMap(forbiddenCharacter), ...authorityProblems(text, tokens)];
}

/** URL parsers drop tabs and line breaks and read a backslash as a slash, so none may stand in the fixed text. */
function forbiddenCharacter(token: TemplateToken): TemplateProblem[] {
  if (token.kind === 'macro') return [];
  const at = token.text.search(/[\s\\\p{Cc}]/u);
  if (at === -1) return [];
  const found = token.text.charAt(at);
  const message = `${NAMES[found] ?? 'this character'} cannot stand here: leave it out, or write ${encodeURIComponent(found)}`;
  return [{ code: 'forbidden_character', position: token.position + at, length: 1, message }];
}

const NAMES: Readonly<Record<string, string>> = {
  ' ': 'a space',
  '\t': 'a tab',
  '\r': 'a carriage return',
  '\n': 'a line break',
  '\\': 'a backslash',
};

function authorityProblems(text: string, tokens: readonly TemplateToken[]): TemplateProblem[] {
  const authority = AUTHORITY.exec(text)?.[0];
  // A macro in the authority is reported by itself; whether the rest would parse says nothing then.
  const isFixed = authority !== undefined && !authority.includes('{');
  // Before a further slash a URL parser finds no host and takes the next piece for it, which may be a macro.
  const hasNoHost = authority?.endsWith('//');
  if (authority === undefined || hasNoHost || (isFixed && !URL.canParse(exampleOf(tokens)))) {
    const length = (authority ?? text).length;
    const message = 'must be an absolute http or https URL, as in https://partner.example/postback';
    return [{ code: 'not_an_http_url', position: 0, length, message }];
  }
  if (!authority.includes('@')) return [];
  const position = authority.indexOf('//') + 2;
  const length = authority.lastIndexOf('@') + 1 - position;
  const message =
    'user names and passwords do not belong into a URL: send them in a header with {secret:name}';
  return [{ code: 'credentials_in_url', position, length, message }];
}

/** Scheme, host and port of a template without problems. */
export function originOf(tokens: readonly TemplateToken[]): string {
  return new URL(exampleOf(tokens)).origin;
}

function exampleOf(tokens: readonly TemplateToken[]): string {
  return shapeOf(tokens).replaceAll(MARK, 'x');
}

function shapeOf(tokens: readonly TemplateToken[]): string {
  return tokens.map((token) => (token.kind === 'macro' ? MARK : token.text)).join('');
}

/** Which part of scheme and authority a position of the text is in. */
export function authorityPartAt(text: string, position: number): 'scheme' | 'user name' | 'host' | 'port' {
  const slashes = text.indexOf('://');
  if (slashes === -1 || position < slashes) return 'scheme';
  const [rest = ''] = text.slice(slashes + 3).split(/[/?#]/, 1);
  const offset = position - slashes - 3;
  const credentialsEnd = rest.lastIndexOf('@');
  if (offset < credentialsEnd) return 'user name';
  return /:\d*$/.test(rest.slice(credentialsEnd + 1, offset)) ? 'port' : 'host';
}

/** The place of each macro in order of appearance; null for one in the scheme, host or port. */
export function macroPlaces(tokens: readonly TemplateToken[]): (MacroPlace | null)[] {
  const pieces = shapeOf(tokens).split(MARK);
  return pieces.slice(1).map((_, index) => placeAfter(pieces.slice(0, index + 1).join(MARK)));
}

function placeAfter(prefix: string): MacroPlace | null {
  const rest = prefix.replace(AUTHORITY, '');
  if (rest.includes('#')) return 'fragment';
  const queryStart = rest.indexOf('?');
  if (queryStart !== -1) {
    const parameter =
      rest
        .slice(queryStart + 1)
        .split('&')
        .at(-1) ?? '';
    return parameter.includes('=') ? 'query_value' : 'query_name';
  }
  return rest.includes('/') ? 'path' : null;
}

/** A path segment that holds macros: which of the template's macros, and the fixed text around them. */
export interface MacroSegment {
  readonly firstMacro: number;
  readonly macroCount: number;
  readonly fixedText: string;
}

/** The path segments of a template that hold macros, in order. */
export function macroSegments(tokens: readonly TemplateToken[]): MacroSegment[] {
  const shape = shapeOf(tokens);
  const authority = AUTHORITY.exec(shape)?.[0] ?? '';
  const [path = ''] = shape.slice(authority.length).split(/[?#]/, 1);
  let firstMacro = authority.split(MARK).length - 1;
  const segments = path.split('/').map((segment) => {
    const fixedText = segment.replaceAll(MARK, '');
    const found = { firstMacro, macroCount: segment.length - fixedText.length, fixedText };
    firstMacro += found.macroCount;
    return found;
  });
  return segments.filter(({ macroCount }) => macroCount > 0);
}

/** Whether URL parsers resolve a path segment away; they do so for encoded dots too (WHATWG URL §4.1). */
export function isDotSegment(segment: string): boolean {
  return /^(?:\.|%2e){1,2}$/i.test(segment);
}

/**
 * What a raw value must still have encoded, by place: everything outside RFC 3986's characters of that component, less
 * the delimiters that would end it; `;` too, which some receivers take for `&`. A `%` stays where it begins an escape.
 */
const RAW_UNSAFE: Readonly<Record<MacroPlace, RegExp>> = {
  path: /%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$&'()*+,;=:@%]/gu,
  query_name: /%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$'()*+,:@/?%]/gu,
  query_value: /%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$'()*+,=:@/?%]/gu,
  fragment: /%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$'()*+,=:@/?%]/gu,
};

/** What is the same whether encoded or not, which most values are: ids, amounts, words. */
const NOTHING_TO_ENCODE = /^[\w.~-]*$/;

/** Percent-encodes a value for its place; lone surrogates become U+FFFD, which encodeURIComponent would throw at. */
export function encodeValue(value: string, place: MacroPlace, encoding: MacroEncoding): string {
  if (NOTHING_TO_ENCODE.test(value)) return value;
  const text = value.toWellFormed();
  if (encoding === 'raw') return text.replace(RAW_UNSAFE[place], encodeURIComponent);
  const once = encodeURIComponent(text);
  return encoding === 'once' ? once : encodeURIComponent(once);
}
