/** The grammar of URL templates: `{name}`, `{{name}}`, `{namespace:key}` and modifiers behind `|`. */
import { formatDecimals, formatUnits, type Money, toMinorUnits } from './money.ts';

/** What a macro stands for; it decides which modifiers apply. */
export const MACRO_KINDS = ['text', 'money', 'instant'] as const;
export type MacroKind = (typeof MACRO_KINDS)[number];

/** Text as it is, money as {@link Money}, an instant as epoch milliseconds; null and undefined are missing. */
export type MacroValue = string | number | Money | null | undefined;

/** Why a template does not compile. */
export const TEMPLATE_PROBLEM_CODES = [
  'too_long',
  'forbidden_character',
  'not_an_http_url',
  'credentials_in_url',
  'macro_in_authority',
  'macro_beside_dots',
  'unclosed_macro',
  'unbalanced_brace',
  'unknown_macro',
  'unknown_modifier',
  'modifier_argument_invalid',
  'modifier_not_applicable',
  'modifiers_conflict',
] as const;
export type TemplateProblemCode = (typeof TEMPLATE_PROBLEM_CODES)[number];

export interface TemplateProblem {
  readonly code: TemplateProblemCode;
  /** Index into the template's text, in UTF-16 units, where the cause begins. */
  readonly position: number;
  readonly message: string;
}

/** A macro as written; `key` is what stands behind the colon of a namespace. */
export interface MacroToken {
  readonly position: number;
  readonly source: string;
  readonly name: string;
  readonly key: string | null;
  readonly modifiers: readonly ModifierToken[];
}

export interface ModifierToken {
  readonly position: number;
  readonly name: string;
  readonly argument: string | null;
}

export type TemplateToken =
  | { readonly kind: 'literal'; readonly position: number; readonly text: string }
  | { readonly kind: 'macro'; readonly position: number; readonly macro: MacroToken };

/** Cuts a template into literals and macros; macro names and modifiers are not judged yet. */
export function tokenise(text: string): { tokens: TemplateToken[]; problems: TemplateProblem[] } {
  const tokens: TemplateToken[] = [];
  const problems: TemplateProblem[] = [];
  let at = 0;
  while (at < text.length) {
    const brace = nextBrace(text, at);
    if (brace > at) tokens.push({ kind: 'literal', position: at, text: text.slice(at, brace) });
    if (brace === text.length) break;
    const found = readMacro(text, brace);
    if ('code' in found) {
      problems.push(found);
      break;
    }
    tokens.push({ kind: 'macro', position: brace, macro: found });
    at = brace + found.source.length;
  }
  return { tokens, problems };
}

function nextBrace(text: string, from: number): number {
  const offset = text.slice(from).search(/[{}]/);
  return offset === -1 ? text.length : from + offset;
}

function readMacro(text: string, open: number): MacroToken | TemplateProblem {
  if (text[open] === '}') {
    return {
      code: 'unbalanced_brace',
      position: open,
      message: 'this } closes nothing; write a literal brace as %7D',
    };
  }
  const [opening, closing] = text.startsWith('{{', open) ? ['{{', '}}'] : ['{', '}'];
  const start = open + opening.length;
  const end = text.indexOf(closing, start);
  if (end === -1) {
    return {
      code: 'unclosed_macro',
      position: open,
      message: `this ${opening} is never closed by ${closing}`,
    };
  }
  const body = text.slice(start, end);
  const stray = body.search(/[{}]/);
  if (stray !== -1) {
    return { code: 'unbalanced_brace', position: start + stray, message: 'a macro cannot hold a brace' };
  }
  return parseBody(body, start, { position: open, source: opening + body + closing });
}

function parseBody(
  body: string,
  bodyStart: number,
  place: { readonly position: number; readonly source: string },
): MacroToken {
  const [head = '', ...modifiers] = body.split('|');
  const [name, key] = splitAtColon(head.trim());
  let position = bodyStart + head.length + 1;
  const modifierTokens = modifiers.map((text): ModifierToken => {
    const [modifier, argument] = splitAtColon(text);
    const token = { position, name: modifier.trim(), argument };
    position += text.length + 1;
    return token;
  });
  return { ...place, name, key, modifiers: modifierTokens };
}

function splitAtColon(text: string): [string, string | null] {
  const colon = text.indexOf(':');
  return colon === -1 ? [text, null] : [text.slice(0, colon), text.slice(colon + 1)];
}

/** A macro's modifiers, understood: how the value is written, and what stands for a missing one. */
export interface MacroStyle {
  readonly format: (value: MacroValue) => string;
  readonly isRaw: boolean;
  readonly fallback: string;
}

