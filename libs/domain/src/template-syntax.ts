/** The grammar of URL templates: `{name}`, `{{name}}`, `{namespace:key}` and modifiers behind `|`. */

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
  /** How much of the text is meant from there. */
  readonly length: number;
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
  readonly length: number;
  readonly name: string;
  readonly argument: string | null;
}

export type TemplateToken =
  | { readonly kind: 'literal'; readonly position: number; readonly text: string }
  | { readonly kind: 'macro'; readonly position: number; readonly macro: MacroToken };

/**
 * Cuts a template into literals and macros; macro names and modifiers are not judged yet. What is no macro is read as a
 * literal, and the reading goes on behind it, so that every fault of a template is found at once.
 */
export function tokenise(text: string): { tokens: TemplateToken[]; problems: TemplateProblem[] } {
  const tokens: TemplateToken[] = [];
  const problems: TemplateProblem[] = [];
  const literal = (from: number, to: number) => {
    if (to > from) tokens.push({ kind: 'literal', position: from, text: text.slice(from, to) });
  };
  let at = 0;
  while (at < text.length) {
    const brace = nextBrace(text, at);
    literal(at, brace);
    if (brace === text.length) break;
    const found = readMacro(text, brace);
    at = found.end;
    if (found.problem === null) tokens.push({ kind: 'macro', position: brace, macro: found.macro });
    else {
      problems.push(found.problem);
      literal(brace, at);
    }
  }
  return { tokens, problems };
}

function nextBrace(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) if (text[at] === '{' || text[at] === '}') return at;
  return text.length;
}

type FoundMacro = { readonly end: number } & (
  | { readonly problem: null; readonly macro: MacroToken }
  | { readonly problem: TemplateProblem }
);

function readMacro(text: string, open: number): FoundMacro {
  if (text[open] === '}') {
    const message = 'this } closes nothing: leave it out, or write a literal brace as %7D';
    return { end: open + 1, problem: { code: 'unbalanced_brace', position: open, length: 1, message } };
  }
  const [opening, closing] = text.startsWith('{{', open) ? ['{{', '}}'] : ['{', '}'];
  const start = open + opening.length;
  const end = text.indexOf(closing, start);
  if (end === -1) return unclosed(text, open, opening, closing);
  const body = text.slice(start, end);
  const stray = body.search(/[{}]/);
  if (stray !== -1) {
    const position = start + stray;
    const message = `a macro cannot hold a brace: close the one before it with ${closing}`;
    return {
      end: resumeAt(body, stray, start, end + closing.length),
      problem: { code: 'unbalanced_brace', position, length: 1, message },
    };
  }
  const source = opening + body + closing;
  return {
    end: open + source.length,
    problem: null,
    macro: parseBody(body, start, { position: open, source }),
  };
}

/** At the next macro, so that it is read for itself; behind the closing brace where there is none. */
function resumeAt(body: string, stray: number, start: number, behind: number): number {
  const next = body.indexOf('{', stray);
  if (next === -1) return behind;
  return start + (next === stray ? stray : stray + 1);
}

function unclosed(text: string, open: number, opening: string, closing: string): FoundMacro {
  const [half = '', word = ''] = /^([\w:.|-]*)\}?/.exec(text.slice(open + opening.length)) ?? [];
  const length = opening.length + half.length;
  const message = `this ${opening} is never closed: write ${opening}${word}${closing}`;
  return { end: open + length, problem: { code: 'unclosed_macro', position: open, length, message } };
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
    const token = {
      position,
      length: text.length,
      name: modifier.trim(),
      argument: argument?.trim() ?? null,
    };
    position += text.length + 1;
    return token;
  });
  return { ...place, name, key, modifiers: modifierTokens };
}

function splitAtColon(text: string): [string, string | null] {
  const colon = text.indexOf(':');
  return colon === -1 ? [text, null] : [text.slice(0, colon), text.slice(colon + 1)];
}
