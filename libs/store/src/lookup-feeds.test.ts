/** The newest feeds against what they follow: columns and texts the schema, groups what is waited for, forms of persons the decision core. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOCKED_SCHEMAS } from '@tributary/contracts';
import { attribution, SUBJECT_FORMS } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { CLICK_FIELDS } from './facts-store.ts';
import { storingGroupsOf } from './queue-groups.ts';
import { statementsOfMigration } from './render-migration.ts';

const FOLDER = join(import.meta.dirname, '../../../migrations/clickhouse');
const SCOPE = { advertiserId: 'acme', lane: 'acme', isTest: false };

const MIGRATIONS = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.sql'))
  .sort()
  .map((file) => readFileSync(join(FOLDER, file), 'utf8'))
  .join('\n');

/** The last statement of all migrations that makes something of this name. */
function newest(name: string): string {
  const made = new RegExp(`^CREATE [A-Z ]+ IF NOT EXISTS ${name}\\b[\\s\\S]*?;$`, 'gm');
  return MIGRATIONS.match(made)?.at(-1) ?? `nothing makes ${name}`;
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

/** A value in the form that the text of a record has it in; see the table click_states. */
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
  /** Fields of the schema, those of a record within it by its name and a dot, each as often as it is declared. */
  const names = fieldsOf('conversion.decided.v1').flatMap(({ name, type }) => [
    name,
    ...((type as Definition).fields ?? []).map((field) => `${name}.${field.name}`),
  ]);
  const columnsOf = (statement: string) =>
    [...statement.matchAll(/^ {2}`?([\w.]+)`? /gm)].map(([, name = '']) => name);

  it('reads fields of the schema alone, in its order', () => {
    const columns = columnsOf(newest('decisions_queue'));
    expect(columns.length).toBeGreaterThan(70);
    expect(columns).toEqual(names.filter((name) => columns.includes(name)));
  });

  it.each(['decisions', 'conversions'])('reads nothing that %s, or its keys, have no use for', (table) => {
    const added = [...MIGRATIONS.matchAll(new RegExp(`^ALTER TABLE ${table}\\n([\\s\\S]*?);$`, 'gm'))];
    const kept = added.flatMap(([, columns = '']) =>
      [...columns.matchAll(/ADD COLUMN IF NOT EXISTS `?([\w.]+)`? /g)].map(([, name = '']) => name),
    );
    const isForKeys = (name: string) => table === 'conversions' && name.startsWith('ledger.');
    const stored = [...columnsOf(newest(table)), ...kept].filter((name) => !name.startsWith('record'));
    const read = columnsOf(newest('decisions_queue')).filter((name) => !isForKeys(name));
    expect(read).toEqual(stored);
  });
});

it('whoever waits for a topic waits for every queue that reads it', () => {
  const settings = { kafkaBrokers: [], schemaRegistryUrl: '', flushMs: 1, reportFlushMs: 1 };
  const queues = statementsOfMigration(MIGRATIONS, 'tributary', settings).flatMap((statement) => {
    const [, topic] = /kafka_topic_list = '(.*)'/.exec(statement) ?? [];
    const [, group] = /kafka_group_name = '(.*)'/.exec(statement) ?? [];
    return topic === undefined || group === undefined ? [] : [{ topic, group }];
  });
  const byTopic = Map.groupBy(queues, ({ topic }) => topic);
  expect(byTopic.size).toBeGreaterThan(8);
  for (const [topic, ofTopic] of byTopic)
    expect(new Set(storingGroupsOf('tributary', topic))).toEqual(new Set(ofTopic.map(({ group }) => group)));
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
