/** The fold of configuration.changed: what is configured now, and what was in force at any instant. */
import type { ConfigurationChanged } from '@tributary/contracts';
import {
  type Advertiser,
  type Campaign,
  type ConfiguredEntityType,
  type Destination,
  type DocumentProblem,
  type EntityOf,
  isConfiguredEntityType,
  type Offer,
  type Partner,
  parseDocument,
  type Source,
  type Subscription,
} from './entities.ts';
import { EntityHistories, type Revision } from './entity-histories.ts';
import { isReseal } from './reseal.ts';

export type { Revision } from './entity-histories.ts';

/** Why a change counts for nobody; every reader of the log comes to the same one. */
export const VOID_REASONS = [
  'undecodable',
  'already_folded',
  'unknown_entity_type',
  'version_conflict',
  'effective_before_recorded',
  'document_malformed',
  'lane_changed',
  'nothing_to_remove',
] as const;
export type VoidReason = (typeof VOID_REASONS)[number];

export type FoldResult =
  | { readonly outcome: 'applied' }
  | {
      /**
       * A document of a later release. It counts as the entity's newest version, so that what is built on it counts too;
       * what was in force before stays so for this reader.
       */
      readonly outcome: 'unreadable';
      readonly problems: readonly DocumentProblem[];
    }
  | {
      readonly outcome: 'void';
      readonly reason: VoidReason;
      /** What is wrong with a malformed document; empty for other reasons. */
      readonly problems: readonly DocumentProblem[];
    };

type Histories = { readonly [T in ConfiguredEntityType]: EntityHistories<T> };
type Appraisal<T extends ConfiguredEntityType> =
  | { readonly outcome: 'applied'; readonly entity: EntityOf<T> | null }
  | Exclude<FoldResult, { outcome: 'applied' }>;

/**
 * The configuration as of one place in the log. It moves on in place as changes are folded: who needs several answers
 * that fit together asks for them without awaiting in between.
 *
 * Without `at` a lookup gives the newest document, even when its `effectiveFrom` is still to come, at the cost of a map
 * lookup. With `at` it gives what is in force then: the newest change, in log order, that was effective by that instant.
 * When the newest change is in force already, which is nearly always, that costs the same.
 */
export class Configuration {
  readonly #histories: Histories;
  #version = -1;

  constructor(
    histories: Histories = {
      advertiser: new EntityHistories(),
      offer: new EntityHistories(),
      campaign: new EntityHistories(),
      partner: new EntityHistories(),
      source: new EntityHistories(),
      destination: new EntityHistories(),
      subscription: new EntityHistories(),
      api_key: new EntityHistories(),
      exchange_rate: new EntityHistories(),
    },
  ) {
    this.#histories = histories;
  }

  /** A configuration of its own that begins where this one stands, to try changes on. */
  fork(): Configuration {
    return this.#made(this.#version, (histories) => histories.copy());
  }

  /** As it stood when `version` was its version; this very one if it has not moved on since. */
  asOf(version: number): Configuration {
    return version >= this.#version ? this : this.#made(version, (histories) => histories.asOf(version));
  }

