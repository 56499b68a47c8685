/** URL templates with macros: compiled once, rendered fast, and never able to leave the place the author chose. */
import { AD_PLATFORM_PARAMETERS } from './click.ts';
import { compileStyle, type MacroKind, type MacroStyle, type MacroValue } from './template-modifiers.ts';
import { knownNames, nearestName } from './template-names.ts';
import {
  authorityPartAt,
  encodeValue,
  fixedTextProblems,
  isDotSegment,
  type MacroPlace,
  type MacroSegment,
  macroPlaces,
  macroSegments,
  originOf,
} from './template-structure.ts';
import { type MacroToken, type TemplateProblem, type TemplateToken, tokenise } from './template-syntax.ts';

export {
  MACRO_KINDS,
  type MacroKind,
  type MacroValue,
  MODIFIERS,
} from './template-modifiers.ts';
export { MACRO_PLACES, type MacroPlace } from './template-structure.ts';
export {
  TEMPLATE_PROBLEM_CODES,
  type TemplateProblem,
  type TemplateProblemCode,
} from './template-syntax.ts';

/** Which macros a template may use. */
export interface MacroCatalogue<M extends string = string> {
  readonly macros: readonly M[];
  /** The kind of each macro that is not text. */
  readonly kinds?: Readonly<Partial<Record<NoInfer<M>, MacroKind>>>;
  /** Names that take a key of the caller's own, as `extra` in `{extra:plan}`; their values are text, of `secret` secrets. */
  readonly namespaces?: readonly string[];
}

/** The sub-ids a partner may pass along with a click. */
export const SUB_ID_MACROS = [
  'sub1',
  'sub2',
  'sub3',
  'sub4',
  'sub5',
  'sub6',
  'sub7',
  'sub8',
  'sub9',
  'sub10',
  'sub11',
  'sub12',
  'sub13',
  'sub14',
  'sub15',
  'sub16',
  'sub17',
  'sub18',
  'sub19',
  'sub20',
] as const;

/** What a campaign's landing page URL may be filled with. */
export const LANDING_PAGE_CATALOGUE = {
  macros: [
    'click_id',
    'campaign_id',
    'partner_id',
    'partner_click_id',
    ...SUB_ID_MACROS,
    ...AD_PLATFORM_PARAMETERS,
  ],
} as const satisfies MacroCatalogue;
export type LandingPageMacro = (typeof LANDING_PAGE_CATALOGUE.macros)[number];

/** What a partner postback may tell a partner; `secret` holds the destination's own tokens. */
export const PARTNER_POSTBACK_CATALOGUE = {
  macros: [
    'click_id',
    'partner_click_id',
    'transaction_id',
    'conversion_id',
    'payout',
    'revenue',
    'currency',
    'payout_currency',
    'revenue_currency',
    'event',
    'status',
    'occurred_at',
    'received_at',
    'clicked_at',
    'revision',
    'campaign_id',
    'offer_id',
    'partner_id',
    'customer_id',
    ...SUB_ID_MACROS,
  ],
  kinds: {
    payout: 'money',
    revenue: 'money',
    occurred_at: 'instant',
    received_at: 'instant',
    clicked_at: 'instant',
  },
  namespaces: ['extra', 'secret'],
} as const satisfies MacroCatalogue;
export type PartnerPostbackMacro = (typeof PARTNER_POSTBACK_CATALOGUE.macros)[number];

/** One use of a macro in a template. */
export interface MacroUse {
  readonly name: string;
  /** What stands behind a namespace's colon; null for a plain macro. */
  readonly key: string | null;
  readonly source: string;
  /** Index into the template's text, in UTF-16 units. */
  readonly position: number;
  readonly place: MacroPlace;
}

export type MacroValues<M extends string = string> = Readonly<Partial<Record<M, MacroValue>>>;

