/** What JSON.parse does not tell of a document: how deep it is, and which names came twice in one object. */
import { endOfJsonString } from '@tributary/domain';

export interface JsonScan {
  readonly depth: number;
  /** The first name that came twice, by the element of the outermost list it stands in; 0 for a document that is no list. */
  readonly repeated: ReadonlyMap<number, string>;
}

/** Deeper is nobody's postback; the scan ends there. */
export const MAX_SCANNED_DEPTH = 64;

/** Looks at the signs only: what it says of a text that is no JSON means nothing. */
export function scanJson(text: string): JsonScan {
  const repeated = new Map<number, string>();
  /** The names of each open object, null for a list. */
  const open: (Set<string> | null)[] = [];
  let [depth, row, expectsName] = [0, 0, false];
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (sign === '{' || sign === '[') {
      open.push(sign === '{' ? new Set() : null);
      expectsName = sign === '{';
      depth = Math.max(depth, open.length);
      if (depth > MAX_SCANNED_DEPTH) break;
    } else if (sign === '}' || sign === ']') {
      open.pop();
      expectsName = false;
    } else if (sign === ',') {
      expectsName = open.at(-1) instanceof Set;
      if (open.length === 1 && !expectsName) row++;
    } else if (sign === '"') {
      const end = endOfJsonString(text, at);
      const names = open.at(-1);
      if (expectsName && names) {
        const name = nameOf(text.slice(at, end + 1));
        if (names.has(name) && !repeated.has(row)) repeated.set(row, name);
        names.add(name);
        expectsName = false;
      }
      at = end;
    }
  }
  return { depth, repeated };
}

/** `"\u0061"` is the name `a`. */
function nameOf(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1);
  try {
    return String(JSON.parse(literal));
  } catch {
    return literal;
  }
}
