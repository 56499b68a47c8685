/** The newest feeds against what they follow: the columns and the record text the schema, the forms of persons the decision core. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOCKED_SCHEMAS } from '@tributary/contracts';
import { attribution, SUBJECT_FORMS } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { CLICK_FIELDS } from './facts-store.ts';

const FOLDER = join(import.meta.dirname, '../../../migrations/clickhouse');
const SCOPE = { advertiserId: 'acme', lane: 'acme', isTest: false };

/** The last statement of all migrations that makes something of this name. */
function newest(name: string): string {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.sql'));
  const all = files.sort().map((file) => readFileSync(join(FOLDER, file), 'utf8'));
  const made = new RegExp(`^CREATE [A-Z ]+ IF NOT EXISTS ${name}\\b[\\s\\S]*?;$`, 'gm');
  return all.join('\n').match(made)?.at(-1) ?? `nothing makes ${name}`;
}

type Schema = string | readonly Schema[] | Definition;
interface Definition {
  readonly type: string;
  readonly name?: string;
  readonly logicalType?: string;
  readonly fields?: readonly { readonly name: string; readonly type: Schema }[];
  readonly items?: Schema;
}

function fieldsOf(schema: string): NonNullable<Definition['fields']> {
  const definition = LOCKED_SCHEMAS[schema]?.at(-1)?.schema as Definition | undefined;
  return definition?.fields ?? [];
}

/** A value in the form that the text of a record has it in; see the table conversion_states. */
function inText(schema: Schema, value: string): string {
  if (schema === 'bytes') return `hex(${value})`;
  if (typeof schema === 'string') return value;
  if (Array.isArray(schema))
    return inText(schema.find((branch: Schema) => branch !== 'null') ?? 'null', value);
  const { type, name = '', logicalType, fields = [], items = 'null' } = schema as Definition;
  if (logicalType === 'timestamp-millis') return `toUnixTimestamp64Milli(${value})`;
  if (logicalType === 'money-micros') return `toString(${value})`;
  if (type === 'record')
    return `tuple(${fields.map((field) => inText(field.type, `${value}.${field.name}`)).join(', ')})`;
  if (type !== 'array' || typeof items === 'string' || (items as Definition).type !== 'record') return value;
  const { name: record = name } = items as Definition;
  const each = record[0]?.toLowerCase() + record.slice(1);
  return `arrayMap(${each} -> ${inText(items, each)}, ${value})`;
}

describe('the feed of decisions', () => {
  const fields = fieldsOf('conversion.decided.v1');

  it('reads every field of the schema, in its order', () => {
    const columns = [...newest('decisions_queue').matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name);
    expect(columns).toEqual(fields.map(({ name }) => name));
  });

  it('writes every field into the text of the record, in the order of the schema', () => {
    const [, list] =
      /'JSONCompactEachRow',([\s\S]*)\) AS record/.exec(newest('conversion_states_feed')) ?? [];
    const expected = fields.map(({ name, type }) => inText(type, name)).join(', ');
    const written = list?.replaceAll(/\s+/g, ' ').replaceAll('( ', '(').replaceAll(' )', ')').trim();
    expect(written?.split(', ')).toEqual(expected.split(', '));
  });
});

describe('the feed of clicks', () => {
  it('writes what attribution reads of a click into the text, in the order of the schema', () => {
    const [, list] = /'JSONCompactEachRow',([\s\S]*)\) AS record/.exec(newest('click_states_feed')) ?? [];
    const expected = fieldsOf('click.recorded.v1')
      .filter(({ name }) => CLICK_FIELDS.some((needed) => needed === name))
      .map(({ name, type }) => inText(type, name))
      .join(', ');
    const written = list?.replaceAll(/\s+/g, ' ').trim();
    expect(written?.split(', ')).toEqual(expected.split(', '));
  });
});

it.each(['conversion_keys_feed', 'click_keys_feed'])('%s finds persons by the forms of the core', (feed) => {
  const sql = newest(feed);
  const written = SUBJECT_FORMS.filter((form) => sql.includes(`'${form}'`));
  const naming = SUBJECT_FORMS.filter((form) => attribution.subjectKeys(SCOPE, { [form]: 'x' }).length > 0);
  expect(written).toEqual(naming);
});
