/** The form in which the lookup tables keep keys of the decision core: short, of one length, and spread evenly. */
import { hash } from 'node:crypto';

/** What a key is a key of, as the feeds of the lookup tables write it. */
export type HashedKind = 'conversion' | 'transaction' | 'customer' | 'click' | 'subject' | 'cap' | 'tier';

/**
 * First 8 bytes, little endian, of SHA-256 over kind, a zero byte and key. Migration 0006 makes the same.
 * Two keys may share one: whoever asks by it goes by the keys of what was found.
 */
export function keyHash(kind: HashedKind, key: string): bigint {
  return hash('sha256', `${kind}\u0000${key}`, 'buffer').readBigUInt64LE(0);
}
