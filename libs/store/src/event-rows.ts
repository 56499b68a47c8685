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

/** How to select and convert one event type. */
export interface EventRows<Event> {
  /** Column list of a SELECT. */
  readonly columns: string;
  readonly toEvent: (row: Readonly<Record<string, unknown>>) => Event;
}

/** @throws Error for a schema that is not locked. */
export function eventRows<S extends keyof EventBySchema>(schema: S): EventRows<EventBySchema[S]> {
  const definition = LOCKED_SCHEMAS[schema]?.at(-1)?.schema as Definition | undefined;
  if (definition?.fields === undefined) throw new Error(`no schema is locked as ${schema}`);
  const fields = definition.fields.map(({ name, type }) => ({ name, type, convert: converterOf(type) }));
  return {
    // Raw bytes do not survive JSON.
    columns: fields.map(({ name, type }) => (isBytes(type) ? `hex(${name}) AS ${name}` : name)).join(', '),
    toEvent: (row) => {
      const event: unknown = Object.fromEntries(
        fields.map(({ name, convert }) => [name, convert(row[name])]),
      );
      return event as EventBySchema[S];
    },
  };
}

function isBytes(type: Schema): boolean {
  return type === 'bytes' || (isUnion(type) && type.some(isBytes));
}

function isUnion(type: Schema): type is readonly Schema[] {
  return Array.isArray(type);
}

function converterOf(type: Schema): Convert {
  if (isUnion(type)) {
    const convert = converterOf(type.find((branch) => branch !== 'null') ?? 'null');
    return (cell) => (cell === null || cell === undefined ? null : convert(cell));
  }
  if (type === 'bytes') return (cell) => Buffer.from(String(cell), 'hex');
  if (typeof type === 'string') return (cell) => cell;
  switch (type.type) {
    case 'long':
      return converterOfLong(type.logicalType);
    case 'array': {
      const convert = converterOf(type.items ?? 'null');
      return (cell) => (Array.isArray(cell) ? cell.map(convert) : []);
    }
    case 'record':
      return converterOfRecord(type);
    default:
      return (cell) => cell;
  }
}

function converterOfLong(meaning: string | undefined): Convert {
  if (meaning === 'money-micros') return (cell) => BigInt(String(cell));
  if (meaning === 'timestamp-millis') return (cell) => epochMs(String(cell));
  return Number;
}

function converterOfRecord({ fields = [] }: Definition): Convert {
  const converters = fields.map(({ name, type }) => ({ name, convert: converterOf(type) }));
  return (cell) => {
    const row = cell as Readonly<Record<string, unknown>>;
    return Object.fromEntries(converters.map(({ name, convert }) => [name, convert(row[name])]));
  };
}

/** ClickHouse prints a DateTime64(3) as seconds with three decimals; read as text, since a float would round. */
export function epochMs(seconds: string): number {
  const [whole = '0', decimals = ''] = seconds.split('.');
  return Number(`${whole}${decimals.padEnd(3, '0').slice(0, 3)}`);
}
