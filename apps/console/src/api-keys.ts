/** Who holds a presented key: the process's own, or one of those in the configuration. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  type ApiKeyRole,
  BOOTSTRAP_KEY_ID,
  type Configuration,
  type ConfigurationFollower,
  type DocumentProblem,
} from '@tributary/configuration';
import type { Clock, Encryption, Logger } from '@tributary/runtime';
import { secretContext } from './sealed-secrets.ts';
import type { WriteRequest } from './write-request.ts';

/** Whoever holds a key, as far as the API asks. */
export interface Holder {
  /** Recorded as the actor of every change. */
  readonly keyId: string;
  readonly role: ApiKeyRole;
  /** Only of role partner. */
  readonly partnerId: string | null;
}

export interface ApiKeysParts {
  /** CONSOLE_API_KEY: an admin that is there before any configuration is. */
  readonly bootstrapKey: string;
  readonly follower: Pick<ConfigurationFollower, 'current'>;
  readonly encryption: Encryption;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface KnownKey extends Holder {
  readonly digest: Buffer;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  readonly version: number;
}

type SealedKey =
  | {
      readonly ok: true;
      readonly secrets: Readonly<Record<string, Buffer>>;
      readonly generated: string | null;
    }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] };

/** The secret field with the hash, in hex. */
const HASH_FIELD = 'hash';
const KEY_BYTES = 32;

/**
 * Keys are random and long (made here: 256 bits), so one SHA-256 is enough: no list of likely keys exists that a slow hash
 * would have to protect.
 */
export class ApiKeys {
  readonly #parts: ApiKeysParts;
  readonly #bootstrap: KnownKey;
  #known: readonly KnownKey[];
  #knownAt = -1;

  constructor(parts: ApiKeysParts) {
    this.#parts = parts;
    this.#bootstrap = {
      keyId: BOOTSTRAP_KEY_ID,
      role: 'admin',
      partnerId: null,
      digest: digestOf(parts.bootstrapKey),
      expiresAt: Number.POSITIVE_INFINITY,
      version: -1,
    };
    this.#known = [this.#bootstrap];
  }

  /** Null for a key that is wrong, expired or missing. Takes the same time for each of them: every key is compared. */
  holderOf(presented: string): Holder | null {
    const digest = digestOf(presented);
    let found: KnownKey | null = null;
    for (const known of this.#current()) if (timingSafeEqual(known.digest, digest)) found = known;
    if (found === null || this.#parts.clock.now() >= found.expiresAt) return null;
    const { keyId, role, partnerId } = found;
    return { keyId, role, partnerId };
  }

  /** The secret field of an API key: of the key given, of a new one, or of the one it has. */
  seal(
    configuration: Configuration,
    id: string,
    request: Pick<WriteRequest, 'key' | 'generateKey'>,
  ): SealedKey {
    const { encryption } = this.#parts;
    const kept = configuration.secretsOf('api_key', id)[HASH_FIELD];
    const context = secretContext('api_key', id, HASH_FIELD);
    const generated =
      request.generateKey || (request.key === null && kept === undefined)
        ? `tributary_${randomBytes(KEY_BYTES).toString('base64url')}`
        : null;
    const key = generated ?? request.key;
    if (key !== null) {
      if (this.#isOfAnother(key, id))
        return { ok: false, problems: [{ path: 'key', message: 'opens for another API key already' }] };
      return { ok: true, secrets: sealedHash(encryption, digestOf(key).toString('hex'), context), generated };
    }
    try {
      const hash = encryption.decryptSecret(kept ?? Buffer.alloc(0), context);
      return { ok: true, secrets: sealedHash(encryption, hash, context), generated };
    } catch {
      const message = 'no key decrypts what is stored: send another, or generateKey';
      return { ok: false, problems: [{ path: 'key', message }] };
    }
  }

  #isOfAnother(key: string, id: string): boolean {
    const digest = digestOf(key);
    return this.#current().some((known) => known.keyId !== id && timingSafeEqual(known.digest, digest));
  }

  /** Made anew with each version of the configuration, so a removal counts from the record that holds it. */
  #current(): readonly KnownKey[] {
    const { current } = this.#parts.follower;
    if (this.#knownAt === current.version) return this.#known;
    this.#knownAt = current.version;
    const before = new Map(this.#known.map((known) => [known.keyId, known]));
    this.#known = [
      this.#bootstrap,
      ...current.list('api_key').flatMap(({ id }) => this.#read(current, id, before.get(id))),
    ];
    return this.#known;
  }

  #read(configuration: Configuration, id: string, before: KnownKey | undefined): readonly KnownKey[] {
    const revision = configuration.revision('api_key', id);
    if (revision === undefined || revision.entity === null) return [];
    const { version, entity, secrets } = revision;
    if (before?.version === version) return [before];
    const { encryption, logger } = this.#parts;
    try {
      const hash = encryption.decryptSecret(
        secrets[HASH_FIELD] ?? Buffer.alloc(0),
        secretContext('api_key', id, HASH_FIELD),
      );
      const { role, partnerId = null, expiresAt } = entity;
      const expiry = expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiresAt);
      return [{ keyId: id, role, partnerId, digest: Buffer.from(hash, 'hex'), expiresAt: expiry, version }];
    } catch {
      logger.warn({ keyId: id, version }, 'api_key.unreadable');
      return [];
    }
  }
}

function sealedHash(encryption: Encryption, hash: string, context: string) {
  return { [HASH_FIELD]: encryption.encryptSecret(hash, context) };
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
