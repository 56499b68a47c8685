/** What one revision of a source asks of its callers, made ready once: digests, keys and ranges instead of texts. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { type Configuration, SIGNING_SECRETS, type Source } from '@tributary/configuration';
import type { Encryption, Logger } from '@tributary/runtime';
import { AllowList } from './allow-list.ts';
import type { RateLimit } from './rate-limit.ts';
import { SourceTokens } from './token.ts';

export interface SourceAccess {
  readonly tokens: SourceTokens;
  readonly signingKeys: readonly KeyObject[];
  readonly requiresToken: boolean;
  readonly requiresSignature: boolean;
  /** Null allows every address. */
  readonly allowList: AllowList | null;
  readonly requiresHttps: boolean;
  /** Null takes any number. */
  readonly rate: RateLimit | null;
}

export interface SourceAccessParts {
  readonly configuration: () => Configuration;
  readonly encryption: Encryption;
  readonly logger: Logger;
}

export class SourceAccesses {
  readonly #parts: SourceAccessParts;
  /** By the revision itself: the configuration keeps one object for as long as it is in force. */
  readonly #known = new WeakMap<Source, SourceAccess>();

  constructor(parts: SourceAccessParts) {
    this.#parts = parts;
  }

  /** @param at the instant at which `source` was in force. */
  of(source: Source, at: number): SourceAccess {
    const known = this.#known.get(source);
    if (known !== undefined) return known;
    const made = this.#make(source, at);
    this.#known.set(source, made);
    return made;
  }

  #make(source: Source, at: number): SourceAccess {
    const ciphertexts = this.#parts.configuration().secretsOf('source', source.id, at);
    const secrets = SIGNING_SECRETS.flatMap((name) => {
      const ciphertext = ciphertexts[name];
      return ciphertext === undefined ? [] : [{ name, ciphertext }];
    });
    const { authentication = {}, allowedAddresses, ratePerSecond, rateBurst } = source;
    return {
      tokens: new SourceTokens(source.tokenHashes),
      signingKeys: secrets.flatMap(({ name, ciphertext }) => this.#keyOf(source.id, name, ciphertext)),
      requiresToken: authentication.token ?? source.tokenHashes.length > 0,
      // By what is stored and not by what could be read: a secret under a lost key must not open the source.
      requiresSignature: authentication.signature ?? secrets.length > 0,
      allowList: allowedAddresses === undefined ? null : new AllowList(allowedAddresses),
      requiresHttps: source.requiresHttps ?? false,
      rate:
        ratePerSecond === undefined
          ? null
          : { perSecond: ratePerSecond, burst: rateBurst ?? Math.max(1, ratePerSecond) },
    };
  }

  /** An empty secret would be one that everybody knows. */
  #keyOf(sourceId: string, name: string, ciphertext: Uint8Array): readonly KeyObject[] {
    const { encryption, logger } = this.#parts;
    try {
      const secret = encryption.decryptSecret(ciphertext, `source:${sourceId}:${name}`);
      return secret === '' ? [] : [createSecretKey(secret, 'utf8')];
    } catch {
      logger.warn({ sourceId, secretName: name }, 'source.secret_unreadable');
      return [];
    }
  }
}
