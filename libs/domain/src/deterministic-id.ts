/** Deterministic ids: the same parts give the same UUID in every process and on every replay. */
import { hash } from 'node:crypto';

/**
 * A UUID that is a function of its parts: the first 128 bits of SHA-256, with version 8 and the RFC 9562 variant set.
 *
 * `kind` names what is identified (`outward_event`, `receipt`, …) so that equal parts of two kinds never share an id.
 * Every part is hashed behind its length in bytes (`5:hello`), so ('ab', 'c') and ('a', 'bc') differ. Version 8 is the
 * one RFC 9562 §5.8 leaves to the application; 122 bits remain, so the first collision is expected past 10^18 ids.
 */
export function deterministicUuid(kind: string, ...parts: readonly string[]): string {
  const text = [kind, ...parts].map((part) => `${Buffer.byteLength(part, 'utf8')}:${part}`).join('');
  return formatUuid(hash('sha256', text, 'hex'));
}

/** @param hex of at least 32 digits. */
function formatUuid(hex: string): string {
  const variant = (Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant.toString(16)}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
