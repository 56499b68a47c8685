/**
 * Writes what follows from schemas/*.avsc and topics.ts: the lock file of schema ids, the event types, the AsyncAPI
 * document. `--check` only tells which are stale; `--root DIR` works on another checkout. Locks no incompatible change.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { asyncapiSource } from './contracts/asyncapi.ts';
import { eventTypesSource } from './contracts/event-types.ts';
import { lockFile, readLock, readSchemas } from './contracts/schema-files.ts';
import { incompatibilities, nextLock } from './contracts/schema-lock.ts';

const { values: options } = parseArgs({
  options: { check: { type: 'boolean', default: false }, root: { type: 'string' } },
});
const root = options.root ?? join(import.meta.dirname, '..');

const current = readSchemas(root);
const locked = readLock(root);
const faults = incompatibilities(locked, current);
if (faults.length > 0 && !options.check) {
  for (const fault of faults) console.error(fault);
  console.error('nothing is locked: such a change needs a topic and a schema of a new version');
  process.exitCode = 1;
} else {
  const lock = nextLock(locked, current);
  const outputs: readonly (readonly [string, string])[] = [
    [lockFile(root), `${JSON.stringify(lock, null, 2)}\n`],
    [join(root, 'libs/contracts/src/generated/events.ts'), eventTypesSource(lock, current)],
    [join(root, 'docs/asyncapi.yaml'), asyncapiSource(lock, current)],
  ];
  const stale = outputs.filter(
    ([file, text]) => readFileSync(file, { encoding: 'utf8', flag: 'a+' }) !== text,
  );
  for (const [file, text] of stale) {
    if (options.check) console.error(`${file} is stale: run npm run generate`);
    else writeFileSync(file, text);
  }
  if (options.check && stale.length > 0) process.exitCode = 1;
}
