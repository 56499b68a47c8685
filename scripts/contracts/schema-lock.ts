/** The lock file: which id each version of each schema has for ever, and what may follow them. */
import { describeProblem, fullProblems } from '../../libs/contracts/src/compatibility.ts';
import type { Lock, SchemaFile } from './schema-files.ts';

/** Keeps every id ever given; a changed schema becomes a new version with the next id. */
export function nextLock(lock: Lock, current: ReadonlyMap<string, SchemaFile>): Lock {
  const result = { ...lock };
  let lastId = Math.max(0, ...Object.values(lock).flatMap((versions) => versions.map(({ id }) => id)));
  for (const [name, { contract }] of current) {
    const versions = result[name] ?? [];
    if (JSON.stringify(versions.at(-1)?.schema) === JSON.stringify(contract)) continue;
    lastId += 1;
    result[name] = [...versions, { version: versions.length + 1, id: lastId, schema: contract }];
  }
  return result;
}

/** FULL_TRANSITIVE: every version of a schema, the files included, reads and is read by every other. One line per fault. */
export function incompatibilities(lock: Lock, current: ReadonlyMap<string, SchemaFile>): readonly string[] {
  return Object.entries(nextLock(lock, current)).flatMap(([name, versions]) => [
    ...(current.has(name) ? [] : [`${name}: the schema is gone, and its records are not`]),
    ...versions.flatMap(({ version, schema }, index) =>
      versions
        .slice(0, index)
        .flatMap((older) =>
          fullProblems(older.schema, schema).map(
            (problem) =>
              `${name}: version ${version} against version ${older.version}: ${describeProblem(problem)}`,
          ),
        ),
    ),
  ]);
}
