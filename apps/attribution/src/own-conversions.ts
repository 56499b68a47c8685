/** Conversions as this instance has decided them and ClickHouse may not show them yet, found by every key of the rules. */
import type { RecordPosition } from '@tributary/bus';
import { attribution } from '@tributary/domain';
import { Overlay, type Watermark } from '@tributary/store';

/** The kinds of keys under which conversions are looked up, beside their id. */
const INDEXED = ['transaction', 'customer', 'clickNamed', 'subject'] as const;
type IndexedKind = (typeof INDEXED)[number];

export class OwnConversions {
  readonly #overlay = new Overlay<attribution.Conversion>();
  readonly #ids: Readonly<Record<IndexedKind, Map<string, Set<string>>>> = {
    transaction: new Map(),
    customer: new Map(),
    clickNamed: new Map(),
    subject: new Map(),
  };

  get size(): number {
    return this.#overlay.size;
  }

  get(conversionId: string): attribution.Conversion | undefined {
    return this.#overlay.get(conversionId);
  }

  /** A conversion gains keys and never loses one, so a later revision is found wherever the one before was. */
  note(conversion: attribution.Conversion, position: RecordPosition): void {
    this.#overlay.set(conversion.conversionId, conversion, position);
    for (const [kind, key] of indexKeysOf(conversion)) {
      const ids = this.#ids[kind].get(key);
      if (ids === undefined) this.#ids[kind].set(key, new Set([conversion.conversionId]));
      else ids.add(conversion.conversionId);
    }
  }

  /** Those asked for by id or by a key; some more than once. */
  under(keys: attribution.Keys): readonly attribution.Conversion[] {
    if (this.#overlay.size === 0) return [];
    const found: attribution.Conversion[] = [];
    const collect = (conversionId: string) => {
      const conversion = this.#overlay.get(conversionId);
      if (conversion !== undefined) found.push(conversion);
    };
    for (const conversionId of keys.conversion) collect(conversionId);
    for (const kind of INDEXED) for (const key of keys[kind]) this.#ids[kind].get(key)?.forEach(collect);
    return found;
  }

  /** Forgets what the store shows by now. */
  evict(stored: Watermark): void {
    for (const conversion of this.#overlay.evict(stored)) this.#unindex(conversion);
  }

  clear(): void {
    this.#overlay.clear();
    for (const kind of INDEXED) this.#ids[kind].clear();
  }

  #unindex(conversion: attribution.Conversion): void {
    for (const [kind, key] of indexKeysOf(conversion)) {
      const ids = this.#ids[kind].get(key);
      ids?.delete(conversion.conversionId);
      if (ids?.size === 0) this.#ids[kind].delete(key);
    }
  }
}

function indexKeysOf(conversion: attribution.Conversion): readonly (readonly [IndexedKind, string])[] {
  const { transaction, customer, click, subjects } = attribution.keysOf(conversion);
  return [
    ...(transaction === null ? [] : [['transaction', transaction] as const]),
    ...(customer === null ? [] : [['customer', customer] as const]),
    ...(click === null ? [] : [['clickNamed', click] as const]),
    ...subjects.map((subject) => ['subject', subject] as const),
  ];
}
