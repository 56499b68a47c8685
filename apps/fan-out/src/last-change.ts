/** Not every revision of an entity is a change: since when it says what it says, and which one somebody meant. */
import { isDeepStrictEqual } from 'node:util';
import type { ConfiguredEntityType, Destination, Revision } from '@tributary/configuration';
import type { Encryption } from '@tributary/runtime';

type DestinationRevision = Revision<'destination'>;

/** Whether the later of two neighbours only carries on what the one before it has begun. */
export type CarriesOn<T extends ConfiguredEntityType> = (before: Revision<T>, after: Revision<T>) => boolean;

/**
 * The revision that began what is in force at `at`: all since then carry it on. Those that a later change forestalled were
 * never in force. Undefined where nothing is.
 */
export function beginning<T extends ConfiguredEntityType>(
  history: readonly Revision<T>[],
  at: number,
  carriesOn: CarriesOn<T>,
): Revision<T> | undefined {
  let begun: Revision<T> | undefined;
  for (const revision of history.toReversed()) {
    if (revision.unreadable === true || revision.effectiveFrom > (begun?.effectiveFrom ?? at)) continue;
    if (begun !== undefined && !carriesOn(revision, begun)) break;
    begun = revision;
  }
  return begun;
}

/** Both say the same; what is sealed is compared as it is stored. */
export function isRepeated<T extends ConfiguredEntityType>(before: Revision<T>, after: Revision<T>): boolean {
  return isDeepStrictEqual(before.entity, after.entity);
}

/** A receiver is told the same by both: the same document, but for a release of its guard, and the same secrets. */
export function tellsTheSame(encryption: Encryption): CarriesOn<'destination'> {
  return (before, after) =>
    after.isReseal === true ||
    (isDeepStrictEqual(withoutRelease(before.entity), withoutRelease(after.entity)) &&
      haveSameSecrets(encryption, before, after));
}

/** Nobody has written the destination as such: its secrets were sealed anew, or its guard was released and nothing else. */
export function isIncidental(encryption: Encryption): CarriesOn<'destination'> {
  const isSame = tellsTheSame(encryption);
  return (before, after) =>
    after.isReseal === true ||
    (before.entity?.guard?.releasedAt !== after.entity?.guard?.releasedAt && isSame(before, after));
}

function withoutRelease(destination: Destination | null): object | null {
  if (destination === null) return null;
  const { guard, ...rest } = destination;
  const { releasedAt: _releasedAt, ...limits } = guard ?? {};
  return { ...rest, limits };
}

/** What no key decrypts any more counts as changed. */
function haveSameSecrets(
  encryption: Encryption,
  before: DestinationRevision,
  after: DestinationRevision,
): boolean {
  const paths = Object.keys(after.secrets);
  if (Object.keys(before.secrets).length !== paths.length) return false;
  return paths.every((path) => {
    const texts = [before, after].map(({ entity, secrets }) => {
      const ciphertext = secrets[path];
      return entity === null || ciphertext === undefined
        ? null
        : decrypted(encryption, ciphertext, `destination:${entity.id}:${path}`);
    });
    return texts[0] !== null && texts[0] === texts[1];
  });
}

/** Null when no key decrypts it. */
export function decrypted(encryption: Encryption, ciphertext: Uint8Array, context: string): string | null {
  try {
    return encryption.decryptSecret(ciphertext, context);
  } catch {
    return null;
  }
}
