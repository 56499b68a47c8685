/** The steps of `npm run check` that guard the contracts, run on damaged copies of the schemas. */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AvroDefinition, AvroField } from './avro-schema.ts';

const REPOSITORY = resolve(import.meta.dirname, '../../..');
const GUARDED = ['schemas', 'libs/contracts/src/generated', 'docs/asyncapi.yaml'];

let copy: string;

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'tributary-contracts-'));
  for (const path of GUARDED) cpSync(join(REPOSITORY, path), join(copy, path), { recursive: true });
});

afterEach(() => rmSync(copy, { recursive: true, force: true }));

type Step = 'generated files' | 'schema compatibility' | 'generate';

/** The command of a step as scripts/check.mjs has it, on the copy. */
function commandOf(step: Step): readonly string[] {
  if (step === 'generate') return ['scripts/generate-contracts.ts'];
  const check = readFileSync(join(REPOSITORY, 'scripts/check.mjs'), 'utf8');
  const [, list = ''] = new RegExp(`\\['${step}', \\[([^\\]]+)\\]\\]`).exec(check) ?? [];
  const command = [...list.matchAll(/'([^']+)'/g)].map(([, word = '']) => word);
  if (command.length === 0) throw new Error(`npm run check has no step ${step}`);
  return command;
}

function run(step: Step): Promise<{ exitCode: number; output: string }> {
  const options = { cwd: REPOSITORY, encoding: 'utf8' } as const;
  return new Promise((done) => {
    execFile(process.execPath, [...commandOf(step), '--root', copy], options, (error, stdout, stderr) => {
      done({ exitCode: Number(error?.code ?? 0), output: `${stdout}${stderr}` });
    });
  });
}

function damage(schema: string, change: (fields: readonly AvroField[]) => readonly AvroField[]): void {
  const file = join(copy, 'schemas', `${schema}.avsc`);
  const document = JSON.parse(readFileSync(file, 'utf8')) as AvroDefinition;
  writeFileSync(file, JSON.stringify({ ...document, fields: change(document.fields ?? []) }, null, 2));
}

const lockText = () => readFileSync(join(copy, 'schemas/schema-ids.lock.json'), 'utf8');

it('what is in the repository passes', async () => {
  expect(await run('schema compatibility')).toEqual({ exitCode: 0, output: '' });
  expect(await run('generated files')).toEqual({ exitCode: 0, output: '' });
});

describe('an incompatible change', () => {
  const SCHEMA = 'postback.received.v1';
  const cases: readonly [string, string, (fields: readonly AvroField[]) => readonly AvroField[]][] = [
    [
      'a required field added',
      'PostbackReceived.invoiceNumber',
      (fields) => [...fields, { name: 'invoiceNumber', type: 'string', doc: 'New.' }],
    ],
    [
      'a required field removed',
      'PostbackReceived.contentDigest',
      (fields) => fields.filter(({ name }) => name !== 'contentDigest'),
    ],
    [
      'a type changed',
      'PostbackReceived.lane',
      (fields) => fields.map((field) => (field.name === 'lane' ? { ...field, type: 'int' } : field)),
    ],
    [
      'money that loses its meaning',
      'PostbackReceived.revenueMicros',
      (fields) =>
        fields.map((field) =>
          field.name === 'revenueMicros'
            ? { ...field, type: ['null', { type: 'long', logicalType: 'kafka-offset' }] }
            : field,
        ),
    ],
  ];
  it.each(cases)('%s fails the check by its name, and is not locked', async (_name, path, change) => {
    const before = lockText();
    damage(SCHEMA, change);

    const checked = await run('schema compatibility');
    expect(checked.exitCode).toBe(1);
    expect(checked.output).toContain(`${SCHEMA}: version 2 against version 1: ${path}: `);

    const generated = await run('generate');
    expect(generated.exitCode).toBe(1);
    expect(generated.output).toContain(path);
    expect(lockText()).toBe(before);
  });

  it('a schema taken away fails the check by its name', async () => {
    rmSync(join(copy, 'schemas/dead-letter.v1.avsc'));
    const { exitCode, output } = await run('schema compatibility');
    expect(exitCode).toBe(1);
    expect(output).toContain('dead-letter.v1: the schema is gone');
  });

  it('is also seen against a version before the last', async () => {
    const lock = JSON.parse(lockText());
    const [first] = lock['dead-letter.v1'];
    const renamed = first.schema.fields.map((field: AvroField) =>
      field.name === 'service' ? { ...field, name: 'program' } : field,
    );
    lock['dead-letter.v1'] = [
      { ...first, schema: { ...first.schema, fields: renamed } },
      { version: 2, id: 99, schema: first.schema },
    ];
    writeFileSync(join(copy, 'schemas/schema-ids.lock.json'), JSON.stringify(lock));

    const { exitCode, output } = await run('schema compatibility');
    expect(exitCode).toBe(1);
    expect(output).toContain('version 2 against version 1: DeadLettered.program');
  });
});

