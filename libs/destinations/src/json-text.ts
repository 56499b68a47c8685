/** JSON text with exact numbers: what JSON.stringify would write, but for money that never was a float. */

/** A number by its decimal digits; written into the JSON text as they are. */
export class ExactNumber {
  readonly digits: string;

  constructor(digits: string) {
    if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(digits)) throw new RangeError(`not a JSON number: ${digits}`);
    this.digits = digits;
  }
}

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | ExactNumber
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** The JSON text of a value; members that are undefined are left out, as JSON.stringify does. */
export function jsonText(value: JsonValue): string {
  if (value instanceof ExactNumber) return value.digits;
  // A lone surrogate has no UTF-8: sent on, it would have a strict receiver refuse the whole batch.
  if (typeof value === 'string') return JSON.stringify(value.toWellFormed());
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isList(value)) return `[${value.map(jsonText).join(',')}]`;
  const members = Object.entries(value).flatMap(([name, member]) =>
    member === undefined ? [] : [`${JSON.stringify(name)}:${jsonText(member)}`],
  );
  return `{${members.join(',')}}`;
}

/** Array.isArray does not narrow readonly arrays away. */
function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** The value of a JSON text, or undefined when the text is not JSON; undefined is no JSON value, so it is unambiguous. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
