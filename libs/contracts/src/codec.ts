/** Encodes and decodes events in the Confluent wire format: 0x00, four bytes of schema id, Avro body. */
import avro from 'avsc';
import type { AvroDefinition } from './avro-schema.ts';
import { readingProblems } from './compatibility.ts';
import { type EventBySchema, LOCKED_SCHEMAS } from './generated/events.ts';
import { TOPICS, type TopicName } from './topics.ts';

/** The event a topic carries. */
export type EventOf<T extends TopicName> = EventBySchema[(typeof TOPICS)[T]['schema']];

export const DECODE_PROBLEMS = [
  'empty_value',
  'not_wire_format',
  'unknown_schema_id',
  'schema_of_another_topic',
  'undecodable',
] as const;
export type DecodeProblem = (typeof DECODE_PROBLEMS)[number];

export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: DecodeProblem };

const MAGIC_BYTE = 0;
const HEADER_BYTES = 5;
const INITIAL_SLAB_BYTES = 64 * 1024;

// avsc decodes a long to a number and refuses what a number cannot hold; money needs all 64 bits.
const moneyType = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (micros: bigint) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(micros);
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  compare: (left: bigint, right: bigint) => (left === right ? 0 : left < right ? -1 : 1),
});

function parseSchema(schema: object): avro.Type {
  return avro.Type.forSchema(schema as avro.Schema, {
    typeHook: (attributes) =>
      typeof attributes === 'object' &&
      'logicalType' in attributes &&
      attributes.logicalType === 'money-micros'
        ? moneyType
        : undefined,
  });
}

interface KnownSchema {
  /** Under which new events are written. */
  id: number;
  readonly type: avro.Type;
  readonly definition: AvroDefinition;
}

type Decoder = (body: Buffer) => unknown;

/** Newest version of each schema: what events are written in, and what every older or newer one is read as. */
const newestBySchema = new Map<string, KnownSchema>();
/** By schema, then by id: once ids come from a registry, one number can mean something else in another topic. */
const decoders = new Map<string, Map<number, Decoder>>();
/** What each id means for whoever gives the ids now; after an adoption the locked ids only tell what was written before. */
const schemasById = new Map<number, Set<string>>();

for (const [schema, versions] of Object.entries(LOCKED_SCHEMAS)) {
  const newest = versions.at(-1);
  if (newest === undefined) continue;
  newestBySchema.set(schema, {
    id: newest.id,
    type: parseSchema(newest.schema),
    definition: newest.schema as AvroDefinition,
  });
  for (const { id, schema: written } of versions) know(schema, id, decoderOf(schema, written));
}

function know(schema: string, id: number, decoder: Decoder): void {
  const ofSchema = decoders.get(schema) ?? new Map<number, Decoder>();
  decoders.set(schema, ofSchema.set(id, decoder));
  schemasById.set(id, (schemasById.get(id) ?? new Set()).add(schema));
}

/** @throws when records of `written` cannot be read as the newest version. */
function decoderOf(schema: string, written: object): Decoder {
  const newest = newestBySchema.get(schema);
  if (newest === undefined) throw new Error(`no schema is locked as ${schema}`);
  const { type, definition } = newest;
  if (written === definition) return (body) => type.fromBuffer(body);
  const resolver = type.createResolver(parseSchema(written));
  return (body) => type.fromBuffer(body, resolver);
}

/** A version of one of our schemas under the id that a registry gave it. */
export interface RegisteredVersion {
  readonly schema: string;
  readonly version: number;
  readonly id: number;
}

/**
 * From here on events are written under the ids of a registry. Both its ids and the locked ones are read; where they
 * mean different versions of one schema, the registry's count.
 */
export function adoptSchemaIds(registered: readonly RegisteredVersion[]): void {
  const adopted = registered.map(({ schema, version, id }) => {
    const versions = LOCKED_SCHEMAS[schema] ?? [];
    const locked = versions.find((each) => each.version === version);
    if (locked === undefined) throw new Error(`version ${version} of ${schema} is not locked`);
    return { schema, id, isNewest: locked === versions.at(-1), decoder: decoderOf(schema, locked.schema) };
  });
  schemasById.clear();
  for (const { schema, id, isNewest, decoder } of adopted) {
    know(schema, id, decoder);
    const newest = newestBySchema.get(schema);
    if (isNewest && newest !== undefined) newest.id = id;
  }
}

/** The id under which events of each schema are written: what a registry must know while it works. */
export function writtenSchemaIds(): ReadonlyMap<string, number> {
  return new Map([...newestBySchema].map(([schema, { id }]) => [schema, id]));
}