describe('a compatible change', () => {
  const add = () =>
    damage('postback.received.v1', (fields) => [
      ...fields,
      { name: 'invoiceNumber', type: ['null', 'string'], doc: 'New.', default: null },
    ]);

  it('passes the compatibility check, and is stale until it is generated', async () => {
    add();
    expect((await run('schema compatibility')).exitCode).toBe(0);
    const { exitCode, output } = await run('generated files');
    expect(exitCode).toBe(1);
    for (const file of ['schema-ids.lock.json', 'events.ts', 'asyncapi.yaml']) {
      expect(output).toMatch(new RegExp(`${file} is stale`));
    }
  });

  it('becomes the next version with the next id', async () => {
    const before = JSON.parse(lockText());
    const ids = Object.values<{ id: number }[]>(before).flatMap((versions) => versions.map(({ id }) => id));
    add();
    expect(await run('generate')).toEqual({ exitCode: 0, output: '' });
    expect(await run('generated files')).toEqual({ exitCode: 0, output: '' });
    const { 'postback.received.v1': versions, ...others } = JSON.parse(lockText());
    expect(versions).toEqual([
      ...before['postback.received.v1'],
      { version: 2, id: Math.max(...ids) + 1, schema: expect.anything() },
    ]);
    expect(others).toEqual(
      Object.fromEntries(Object.entries(before).filter(([name]) => name !== 'postback.received.v1')),
    );
  });

  it('another example is no new version, only another document', async () => {
    const file = join(copy, 'schemas/dead-letter.v1.avsc');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('"service": "attribution"', '"service": "fan-out"'),
    );
    const { output } = await run('generated files');
    expect(output).not.toContain('lock.json');
    expect(output).toContain('asyncapi.yaml is stale');
  });
});

describe('other words', () => {
  const SCHEMA = 'postback.received.v1';
  const lockFile = () => join(copy, 'schemas/schema-ids.lock.json');

  it('are no new version: the last one takes them, under its id', async () => {
    const before = JSON.parse(lockText());
    damage(SCHEMA, (fields) => fields.map((field) => ({ ...field, doc: `In other words: ${field.doc}` })));
    expect(await run('generate')).toEqual({ exitCode: 0, output: '' });
    const { [SCHEMA]: versions, ...others } = JSON.parse(lockText());
    expect(versions.map(({ id }: { id: number }) => id)).toEqual(
      before[SCHEMA].map(({ id }: { id: number }) => id),
    );
    expect(versions.at(-1).schema.fields[0].doc).toMatch(/^In other words: /);
    expect(others).toEqual(Object.fromEntries(Object.entries(before).filter(([name]) => name !== SCHEMA)));
  });

  it.each([
    ['the one before', 1],
    ['an older one', 2],
  ])('are refused as a version of their own, whose fields are those of %s', async (_name, steps) => {
    const lock = JSON.parse(lockText());
    const [first] = lock[SCHEMA];
    const added = { name: 'invoiceNumber', type: ['null', 'string'], doc: 'New.', default: null };
    const grown = { ...first.schema, fields: [...first.schema.fields, added] };
    const reworded = { ...first.schema, doc: 'In other words.' };
    const schemas = steps === 1 ? [first.schema, reworded] : [first.schema, grown, reworded];
    lock[SCHEMA] = schemas.map((schema, index) => ({ version: index + 1, id: 90 + index, schema }));
    writeFileSync(lockFile(), JSON.stringify(lock));

    const { exitCode, output } = await run('schema compatibility');
    expect(exitCode).toBe(1);
    expect(output).toContain(
      `${SCHEMA}: version ${steps + 1} against version 1: nothing but words differs, which makes no version`,
    );
  });
});

it('stale event types fail', async () => {
  const file = join(copy, 'libs/contracts/src/generated/events.ts');
  writeFileSync(file, readFileSync(file, 'utf8').replace('readonly lane: string', 'readonly lane: number'));
  const { exitCode, output } = await run('generated files');
  expect(exitCode).toBe(1);
  expect(output).toMatch(/events\.ts is stale/);
});
