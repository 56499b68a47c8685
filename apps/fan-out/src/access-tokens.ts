/** Access tokens of destinations: fetched once however many wait, kept until they end or the platform takes them no more. */
import { randomUUID } from 'node:crypto';
import { type EventProducer, outgoing } from '@tributary/bus';
import type { OutwardRequest } from '@tributary/destinations';
import type { Clock, Encryption, Logger } from '@tributary/runtime';
import type { Receiver } from './receivers.ts';
import type { Exchange } from './sender.ts';

/** `accessToken` is null where the destination needs none. */
export type TokenAnswer =
  | { readonly ok: true; readonly accessToken: string | null }
  | { readonly ok: false; readonly isLasting: boolean; readonly reason: string; readonly afterMs?: number };

export interface AccessTokensOptions {
  readonly sender: { send(request: OutwardRequest, receiver: Receiver): Promise<Exchange> };
  readonly producer: EventProducer;
  readonly encryption: Encryption;
  readonly clock: Clock;
  readonly instanceId: string;
  readonly configurationVersion: () => number;
  readonly logger: Logger;
}

interface KeptToken {
  readonly version: number;
  readonly accessToken: string;
  readonly expiresAt: number;
}

interface Fetching {
  readonly version: number;
  readonly answer: Promise<TokenAnswer>;
}

export class AccessTokens {
  readonly #options: AccessTokensOptions;
  readonly #kept = new Map<string, KeptToken>();
  readonly #fetching = new Map<string, Fetching>();

  constructor(options: AccessTokensOptions) {
    this.#options = options;
  }

  async get(receiver: Receiver): Promise<TokenAnswer> {
    const { destination, definition, settings, version } = receiver;
    if (definition.credential?.isNeeded(settings) !== true) return { ok: true, accessToken: null };
    const kept = this.#kept.get(destination.id);
    if (kept !== undefined && kept.version === version && kept.expiresAt > this.#options.clock.now())
      return { ok: true, accessToken: kept.accessToken };
    const fetching = this.#fetching.get(destination.id);
    if (fetching?.version === version) return fetching.answer;
    const answer = this.#fetch(receiver).finally(() => {
      if (this.#fetching.get(destination.id)?.answer === answer) this.#fetching.delete(destination.id);
    });
    this.#fetching.set(destination.id, { version, answer });
    return answer;
  }

  /** The platform takes it no more; another that was fetched meanwhile stays. */
  drop(destinationId: string, accessToken: string | null): void {
    if (this.#kept.get(destinationId)?.accessToken === accessToken) this.#kept.delete(destinationId);
  }

  async #fetch(receiver: Receiver): Promise<TokenAnswer> {
    const { clock, sender } = this.#options;
    const { destination, definition, settings, version } = receiver;
    const { credential } = definition;
    if (credential === null) throw new Error(`${definition.key} has no credential to fetch`);
    const exchange = await sender.send(credential.buildRequest({ settings, now: clock.now() }), receiver);
    if (!exchange.ok) return { ok: false, isLasting: false, reason: `token_${exchange.error}` };
    const now = clock.now();
    const judged = credential.judge({ response: exchange.response, settings, now });
    if (judged.outcome === 'granted') {
      const { accessToken, expiresAt } = judged;
      this.#kept.set(destination.id, { version, accessToken, expiresAt });
      await this.#record(receiver, accessToken, expiresAt, now);
      return { ok: true, accessToken };
    }
    const reason = judged.reason.startsWith('token_') ? judged.reason : `token_${judged.reason}`;
    if (judged.outcome === 'refused') return { ok: false, isLasting: true, reason };
    return {
      ok: false,
      isLasting: false,
      reason,
      ...(judged.afterMs === undefined ? {} : { afterMs: judged.afterMs }),
    };
  }

  /** That it was obtained; the token itself as ciphertext only. What is not on record is fetched again by the next process. */
  async #record(
    { destination, definition, version }: Receiver,
    token: string,
    expiresAt: number,
    now: number,
  ): Promise<void> {
    const { producer, encryption, instanceId, configurationVersion, logger } = this.#options;
    const accessToken = encryption.encryptSecret(token, `destination:${destination.id}:accessToken`);
    const record = outgoing('credential.refreshed.v1', destination.id, {
      refreshId: randomUUID(),
      destinationId: destination.id,
      definition: definition.key,
      destinationVersion: version,
      credentials: { accessToken },
      refreshedAt: now,
      expiresAt,
      refreshAfter: expiresAt,
      instanceId,
      configurationVersion: configurationVersion(),
    });
    await producer.produce([record]).catch((error: unknown) => {
      logger.warn({ err: error, destinationId: destination.id }, 'credential.unrecorded');
    });
  }
}