/** Values of namespaced macros: namespace → key → text. */
export type NamespaceValues = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface CompiledTemplate<M extends string = string> {
  readonly text: string;
  /** Scheme, host and port, the same for every rendering. */
  readonly origin: string;
  readonly uses: readonly MacroUse[];
  /** The plain macros it uses, each once: no value of another is asked for. */
  readonly macros: readonly M[];
  /**
   * The URL with every macro replaced; missing values are empty.
   *
   * Values are percent-encoded, with `|encoded:2` twice. `|raw` keeps what is legal where the macro stands and still encodes what would end it:
   * a slash in a path, `&`, `;` or `#` in a query. A path segment that values make `.` or `..` is left empty, because
   * URL parsers resolve those even when encoded. Throws a TypeError when a value's type is not its macro's.
   */
  render(values: MacroValues<M>, namespaces?: NamespaceValues): string;
}

export type TemplateCompilation<M extends string = string> =
  | { readonly ok: true; readonly template: CompiledTemplate<M> }
  | { readonly ok: false; readonly problems: readonly TemplateProblem[] };

/** Longer URLs are refused by common servers and by our own edge (8 KiB). */
const MAX_TEMPLATE_LENGTH = 8_192;

/**
 * Compiles the URL template of a landing page or a partner postback; problems come in order of position.
 *
 * The text must be an absolute http or https URL without credentials, and no macro may stand in its scheme, host or
 * port: what a stranger puts into a sub-id can then never choose who is called.
 */
export function compileTemplate<const M extends string>(
  text: string,
  catalogue: MacroCatalogue<M>,
): TemplateCompilation<M> {
  if (text.length > MAX_TEMPLATE_LENGTH) {
    const message = `longer than ${MAX_TEMPLATE_LENGTH} characters`;
    const length = text.length - MAX_TEMPLATE_LENGTH;
    return {
      ok: false,
      problems: [{ code: 'too_long', position: MAX_TEMPLATE_LENGTH, length, message }],
    };
  }
  const { tokens, problems: syntaxProblems } = tokenise(text);
  const { macros, problems: macroProblems } = compileMacros(text, tokens, catalogue);
  const segments = macroSegments(tokens);
  const problems = [
    ...syntaxProblems,
    ...macroProblems,
    ...fixedTextProblems(text, tokens),
    ...dotProblems(tokens, segments),
  ];
  if (problems.length > 0) {
    return { ok: false, problems: problems.toSorted((a, b) => a.position - b.position) };
  }
  const parts = assemble(tokens, macros.map(rendererOf), segments);
  const template: CompiledTemplate<M> = {
    text,
    origin: originOf(tokens),
    uses: macros.map(({ token: { name, key, source, position }, place }) => ({
      name,
      key,
      source,
      position,
      place,
    })),
    macros: catalogue.macros.filter((name) =>
      macros.some(({ token }) => token.key === null && token.name === name),
    ),
    render: (values, namespaces = {}) => renderParts(parts, values, namespaces),
  };
  return { ok: true, template };
}

interface PlacedMacro {
  readonly token: MacroToken;
  readonly place: MacroPlace;
  readonly style: MacroStyle;
}

function compileMacros(
  text: string,
  tokens: readonly TemplateToken[],
  catalogue: MacroCatalogue,
): { macros: PlacedMacro[]; problems: TemplateProblem[] } {
  const places = macroPlaces(tokens);
  const macros: PlacedMacro[] = [];
  const problems: TemplateProblem[] = [];
  const found = tokens.flatMap((token) => (token.kind === 'macro' ? [token.macro] : []));
  for (const [index, token] of found.entries()) {
    const place = places[index] ?? null;
    const compiled = place === null ? inAuthority(text, token) : compileMacro(token, place, catalogue);
    if ('code' in compiled) problems.push(compiled);
    else macros.push(compiled);
  }
  return { macros, problems };
}

function compileMacro(
  token: MacroToken,
  place: MacroPlace,
  catalogue: MacroCatalogue,
): PlacedMacro | TemplateProblem {
  const { position, source } = token;
  if (!isKnown(token, catalogue)) {
    const message = `there is no macro ${source} here; ${adviceFor(token, catalogue)}`;
    return { code: 'unknown_macro', position, length: source.length, message };
  }
  const kind = kindOf(token, catalogue);
  const style = compileStyle(token, kind);
  return 'code' in style ? style : { token, place, style };
}

