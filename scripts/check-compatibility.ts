/** The step `schema compatibility` of `npm run check`: every schema against every locked version of it. `--root DIR` for another checkout. */
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { readLock, readSchemas } from './contracts/schema-files.ts';
import { incompatibilities } from './contracts/schema-lock.ts';

const { values: options } = parseArgs({ options: { root: { type: 'string' } } });
const root = options.root ?? join(import.meta.dirname, '..');
const faults = incompatibilities(readLock(root), readSchemas(root));
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
