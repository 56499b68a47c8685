/** JSON with its numbers as text: a float would make one order number of two, and another amount of a long one. */

export type ParsedJson = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

/** A float holds every decimal of this many significant digits. */
const FLOAT_DIGITS = 15;
/** RFC 8259 §6. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/;
/** From a digit or minus sign on, all that could be of the number. */
const NUMBER_SIGNS = /[-+.\deE]+/y;
/** A number is no name, so one in this place must stay what makes the document none. */
const NAME_FOLLOWS = /\s*:/y;

/** The document with every number as a string; not ok where it is none. How deep it is nested is for whoever walks it to bound. */
export function parseExactJson(text: string): ParsedJson {
  try {
    // A reviver is told the text of each number too, at several times the price of this.
    return { ok: true, value: JSON.parse(numbersAsText(text)) };
  } catch {
    return { ok: false };
  }
}

/** Where the string of a document ends that opens at `start`: the place of its closing quote, or the end of the text. */
export function endOfJsonString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}

function numbersAsText(text: string): string {
  let [quoted, copied] = ['', 0];
  for (let at = 0; at < text.length; at++) {
    const sign = text[at] ?? '';
    if (sign === '"') at = endOfJsonString(text, at);
    if (!isNumberStart(sign)) continue;
    const source = matchAt(NUMBER_SIGNS, text, at);
    const end = at + source.length;
    if (NUMBER.test(source) && matchAt(NAME_FOLLOWS, text, end) === '') {
      quoted += `${text.slice(copied, at)}"${textOf(source)}"`;
      copied = end;
    }
    at = end - 1;
  }
  return copied === 0 ? text : quoted + text.slice(copied);
}

function isNumberStart(sign: string): boolean {
  return (sign >= '0' && sign <= '9') || sign === '-';
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

/** In the plain form (`12.50` as `12.5`) where that is exact, so that one number written in two ways is one value; else as sent. */
function textOf(source: string): string {
  const plain = String(Number(source));
  const digits = source
    .replace(/e.*$/i, '')
    .replace(/\D/g, '')
    .replace(/^0+|0+$/g, '');
  return digits.length <= FLOAT_DIGITS && /^-?\d+(?:\.\d+)?$/.test(plain) ? plain : source;
}
