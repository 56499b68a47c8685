/** Reads events back out of the tables their topics feed: which columns to select, and rows turned into events by the schema. */
import { type EventBySchema, LOCKED_SCHEMAS } from '@tributary/contracts';

type Schema = string | readonly Schema[] | Definition;
interface Definition {
  readonly type: string;
  readonly name?: string;
  readonly logicalType?: string;
  readonly fields?: readonly { readonly name: string; readonly type: Schema }[];
  readonly items?: Schema;
  readonly values?: Schema;
}
type Convert = (cell: unknown) => unknown;

/** How to select and convert one event type, or those fields of it that are needed. */
export interface EventRows<Event> {
  /** Column list of a SELECT. */
  readonly columns: string;
  readonly toEvent: (row: Readonly<Record<string, unknown>>) => Event;
}

/** @throws Error for a schema that is not locked. */
export function eventRows<
  S extends keyof EventBySchema,
  F extends keyof EventBySchema[S] = keyof EventBySchema[S],
>(schema: S, needed?: readonly F[]): EventRows<Pick<EventBySchema[S], F>> {
  const fields = fieldsOf(schema, needed).map(({ name, type }) => ({
    name,
    type,
    convert: converterOf(type, ROWS),
  }));
  return {
    // Raw bytes do not survive JSON.
    columns: fields.map(({ name, type }) => (isBytes(type) ? `hex(${name}) AS ${name}` : name)).join(', '),
    toEvent: (row) => {
      const event: unknown = Object.fromEntries(
        fields.map(({ name, convert }) => [name, convert(row[name])]),
      );
      return event as Pick<EventBySchema[S], F>;
    },
  };
}

/**
 * Events, or those fields of them that are needed, out of the text that click_states keeps; see the table for its form.
 * @throws Error for a schema that is not locked.
 */
export function eventTexts<
  S extends keyof EventBySchema,
  F extends keyof EventBySchema[S] = keyof EventBySchema[S],
>(schema: S, needed?: readonly F[]): (text: string) => Pick<EventBySchema[S], F> {
  const convert = converterOfRecord({ type: 'record', fields: fieldsOf(schema, needed) }, TEXTS);
  return (text) => convert(JSON.parse(text)) as Pick<EventBySchema[S], F>;
}

/** In the order of the schema. */
function fieldsOf(schema: string, needed?: readonly PropertyKey[]): NonNullable<Definition['fields']> {
  const definition = LOCKED_SCHEMAS[schema]?.at(-1)?.schema as Definition | undefined;
  if (definition?.fields === undefined) throw new Error(`no schema is locked as ${schema}`);
  return definition.fields.filter(({ name }) => needed === undefined || needed.includes(name));
}

/** What two ways of writing an event as JSON differ in. */
interface Form {
  readonly instant: (cell: unknown) => number;
  /** The value of a record's field. */
  readonly member: (record: unknown, name: string, index: number) => unknown;
}

const ROWS: Form = {
  instant: (cell) => epochMs(String(cell)),
  member: (record, name) => (record as Readonly<Record<string, unknown>>)[name],
};
const TEXTS: Form = {
  instant: Number,
  member: (record, _name, index) => (record as readonly unknown[])[index],
};

function isBytes(type: Schema): boolean {
  return type === 'bytes' || (isUnion(type) && type.some(isBytes));
}

function isUnion(type: Schema): type is readonly Schema[] {
  return Array.isArray(type);
}

function converterOf(type: Schema, form: Form): Convert {
  if (isUnion(type)) {
    const convert = converterOf(type.find((branch) => branch !== 'null') ?? 'null', form);
    return (cell) => (cell === null || cell === undefined ? null : convert(cell));
  }
  if (type === 'bytes') return (cell) => Buffer.from(String(cell), 'hex');
  if (typeof type === 'string') return (cell) => cell;
  switch (type.type) {
    case 'long':
      return converterOfLong(type.logicalType, form);
    case 'array': {
      const convert = converterOf(type.items ?? 'null', form);
      return (cell) => (Array.isArray(cell) ? cell.map(convert) : []);
    }
    case 'record':
      return converterOfRecord(type, form);
    default:
      return (cell) => cell;
  }
}

function converterOfLong(meaning: string | undefined, { instant }: Form): Convert {
  if (meaning === 'money-micros') return (cell) => BigInt(String(cell));
  if (meaning === 'timestamp-millis') return instant;
  return Number;
}

function converterOfRecord({ fields = [] }: Definition, form: Form): Convert {
  const converters = fields.map(({ name, type }) => ({ name, convert: converterOf(type, form) }));
  return (cell) =>
    Object.fromEntries(
      converters.map(({ name, convert }, index) => [name, convert(form.member(cell, name, index))]),
    );
}

/** ClickHouse prints a DateTime64(3) as seconds with three decimals; read as text, since a float would round. */
export function epochMs(seconds: string): number {
  const [whole = '0', decimals = ''] = seconds.split('.');
  return Number(`${whole}${decimals.padEnd(3, '0').slice(0, 3)}`);
}
