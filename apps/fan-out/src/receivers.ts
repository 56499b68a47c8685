/**
 * The configured destinations ready to send to: definition found, settings decrypted and parsed once per change. Where and
 * with which credentials something is sent is judged by the moment of sending, never by the age of the fact.
 */
import type { Configuration, Destination, Revision } from '@tributary/configuration';
import {
  type DestinationDefinition,
  type DestinationSettings,
  destinationFor,
  parseSettings,
  type Redactor,
  settingsRedactor,
} from '@tributary/destinations';
import type { Encryption } from '@tributary/runtime';

export interface Receiver {
  readonly destination: Destination;
  /** Configuration version of the destination: what was learnt of it under another may hold no more. */
  readonly version: number;
  readonly definition: DestinationDefinition;
  readonly settings: DestinationSettings;
  readonly hideSecrets: Redactor;
}

/** Why nothing can be sent to a destination now. */
export const RECEIVER_PROBLEMS = [
  'destination_unknown',
  'destination_disabled',
  'definition_unknown',
  'settings_invalid',
  'secrets_unreadable',
] as const;
export type ReceiverProblem = (typeof RECEIVER_PROBLEMS)[number];

export type ReceiverLookup =
  | { readonly ok: true; readonly receiver: Receiver }
  | { readonly ok: false; readonly reason: ReceiverProblem };

export class Receivers {
  readonly #encryption: Encryption;
  readonly #prepared = new Map<string, { version: number | undefined; lookup: ReceiverLookup }>();

  constructor(encryption: Encryption) {
    this.#encryption = encryption;
  }

  /** The receiver as it is in force at `now`; a change for later is not used before its time. */
  find(configuration: Configuration, destinationId: string, now: number): ReceiverLookup {
    const revision = configuration.revision('destination', destinationId, now);
    const version = revision?.version;
    const known = this.#prepared.get(destinationId);
    if (known !== undefined && known.version === version) return known.lookup;
    const lookup = this.#prepare(revision);
    this.#prepared.set(destinationId, { version, lookup });
    return lookup;
  }

  #prepare(revision: Revision<'destination'> | undefined): ReceiverLookup {
    const destination = revision?.entity ?? null;
    if (revision === undefined || destination === null) return { ok: false, reason: 'destination_unknown' };
    if (destination.status !== 'active') return { ok: false, reason: 'destination_disabled' };
    const definition = destinationFor(destination.definition);
    if (definition === null) return { ok: false, reason: 'definition_unknown' };
    const whole = this.#withSecrets(destination, revision.secrets);
    // A key that this process lacks is one destination's trouble, and must not set aside what others are to be sent.
    if (whole === null) return { ok: false, reason: 'secrets_unreadable' };
    const parsed = parseSettings(definition, whole);
    if (!parsed.ok) return { ok: false, reason: 'settings_invalid' };
    const { settings } = parsed;
    return {
      ok: true,
      receiver: {
        destination,
        version: revision.version,
        definition,
        settings,
        hideSecrets: settingsRedactor(definition, settings),
      },
    };
  }

  /** Secrets are named by their dotted path in the settings; null when no key decrypts one of them. */
  #withSecrets({ id, settings }: Destination, secrets: Revision<'destination'>['secrets']): object | null {
    const whole: Record<string, unknown> = structuredClone({ ...settings });
    for (const [path, ciphertext] of Object.entries(secrets)) {
      const plain = this.#decrypted(ciphertext, `destination:${id}:${path}`);
      if (plain === null) return null;
      setPath(whole, path.split('.'), plain);
    }
    return whole;
  }

  #decrypted(ciphertext: Uint8Array, context: string): string | null {
    try {
      return this.#encryption.decryptSecret(ciphertext, context);
    } catch {
      return null;
    }
  }
}

function setPath(
  target: Record<string, unknown>,
  [head = '', ...rest]: readonly string[],
  value: string,
): void {
  if (rest.length === 0) {
    target[head] = value;
    return;
  }
  const inner = target[head];
  const next = typeof inner === 'object' && inner !== null ? { ...inner } : {};
  target[head] = next;
  setPath(next, rest, value);
}
