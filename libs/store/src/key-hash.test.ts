/** Hashes of keys: the first 8 bytes of SHA-256 as any other tool computes it, from the right end. */
import { expect, it } from 'vitest';
import { type HashedKind, keyHash } from './key-hash.ts';

// printf 'customer\0acme\0acme\0live\0c-1' | sha256sum, the first 8 bytes read as a little-endian number.
it.each<[HashedKind, string, bigint]>([
  ['customer', 'acme\u0000acme\u0000live\u0000c-1', 9538811902317120568n],
  ['cap', '0:acme\u0000cap', 16023582836530134386n],
  ['subject', 'Grüße \u{1f4b6}\u0000l\u0000test\u0000emailPlain:ab', 18298779871351724941n],
])('%s %j', (kind, key, expected) => {
  expect(keyHash(kind, key)).toBe(expected);
});
