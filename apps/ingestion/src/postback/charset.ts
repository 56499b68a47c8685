/** Which charset a call is in, and bytes as text of it. */
import { CHARSETS } from '@tributary/domain';

/** As the Encoding standard names them; it reads ISO 8859-1 as windows-1252, of which it is a part in all that is printed. */
const ENCODINGS = ['utf-8', 'windows-1251', 'windows-1252'] as const;
export type TextEncoding = (typeof ENCODINGS)[number];

export const EXPECTED_CHARSET = `one of ${CHARSETS.join(', ')}`;

const encodingsByName = new Map<string, TextEncoding | null>();
/** Senders name the same few; a hostile one shall not fill the memory. */
const MAX_NAMES = 100;

/** The encoding of a charset's name or alias (`cp1251`, `latin1`); null where we do not read it. */
export function encodingOf(name: string): TextEncoding | null {
  const known = encodingsByName.get(name);
  if (known !== undefined) return known;
  const encoding = lookUp(name);
  if (encodingsByName.size < MAX_NAMES) encodingsByName.set(name, encoding);
  return encoding;
}

function lookUp(name: string): TextEncoding | null {
  try {
    const { encoding } = new TextDecoder(name.trim());
    return ENCODINGS.find((each) => each === encoding) ?? null;
  } catch {
    return null;
  }
}

/** The charset that a Content-Type names; null where it names none. */
export function charsetOfContentType(contentType: string): string | null {
  return /;\s*charset="?([^\s;"]+)"?/i.exec(contentType)?.[1] ?? null;
}

/** Not fatal: what is no text becomes U+FFFD, and the one parameter that holds it is refused when it is read. */
const decoders = {
  'utf-8': new TextDecoder('utf-8', { ignoreBOM: true }),
  'windows-1251': new TextDecoder('windows-1251'),
  'windows-1252': new TextDecoder('windows-1252'),
} as const;

export function decoded(bytes: Uint8Array, encoding: TextEncoding): string {
  return decoders[encoding].decode(bytes);
}
