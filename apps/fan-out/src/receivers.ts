/**
 * The configured destinations ready to send to: definition found, settings decrypted and parsed once per change. Where and
 * with which credentials something is sent is judged by the moment of sending, never by the age of the fact.
 */
import {
  type Configuration,
  type Destination,
  overrideScopesOf,
  type Revision,
} from '@tributary/configuration';
import {
  type DestinationDefinition,
  type DestinationSettings,
  destinationFor,
  overriddenSettings,
  parseSettings,
  type Redactor,
  settingsRedactor,
} from '@tributary/destinations';
import { type ChoiceSubject, type Chooser, chooserAmong, type Tells } from '@tributary/domain';
import type { Encryption } from '@tributary/runtime';
import { beginning, decrypted, isIncidental, tellsTheSame } from './last-change.ts';

/** A destination that may be sent to, whatever it is to be sent. */
export interface ActiveDestination {
  readonly destination: Destination;
  /** Configuration version of the destination: what was learnt of it under another may hold no more. */
  readonly version: number;
  /** The change by which somebody wrote it last; secrets sealed anew and a release of its guard are none. */
  readonly written: Pick<Revision<'destination'>, 'version' | 'effectiveFrom'>;
  /** Since when it says what it says, in epoch milliseconds; written again as it is, it says the same. */
  readonly changedAt: number;
  readonly definition: DestinationDefinition;
}

/** A destination for one conversion: the settings are its own, or those of the override that fits the conversion. */
export interface Receiver extends ActiveDestination {
  /** Index of that override; null for the destination's own settings. */
  readonly override: number | null;
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

/** Of them the faults that somebody mends; nobody meant that what is decided meanwhile is not sent. */
const FAULTS: readonly string[] = ['definition_unknown', 'settings_invalid', 'secrets_unreadable'];

export function isFault(problem: ReceiverProblem): boolean {
  return FAULTS.includes(problem);
}

/** A destination that is disabled is left out of what comes; what was begun or has waited until then must come to an end. */
export function isFaultOrOff(problem: ReceiverProblem): boolean {
  return isFault(problem) || problem === 'destination_disabled';
}

interface Missing {
  readonly ok: false;
  readonly reason: ReceiverProblem;
}
export type ReceiverLookup = { readonly ok: true; readonly receiver: Receiver } | Missing;
export type DestinationLookup = { readonly ok: true; readonly active: ActiveDestination } | Missing;

interface Prepared {
  readonly version: number | undefined;
  readonly destination: DestinationLookup;
  readonly choose: Chooser;
  readonly own: ReceiverLookup;
  /** One for each override of the document. */
  readonly overridden: readonly ReceiverLookup[];
}

export class Receivers {
  readonly #encryption: Encryption;
  readonly #prepared = new Map<string, Prepared>();

  constructor(encryption: Encryption) {
    this.#encryption = encryption;
  }

  /** The receiver of a conversion as it is in force at `now`; a change for later is not used before its time. */
  find(
    configuration: Configuration,
    destinationId: string,
    conversion: ChoiceSubject,
    now: number,
  ): ReceiverLookup {
    const { choose, own, overridden } = this.#preparedFor(configuration, destinationId, now);
    const chosen = choose(conversion);
    return (chosen === null ? undefined : overridden[chosen]) ?? own;
  }

  /** The receiver by an override that was chosen before, as it is in force at `now`; by the destination's own settings where it is gone. */
  findOverride(
    configuration: Configuration,
    destinationId: string,
    override: number | null,
    now: number,
  ): ReceiverLookup {
    const { own, overridden } = this.#preparedFor(configuration, destinationId, now);
    return (override === null ? undefined : overridden[override]) ?? own;
  }

  /** The destination as it is in force at `now`, for all that does not depend on what is sent. */
  findDestination(configuration: Configuration, destinationId: string, now: number): DestinationLookup {
    return this.#preparedFor(configuration, destinationId, now).destination;
  }