/** Whether an id means a version of one of our schemas, as far as this build holds or has learnt them. */
export function isKnownSchemaId(id: number): boolean {
  return schemasById.has(id);
}

/**
 * Takes up a schema version that this build does not hold, as the registry gave it, so that its records decode to our
 * newest version: a producer may be deployed before its readers.
 * @returns `of_no_topic` when the text is no record of ours, `incompatible` when our newest version cannot read it.
 */
export function learnSchema(id: number, schemaText: string): 'learnt' | 'of_no_topic' | 'incompatible' {
  const written = recordIn(schemaText);
  if (written === null) return 'of_no_topic';
  const name = fullName(written);
  const ours = [...newestBySchema].find(([, { definition }]) => fullName(definition) === name);
  if (ours === undefined) return 'of_no_topic';
  const [schema, { definition }] = ours;
  if (readingProblems(written, definition).length > 0) return 'incompatible';
  try {
    know(schema, id, decoderOf(schema, written));
    return 'learnt';
  } catch {
    // Well-formed by its names, yet no schema that Avro takes.
    return 'incompatible';
  }
}

function recordIn(schemaText: string): AvroDefinition | null {
  try {
    const schema: unknown = JSON.parse(schemaText);
    const isRecord =
      typeof schema === 'object' && schema !== null && 'type' in schema && schema.type === 'record';
    return isRecord ? (schema as unknown as AvroDefinition) : null;
  } catch {
    return null;
  }
}

function fullName({ name = '', namespace = '' }: AvroDefinition): string {
  return name.includes('.') ? name : `${namespace}.${name}`;
}

let slab = Buffer.allocUnsafe(INITIAL_SLAB_BYTES);

/**
 * The wire form of one event.
 * @throws when the event does not fit its schema: that is a defect of the writer, never bad input.
 */
export function encodeEvent<T extends TopicName>(topic: T, event: EventOf<T>): Buffer {
  const newest = newestBySchema.get(TOPICS[topic].schema);
  if (newest === undefined) throw new Error(`no schema is locked for ${topic}`);
  const end = written(newest.type, event, TOPICS[topic].schema);
  slab.writeUInt8(MAGIC_BYTE, 0);
  slab.writeInt32BE(newest.id, 1);
  return Buffer.from(slab.subarray(0, end));
}

/** Writes into the slab. @returns where it ends. */
function written(type: avro.Type, event: unknown, schema: string): number {
  try {
    // avsc answers a negative length when the slab is too short by that many bytes.
    const end = type.encode(event, slab, HEADER_BYTES);
    if (end >= 0) return end;
    slab = Buffer.allocUnsafe((slab.length - end) * 2);
    return type.encode(event, slab, HEADER_BYTES);
  } catch (error) {
    // Asked only now: writing refuses every wrong value by itself, and asking first takes as long as writing.
    const paths = invalidPaths(type, event).join(', ');
    throw new Error(`event does not fit ${schema}: ${paths}`, { cause: error });
  }
}

/** The schema id a record in the wire form names; null when it is not in that form. */
export function schemaIdOf(value: Buffer): number | null {
  return value.length < HEADER_BYTES || value.readUInt8(0) !== MAGIC_BYTE ? null : value.readInt32BE(1);
}

/** The event in a record of `topic`, or why it cannot be read. Every other schema version is resolved to the newest. */
export function decodeEvent<T extends TopicName>(topic: T, value: Buffer | null): Decoded<EventOf<T>> {
  if (value === null || value.length === 0) return { ok: false, problem: 'empty_value' };
  if (value.length < HEADER_BYTES || value.readUInt8(0) !== MAGIC_BYTE)
    return { ok: false, problem: 'not_wire_format' };
  const id = value.readInt32BE(1);
  const decode = decoders.get(TOPICS[topic].schema)?.get(id);
  if (decode === undefined) return { ok: false, problem: problemOfId(id) };
  try {
    return { ok: true, value: decode(value.subarray(HEADER_BYTES)) as EventOf<T> };
  } catch {
    return { ok: false, problem: 'undecodable' };
  }
}

function problemOfId(id: number): DecodeProblem {
  return schemasById.has(id) ? 'schema_of_another_topic' : 'unknown_schema_id';
}

function invalidPaths(type: avro.Type, event: unknown): string[] {
  const paths: string[] = [];
  // Paths only: the values may be personal.
  type.isValid(event, { errorHook: (path) => paths.push(path.join('.')) });
  return paths;
}
