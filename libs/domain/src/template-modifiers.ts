/** The modifiers of a macro: which there are, for which kinds of value, and what each one writes. */
import { hash } from 'node:crypto';
import { formatDecimals, formatUnits, type Money, toMinorUnits } from './money.ts';
import type { MacroToken, TemplateProblem } from './template-syntax.ts';

/** What a macro stands for; it decides which modifiers apply. */
export const MACRO_KINDS = ['text', 'money', 'instant', 'secret'] as const;
export type MacroKind = (typeof MACRO_KINDS)[number];

/** Text as it is, money as {@link Money}, an instant as epoch milliseconds; null and undefined are missing. */
export type MacroValue = string | number | Money | null | undefined;

/** How often a value is percent-encoded; raw values keep what is legal where they stand. */
export type MacroEncoding = 'raw' | 'once' | 'twice';

/** A macro's modifiers, understood: how the value is written, and what stands for a missing one. */
export interface MacroStyle {
  readonly format: (value: MacroValue) => string;
  readonly encoding: MacroEncoding;
  readonly fallback: string;
}

interface ModifierRule {
  readonly kinds: readonly MacroKind[];
  /** Of the modifiers of one role a macro takes one. */
  readonly role: 'encoding' | 'default' | 'format' | 'case' | 'hash';
  readonly argument: 'none' | 'needed' | 'optional';
  /** What the argument may be; anything where it is left out. */
  readonly accepts?: (argument: string) => boolean;
  /** How it is written right, for whoever wrote it wrong. */
  readonly example: string;
}

const ALL = MACRO_KINDS;
const MONEY: readonly MacroKind[] = ['money'];
const INSTANT: readonly MacroKind[] = ['instant'];
const TEXT: readonly MacroKind[] = ['text'];
const ALL_BUT_SECRETS = MACRO_KINDS.filter((kind) => kind !== 'secret');

/**
 * Every modifier. Whatever their order in a template, the value is first formatted, then changed in its case, then
 * hashed, then encoded; what `default` says is only encoded.
 *
 * | modifier             | kinds   | writes                                                                      |
 * |----------------------|---------|-----------------------------------------------------------------------------|
 * | `units`              | money   | the shortest exact decimal, `12.5`; what money is without a modifier        |
 * | `cents`              | money   | the currency's minor unit, rounded half-even: 12.34 USD `1234`, 500 JPY `500` |
 * | `decimals:n`         | money   | n (0 to 6) decimals, rounded half-even                                      |
 * | `iso`                | instant | `2026-01-02T03:04:05.678Z`; what an instant is without a modifier           |
 * | `unix`, `unix_ms`    | instant | whole epoch seconds, epoch milliseconds                                     |
 * | `date:pattern`       | instant | by YYYY, MM, DD, HH, mm, ss and SSS, in UTC                                 |
 * | `upper`, `lower`     | text    | in capitals, in small letters                                               |
 * | `sha256`, `sha1`, `md5` | text | the hash of its UTF-8 as lower-case hex; nothing for a missing value        |
 * | `default:x`          | all but secrets | x where the value is missing or empty                               |
 * | `encoded`            | all     | percent-encoded, as without a modifier; `encoded:2` for an address within an address |
 * | `raw`                | all     | the value without encoding it again, save what would end its place          |
 */
