/** Secret fields as they lie in the log: bound to their place, compared and moved to the first key without being shown. */
import type { ConfiguredEntityType } from '@tributary/configuration';
import { type Encryption, keyTagOf } from '@tributary/runtime';

export type Ciphertexts = Readonly<Record<string, Uint8Array>>;

/** Binds a ciphertext to its place; fan-out decrypts those of destinations with the same words. */
export function secretContext(entityType: ConfiguredEntityType, id: string, path: string): string {
  return `${entityType}:${id}:${path}`;
}

/** Paths whose plain text differs, or cannot be compared because no key decrypts one of the two. */
export function changedSecrets(
  encryption: Encryption,
  entityType: ConfiguredEntityType,
  id: string,
  [before, after]: readonly [Ciphertexts, Ciphertexts],
): readonly string[] {
  const plain = (ciphertexts: Ciphertexts, path: string) => {
    const ciphertext = ciphertexts[path];
    if (ciphertext === undefined) return undefined;
    try {
      return encryption.decryptSecret(ciphertext, secretContext(entityType, id, path));
    } catch {
      return null;
    }
  };
  const paths = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...paths].toSorted().filter((path) => {
    const known = plain(before, path);
    return known === null || known !== plain(after, path);
  });
}

/** Every field under the first key. @throws Error when no key decrypts one of them. */
export function resealed(
  encryption: Encryption,
  entityType: ConfiguredEntityType,
  id: string,
  secrets: Ciphertexts,
): Readonly<Record<string, Buffer>> {
  return Object.fromEntries(
    Object.entries(secrets).map(([path, ciphertext]) => {
      const context = secretContext(entityType, id, path);
      return [path, encryption.encryptSecret(encryption.decryptSecret(ciphertext, context), context)];
    }),
  );
}

export function isUnderFirstKey(encryption: Encryption, secrets: Ciphertexts): boolean {
  return Object.values(secrets).every((ciphertext) => keyTagOf(ciphertext) === encryption.primaryKeyTag);
}
