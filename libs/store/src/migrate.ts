/** Applies migrations/clickhouse in number order to every host: forward only, checksummed, each statement re-runnable. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClickhouseConnection } from './connection.ts';
import { type MigrationSettings, statementsOfMigration } from './render-migration.ts';

/** A server to be migrated: a cluster has several, and each file is applied to all of them before the next. */
export interface MigrationHost {
  /** Connected to a database that exists. */
  readonly admin: Pick<ClickhouseConnection, 'run' | 'exclusively'>;
  readonly database: Pick<ClickhouseConnection, 'database' | 'run' | 'rows'>;
}

interface AppliedRow {
  readonly name: string;
  readonly checksum: string;
}

interface MigrationFile extends AppliedRow {
  readonly text: string;
  /** A later file undoes all of this one: where it has not run yet, it is only noted. */
  readonly isSuperseded: boolean;
}

/**
 * Brings the database to the newest version.
 * @returns the names of the files applied now.
 * @throws Error when a file that was applied has been changed since, or a statement fails.
 */
export function migrate(
  admin: MigrationHost['admin'],
  database: MigrationHost['database'],
  folder: string,
  settings: MigrationSettings,
): Promise<readonly string[]> {
  return migrateHosts([{ admin, database }], folder, settings);
}

/**
 * Brings every host of a cluster to the newest version, one runner at a time: a second one waits.
 * @returns the names of the files applied to any host now.
 * @throws Error when a file that was applied has been changed since, or a statement fails.
 */
export async function migrateHosts(
  hosts: readonly MigrationHost[],
  folder: string,
  settings: MigrationSettings,
): Promise<readonly string[]> {
  const [first] = hosts;
  if (first === undefined) return [];
  const files = readMigrations(folder);
  const done: string[] = [];
  // Of two runners on one database, one would drop what the other has just attached.
  await first.admin.exclusively(schemaLockOf(first.database.database), async (assertHeld) => {
    const applied = new Map<MigrationHost, ReadonlyMap<string, string>>();
    for (const host of hosts) applied.set(host, await appliedTo(host));
    for (const [number, file] of files.entries()) {
      for (const host of hosts) {
        const known = applied.get(host);
        const checksum = known?.get(file.name);
        if (checksum === file.checksum) continue;
        if (checksum !== undefined)
          throw new Error(`migration ${file.name} was changed after it had been applied`);
        const toCome = files.slice(number + 1).filter(({ name }) => known?.has(name) !== true);
        const statements = statementsToRun(file, toCome, host.database.database, settings);
        await apply(host, file, statements, assertHeld);
        if (done.at(-1) !== file.name) done.push(file.name);
      }
    }
  });
  return done;
}

/** Held by whoever changes tables or feeds of a database; a name for {@link ClickhouseConnection.exclusively}. */
export function schemaLockOf(database: string): string {
  return `tributary.migrate.${database}`;
}

async function appliedTo({ admin, database }: MigrationHost): Promise<ReadonlyMap<string, string>> {
  await admin.run(`CREATE DATABASE IF NOT EXISTS ${database.database} ENGINE = Atomic`);
  await database.run(
    'CREATE TABLE IF NOT EXISTS schema_migrations (name String, checksum String, appliedAt DateTime64(3) DEFAULT now64(3)) ENGINE = MergeTree ORDER BY name',
  );
  const rows = await database.rows<AppliedRow>('SELECT name, checksum FROM schema_migrations');
  return new Map(rows.map(({ name, checksum }) => [name, checksum]));
}

const INTAKE = /^CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+_intake) /gm;

/** The views of a text that start queues. */
function intakesIn(text: string): readonly string[] {
  return Array.from(text.matchAll(INTAKE), ([, name = '']) => name);
}

/**
 * What is to be run of a file: without the intake of a queue that a file still to come makes anew, else the older queue
 * would read a topic that holds records already, and commit them without the columns that only the newer one has.
 */
function statementsToRun(
  { text, isSuperseded }: MigrationFile,
  toCome: readonly MigrationFile[],
  database: string,
  settings: MigrationSettings,
): readonly string[] {
  if (isSuperseded) return [];
  const later = new Set(toCome.flatMap((file) => intakesIn(file.text)));
  const statements = statementsOfMigration(text, database, settings);
  return statements.filter((statement) => !intakesIn(statement).some((name) => later.has(name)));
}

async function apply(
  { database }: MigrationHost,
  { name, checksum }: MigrationFile,
  statements: readonly string[],
  assertHeld: () => void,
): Promise<void> {
  for (const statement of statements) {
    assertHeld();
    await database.run(statement);
  }
  await database.run(`INSERT INTO schema_migrations (name, checksum) VALUES ('${name}', '${checksum}')`);
}

/** Files by number; a file that does not start with one is no migration. */
function readMigrations(folder: string): readonly MigrationFile[] {
  const files = readdirSync(folder)
    .filter((name) => /^\d{4}_.+\.sql$/.test(name))
    .sort()
    .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
  const superseded = new Set(
    files.flatMap(({ text }) => [...text.matchAll(/^-- supersedes (\S+)$/gm)].map(([, name]) => name)),
  );
  return files.map(({ name, text }) => ({
    name,
    text,
    checksum: createHash('sha256').update(text).digest('hex'),
    isSuperseded: superseded.has(name),
  }));
}
