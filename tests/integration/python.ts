/** Runs Python programs in the environment that scripts/prepare-python.mjs makes. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

const REPOSITORY = join(import.meta.dirname, '../..');
const FOLDER = join(process.env['TRIBUTARY_HOME'] || join(REPOSITORY, '.tributary'), 'python');
const BOUND_MS = 50_000;

/** The interpreter, or null where the environment is not there: `npm test` makes it, or says why it cannot. */
export const PYTHON = existsSync(join(FOLDER, '.requirements-digest')) ? join(FOLDER, 'bin/python') : null;
if (PYTHON === null)
  console.warn(`Tests with Python clients are skipped: no environment in ${FOLDER}; npm test makes it`);

/** What the program printed. @param path from the repository's root. @throws Error with its stderr when it fails. */
export async function runPython(path: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(PYTHON ?? 'python3', [join(REPOSITORY, path), ...args], {
    timeout: BOUND_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}
