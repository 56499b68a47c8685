/** The shape of an Avro schema as JSON, as far as schemas/ and other writers of our records use it. */

export type AvroSchema = string | readonly AvroSchema[] | AvroDefinition;

export interface AvroField {
  readonly name: string;
  readonly type: AvroSchema;
  readonly doc?: string;
  readonly default?: unknown;
  readonly aliases?: readonly string[];
}

/** A record, enum, fixed, array or map, or a primitive with attributes such as a logical type. */
export interface AvroDefinition {
  readonly type: string | AvroSchema;
  readonly name?: string;
  readonly namespace?: string;
  readonly aliases?: readonly string[];
  readonly doc?: string;
  readonly logicalType?: string;
  /** Of a decimal. */
  readonly precision?: number;
  readonly scale?: number;
  /** Of a record. */
  readonly fields?: readonly AvroField[];
  /** Of an enum, and what a reader takes for a symbol it does not know. */
  readonly symbols?: readonly string[];
  readonly default?: unknown;
  /** Of an array. */
  readonly items?: AvroSchema;
  /** Of a map. */
  readonly values?: AvroSchema;
  /** Bytes of a fixed. */
  readonly size?: number;
}

/** A list of branches. */
export function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema);
}
