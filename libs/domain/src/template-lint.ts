/** What is wrong or doubtful in a template, each finding with its place in the text and what to write instead. */
import {
  compileTemplate,
  isKnown,
  kindOf,
  LANDING_PAGE_CATALOGUE,
  type MacroCatalogue,
  PARTNER_POSTBACK_CATALOGUE,
} from './template.ts';
import { encodingOf } from './template-modifiers.ts';
import { nearestName } from './template-names.ts';
import {
  type MacroToken,
  TEMPLATE_PROBLEM_CODES,
  type TemplateProblem,
  type TemplateToken,
  tokenise,
} from './template-syntax.ts';
import { isUnreplacedMacro } from './unreplaced-macro.ts';

/** Every code of a finding: why a template does not compile, and what is found in one that may well compile. */
export const TEMPLATE_LINT_CODES = [
  ...TEMPLATE_PROBLEM_CODES,
  'click_id_missing',
  'double_encoding',
  'encoding_missing',
  'wrong_unit',
  'not_https',
  'secret_in_url',
  'foreign_macro',
  'duplicate_parameter',
  'default_empty',
  'fragment_never_sent',
  'not_filled_in',
] as const;
export type TemplateLintCode = (typeof TEMPLATE_LINT_CODES)[number];

/** `error`: it cannot work, or must not be. `warning`: it may be meant. */
export const LINT_SEVERITIES = ['error', 'warning'] as const;
export type LintSeverity = (typeof LINT_SEVERITIES)[number];

export interface TemplateFinding extends Omit<TemplateProblem, 'code'> {
  readonly code: TemplateLintCode;
  readonly severity: LintSeverity;
}

/** What a template is known to look like, for a network of the catalogue. */
export interface TemplatePreset {
  readonly name: string;
  readonly urlTemplate: string;
  /** Whether the network's own page says so; what contradicts an unconfirmed preset is only doubtful. */
  readonly isConfirmed: boolean;
  /** The words in the preset's template that everybody replaces. */
  readonly fillIn: readonly string[];
}

/**
 * What a template is for; it decides the macros, and which rules make sense. A `status_postback` tells of a conversion that
 * the partner knows already.
 */
export const TEMPLATE_PURPOSES = ['partner_postback', 'status_postback', 'landing_page'] as const;
export type TemplatePurpose = (typeof TEMPLATE_PURPOSES)[number];

const CATALOGUES: Readonly<Record<TemplatePurpose, MacroCatalogue>> = {
  partner_postback: PARTNER_POSTBACK_CATALOGUE,
  status_postback: PARTNER_POSTBACK_CATALOGUE,
  landing_page: LANDING_PAGE_CATALOGUE,
};

/** Findings in order of position; with an error among them the template must not be taken. */
export function lintTemplate(
  text: string,
  purpose: TemplatePurpose,
  preset: TemplatePreset | null = null,
): readonly TemplateFinding[] {
  const catalogue = CATALOGUES[purpose];
  const compilation = compileTemplate(text, catalogue);
  const problems = compilation.ok ? [] : compilation.problems.map((problem) => finding('error', problem));
  if (problems.some(({ code }) => code === 'too_long')) return problems;
  const { tokens } = tokenise(text);
  const template: Linted = { text, purpose, catalogue, tokens, ...partsOf(text, tokens) };
  const found = rulesFor(purpose).flatMap((rule) => rule(template, preset));
  return [...problems, ...found].toSorted((a, b) => a.position - b.position);
}

interface Linted extends UrlParts {
  readonly text: string;
  readonly purpose: TemplatePurpose;
  readonly catalogue: MacroCatalogue;
  readonly tokens: readonly TemplateToken[];
}

type Rule = (template: Linted, preset: TemplatePreset | null) => readonly TemplateFinding[];

const RULES: readonly Rule[] = [
  duplicateParameters,
  secretsInUrl,
  foreignMacros,
  encodedMacros,
  twiceEncodedText,
  valuesInEncodedAddresses,
  emptyDefaults,
];

/** A landing page is opened by a browser, gets the click id appended, and is https already by its own rule. */
const POSTBACK_RULES: readonly Rule[] = [notHttps, fragmentNeverSent, wrongUnits, notFilledIn];

