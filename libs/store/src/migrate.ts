/** Applies migrations/clickhouse in number order: forward only, checksummed, each statement re-runnable. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClickhouseConnection } from './connection.ts';

/** What the placeholders in the files stand for. */
export interface MigrationSettings {
  /** As ClickHouse reaches them. */
  readonly kafkaBrokers: readonly string[];
  readonly schemaRegistryUrl: string;
  readonly flushMs: number;
}

interface AppliedRow {
  readonly name: string;
  readonly checksum: string;
}

/**
 * Brings the database to the newest version.
 * @returns the names of the files applied now.
 * @throws Error when a file that was applied has been changed since, or a statement fails.
 */
export async function migrate(
  admin: Pick<ClickhouseConnection, 'run'>,
  database: Pick<ClickhouseConnection, 'database' | 'run' | 'rows'>,
  folder: string,
  settings: MigrationSettings,
): Promise<readonly string[]> {
  await admin.run(`CREATE DATABASE IF NOT EXISTS ${database.database} ENGINE = Atomic`);
  await database.run(
    'CREATE TABLE IF NOT EXISTS schema_migrations (name String, checksum String, appliedAt DateTime64(3) DEFAULT now64(3)) ENGINE = MergeTree ORDER BY name',
  );
  const applied = new Map(
    (await database.rows<AppliedRow>('SELECT name, checksum FROM schema_migrations')).map((row) => [
      row.name,
      row.checksum,
    ]),
  );
  const done: string[] = [];
  for (const name of migrationFiles(folder)) {
    const text = readFileSync(join(folder, name), 'utf8');
    const checksum = createHash('sha256').update(text).digest('hex');
    const known = applied.get(name);
    if (known === checksum) continue;
    if (known !== undefined) throw new Error(`migration ${name} was changed after it had been applied`);
    for (const statement of statementsOf(renderMigration(text, database.database, settings)))
      await database.run(statement);
    await database.run(`INSERT INTO schema_migrations (name, checksum) VALUES ('${name}', '${checksum}')`);
    done.push(name);
  }
  return done;
}

/** Files by number; a file that does not start with one is no migration. */
function migrationFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}_.+\.sql$/.test(name))
    .sort();
}

/** Fills the placeholders. @throws Error on a placeholder nobody knows. */
export function renderMigration(text: string, database: string, settings: MigrationSettings): string {
  const values = new Map([
    ['database', database],
    ['kafka_brokers', settings.kafkaBrokers.join(',')],
    ['schema_registry_url', settings.schemaRegistryUrl],
    ['flush_ms', String(settings.flushMs)],
  ]);
  return text
    .replace(/\{\{replacing\((\w+)\)\}\}/g, 'ReplacingMergeTree($1)')
    .replace(/\{\{(.*?)\}\}/g, (_, name: string) => {
      const value = values.get(name);
      if (value === undefined) throw new Error(`migration has an unknown placeholder: ${name}`);
      return value;
    });
}

/** The end of a statement: a semicolon at a line's end that neither a comment nor a text of that line holds. */
const LAST_LINE = /^(?:[^'-]|'[^']*'|-(?!-))*;\s*$/;

/** Statements end with a semicolon at a line's end; lines of comments alone are not statements. */
function statementsOf(text: string): string[] {
  const statements: string[] = [];
  let lines: string[] = [];
  for (const line of text.split('\n')) {
    const isLast = LAST_LINE.test(line);
    lines.push(isLast ? line.replace(/;\s*$/, '') : line);
    if (!isLast) continue;
    statements.push(lines.join('\n'));
    lines = [];
  }
  return [...statements, lines.join('\n')]
    .map((statement) => statement.trim())
    .filter((statement) => statement.replace(/^\s*--.*$/gm, '').trim() !== '');
}
