/** Writes docs/openapi.json from the console's route table and schemas; `--check` only tells whether it is stale. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { openapi } from '../apps/console/src/openapi.ts';

const file = join(import.meta.dirname, '../docs/openapi.json');
const text = `${JSON.stringify(openapi(), null, 2)}\n`;

if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') !== text) {
    console.error('docs/openapi.json is stale: npm run generate');
    process.exitCode = 1;
  }
} else {
  writeFileSync(file, text);
}
