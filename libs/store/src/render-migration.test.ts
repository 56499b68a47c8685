/** The migrations as a replicated cluster runs them, whole, so that a change of the rendering is seen. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { statementsOfMigration } from './render-migration.ts';

const FOLDER = join(import.meta.dirname, '../../../migrations/clickhouse');
const SETTINGS = {
  kafkaBrokers: ['kafka-1:9092', 'kafka-2:9092'],
  schemaRegistryUrl: 'http://registry:8085',
  flushMs: 1_000,
  reportFlushMs: 2_000,
};
const REPLICATED = { ...SETTINGS, cluster: { name: 'main', isReplicated: true } };

const rendered = (sql: string, settings = REPLICATED) => statementsOfMigration(sql, 'tributary', settings);

it.each(readdirSync(FOLDER).filter((name) => name.endsWith('.sql') && !name.startsWith('0002')))(
  '%s on a cluster',
  async (name) => {
    const statements = rendered(readFileSync(join(FOLDER, name), 'utf8'));
    await expect(`${statements.join(';\n\n')};\n`).toMatchFileSnapshot(`__snapshots__/cluster-${name}`);
  },
);

describe('on a cluster', () => {
  it.each([
    ['ORDER BY clickId', 'clickId'],
    ['ORDER BY UUIDToNum(clickId)', 'clickId'],
    ['ORDER BY (conversionId, revision)', 'conversionId'],
  ])('a table with %s is sharded by %s', (orderBy, column) => {
    const [local = '', distributed] = rendered(
      `CREATE TABLE IF NOT EXISTS t\n(\n  a UInt8\n)\nENGINE = {{replacing(v)}}\n${orderBy};\n`,
    );
    expect(local).toContain('CREATE TABLE IF NOT EXISTS t_local');
    expect(local).toContain(
      "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', v)",
    );
    expect(distributed).toBe(
      `CREATE TABLE IF NOT EXISTS t AS t_local\nENGINE = Distributed('main', 'tributary', 't_local', cityHash64(${column}))`,
    );
  });

  it('a column is added to both tables, rows are changed in the local one', () => {
    expect(rendered('ALTER TABLE t ADD COLUMN IF NOT EXISTS a UInt8;\n')).toEqual([
      'ALTER TABLE t_local\nADD COLUMN IF NOT EXISTS a UInt8',
      'ALTER TABLE t ADD COLUMN IF NOT EXISTS a UInt8',
    ]);
    expect(rendered('-- file\n\n-- why\nALTER TABLE t\nUPDATE a = 1 WHERE b;\n')).toEqual([
      '-- file\n\n-- why\nALTER TABLE t_local\nUPDATE a = 1 WHERE b',
    ]);
  });

  it('a table whose rows of a key are equal needs no version', () => {
    const text = 'CREATE TABLE IF NOT EXISTS t\n(\n  a UInt8\n)\nENGINE = {{replacing()}}\nORDER BY a;\n';
    const [local = '', distributed] = rendered(text);
    expect(local).toContain(
      "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')",
    );
    expect(distributed).toContain("Distributed('main', 'tributary', 't_local', cityHash64(a))");
    expect(statementsOfMigration(text, 'tributary', SETTINGS).join()).toContain(
      'ENGINE = ReplacingMergeTree()',
    );
  });

  it('each host fills tables from its own rows', () => {
    const text = 'INSERT INTO t SELECT a FROM {{local(u)}};\n';
    expect(rendered(text)).toEqual(['INSERT INTO t SELECT a FROM u_local']);
    expect(statementsOfMigration(text, 'tributary', SETTINGS)).toEqual(['INSERT INTO t SELECT a FROM u']);
  });

  it('a table that cannot be sharded is refused', () => {
    const text = 'CREATE TABLE IF NOT EXISTS t\n(\n  a UInt8\n)\nENGINE = {{replacing(v)}}\nORDER BY ();\n';
    expect(() => rendered(text)).toThrow('no key');
  });
});

it('leaves a single server’s statements as they are', () => {
  const statement = 'CREATE TABLE IF NOT EXISTS t (a UInt8) ENGINE = {{replacing(v)}} ORDER BY a';
  expect(statementsOfMigration(`${statement};\n`, 'tributary', SETTINGS)).toEqual([
    'CREATE TABLE IF NOT EXISTS t (a UInt8) ENGINE = ReplacingMergeTree(v) ORDER BY a',
  ]);
});
