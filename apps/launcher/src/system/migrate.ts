/** Topics and tables by the same command an operator runs: `npm run migrate`. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { REPOSITORY } from './home.ts';

/** What the command prints where it had nothing to do. */
const NOTHING_DONE = /: none$/;

/** @throws Error with the command's own words when it fails. */
export async function runMigrate(
  environment: Readonly<Record<string, string>>,
  onProgress: (message: string) => void,
): Promise<void> {
  const { exitCode, output, faults } = await run(environment);
  if (exitCode !== 0) throw new Error(`npm run migrate failed: ${faults.trim() || output.trim()}`);
  for (const line of output.trim().split('\n')) if (!NOTHING_DONE.test(line)) onProgress(line);
}

function run(
  environment: Readonly<Record<string, string>>,
): Promise<{ exitCode: number | null; output: string; faults: string }> {
  const program = join(REPOSITORY, 'apps/cli/dist/main.js');
  const child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', program, 'migrate'], {
    env: { ...process.env, ...environment, LOG_LEVEL: 'silent' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let faults = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    faults += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, output, faults }));
  });
}