export const MODIFIERS: Readonly<Record<string, ModifierRule>> = {
  units: { kinds: MONEY, role: 'format', argument: 'none', example: '{payout|units}' },
  cents: { kinds: MONEY, role: 'format', argument: 'none', example: '{payout|cents}' },
  decimals: {
    kinds: MONEY,
    role: 'format',
    argument: 'needed',
    accepts: (argument) => /^[0-6]$/.test(argument),
    example: '{payout|decimals:2}, with a digit from 0 to 6',
  },
  iso: { kinds: INSTANT, role: 'format', argument: 'none', example: '{occurred_at|iso}' },
  unix: { kinds: INSTANT, role: 'format', argument: 'none', example: '{occurred_at|unix}' },
  unix_ms: { kinds: INSTANT, role: 'format', argument: 'none', example: '{occurred_at|unix_ms}' },
  date: {
    kinds: INSTANT,
    role: 'format',
    argument: 'needed',
    accepts: (argument) => datePieces(argument) !== null,
    example: '{occurred_at|date:YYYY-MM-DD HH:mm:ss}, of YYYY, MM, DD, HH, mm, ss and SSS',
  },
  upper: { kinds: TEXT, role: 'case', argument: 'none', example: '{event|upper}' },
  lower: { kinds: TEXT, role: 'case', argument: 'none', example: '{event|lower}' },
  sha256: { kinds: TEXT, role: 'hash', argument: 'none', example: '{customer_id|sha256}' },
  sha1: { kinds: TEXT, role: 'hash', argument: 'none', example: '{customer_id|sha1}' },
  md5: { kinds: TEXT, role: 'hash', argument: 'none', example: '{customer_id|md5}' },
  default: { kinds: ALL_BUT_SECRETS, role: 'default', argument: 'needed', example: '{sub1|default:none}' },
  encoded: {
    kinds: ALL,
    role: 'encoding',
    argument: 'optional',
    accepts: (argument) => argument === '2',
    example: '{sub1|encoded}, or {sub1|encoded:2}',
  },
  raw: { kinds: ALL, role: 'encoding', argument: 'none', example: '{sub1|raw}' },
};

/** The modifiers that a macro of this kind takes. */
function modifiersOf(kind: MacroKind): readonly string[] {
  return Object.keys(MODIFIERS).filter((name) => ruleOf(name)?.kinds.includes(kind));
}

/** Checks a macro's modifiers against its kind and compiles them; the first problem wins. */
export function compileStyle(macro: MacroToken, kind: MacroKind): MacroStyle | TemplateProblem {
  const problem = modifierProblem(macro, kind);
  if (problem !== null) return problem;
  const fallback = macro.modifiers.find(({ name }) => name === 'default')?.argument ?? '';
  return { format: formatterOf(macro, kind), encoding: encodingOf(macro), fallback };
}

export function encodingOf({ modifiers }: MacroToken): MacroEncoding {
  const modifier = modifiers.find(({ name }) => ruleOf(name)?.role === 'encoding');
  if (modifier?.name === 'raw') return 'raw';
  return modifier?.argument === '2' ? 'twice' : 'once';
}

function ruleOf(name: string): ModifierRule | undefined {
  return Object.hasOwn(MODIFIERS, name) ? MODIFIERS[name] : undefined;
}

function modifierProblem(macro: MacroToken, kind: MacroKind): TemplateProblem | null {
  const seen = new Set<string>();
  for (const { name, argument, position, length } of macro.modifiers) {
    const rule = ruleOf(name);
    if (rule === undefined) {
      const message = `there is no modifier ${JSON.stringify(name)}; ${kindWords(kind)}`;
      return { code: 'unknown_modifier', position, length, message };
    }
    if (!rule.kinds.includes(kind)) {
      const message = `${name} is not for ${kind === 'instant' ? 'an' : 'a'} ${kind} macro; ${kindWords(kind)}`;
      return { code: 'modifier_not_applicable', position, length, message };
    }
    if (!takes(rule, argument)) {
      return {
        code: 'modifier_argument_invalid',
        position,
        length,
        message: `write it as in ${rule.example}`,
      };
    }
    if (seen.has(rule.role)) {
      const message = `${name} contradicts a modifier before it: leave one of them out`;
      return { code: 'modifiers_conflict', position, length, message };
    }
    seen.add(rule.role);
  }
  return null;
}

function takes({ argument: need, accepts }: ModifierRule, argument: string | null): boolean {
  if (argument === null) return need !== 'needed';
  return need !== 'none' && (accepts?.(argument) ?? true);
}