  #made(
    version: number,
    of: <T extends ConfiguredEntityType>(histories: EntityHistories<T>) => EntityHistories<T>,
  ) {
    const {
      advertiser,
      offer,
      campaign,
      partner,
      source,
      destination,
      subscription,
      api_key,
      exchange_rate,
    } = this.#histories;
    const made = new Configuration({
      advertiser: of(advertiser),
      offer: of(offer),
      campaign: of(campaign),
      partner: of(partner),
      source: of(source),
      destination: of(destination),
      subscription: of(subscription),
      api_key: of(api_key),
      exchange_rate: of(exchange_rate),
    });
    made.#version = version;
    return made;
  }

  /** Offset of the last folded record, void ones included; -1 before the first. */
  get version(): number {
    return this.#version;
  }

  /** Folds the record at `offset`; null is one that could not be decoded. Never throws, whatever is in the log. */
  apply(offset: number, change: ConfigurationChanged | null): FoldResult {
    // Kafka hands a record over again after a reconnect.
    if (offset <= this.#version) return voided('already_folded');
    this.#version = offset;
    if (change === null) return voided('undecodable');
    const { entityType } = change;
    if (!isConfiguredEntityType(entityType)) return voided('unknown_entity_type');
    return this.#applyTo(entityType, offset, change);
  }

  /** What would become of the change if it were the next record; a writer asks before it appends. */
  check(change: ConfigurationChanged): FoldResult {
    const { entityType } = change;
    if (!isConfiguredEntityType(entityType)) return voided('unknown_entity_type');
    const appraisal = this.#appraise(entityType, change);
    return appraisal.outcome === 'applied' ? { outcome: 'applied' } : appraisal;
  }

  /** The entity, or undefined when there is none (at that instant). */
  entity<T extends ConfiguredEntityType>(entityType: T, id: string, at?: number): EntityOf<T> | undefined {
    return this.#of(entityType).entity(id, at);
  }

  advertiser(id: string, at?: number): Advertiser | undefined {
    return this.entity('advertiser', id, at);
  }

  offer(id: string, at?: number): Offer | undefined {
    return this.entity('offer', id, at);
  }

  campaign(id: string, at?: number): Campaign | undefined {
    return this.entity('campaign', id, at);
  }

  partner(id: string, at?: number): Partner | undefined {
    return this.entity('partner', id, at);
  }

  source(id: string, at?: number): Source | undefined {
    return this.entity('source', id, at);
  }

  destination(id: string, at?: number): Destination | undefined {
    return this.entity('destination', id, at);
  }

  /** Every subscription, by id. */
  subscriptions(at?: number): readonly Subscription[] {
    return this.list('subscription', at);
  }

  /** Every entity of a type, by id. */
  list<T extends ConfiguredEntityType>(entityType: T, at?: number): readonly EntityOf<T>[] {
    return this.#of(entityType).list(at);
  }

  /** The lane a source is bound to for ever; undefined when there never was such a source. */
  laneOf(sourceId: string): string | undefined {
    // A removed source that comes back keeps its lane too: its earlier postbacks are decided there.
    return this.history('source', sourceId).findLast(({ entity }) => entity !== null)?.entity?.lane;
  }

  /** Ciphertext of the entity's secret fields by name; empty when there is none. */
  secretsOf(entityType: ConfiguredEntityType, id: string, at?: number): Readonly<Record<string, Uint8Array>> {
    return this.revision(entityType, id, at)?.secrets ?? {};
  }

  /** The change that `entity` and `secretsOf` answer from; a removal is one too. */
  revision<T extends ConfiguredEntityType>(entityType: T, id: string, at?: number): Revision<T> | undefined {
    return this.#of(entityType).revision(id, at);
  }

  /** The changes that come into force after `at`, soonest first; one that a later change forestalls never will. */
  scheduled<T extends ConfiguredEntityType>(entityType: T, id: string, at: number): readonly Revision<T>[] {
    const readable = this.history(entityType, id).filter(({ unreadable }) => unreadable !== true);
    return readable.filter(
      ({ effectiveFrom }, index) =>
        effectiveFrom > at && readable.slice(index + 1).every((later) => later.effectiveFrom > effectiveFrom),
    );
  }

  /** Every id of the type that there ever was, in order. */
  ids(entityType: ConfiguredEntityType): readonly string[] {
    return this.#of(entityType).ids();
  }

  /** Offset of the entity's last applied change, a removal included; -1 when there never was one. */
  entityVersion(entityType: ConfiguredEntityType, id: string): number {
    return this.#of(entityType).newest(id)?.version ?? -1;
  }

  /** Every applied change of the entity, oldest first. */
  history<T extends ConfiguredEntityType>(entityType: T, id: string): readonly Revision<T>[] {
    return this.#of(entityType).of(id);
  }

  #applyTo<T extends ConfiguredEntityType>(
    entityType: T,
    offset: number,
    change: ConfigurationChanged,
  ): FoldResult {
    const appraisal = this.#appraise(entityType, change);
    if (appraisal.outcome === 'void') return appraisal;
    const { entityId, effectiveFrom } = change;
    const history = this.#of(entityType);
    if (appraisal.outcome === 'unreadable') {
      history.add(entityId, { version: offset, effectiveFrom, entity: null, secrets: {}, unreadable: true });
      return appraisal;
    }
    const { entity } = appraisal;
    const secrets = entity === null ? {} : change.secrets;
    const mark = isReseal(change) ? ({ isReseal: true } as const) : {};
    history.add(entityId, { version: offset, effectiveFrom, entity, secrets, ...mark });
    return { outcome: 'applied' };
  }

  #appraise<T extends ConfiguredEntityType>(entityType: T, change: ConfigurationChanged): Appraisal<T> {
    const { entityId } = change;
    if (change.expectedVersion !== this.entityVersion(entityType, entityId))
      return voided('version_conflict');
    if (change.effectiveFrom < change.recordedAt) return voided('effective_before_recorded');
    if (change.operation === 'remove') {
      const newest = this.#of(entityType).newest(entityId);
      const exists = newest !== undefined && (newest.entity !== null || newest.unreadable === true);
      return exists ? { outcome: 'applied', entity: null } : voided('nothing_to_remove');
    }
    const read = readDocument(change);
    if (!read.ok) return voided('document_malformed', read.problems);
    const parsed = parseDocument(entityType, read.document);
    if (!parsed.ok) return { outcome: 'unreadable', problems: parsed.problems };
    const lane = entityType === 'source' ? this.laneOf(entityId) : undefined;
    if (lane !== undefined && 'lane' in parsed.entity && parsed.entity.lane !== lane)
      return voided('lane_changed');
    return { outcome: 'applied', entity: parsed.entity };
  }

  #of<T extends ConfiguredEntityType>(entityType: T): EntityHistories<T> {
    return this.#histories[entityType];
  }
}

/** What no release could read is void for all of them; whether the fields fit is a matter of the release. */
function readDocument(change: ConfigurationChanged) {
  try {
    const document: unknown = JSON.parse(change.document);
    const isObject = typeof document === 'object' && document !== null;
    if (isObject && 'id' in document && document.id === change.entityId)
      return { ok: true, document } as const;
    return malformed('id', 'is not the id of the change');
  } catch {
    // Whatever a document does to the parser, it must not stop the readers of the log.
    return malformed('', 'is not readable JSON');
  }
}

function malformed(path: string, message: string) {
  return { ok: false, problems: [{ path, message }] } as const;
}

function voided(reason: VoidReason, problems: readonly DocumentProblem[] = []) {
  return { outcome: 'void', reason, problems } as const;
}
