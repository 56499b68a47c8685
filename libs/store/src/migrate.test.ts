/** Migrations: rendered for this cluster, statement by statement, each file once and never changed after. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate, migrateHosts } from './migrate.ts';
import { renderMigration } from './render-migration.ts';

const SETTINGS = {
  kafkaBrokers: ['a:9092', 'b:9092'],
  schemaRegistryUrl: 'http://127.0.0.1:8085',
  flushMs: 200,
  reportFlushMs: 900,
};

describe('renderMigration', () => {
  it.each([
    ['{{database}}.clicks', 'tributary.clicks'],
    ["'{{kafka_brokers}}'", "'a:9092,b:9092'"],
    ['{{schema_registry_url}} {{flush_ms}} {{report_flush_ms}}', 'http://127.0.0.1:8085 200 900'],
    [
      '{{replacing(version)}} {{replacing(rowVersion)}}',
      'ReplacingMergeTree(version) ReplacingMergeTree(rowVersion)',
    ],
    ['{parameter:String} {database}', '{parameter:String} {database}'],
  ])('%s', (text, rendered) => {
    expect(renderMigration(text, 'tributary', SETTINGS)).toBe(rendered);
  });

  it.each(['{{nobody}}', '{{constructor}}', '{{merging(x)}}'])('refuses %s', (text) => {
    expect(() => renderMigration(text, 'tributary', SETTINGS)).toThrow('placeholder');
  });
});

describe('migrate', () => {
  let folder: string;
  let statements: string[];
  let applied: { name: string; checksum: string }[];

  const admin = {
    run: async (sql: string) => void statements.push(sql),
    exclusively: <T>(_name: string, work: (assertHeld: () => void) => Promise<T>) => work(() => undefined),
  };
  const database = {
    database: 'tributary',
    run: async (sql: string) => {
      const inserted = /VALUES \('(.+)', '(.+)'\)$/.exec(sql);
      if (inserted) applied.push({ name: inserted[1] ?? '', checksum: inserted[2] ?? '' });
      statements.push(sql);
    },
    rows: async <Row>() => applied as Row[],
  };
  const file = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const run = () => migrate(admin, database, folder, SETTINGS);
  const created = () => statements.filter((sql) => !/schema_migrations|CREATE DATABASE/.test(sql));

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'migrate-test-'));
    statements = [];
    applied = [];
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('applies files in number order, once', async () => {
    file('0002_second.sql', 'SELECT 2;\n');
    file('0001_first.sql', 'SELECT 1;\n');
    file('README.md', 'not this');
    file('draft.sql', 'nor this;\n');
    expect(await run()).toEqual(['0001_first.sql', '0002_second.sql']);
    expect(created()).toEqual(['SELECT 1', 'SELECT 2']);
    expect(await run()).toEqual([]);
    expect(created()).toHaveLength(2);
  });

  it('refuses a file that was changed after it had been applied, before it does anything', async () => {
    file('0001_first.sql', 'SELECT 1;\n');
    await run();
    file('0001_first.sql', 'SELECT 2;\n');
    await expect(run()).rejects.toThrow('0001_first.sql was changed');
    expect(created()).toEqual(['SELECT 1']);
  });

  it.each<[string, string, string[]]>([
    ['two statements', 'SELECT 1;\nSELECT 2;\n', ['SELECT 1', 'SELECT 2']],
    ['no newline at the end', 'SELECT 1;\nSELECT 2;', ['SELECT 1', 'SELECT 2']],
    ['no semicolon at the end', 'SELECT 1', ['SELECT 1']],
    ['lines that end in CR LF', 'SELECT 1;\r\nSELECT 2;\r\n', ['SELECT 1', 'SELECT 2']],
    ['blanks after the semicolon', 'SELECT 1;  \n\n\nSELECT 2;\n', ['SELECT 1', 'SELECT 2']],
    ['a semicolon within a line', "SELECT ';' AS a;\nSELECT 2;\n", ["SELECT ';' AS a", 'SELECT 2']],
    ['comments alone', '-- a row is a click;\n-- key: clickId\n', []],
    ['a comment above', '-- a row is a click\nSELECT 1;\n', ['-- a row is a click\nSELECT 1']],
    ['a comment that ends in a semicolon', 'SELECT 1 -- first;\n, 2;\n', ['SELECT 1 -- first;\n, 2']],
    ['a comment above that ends in a semicolon', '-- a row;\nSELECT 1;\n', ['-- a row;\nSELECT 1']],
    ['nothing', '\n', []],
  ])('splits a file with %s', async (_name, text, expected) => {
    file('0001_first.sql', text);
    await run();
    expect(created()).toEqual(expected);
  });

  it('only notes a file that a later one supersedes', async () => {
    file('0001_first.sql', 'SELECT 1;\n');
    file('0002_second.sql', '-- better\n-- supersedes 0001_first.sql\nSELECT 2;\n');
    expect(await run()).toEqual(['0001_first.sql', '0002_second.sql']);
    expect(created()).toEqual(['-- better\n-- supersedes 0001_first.sql\nSELECT 2']);
    expect(await run()).toEqual([]);
  });

  it('starts a queue by the last file that makes it, so that no older queue reads what a topic holds', async () => {
    const intake = (name: string, columns: string) =>
      `CREATE MATERIALIZED VIEW IF NOT EXISTS ${name}_intake TO ${name}_stream AS\nSELECT ${columns} FROM ${name}_queue;\n`;
    const first = `${intake('clicks', 'a')}${intake('receipts', 'a')}SELECT 1;\n`;
    const second = `DROP VIEW IF EXISTS clicks_intake;\n${intake('clicks', 'a, b')}`;
    const statement = (text: string) => text.trim().slice(0, -1);
    const upgraded = [statement(intake('clicks', 'a')), statement(intake('receipts', 'a')), 'SELECT 1'];
    const ofSecond = ['DROP VIEW IF EXISTS clicks_intake', statement(intake('clicks', 'a, b'))];
    file('0001_first.sql', first);
    file('0002_second.sql', second);
    await run();
    expect(created()).toEqual([...upgraded.slice(1), ...ofSecond]);

    statements = [];
    applied = [];
    rmSync(join(folder, '0002_second.sql'));
    await run();
    file('0002_second.sql', second);
    await run();
    expect(created()).toEqual([...upgraded, ...ofSecond]);
  });

  it('applies each file to every host before the next one', async () => {
    file('0001_first.sql', 'SELECT 1;\n');
    file('0002_second.sql', 'SELECT 2;\n');
    const ran: string[] = [];
    const host = (name: string) => ({
      admin,
      database: {
        database: 'tributary',
        run: async (sql: string) => void (sql.startsWith('SELECT') && ran.push(`${name} ${sql}`)),
        rows: async () => [],
      },
    });
    expect(await migrateHosts([host('a'), host('b')], folder, SETTINGS)).toEqual([
      '0001_first.sql',
      '0002_second.sql',
    ]);
    expect(ran).toEqual(['a SELECT 1', 'b SELECT 1', 'a SELECT 2', 'b SELECT 2']);
  });

  it('stops before the next statement when the database is no longer held', async () => {
    file('0001_first.sql', 'SELECT 1;\nSELECT 2;\n');
    let isHeld = true;
    const losing = {
      ...admin,
      exclusively: <T>(_name: string, work: (assertHeld: () => void) => Promise<T>) =>
        work(() => {
          if (!isHeld) throw new Error('lost');
          isHeld = false;
        }),
    };
    await expect(migrate(losing, database, folder, SETTINGS)).rejects.toThrow('lost');
    expect(created()).toEqual(['SELECT 1']);
  });

  it('leaves a file that failed to the next run', async () => {
    file('0001_first.sql', 'SELECT 1;\nSELECT 2;\n');
    const failing = {
      ...database,
      run: async (sql: string) => {
        if (sql === 'SELECT 2') throw new Error('broken');
        await database.run(sql);
      },
    };
    await expect(migrate(admin, failing, folder, SETTINGS)).rejects.toThrow('broken');
    expect(applied).toEqual([]);
    expect(await run()).toEqual(['0001_first.sql']);
  });
});
