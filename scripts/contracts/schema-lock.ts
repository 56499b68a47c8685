/** The lock file: which id each version of each schema has for ever, and what may follow them. */
import type { AvroDefinition } from '../../libs/contracts/src/avro-schema.ts';
import { describeProblem, fullProblems } from '../../libs/contracts/src/compatibility.ts';
import type { Lock, SchemaFile } from './schema-files.ts';

/**
 * Keeps every id ever given; a changed schema becomes a new version with the next id. Other words (`doc`) are none: a
 * registry may answer that it has that version already, under its first id. So the last version takes them.
 */
export function nextLock(lock: Lock, current: ReadonlyMap<string, SchemaFile>): Lock {
  const result = { ...lock };
  let lastId = Math.max(0, ...Object.values(lock).flatMap((versions) => versions.map(({ id }) => id)));
  for (const [name, { contract }] of current) {
    const versions = result[name] ?? [];
    const last = versions.at(-1);
    if (last !== undefined && isSameButForWords(last.schema, contract)) {
      result[name] = [...versions.slice(0, -1), { ...last, schema: contract }];
      continue;
    }
    lastId += 1;
    result[name] = [...versions, { version: versions.length + 1, id: lastId, schema: contract }];
  }
  return result;
}

/**
 * FULL_TRANSITIVE: every version of a schema, the files included, reads and is read by every other. And none says what
 * another says: a registry such as Apicurio takes it for that one. One line per fault.
 */
export function incompatibilities(lock: Lock, current: ReadonlyMap<string, SchemaFile>): readonly string[] {
  return Object.entries(nextLock(lock, current)).flatMap(([name, versions]) => [
    ...(current.has(name) ? [] : [`${name}: the schema is gone, and its records are not`]),
    ...versions.flatMap(({ version, schema }, index) =>
      versions
        .slice(0, index)
        .flatMap((older) =>
          faultsBetween(older.schema, schema).map(
            (fault) => `${name}: version ${version} against version ${older.version}: ${fault}`,
          ),
        ),
    ),
  ]);
}

function faultsBetween(older: AvroDefinition, newer: AvroDefinition): readonly string[] {
  if (isSameButForWords(older, newer)) return ['nothing but words differs, which makes no version'];
  return fullProblems(older, newer).map(describeProblem);
}

function isSameButForWords(a: AvroDefinition, b: AvroDefinition): boolean {
  return withoutWords(a) === withoutWords(b);
}

function withoutWords(schema: AvroDefinition): string {
  return JSON.stringify(schema, (key, value) => (key === 'doc' ? undefined : value));
}