function rulesFor(purpose: TemplatePurpose): readonly Rule[] {
  switch (purpose) {
    case 'partner_postback':
      return [...RULES, missingClickId, ...POSTBACK_RULES];
    case 'status_postback':
      return [...RULES, missingIdOfKnown, ...POSTBACK_RULES];
    case 'landing_page':
      return RULES;
  }
}

function finding(
  severity: LintSeverity,
  { code, position, length, message }: Omit<TemplateFinding, 'severity'>,
): TemplateFinding {
  return { code, severity, position, length, message };
}

/** A parameter of the query. */
interface Parameter {
  readonly position: number;
  readonly name: string;
  readonly valuePosition: number;
  readonly value: string;
  /** The value as written, with its macros. */
  readonly macros: readonly MacroToken[];
}

interface UrlParts {
  /** The segments of the path, their macros blotted out. */
  readonly path: readonly { readonly position: number; readonly text: string }[];
  readonly parameters: readonly Parameter[];
  /** Index of `#`; null without a fragment. */
  readonly fragmentPosition: number | null;
  /** The text with every macro blotted out, at its own length. */
  readonly shape: string;
}

/** Stands for each character of a macro; NUL, because the fixed text of a template cannot hold it. */
const BLOT = '\0';

function partsOf(text: string, tokens: readonly TemplateToken[]): UrlParts {
  const macros = macrosOf(tokens);
  const shape = tokens
    .map((token) => (token.kind === 'macro' ? BLOT.repeat(token.macro.source.length) : token.text))
    .join('');
  const hash = shape.indexOf('#');
  const query = shape.indexOf('?');
  const fragmentPosition = hash === -1 ? null : hash;
  const path = segmentsOf(shape);
  if (query === -1 || (hash !== -1 && hash < query)) return { path, parameters: [], fragmentPosition, shape };
  const parameters: Parameter[] = [];
  let position = query + 1;
  for (const pair of shape.slice(position, hash === -1 ? undefined : hash).split('&')) {
    const [name = ''] = pair.split('=', 1);
    const valuePosition = position + Math.min(name.length + 1, pair.length);
    const end = position + pair.length;
    parameters.push({
      position,
      name,
      valuePosition,
      value: text.slice(valuePosition, end),
      macros: macros.filter((macro) => macro.position >= valuePosition && macro.position < end),
    });
    position = end + 1;
  }
  return { path, parameters, fragmentPosition, shape };
}

