/** The applied changes of every entity of one type, and the questions asked of them. */
import type { ConfiguredEntityType, EntityOf } from './entities.ts';

/** One applied change of an entity. */
export interface Revision<T extends ConfiguredEntityType> {
  /** Offset of the change. */
  readonly version: number;
  /** Epoch milliseconds, UTC. */
  readonly effectiveFrom: number;
  /** Null for a removal. */
  readonly entity: EntityOf<T> | null;
  /** Ciphertext by secret field. */
  readonly secrets: Readonly<Record<string, Uint8Array>>;
}

export class EntityHistories<T extends ConfiguredEntityType> {
  readonly #byId = new Map<string, Revision<T>[]>();
  #newestList: readonly EntityOf<T>[] | null = null;

  add(id: string, revision: Revision<T>): void {
    const history = this.#byId.get(id);
    if (history === undefined) this.#byId.set(id, [revision]);
    else history.push(revision);
    this.#newestList = null;
  }

  /** Oldest first. */
  of(id: string): readonly Revision<T>[] {
    return this.#byId.get(id) ?? [];
  }

  newest(id: string): Revision<T> | undefined {
    return this.#byId.get(id)?.at(-1);
  }

  /** The newest revision, or the newest in log order that was effective by `at`; undefined for a removed entity too. */
  entity(id: string, at?: number): EntityOf<T> | undefined {
    const revision =
      at === undefined ? this.newest(id) : this.of(id).findLast(({ effectiveFrom }) => effectiveFrom <= at);
    return revision?.entity ?? undefined;
  }

  /** Every entity, by id. */
  list(at?: number): readonly EntityOf<T>[] {
    if (at !== undefined) return this.#collect(at);
    this.#newestList ??= this.#collect();
    return this.#newestList;
  }

  #collect(at?: number): readonly EntityOf<T>[] {
    return [...this.#byId.keys()].toSorted().flatMap((id) => {
      const entity = this.entity(id, at);
      return entity === undefined ? [] : [entity];
    });
  }
}
