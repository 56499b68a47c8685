/** Makes the Python environment of the tests when it is missing: a venv with the pinned clients of tests/python/requirements.txt. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { repository } from './prepare.mjs';

const requirements = join(repository, 'tests/python/requirements.txt');
const folder = join(process.env['TRIBUTARY_HOME'] || join(repository, '.tributary'), 'python');
/** Written last, so a venv that was cut off in the making is made anew. */
const marker = join(folder, '.requirements-digest');
/** A slow line still fetches 120 MB in this time; a source that does not answer must not hold the tests up for ever. */
const INSTALL_BOUND_MS = 600_000;

/** @returns null when the environment is there, or in one line why it cannot be; the tests that need it are then skipped. */
export function preparePython() {
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === digest) return null;
  const found = run('python3', ['-c', 'import venv, ensurepip']);
  if (found !== null) return `${found}. On Debian and Ubuntu: apt-get install python3 python3-venv`;
  console.log('Installing the Python clients for the tests (about 120 MB, once)');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(dirname(folder), { recursive: true });
  const problem =
    run('python3', ['-m', 'venv', folder]) ??
    run(join(folder, 'bin/python'), [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'],
      ...['--requirement', requirements],
    ]);
  if (problem !== null) return problem;
  writeFileSync(marker, digest);
  return null;
}

/** @returns null on success, else the program's last words. */
function run(program, args) {
  const { status, error, stderr } = spawnSync(program, args, {
    cwd: repository,
    encoding: 'utf8',
    timeout: INSTALL_BOUND_MS,
  });
  if (error) return `${program} does not run: ${error.message}`;
  if (status === 0) return null;
  return `${program} failed: ${stderr.trim().split('\n').at(-1)}`;
}
