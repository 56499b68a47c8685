/** Query strings and forms as names and values: percent-decoded in the charset of the call, not only in UTF-8. */
import { decoded, type TextEncoding } from './charset.ts';

export interface PairEncoding {
  readonly encoding: TextEncoding;
  /** Values are decoded once more. */
  readonly isDoubleEncoded: boolean;
}

export type Pair = readonly [name: string, value: string];

const ASCII_WITHOUT_SIGNS = /^[\u0020-\u0024\u0026-\u002a\u002c-\u007e]*$/;
const ASCII = /^[\u0020-\u007e]*$/;

/** The pieces between `&`; empty ones are nobody's. */
export function piecesOf(text: string): string[] {
  if (text === '') return [];
  const pieces = text.split('&');
  return pieces.includes('') ? pieces.filter((piece) => piece !== '') : pieces;
}

/**
 * @param pieces text in which every character is one byte, as Node gives a URL.
 * A broken escape (`%zz`, `%4`) stays as it was sent. Blanks and line breaks around a name come from a template that was
 * wrapped, and go.
 */
export function pairsOf(pieces: readonly string[], { encoding, isDoubleEncoded }: PairEncoding): Pair[] {
  return pieces.map((piece) => {
    const sign = piece.indexOf('=');
    const name = decodedPiece(sign < 0 ? piece : piece.slice(0, sign), encoding).trim();
    const value = sign < 0 ? '' : decodedPiece(piece.slice(sign + 1), encoding);
    return [name, isDoubleEncoded ? decodedAgain(value, encoding) : value];
  });
}

/** The value of the first piece with this name, which is plain ASCII. */
export function asciiValue(pieces: readonly string[], name: string): string | null {
  const prefix = `${name}=`;
  const piece = pieces.find((each) => each.startsWith(prefix));
  return piece === undefined ? null : decodedPiece(piece.slice(prefix.length), 'utf-8').trim();
}

function decodedPiece(piece: string, encoding: TextEncoding): string {
  if (ASCII_WITHOUT_SIGNS.test(piece)) return piece;
  if (encoding === 'utf-8' && ASCII.test(piece)) {
    try {
      // Native, and right for all that is well formed.
      return decodeURIComponent(piece.includes('+') ? piece.replaceAll('+', ' ') : piece);
    } catch {
      return decoded(bytesOf(piece), encoding);
    }
  }
  return decoded(bytesOf(piece), encoding);
}

const PERCENT = 0x25;
const PLUS = 0x2b;
const BLANK = 0x20;

function bytesOf(piece: string): Uint8Array {
  const bytes = new Uint8Array(piece.length);
  let length = 0;
  for (let at = 0; at < piece.length; at++) {
    const code = piece.charCodeAt(at) & 0xff;
    const escaped = code === PERCENT ? byteOfHex(piece, at + 1) : -1;
    bytes[length++] = escaped >= 0 ? escaped : code === PLUS ? BLANK : code;
    if (escaped >= 0) at += 2;
  }
  return bytes.subarray(0, length);
}

function byteOfHex(piece: string, at: number): number {
  const high = digitOfHex(piece.charCodeAt(at));
  const low = digitOfHex(piece.charCodeAt(at + 1));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function digitOfHex(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

const ESCAPES = /(?:%[0-9a-f]{2})+/gi;

/** Once more where that gives text; `+` stays, since it is also the sign before a country code. */
function decodedAgain(value: string, encoding: TextEncoding): string {
  if (!value.includes('%')) return value;
  const again = value.replace(ESCAPES, (escapes) => decoded(bytesOf(escapes), encoding));
  return again.includes('\ufffd') ? value : again;
}
