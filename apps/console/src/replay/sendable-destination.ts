/** A destination as fan-out would send to it now, as far as a plan of a replay asks for it. */
import {
  type Configuration,
  type Destination,
  overrideScopesOf,
  type Subscription,
} from '@tributary/configuration';
import type { ConversionDecided } from '@tributary/contracts';
import {
  type DestinationDefinition,
  type DestinationSettings,
  destinationFor,
  outwardEvent,
  overriddenSettings,
  parseSettings,
  takenUntil,
} from '@tributary/destinations';
import { chooserAmong, type ReplayDestination } from '@tributary/domain';
import type { Encryption } from '@tributary/runtime';
import type { StoredHolding } from '@tributary/store';
import { settingsWithSecrets } from '../destination-settings.ts';

/** The decision that chooses among the overrides, and when what is to be told was decided. */
interface Telling {
  readonly offerId: string | null;
  readonly eventType: string;
  /** Epoch ms. */
  readonly occurredAt: number;
  /** Epoch ms. */
  readonly toldAt: number;
}

type Parsed = { readonly definition: DestinationDefinition; readonly settings: DestinationSettings } | null;

/** Reads each destination once; made anew for every plan and every page of a run, so that it sees changes. */
export class SendableDestinations {
  readonly #configuration: Configuration;
  readonly #encryption: Encryption;
  readonly #now: number;
  readonly #parsed = new Map<string, Parsed>();
  readonly #subscriptions: ReadonlyMap<string, readonly Subscription[]>;

  constructor(configuration: Configuration, encryption: Encryption, now: number) {
    this.#configuration = configuration;
    this.#encryption = encryption;
    this.#now = now;
    this.#subscriptions = Map.groupBy(configuration.subscriptions(now), (each) => each.destinationId);
  }

  /**
   * The names under which a conversion is sent there now: by its subscriptions as they were when it occurred, whatever else they
   * ask for, and by the settings in force. None where it is sent no more, or the destination cannot be sent to.
   */
  eventNames(destinationId: string, newest: ConversionDecided): ReadonlySet<string> {
    const { eventType, occurredAt, receivedAt } = newest;
    const destination = this.#configuration.revision('destination', destinationId, this.#now)?.entity;
    const parsed = destination ? this.#parsedOf(destination, this.#overrideOf(destination, newest)) : null;
    if (parsed === null) return new Set();
    const nameBy = (subscription?: Subscription) =>
      outwardEvent(parsed.definition, parsed.settings, eventType, subscription);
    const at = Math.min(occurredAt, receivedAt);
    const subscriptions = this.#subscriptions.get(destinationId) ?? [];
    const names = subscriptions.map(({ id }) => {
      const subscription = this.#configuration.revision('subscription', id, at)?.entity;
      return subscription ? nameBy(subscription) : null;
    });
    // One that was removed may have asked for it: fan-out leaves that.
    const known = subscriptions.length === 0 ? [nameBy()] : names;
    return new Set(known.filter((name) => name !== null));
  }

  replayDestination({ destinationId, kind, event }: StoredHolding, telling: Telling): ReplayDestination {
    const destination = this.#configuration.revision('destination', destinationId, this.#now)?.entity;
    if (!destination) return { kind: 'gone' };
    const { status, mode = 'live' } = destination;
    if (status !== 'active' || mode !== 'live') return { kind: 'off' };
    const parsed = this.#parsedOf(destination, this.#overrideOf(destination, telling));
    if (parsed === null) return { kind: 'gone' };
    const { definition, settings } = parsed;
    const { occurredAt, toldAt } = telling;
    return {
      kind: 'active',
      tells: { amounts: definition.amounts(settings), state: definition.tellsState?.(settings) ?? false },
      takenUntil: takenUntil(definition, settings, { kind, event, occurredAt, toldAt }),
      dedupWindowMs: definition.dedupWindowMs,
    };
  }

  #overrideOf(destination: Destination, subject: Pick<Telling, 'offerId' | 'eventType'>): number | null {
    return chooserAmong(overrideScopesOf(destination))(subject);
  }

  #parsedOf(destination: Destination, override: number | null): Parsed {
    const key = JSON.stringify([destination.id, override]);
    const known = this.#parsed.get(key);
    if (known !== undefined) return known;
    const parsed = this.#parse(destination, override);
    this.#parsed.set(key, parsed);
    return parsed;
  }

  #parse({ id, definition: key, settings, overrides = [] }: Destination, override: number | null): Parsed {
    const definition = destinationFor(key);
    if (definition === null) return null;
    const overriding = override === null ? {} : (overrides[override]?.settings ?? {});
    const given = overriddenSettings(definition, settings, overriding);
    const secrets = this.#configuration.revision('destination', id, this.#now)?.secrets ?? {};
    const whole = given === null ? null : settingsWithSecrets(this.#encryption, id, given, secrets);
    if (whole === null) return null;
    const parsed = parseSettings(definition, whole);
    return parsed.ok ? { definition, settings: parsed.settings } : null;
  }
}