/** What a stranger puts into a sub-id must never choose who is called. */
function inAuthority(text: string, { position, source }: MacroToken): TemplateProblem {
  const part = authorityPartAt(text, position);
  const message = `no macro may stand in the ${part}, or a click could choose who is called: write the ${part} out`;
  return { code: 'macro_in_authority', position, length: source.length, message };
}

/** What the value of a known macro is. */
export function kindOf(
  { name, key }: Pick<MacroToken, 'name' | 'key'>,
  { kinds }: MacroCatalogue,
): MacroKind {
  if (key === null) return kinds?.[name] ?? 'text';
  return name === 'secret' ? 'secret' : 'text';
}

function adviceFor({ name, key }: MacroToken, catalogue: MacroCatalogue): string {
  if (key !== null && (catalogue.namespaces ?? []).includes(name)) {
    return 'what follows the colon is 1 to 64 letters, digits, _, . and -';
  }
  const nearest = nearestName(name, catalogue);
  return nearest === null ? `there are ${knownNames(catalogue)}` : `write {${nearest}}`;
}

const NAMESPACE_KEY = /^[\w.-]{1,64}$/;

/** Whether the catalogue has the macro. */
export function isKnown({ name, key }: Pick<MacroToken, 'name' | 'key'>, catalogue: MacroCatalogue): boolean {
  if (key === null) return catalogue.macros.includes(name);
  return NAMESPACE_KEY.test(key) && (catalogue.namespaces ?? []).includes(name);
}

/** Dots of the author's own beside a macro would make a dot segment whenever the value is empty. */
function dotProblems(tokens: readonly TemplateToken[], segments: readonly MacroSegment[]): TemplateProblem[] {
  const macros = tokens.flatMap((token) => (token.kind === 'macro' ? [token.macro] : []));
  return segments
    .filter(({ fixedText }) => isDotSegment(fixedText))
    .map(({ firstMacro }) => ({
      code: 'macro_beside_dots',
      position: macros[firstMacro]?.position ?? 0,
      length: macros[firstMacro]?.source.length ?? 0,
      message: 'a path segment cannot be made of dots and macros: leave the dots out',
    }));
}

type Renderer = (values: MacroValues, namespaces: NamespaceValues) => string;
type Part = string | Renderer;

function rendererOf({ token: { name, key }, place, style }: PlacedMacro): Renderer {
  const { format, encoding, fallback } = style;
  const write = (value: MacroValue) => encodeValue(format(value) || fallback, place, encoding);
  if (key === null) return (values) => write(ownValue(values, name));
  return (_values, namespaces) => write(ownValue(ownValue(namespaces, name), key));
}

/** Own properties only, so that a key such as `constructor` finds nothing. */
function ownValue<V>(record: Readonly<Record<string, V>> | undefined, key: string): V | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

function assemble(
  tokens: readonly TemplateToken[],
  renderers: readonly Renderer[],
  segments: readonly MacroSegment[],
): Part[] {
  const byMacro: Part[] = [...renderers];
  for (const { firstMacro, macroCount, fixedText } of segments) {
    if (fixedText !== '') continue;
    const end = firstMacro + macroCount;
    byMacro.fill('', firstMacro, end);
    byMacro[firstMacro] = guardedSegment(renderers.slice(firstMacro, end));
  }
  const macroParts = byMacro.values();
  return tokens.map((token) => (token.kind === 'literal' ? token.text : (macroParts.next().value ?? '')));
}

function guardedSegment(renderers: readonly Renderer[]): Renderer {
  return (values, namespaces) => {
    const segment = renderParts(renderers, values, namespaces);
    return isDotSegment(segment) ? '' : segment;
  };
}

function renderParts(parts: readonly Part[], values: MacroValues, namespaces: NamespaceValues): string {
  let url = '';
  for (const part of parts) url += typeof part === 'string' ? part : part(values, namespaces);
  return url;
}
