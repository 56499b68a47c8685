/** Events made from the schemas themselves: every field filled with the value of its type that clients most easily get wrong. */
import { randomUUID } from 'node:crypto';
import { LOCKED_SCHEMAS, TOPICS, type TopicName } from '@tributary/contracts';

export const FILLINGS = ['full', 'empty'] as const;
/** full: no null, no empty map or list. empty: every optional value null, every map and list empty. */
export type Filling = (typeof FILLINGS)[number];

type Schema = string | readonly Schema[] | SchemaObject;
interface SchemaObject {
  readonly type: Schema;
  readonly name?: string;
  readonly logicalType?: string;
  readonly fields?: readonly { readonly name: string; readonly type: Schema }[];
  readonly items?: Schema;
  readonly values?: Schema;
  readonly symbols?: readonly string[];
}

// Beyond 2^53 a client that reads a long as a double is off by one.
const MONEY = [9_007_199_254_740_993n, -9_007_199_254_740_993n, 2n ** 63n - 1n, -(2n ** 63n)];
const TEXTS = ['Grüße, "日本"\n', '\u{1f4b6}\\ \u0000 end', "O'Brien <a@b>"];
const BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const INSTANT = Date.UTC(2026, 1, 28, 23, 59, 59, 987);
const OFFSET = 2 ** 53 - 1;

/** An event of the topic in the form our own codec takes. */
export function filledEvent(topic: TopicName, filling: Filling): Record<string, unknown> {
  const newest = LOCKED_SCHEMAS[TOPICS[topic].schema]?.at(-1);
  if (newest === undefined) throw new Error(`no schema is locked for ${topic}`);
  return new Filler(filling).value(newest.schema as SchemaObject) as Record<string, unknown>;
}

class Filler {
  readonly #filling: Filling;
  readonly #named = new Map<string, SchemaObject>();
  /** Counts the values made, so that neighbours differ and a mix-up of two fields shows. */
  #made = 0;

  constructor(filling: Filling) {
    this.#filling = filling;
  }

  value(schema: Schema): unknown {
    this.#made += 1;
    if (typeof schema === 'string') return this.#primitive(schema);
    if (Array.isArray(schema)) return this.#union(schema);
    const object = schema as SchemaObject;
    if (object.name !== undefined) this.#named.set(object.name, object);
    const isFull = this.#filling === 'full';
    switch (object.type) {
      case 'record':
        return Object.fromEntries((object.fields ?? []).map(({ name, type }) => [name, this.value(type)]));
      case 'enum':
        return this.#picked(object.symbols ?? []);
      case 'array':
        return isFull ? [this.value(object.items ?? 'null'), this.value(object.items ?? 'null')] : [];
      case 'map':
        return isFull
          ? Object.fromEntries(['sub1', 'clé 🔑'].map((key) => [key, this.value(object.values ?? 'null')]))
          : {};
      default:
        return this.#logical(object);
    }
  }

  #union(branches: readonly Schema[]): unknown {
    const filled = branches.find((branch) => branch !== 'null');
    return this.#filling === 'empty' || filled === undefined ? null : this.value(filled);
  }

  #logical({ type, logicalType }: SchemaObject): unknown {
    switch (logicalType) {
      case 'uuid':
        return randomUUID();
      case 'money-micros':
        return this.#picked(MONEY);
      case 'timestamp-millis':
        return INSTANT + this.#made;
      case 'kafka-offset':
        return OFFSET - this.#made;
      default:
        return this.value(type);
    }
  }

  #primitive(name: string): unknown {
    const named = this.#named.get(name);
    if (named !== undefined) return this.value(named);
    switch (name) {
      case 'string':
        return `${this.#picked(TEXTS)} ${this.#made}`;
      case 'bytes':
        return BYTES.subarray(0, 256 - (this.#made % 7));
      case 'int':
        return this.#made % 2 === 0 ? 2 ** 31 - 1 : -(2 ** 31);
      case 'boolean':
        return this.#made % 2 === 0;
      default:
        throw new Error(`no example is known for Avro's ${name}`);
    }
  }

  #picked<T>(values: readonly T[]): T {
    const value = values[this.#made % values.length];
    if (value === undefined) throw new Error('nothing to pick from');
    return value;
  }
}

/** A value as text that every language can make: numbers as decimal digits, bytes as hexadecimal, instants as epoch ms. */
export function canonical(value: unknown): unknown {
  if (typeof value === 'bigint' || typeof value === 'number') return String(value);
  if (Buffer.isBuffer(value)) return { bytes: value.toString('hex') };
  if (value instanceof Date) return String(value.getTime());
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, canonical(member)]));
  return value;
}