function segmentsOf(shape: string): UrlParts['path'] {
  const [authority = ''] = /^[^/?#]*\/\/[^/?#]*/.exec(shape) ?? [];
  const [path = ''] = shape.slice(authority.length).split(/[?#]/, 1);
  return [...path.matchAll(/[^/]+/g)].map(({ index, 0: text }) => ({
    position: authority.length + index,
    text,
  }));
}

function macrosOf(tokens: readonly TemplateToken[]): readonly MacroToken[] {
  return tokens.flatMap((token) => (token.kind === 'macro' ? [token.macro] : []));
}

function duplicateParameters({ parameters }: Linted): readonly TemplateFinding[] {
  const seen = new Set<string>();
  return parameters.flatMap(({ name, position }) => {
    const isList = name.endsWith('[]') || name.includes(BLOT);
    if (name === '' || isList || !seen.has(name)) {
      seen.add(name);
      return [];
    }
    const message =
      'the parameter stands here for the second time, and which one counts is up to the receiver: keep one';
    return [finding('warning', { code: 'duplicate_parameter', position, length: name.length, message })];
  });
}

/** Names of parameters that carry a credential, in small letters and without what stands between their words. */
const SECRET_PARAMETER =
  /^(?:\w*(?:token|secret|password|passwd|signature)|\w*(?:api|access|auth|private|secret|postback|security)key|key|auth|pwd|pass|sig|hmac|bearer|credentials?)$/;

/** What looks like a credential whatever its parameter is called: a JSON Web Token, or a key with a well-known head. */
const SECRET_VALUE = /^(?:eyJ[\w-]{8,}\.[\w-]+|(?:sk|pk|rk|whsec|ghp|xox[abp])[_-][\w-]{12,})/;

/** What is shorter is a word or a flag, and no secret setting takes it. */
const SHORTEST_SECRET = 4;

/** On a landing page every visitor sees what stands there, and many a link has a key that is none: that is for people to judge. */
function secretsInUrl({ parameters, path, shape, purpose }: Linted): readonly TemplateFinding[] {
  const isPublic = purpose === 'landing_page';
  const inQuery = parameters.flatMap(({ name, value, valuePosition, macros }) => {
    const isNamedSo = SECRET_PARAMETER.test(name.toLowerCase().replace(/[^a-z0-9]/g, ''));
    const secretName = isNamedSo ? name.toLowerCase().replace(/[^\w-]/g, '_') : 'token';
    const fixed = shape.slice(valuePosition, valuePosition + value.length).replaceAll(BLOT, '');
    const isGiven = macros.some((macro) => macro.name === 'secret');
    const isSecret = isNamedSo ? !isGiven && fixed.length >= SHORTEST_SECRET : SECRET_VALUE.test(value);
    return isSecret ? [{ position: valuePosition, length: value.length, secretName }] : [];
  });
  const inPath = path
    .filter(({ text }) => SECRET_VALUE.test(text))
    .map(({ position, text }) => ({ position, length: text.length, secretName: 'token' }));
  return [...inPath, ...inQuery].map(({ secretName, ...place }) => {
    const message = isPublic
      ? 'this looks like a credential, and every visitor sees it: leave it out if it is one'
      : `a credential in the template is shown to everybody who may read it: write {secret:${secretName}} and give the value as a secret setting`;
    return finding(isPublic ? 'warning' : 'error', { code: 'secret_in_url', ...place, message });
  });
}

/** A value or a path segment that is a macro in another system's grammar, which nobody would fill. */
function foreignMacros({ text, tokens, parameters, path, catalogue }: Linted): readonly TemplateFinding[] {
  const segments = path
    .filter((segment) => isUnreplacedMacro(segment.text))
    .map(({ position, text: written }) => ({ position, written }));
  const values = [...segments, ...parameters.flatMap(foreignValue), ...hashedMacros(text)];
  const dollars = tokens.flatMap((token, index) => {
    const before = tokens[index - 1];
    if (token.kind !== 'macro' || before?.kind !== 'literal' || !before.text.endsWith('$')) return [];
    return [{ position: token.position - 1, written: `$${token.macro.source}` }];
  });
  return [...values, ...dollars].map(({ position, written }) => {
    const nearest = nearestName(written, catalogue);
    const advice = nearest === null ? 'write one of ours in braces' : `write {${nearest}}`;
    const message = `a macro of another system, which would be sent as it stands: ${advice}`;
    return finding('error', { code: 'foreign_macro', position, length: written.length, message });
  });
}

function foreignValue({ value, valuePosition, macros }: Parameter) {
  return macros.length === 0 && isUnreplacedMacro(value) ? [{ position: valuePosition, written: value }] : [];
}

/** `=#s2#`: to a URL the first of these signs begins the fragment, so no parameter holds it. */
function hashedMacros(text: string) {
  return [...text.matchAll(/(?<==)(#{1,2})\w+\1(?=[&#]|$)/g)].map(({ index, 0: written }) => ({
    position: index,
    written,
  }));
}

/** `%7Bclick_id%7D`: a template that went through an encoder on its way here. */
const ENCODED_MACRO =
  /(?:%(?:25)*7B){1,2}(?:%(?:25)*20)*([\w.]+)((?::|%(?:25)*3A)[\w.-]+)?((?:\||%(?:25)*7C)[\w.:|%-]*?)?(?:%(?:25)*20)*(?:%(?:25)*7D){1,2}/gi;

/** A landing page may be another system's, which fills the address within its own: there it may be meant. */
function encodedMacros({ text, parameters, catalogue, purpose }: Linted): readonly TemplateFinding[] {
  return [...text.matchAll(ENCODED_MACRO)].flatMap(({ index, 0: written, 1: name = '', 2: rest = '' }) => {
    const key = rest === '' ? null : rest.replace(/^(?::|%(?:25)*3A)/i, '');
    const known = isKnown({ name, key }, catalogue) ? (key === null ? name : `${name}:${key}`) : null;
    const meant = known ?? nearestName(name, catalogue);
    if (meant === null) return [];
    const message = `an encoded macro is sent as it stands and never filled: write {${meant}}`;
    const mayBeMeant = purpose === 'landing_page' && isInEncodedAddress(text, parameters, index);
    const severity = mayBeMeant ? 'warning' : 'error';
    return [finding(severity, { code: 'double_encoding', position: index, length: written.length, message })];
  });
}

function twiceEncodedText({ text, shape, parameters }: Linted): readonly TemplateFinding[] {
  const macros = [...text.matchAll(ENCODED_MACRO)].map(({ index, 0: written }) => [
    index,
    index + written.length,
  ]);
  return [...shape.matchAll(/%(?:25)+[0-9A-F]{2}/gi)].flatMap(({ index, 0: written }) => {
    if (
      isInEncodedAddress(shape, parameters, index) ||
      macros.some(([from = 0, to = 0]) => index >= from && index < to)
    )
      return [];
    const once = `%${written.slice(-2)}`;
    const message = `this is encoded twice and would arrive as the text ${once}: write ${once}`;
    return [
      finding('warning', { code: 'double_encoding', position: index, length: written.length, message }),
    ];
  });
}

/** Text of a value that makes it an encoded address with a query of its own. */
const ENCODED_ADDRESS = /^https?%3A%2F%2F[^&]*%3F/i;

function isInEncodedAddress(text: string, parameters: readonly Parameter[], index: number): boolean {
  const value = parameters.findLast(({ valuePosition }) => valuePosition <= index);
  return value !== undefined && ENCODED_ADDRESS.test(text.slice(value.valuePosition, index));
}

/** A value inside an address that is itself a value is decoded twice on its way. */
function valuesInEncodedAddresses({ text, parameters }: Linted): readonly TemplateFinding[] {
  return parameters.flatMap(({ valuePosition, macros }) =>
    macros.flatMap((macro) => {
      const isInAddress = ENCODED_ADDRESS.test(text.slice(valuePosition, macro.position));
      const encoding = encodingOf(macro);
      const { position } = macro;
      const length = macro.source.length;
      if (isInAddress && encoding === 'once') {
        const message = `inside an encoded address a value is decoded twice, so & or # would end it: write ${withModifier(macro, 'encoded:2')}`;
        return [finding('warning', { code: 'encoding_missing', position, length, message })];
      }
      if (isInAddress || encoding !== 'twice') return [];
      const message = `outside an encoded address a value is decoded once, so it would arrive encoded: write ${withModifier(macro, null)}`;
      return [finding('warning', { code: 'double_encoding', position, length, message })];
    }),
  );
}

function withModifier({ name, key, modifiers }: MacroToken, encoding: string | null): string {
  const others = modifiers.filter((modifier) => modifier.name !== 'encoded');
  const written = others.map((modifier) =>
    modifier.argument === null ? modifier.name : `${modifier.name}:${modifier.argument}`,
  );
  const head = key === null ? name : `${name}:${key}`;
  return `{${[head, ...written, ...(encoding === null ? [] : [encoding])].join('|')}}`;
}

function emptyDefaults({ tokens }: Linted): readonly TemplateFinding[] {
  return macrosOf(tokens).flatMap(({ name, key, modifiers }) =>
    modifiers
      .filter((modifier) => modifier.name === 'default' && modifier.argument?.trim() === '')
      .map(({ position, length }) => {
        const message = `this default is unfinished: write {${key === null ? name : `${name}:${key}`}|default:none}, or leave it out`;
        return finding('warning', { code: 'default_empty', position, length, message });
      }),
  );
}

/** What may carry the id by which a partner knows the click: its own id, ours, or what it passed along. */
const CLICK_ID_MACRO = /^(?:click_id|partner_click_id|sub\d+|extra(?::name)?)$/;

/** A conversion that the partner knows may be named by an id it was delivered with. */
const ID_OF_KNOWN_MACRO = /^(?:conversion_id|transaction_id)$/;

function missingClickId(template: Linted): readonly TemplateFinding[] {
  if (names(template, CLICK_ID_MACRO)) return [];
  return idMissing(
    template,
    'nothing tells the partner which click it was: add {partner_click_id}, or the sub-id that holds it',
  );
}

function missingIdOfKnown(template: Linted): readonly TemplateFinding[] {
  if (names(template, CLICK_ID_MACRO) || names(template, ID_OF_KNOWN_MACRO)) return [];
  return idMissing(
    template,
    'nothing tells the partner which conversion it was: add {partner_click_id}, or the {conversion_id} it was told',
  );
}

/** Whether a macro is among these; one that is only misspelt is told of as unknown already. */
function names({ tokens, catalogue }: Linted, macros: RegExp): boolean {
  return macrosOf(tokens).some(
    ({ name }) => macros.test(name) || macros.test(nearestName(name, catalogue) ?? ''),
  );
}

function idMissing({ text }: Linted, message: string): readonly TemplateFinding[] {
  return [finding('error', { code: 'click_id_missing', position: 0, length: text.length, message })];
}

const LOOPBACK = /^http:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?=[:/?#]|$)/i;

function notHttps({ text }: Linted): readonly TemplateFinding[] {
  if (!/^http:\/\//i.test(text) || LOOPBACK.test(text)) return [];
  const message = 'everybody on the way can read and change it: write https';
  return [finding('warning', { code: 'not_https', position: 0, length: 4, message })];
}

function fragmentNeverSent({ text, tokens, fragmentPosition }: Linted): readonly TemplateFinding[] {
  if (fragmentPosition === null) return [];
  const holdsMacro = macrosOf(tokens).some(({ position }) => position > fragmentPosition);
  const length = text.length - fragmentPosition;
  const message =
    'what follows # stays with the client and is never sent: move it into the query, or write # as %23';
  return [
    finding(holdsMacro ? 'error' : 'warning', {
      code: 'fragment_never_sent',
      position: fragmentPosition,
      length,
      message,
    }),
  ];
}

/** An amount in cents where the network counts in units, or the other way round: wrong by a factor of a hundred. */
function wrongUnits({ parameters }: Linted, preset: TemplatePreset | null): readonly TemplateFinding[] {
  if (preset === null) return [];
  const { tokens } = tokenise(preset.urlTemplate);
  const expected = new Map(
    partsOf(preset.urlTemplate, tokens).parameters.flatMap(({ name, macros }) =>
      macros.filter(isMoney).map((macro) => [name, isInCents(macro)] as const),
    ),
  );
  return parameters.flatMap(({ name, macros }) =>
    macros.filter(isMoney).flatMap((macro) => {
      const expectsCents = expected.get(name);
      if (expectsCents === undefined || expectsCents === isInCents(macro)) return [];
      const better = `{${macro.name}|${expectsCents ? 'cents' : 'units'}}`;
      const message = `${preset.name} takes this amount in ${expectsCents ? 'cents' : 'units'}: write ${better}`;
      const { position } = macro;
      const severity = preset.isConfirmed ? 'error' : 'warning';
      return [finding(severity, { code: 'wrong_unit', position, length: macro.source.length, message })];
    }),
  );
}

function isMoney(macro: MacroToken): boolean {
  return kindOf(macro, PARTNER_POSTBACK_CATALOGUE) === 'money';
}

function isInCents({ modifiers }: MacroToken): boolean {
  return modifiers.some(({ name }) => name === 'cents');
}

function notFilledIn({ shape }: Linted, preset: TemplatePreset | null): readonly TemplateFinding[] {
  const words = preset?.fillIn ?? [];
  return words.flatMap((word) =>
    [...shape.matchAll(new RegExp(`(?<!\\w)${word}(?!\\w)`, 'g'))].map(({ index }) => {
      const message = `${word} stands for what only the account with ${preset?.name} knows: replace it`;
      return finding('warning', { code: 'not_filled_in', position: index, length: word.length, message });
    }),
  );
}
