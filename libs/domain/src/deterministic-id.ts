/** Deterministic ids: the same parts give the same UUID in every process and on every replay. */
import { createHash } from 'node:crypto';

const UUID_BYTES = 16;

/**
 * A UUID that is a function of its parts: the first 128 bits of SHA-256, with version 8 and the RFC 9562 variant set.
 *
 * `kind` names what is identified (`outward_event`, `receipt`, …) so that equal parts of two kinds never share an id.
 * Every part is hashed behind its length in bytes (`5:hello`), so ('ab', 'c') and ('a', 'bc') differ. Version 8 is the
 * one RFC 9562 §5.8 leaves to the application; 122 bits remain, so the first collision is expected past 10^18 ids.
 */
export function deterministicUuid(kind: string, ...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of [kind, ...parts])
    hash.update(`${Buffer.byteLength(part, 'utf8')}:`).update(part, 'utf8');
  return formatUuid(hash.digest().subarray(0, UUID_BYTES));
}

function formatUuid(bytes: Buffer): string {
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
