/** Reads schemas/*.avsc and the lock file of their ids, and says what of a schema is contract and what documentation. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AvroDefinition } from '../../libs/contracts/src/avro-schema.ts';

/** A schema file: what is locked, and beside it what may change without a new version. */
export interface SchemaFile {
  /** The service that writes it. */
  readonly owner: string;
  /** One event as JSON: money as a decimal text, bytes as base64. */
  readonly example: unknown;
  readonly contract: AvroDefinition;
}

export interface LockedVersion {
  readonly version: number;
  readonly id: number;
  readonly schema: AvroDefinition;
}
/** By schema name, oldest version first. */
export type Lock = Readonly<Record<string, readonly LockedVersion[]>>;

export function schemasFolder(root: string): string {
  return join(root, 'schemas');
}

export function lockFile(root: string): string {
  return join(schemasFolder(root), 'schema-ids.lock.json');
}

/** By name, which is the file's without its ending, in alphabetical order. */
export function readSchemas(root: string): ReadonlyMap<string, SchemaFile> {
  const files = readdirSync(schemasFolder(root))
    .filter((file) => file.endsWith('.avsc'))
    .sort();
  return new Map(
    files.map((file) => [
      file.replace(/\.avsc$/, ''),
      schemaFileOf(JSON.parse(readFileSync(join(schemasFolder(root), file), 'utf8'))),
    ]),
  );
}

export function readLock(root: string): Lock {
  return JSON.parse(readFileSync(lockFile(root), { encoding: 'utf8', flag: 'a+' }) || '{}');
}

/** `owner` and `example` are documentation: a better example is no new version of the schema. */
function schemaFileOf({ owner, example, ...contract }: SchemaFile & AvroDefinition): SchemaFile {
  return { owner, example, contract: contract as unknown as AvroDefinition };
}