/**
 * Which modifiers there are, for which kinds, and whether they take an argument.
 *
 * | modifier      | kinds   | writes                                                                |
 * |---------------|---------|-----------------------------------------------------------------------|
 * | `raw`         | all     | the value without encoding it again, save what would end its place    |
 * | `default:x`   | all     | x where the value is missing or empty                                 |
 * | `units`       | money   | the shortest exact decimal, `12.5`; what money is without a modifier  |
 * | `cents`       | money   | the currency's minor unit, rounded half-even: 12.34 USD `1234`        |
 * | `decimals:n`  | money   | n (0 to 6) decimals, rounded half-even                                |
 * | `iso`         | instant | `2026-01-02T03:04:05.678Z`; what an instant is without a modifier     |
 * | `unix`        | instant | whole epoch seconds                                                   |
 */
const MODIFIER_RULES: Readonly<Record<string, { kinds: readonly MacroKind[]; takesArgument: boolean }>> = {
  raw: { kinds: MACRO_KINDS, takesArgument: false },
  default: { kinds: MACRO_KINDS, takesArgument: true },
  units: { kinds: ['money'], takesArgument: false },
  cents: { kinds: ['money'], takesArgument: false },
  decimals: { kinds: ['money'], takesArgument: true },
  iso: { kinds: ['instant'], takesArgument: false },
  unix: { kinds: ['instant'], takesArgument: false },
};

/** Checks a macro's modifiers against its kind and compiles them; the first problem wins. */
export function compileStyle(macro: MacroToken, kind: MacroKind): MacroStyle | TemplateProblem {
  const problem = modifierProblem(macro, kind);
  if (problem !== null) return problem;
  const modifier = (name: string) => macro.modifiers.find((candidate) => candidate.name === name);
  return {
    format: formatterOf(macro, kind),
    isRaw: modifier('raw') !== undefined,
    fallback: modifier('default')?.argument ?? '',
  };
}

function modifierProblem(macro: MacroToken, kind: MacroKind): TemplateProblem | null {
  const seen = new Set<string>();
  for (const { name, argument, position } of macro.modifiers) {
    const rule = Object.hasOwn(MODIFIER_RULES, name) ? MODIFIER_RULES[name] : undefined;
    if (rule === undefined) {
      return { code: 'unknown_modifier', position, message: `there is no modifier ${JSON.stringify(name)}` };
    }
    if (!rule.kinds.includes(kind)) {
      return {
        code: 'modifier_not_applicable',
        position,
        message: `${name} does not apply to a ${kind} macro`,
      };
    }
    if (
      rule.takesArgument !== (argument !== null) ||
      (name === 'decimals' && !/^[0-6]$/.test(argument ?? ''))
    ) {
      return {
        code: 'modifier_argument_invalid',
        position,
        message: argumentMessage(name, rule.takesArgument),
      };
    }
    // Each kind has one way of writing, so of the modifiers that choose it only one may stand.
    const role = rule.kinds === MACRO_KINDS ? name : 'format';
    if (seen.has(role)) {
      return { code: 'modifiers_conflict', position, message: `${name} contradicts a modifier before it` };
    }
    seen.add(role);
  }
  return null;
}

function argumentMessage(name: string, takesArgument: boolean): string {
  if (name === 'decimals') return 'decimals takes a digit from 0 to 6, as in {payout|decimals:2}';
  return takesArgument ? `${name} needs an argument, as in {sub1|${name}:none}` : `${name} takes no argument`;
}

function formatterOf(macro: MacroToken, kind: MacroKind): MacroStyle['format'] {
  const has = (name: string) => macro.modifiers.some((modifier) => modifier.name === name);
  if (kind === 'instant') {
    const write = has('unix') ? formatUnixSeconds : formatIso;
    return (value) => (typeof value === 'number' ? write(value) : missing(value, macro));
  }
  if (kind === 'money') {
    const write = moneyWriter(macro, has('cents'));
    return (value) => (isMoney(value) ? write(value) : missing(value, macro));
  }
  return (value) => (typeof value === 'string' ? value : missing(value, macro));
}

function moneyWriter(macro: MacroToken, inCents: boolean): (money: Money) => string {
  if (inCents) return (money) => toMinorUnits(money).toString();
  const decimals = macro.modifiers.find(({ name }) => name === 'decimals')?.argument;
  if (decimals == null) return (money) => formatUnits(money.micros);
  return (money) => formatDecimals(money.micros, Number(decimals));
}

function isMoney(value: MacroValue): value is Money {
  return typeof value === 'object' && value !== null;
}

/** A missing value renders empty; one of another type than its macro's is a defect of the caller. */
function missing(value: MacroValue, macro: MacroToken): string {
  if (value == null) return '';
  throw new TypeError(`macro ${macro.source} was given a ${typeof value}`);
}

function formatIso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

function formatUnixSeconds(epochMs: number): string {
  return Math.floor(epochMs / 1_000).toString();
}
