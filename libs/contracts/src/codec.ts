/** Encodes and decodes events in the Confluent wire format: 0x00, four bytes of schema id, Avro body. */
import avro from 'avsc';
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

interface LatestSchema {
  readonly id: number;
  readonly type: avro.Type;
}

const latestBySchema = new Map<string, LatestSchema>();
const decoderById = new Map<number, { schema: string; decode: (body: Buffer) => unknown }>();

for (const [schema, versions] of Object.entries(LOCKED_SCHEMAS)) {
  const newest = versions.at(-1);
  if (newest === undefined) continue;
  const type = parseSchema(newest.schema);
  latestBySchema.set(schema, { id: newest.id, type });
  decoderById.set(newest.id, { schema, decode: (body) => type.fromBuffer(body) });
  for (const older of versions.slice(0, -1)) {
    const resolver = type.createResolver(parseSchema(older.schema));
    decoderById.set(older.id, { schema, decode: (body) => type.fromBuffer(body, resolver) });
  }
}

let slab = Buffer.allocUnsafe(INITIAL_SLAB_BYTES);

/**
 * The wire form of one event.
 * @throws when the event does not fit its schema: that is a defect of the writer, never bad input.
 */
export function encodeEvent<T extends TopicName>(topic: T, event: EventOf<T>): Buffer {
  const latest = latestBySchema.get(TOPICS[topic].schema);
  if (latest === undefined) throw new Error(`no schema is locked for ${topic}`);
  if (!latest.type.isValid(event)) {
    throw new Error(
      `event does not fit ${TOPICS[topic].schema}: ${invalidPaths(latest.type, event).join(', ')}`,
    );
  }
  // avsc answers a negative length when the slab is too short by that many bytes.
  let end = latest.type.encode(event, slab, HEADER_BYTES);
  if (end < 0) {
    slab = Buffer.allocUnsafe((slab.length - end) * 2);
    end = latest.type.encode(event, slab, HEADER_BYTES);
  }
  slab.writeUInt8(MAGIC_BYTE, 0);
  slab.writeInt32BE(latest.id, 1);
  return Buffer.from(slab.subarray(0, end));
}

/** The event in a record of `topic`, or why it cannot be read. Older schema versions are resolved to the newest. */
export function decodeEvent<T extends TopicName>(topic: T, value: Buffer | null): Decoded<EventOf<T>> {
  if (value === null || value.length === 0) return { ok: false, problem: 'empty_value' };
  if (value.length < HEADER_BYTES || value.readUInt8(0) !== MAGIC_BYTE)
    return { ok: false, problem: 'not_wire_format' };
  const decoder = decoderById.get(value.readInt32BE(1));
  if (decoder === undefined) return { ok: false, problem: 'unknown_schema_id' };
  if (decoder.schema !== TOPICS[topic].schema) return { ok: false, problem: 'schema_of_another_topic' };
  try {
    return { ok: true, value: decoder.decode(value.subarray(HEADER_BYTES)) as EventOf<T> };
  } catch {
    return { ok: false, problem: 'undecodable' };
  }
}

function invalidPaths(type: avro.Type, event: unknown): string[] {
  const paths: string[] = [];
  // Paths only: the values may be personal.
  type.isValid(event, { errorHook: (path) => paths.push(path.join('.')) });
  return paths;
}