  #preparedFor(configuration: Configuration, destinationId: string, now: number): Prepared {
    const revision = configuration.revision('destination', destinationId, now);
    let prepared = this.#prepared.get(destinationId);
    if (prepared === undefined || prepared.version !== revision?.version) {
      prepared = this.#prepare(revision, configuration.history('destination', destinationId), now);
      this.#prepared.set(destinationId, prepared);
    }
    return prepared;
  }

  #prepare(
    revision: Revision<'destination'> | undefined,
    history: readonly Revision<'destination'>[],
    now: number,
  ): Prepared {
    const { overrides = [] } = revision?.entity ?? {};
    const destination = this.#activeIn(revision, history, now);
    const receiver = (override: number | null, settings: Destination['settings']): ReceiverLookup =>
      destination.ok
        ? this.#receiverOf(destination.active, revision?.secrets ?? {}, override, settings)
        : destination;
    return {
      version: revision?.version,
      destination,
      choose: chooserAmong(overrideScopesOf({ overrides })),
      own: receiver(null, {}),
      overridden: overrides.map(({ settings }, index) => receiver(index, settings)),
    };
  }

  #receiverOf(
    active: ActiveDestination,
    secrets: Revision<'destination'>['secrets'],
    override: number | null,
    overriding: Destination['settings'],
  ): ReceiverLookup {
    const { destination, definition } = active;
    const given = overriddenSettings(definition, destination.settings, overriding);
    if (given === null) return { ok: false, reason: 'settings_invalid' };
    const whole = this.#withSecrets(destination.id, given, secrets);
    // A key that this process lacks is one destination's trouble, and must not set aside what others are to be sent.
    if (whole === null) return { ok: false, reason: 'secrets_unreadable' };
    const parsed = parseSettings(definition, whole);
    if (!parsed.ok) return { ok: false, reason: 'settings_invalid' };
    const { settings } = parsed;
    const hideSecrets = settingsRedactor(definition, settings);
    return { ok: true, receiver: { ...active, override, settings, hideSecrets } };
  }

  /** Secrets are named by their dotted path in the settings; null when no key decrypts one of them. */
  #withSecrets(
    id: string,
    settings: Destination['settings'],
    secrets: Revision<'destination'>['secrets'],
  ): object | null {
    const whole: Record<string, unknown> = structuredClone({ ...settings });
    for (const [path, ciphertext] of Object.entries(secrets)) {
      const plain = decrypted(this.#encryption, ciphertext, `destination:${id}:${path}`);
      if (plain === null) return null;
      setPath(whole, path.split('.'), plain);
    }
    return whole;
  }

  #activeIn(
    revision: Revision<'destination'> | undefined,
    history: readonly Revision<'destination'>[],
    now: number,
  ): DestinationLookup {
    const destination = revision?.entity ?? null;
    if (revision === undefined || destination === null) return { ok: false, reason: 'destination_unknown' };
    if (destination.status !== 'active') return { ok: false, reason: 'destination_disabled' };
    const definition = destinationFor(destination.definition);
    if (definition === null) return { ok: false, reason: 'definition_unknown' };
    const { version, effectiveFrom } = beginning(history, now, isIncidental(this.#encryption)) ?? revision;
    const changed = beginning(history, now, tellsTheSame(this.#encryption)) ?? revision;
    return {
      ok: true,
      active: {
        destination,
        version: revision.version,
        written: { version, effectiveFrom },
        changedAt: changed.effectiveFrom,
        definition,
      },
    };
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

/** How much of a request one delivery is, at best. @param active null where nothing can be sent */
export function partOfRequest(active: Pick<ActiveDestination, 'definition'> | null): number {
  return active === null ? 1 : 1 / active.definition.maxBatch;
}

/** What a receiver is told of a value at all. */
export function tellsOf({ definition, settings }: Receiver): Tells {
  return { amounts: definition.amounts(settings), state: definition.tellsState?.(settings) ?? false };
}
