/** The applied changes of every entity of one type, and the questions asked of them. */
import type { ConfiguredEntityType, EntityOf } from './entities.ts';

/** One applied change of an entity. */
export interface Revision<T extends ConfiguredEntityType> {
  /** Offset of the change. */
  readonly version: number;
  /** Epoch milliseconds, UTC. */
  readonly effectiveFrom: number;
  /** Null for a removal, and for a document this release cannot read. */
  readonly entity: EntityOf<T> | null;
  /** Ciphertext by secret field. */
  readonly secrets: Readonly<Record<string, Uint8Array>>;
  /** Written by a later release: it has its place in the chain of versions, and what was readable before stays in force. */
  readonly unreadable?: true;
  /** The same secrets under another key; nobody has changed anything. */
  readonly isReseal?: true;
}

export class EntityHistories<T extends ConfiguredEntityType> {
  readonly #byId: Map<string, Revision<T>[]>;
  #newestList: readonly EntityOf<T>[] | null = null;
  #ids: readonly string[] | null = null;
  /** From this instant on the newest document of every entity is in force. */
  #settledFrom: number;

  constructor(byId: ReadonlyMap<string, readonly Revision<T>[]> = new Map(), settledFrom = -Infinity) {
    this.#byId = new Map([...byId].map(([id, history]) => [id, [...history]]));
    this.#settledFrom = settledFrom;
  }

  add(id: string, revision: Revision<T>): void {
    const history = this.#byId.get(id);
    if (history === undefined) {
      this.#byId.set(id, [revision]);
      this.#ids = null;
    } else history.push(revision);
    this.#newestList = null;
    this.#settledFrom = Math.max(this.#settledFrom, revision.effectiveFrom);
  }

  /** Oldest first. */
  of(id: string): readonly Revision<T>[] {
    return this.#byId.get(id) ?? [];
  }

  /** Every id there ever was, in order. */
  ids(): readonly string[] {
    this.#ids ??= [...this.#byId.keys()].toSorted();
    return this.#ids;
  }

  newest(id: string): Revision<T> | undefined {
    return this.#byId.get(id)?.at(-1);
  }

  /** The newest readable revision, or the newest in log order that was effective by `at`; a removal is one too. */
  revision(id: string, at?: number): Revision<T> | undefined {
    return this.of(id).findLast(
      ({ unreadable, effectiveFrom }) => unreadable !== true && (at === undefined || effectiveFrom <= at),
    );
  }

  /** What the revision holds; undefined for a removed entity too. */
  entity(id: string, at?: number): EntityOf<T> | undefined {
    return this.revision(id, at)?.entity ?? undefined;
  }

  /** Every entity, by id. */
  list(at?: number): readonly EntityOf<T>[] {
    if (at !== undefined && at < this.#settledFrom) return this.#collect(at);
    this.#newestList ??= this.#collect();
    return this.#newestList;
  }

  /** Without the changes behind that version. */
  asOf(version: number): EntityHistories<T> {
    const kept = new Map<string, readonly Revision<T>[]>();
    let settledFrom = -Infinity;
    for (const [id, history] of this.#byId) {
      const known = history.filter((revision) => revision.version <= version);
      for (const { effectiveFrom } of known) settledFrom = Math.max(settledFrom, effectiveFrom);
      if (known.length > 0) kept.set(id, known);
    }
    return new EntityHistories(kept, settledFrom);
  }

  copy(): EntityHistories<T> {
    return new EntityHistories(this.#byId, this.#settledFrom);
  }

  #collect(at?: number): readonly EntityOf<T>[] {
    return this.ids().flatMap((id) => {
      const entity = this.entity(id, at);
      return entity === undefined ? [] : [entity];
    });
  }
}