function kindWords(kind: MacroKind): string {
  return `it takes ${modifiersOf(kind).join(', ')}`;
}

function formatterOf(macro: MacroToken, kind: MacroKind): MacroStyle['format'] {
  if (kind === 'instant') {
    const write = instantWriter(macro);
    return (value) => (typeof value === 'number' ? write(value) : missing(value, macro));
  }
  if (kind === 'money') {
    const write = moneyWriter(macro);
    return (value) => (isMoney(value) ? write(value) : missing(value, macro));
  }
  const write = textWriter(macro);
  return (value) => (typeof value === 'string' ? write(value) : missing(value, macro));
}

function moneyWriter(macro: MacroToken): (money: Money) => string {
  if (macro.modifiers.some(({ name }) => name === 'cents')) return (money) => toMinorUnits(money).toString();
  const decimals = macro.modifiers.find(({ name }) => name === 'decimals')?.argument;
  if (decimals == null) return (money) => formatUnits(money.micros);
  return (money) => formatDecimals(money.micros, Number(decimals));
}

function instantWriter({ modifiers }: MacroToken): (epochMs: number) => string {
  const format = modifiers.find(({ name }) => ruleOf(name)?.role === 'format');
  if (format?.name === 'unix') return (epochMs) => Math.floor(epochMs / 1_000).toString();
  if (format?.name === 'unix_ms') return String;
  const pieces = format?.name === 'date' ? datePieces(format.argument ?? '') : null;
  if (pieces === null) return (epochMs) => new Date(epochMs).toISOString();
  return (epochMs) => {
    const iso = new Date(epochMs).toISOString();
    let text = '';
    for (const piece of pieces) text += typeof piece === 'string' ? piece : iso.slice(piece.from, piece.to);
    return text;
  };
}

type DatePiece = string | { readonly from: number; readonly to: number };

/** Where each part of a date stands in its ISO form, counted from the end: years before 0 and after 9999 are longer. */
const DATE_PARTS: Readonly<Record<string, DatePiece>> = {
  YYYY: { from: -24, to: -20 },
  MM: { from: -19, to: -17 },
  DD: { from: -16, to: -14 },
  HH: { from: -13, to: -11 },
  mm: { from: -10, to: -8 },
  ss: { from: -7, to: -5 },
  SSS: { from: -4, to: -1 },
};

/** A date pattern in pieces; null when it has no part of a date, or a letter that is neither part of one nor T or Z. */
function datePieces(pattern: string): readonly DatePiece[] | null {
  const pieces = pattern.match(/YYYY|MM|DD|HH|mm|ss|SSS|[A-Za-z]|[^A-Za-z]+/g) ?? [];
  if (pieces.some((piece) => /^[A-SU-Ya-z]$/.test(piece))) return null;
  if (!pieces.some((piece) => Object.hasOwn(DATE_PARTS, piece))) return null;
  return pieces.map((piece) => DATE_PARTS[piece] ?? piece);
}

function textWriter({ modifiers }: MacroToken): (text: string) => string {
  const named = (role: ModifierRule['role']) =>
    modifiers.find(({ name }) => ruleOf(name)?.role === role)?.name;
  const inCase = CASES[named('case') ?? ''] ?? ((text: string) => text);
  const algorithm = named('hash');
  if (algorithm === undefined) return inCase;
  // The hash of nothing is one and the same text for everybody, which a partner would take for a person.
  return (text) => (text === '' ? '' : hash(algorithm, inCase(text), 'hex'));
}

const CASES: Readonly<Record<string, (text: string) => string>> = {
  upper: (text) => text.toUpperCase(),
  lower: (text) => text.toLowerCase(),
};

function isMoney(value: MacroValue): value is Money {
  return typeof value === 'object' && value !== null;
}

/** A missing value renders empty; one of another type than its macro's is a defect of the caller. */
function missing(value: MacroValue, macro: MacroToken): string {
  if (value == null) return '';
  throw new TypeError(`macro ${macro.source} was given a ${typeof value}`);
}
